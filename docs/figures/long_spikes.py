"""Draws docs/figures/long_spikes.png: neurons with long spikes, sorted with a window of 2 ms and with one that follows.

python docs/figures/long_spikes.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import spikesieve

HZ, SECONDS, N_CONTACTS = 30_000.0, 60, 8
LAGS_MS = np.arange(-2.0, 4.0, 1e3 / HZ)
COLOURS = ("#1f6f8b", "#c8553d")


def spike(ms: float) -> np.ndarray:
    """A spike with a trough, a slow hump and a slower decay, `ms` long from the trough to the top of the hump."""
    t = LAGS_MS / ms
    return (
        0.15 * np.exp(-(((t + 0.8) / 0.35) ** 2)) - np.exp(-((t / 0.28) ** 2)) + 0.45 * np.exp(-(((t - 1) / 0.5) ** 2))
    )


def recording() -> tuple[np.ndarray, list[np.ndarray]]:
    """Three neurons with long spikes and one with short ones, in noise of 10 uV; raw traces and spike times."""
    rng = np.random.default_rng(0)
    traces = rng.standard_normal((round(SECONDS * HZ), N_CONTACTS)) * 10
    trains = []
    for contact, ms, uv in ((1, 1.2, 500), (3, 1.1, 350), (5, 1.0, 700), (7, 0.4, 250)):
        gaps = 0.004 + rng.exponential(0.12, SECONDS * 10)
        times = np.cumsum(gaps)
        sample = np.round(times[times < SECONDS - 0.1] * HZ).astype(int)
        spread = np.exp(-((np.arange(N_CONTACTS) - contact) ** 2) / 1.5)
        footprint = uv * spike(ms)[:, None] * spread
        first = int(np.abs(LAGS_MS).argmin())
        for t in sample[sample > 100]:
            traces[t - first : t - first + len(LAGS_MS)] += footprint * rng.normal(1, 0.06)
        trains.append(sample)
    return np.round(traces / 0.5).astype(np.int16), trains


def lags_to_nearest(train: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Lag in ms from each spike to the nearest one of another train."""
    i = np.clip(np.searchsorted(other, train), 1, len(other) - 1)
    lags = np.stack([train - other[i - 1], train - other[i]])
    return np.take_along_axis(lags, np.abs(lags).argmin(axis=0)[None], axis=0)[0] * 1e3 / HZ


def draw_waveform(axis: plt.Axes, uv: np.ndarray, peak_index: int) -> None:
    """The mean waveform of the largest unit, and both windows."""
    k, _, contact = np.unravel_index(np.abs(uv).argmax(), uv.shape)
    ms = (np.arange(uv.shape[1]) - peak_index) * 1e3 / HZ
    axis.axvspan(ms[0], ms[-1], color="#e3eefb")
    axis.axvspan(-20e3 / HZ, 40e3 / HZ, color="#b9d3f0")
    axis.plot(ms, uv[k, :, contact], color="black")
    axis.set(title="largest unit", xlabel="ms", ylabel="µV")
    axis.text(0.0, 0.98, "2 ms", transform=axis.get_xaxis_transform(), va="top", fontsize=8)
    axis.text(ms[-1], 0.02, "window that follows", transform=axis.get_xaxis_transform(), ha="right", fontsize=8)


def draw_units(axis: plt.Axes, result: spikesieve.Sorting, trains: list[np.ndarray], title: str) -> None:
    """The lags of each unit's spikes from those of the neuron whose lag is most constant."""
    for row, k in enumerate(result.unit_ids):
        lags = [lags_to_nearest(result.spike_train(k), t) for t in trains]
        near = max(lags, key=lambda x: np.count_nonzero(np.abs(x - np.median(x)) < 0.2))
        late = abs(float(np.median(near))) > 0.3
        height = row + np.random.default_rng(row).uniform(-0.3, 0.3, len(near))
        axis.plot(near, height, ".", color=COLOURS[late], ms=1.5)
    axis.set(title=f"{title}: {len(result.unit_ids)} units", xlabel="ms after a spike of the neuron", xlim=(-3, 3))
    axis.set(ylabel="unit", yticks=range(len(result.unit_ids)))


def main() -> None:
    """Sort twice and draw."""
    raw, trains = recording()
    source = spikesieve.recording_from_array(raw, HZ, 0.5)
    probe = spikesieve.read_probe(f"linear:{N_CONTACTS}:25")
    before = spikesieve.sort(source, probe, {"shapes.waveform_samples": 61, "curate.max_coincident_share": 1.0})
    after = spikesieve.sort(source, probe)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    draw_waveform(axes[0], after.templates.uv, after.templates.peak_index)
    draw_units(axes[1], before, trains, "2 ms")
    draw_units(axes[2], after, trains, "window that follows")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
