"""What matching pursuit knows of templates: the worth of a spike, which amplitudes it may have, what overlaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


class Worth(NamedTuple):
    """What a spike of each template is worth, (n_templates,) float32 each.

    A spike of template k with amplitude a, where its score is b, raises twice the log likelihood by

        2 a (b d + w) - a^2 (d^2 + w) - w - cost        d = norms[k], w = precision[k]

    Attributes
    ----------
    least : ndarray
        The score from which on spikes count.
    norms : ndarray
        Norms of the templates, above 0.
    precision : ndarray
        1 / variance of the amplitudes, whose mean is 1; 0: any amplitude is as likely.
    cost : ndarray
        What a spike must gain.
    """

    least: F32
    norms: F32
    precision: F32
    cost: F32


class Overlaps(NamedTuple):
    """What templates do to each other's scores, for pairs that share a contact.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_templates + 1,)
        Template k overlaps neighbours[offsets[k]:offsets[k + 1]], ascending and with itself among them.
    neighbours : ndarray of int64, shape (n_pairs,)
        The other template of each pair.
    tables : ndarray of float32, shape (n_pairs, 2 reach + 1)
        tables[q, reach + s] is the correlation of the neighbour at t + s with template k at t, both of unit norm: what
        a spike of score 1 takes from the neighbour's score.
    """

    offsets: I64
    neighbours: I64
    tables: F32


class Bounds(NamedTuple):
    """Which amplitudes spikes may have.

    Attributes
    ----------
    low : float
        The smallest; above it a spike has the amplitude that gains most.
    unusual : float
        From this amplitude on, a pair of spikes of two templates is tried instead.
    """

    low: float
    unusual: float


ANY_AMPLITUDE = Bounds(0.0, np.inf)
