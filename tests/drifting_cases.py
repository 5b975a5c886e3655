"""Neurons in tissue that moves: their footprints, moving templates, and the spikes these match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tiny
from tiny import HZ, TIME, refractory_train

from spikesieve.settings.refine import RefineParams
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.moving_units import FoundUnits, MatchedSteps, observe_units
from spikesieve.stages.templates import LearnedTemplates
from spikesieve.stages.tissue import MovingTemplates, Observed

SHAPES = tiny.textbook_shapes()
PROBE = tiny.line_probe(8)
STEPS_UM = np.arange(-8.0, 9.0)
REFINE = RefineParams()


def footprint(y_um: float, moved_um: float, size: float = 15.0) -> np.ndarray:
    """(n_contacts, n_pcs) of a neuron at y_um that the tissue carried up."""
    away = PROBE.positions_um[:, 1] - y_um - moved_um
    # Two shapes of different spread: what is observed changes in form, not only in size.
    near, wide = np.exp(-((away / 22) ** 2)), 0.3 * np.exp(-((away / 45) ** 2))
    return size * (near[:, None] * SHAPES.templates[0] + wide[:, None] * SHAPES.templates[2])


def moving(footprints: list) -> MovingTemplates:
    scores = np.stack([[of(d) for of in footprints] for d in STEPS_UM]).astype(np.float32)
    contacts = np.tile(np.arange(8), (*scores.shape[:2], 1))
    still = len(STEPS_UM) // 2
    rest = LearnedTemplates(contacts[still], scores[still], np.full(len(footprints), 500))
    return MovingTemplates(rest, STEPS_UM, contacts, scores)


def matched_by(before: MovingTemplates, actual, source_of, seed: int = 0):
    """Spikes of one neuron, `actual(displacement)`, found by the template source_of(displacement) during a zigzag."""
    rng = np.random.default_rng(seed)
    sample = refractory_train(10.0, 160.0, rng)
    step = np.round(8 + 8 * (1 - 4 * np.abs((sample / HZ / 40) % 1 - 0.5))).astype(np.int64)
    source = np.array([source_of(d) for d in STEPS_UM[step]], np.int32)
    features = np.stack([actual(d) for d in STEPS_UM[step]]) + rng.standard_normal((len(sample), 8, 6))
    features += before.rest.scores[source] - before.scores[step, source]
    one = np.ones(len(sample), np.float32)
    matched = DescribedSpikes(
        sample,
        source,
        features.astype(np.float32),
        one,
        one,
        one,
        before.rest.contacts,
        before.rest.scores,
        SHAPES.pcs,
        TIME,
        160.0,
    )
    return matched, step


def seconds_of(before: MovingTemplates) -> np.ndarray:
    """(n_steps, n_templates) during the zigzag of `matched_by`."""
    return np.full((len(STEPS_UM), len(before.rest)), 160.0 / len(STEPS_UM))


def observed_of(matched: DescribedSpikes, step: np.ndarray, before: MovingTemplates) -> list[Observed]:
    return observe_units(
        matched, units_of(matched, before.rest), MatchedSteps(before, step, seconds_of(before), 2)
    ).observed


def units_of(matched: DescribedSpikes, templates: LearnedTemplates) -> FoundUnits:
    return FoundUnits(templates, np.arange(len(templates)), matched.template.astype(np.int64), matched.amplitude)


def without(matched: DescribedSpikes, spikes: np.ndarray) -> DescribedSpikes:
    fields = ("sample", "template", "features", "excess", "amplitude", "norm_ratio")
    return replace(matched, **{name: getattr(matched, name)[~spikes] for name in fields})


def beside(a: DescribedSpikes, b: DescribedSpikes) -> DescribedSpikes:
    """Times and sources of both."""
    return replace(a, sample=np.concatenate([a.sample, b.sample]), template=np.concatenate([a.template, b.template]))


def actual(moved_um: float) -> np.ndarray:
    return footprint(75.0, moved_um)


def wrong_above(moved_um: float) -> np.ndarray:
    """Right where the tissue is low, as if it stood still where it is high."""
    return footprint(75.0, min(moved_um, 0.0))


def wrong_below(moved_um: float) -> np.ndarray:
    return footprint(75.0, max(moved_um, 0.0) + 4.0)
