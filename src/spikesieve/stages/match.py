"""Finds spikes again with the learned templates, overlaps resolved: matching pursuit, local, many spikes a round.

Kilosort4's matching with its score max(0, projection)^2 / |template|^2, but spikes only compete with what they touch,
and a block's margin is matched too, so block edges are invisible. See docs/match.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import ANY_AMPLITUDE, Overlaps, Worth
from spikesieve.model import F32, I32, I64
from spikesieve.settings.match import MatchParams
from spikesieve.stages.features import on_contacts
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, unit_norm


@dataclass(frozen=True, eq=False)
class MatchedSpikes:
    """Spikes that template matching found in a block, or in a whole recording. Ordered by sample, then template.

    Attributes
    ----------
    sample : ndarray of int64, shape (n,)
        Sample of the spike.
    template : ndarray of int32, shape (n,)
        The template that found it.
    score : ndarray of float32, shape (n,)
        Projection on the template of unit norm, other spikes subtracted, in noise SD.
    excess : ndarray of float32, shape (n,)
        How much the score exceeds the smallest one that counts, in noise SD.
    amplitude : ndarray of float32, shape (n,)
        Times the template.
    norm : ndarray of float32, shape (n,)
        Norm of the template where the spike was matched, in noise SD.
    features : ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the template's contacts, all other spikes subtracted.
    n_left : int
        Spikes that were left when the rounds of matching were over.
    notes : tuple of str
        Sentences for the user.
    """

    sample: I64
    template: I32
    score: F32
    excess: F32
    amplitude: F32
    norm: F32
    features: F32
    n_left: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Matcher:
    """Templates made ready for matching.

    Attributes
    ----------
    templates : LearnedTemplates
        Where the spikes are looked for.
    unit_scores : ndarray of float32, shape (n_templates, n_near, n_pcs)
        The templates with unit norm.
    waveforms : ndarray of float32, shape (n_templates, n_near, n_waveform_samples)
        The same in time.
    pairs : Overlaps
        What templates do to each other's scores.
    feature_contacts : ndarray of int64, shape (n_templates, n_feature_contacts)
        Where the spikes of a template are described.
    feature_scores : ndarray of float32, shape (n_templates, n_feature_contacts, n_pcs)
        The template's own scores there.
    shapes : Shapes
        Temporal components.
    """

    templates: LearnedTemplates
    unit_scores: F32
    waveforms: F32
    pairs: Overlaps
    feature_contacts: I64
    feature_scores: F32
    shapes: Shapes

    def score(self, white: F32, backend: Backend) -> F32:
        """Score every template at every sample.

        Parameters
        ----------
        white : ndarray of float32, shape (n_contacts, n_samples)
            Whitened traces.
        backend : Backend
            Does the work.

        Returns
        -------
        ndarray of float32, shape (n_templates, n_samples)
            0 where the window leaves the traces.
        """
        shapes = self.shapes
        return backend.template_scores(white, shapes.pcs, shapes.peak_index, self.templates.contacts, self.unit_scores)

    def subtract(self, white: F32, spikes: tuple[I64, I64, F32], backend: Backend) -> None:
        """Subtract spikes from traces.

        Parameters
        ----------
        white : ndarray of float32, shape (n_contacts, n_samples)
            Whitened traces; changed in place.
        spikes : (ndarray of int64, ndarray of int64, ndarray of float32), shape (n,) each
            Sample, template, and projection on the template of unit norm.
        backend : Backend
            Does the work.
        """
        backend.subtract(white, spikes, self.templates.contacts, self.waveforms, self.shapes.peak_index)

    def describe(self, residual: F32, sample: I64, template: I64, amplitude: F32, backend: Backend) -> F32:
        """Describe spikes: what is left at them, and what was subtracted for each.

        Parameters
        ----------
        residual : ndarray of float32, shape (n_contacts, n_samples)
            Traces without all spikes.
        sample, template : ndarray of int64, shape (n,)
            The spikes.
        amplitude : ndarray of float32, shape (n,)
            Times the template.
        backend : Backend
            Does the work.

        Returns
        -------
        ndarray of float32, shape (n, n_feature_contacts, n_pcs)
            PC scores of each spike, other spikes subtracted.
        """
        contacts = self.feature_contacts[template]
        features = backend.describe(residual, sample, contacts, self.shapes.pcs, self.shapes.peak_index)
        features += amplitude[:, None, None] * self.feature_scores[template]
        return features


def make_matcher(templates: LearnedTemplates, feature_contacts: I64, n_contacts: int, shapes: Shapes) -> Matcher:
    """Compute what the matching of every block needs.

    Parameters
    ----------
    templates : LearnedTemplates
        Templates where the tissue is.
    feature_contacts : ndarray of int64, shape (n_templates, n_feature_contacts)
        Where the spikes of each template are described.
    n_contacts : int
        Contacts of the probe.
    shapes : Shapes
        Temporal components.

    Returns
    -------
    Matcher
        Ready for `match`.
    """
    unit_scores = unit_norm(templates)
    return Matcher(
        templates,
        unit_scores,
        unit_scores @ shapes.pcs,
        overlaps(templates, n_contacts, shapes.pcs),
        feature_contacts,
        on_contacts(templates.dense(n_contacts), feature_contacts),
        shapes,
    )


def match(white: F32, matcher: Matcher, span: tuple[int, int], params: MatchParams, backend: Backend) -> MatchedSpikes:
    """Find the spikes of a block whose projection exceeds a threshold.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous. Changed to the residual.
    matcher : Matcher
        The templates.
    span : (int, int)
        First sample whose spikes are returned, and the first one after.
    params : MatchParams
        Threshold and largest number of rounds.
    backend : Backend
        Does the work.

    Returns
    -------
    MatchedSpikes
        Samples count from the start of the traces.

    References
    ----------
    Pachitariu, Sridhar, Pennington and Stringer (2024), Nature Methods 21, 914-921.
    """
    templates = matcher.templates
    scores = matcher.score(white, backend)
    worth = by_score(np.full(len(templates), params.threshold, np.float32))
    sample, template, score, n_left = backend.pursue(scores, matcher.pairs, worth, ANY_AMPLITUDE, params.max_peels)
    matcher.subtract(white, (sample, template, score), backend)
    inside = (sample >= span[0]) & (sample < span[1])
    sample, template, score = sample[inside], template[inside], score[inside]
    norm = templates.norms[template]
    amplitude = (score / np.maximum(templates.norms, 1e-12)[template]).astype(np.float32)
    features = matcher.describe(white, sample, template, amplitude, backend)
    excess = score - np.float32(params.threshold)
    return MatchedSpikes(sample, template.astype(np.int32), score, excess, amplitude, norm, features, n_left)


def by_score(least: F32) -> Worth:
    """Judge spikes by their score alone: any amplitude is as likely, and a spike gains its score squared.

    Parameters
    ----------
    least : ndarray of float32, shape (n_templates,)
        The score from which on spikes of each template count.

    Returns
    -------
    Worth
        With it, `Backend.pursue` returns scores as amplitudes.

    Examples
    --------
    >>> by_score(np.array([8.0], np.float32)).norms
    array([1.], dtype=float32)
    """
    return Worth(least, np.ones_like(least), np.zeros_like(least), np.zeros_like(least))
