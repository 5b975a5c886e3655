"""Template matching: finds the spikes of the learned templates and resolves overlapping spikes.

This is the matching pursuit of Kilosort4 with its score max(0, projection)^2 / |template|^2, with two differences. In
each round all spikes that do not overlap a better one are accepted. The margin of a block is matched as well, so block
edges have no effect. See docs/match.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import ANY_AMPLITUDE, Overlaps, Worth
from spikesieve.model import F32, I32, I64, Blanked, Bool
from spikesieve.settings.match import MatchParams
from spikesieve.stages.blanking import MAX_HIDDEN
from spikesieve.stages.features import on_contacts
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, unit_norm

Found = tuple[I64, I64, F32]


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
        Projection on the template of unit norm after other spikes were subtracted, in noise SD.
    excess : ndarray of float32, shape (n,)
        Score minus the smallest score that is accepted, in noise SD.
    amplitude : ndarray of float32, shape (n,)
        Size relative to the template.
    norm : ndarray of float32, shape (n,)
        Norm of the template at the displacement where the spike was matched, in noise SD.
    features : ndarray of float32, shape (n, n_near, n_pcs)
        PC scores on the contacts of the template after all other spikes were subtracted.
    n_left : int
        Spikes that were not extracted because the number of rounds was reached.
    notes : tuple of str
        Sentences for the user.
    blanked : Blanked or None
        What was left out of the recording; None for the spikes of one block.
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
    blanked: Blanked | None = None


@dataclass(frozen=True, eq=False)
class Matcher:
    """Templates prepared for matching.

    Attributes
    ----------
    templates : LearnedTemplates
        The templates.
    unit_scores : ndarray of float32, shape (n_templates, n_near, n_pcs)
        PC scores of the templates, scaled to unit norm.
    waveforms : ndarray of float32, shape (n_templates, n_near, n_waveform_samples)
        Waveforms of the templates of unit norm.
    pairs : Overlaps
        How a spike of one template changes the scores of the others.
    feature_contacts : ndarray of int64, shape (n_templates, n_feature_contacts)
        Contacts on which the features of a template's spikes are measured.
    feature_scores : ndarray of float32, shape (n_templates, n_feature_contacts, n_pcs)
        PC scores of the template itself on these contacts.
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
            Runs the array operations.

        Returns
        -------
        ndarray of float32, shape (n_templates, n_samples)
            Projections on the templates of unit norm; 0 where the window extends beyond the traces.
        """
        shapes = self.shapes
        return backend.template_scores(white, shapes.pcs, shapes.peak_index, self.templates.contacts, self.unit_scores)

    def subtract(self, white: F32, spikes: tuple[I64, I64, F32], backend: Backend) -> None:
        """Subtract spikes from traces.

        Parameters
        ----------
        white : ndarray of float32, shape (n_contacts, n_samples)
            Whitened traces, changed in place.
        spikes : (ndarray of int64, ndarray of int64, ndarray of float32), shape (n,) each
            Sample, template, and projection on the template of unit norm.
        backend : Backend
            Runs the array operations.
        """
        backend.subtract(white, spikes, self.templates.contacts, self.waveforms, self.shapes.peak_index)

    def hidden_share(self, sample: I64, template: I64, blanked: Bool) -> F32:
        """Compute how much of each spike is blanked.

        Parameters
        ----------
        sample, template : ndarray of int64, shape (n,)
            Sample and template of each spike, a window from the ends of the traces.
        blanked : ndarray of bool, shape (n_contacts, n_samples)
            Blanked samples.

        Returns
        -------
        ndarray of float32, shape (n,)
            Share of the energy of its template.
        """
        before, n = self.shapes.peak_index, self.shapes.n_samples
        contacts, waveforms = self.templates.contacts, self.waveforms
        share = np.zeros(len(sample), np.float32)
        count = np.concatenate([[0], np.cumsum(blanked.any(axis=0))])
        for row in np.flatnonzero(count[sample - before + n] > count[sample - before]).tolist():
            near, first = contacts[template[row]], int(sample[row]) - before
            hidden = blanked[np.maximum(near, 0), first : first + n] & (near >= 0)[:, None]
            share[row] = (waveforms[template[row]] ** 2)[hidden].sum()
        return share

    def describe(self, residual: F32, sample: I64, template: I64, amplitude: F32, backend: Backend) -> F32:
        """Compute the features of spikes: those of the residual plus those of the subtracted template.

        Parameters
        ----------
        residual : ndarray of float32, shape (n_contacts, n_samples)
            Traces after all spikes were subtracted.
        sample, template : ndarray of int64, shape (n,)
            Sample and template of each spike.
        amplitude : ndarray of float32, shape (n,)
            Size of each spike relative to the template.
        backend : Backend
            Runs the array operations.

        Returns
        -------
        ndarray of float32, shape (n, n_feature_contacts, n_pcs)
            PC scores of each spike after other spikes were subtracted.
        """
        contacts = self.feature_contacts[template]
        features = backend.describe(residual, sample, contacts, self.shapes.pcs, self.shapes.peak_index)
        features += amplitude[:, None, None] * self.feature_scores[template]
        return features


def make_matcher(templates: LearnedTemplates, feature_contacts: I64, n_contacts: int, shapes: Shapes) -> Matcher:
    """Prepare templates for matching.

    Parameters
    ----------
    templates : LearnedTemplates
        Templates at the current displacement of the tissue.
    feature_contacts : ndarray of int64, shape (n_templates, n_feature_contacts)
        Contacts on which the features of each template's spikes are measured.
    n_contacts : int
        Number of contacts of the probe.
    shapes : Shapes
        Temporal components.

    Returns
    -------
    Matcher
        The prepared templates.
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


