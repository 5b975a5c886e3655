"""Bimodality tells two clusters from one, however few spikes there are."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import clouds

from spikesieve.settings.cluster import ClusterParams
from spikesieve.stages.bimodality import bimodality

PARAMS = ClusterParams()


def test_bimodality_grows_with_distance_and_is_symmetric():
    values = []
    for distance in (0.0, 2.0, 4.0, 8.0):
        features, truth = clouds([2000, 2000], distance, 4)
        a, b = features[truth == 0], features[truth == 1]
        values.append(bimodality(a, b))
        assert bimodality(b, a) == pytest.approx(values[-1], abs=0.1)
    assert values == sorted(values)
    assert values[0] < 0.2
    assert values[-1] > 0.95


@pytest.mark.parametrize("n", [10, 30, 100])
def test_a_handful_of_spikes_in_many_dimensions_is_not_separated_by_noise(n):
    """A random half of one cloud against the other: 96 dimensions separate 2 n points perfectly."""
    scores = []
    for seed in range(10):
        x = np.random.default_rng(seed).standard_normal((2 * n, 96)).astype(np.float32)
        scores.append(bimodality(x[:n], x[n:]))
    assert np.mean(np.array(scores) >= PARAMS.min_bimodality) <= 0.2
