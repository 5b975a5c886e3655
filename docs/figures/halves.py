"""Draws which unit has the spikes of each true neuron over time, before a change of the program and after it.

    python docs/figures/halves.py TRUTH.npz BEFORE AFTER OUT.png

TRUTH.npz is that of a simulated recording; BEFORE and AFTER are result folders.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from spikesieve.comparison.agreement import agreement
from spikesieve.model import F64, I64
from spikesieve.model.external import SpikeTrains

BIN_S, HZ, MATCH_MS = 5.0, 30_000.0, 0.4
# Less than half of the spikes in no unit, the unit that has most spikes of the neuron, and any other unit.
COLOURS = ListedColormap(["#e6e6e6", "#2f6db3", "#e08a1e"])


def trains(sample: I64, unit: I64) -> SpikeTrains:
    """Spike trains in order of time."""
    order = np.argsort(sample, kind="stable")
    return SpikeTrains.from_spikes(sample[order].astype(np.int64), unit[order].astype(np.int64))


def colours_of(truth: SpikeTrains, found: SpikeTrains) -> I64:
    """Colour of each true neuron in each bin: (n_neurons, n_bins)."""
    n_bins = int(truth.sample.max() / HZ // BIN_S) + 1
    counts = np.zeros((n_bins, len(truth.units), len(found.units)))
    n_true = np.zeros((n_bins, len(truth.units)))
    for i in range(n_bins):
        parts = []
        for all_spikes in (truth, found):
            inside = (all_spikes.sample // (BIN_S * HZ)).astype(np.int64) == i
            parts.append(SpikeTrains(all_spikes.sample[inside], all_spikes.unit[inside], all_spikes.units))
        counts[i], n_true[i] = agreement(*parts, HZ, MATCH_MS).counts(), parts[0].n_spikes
    main = counts.sum(axis=0).argmax(axis=1)
    best = counts.argmax(axis=2)
    share: F64 = counts.max(axis=2) / np.maximum(n_true, 1)
    colour = np.where(share < 0.5, 0, np.where(best == main, 1, 2)).T
    return np.where(n_true.T == 0, 0, colour)


def main(truth_file: str, before: str, after: str, out: str) -> None:
    """Draw."""
    z = np.load(truth_file)
    depth = np.argsort(z["position_um"][:, 1])
    truth = trains(z["sample"], z["unit"])
    figure, axes = plt.subplots(1, 2, figsize=(9, 5), sharey=True, layout="constrained")
    for axis, folder, title in zip(axes, (before, after), ("before", "after"), strict=True):
        spikes = (np.load(Path(folder) / f"{name}.npy").ravel() for name in ("spike_times", "spike_clusters"))
        colour = colours_of(truth, trains(*spikes))
        axis.imshow(colour[depth], aspect="auto", cmap=COLOURS, vmin=0, vmax=2, interpolation="nearest",
                    origin="lower", extent=(0, colour.shape[1] * BIN_S, 0, len(colour)))  # fmt: skip
        axis.set(xlabel="time (s)", title=title)
    axes[0].set_ylabel("true neuron, by depth")
    names = "found by its unit", "found by another unit", "half or more not found"
    patches = [plt.Rectangle((0, 0), 1, 1, color=COLOURS(i)) for i in (1, 2, 0)]
    figure.legend(patches, names, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
