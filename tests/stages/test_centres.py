"""Centres of k-means++: a list of pairs gives the same ones as products with all spikes."""

from __future__ import annotations

import numpy as np
import pytest
from clouds import clouds

from spikesieve.stages import centres


def draw_plainly(spikes, n_centres, rng):
    """The same draws, with the gain of each candidate from its products with all spikes."""
    norm2 = (spikes.astype(np.float64) ** 2).sum(axis=1)
    explained, found = np.zeros(len(spikes)), []
    for _ in range(n_centres):
        unexplained = np.maximum(norm2 - explained, 0.0)
        if unexplained.sum() <= 0:
            break
        candidates = np.unique(rng.choice(len(spikes), 100, p=unexplained / unexplained.sum()))
        explains = 2 * (spikes @ spikes[candidates].T) - norm2[candidates]
        best = np.maximum(explains - explained[:, None], 0).sum(axis=0).argmax()
        explained = np.maximum(explained, explains[:, best])
        found.append(candidates[best])
    return found


@pytest.mark.parametrize("max_pairs", [0, 3_000, 1_000_000])
@pytest.mark.parametrize(("sizes", "apart"), [([400, 300, 5], 20.0), ([650], 0.0), ([3, 2], 5.0), ([1], 1.0)])
def test_centres_are_those_of_products_with_all_spikes(sizes, apart, max_pairs, monkeypatch):
    monkeypatch.setattr(centres, "MAX_PAIRS", max_pairs)
    spikes, _ = clouds(sizes, apart)
    n_centres = max(1, len(spikes) // 10)
    expected = draw_plainly(spikes, n_centres, np.random.default_rng(3))
    assert centres.draw_centres(spikes, n_centres, np.random.default_rng(3)).tolist() == expected


@pytest.mark.parametrize("max_pairs", [0, 1_000_000])
def test_equal_spikes_need_one_centre_and_zeros_none(max_pairs, monkeypatch):
    monkeypatch.setattr(centres, "MAX_PAIRS", max_pairs)
    rng = np.random.default_rng(0)
    assert len(centres.draw_centres(np.ones((600, 4), np.float32), 50, rng)) == 1
    assert len(centres.draw_centres(np.zeros((600, 4), np.float32), 50, rng)) == 0


def test_as_many_pairs_are_listed_as_are_allowed(monkeypatch):
    """A few spikes that are far out are drawn first, while the others still explain each other."""
    listed = []
    keep = centres._gaining_pairs

    def gaining_pairs(*arrays):
        listed.append(keep(*arrays))
        return listed[-1]

    monkeypatch.setattr(centres, "_gaining_pairs", gaining_pairs)
    monkeypatch.setattr(centres, "MAX_PAIRS", 20_000)
    spikes, _ = clouds([2000, 1], 1000.0)
    centres.draw_centres(spikes, 200, np.random.default_rng(0))
    assert len(listed) == 1
    assert 0 < listed[0].nnz < 1.3 * 20_000
