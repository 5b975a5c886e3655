"""No difference of spike times crosses a border of segments, and neither gaps nor blanked time count in a rate."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import refractory_train

import spikesieve
from spikesieve.metrics.contamination import contamination, presence
from spikesieve.metrics.echoes import echo
from spikesieve.metrics.locking import locking
from spikesieve.metrics.refractory import HALF_BINS, correlogram_1ms, refractoriness_of_train
from spikesieve.model import Blanked, Reason, SortedTime
from spikesieve.settings.curate import CurateParams
from spikesieve.stages.curate import compare_trains, first_detections
from spikesieve.stages.sieve.same_neuron import log_odds_one_neuron
from spikesieve.stages.units import autocorrelogram

HZ, SECONDS = 10_000.0, 60
N = round(SECONDS * HZ)


def blank(*intervals: tuple[int, int, float]) -> Blanked:
    start, stop, share = (np.array(column) for column in zip(*intervals, strict=True))
    return Blanked(start, stop, np.full(len(start), Reason.SILENT), share.astype(np.float64), N)


def train(seed: int) -> np.ndarray:
    return refractory_train(25.0, SECONDS, np.random.default_rng(seed), sampling_hz=HZ)


def measured(one: np.ndarray, two: np.ndarray, time: SortedTime) -> tuple:
    """Everything that depends on differences of spike times or on duration."""
    return (
        correlogram_1ms(one, two, time, False).tolist(),
        autocorrelogram(one, time).tolist(),
        refractoriness_of_train(one, time),
        compare_trains(one, two, time, CurateParams()),
        log_odds_one_neuron(one, two, time),
        contamination(one, time),
        presence(one, time),
        echo(one, two, time),
        locking(one, time),
        first_detections(time.apart(one), np.zeros(len(one), np.int64), 30).tolist(),
        round(len(one) / time.used_s, 9),
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(1, N - 1), st.integers(0, 3 * N))
def test_a_gap_between_two_segments_changes_nothing(border, gap):
    one, two = train(0), train(1)
    cut = SortedTime(((0, border), (border, N)), HZ)
    apart = SortedTime(((0, border), (border + gap, N + gap)), HZ)
    moved = [np.where(spikes < border, spikes, spikes + gap) for spikes in (one, two)]
    assert measured(one, two, cut) == measured(*moved, apart)


@pytest.mark.parametrize("border", [N // 2, N // 7])
def test_a_recording_cut_in_two_has_the_same_pairs_less_those_across(border):
    spikes = train(2)
    whole = SortedTime(((0, N),), HZ)
    cut = SortedTime(((0, border), (border, N)), HZ)
    left, right = spikes[spikes < border], spikes[spikes >= border]
    across = correlogram_1ms(left, right, whole, False) + correlogram_1ms(right, left, whole, False)
    assert across.sum() > 0
    expected = correlogram_1ms(spikes, spikes, whole, True) - across
    np.testing.assert_array_equal(correlogram_1ms(spikes, spikes, cut, True), expected)
    assert whole.used_s == cut.used_s
    assert contamination(spikes, whole).high == pytest.approx(contamination(spikes, cut).high, rel=0.05)


def test_no_lag_reaches_from_one_segment_to_the_next():
    many = SortedTime(tuple((k * 20, k * 20 + 20) for k in range(2000)), HZ)
    ends = np.arange(2000) * 20
    assert correlogram_1ms(ends, ends, many, True).sum() == 0
    assert correlogram_1ms(ends, ends + 15, many, False)[HALF_BINS + 2] == 2000
    assert (np.diff(many.apart(ends)) > 4 * HZ).all()


def test_blanked_time_is_no_time():
    whole = SortedTime(((0, N),), HZ)
    silent = SortedTime(((0, N),), HZ, blank((N // 4, 3 * N // 4, 1.0)))
    assert silent.used_s == SECONDS / 2
    spikes = train(3)
    left = spikes[(spikes < N // 4) | (spikes >= 3 * N // 4)]
    assert presence(left, whole) == pytest.approx(0.5, abs=0.04)
    assert presence(left, silent) == 1.0
    assert silent.elapsed_s(np.array([0, N // 4, N // 2, 3 * N // 4, N])).tolist() == [0.0, 15.0, 15.0, 15.0, 30.0]
    start, used_s = silent.pieces(1.0)
    assert (used_s == 1.0).all()
    assert len(start) == SECONDS / 2


def test_intervals_that_overlap_are_left_out_once_and_parts_of_the_contacts_in_part():
    time = SortedTime(((0, 100), (200, 300)), 10.0, blank((0, 20, 1.0), (10, 30, 0.5), (90, 220, 1.0)))
    # 20 samples wholly, 10 by half, 10 + 20 wholly; what lies between the segments is left out anyway.
    assert time.used_s == pytest.approx((200 - 20 - 5 - 30) / 10)


def test_nothing_sorted_takes_no_time():
    empty = SortedTime((), HZ)
    assert empty.used_s == 0
    assert empty.elapsed_s(np.array([1, 2])).tolist() == [0.0, 0.0]


def test_spike_times_that_are_compared_know_their_segments():
    """Whoever counts pairs of spikes takes their times from SortedTime.apart."""
    package = Path(spikesieve.__file__).parent
    pages = {path.relative_to(package): path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    only_compiles = Path("views", "compiled.py")
    uses = re.compile(r"kernels import .*\bcorrelogram\b|\bkernels\.correlogram\b")
    users = {path for path, text in pages.items() if uses.search(text)} - {
        only_compiles,
        Path("kernels", "__init__.py"),
    }
    assert {path.parts[0] for path in users} == {"metrics", "report", "views"}
    for path in users:
        assert "time.apart(" in pages[path], path


def test_the_middle_is_that_of_what_was_sorted() -> None:
    assert SortedTime(((0, 10), (100, 130)), 10.0).middle == 110
    assert SortedTime(((5, 25),), 10.0).middle == 15
    assert SortedTime((), 10.0).middle == 0
