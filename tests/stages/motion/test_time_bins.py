"""Time bins fill segments and cross none of their ends."""

from __future__ import annotations

import numpy as np

from spikesieve.stages.motion.time_bins import time_bins


def test_time_bins_fill_segments_and_cross_no_end():
    bins = time_bins(((100, 1100), (1500, 1560), (3000, 3001)), 300)
    assert bins.start.tolist() == [100, 433, 766, 1500, 3000]
    assert bins.stop.tolist() == [433, 766, 1100, 1560, 3001]
    assert bins.index_of(np.array([99, 100, 432, 433, 1100, 1559, 1560, 3000])).tolist() == [-1, 0, 0, 1, -1, 3, -1, 4]
