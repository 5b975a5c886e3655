"""Fills what is left out of traces, so that filters find no step at its edges.

A filter spreads a step over milliseconds. Samples that are left out are therefore replaced by a smooth curve between
what lies on either side before the high-pass, and set to 0 after it. See docs/artifacts.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64, Bool
from spikesieve.stages.blanking import Runs, mask_of, runs

# The curve that fills a gap follows the level and the slope of this long a part on either side.
END_MS = 1.0


def filled(uv: F32, gaps: Bool, sampling_hz: float) -> F32:
    """Fill gaps with a smooth curve, so that a filter finds no step at their edges.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        Traces.
    gaps : ndarray of bool, shape (n_contacts, n_samples)
        Samples to fill.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        The traces with every gap replaced by the cubic that has the level and the slope of the traces on either side. A
        gap at the end of the traces keeps the level of its other side. A contact that is all gap becomes 0.
    """
    out = uv.copy()
    _fill(out, gaps, runs(gaps), sampling_hz)
    return out


def _fill(uv: F32, gaps: Bool, found: Runs, sampling_hz: float) -> None:
    """Fill the gaps, whose runs are `found`, in place."""
    row, start, stop = found
    if not len(row):
        return
    reach = max(2, round(END_MS * 1e-3 * sampling_hz))
    left, right = _end(uv, gaps, row, start - 1, -1, reach), _end(uv, gaps, row, stop, 1, reach)
    left, right = _completed(left, right), _completed(right, left)
    length = stop - start
    ends = np.stack([left[0], left[1] * (length + 1), right[0], right[1] * (length + 1)], axis=1)
    for n in np.unique(length):
        same = np.flatnonzero(length == n)
        t = np.arange(1, n + 1) / (n + 1)
        basis = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2, t**2 * (3 - 2 * t), t**2 * (t - 1)
        uv[row[same, None], start[same, None] + np.arange(n)] = ends[same] @ np.stack(basis)


@dataclass(frozen=True, eq=False)
class Lengthening:
    """Where the samples of traces are when their gaps have been made longer.

    Attributes
    ----------
    row, start, stop : ndarray of int64, shape (n_pieces,)
        Each contact is cut into pieces, which stay whole. All but the last one of a contact end with a gap.
    shift : ndarray of int64, shape (n_pieces,)
        How many samples later each piece is afterwards.
    gaps : tuple of ndarray of int64
        Row, start and stop of each gap afterwards.
    n_samples : int
        Samples afterwards. Shorter contacts end with a gap.
    """

    row: I64
    start: I64
    stop: I64
    shift: I64
    gaps: Runs
    n_samples: int

    def apply(self, uv: F32, sampling_hz: float) -> F32:
        """Lengthen the gaps of traces, and fill them.

        Parameters
        ----------
        uv : ndarray of float32, shape (n_contacts, n_samples)
            Traces.
        sampling_hz : float
            Sampling rate in Hz.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_longer)
            See `filled`.
        """
        longer = np.zeros((len(uv), self.n_samples), np.float32)
        for row, a, b, shift in self._pieces():
            longer[row, a + shift : b + shift] = uv[row, a:b]
        _fill(longer, mask_of(self.gaps, longer.shape), self.gaps, sampling_hz)
        return longer

    def undo(self, longer: F32, n_samples: int) -> F32:
        """Cut the gaps back to their length.

        Parameters
        ----------
        longer : ndarray of float32, shape (n_contacts, n_longer)
            Traces.
        n_samples : int
            Samples before they were lengthened.

        Returns
        -------
        ndarray of float32, shape (n_contacts, n_samples)
            The traces again.
        """
        uv = np.empty((len(longer), n_samples), np.float32)
        for row, a, b, shift in self._pieces():
            uv[row, a:b] = longer[row, a + shift : b + shift]
        return uv

    def _pieces(self) -> Iterator[tuple[int, int, int, int]]:
        return zip(*(x.tolist() for x in (self.row, self.start, self.stop, self.shift)), strict=True)


def lengthened(gaps: Bool, least: int) -> Lengthening:
    """Lengthen the gaps of each contact in time, so that a filter does not reach from one side to the other.

    Parameters
    ----------
    gaps : ndarray of bool, shape (n_contacts, n_samples)
        Samples that are left out.
    least : int
        Length of every gap afterwards, at least.

    Returns
    -------
    Lengthening
        Where the samples are afterwards.

    Examples
    --------
    >>> found = lengthened(np.array([[False, True, False]]), 3)
    >>> found.apply(np.array([[5.0, 0.0, 5.0]], np.float32), 30_000.0)
    array([[5., 5., 5., 5., 5.]], dtype=float32)
    >>> found.undo(np.arange(5, dtype=np.float32)[None], 3)
    array([[0., 1., 4.]], dtype=float32)
    """
    n_rows, n = gaps.shape
    row, start, stop = runs(gaps)
    inside = stop < n
    extra = np.where(inside, np.maximum(0, least - (stop - start)), 0)
    total = np.concatenate([[0], np.cumsum(extra)])
    # What follows a gap is later by the sum of what the gaps of its contact so far are longer.
    shift = total[1:] - total[np.searchsorted(row, row)]
    ends = n + np.bincount(row, weights=extra, minlength=n_rows).astype(np.int64)
    n_longer = int(ends.max(initial=n))
    longer = row, start + shift - extra, np.where(inside, stop + shift, n_longer)
    short = np.setdiff1d(np.flatnonzero(ends < n_longer), row[~inside])
    rest = short, ends[short], np.full(len(short), n_longer)
    gap_row, gap_start, gap_stop = (np.concatenate(columns) for columns in zip(longer, rest, strict=True))
    piece = np.append(np.arange(n_rows), row), np.append(np.zeros(n_rows, np.int64), stop)
    order = np.lexsort(piece[::-1])
    piece_row, first = (x[order] for x in piece)
    last = np.append(first[1:], 0)
    last[np.append(np.diff(piece_row) > 0, True)] = n
    piece_shift = np.append(np.zeros(n_rows, np.int64), shift)[order]
    return Lengthening(piece_row, first, last, piece_shift, (gap_row, gap_start, gap_stop), n_longer)


def _end(uv: F32, gaps: Bool, row: I64, first: I64, step: int, reach: int) -> tuple[F64, F64]:
    """Level and slope per sample of the traces at `first`, the last good sample beside each gap; NaN without one."""
    away = step * np.arange(reach)
    at = first[:, None] + away
    inside = (at >= 0) & (at < uv.shape[1])
    at = np.clip(at, 0, uv.shape[1] - 1)
    good = np.logical_and.accumulate(inside & ~gaps[row[:, None], at], axis=1)
    x = np.where(good, uv[row[:, None], at].astype(np.float64), 0.0)
    n = good.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle_t, middle = (good * away).sum(axis=1) / n, x.sum(axis=1) / n
        t = np.where(good, away - middle_t[:, None], 0.0)
        slope = np.where(n > reach // 2, (t * x).sum(axis=1) / (t**2).sum(axis=1), 0.0)
    return middle - slope * middle_t, np.where(n > 0, slope, np.nan)


def _completed(end: tuple[F64, F64], other: tuple[F64, F64]) -> tuple[F64, F64]:
    """Level and slope of an end; where there is none, the level of the other one and no slope."""
    known = np.isfinite(end[0])
    level = np.where(known, end[0], np.where(np.isfinite(other[0]), other[0], 0.0))
    return level, np.where(known, end[1], 0.0)
