"""Decentralised registration: all pairs of time bins within a horizon are compared, one displacement explains them all.

References
----------
Varol et al. (2021), ICASSP: decentralised registration.
Windolf et al. (2025), Nature Methods: DREDge. What differs is in docs/motion.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import cho_solve_banded, cholesky_banded

from spikesieve.model import F32, F64, Bool

C64 = NDArray[np.complex64]

# Time bins that are correlated at a time; the memory grows with its square times the height of the window.
TILE_BINS = 64
# Time bins whose pairs are weighted at a time.
CHUNK_BINS = 256
# The smoothed rasters hold nothing at shorter wavelengths.
SHORTEST_WAVE_UM = 8.0
# Pairs with a smaller correlation are not used.
MIN_CORRELATION = 0.1
# Bins are compared if both know at least this share of the depths that one of them knows.
MIN_KNOWN_ALIKE = 0.5
REWEIGHTINGS = 5
# Residuals beyond this many SD get little weight (Cauchy).
CAUCHY_SD = 3.0
RIDGE = 1e-3
MAD_TO_SD = 1.4826


@dataclass(frozen=True, eq=False)
class PairShifts:
    """Shifts between pairs of time bins; row i, column h is the pair of the bins i and i + 1 + h.

    Attributes
    ----------
    shift_um : ndarray of float32, shape (n_bins, horizon)
        How much farther up the tissue is at bin i than at bin i + 1 + h, in um.
    correlation : ndarray of float32, shape (n_bins, horizon)
        Correlation at that shift; 0 where there is no usable shift.
    """

    shift_um: F32
    correlation: F32


@dataclass(frozen=True, eq=False)
class RasterCorrelator:
    """Rasters, and how they are correlated over depth.

    Attributes
    ----------
    raster_of : callable
        (start, stop) -> raster of these time bins, ndarray of float32, shape (stop - start, n_amplitudes, n_depths);
        NaN where nothing is known.
    weights : ndarray of float64, shape (n_depths,)
        Weight of each depth bin in the window.
    max_lag : int
        Largest shift that is looked for, in depth bins.
    bin_um : float
        Height of a depth bin in um.
    """

    raster_of: Callable[[int, int], F32]
    weights: F64
    max_lag: int
    bin_um: float

    @property
    def n_fft(self) -> int:
        """Length of the Fourier transform: no shift up to `max_lag` wraps around."""
        return int(fft.next_fast_len(len(self.weights) + self.max_lag, real=True))

    @property
    def n_waves(self) -> int:
        """Number of Fourier components that are kept."""
        return min(self.n_fft // 2 + 1, int(self.n_fft * self.bin_um / SHORTEST_WAVE_UM) + 1)


def correlate_pairs(correlator: RasterCorrelator, n_bins: int, horizon: int) -> PairShifts:
    """Cross-correlate every pair of time bins over depth.

    Parameters
    ----------
    correlator : RasterCorrelator
        The rasters.
    n_bins : int
        Number of time bins.
    horizon : int
        Pairs farther apart than this many bins are left out.

    Returns
    -------
    PairShifts
        The best shift of each pair, refined by a parabola, and its normalised correlation.

    Notes
    -----
    Rasters are made when needed and dropped a horizon later: only the result grows with the duration.
    """
    horizon = max(1, min(horizon, n_bins - 1))
    shift, correlation = np.zeros((2, n_bins, horizon), np.float32)
    to_lags = _waves_to_lags(correlator)
    waves: dict[int, _Tile] = {}
    for start in range(0, n_bins, TILE_BINS):
        for other in range(start, min(start + TILE_BINS + horizon, n_bins), TILE_BINS):
            if other not in waves:
                waves[other] = _tile(correlator, other, min(other + TILE_BINS, n_bins))
            scores = _correlations(waves[start].waves, waves[other].waves, to_lags)
            if waves[start].known is not None or waves[other].known is not None:
                scores *= _comparable(waves[start], waves[other], correlator.weights)
            best_lag, best = _best_lags(scores, correlator.max_lag)
            first = np.arange(start, min(start + TILE_BINS, n_bins))[:, None]
            column = np.arange(other, min(other + TILE_BINS, n_bins)) - first - 1
            is_pair = (column >= 0) & (column < horizon)
            rows = np.broadcast_to(first, column.shape)[is_pair]
            shift[rows, column[is_pair]] = -best_lag[is_pair] * correlator.bin_um
            correlation[rows, column[is_pair]] = best[is_pair]
        del waves[start]
    return PairShifts(shift, correlation)


@dataclass(frozen=True, eq=False)
class _Tile:
    """Standardised rasters of some time bins.

    Attributes: their Fourier components over depth, (n_waves, n_bins, n_amplitudes); which depths are known,
    (n_bins, n_depths) bool, or None if all are.
    """

    waves: C64
    known: Bool | None


def _tile(correlator: RasterCorrelator, start: int, stop: int) -> _Tile:
    """Standardise rasters in the window.

    Both members of a pair carry the root of the window, so that comparing i with j is the same as j with i.
    """
    raster = correlator.raster_of(start, stop)
    share = (correlator.weights / (correlator.weights.sum() * raster.shape[1])).astype(np.float32)
    known = ~np.isnan(raster)
    if known.all():
        mean = (raster @ share).sum(axis=1)
        windowed = (raster - mean[:, None, None]) * np.sqrt(share)
    else:
        # What is not known counts for no lag and against none.
        mean = (np.nan_to_num(raster) @ share).sum(axis=1) / np.maximum((known @ share).sum(axis=1), 1e-6)
        windowed = np.nan_to_num(raster - mean[:, None, None]) * np.sqrt(share)
    norm = np.sqrt((windowed * windowed).sum(axis=(1, 2), keepdims=True))
    windowed /= np.where(norm > 1e-6, norm, np.inf)
    waves = fft.rfft(windowed, correlator.n_fft, axis=2)[:, :, : correlator.n_waves]
    waves = np.ascontiguousarray(waves.transpose(2, 0, 1), dtype=np.complex64)
    return _Tile(waves, None if known.all() else np.asarray(known.all(axis=1)))


def _comparable(first: _Tile, second: _Tile, share: F64) -> Bool:
    """Which pairs know nearly the same depths, (n_first, n_second).

    Where they do not, a neuron that one of them cannot see is missing, and another one is taken for it.
    """
    a, b = (
        np.ones((tile.waves.shape[1], len(share)), np.bool_) if tile.known is None else tile.known
        for tile in (first, second)
    )
    both, of_first, of_second = (a * share) @ b.T, a @ share, b @ share
    return np.asarray(both >= MIN_KNOWN_ALIKE * (of_first[:, None] + of_second - both))


def _waves_to_lags(correlator: RasterCorrelator) -> F32:
    """The matrix that turns products of waves, real and imaginary parts, into correlations at each lag."""
    root, max_lag = np.sqrt(correlator.weights / correlator.weights.sum()), correlator.max_lag
    lags, waves = np.arange(-max_lag, max_lag + 1), np.arange(correlator.n_waves)
    angle = 2 * np.pi * np.outer(lags, waves) / correlator.n_fft
    # What the window leaves at each lag.
    overlap = np.correlate(np.pad(root, max_lag), root, "valid")
    # The real transform holds every wave but the first once instead of twice.
    scale = np.where(waves == 0, 1.0, 2.0) / correlator.n_fft / np.maximum(overlap, 1e-6)[:, None]
    return np.concatenate([scale * np.cos(angle), -scale * np.sin(angle)], axis=1).astype(np.float32)


def _correlations(first: C64, second: C64, to_lags: F32) -> F32:
    """Correlate depth d of the first with depth d + lag of the second: (n_lags, n_first, n_second) float32."""
    n_waves, n_first, n_second = len(first), first.shape[1], second.shape[1]
    product = np.empty((2, n_waves, n_first, n_second), np.float32)
    parts = np.concatenate([first.real, first.imag], axis=2)
    np.matmul(parts, np.concatenate([second.real, second.imag], axis=2).transpose(0, 2, 1), out=product[0])
    np.matmul(parts, np.concatenate([second.imag, -second.real], axis=2).transpose(0, 2, 1), out=product[1])
    flat = to_lags @ product.reshape(2 * n_waves, n_first * n_second)
    return np.asarray(flat.reshape(len(to_lags), n_first, n_second))


def _best_lags(scores: F32, max_lag: int) -> tuple[F32, F32]:
    """The lag with the highest score in bins, refined by a parabola, and the score; 0 if it is the largest lag."""
    top = scores.argmax(axis=0)
    inner = np.clip(top, 1, 2 * max_lag - 1)
    before, best, after = (np.take_along_axis(scores, (inner + k)[None], axis=0)[0] for k in (-1, 0, 1))
    curvature = before - 2 * best + after
    fine = 0.5 * (before - after) / np.where(curvature < 0, curvature, -np.inf)
    lag = (inner - max_lag + np.clip(fine, -1, 1)).astype(np.float32)
    return lag, np.where(inner == top, best, 0).astype(np.float32)


def solve_displacement(pairs: PairShifts, gap: F64, smoothing: float) -> F64:
    """Find the displacement over time that explains the shifts of all pairs best.

    Parameters
    ----------
    pairs : PairShifts
        Shift and correlation of each pair.
    gap : ndarray of float64, shape (n_bins - 1,)
        Distance of neighbouring bins in time, divided by the usual one.
    smoothing : float
        Weight of the smoothness.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        Displacement in um, median 0.

    Notes
    -----
    It minimises ``sum_ij u_ij (shift_ij - (p_i - p_j))^2 + smoothing sum_i (p_i+1 - p_i)^2 / gap_i``, where u_ij is the
    squared correlation, less where a pair contradicts the others (Cauchy). The second term only connects bins that no
    pair connects. Noise and movement are told apart afterwards, in `smoothing`.

    Examples
    --------
    >>> pairs = PairShifts(np.array([[-4.0], [-1.0], [0.0]], np.float32), np.array([[0.9], [0.9], [0.0]], np.float32))
    >>> solve_displacement(pairs, np.ones(2), 0.001).round(1)
    array([-4.,  0.,  1.])
    """
    links, width_um = smoothing / np.maximum(gap, 1.0), np.inf
    displacement_um = np.zeros(len(pairs.correlation))
    for _ in range(REWEIGHTINGS):
        displacement_um = _least_squares(pairs, displacement_um, width_um, links)
        width_um = max(CAUCHY_SD * _residual_sd_um(pairs, displacement_um), 1e-6)
    return np.asarray(displacement_um - np.median(displacement_um))


def _least_squares(pairs: PairShifts, displacement_um: F64, width_um: float, links: F64) -> F64:
    """Solve the normal equations, whose band is as wide as the horizon.

    Pairs that contradict the given displacement by more than `width_um` get little weight.
    """
    n_bins, horizon = pairs.correlation.shape
    banded = np.empty((horizon + 1, n_bins))
    # Pairs that reach beyond the end have no weight.
    diagonal, right = np.zeros((2, n_bins + horizon))
    for rows, weight, residual in _chunks(pairs, displacement_um):
        weight = weight / (1.0 + (residual / np.float32(width_um)) ** 2)
        pull = weight * pairs.shift_um[rows]
        banded[1:, rows] = -weight.T
        diagonal[rows] += weight.sum(axis=1, dtype=np.float64)
        right[rows] += pull.sum(axis=1, dtype=np.float64)
        later = (np.arange(len(weight))[:, None] + 1 + np.arange(horizon)).ravel()
        reached = slice(rows.start, rows.start + len(weight) + horizon)
        diagonal[reached] += np.bincount(later, weight.ravel())
        right[reached] -= np.bincount(later, pull.ravel())
    banded[0] = RIDGE + diagonal[:n_bins]
    banded[0, :-1] += links
    banded[0, 1:] += links
    banded[1, :-1] -= links
    factor = cholesky_banded(banded, overwrite_ab=True, lower=True, check_finite=False)
    return np.asarray(cho_solve_banded((factor, True), right[:n_bins], check_finite=False))


def _residual_sd_um(pairs: PairShifts, displacement_um: F64) -> float:
    """SD of the residuals of the used pairs in um, from their median absolute value."""
    used = np.concatenate([np.abs(residual[weight > 0]) for _, weight, residual in _chunks(pairs, displacement_um)])
    return MAD_TO_SD * float(np.median(used, overwrite_input=True)) if used.size else 0.0


def _chunks(pairs: PairShifts, displacement_um: F64) -> Iterator[tuple[slice, F32, F32]]:
    """Yield some rows of the pairs at a time: the rows, squared correlations (0 if too small), residuals in um."""
    n_bins, horizon = pairs.correlation.shape
    later_um = sliding_window_view(np.pad(displacement_um, (0, horizon), mode="edge")[1:], horizon)
    for start in range(0, n_bins, CHUNK_BINS):
        rows = slice(start, min(start + CHUNK_BINS, n_bins))
        correlation = pairs.correlation[rows]
        weight = np.where(correlation >= MIN_CORRELATION, correlation**2, np.float32(0))
        explained_um = (displacement_um[rows, None] - later_um[rows]).astype(np.float32)
        yield rows, weight, pairs.shift_um[rows] - explained_um
