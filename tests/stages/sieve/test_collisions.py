"""A template that is the sum of two others, as rare as they fire at once by chance, is told from a rare neuron."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import tiny

from spikesieve.settings.fit import FitParams
from spikesieve.stages.sieve.collisions import collision_templates
from spikesieve.stages.templates import LearnedTemplates, advanced

N_CONTACTS = 10
SHAPES = tiny.textbook_shapes()
PARAMS = FitParams()
SECONDS = 100.0
# Two neurons of 20 a second fire within 0.5 ms of each other 40 times in 100 s.
OFTEN, RARE = 2000, 30


def with_sum(lag: int, more: float = 0.0, amplitudes: tuple[float, float] = (1.0, 1.0), n_spikes: int = RARE):
    """Four neurons, and last a template: neuron 0 + neuron 1 later + `more` of something of its own."""
    four = tiny.line_templates(SHAPES, [3, 4, 6, 7], N_CONTACTS, 20.0)
    dense = four.dense(N_CONTACTS)
    own = np.random.default_rng(1).standard_normal(dense[0].shape) * (np.abs(dense[:2]).sum(axis=0) > 0)
    both = amplitudes[0] * dense[0] + amplitudes[1] * advanced(dense[1], -lag, SHAPES.pcs)
    last = both + more * np.linalg.norm(both) * own / np.linalg.norm(own)
    scores = np.concatenate([dense, last[None]]).astype(np.float32)
    contacts = np.tile(np.arange(N_CONTACTS), (5, 1))
    return LearnedTemplates(contacts, scores, np.array([OFTEN] * 4 + [n_spikes]))


def found(templates: LearnedTemplates) -> list[int]:
    return np.flatnonzero(collision_templates(templates, N_CONTACTS, SHAPES.pcs, SECONDS, tiny.HZ, PARAMS)).tolist()


def most_explained(templates: LearnedTemplates) -> float:
    """The largest share of the last template's energy that two others explain, all lags tried, by least squares."""
    lags = range(-15, 16)
    dense = templates.dense(N_CONTACTS).astype(np.float64)
    slid = {(k, s): advanced(dense[k], -s, SHAPES.pcs).ravel() for k in range(4) for s in lags}
    best, wanted = 0.0, dense[4].ravel()
    for i, j in ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)):
        for s, t in product(lags, lags):
            both = np.stack([slid[i, s], slid[j, t]], axis=1)
            left = wanted - both @ np.linalg.lstsq(both, wanted)[0]
            best = max(best, 1 - (left @ left) / (wanted @ wanted))
    return best


@pytest.mark.parametrize("lag", [-6, 0, 1, 9])
def test_a_sum_at_any_lag_is_found(lag):
    assert found(with_sum(lag)) == [4]


@pytest.mark.parametrize("more", [0.0, 0.2, 0.28, 0.42, 0.6])
def test_what_is_no_sum_stays(more):
    templates = with_sum(4, more)
    # Of the energy of its mean, 60 numbers each of variance 1 / 30 are noise.
    signal = 1 - 60 / RARE / templates.norms[4] ** 2
    assert (found(templates) == [4]) == (most_explained(templates) > 0.95**2 * signal)


def test_a_neuron_that_fires_more_often_than_two_meet_stays():
    assert found(with_sum(3, n_spikes=79)) == [4]
    assert found(with_sum(3, n_spikes=81)) == []


def test_parts_smaller_than_spikes_are_not_neurons():
    assert found(with_sum(5, amplitudes=(1.0, 0.3))) == []


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_templates_are_no_sums(n):
    some = tiny.line_templates(SHAPES, [4] * n, N_CONTACTS)
    assert found(some) == []
