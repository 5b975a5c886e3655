"""The oracle, a matcher that is given the true spikes: its templates, its low thresholds, its best score cutoffs."""

from __future__ import annotations

import numpy as np

from spikesieve.geometry import distances_um, nearest
from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import ANY_AMPLITUDE
from spikesieve.model import F32, I64, Probe
from spikesieve.stages.match import Matcher, by_score
from spikesieve.stages.shapes import Shapes, components
from spikesieve.stages.templates import LearnedTemplates

NEAR_CONTACTS = 16
"""Contacts of a template. On farther contacts the mean waveform is smaller than its own noise."""
LOWEST_SD = 3.5
"""Smallest score of any spike, in noise SD. Spikes of a unit must also reach half of its d'."""


def true_components(white: F32, n_pcs: int, peak_index: int) -> Shapes:
    """Compute the temporal components of the true templates.

    Parameters
    ----------
    white : ndarray of float32, shape (n_units, n_samples, n_contacts)
        Mean whitened waveforms.
    n_pcs : int
        Number of components.
    peak_index : int
        Sample of the waveform at which a spike's time lies.

    Returns
    -------
    Shapes
        The components.

    Examples
    --------
    >>> white = np.zeros((1, 5, 2), np.float32)
    >>> white[0, 2] = -10.0
    >>> true_components(white, 1, 2).pcs.shape
    (1, 5)
    """
    clips = white.transpose(0, 2, 1).reshape(-1, white.shape[1]).astype(np.float64)
    pcs = components(clips, n_pcs).astype(np.float32)
    return Shapes(pcs, np.eye(len(pcs), dtype=np.float32), peak_index, len(clips))


def true_templates(white: F32, counts: I64, probe: Probe, shapes: Shapes) -> LearnedTemplates:
    """Project mean waveforms on temporal components, on the contacts nearest to the largest one.

    Parameters
    ----------
    white : ndarray of float32, shape (n_units, n_samples, n_contacts)
        Mean whitened waveforms.
    counts : ndarray of int64, shape (n_units,)
        Number of spikes that each mean was taken over.
    probe : Probe
        The contacts that are sorted.
    shapes : Shapes
        Temporal components.

    Returns
    -------
    LearnedTemplates
        Scores shrunk towards 0 by the noise of the mean (James-Stein estimator).
    """
    best = (white**2).sum(axis=1).argmax(axis=1)
    xy, shanks = probe.positions_um, probe.shanks
    contacts = nearest(distances_um(xy, shanks, xy, shanks), NEAR_CONTACTS)[best]
    local = np.take_along_axis(white, np.maximum(contacts, 0)[:, None, :], axis=2).transpose(0, 2, 1)
    scores = local @ shapes.pcs.T
    scores[contacts < 0] = 0.0
    noise = len(shapes.pcs) / np.maximum(counts, 1)[:, None]
    scores *= np.maximum(0.0, 1 - noise / np.maximum((scores**2).sum(axis=2), 1e-12))[:, :, None]
    return LearnedTemplates(contacts, scores.astype(np.float32), counts)


def match_weak(white: F32, matcher: Matcher, max_peels: int, backend: Backend) -> tuple[I64, I64, F32]:
    """Match templates with a low threshold for each: half of its norm, and at least `LOWEST_SD`.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous.
    matcher : Matcher
        The true templates.
    max_peels : int
        Largest number of rounds.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    sample, template : ndarray of int64, shape (n,)
        The spikes.
    score : ndarray of float32, shape (n,)
        Projection on the template of unit norm, in noise SD.
    """
    scores, visible = matcher.score(white, backend)
    threshold = np.maximum(LOWEST_SD, matcher.templates.norms / 2).astype(np.float32)
    how = by_score(threshold), ANY_AMPLITUDE, visible
    sample, template, score, _ = backend.pursue(scores, matcher.pairs, *how, max_peels)
    return sample, template, score


def best_cuts(truth_sample: list[I64], oracle_sample: list[I64], values: list[F32], window_samples: int) -> list[float]:
    """Choose a score cutoff for each unit that maximises its accuracy.

    Parameters
    ----------
    truth_sample : list of ndarray of int64
        True spike train of each unit, in samples, ascending.
    oracle_sample : list of ndarray of int64
        Spikes that the oracle found for each unit, in samples.
    values : list of ndarray of float32
        Scores of these spikes.
    window_samples : int
        A found spike is a hit if a true one lies at most this far away.

    Returns
    -------
    list of float
        Smallest score of a spike that is kept, for each unit; infinity if no found spike is a hit.

    Examples
    --------
    >>> truth, found, scores = np.array([100, 200]), np.array([100, 150, 201]), np.array([9.0, 4.0, 6.0], np.float32)
    >>> best_cuts([truth], [found], [scores], 5)
    [6.0]
    """
    return [
        _best_cut(truth, found, value, window_samples)
        for truth, found, value in zip(truth_sample, oracle_sample, values, strict=True)
    ]


def _best_cut(truth: I64, found: I64, value: F32, window_samples: int) -> float:
    if len(found) == 0 or len(truth) == 0:
        return float("inf")
    first = np.searchsorted(truth, found - window_samples)
    hit = (first < len(truth)) & (truth[np.minimum(first, len(truth) - 1)] <= found + window_samples)
    order = np.argsort(-value, kind="stable")
    n_hits = np.cumsum(hit[order])
    accuracy = n_hits / (len(truth) + np.arange(1, len(found) + 1) - n_hits)
    best = int(accuracy.argmax())
    return float(value[order][best]) if accuracy[best] > 0 else float("inf")
