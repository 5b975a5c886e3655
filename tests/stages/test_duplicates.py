"""Clusters that look alike become one template; each knows which, and how much earlier it is read."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spikesieve.settings.templates import TemplatesParams
from spikesieve.stages.duplicates import learn_templates, without_duplicates
from spikesieve.stages.templates import LearnedTemplates, advanced

SHAPES = tiny.textbook_shapes()
N_CONTACTS = 8


def family(sizes: list[float], counts: list[int], centres: list[int]) -> LearnedTemplates:
    """Templates of one shape at some centres."""
    each = [tiny.line_templates(SHAPES, [c], N_CONTACTS, s) for c, s in zip(centres, sizes, strict=True)]
    return LearnedTemplates(
        np.concatenate([t.contacts for t in each]), np.concatenate([t.scores for t in each]), np.array(counts, np.int64)
    )


def test_templates_of_one_shape_and_size_become_one_and_their_spikes_add_up():
    kept = without_duplicates(
        family([20.0, 21.0, 20.0], [10, 100, 5], [3, 3, 6]), N_CONTACTS, SHAPES.pcs, TemplatesParams()
    ).templates
    assert kept.n_spikes.tolist() == [110, 5]
    assert kept.peak_contacts.tolist() == [3, 6]


def test_templates_of_one_shape_but_another_size_stay():
    kept = without_duplicates(
        family([20.0, 30.0], [10, 100], [3, 3]), N_CONTACTS, SHAPES.pcs, TemplatesParams()
    ).templates
    assert sorted(kept.n_spikes.tolist()) == [10, 100]


def test_the_most_populous_stands_for_its_family():
    both = family([20.0, 23.0], [100, 50], [3, 3])
    kept = without_duplicates(both, N_CONTACTS, SHAPES.pcs, TemplatesParams()).templates
    np.testing.assert_array_equal(kept.scores[0], both.scores[0])


def test_opposite_polarity_is_no_duplicate():
    both = family([20.0, 20.0], [100, 50], [3, 3])
    both.scores[1] *= -1
    assert len(without_duplicates(both, N_CONTACTS, SHAPES.pcs, TemplatesParams()).templates) == 2


def test_duplicates_that_cannot_be_one_neuron_stay():
    three = family([20.0, 21.0, 20.0], [10, 100, 5], [3, 3, 3])
    kept = without_duplicates(three, N_CONTACTS, SHAPES.pcs, TemplatesParams(), lambda a, b: {a, b} != {0, 1}).templates
    assert kept.n_spikes.tolist() == [105, 10]


@pytest.mark.parametrize("n", [0, 1])
def test_no_duplicates_in_none_and_in_one(n):
    some = tiny.line_templates(SHAPES, [2] * n, N_CONTACTS)
    assert len(without_duplicates(some, N_CONTACTS, SHAPES.pcs, TemplatesParams()).templates) == n


def test_every_cluster_knows_its_template_and_how_much_earlier_it_is_read():
    shapes = tiny.smooth_shapes()
    some = LearnedTemplates(
        np.tile(np.arange(3), (3, 1)), np.zeros((3, 3, 20), np.float32), np.array([50, 100, 3], np.int64)
    )
    some.scores[:, 1] = 20.0 * shapes.templates[0]
    some.scores[0] = advanced(some.scores[0], -3, shapes.pcs)  # 3 samples late in its window
    found = learn_templates(some, 3, shapes, TemplatesParams(min_spikes=20))
    assert found.template_of_cluster.tolist() == [0, 0, -1]
    assert found.advance_samples[0] - found.advance_samples[1] == 3
