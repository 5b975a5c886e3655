"""The clock of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.errors import InputError
from spikesieve.model import Recording
from spikesieve.model.clock import Clock


def test_times_go_on_within_a_part_and_jump_between_parts():
    clock = Clock((0, 10, 30), (5.0, 20.0, 100.0))
    assert clock.seconds(np.array([0, 9, 10, 29, 30, 35]), 10.0).tolist() == [5.0, 5.9, 20.0, 21.9, 100.0, 100.5]
    assert clock.gaps_s(10.0) == (14.0, 78.0)


def test_a_clock_may_run_at_a_rate_of_its_own():
    clock = Clock((0, 10, 30), (5.0, 6.0, 100.0), "", (10.0, 20.0, 10.0))
    assert clock.seconds(np.array([0, 9, 10, 29, 30]), 10.0).tolist() == [5.0, 5.9, 6.0, 6.95, 100.0]
    assert clock.gaps_s(10.0) == (0.0, 93.0)
    for wrong in ((10.0,), (10.0, 0.0, 10.0), (10.0, float("nan"), 1.0)):
        with pytest.raises(InputError, match="a rate above 0 for each part"):
            Clock((0, 10, 30), (5.0, 6.0, 100.0), "", wrong)


def test_without_a_clock_times_count_from_the_first_sample():
    recording = Recording(lambda start, stop: np.empty((stop - start, 1)), 40, 1, 10.0, file_starts=(0, 20))
    assert recording.seconds(np.array([0, 19, 20])).tolist() == [0.0, 1.9, 2.0]


@pytest.mark.parametrize(
    ("starts", "times_s", "words"),
    [
        ((0, 10), (1.0,), "2 samples and 1 times"),
        ((5,), (1.0,), "rising from 0"),
        ((0, 10, 10), (1.0, 2.0, 3.0), "rising from 0"),
        ((0,), (float("nan"),), "not a finite number"),
    ],
)
def test_a_clock_without_a_time_for_each_part_is_refused(starts, times_s, words):
    with pytest.raises(InputError, match=words):
        Clock(starts, times_s)
