"""Draws silence.png, rail.png, spike_time.png and threshold.png: `python docs/figures/corrections.py`.

Each shows in blue what is done, and in red what a simpler rule would do to the same simulated recording.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np

from spikesieve import Settings, read_probe, recording_from_array
from spikesieve.api.sort import open_run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.kernels import CpuBackend
from spikesieve.passes.detection import detect_spikes, with_detection_threshold
from spikesieve.passes.preprocessing import fit_preprocessing, with_unit_score_noise
from spikesieve.passes.shapes import learn_shapes
from spikesieve.simulation import SimulationParams, Truth, simulate_array
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.spike_time import shifts_to_spike_time

HERE = Path(__file__).parent
HZ, PROBE, BLOCK_SAMPLES = 30_000.0, "linear:16:25", 30_000
SIMPLE, OURS, SHADE = "#c0392b", "#2f6db3", "#f2c9c4"
MAD_TO_SD = 1.4826
OLD_THRESHOLD = 9.0
SMALL_IN_WHITE_NOISE = {
    "seconds": 30.0,
    "n_units": 20,
    "background_per_unit": 0,
    "min_amplitude_uv": 20,
    "amplitude_uv": 15,
    "amplitude_law": "exponential",
    "noise_colour": "white",
    "sensor_share": 0.1,
    "shared_share": 0.8,
    "correlation_um": 80,
}


def simulated(**changes: float | str) -> tuple[np.ndarray, Truth, float]:
    """A linear probe of 16 contacts and 10 units: int16 samples, the truth and uV for each step of the converter."""
    params = SimulationParams(**{"n_units": 10, "seconds": 10.0, "seed": 1} | changes)
    raw, truth = simulate_array(read_probe(PROBE), params)
    return raw, truth, params.gain_uv


def cleaned(raw: np.ndarray, gain_uv: float, block: int) -> Clean:
    """A second of high-passed traces, and which samples of it are blanked."""
    params = Settings().with_overrides(["preprocess.reference=none"]).preprocess
    source = Source.of(recording_from_array(raw, HZ, gain_uv), read_probe(PROBE), params, BLOCK_SAMPLES)
    with TemporaryDirectory() as steps, open_run(1, Store.open(Path(steps))) as run:
        fitted = fit_preprocessing(run, source, params)
    return source.with_preprocessing(fitted).clean(source.blocks[block], 0, CpuBackend())


def silence() -> None:
    """More than half of each second is zeros: nine noise SD where they count, and where they do not."""
    raw, _, gain_uv = simulated()
    raw[np.arange(len(raw)) % round(HZ) < 0.55 * HZ] = 0
    clean = cleaned(raw, gain_uv, 4)
    uv, contact = clean.uv[:, : round(HZ)], 8
    used = ~np.asarray(clean.blanked)[contact, : round(HZ)]
    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.plot(np.arange(uv.shape[1]) / HZ, uv[contact], lw=0.4, color="#444444")
    rules = ((np.ones_like(used), SIMPLE, "with the zeros"), (used, OURS, "without them"))
    for which, colour, name in rules:
        limit = OLD_THRESHOLD * MAD_TO_SD * np.median(np.abs(uv[contact][which]))
        axes.axhline(-limit, color=colour, lw=1.2, label=f"{name}: 9 noise SD = {limit:.0f} µV")
    axes.set(xlabel="time (s)", ylabel=f"contact {contact} (µV)", xlim=(0, 1))
    axes.legend(frameon=False, loc="upper left")
    figure.savefig(HERE / "silence.png", dpi=90)
    plt.close(figure)


def rail() -> None:
    """Spikes that reach the converter's limit, and what is cut out for them."""
    raw, _, gain_uv = simulated()
    limit = round(0.5 * np.abs(raw.astype(np.int64)).max())
    raw = np.round(np.clip(raw, -limit, limit) * (32767 / limit)).astype(np.int16)
    clean = cleaned(raw, gain_uv * limit / 32767, 4)
    full = np.abs(raw[4 * BLOCK_SAMPLES :][: clean.uv.shape[1]].astype(np.int64)) >= 32767
    at = int(np.flatnonzero(full.any(axis=1))[0])
    start, stop = max(at - 300, 0), max(at - 300, 0) + 900
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
    ms = np.arange(stop - start) / HZ * 1e3
    for side, title in zip(axes, ("if any sample at the limit counts", "here: clipped spikes are kept"), strict=True):
        for contact, trace in enumerate(clean.uv[:, start:stop]):
            side.plot(ms, trace + 300 * contact, lw=0.6, color=OURS)
        side.set(title=title, xlabel="time (ms)", yticks=300 * np.arange(16), yticklabels=range(16), xlim=(0, ms[-1]))
    for k in np.flatnonzero(full[start:stop].any(axis=1)):
        axes[0].axvspan(ms[k] - 2, ms[k] + 2, color=SHADE, lw=0)
    if clean.blanked is not None and clean.blanked[:, start:stop].any():
        raise ValueError("a clipped spike was cut out")
    axes[0].set_ylabel("contact")
    figure.savefig(HERE / "rail.png", dpi=90)
    plt.close(figure)


