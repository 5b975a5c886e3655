"""Template matching: finds the spikes of the learned templates and resolves overlapping spikes.

This is the matching pursuit of Kilosort4 with its score max(0, projection)^2 / |template|^2, with two differences. In
each round all spikes that do not overlap a better one are accepted. The margin of a block is matched as well, so block
edges have no effect. See docs/match.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels.backend import Backend
from spikesieve.kernels.pursuit import ALL_VISIBLE, ANY_AMPLITUDE, Overlaps, Visible, Worth
from spikesieve.model import F32, I32, I64, Blanked, Bool
from spikesieve.settings.match import MatchParams
from spikesieve.stages.blanking import MAX_HIDDEN, WHOLE
from spikesieve.stages.features import on_contacts
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, unit_norm

# Where less of the energy of a template is visible than this, its spikes are not looked for.
LEAST_VISIBLE = 0.05
# Whether spikes would be seen is looked at once in this number of samples: a prime, so that nothing regular is in step.
SEEN_STEP = 499


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
    whole : ndarray of bool, shape (n,), or None
        False for spikes of which too much is blanked to learn from them. None: not known.
    n_seen : ndarray of int64, shape (n_blocks, n_templates), or None
        At how many of `n_times` times a spike of each template would be seen. None: not known.
    n_times : ndarray of int64, shape (n_blocks,), or None
        Times that were looked at in each block.
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
    whole: Bool | None = None
    n_seen: I64 | None = None
    n_times: I64 | None = None

    @property
    def is_whole(self) -> Bool:
        """`whole`, or True for all spikes: (n,) bool."""
        return np.ones(len(self.sample), np.bool_) if self.whole is None else self.whole


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

    def score(self, white: F32, backend: Backend, blanked: Bool | None = None) -> tuple[F32, Visible]:
        """Score every template at every sample.

        Parameters
        ----------
        white : ndarray of float32, shape (n_contacts, n_samples)
            Whitened traces, 0 where blanked.
        backend : Backend
            Runs the array operations.
        blanked : ndarray of bool, shape (n_contacts, n_samples), optional
            Blanked samples.

        Returns
        -------
        scores : ndarray of float32, shape (n_templates, n_samples)
            Projections on what is visible of the templates, scaled to unit norm; 0 where the window extends beyond the
            traces, or little is visible.
        visible : Visible
            What is visible.
        """
        shapes, contacts = self.shapes, self.templates.contacts
        how = contacts, self.unit_scores, shapes.between
        scores = backend.template_scores(white, shapes.pcs, shapes.peak_index, *how)
        if blanked is None or not blanked.any():
            return scores, ALL_VISIBLE
        energy = 1 - backend.hidden_energy(blanked, contacts, self.waveforms, shapes.peak_index)
        norms = np.sqrt(np.where(energy < LEAST_VISIBLE, np.float32(0.0), energy))
        np.divide(scores, norms, out=scores, where=norms > 0)
        scores[norms == 0] = 0.0
        own, pcs = np.array(self.unit_scores), np.array(shapes.pcs)
        return scores, Visible(norms, np.array(blanked), np.array(contacts), own, pcs, shapes.peak_index)

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


def seen(sample: I64, template: I64, span: tuple[int, int], matcher: Matcher, visible: Visible) -> tuple[I64, F32]:
    """Select the spikes of a span that are seen: the edge of a blanked interval may cut others too much.

    Parameters
    ----------
    sample, template : ndarray of int64, shape (n,)
        Sample and template of each spike.
    span : (int, int)
        Start and stop of the samples whose spikes are selected.
    matcher : Matcher
        The templates.
    visible : Visible
        What is visible of them.

    Returns
    -------
    rows : ndarray of int64, shape (n_seen,)
        The spikes that are seen.
    norm : ndarray of float32, shape (n_seen,)
        Norm of what is visible of each, 1 for whole spikes.
    """
    rows = np.flatnonzero((sample >= span[0]) & (sample < span[1]))
    if not visible.norms.size:
        return rows, np.ones(len(rows), np.float32)
    sample, template = sample[rows], template[rows]
    norm = visible.norms[template, sample]
    kept = norm**2 >= 1 - MAX_HIDDEN
    doubtful = np.flatnonzero(~kept)
    kept[doubtful] = _cut_energy(sample[doubtful], template[doubtful], matcher, visible.blanked) <= WHOLE
    return rows[kept], norm[kept]


def times_seen(span: tuple[int, int], matcher: Matcher, visible: Visible) -> tuple[I64, I64]:
    """Count at how many of some times a spike of each template would be seen.

    Parameters
    ----------
    span : (int, int)
        Start and stop of the samples that the times are spread over.
    matcher : Matcher
        The templates.
    visible : Visible
        What is visible of them.

    Returns
    -------
    n_seen : ndarray of int64, shape (1, n_templates)
        Counts.
    n_times : ndarray of int64, shape (1,)
        Number of times.
    """
    times = np.arange(*span, SEEN_STEP)
    n_seen = np.full((1, len(matcher.templates)), len(times))
    if visible.norms.size:
        for k in np.flatnonzero((visible.norms[:, times] < 1).any(axis=1)):
            _, norm = seen(times, np.full(len(times), k), span, matcher, visible)
            n_seen[0, k] = np.count_nonzero(norm)
    return n_seen, np.array([len(times)])


def _cut_energy(sample: I64, template: I64, matcher: Matcher, blanked: Bool) -> F32:
    """Share of the energy of each spike, (n,), that is hidden on contacts where only a part of its window is blanked.

    A contact that is blanked all the time cuts nothing: what the others see of the spike is all there.
    """
    shapes, contacts = matcher.shapes, matcher.templates.contacts[template]
    at = np.clip(sample[:, None] - shapes.peak_index + np.arange(shapes.n_samples), 0, blanked.shape[1] - 1)
    hidden = blanked[contacts[:, :, None], at[:, None, :]] & (contacts >= 0)[:, :, None]
    hidden &= ~hidden.all(axis=2, keepdims=True)
    energy: F32 = (matcher.waveforms[template] ** 2 * hidden).sum(axis=(1, 2))
    return energy


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
    scores, visible = matcher.score(white, backend, blanked)
    least = np.full(len(templates), params.threshold, np.float32)
    # With this cost, a spike that is partly hidden needs the same score as a whole one.
    how = by_score(least)._replace(cost=least**2), ANY_AMPLITUDE, visible
    sample, template, score, n_left = backend.pursue(scores, matcher.pairs, *how, params.max_peels)
    matcher.subtract(white, (sample, template, score), backend)
    if blanked is not None:
        white[blanked] = 0.0
    rows, part = seen(sample, template, span, matcher, visible)
    sample, template, score = sample[rows], template[rows], score[rows]
    norm = templates.norms[template]
    amplitude = (score / np.maximum(templates.norms, 1e-12)[template]).astype(np.float32)
    features = matcher.describe(white, sample, template, amplitude, backend)
    excess = score * part - np.float32(params.threshold)
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
