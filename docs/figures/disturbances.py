"""Draws docs/figures/bad_contacts.png and interference.png. `python docs/figures/disturbances.py` writes them again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from spikesieve import Settings, read_probe, recording_from_array
from spikesieve.api.sort import open_run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.kernels import CpuBackend
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.simulation import SimulationParams, simulate_array

HERE = Path(__file__).parent
HZ = 30_000.0
PROBE = "linear:16:25"
POPPING, COPY, OF, HALF_DEAD = 5, 9, 3, 12
BEFORE, AFTER, LINE = "#666666", "#2f6db3", "#c0392b"


def simulated_uv(seconds: float = 10.0) -> np.ndarray:
    """A linear probe of 16 contacts and 10 units: (n_samples, 16) in uV."""
    params = SimulationParams(n_units=10, seconds=seconds, seed=1)
    return simulate_array(read_probe(PROBE), params)[0] * params.gain_uv


def before_and_after(uv: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """A second of high-passed traces before and after what is learned is applied, in uV, and the notes."""
    recording = recording_from_array(np.rint(uv / 0.5).astype(np.int16), HZ, 0.5)
    params = Settings().with_overrides([f"preprocess.bad_contacts={how}", "preprocess.reference=none"]).preprocess
    source = Source.of(recording, read_probe(PROBE), params, 30_000)
    with TemporaryDirectory() as steps, open_run(1, Store.open(Path(steps))) as run:
        fitted = fit_preprocessing(run, source, params)
    block, backend = source.blocks[4], CpuBackend()
    after = source.with_preprocessing(fitted).clean(block, 0, backend).uv
    return source.clean(block, 0, backend).uv, after, fitted.notes


def draw_traces(axes: Axes, traces_uv: np.ndarray, title: str, bad: tuple[int, ...]) -> None:
    """Traces of 16 contacts over 0.4 s, one above the other."""
    t = np.arange(12_000) / HZ
    for contact, trace in enumerate(traces_uv[:, :12_000]):
        axes.plot(t, np.clip(trace, -900, 900) + 400 * contact, lw=0.4, color=LINE if contact in bad else AFTER)
    axes.set(title=title, xlabel="time (s)", yticks=400 * np.arange(16), yticklabels=range(16), xlim=(0, 0.4))


def bad_contacts() -> None:
    """A popping contact, a copied one and one that is dead for half of the time, before and after interpolation."""
    uv, rng = simulated_uv(), np.random.default_rng(0)
    at = np.sort(rng.integers(0, len(uv), 200))
    uv[:, POPPING] += 3000 * (np.searchsorted(at, np.arange(len(uv))) % 2)
    uv[:, COPY] = uv[:, OF]
    uv[: len(uv) // 2, HALF_DEAD] = 0
    before, after, notes = before_and_after(uv, "interpolate")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), sharey=True, layout="constrained")
    bad = (POPPING, COPY, HALF_DEAD)
    draw_traces(left, before, "before: contacts 5, 9 and 12 are bad", bad)
    draw_traces(right, after, "after: filled from their neighbours", bad)
    left.set_ylabel("contact")
    figure.supxlabel("\n".join(notes), fontsize=8)
    figure.savefig(HERE / "bad_contacts.png", dpi=90)


def interference() -> None:
    """A clock of 1 kHz with harmonics, in the spectrum and in the traces."""
    uv = simulated_uv()
    t = np.arange(len(uv)) / HZ
    uv += sum(60 / k * np.sin(2 * np.pi * 1000 * k * t + k) for k in range(1, 8))[:, None]
    before, after, notes = before_and_after(uv, "keep")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for traces_uv, colour, name in ((before, BEFORE, "before"), (after, AFTER, "after")):
        power = np.abs(np.fft.rfft(traces_uv[5] * np.hanning(traces_uv.shape[1]))) ** 2
        left.semilogy(np.fft.rfftfreq(traces_uv.shape[1], 1 / HZ), power, lw=0.5, color=colour, label=name)
        right.plot(np.arange(900) / HZ * 1e3, traces_uv[5, :900], lw=0.8, color=colour, label=name)
    left.set(xlabel="frequency (Hz)", ylabel="power (arbitrary unit)", xlim=(0, 10_000), ylim=(1e2, None))
    right.set(xlabel="time (ms)", ylabel="contact 5 (µV)")
    left.legend(frameon=False)
    figure.supxlabel("\n".join(notes), fontsize=7, wrap=True)
    figure.savefig(HERE / "interference.png", dpi=90)


if __name__ == "__main__":
    bad_contacts()
    interference()
