"""Kilosort4's estimate of drift: each batch is aligned with a template (Pachitariu et al., Nature Methods 2024).

From the description of its datashift step; what differs is in docs/motion.md.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from spikesieve.model import F64, I64
from spikesieve.stages.motion.raster import BinnedSpikes, Windows, make_axes

N_AMPLITUDES = 20
ROUNDS = 10
# The template starts as this batch, or as the middle one of a short recording.
TEMPLATE_BATCH = 300
# Shifts of a block against the whole that are looked for, in bins of depth, and how finely.
BLOCK_REACH, FINER = 5, 10
# SD, in bins, over (shift, batch, block): Kilosort4's drift_smoothing.
SMOOTHING = 0.5


def align(spikes: BinnedSpikes, n_bins: int, windows: Windows, bin_um: float, max_shift_um: float) -> F64:
    """(n_bins, n_windows) float64 um: how far each batch lies above the template, in each block.

    windows   their centres are those of the blocks
    """
    if len(spikes) == 0:
        return np.zeros((n_bins, len(windows)))
    ends_um = float(spikes.depth_um.min()), float(spikes.depth_um.max()) + bin_um
    axes = make_axes(spikes, ends_um, bin_um)
    low, high = axes.log_amplitude
    level = np.clip((spikes.log_amplitude - low) / (high - low) * N_AMPLITUDES, 0, N_AMPLITUDES - 1).astype(np.int64)
    depth = np.clip((spikes.depth_um - axes.first_um) / bin_um, 0, axes.n_depths - 1).astype(np.int64)
    counts = np.zeros((n_bins, axes.n_depths, N_AMPLITUDES))
    np.add.at(counts, (spikes.bin, depth, level), 1.0)
    batches = np.log2(1.0 + counts)
    batches -= batches.mean(axis=1, keepdims=True)
    whole, batches, template = _aligned(batches, max(1, round(max_shift_um / bin_um)))
    scores = np.stack([_scores(batches[:, rows], template[rows]) for rows in _blocks(axes.n_depths, windows)], axis=2)
    fine = _peak(gaussian_filter(scores, SMOOTHING, mode="nearest"))
    return np.asarray(-(whole[:, None] + fine) * bin_um)


def _aligned(batches: F64, reach: int) -> tuple[I64, F64, F64]:
    """Shift of each batch that fits the template, (n_bins,) int64; the batches so shifted; the template."""
    shifts = np.arange(-reach, reach + 1)
    template = batches[min(TEMPLATE_BATCH, len(batches) // 2)]
    total = np.zeros(len(batches), np.int64)
    for turn in range(ROUNDS):
        if turn < ROUNDS - 1:
            fits = np.stack([np.tensordot(batches, np.roll(template, -s, axis=0), axes=2) for s in shifts])
            best = shifts[fits.argmax(axis=0)]
            for s in np.unique(best):
                batches[best == s] = np.roll(batches[best == s], s, axis=1)
            total += best
        template = batches.mean(axis=0)
    return total, batches, template


def _blocks(n_depths: int, windows: Windows) -> list[slice]:
    """Half-overlapping stretches of depth bins, one for each window."""
    height = 2 * n_depths / (len(windows) + 1)
    return [slice(round(k * height / 2), max(round(k * height / 2 + height), 1)) for k in range(len(windows))]


def _scores(batches: F64, template: F64) -> F64:
    """(2 BLOCK_REACH + 1, n_bins) float64: how well each batch fits when moved by so many bins."""
    shifts = range(-BLOCK_REACH, BLOCK_REACH + 1)
    return np.stack([np.tensordot(batches, np.roll(template, -s, axis=0), axes=2) for s in shifts])


def _peak(scores: F64) -> F64:
    """The shift of the highest score between the bins: a Gaussian of one bin spreads each score, without a norm."""
    shifts = np.arange(-BLOCK_REACH, BLOCK_REACH + 1)
    fine = np.linspace(-BLOCK_REACH, BLOCK_REACH, 2 * BLOCK_REACH * FINER + 1)
    spread = np.exp(-((fine[:, None] - shifts) ** 2) / 2)
    return np.asarray(fine[np.tensordot(spread, scores, axes=1).argmax(axis=0)])
