"""Time bins fill segments and cross none of their ends."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spikesieve.stages.motion.time_bins import time_bins


def test_time_bins_fill_segments_and_cross_no_end():
    bins = time_bins(((100, 1100), (1500, 1560), (3000, 3001)), 300)
    assert bins.start.tolist() == [100, 433, 766, 1500, 3000]
    assert bins.stop.tolist() == [433, 766, 1100, 1560, 3001]
    assert bins.index_of(np.array([99, 100, 432, 433, 1100, 1559, 1560, 3000])).tolist() == [-1, 0, 0, 1, -1, 3, -1, 4]


def test_the_displacement_is_held_up_to_a_border():
    segments = ((100, 1100), (1100, 1160), (3000, 3100))
    sample, index = time_bins(segments, 500).knots(segments)
    assert sample.tolist() == [350, 850, 1099, 1100, 1130, 1159, 3000, 3050]
    assert index.tolist() == [0, 1, 1, 2, 2, 2, 3, 3]
    alone = time_bins(((0, 100),), 50)
    assert alone.knots(((0, 100),))[0].tolist() == alone.centre.tolist()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1))
def test_knots_ascend_however_short_the_segments(gaps_and_lengths):
    ends, segments = 0, []
    for gap, length in gaps_and_lengths:
        segments.append((ends + gap, ends + gap + length))
        ends += gap + length
    bins = time_bins(tuple(segments), 3)
    sample, index = bins.knots(tuple(segments))
    assert (np.diff(sample) > 0).all()
    assert set(index) == set(range(len(bins)))
    assert ((sample >= bins.start[index]) & (sample < bins.stop[index])).all()
