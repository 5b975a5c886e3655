"""Draws docs/figures/front.png: traces with the spikes of each unit, and the units at their places.

`python docs/figures/front.py` simulates and sorts the recording, and writes the picture again.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import spikesieve
from spikesieve.engine.source import Source
from spikesieve.kernels import CpuBackend
from spikesieve.simulation import SimulationParams, simulate_array

MADE = SimulationParams(n_units=14, seconds=30.0, seed=11, rate_hz=14.0, amplitude_uv=170.0)
COLOURS = plt.get_cmap("tab20").colors
N_MS, ROW_UV = 40, 220.0


def draw_traces(axis: Axes, uv: np.ndarray, start: int, sorting: spikesieve.Sorting) -> None:
    """Eight contacts in grey, and 1.6 ms around each spike in the colour of its unit, on contacts near the unit."""
    n = N_MS * 30
    for contact, trace in enumerate(uv):
        axis.plot(np.arange(n) / 30, trace / ROW_UV + contact, color="#b8b8b8", lw=0.6)
    inside = (sorting.spikes.sample > start + 30) & (sorting.spikes.sample < start + n - 40)
    dense = sorting.templates.dense_uv(sorting.probe.n_contacts)
    for sample, unit in zip(sorting.spikes.sample[inside], sorting.spikes.unit[inside], strict=True):
        at = np.arange(sample - start - 16, sample - start + 32)
        for contact in np.flatnonzero(np.ptp(dense[unit], axis=0) > 45):
            if contact < len(uv):
                axis.plot(at / 30, uv[contact, at] / ROW_UV + contact, color=COLOURS[unit % 20], lw=1.4)
    axis.set(xlabel="ms", yticks=range(len(uv)), ylabel="contact", xlim=(0, N_MS))
    axis.set_title("traces, with the spikes of each unit", fontsize=11)


def draw_units(axis: Axes, sorting: spikesieve.Sorting) -> None:
    """The mean waveform of each unit at the places of its contacts."""
    places_um = sorting.probe.positions_um
    axis.plot(*places_um.T, "s", ms=4, color="#d5d5d5")
    for row, (waveforms, contacts) in enumerate(zip(sorting.templates.uv, sorting.templates.contacts, strict=True)):
        for waveform, contact in zip(waveforms.T, contacts, strict=True):
            if contact >= 0 and np.ptp(waveform) > 40:
                x, y = places_um[contact]
                axis.plot(
                    x + (np.arange(len(waveform)) / len(waveform) - 0.35) * 26,
                    y + waveform / 9,
                    color=COLOURS[row % 20],
                    lw=1,
                )
    axis.set(xlabel="µm", ylabel="µm")
    axis.set_title(f"{len(sorting.units)} units at their places", fontsize=11)


def main() -> None:
    """Simulate, sort and draw."""
    probe = spikesieve.read_probe("neuropixels1:32")
    raw, _ = simulate_array(probe, MADE)
    recording = spikesieve.recording_from_array(raw, MADE.sampling_hz, MADE.gain_uv)
    sorting = spikesieve.sort(recording, probe)
    source = Source.of(recording, probe, spikesieve.Settings().preprocess, 60_000)
    block = source.blocks[4]
    uv = source.clean(block, 0, CpuBackend()).uv[:10, : N_MS * 30]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), width_ratios=(2.2, 1), layout="constrained")
    draw_traces(left, uv, block.start, sorting)
    draw_units(right, sorting)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
