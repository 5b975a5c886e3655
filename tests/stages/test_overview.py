"""The overview: sums that do not depend on where blocks are cut, and spikes at their places."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tiny import line_probe

from spikesieve.stages.overview import Energy, Places, bin_samples, depth_edges_um, energy, overview_of


def test_the_size_of_traces_is_that_of_numpy_wherever_blocks_are_cut() -> None:
    probe, n_bin = line_probe(3), 100
    uv = np.random.default_rng(0).normal(0, [[5.0], [10.0], [20.0]], (3, 1050)).astype(np.float32)
    blanked = np.zeros(uv.shape, bool)
    blanked[1, 130:190] = True
    blanked[2, 300:400] = True
    uv[blanked] = 0
    nothing = Places(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64))
    found = []
    for cuts in ([0, 1050], [0, 40, 333, 700, 1050]):
        parts = [energy(uv[:, a:b], blanked[:, a:b], a, n_bin) for a, b in pairwise(cuts)]
        joined = [np.concatenate([getattr(part, name) for part in parts]) for name in ("time_bin", "uv2", "n_used")]
        found.append(overview_of(probe, (11, 0.1), Energy(*joined), nothing).rms_uv.astype(float))
    expected = np.array(
        [
            [
                np.sqrt(np.mean(row[k : k + 100][~out[k : k + 100]] ** 2)) if (~out[k : k + 100]).any() else np.nan
                for row, out in zip(uv, blanked, strict=True)
            ]
            for k in range(0, 1050, 100)
        ]
    )
    assert np.isnan(expected).sum() == 1
    for each in found:
        np.testing.assert_allclose(each, expected, rtol=2e-3)


def test_spikes_are_counted_at_their_time_depth_and_shank() -> None:
    probe = line_probe(5, shanks=2)
    traces = Energy(np.zeros(1, np.int64), np.ones((1, 10), np.float32), np.ones((1, 10), np.int32))
    spikes = Places(np.array([0, 0, 2, 2]), np.float32([0, 80, 41, -900]), np.array([0, 1, 1, 0]))
    found = overview_of(probe, (3, 1.0), traces, spikes)
    edges = depth_edges_um(probe)
    assert found.n_spikes.sum() == 4
    for shank, when, depth in ((0, 0, 0.0), (1, 0, 80.0), (1, 2, 41.0), (0, 2, 0.0)):
        assert found.n_spikes[shank, when, np.digitize(depth, edges) - 1] == 1


@pytest.mark.parametrize("seconds", [1, 300, 3600, 40 * 3600])
def test_there_are_neither_many_bins_nor_few(seconds: int) -> None:
    n = bin_samples(seconds * 30_000, 30_000.0)
    assert n >= 3000
    assert seconds * 30_000 / n <= 4000
    assert n == 3000 or seconds * 30_000 / n >= 1000
