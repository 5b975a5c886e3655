"""Finds spikes again with the learned templates, overlaps resolved: matching pursuit, local, many spikes a round.

Kilosort4's matching with its score max(0, projection)^2 / |template|^2, but spikes only compete with what they touch,
and a block's halo is matched too, so block edges are invisible. See docs/match.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.kernels import ANY_AMPLITUDE, Overlaps, Worth, pursue, subtract_from_projections, template_scores
from spikesieve.model import F32, I64
from spikesieve.params import Params, setting
from spikesieve.stages.features import gather, on_contacts
from spikesieve.stages.shapes import Shapes
from spikesieve.stages.templates import LearnedTemplates, component_lags, overlaps, unit_norm


class MatchParams(Params):
    """How spikes are matched."""

    threshold: float = setting(
        8.0, "smallest projection on a learned template, in noise SD", kilosort4="Th_learned", gt=2.0, le=100.0
    )
    max_peels: int = setting(100, "largest number of rounds in a block", kilosort4="max_peels", ge=1, le=10_000)


@dataclass(frozen=True, eq=False)
class Matcher:
    """Templates made ready for matching.

    unit_scores       (n_templates, n_near, n_pcs padded) float32, unit norm
    feature_contacts  (n_templates, n_feature_contacts) int64, where the spikes of a template are described
    feature_scores    (n_templates, n_feature_contacts, n_pcs) float32, its own scores there
    """

    templates: LearnedTemplates
    unit_scores: F32
    pairs: Overlaps
    lags: F32
    feature_contacts: I64
    feature_scores: F32
    n_pcs: int


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
    n_pcs = len(shapes.pcs)
    padded = -(-n_pcs // 6) * 6
    pcs = np.pad(shapes.pcs, ((0, padded - n_pcs), (0, 0)))
    return Matcher(
        templates,
        unit_norm(templates, padded),
        overlaps(templates, n_contacts, shapes.pcs),
        component_lags(pcs),
        feature_contacts,
        on_contacts(templates.dense(n_contacts), feature_contacts),
        n_pcs,
    )


def match(projections: F32, matcher: Matcher, core: tuple[int, int], params: MatchParams, scores: F32) -> Matches:
    """Spikes of one block whose sample lies in core[0] <= t < core[1]. `projections` is changed to the residual's.

    projections  (n_contacts, n_pcs padded, n_samples) float32: `temporal_projections` on the components
    scores       (n_templates, n_samples) float32, filled with what is left of the score of every template
    """
    templates = matcher.templates
    template_scores(projections, templates.contacts, matcher.unit_scores, scores)
    worth = by_score(np.full(len(templates), params.threshold, np.float32))
    sample, template, value, n_left = pursue(scores, matcher.pairs, worth, ANY_AMPLITUDE, params.max_peels)
    subtract_from_projections(
        projections, sample, template, value, templates.contacts, matcher.unit_scores, matcher.lags
    )
    inside = (sample >= core[0]) & (sample < core[1])
    sample, template, value = sample[inside], template[inside], value[inside]
    features = gather(projections, sample, matcher.feature_contacts[template], matcher.n_pcs)
    scale = value / np.maximum(templates.norms, 1e-12)[template]
    features += scale[:, None, None] * matcher.feature_scores[template]
    return Matches(sample, template, value, features, n_left)


def by_score(least: F32) -> Worth:
    """Any amplitude is as likely, spikes gain their score squared: what `pursue` returns as amplitudes are scores.

    least  (n_templates,) float32, the score from which on spikes count
    """
    return Worth(least, np.ones_like(least), np.zeros_like(least), np.zeros_like(least))
