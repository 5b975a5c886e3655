"""The time of a spike is the trough of the soma, or the peak of a positive spike."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.stages.spike_time import shifts_to_spike_time

PEAK, LIMIT, N = 20, 12, 41


def waveform(*bumps: tuple[int, int, float]) -> np.ndarray:
    """One unit on three contacts with Gaussian bumps (contact, shift, size in uV)."""
    out = np.zeros((1, N, 3))
    for contact, shift, size in bumps:
        out[0, :, contact] += size * np.exp(-(((np.arange(N) - PEAK - shift) / 2) ** 2) / 2)
    return out


def shift(*bumps: tuple[int, int, float]) -> int:
    return int(shifts_to_spike_time(waveform(*bumps), PEAK, LIMIT)[0])


@pytest.mark.parametrize("late", [-11, -3, 0, 4, 11])
def test_a_trough_is_found_wherever_it_lies(late):
    assert shift((1, late, -80.0)) == late


def test_a_later_hump_larger_than_the_trough_is_not_the_time():
    assert shift((1, -2, -50.0), (1, 7, 90.0)) == -2


def test_a_later_deeper_trough_on_another_contact_is_not_the_time():
    assert shift((0, 0, -60.0), (1, 9, -80.0)) == 0
    assert shift((0, 0, -30.0), (1, 9, -80.0)) == 9


def test_the_time_of_a_positive_spike_is_its_peak():
    assert shift((2, 3, 80.0), (2, -7, -30.0)) == 3
    assert shift((2, 3, 80.0)) == 3


def test_a_slope_at_the_end_of_the_search_is_no_trough():
    assert shift((0, -16, -90.0), (1, 1, -70.0)) == 1


def test_nothing_has_no_time():
    assert shift() == 0
    assert shifts_to_spike_time(waveform((0, 0, 1.0))[:0], PEAK, LIMIT).shape == (0,)
