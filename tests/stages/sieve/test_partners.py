"""Units that were seen at different displacements: which of them are one neuron."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesieve.stages.sieve.partners import (
    N_PRIOR_PAIRS,
    NEIGHBOUR_SIMILARITY,
    Evidence,
    likelihood_ratio,
    neighbour_similarity,
    partner_probabilities,
)

ALIKE = Evidence(0.7, 0.3, 0.0, 0.0)


def ratio(evidence: Evidence = ALIKE, neighbours: float = 0.2, **changed: float) -> float:
    return likelihood_ratio(replace(evidence, **changed), neighbours)


def test_the_odds_grow_with_similarity_where_a_prediction_cannot_know_much():
    assert ratio() > 10
    values = [ratio(similarity=s) for s in (0.3, 0.5, 0.7, 0.9)]
    assert values == sorted(values)
    assert ratio(similarity=0.0) == ratio(similarity=-0.5) == 0.0


def test_a_misfit_that_the_distance_does_not_explain_speaks_against_one_neuron():
    assert ratio(expected_misfit=0.05) < 0.1
    assert ratio(expected_misfit=0.05, similarity=0.98) > 100


def test_where_neighbours_are_alike_similarity_says_little():
    assert ratio(neighbours=0.5) < ratio(neighbours=0.2) / 3


def test_different_rates_speak_against_one_neuron_and_few_spikes_say_little_about_rates():
    assert ratio(log_rate_ratio=np.log(6)) < 0.1 * ratio()
    assert ratio(log_rate_ratio=np.log(6), log_rate_variance=2.0) > ratio(log_rate_ratio=np.log(6))
    assert ratio(log_rate_ratio=1.0) == pytest.approx(ratio(log_rate_ratio=-1.0))


def test_the_likeness_of_neighbours_is_learned_from_all_pairs_but_the_best():
    assert neighbour_similarity({}) == pytest.approx(NEIGHBOUR_SIMILARITY)
    pairs = {(i, j): 0.9 if j == i + 30 else 0.4 for i in range(30) for j in range(30, 60)}
    n = 30 * 29
    expected = (0.4 * n + NEIGHBOUR_SIMILARITY * N_PRIOR_PAIRS) / (n + N_PRIOR_PAIRS)
    assert neighbour_similarity(pairs) == pytest.approx(expected)


def test_a_unit_has_one_partner_and_the_probabilities_of_all_add_up_to_less_than_one():
    ratios = {(0, 2): 100.0, (0, 3): 100.0, (1, 3): 100.0}
    found = partner_probabilities(ratios, ratios)
    assert found[0, 2] + found[0, 3] < 1
    assert found[0, 3] < found[0, 2] == found[1, 3]


def test_the_more_units_it_could_be_the_less_likely_is_each():
    alone = partner_probabilities({(0, 1): 8.0}, [(0, 1)])[0, 1]
    of_many = partner_probabilities({(0, 1): 8.0}, [(0, k) for k in range(1, 9)])[0, 1]
    assert alone == pytest.approx(8 / 9)
    assert of_many == pytest.approx(1 / 2)
