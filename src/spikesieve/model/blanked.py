"""Which samples of a recording were left out, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from spikesieve.model.types import F64, I64, Bool


class Reason(IntEnum):
    """Why a sample is left out. 0 marks a sample that is used.

    Examples
    --------
    >>> Reason.SILENT.text
    'silent'
    """

    SILENT = 1
    SATURATED = 2
    NOT_FINITE = 3
    ARTIFACT = 4
    GIVEN = 5

    @property
    def text(self) -> str:
        """The word for it in tables."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, eq=False)
class Blanked:
    """Intervals in which samples were left out, in order of their start.

    Attributes
    ----------
    start, stop : ndarray of int64, shape (n,)
        First sample of each interval, and the one after its last.
    reason : ndarray of int64, shape (n,)
        A `Reason`. Intervals of different reasons may overlap.
    share : ndarray of float64, shape (n,)
        Share of the contacts that were left out, averaged over the interval.
    n_samples : int
        Samples that were sorted, used or not.
    """

    start: I64
    stop: I64
    reason: I64
    share: F64
    n_samples: int

    def __len__(self) -> int:
        return len(self.start)

    def of(self, reason: Reason) -> Bool:
        """Find the intervals of one reason.

        Parameters
        ----------
        reason : Reason
            The reason.

        Returns
        -------
        ndarray of bool, shape (n,)
            True for its intervals.
        """
        return np.asarray(self.reason == reason)

    def share_of(self, which: Bool) -> float:
        """Compute the share of all values (contacts x samples) that intervals leave out.

        Parameters
        ----------
        which : ndarray of bool, shape (n,)
            The intervals.

        Returns
        -------
        float
            From 0 to 1.

        Examples
        --------
        >>> one = np.array([0])
        >>> Blanked(one, one + 10, one + Reason.SILENT, np.array([0.5]), 100).share_of(np.array([True]))
        0.05
        """
        length = (self.stop - self.start)[which]
        return float((length * self.share[which]).sum() / max(1, self.n_samples))

    def between(self, start: int, stop: int, n_samples: int) -> Blanked:
        """Cut out what lies between two samples.

        Parameters
        ----------
        start, stop : int
            First sample, and the one after the last.
        n_samples : int
            Samples between them that were sorted, used or not.

        Returns
        -------
        Blanked
            The intervals, or the parts of them, that lie there, counted from `start`.

        Examples
        --------
        >>> one = np.array([0, 50])
        >>> cut = Blanked(one, one + 10, one * 0 + Reason.SILENT, np.ones(2), 100).between(5, 100, 95)
        >>> cut.start.tolist(), cut.stop.tolist()
        ([0, 45], [5, 55])
        """
        rows = (self.stop > start) & (self.start < stop)
        first, last = np.maximum(self.start[rows], start) - start, np.minimum(self.stop[rows], stop) - start
        return Blanked(first, last, self.reason[rows], self.share[rows], n_samples)


def join_blanked(parts: Iterable[Blanked]) -> Blanked:
    """Join the intervals of consecutive blocks. Intervals that a border of two blocks cuts become one again.

    Parameters
    ----------
    parts : iterable of Blanked
        Intervals of each block, in order of time.

    Returns
    -------
    Blanked
        All intervals.
    """
    each = list(parts)
    columns = (
        np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in each)])
        for name, dtype in (("start", np.int64), ("stop", np.int64), ("reason", np.int64), ("share", np.float64))
    )
    start, stop, reason, share = columns
    order = np.lexsort((start, reason))
    start, stop, reason, share = start[order], stop[order], reason[order], share[order]
    first = np.ones(len(start), np.bool_)
    first[1:] = (start[1:] != stop[:-1]) | (reason[1:] != reason[:-1])
    head = np.flatnonzero(first)
    length = stop - start
    whole = np.add.reduceat(length, head) if len(head) else length
    mean = np.add.reduceat(length * share, head) / whole if len(head) else share
    ends = np.append(head[1:], len(start)) - 1 if len(head) else head
    start, stop, reason = start[head], stop[ends], reason[head]
    order = np.argsort(start, kind="stable")
    n_samples = sum(part.n_samples for part in each)
    return Blanked(start[order], stop[order], reason[order], mean[order], n_samples)
