"""Blocks cover every sample once, in their segment; those that are chosen are spread over the recording."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.engine.blocks import (
    MAX_VALUES_IN_BLOCK,
    MIN_BLOCK_SAMPLES,
    Block,
    evenly_spaced,
    golden_order,
    longest_block,
    plan_blocks,
)


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000])
def test_any_first_few_of_the_golden_order_are_evenly_evenly_spaced(n):
    order = golden_order(n)
    assert sorted(order.tolist()) == list(range(n))
    for k in range(2, min(n, 60)):
        gaps = np.diff(np.concatenate([[0], np.sort(order[:k]), [n]]))
        assert gaps.max() <= 3 * n / k + 1


@st.composite
def segments(draw):
    edges = draw(st.lists(st.integers(0, 500), min_size=2, max_size=10, unique=True))
    edges = sorted(edges)[: len(edges) // 2 * 2]
    return tuple((edges[i], edges[i + 1]) for i in range(0, len(edges), 2))


@settings(max_examples=60, deadline=None)
@given(segments(), st.integers(1, 600))
def test_blocks_cover_every_sample_of_the_segments_exactly_once(some, block_samples):
    blocks = plan_blocks(some, block_samples)
    covered = [s for b in blocks for s in range(b.start, b.stop)]
    assert covered == [s for start, stop in some for s in range(start, stop)]
    assert [b.index for b in blocks] == list(range(len(blocks)))
    for block in blocks:
        assert 0 < block.n_samples <= block_samples
        assert (block.segment_start, block.segment_stop) in some
        assert block.segment_start <= block.start < block.stop <= block.segment_stop


def test_blocks_of_a_segment_are_of_equal_length():
    sizes = {b.n_samples for b in plan_blocks(((0, 100_001),), 30_000)}
    assert max(sizes) - min(sizes) <= 1


def test_blocks_of_many_contacts_are_shorter():
    for n_contacts in (10, 64, 1000):
        longest = longest_block(60_000, n_contacts)
        assert longest <= max(MIN_BLOCK_SAMPLES, MAX_VALUES_IN_BLOCK // n_contacts)


@given(st.integers(0, 40), st.integers(1, 25))
@settings(max_examples=40, deadline=None)
def test_evenly_spaced_blocks_are_different_and_in_order(n_blocks, n):
    picked = evenly_spaced(tuple(Block(i, i, i + 1, 0, n_blocks, i + 0.5) for i in range(n_blocks)), n)
    assert len(picked) == min(n, n_blocks)
    assert all(a.index < b.index for a, b in pairwise(picked))
