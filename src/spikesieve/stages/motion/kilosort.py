"""Kilosort4's drift estimate: each batch is aligned with a template.

References
----------
Pachitariu et al. (2024), Nature Methods: the description of the datashift step. What differs is in docs/motion.md.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from spikesieve.model import F64, I64
from spikesieve.stages.motion.depth_windows import DepthWindows
from spikesieve.stages.motion.raster import BinnedSpikes, make_axes

N_AMPLITUDES = 20
ROUNDS = 10
# The template starts as this batch, or as the middle one of a short recording.
TEMPLATE_BATCH = 300
# Largest shift of a block relative to the whole, in depth bins, and steps per bin.
MAX_BLOCK_SHIFT, STEPS_PER_BIN = 5, 10
# SD in bins over (shift, batch, block): Kilosort4's drift_smoothing.
SMOOTHING = 0.5


def align_batches(spikes: BinnedSpikes, n_bins: int, windows: DepthWindows, bin_um: float, max_shift_um: float) -> F64:
    """Align every batch with a template, as a whole and then block by block.

    Parameters
    ----------
    spikes : BinnedSpikes
        Spikes of one shank; each time bin is a batch.
    n_bins : int
        Number of batches.
    windows : DepthWindows
        Their centres are those of the blocks.
    bin_um : float
        Height of a depth bin in um.
    max_shift_um : float
        Largest shift of a batch as a whole in um.

    Returns
    -------
    ndarray of float64, shape (n_bins, n_windows)
        How far each batch lies above the template in each block, in um.
    """
    if len(spikes) == 0:
        return np.zeros((n_bins, len(windows)))
    batches = _histograms(spikes, n_bins, bin_um)
    shift, batches, template = _align_whole(batches, max(1, round(max_shift_um / bin_um)))
    blocks = _blocks(batches.shape[1], windows)
    scores = np.stack([_block_scores(batches[:, rows], template[rows]) for rows in blocks], axis=2)
    fine_shift = _peak_shift(gaussian_filter(scores, SMOOTHING, mode="nearest"))
    return np.asarray(-(shift[:, None] + fine_shift) * bin_um)


def _histograms(spikes: BinnedSpikes, n_bins: int, bin_um: float) -> F64:
    """Log counts of each batch over depth and amplitude, less their mean over depth."""
    ends_um = float(spikes.depth_um.min()), float(spikes.depth_um.max()) + bin_um
    axes = make_axes(spikes, ends_um, bin_um)
    low, high = axes.log_amplitude
    level = np.clip((spikes.log_amplitude - low) / (high - low) * N_AMPLITUDES, 0, N_AMPLITUDES - 1).astype(np.int64)
    depth = np.clip((spikes.depth_um - axes.first_um) / bin_um, 0, axes.n_depths - 1).astype(np.int64)
    counts = np.zeros((n_bins, axes.n_depths, N_AMPLITUDES))
    np.add.at(counts, (spikes.bin, depth, level), 1.0)
    batches = np.log2(1.0 + counts)
    batches -= batches.mean(axis=1, keepdims=True)
    return np.asarray(batches)


def _align_whole(batches: F64, max_shift: int) -> tuple[I64, F64, F64]:
    """The shift in depth bins of each batch that fits the template best; the shifted batches; the template."""
    shifts = np.arange(-max_shift, max_shift + 1)
    template = batches[min(TEMPLATE_BATCH, len(batches) // 2)]
    total = np.zeros(len(batches), np.int64)
    for turn in range(ROUNDS):
        if turn < ROUNDS - 1:
            best = shifts[_scores(batches, template, shifts).argmax(axis=0)]
            for s in np.unique(best):
                batches[best == s] = np.roll(batches[best == s], s, axis=1)
            total += best
        template = batches.mean(axis=0)
    return total, batches, template


def _scores(batches: F64, template: F64, shifts: I64) -> F64:
    """How well each batch fits the template when shifted: (n_shifts, n_batches)."""
    return np.stack([np.tensordot(batches, np.roll(template, -s, axis=0), axes=2) for s in shifts])


def _blocks(n_depths: int, windows: DepthWindows) -> list[slice]:
    """Half-overlapping ranges of depth bins, one for each window."""
    height = 2 * n_depths / (len(windows) + 1)
    return [slice(round(k * height / 2), max(round(k * height / 2 + height), 1)) for k in range(len(windows))]


def _block_scores(batches: F64, template: F64) -> F64:
    return _scores(batches, template, np.arange(-MAX_BLOCK_SHIFT, MAX_BLOCK_SHIFT + 1))


def _peak_shift(scores: F64) -> F64:
    """The shift of the highest score, between the bins: a Gaussian of one bin, not normalised, spreads each score."""
    shifts = np.arange(-MAX_BLOCK_SHIFT, MAX_BLOCK_SHIFT + 1)
    fine = np.linspace(-MAX_BLOCK_SHIFT, MAX_BLOCK_SHIFT, 2 * MAX_BLOCK_SHIFT * STEPS_PER_BIN + 1)
    kernel = np.exp(-((fine[:, None] - shifts) ** 2) / 2)
    return np.asarray(fine[np.tensordot(kernel, scores, axes=1).argmax(axis=0)])
