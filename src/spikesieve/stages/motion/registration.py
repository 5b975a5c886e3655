"""Displacement from rasters: every pair of times within a horizon is compared, and one course explains all pairs.

Decentralised registration (Varol et al., ICASSP 2021; Windolf et al., DREDge, Nature Methods 2025); see docs/motion.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import cho_solve_banded, cholesky_banded

from spikesieve.model import F32, F64

C64 = NDArray[np.complex64]

# Time bins that are compared at once; memory grows with its square times the height of the window.
TILE = 64
# Time bins whose pairs are weighed at once.
ROWS = 256
# The smoothed rasters have nothing in shorter waves.
SHORTEST_WAVE_UM = 8.0
MIN_CORRELATION = 0.1
ROUNDS = 5
# Residuals beyond this many SD count little (Cauchy).
CAUCHY_SD = 3.0
RIDGE = 1e-3
MAD_TO_SD = 1.4826


@dataclass(frozen=True, eq=False)
class Pairs:
    """What pairs of time bins say: bin i and bin i + 1 + h, in row i and column h.

    shift_um     (n_bins, horizon) float32, how much farther up the tissue is at i than at i + 1 + h
    correlation  (n_bins, horizon) float32, 0 where nothing can be said
    """

    shift_um: F32
    correlation: F32


@dataclass(frozen=True, eq=False)
class Comparison:
    """How rasters are compared.

    raster_of  (start, stop) -> (stop - start, n_amplitudes, n_depths) float32, the raster of these time bins
    weights    (n_depths,) float64, the window
    reach      largest shift that is looked for, in bins of depth
    bin_um     height of a bin of depth
    """

    raster_of: Callable[[int, int], F32]
    weights: F64
    reach: int
    bin_um: float

    @property
    def n_fft(self) -> int:
        """Length of the transform: no shift within reach wraps around."""
        return int(fft.next_fast_len(len(self.weights) + self.reach, real=True))

    @property
    def n_waves(self) -> int:
        """Fourier components that are kept."""
        return min(self.n_fft // 2 + 1, int(self.n_fft * self.bin_um / SHORTEST_WAVE_UM) + 1)


def compare(comparison: Comparison, n_bins: int, horizon: int) -> Pairs:
    """Normalised cross-correlation over depth of every pair of bins, the best shift refined by a parabola.

    Rasters are made as they are needed and dropped a horizon later: what grows with the duration is the result alone.
    """
    horizon = max(1, min(horizon, n_bins - 1))
    shift, correlation = np.zeros((2, n_bins, horizon), np.float32)
    to_lags = _to_lags(comparison)
    starts = range(0, n_bins, TILE)
    waves: dict[int, C64] = {}
    for start in starts:
        for other in range(start, min(start + TILE + horizon, n_bins), TILE):
            if other not in waves:
                waves[other] = _waves(comparison, other, min(other + TILE, n_bins))
            found = _best(_correlations(waves[start], waves[other], to_lags), comparison.reach)
            first = np.arange(start, min(start + TILE, n_bins))[:, None]
            column = np.arange(other, min(other + TILE, n_bins)) - first - 1
            known = (column >= 0) & (column < horizon)
            rows = np.broadcast_to(first, column.shape)[known]
            shift[rows, column[known]] = -found[0][known] * comparison.bin_um
            correlation[rows, column[known]] = found[1][known]
        del waves[start]
    return Pairs(shift, correlation)


def _waves(comparison: Comparison, start: int, stop: int) -> C64:
    """Fourier components over depth of standardised rasters in the window: (n_waves, n_bins, n_amplitudes) complex64.

    Both members of a pair carry the root of the window, so that comparing i with j is comparing j with i.
    """
    raster = comparison.raster_of(start, stop)
    share = (comparison.weights / (comparison.weights.sum() * raster.shape[1])).astype(np.float32)
    mean = (raster @ share).sum(axis=1)
    seen = (raster - mean[:, None, None]) * np.sqrt(share)
    norm = np.sqrt((seen * seen).sum(axis=(1, 2), keepdims=True))
    seen /= np.where(norm > 1e-6, norm, np.inf)
    waves = fft.rfft(seen, comparison.n_fft, axis=2)[:, :, : comparison.n_waves]
    return np.ascontiguousarray(waves.transpose(2, 0, 1), dtype=np.complex64)


def _to_lags(comparison: Comparison) -> F32:
    """(2 reach + 1, 2 n_waves) float32: turns real and imaginary parts of products of waves into correlations."""
    root, reach = np.sqrt(comparison.weights / comparison.weights.sum()), comparison.reach
    lags, waves = np.arange(-reach, reach + 1), np.arange(comparison.n_waves)
    angle = 2 * np.pi * np.outer(lags, waves) / comparison.n_fft
    # What the window leaves of each shift.
    seen = np.correlate(np.pad(root, reach), root, "valid")
    # The real transform holds each wave but the first once of twice.
    scale = np.where(waves == 0, 1.0, 2.0) / comparison.n_fft / np.maximum(seen, 1e-6)[:, None]
    return np.concatenate([scale * np.cos(angle), -scale * np.sin(angle)], axis=1).astype(np.float32)


def _correlations(first: C64, second: C64, to_lags: F32) -> F32:
    """(2 reach + 1, len(first), len(second)) float32: depth d of first against depth d + lag of second."""
    n_waves, n_first, n_second = len(first), first.shape[1], second.shape[1]
    product = np.empty((2, n_waves, n_first, n_second), np.float32)
    ours = np.concatenate([first.real, first.imag], axis=2)
    np.matmul(ours, np.concatenate([second.real, second.imag], axis=2).transpose(0, 2, 1), out=product[0])
    np.matmul(ours, np.concatenate([second.imag, -second.real], axis=2).transpose(0, 2, 1), out=product[1])
    flat = to_lags @ product.reshape(2 * n_waves, n_first * n_second)
    return np.asarray(flat.reshape(len(to_lags), n_first, n_second))


def _best(scores: F32, reach: int) -> tuple[F32, F32]:
    """The shift with the highest score, in bins, refined by a parabola; and the score, 0 where it is at the border."""
    top = scores.argmax(axis=0)
    inner = np.clip(top, 1, 2 * reach - 1)
    before, here, after = (np.take_along_axis(scores, (inner + k)[None], axis=0)[0] for k in (-1, 0, 1))
    bend = before - 2 * here + after
    fine = 0.5 * (before - after) / np.where(bend < 0, bend, -np.inf)
    return (inner - reach + np.clip(fine, -1, 1)).astype(np.float32), np.where(inner == top, here, 0).astype(np.float32)


def solve(pairs: Pairs, gap: F64, smoothing: float) -> F64:
    """The course that explains all pairs best: (n_bins,) float64 um, median 0.

    Smallest is  sum_ij u_ij (shift_ij - (p_i - p_j))^2 + smoothing sum_i (p_i+1 - p_i)^2 / gap_i  where u_ij is the
    squared correlation, less where a pair contradicts the others (Cauchy). The second term only holds bins together
    that no pair does; `motion_smoothing` tells movement from noise.

    gap  (n_bins - 1,) float64, time between neighbouring bins over the usual one
    """
    links, course, width_um = smoothing / np.maximum(gap, 1.0), np.zeros(len(pairs.correlation)), np.inf
    for _ in range(ROUNDS):
        course = _least_squares(pairs, course, width_um, links)
        width_um = max(CAUCHY_SD * _spread_um(pairs, course), 1e-6)
    return np.asarray(course - np.median(course))


def _least_squares(pairs: Pairs, course: F64, width_um: float, links: F64) -> F64:
    """Solves the normal equations, which are banded: as wide as the horizon.

    course, width_um  pairs that contradict this course by more than this width count little
    """
    n_bins, horizon = pairs.correlation.shape
    banded = np.empty((horizon + 1, n_bins))
    # Pairs that reach beyond the end have no weight.
    diagonal, right = np.zeros((2, n_bins + horizon))
    for rows, trust, residual in _some_rows(pairs, course):
        trust = trust / (1.0 + (residual / np.float32(width_um)) ** 2)
        pull = trust * pairs.shift_um[rows]
        banded[1:, rows] = -trust.T
        diagonal[rows] += trust.sum(axis=1, dtype=np.float64)
        right[rows] += pull.sum(axis=1, dtype=np.float64)
        later = (np.arange(len(trust))[:, None] + 1 + np.arange(horizon)).ravel()
        reached = slice(rows.start, rows.start + len(trust) + horizon)
        diagonal[reached] += np.bincount(later, trust.ravel())
        right[reached] -= np.bincount(later, pull.ravel())
    banded[0] = RIDGE + diagonal[:n_bins]
    banded[0, :-1] += links
    banded[0, 1:] += links
    banded[1, :-1] -= links
    factor = cholesky_banded(banded, overwrite_ab=True, lower=True, check_finite=False)
    return np.asarray(cho_solve_banded((factor, True), right[:n_bins], check_finite=False))


def _spread_um(pairs: Pairs, course: F64) -> float:
    """SD of what the course leaves of the shifts, by their median."""
    used = np.concatenate([np.abs(residual[trust > 0]) for _, trust, residual in _some_rows(pairs, course)])
    return MAD_TO_SD * float(np.median(used, overwrite_input=True)) if used.size else 0.0


def _some_rows(pairs: Pairs, course: F64) -> Iterator[tuple[slice, F32, F32]]:
    """Rows of the pairs, some at a time; squared correlations, 0 where too small; what the course leaves of shifts."""
    n_bins, horizon = pairs.correlation.shape
    later = sliding_window_view(np.pad(course, (0, horizon), mode="edge")[1:], horizon)
    for start in range(0, n_bins, ROWS):
        rows = slice(start, min(start + ROWS, n_bins))
        correlation = pairs.correlation[rows]
        trust = np.where(correlation >= MIN_CORRELATION, correlation**2, np.float32(0))
        yield rows, trust, pairs.shift_um[rows] - (course[rows, None] - later[rows]).astype(np.float32)