def spike_time() -> None:
    """A neuron whose spike runs along the probe: its largest deflection is later than the soma's trough."""
    ms = np.arange(-45, 61) / HZ * 1e3
    contacts = np.arange(6)
    size = np.array([-78.0, -82, -90, -98, -100, -70])
    late_ms = 0.1 * contacts
    waveform = size * np.exp(-(((ms[:, None] - late_ms) / 0.13) ** 2))
    waveform -= 0.35 * size * np.exp(-(((ms[:, None] - late_ms - 0.45) / 0.3) ** 2))
    largest = np.unravel_index(np.abs(waveform).argmax(), waveform.shape)[0]
    soma = 45 + shifts_to_spike_time(waveform[None], 45, 30)[0]
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.plot(ms, waveform + 70 * contacts, color="#444444", lw=1)
    axes.axvline(ms[largest], color=SIMPLE, label=f"the largest deflection, {ms[largest]:.2f} ms late")
    axes.axvline(ms[soma], color=OURS, label="the trough of the soma")
    axes.set(xlabel="time (ms)", ylabel="contact", yticks=70 * contacts, yticklabels=contacts, xlim=(-1, 1.7))
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(HERE / "spike_time.png", dpi=90)
    plt.close(figure)


def threshold() -> None:
    """Scores of all detections down to a low threshold, of true spikes and of noise, and the two thresholds."""
    raw, truth, gain_uv = simulated(**SMALL_IN_WHITE_NOISE)
    settings = Settings()
    recording, probe = recording_from_array(raw, HZ, gain_uv), read_probe(PROBE)
    source = Source.of(recording, probe, settings.preprocess, BLOCK_SAMPLES)
    with TemporaryDirectory() as steps, open_run(1, Store.open(Path(steps))) as run:
        source = source.with_preprocessing(fit_preprocessing(run, source, settings.preprocess))
        shapes = learn_shapes(run, source, settings.shapes, True)
        source = source.with_preprocessing(with_unit_score_noise(run, source, shapes))
        fitted = with_detection_threshold(run, source, shapes, settings.detect, settings.fit)
        low = settings.detect.model_copy(update={"threshold": 4.5})
        spikes = detect_spikes(run, source, shapes, low, settings.features)
        score, sample = np.array(spikes.score), np.array(spikes.sample)
    old = OLD_THRESHOLD * settings.fit.detection_threshold_ratio / fitted.score_noise_sd
    near = np.searchsorted(truth.sample, sample - 12) < np.searchsorted(truth.sample, sample + 12, side="right")
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    bins = np.geomspace(4.5, score.max(), 70)
    axes.hist(
        [score[~near], score[near]], bins, stacked=True, color=["#999999", "#f0b429"], label=["noise", "true spikes"]
    )
    axes.axvline(old, color=SIMPLE, label=f"9 SD of traces = {old:.1f} SD of scores")
    ours = fitted.detection_threshold_sd
    axes.axvline(ours, color=OURS, label=f"{ours:.1f} SD: noise exceeds it 0.01 times per second and contact")
    axes.set(xscale="log", xlabel="score of detections (noise SD)", ylabel="detections", xticks=[5, 7, 10, 20, 40])
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "threshold.png", dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    silence()
    rail()
    spike_time()
    threshold()