def seen(spikes: Found, matcher: Matcher, residual: F32, blanked: Bool | None) -> Found:
    """Leave out spikes that blanked samples hide, and make the residual 0 there.

    The features of a spike that is hidden a little are then those of its template there: they change no mean.

    Parameters
    ----------
    spikes : (ndarray of int64, ndarray of int64, ndarray of float32), shape (n,) each
        Sample, template and size of each spike.
    matcher : Matcher
        The templates.
    residual : ndarray of float32, shape (n_contacts, n_samples)
        Traces after all spikes were subtracted; changed in place.
    blanked : ndarray of bool, shape (n_contacts, n_samples), or None
        Blanked samples.

    Returns
    -------
    tuple of ndarray
        Sample, template and size of the spikes that are seen.
    """
    if blanked is None:
        return spikes
    residual[blanked] = 0.0
    sample, template, size = spikes
    kept = matcher.hidden_share(sample, template, blanked) <= MAX_HIDDEN
    return sample[kept], template[kept], size[kept]


def match(
    white: F32,
    matcher: Matcher,
    span: tuple[int, int],
    params: MatchParams,
    backend: Backend,
    blanked: Bool | None = None,
) -> MatchedSpikes:
    """Find the spikes of a block whose projection exceeds a threshold.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces, time contiguous. Spikes are subtracted in place, so the residual is left.
    matcher : Matcher
        The templates.
    span : (int, int)
        Start and stop of the samples whose spikes are returned.
    params : MatchParams
        Threshold and largest number of rounds.
    backend : Backend
        Runs the array operations.
    blanked : ndarray of bool, shape (n_contacts, n_samples), optional
        Blanked samples.

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
    spikes = sample[inside], template[inside], score[inside]
    sample, template, score = seen(spikes, matcher, white, blanked)
    norm = templates.norms[template]
    amplitude = (score / np.maximum(templates.norms, 1e-12)[template]).astype(np.float32)
    features = matcher.describe(white, sample, template, amplitude, backend)
    excess = score - np.float32(params.threshold)
    return MatchedSpikes(sample, template.astype(np.int32), score, excess, amplitude, norm, features, n_left)


def by_score(least: F32) -> Worth:
    """Accept spikes by their score alone, as Kilosort4 does: no amplitude is preferred, and the gain is score^2.

    Parameters
    ----------
    least : ndarray of float32, shape (n_templates,)
        Smallest accepted score of each template.

    Returns
    -------
    Worth
        Gain of a spike. `Backend.pursue` then returns scores as amplitudes.

    Examples
    --------
    >>> by_score(np.array([8.0], np.float32)).norms
    array([1.], dtype=float32)
    """
    return Worth(least, np.ones_like(least), np.zeros_like(least), np.zeros_like(least))
