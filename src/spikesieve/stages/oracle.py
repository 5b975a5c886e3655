"""What a matcher that knows the true templates does differently: its templates, low thresholds, cuts by the truth."""

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
"""Contacts of a template; farther ones hold less than the noise of the mean."""
LOWEST_SD = 3.5
"""No spike scores less; a unit's spikes score at least half of its d' as well."""


def true_components(white: F32, n_pcs: int, peak_index: int) -> Shapes:
    """Temporal components of the true templates.

    white  (n_units, n_samples, n_contacts) float32, mean whitened waveforms
    """
    clips = white.transpose(0, 2, 1).reshape(-1, white.shape[1]).astype(np.float64)
    pcs = components(clips, n_pcs).astype(np.float32)
    return Shapes(pcs, np.eye(len(pcs), dtype=np.float32), peak_index, len(clips))


def true_templates(white: F32, counts: I64, probe: Probe, shapes: Shapes) -> LearnedTemplates:
    """Scores on the contacts nearest to the largest one, shrunk towards 0 by the noise of the mean (James-Stein).

    white   (n_units, n_samples, n_contacts) float32, mean whitened waveforms
    counts  (n_units,) int64, spikes that each is the mean of
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
    """Match with a threshold for each template, half of its norm.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous.
    matcher : Matcher
        The true templates.
    max_peels : int
        Largest number of rounds.
    backend : Backend
        Does the work.

    Returns
    -------
    sample, template : ndarray of int64, shape (n,)
        The spikes.
    score : ndarray of float32, shape (n,)
        Projections on the templates of unit norm, in noise SD.
    """
    scores = matcher.score(white, backend)
    threshold = np.maximum(LOWEST_SD, matcher.templates.norms / 2).astype(np.float32)
    sample, template, score, _ = backend.pursue(scores, matcher.pairs, by_score(threshold), ANY_AMPLITUDE, max_peels)
    return sample, template, score


def best_cuts(truth_sample: list[I64], oracle_sample: list[I64], values: list[F32], window_samples: int) -> list[float]:
    """The value for each unit from which on its spikes count, chosen so that the accuracy is largest.

    One entry a unit in each list. A unit without any matching spike gets infinity.
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
