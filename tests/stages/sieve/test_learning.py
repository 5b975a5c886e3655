"""What is learned from some of the spikes holds for all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matched_cases import FIT, N_CONTACTS, REFINE, SECONDS, SHAPES, confusion, footprint, refined, spikes_of, train
from tiny import TIME

from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.final_assignment import final_assignment
from spikesieve.stages.sieve.learning import learn_units, learned_templates
from spikesieve.stages.templates import LearnedTemplates


def test_what_is_learned_from_some_seconds_holds_for_all():
    units = [footprint(3, 14, 0), footprint(5, 12, 1)]
    matched, truth = spikes_of(units, [train(30, 0), train(5, 1)], [0, 0])
    few = REFINE.model_copy(update={"max_spikes": 400})
    learned = learn_units(matched, FIT, few)
    assert 0 < len(learned.spikes.sample) < 0.25 * len(truth)
    np.testing.assert_allclose(np.sort(learned.means.n_spikes), np.sort(np.bincount(truth)), rtol=0.15)
    table = confusion(truth, final_assignment(matched, learned.means, FIT, few).unit)
    assert table.max(axis=1).sum() > 0.97 * len(truth)


def test_nothing_is_learned_from_spikes_that_are_partly_hidden_but_they_count():
    """Their hidden part is a guess: here that of another neuron."""
    own, other = footprint(3, 14, 0), footprint(5, 12, 1)
    matched, truth = spikes_of([own, other], [train(20, 0), train(20, 1)], [0, 0])
    whole = truth == 0
    learned = learn_units(replace(matched, whole=whole), FIT, REFINE)
    (n_accepted,) = learned.assignment.counts(len(learned.means.norms))
    assert 0.99 * whole.sum() < n_accepted <= whole.sum()
    np.testing.assert_allclose(learned.means.n_spikes, len(truth), rtol=0.01)
    np.testing.assert_allclose(learned.means.scores[0], own, atol=0.3)


def test_no_spikes_make_no_units():
    empty = DescribedSpikes(
        np.empty(0, np.int64),
        np.empty(0, np.int32),
        np.empty((0, N_CONTACTS, 6), np.float32),
        *(np.empty(0, np.float32) for _ in range(3)),
        np.empty((0, N_CONTACTS), np.int64),
        np.empty((0, N_CONTACTS, 6), np.float32),
        SHAPES.pcs,
        TIME,
        SECONDS,
    )
    found = refined(empty)
    assert len(found.unit) == len(found.means) == len(found.notes) == 0
    templates, parent, unit = learned_templates(learn_units(empty, FIT, REFINE))
    assert isinstance(templates, LearnedTemplates)
    assert len(templates) == len(parent) == len(unit) == 0
