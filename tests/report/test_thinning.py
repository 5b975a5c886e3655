"""Thinned spikes are evenly spaced and keep the first and the last."""

from __future__ import annotations

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting

from spikesieve.report.thinning import ThinnedSpikes, evenly_spaced_rows


@pytest.mark.parametrize(("n", "n_max", "expected"), [(0, 5, []), (3, 5, [0, 1, 2]), (9, 3, [0, 4, 8])])
def test_rows_begin_with_the_first_and_end_with_the_last(n: int, n_max: int, expected: list[int]) -> None:
    assert evenly_spaced_rows(n, n_max).tolist() == expected


def test_thinned_spikes_are_rows_of_the_spikes() -> None:
    spikes = make_sorting(3, 50).spikes
    thinned = ThinnedSpikes.from_rows(spikes, np.arange(0, 50, 5), SAMPLING_HZ).every_nth(2)
    np.testing.assert_array_equal(thinned.time_s, spikes.sample[::10] / SAMPLING_HZ)
    np.testing.assert_array_equal(thinned.depth_um, spikes.position_um[::10, 1])
    np.testing.assert_array_equal(thinned.amplitude_uv, spikes.amplitude_uv[::10])
    np.testing.assert_array_equal(thinned.unit, spikes.unit[::10])
    assert len(thinned) == 5
