"""Notes give shares, and units that are what remains of artifacts are told from units that are not."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.model import Blanked, Reason, SortedTime
from spikesieve.stages.blanked_time import blanked_notes, remains_of_artifacts, seldom_whole

HZ, N = 30_000.0, 30_000 * 100


def timed(blanked: Blanked) -> SortedTime:
    return SortedTime(((0, N),), HZ, blanked)


def every_100_ms(reason: Reason = Reason.ARTIFACT, share: float = 1.0) -> Blanked:
    start = np.arange(1000, N, 3000)
    return Blanked(start, start + 90, np.full(len(start), reason), np.full(len(start), share), N)


def test_notes_give_the_share_and_the_number():
    (note,) = blanked_notes(every_100_ms(), HZ)
    assert note.startswith("3.0 % of the recording (contacts x time) was blanked as artifact: 1,000 times, 3.0 ms")
    assert blanked_notes(None, HZ) == ()


def test_spikes_at_the_edges_are_remains_and_random_ones_are_not():
    rng, blanked = np.random.default_rng(0), every_100_ms()
    random = np.sort(rng.choice(N, 800, replace=False))
    assert remains_of_artifacts(random, timed(blanked)) is None
    edges = np.sort(rng.choice(blanked.stop, 400, replace=False) + rng.integers(0, 40, 400))
    why = remains_of_artifacts(np.sort(np.concatenate([edges, random])), timed(blanked))
    assert why is not None
    assert "within 2 ms of an artifact" in why
    assert remains_of_artifacts(edges, timed(every_100_ms(Reason.SILENT))) is None
    assert remains_of_artifacts(edges, timed(every_100_ms(share=0.1))) is None


def test_spikes_at_one_lag_are_remains_and_a_neuron_that_responds_is_not():
    rng, blanked = np.random.default_rng(0), every_100_ms()
    locked = blanked.start[::2] + 90 + 240 + rng.integers(-2, 3, len(blanked.start[::2]))
    assert remains_of_artifacts(locked, timed(blanked)) == "100% of its spikes follow an artifact by 11 ms"
    driven = np.sort(blanked.start + 90 + 240 + rng.normal(0, 60, len(blanked.start)).astype(int))
    assert remains_of_artifacts(driven, timed(blanked)) is None


@pytest.mark.parametrize("train", [[], [5], [1000]])
def test_few_spikes_tell_nothing(train):
    assert remains_of_artifacts(np.array(train, np.int64), timed(every_100_ms())) is None


def test_where_spikes_are_whole_often_enough_nothing_is_said():
    assert seldom_whole(np.array([1.0, 0.05]), np.array([[1, 0], [3, 2]]), np.arange(4)) == ()
    contacts = np.array([[3, -1], [1, 2], [0, 2]])
    (said,) = seldom_whole(np.array([0.001, 0.5, 0.0]), contacts, np.arange(10, 14))
    assert said.startswith("Around file channels 10, 13 almost no spike")
    (said,) = seldom_whole(np.zeros(3), contacts, np.arange(10, 14))
    assert said.startswith("Around file channels 10 to 13 almost no spike")
