"""Input of matching pursuit: the gain of a spike, limits of its amplitude, overlaps of templates, what is visible."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


class Worth(NamedTuple):
    """Gain of a spike of each template.

    Attributes
    ----------
    least : ndarray of float32, shape (n_templates,)
        Smallest accepted score.
    norms : ndarray of float32, shape (n_templates,)
        Norm of each template, > 0.
    precision : ndarray of float32, shape (n_templates,)
        1 / variance of the amplitudes, whose mean is 1. 0 means that all amplitudes are equally likely.
    cost : ndarray of float32, shape (n_templates,)
        Gain that a spike must exceed.

    Notes
    -----
    A spike of template k with amplitude a, where its score is b, raises twice the log likelihood by

        2 a (b d + w) - a^2 (d^2 + w) - w - cost        d = norms[k], w = precision[k]

    Where a part of the spike is blanked, d is the norm of what is visible of the template.
    """

    least: F32
    norms: F32
    precision: F32
    cost: F32


class Overlaps(NamedTuple):
    """Correlations of templates that share a contact.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n_templates + 1,)
        Template k overlaps with neighbours[offsets[k]:offsets[k + 1]], ascending and itself included.
    neighbours : ndarray of int64, shape (n_pairs,)
        Overlapping templates.
    tables : ndarray of float32, shape (n_pairs, 2 reach + 1)
        tables[q, reach + s] is the correlation of the neighbour at t + s with template k at t, both of unit norm. A
        spike of score 1 subtracts it from the neighbour's score.
    lags : ndarray of int64, shape (n_pairs, 2)
        First column of each table that counts, and the one after the last. What lies outside is too little to be
        subtracted.
    largest : ndarray of float32, shape (n_pairs,)
        Largest magnitude of each table.
    """

    offsets: I64
    neighbours: I64
    tables: F32
    lags: I64
    largest: F32


class Bounds(NamedTuple):
    """Limits of the amplitudes, and of the search for other explanations.

    Attributes
    ----------
    low : float
        Smallest amplitude. Above it a spike gets the amplitude with the largest gain.
    near_samples : int
        A found spike may be replaced by one or two others within this; 0: never.
    """

    low: float
    near_samples: int


class Visible(NamedTuple):
    """What is visible of each template where samples are blanked.

    Attributes
    ----------
    norms : ndarray of float32, shape (n_templates, n_samples)
        Norm of what is visible of the template of unit norm at each sample, 0 where too little is; no samples if
        nothing is blanked. Scores are those of this part, scaled to unit norm, and 0 where its norm is.
    blanked : ndarray of bool, shape (n_contacts, n_samples)
        Blanked samples.
    contacts : ndarray of int64, shape (n_templates, n_near)
        Contacts of each template; -1: unused.
    weights : ndarray of float32, shape (n_templates, n_near, n_components)
        Templates of unit norm as weights of the components.
    components : ndarray of float32, shape (n_components, n_window)
        Temporal components.
    peak_index : int
        Sample of the components at which a spike's time lies.
    """

    norms: F32
    blanked: Bool
    contacts: I64
    weights: F32
    components: F32
    peak_index: int


ALL_VISIBLE = Visible(
    np.empty((0, 0), np.float32),
    np.empty((0, 0), np.bool_),
    np.empty((0, 0), np.int64),
    np.empty((0, 0, 0), np.float32),
    np.empty((0, 0), np.float32),
    0,
)
ANY_AMPLITUDE = Bounds(0.0, 0)
