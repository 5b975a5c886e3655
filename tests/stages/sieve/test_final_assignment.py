"""Only units that stand out of the noise are kept, and spikes of units that are too small go to others."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from matched_cases import REFINE, confusion, footprint, refined, spikes_of, train


def test_a_cluster_of_threshold_crossings_is_no_unit():
    """Spikes of 3.5 SD of which the search accepts what noise lifts above 4.5, and a true unit beside them."""
    units = [footprint(2, 3.5, 0), footprint(6, 9, 1)]
    matched, truth = spikes_of(units, [train(40, 0), train(10, 1)], [0, 1])
    assert (truth == 0).sum() > 300
    found = refined(matched)
    assert len(found.means) == 1
    assert "1 cluster" in found.notes[0]
    largest = re.search(r"The largest has (\d+) spikes around contact (\d+)", found.notes[0])
    assert largest is not None
    n_spikes, contact = map(int, largest.groups())
    assert contact == 2
    assert n_spikes > 0.8 * (truth == 0).sum()
    assert confusion(truth, found.unit)[1, 0] > 0.95 * (truth == 1).sum()


def test_spikes_of_a_unit_that_is_too_small_to_be_kept_go_to_the_next_likeliest():
    """Twelve collisions of a neuron, 4 noise SD from its mean, have a template of their own."""
    whole, few = footprint(3, 14, 0), footprint(3, 14, 0) + footprint(6, 4, 1, 0.5)
    one = train(8, 1)
    own = np.arange(12) * len(one) // 12
    matched, truth = spikes_of([whole, few], [np.delete(one, own), one[own]], [0, 1])
    found = refined(matched, REFINE.model_copy(update={"same_distance": 0.0, "same_distance_apart": 0.0}))
    assert confusion(truth, found.unit).shape == (2, 1)
    assert confusion(truth, found.unit)[1, 0] == 12


def test_a_unit_that_is_seen_half_of_the_time_needs_half_of_the_spikes():
    matched, _ = spikes_of([footprint(2, 12, 0)], [train(0.15, 0)[:12]], [0])
    assert len(refined(matched).means) == 0
    seen = replace(matched, seen_share=np.array([0.45]))
    assert len(refined(seen).means) == 1


def test_whole_spikes_tell_that_a_unit_is_no_noise():
    """Of six spikes in ten so much is hidden that they barely exceed the limit."""
    matched, _ = spikes_of([footprint(2, 12, 0)], [train(3, 0)], [0])
    whole = np.arange(len(matched.sample)) % 10 >= 6
    matched.excess[~whole] = 0.3
    assert len(refined(matched).means) == 0
    assert len(refined(replace(matched, whole=whole)).means) == 1


def test_the_largest_cluster_of_too_few_spikes_is_named():
    few, fewer = train(0.15, 0)[:12], train(0.1, 2)[:6]
    matched, truth = spikes_of([footprint(2, 12, 0), footprint(6, 12, 1)], [few, fewer], [0, 1])
    found = refined(matched)
    assert len(found.means) == 0
    assert "fewer spikes than refine.min_spikes = 20" in found.notes[0]
    assert "2 clusters left out for " in found.notes[0]
    assert f"The largest has {(truth == 0).sum()} spikes around contact 2." in found.notes[0]


def test_the_largest_cluster_is_named_where_no_spike_is_likelier_than_noise():
    """Each of a rare unit of 2 noise SD would have to be larger by far to be no noise."""
    matched, truth = spikes_of([footprint(2, 2, 0), footprint(6, 2, 1)], [train(0.4, 0), train(0.3, 1)], [0, 1], 0.1)
    found = refined(matched)
    assert len(found.means) == 0
    first, second = (truth == 0).sum(), (truth == 1).sum()
    assert first > second
    assert "All clusters (2) are left out: none of their spikes is likelier than noise" in found.notes[0]
    assert f"The largest has {first} spikes around contact 2." in found.notes[0]
