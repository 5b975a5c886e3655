"""Finds spikes again with the learned templates, overlaps resolved: matching pursuit, local, many spikes a round.

Kilosort4's matching with its score max(0, projection)^2 / |template|^2, but spikes only compete with what they touch,
and a block's halo is matched too, so block edges are invisible. See docs/match.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels import ANY_AMPLITUDE, Overlaps, Worth, pursue, subtract_waveforms, template_scores
from spikesieve.model import F32, I64
from spikesieve.settings.match import MatchParams
from spikesieve.stages.detect import in_sixes
from spikesieve.stages.features import describe, on_contacts
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, overlaps, unit_norm


@dataclass(frozen=True, eq=False)
class Matcher:
    """Templates made ready for matching.

    unit_scores       (n_templates, n_near, n_pcs padded) float32, unit norm
    waveforms         (n_templates, n_near, n_waveform_samples) float32, the same in time
    feature_contacts  (n_templates, n_feature_contacts) int64, where the spikes of a template are described
    feature_scores    (n_templates, n_feature_contacts, n_pcs) float32, its own scores there
    """

    templates: LearnedTemplates
    unit_scores: F32
    waveforms: F32
    pairs: Overlaps
    feature_contacts: I64
    feature_scores: F32
    shapes: Shapes

    def score(self, white: F32, scores: F32) -> None:
        """Fill `scores`, (n_templates, n_samples), with those of every template on `white`; 0 where a window leaves it.

        white  (n_contacts, n_samples) float32
        """
        components, peak_index = in_sixes(self.shapes.pcs), self.shapes.peak_index
        template_scores(white, components, peak_index, self.templates.contacts, self.unit_scores, scores)

    def subtract(self, white: F32, sample: I64, template: I64, value: F32) -> None:
        """In place: take spikes with these scores, (n,) each, out of the traces."""
        contacts, peak_index = self.templates.contacts, self.shapes.peak_index
        subtract_waveforms(white, sample, template, value, contacts, self.waveforms, peak_index)

    def describe(self, residual: F32, sample: I64, template: I64, scale: F32) -> F32:
        """What is left at spikes, and what was subtracted for each: (n, n_feature_contacts, n_pcs) float32.

        scale  (n,) float32, times the template
        """
        contacts = self.feature_contacts[template]
        features = describe(residual, sample, contacts, self.shapes.pcs, self.shapes.peak_index)
        features += scale[:, None, None] * self.feature_scores[template]
        return features


@dataclass(frozen=True, eq=False)
class Matches:
    """Spikes of one block, ordered by (sample, template).

    sample    (n,) int64 within the block
    template  (n,) int64
    value     (n,) float32, projection on the unit-norm template in noise SD
    features  (n, n_feature_contacts, n_pcs) float32, all other spikes subtracted
    n_left    maxima above the threshold that were left when the rounds ran out
    """

    sample: I64
    template: I64
    value: F32
    features: F32
    n_left: int


def make_matcher(templates: LearnedTemplates, feature_contacts: I64, n_contacts: int, shapes: Shapes) -> Matcher:
    """Everything the matching of a block needs, computed once."""
    components = in_sixes(shapes.pcs)
    unit_scores = unit_norm(templates, len(components))
    return Matcher(
        templates,
        unit_scores,
        unit_scores @ components,
        overlaps(templates, n_contacts, shapes.pcs),
        feature_contacts,
        on_contacts(templates.dense(n_contacts), feature_contacts),
        shapes,
    )


def match(white: F32, matcher: Matcher, core: tuple[int, int], params: MatchParams, scores: F32) -> Matches:
    """Spikes of one block whose sample lies in core[0] <= t < core[1]. `white` is changed to the residual.

    white   (n_contacts, n_samples) float32, time contiguous
    scores  (n_templates, n_samples) float32, filled with what is left of the score of every template
    """
    templates = matcher.templates
    matcher.score(white, scores)
    worth = by_score(np.full(len(templates), params.threshold, np.float32))
    sample, template, value, n_left = pursue(scores, matcher.pairs, worth, ANY_AMPLITUDE, params.max_peels)
    matcher.subtract(white, sample, template, value)
    inside = (sample >= core[0]) & (sample < core[1])
    sample, template, value = sample[inside], template[inside], value[inside]
    scale = (value / np.maximum(templates.norms, 1e-12)[template]).astype(np.float32)
    return Matches(sample, template, value, matcher.describe(white, sample, template, scale), n_left)


def by_score(least: F32) -> Worth:
    """Any amplitude is as likely, spikes gain their score squared: what `pursue` returns as amplitudes are scores.

    least  (n_templates,) float32, the score from which on spikes count
    """
    return Worth(least, np.ones_like(least), np.zeros_like(least), np.zeros_like(least))
