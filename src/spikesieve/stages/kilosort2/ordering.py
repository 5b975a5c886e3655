"""The order of the batches: they are put on a line so that distances on it reproduce how much they differ.

Where the probe moves in the tissue, the place on the line is the displacement. See docs/kilosort2.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from spikesieve.model import F64, I64, Bool

# Gradient descent of the embedding: its steps, its rate, and the size of the start relative to a unit spread.
N_STEPS, RATE, START_SIZE = 200, 2.0, 0.01
# Fewer batches than this lie on a line by chance.
MIN_BATCHES = 10
# Recordings without drift reach 0.2 to 0.35 by chance, those that drift by 10 um and more 0.8 to 0.95.
MIN_EXPLAINED = 0.5


@dataclass(frozen=True, eq=False)
class BatchOrdering:
    """The batches on a line, with Kilosort2's names.

    Attributes
    ----------
    ccb : ndarray of float64, shape (n_batches, n_batches)
        Mean distance of the clusters of batch i from those of batch j.
    ccb0 : ndarray of float64, shape (n_batches, n_batches)
        The same, z-scored by column and made symmetric.
    place : ndarray of float64, shape (n_batches,)
        Place of each batch on the line.
    iorig : ndarray of int64, shape (n_batches,)
        The batches in the order of their places, or of time.
    explained : float
        Share of the variance of ccb0 that distances on the line explain.
    """

    ccb: F64
    ccb0: F64
    place: F64
    iorig: I64
    explained: float

    @classmethod
    def of_time(cls, n_batches: int) -> BatchOrdering:
        """Keep the batches in the order of time.

        Parameters
        ----------
        n_batches : int
            Number of batches.

        Returns
        -------
        BatchOrdering
            The order of time, with distances of 0.

        Examples
        --------
        >>> BatchOrdering.of_time(3).iorig
        array([0, 1, 2])
        """
        zeros = np.zeros((n_batches, n_batches))
        return cls(zeros, zeros, np.arange(n_batches, dtype=np.float64), np.arange(n_batches), 0.0)

    @property
    def ccbsort(self) -> F64:
        """`ccb0` in the order of the batches: (n_batches, n_batches) float64."""
        return self.ccb0[np.ix_(self.iorig, self.iorig)]

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about the order that was taken."""
        n = len(self.place)
        if n < MIN_BATCHES or not self.ccb.any():
            return ()
        share = f"an order explains {self.explained:.0%} of what the spikes of {n} batches differ by"
        if self.explained < MIN_EXPLAINED:
            return (f"Batches were taken in the order of time: {share}, which chance does too.",)
        return (f"Batches were put in order: {share}.",)


def normalise(ccb: F64) -> F64:
    """Z-score every column over the other batches and make the matrix symmetric.

    Parameters
    ----------
    ccb : ndarray of float64, shape (n_batches, n_batches)
        Distances of batches, as `batches.dissimilarity` computes them.

    Returns
    -------
    ndarray of float64, shape (n_batches, n_batches)
        Kilosort2's ccb0; the diagonal is its smallest value. Zeros for fewer than 3 batches.
    """
    n = len(ccb)
    if n < 3:
        return np.zeros_like(ccb)
    off = ~np.eye(n, dtype=bool)
    mean = ccb.sum(axis=0, where=off) / (n - 1)
    sd = np.sqrt(((ccb - mean) ** 2).sum(axis=0, where=off) / (n - 1))
    scored = (ccb - mean) / np.where(sd > 0, sd, 1.0)
    ccb0 = (scored + scored.T) / 2
    np.fill_diagonal(ccb0, ccb0.min(where=off, initial=0.0))
    return np.asarray(ccb0)


def embed(ccb0: F64) -> tuple[F64, float]:
    """Find places on a line whose distances reproduce the distances of the batches.

    Parameters
    ----------
    ccb0 : ndarray of float64, shape (n_batches, n_batches)
        Distances of batches, as `normalise` makes them.

    Returns
    -------
    place : ndarray of float64, shape (n_batches,)
        Places x for which log(1 + (x_i - x_j)^2) fits ccb0. The batch farthest from the middle lies to the right.
    explained : float
        Share of the variance of ccb0 that they explain.

    Notes
    -----
    Gradient descent from the first singular vector, in 200 steps. Both sides are centred by column, since ccb0 is.
    """
    n = len(ccb0)
    if n < 3 or not ccb0.any():
        return np.zeros(n), 0.0
    off = ~np.eye(n, dtype=bool)
    wanted = _centred(ccb0, off)
    values, vectors = eigh(ccb0)
    first = vectors[:, np.abs(values).argmax()]
    x = START_SIZE * np.sqrt(n) * first * np.sign(first[np.abs(first).argmax()])
    for _ in range(N_STEPS):
        difference = x[:, None] - x
        error = _centred(np.log1p(difference**2), off) - wanted
        gradient = (error + error.T) * difference / (1.0 + difference**2)
        x = x - RATE * gradient.mean(axis=1)
    left = _centred(np.log1p((x[:, None] - x) ** 2), off) - wanted
    return x, float(1.0 - (left[off] ** 2).mean() / (wanted[off] ** 2).mean())


def _centred(matrix: F64, off: Bool) -> F64:
    """Every column minus its mean off the diagonal; 0 on the diagonal."""
    out = matrix - matrix.sum(axis=0, where=off) / (len(matrix) - 1)
    np.fill_diagonal(out, 0.0)
    return np.asarray(out)


def put_in_order(ccb: F64) -> BatchOrdering:
    """Order the batches by their distances, or by time if they do not lie on a line.

    Parameters
    ----------
    ccb : ndarray of float64, shape (n_batches, n_batches)
        Distances of batches, as `batches.dissimilarity` computes them.

    Returns
    -------
    BatchOrdering
        The order, and how well it explains the distances.

    Examples
    --------
    >>> x = np.array([0.0, 2.0, 0.4, 1.6, 0.8, 1.2, 0.2, 1.8, 0.6, 1.4])
    >>> put_in_order(np.log1p((x[:, None] - x) ** 2)).iorig
    array([1, 7, 3, 9, 5, 4, 8, 2, 6, 0])
    """
    ccb0 = normalise(ccb)
    place, explained = embed(ccb0)
    if len(ccb) < MIN_BATCHES or explained < MIN_EXPLAINED:
        return BatchOrdering(ccb, ccb0, place, np.arange(len(ccb)), explained)
    return BatchOrdering(ccb, ccb0, place, np.argsort(place, kind="stable").astype(np.int64), explained)
