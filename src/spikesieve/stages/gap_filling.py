"""Fills what is left out of traces, so that filters find no step at its edges.

A filter spreads a step over milliseconds. Samples that are left out are therefore replaced by a smooth curve between
what lies on either side before the high-pass, and set to 0 after it. See docs/artifacts.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve import kernels
from spikesieve.model import F32, I64, Bool
from spikesieve.stages.blanking import Runs, runs

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
    kernels.fill_gaps(*runs(gaps), _reach_samples(sampling_hz), out)
    return out


def _reach_samples(sampling_hz: float) -> int:
    return max(2, round(END_MS * 1e-3 * sampling_hz))


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
        Row, start and stop of each gap afterwards, ordered by row, then start.
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
        kernels.move_pieces(uv, self.row, self.start, self.stop, self.shift, longer)
        kernels.fill_gaps(*self.gaps, _reach_samples(sampling_hz), longer)
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
        kernels.move_pieces(longer, self.row, self.start + self.shift, self.stop + self.shift, -self.shift, uv)
        return uv


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
    in_any_order = [np.concatenate(columns) for columns in zip(longer, rest, strict=True)]
    in_order = np.lexsort(in_any_order[1::-1])
    gap_row, gap_start, gap_stop = (column[in_order] for column in in_any_order)
    piece = np.append(np.arange(n_rows), row), np.append(np.zeros(n_rows, np.int64), stop)
    order = np.lexsort(piece[::-1])
    piece_row, first = (x[order] for x in piece)
    last = np.append(first[1:], 0)
    last[np.append(np.diff(piece_row) > 0, True)] = n
    piece_shift = np.append(np.zeros(n_rows, np.int64), shift)[order]
    return Lengthening(piece_row, first, last, piece_shift, (gap_row, gap_start, gap_stop), n_longer)
