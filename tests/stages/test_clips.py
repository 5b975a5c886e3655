"""Clips are clear, isolated peaks, cut out on the contact where they are largest."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.stages.clips import Clips, Window, clips_of_block, concatenate_clips

WINDOW = Window(61, 20)
N, PEAK = WINDOW.n_samples, WINDOW.peak_index
NEAR = np.array([[c + d if 0 <= c + d < 6 else -1 for d in (0, -1, 1)] for c in range(6)])


def clips_in(traces: np.ndarray, window: Window = WINDOW) -> Clips:
    return clips_of_block(traces.astype(np.float32), NEAR, window, 6.0, N // 2 + 1)


def clips_of(traces: np.ndarray) -> np.ndarray:
    return clips_in(traces).normalized(WINDOW)


def spike(sample: int, contact: int, size: float = -10.0, n_samples: int = 600) -> np.ndarray:
    traces = np.zeros((6, n_samples))
    traces[contact, sample - 3 : sample + 4] = size * np.array([0.2, 0.5, 0.8, 1.0, 0.8, 0.5, 0.2])
    return traces


def impulse(sample: int, contact: int, size: float) -> np.ndarray:
    traces = np.zeros((6, 600))
    traces[contact, sample] = size
    return traces


@pytest.mark.parametrize("size", [-10.0, 10.0])
def test_one_spike_of_either_polarity_is_one_clip(size):
    clips = clips_of(spike(300, 2, size))
    assert clips.shape == (1, N)
    assert np.abs(clips[0]).argmax() == PEAK
    assert np.sign(clips[0, PEAK]) == np.sign(size)
    assert np.linalg.norm(clips[0]) == pytest.approx(1.0, rel=1e-6)


def test_a_spike_on_two_neighbours_is_one_clip_from_the_larger():
    clips = clips_of(spike(300, 2, -10.0) + spike(301, 3, -8.0))
    assert len(clips) == 1
    assert clips[0, PEAK] < 0


@pytest.mark.parametrize("gap", [-6, -5, 5, 6])
def test_a_smaller_peak_within_five_samples_belongs_to_the_larger(gap):
    """Beyond five samples it is a peak of its own, and neither is isolated."""
    clips = clips_of(impulse(300, 2, -10.0) + impulse(300 + gap, 3, -8.0))
    assert len(clips) == (1 if abs(gap) <= 5 else 0)


def test_two_spikes_of_neighbours_within_half_a_window_are_not_isolated():
    assert len(clips_of(spike(300, 2) + spike(300 + N // 2, 3))) == 0
    assert len(clips_of(spike(300, 2) + spike(301 + N // 2, 3))) == 2
    assert len(clips_of(spike(300, 2) + spike(300 + N // 2, 5))) == 2


def test_nothing_below_the_threshold_near_the_ends_or_in_zeros():
    assert clips_of(spike(300, 2, -5.9)).shape == (0, N)
    assert clips_of(spike(40, 2) + spike(600 - 40, 2)).shape == (0, N)
    assert clips_of(np.zeros((6, 600))).shape == (0, N)


def test_longer_clips_are_the_same_spikes_with_more_samples():
    traces = spike(300, 2) + spike(301 + N // 2, 4, 8.0) + spike(200, 0)
    short, long = clips_in(traces), clips_in(traces, Window(121, 40))
    assert long.contact.tolist() == short.contact.tolist()
    np.testing.assert_array_equal(long.normalized(WINDOW), short.normalized(WINDOW))
    assert long.waveforms.shape == (3, 121)


def test_clips_of_all_blocks_stay_in_order():
    parts = [clips_in(spike(300, c)) for c in (3, 1)]
    assert concatenate_clips(parts, WINDOW).contact.tolist() == [3, 1]
    assert concatenate_clips([], WINDOW).waveforms.shape == (0, N)


def test_a_longer_window_leaves_out_peaks_that_are_closer():
    clips = clips_in(spike(300, 2) + spike(300 + N // 2 + 5, 3), Window(121, 40))
    assert clips.gap_samples.tolist() == [N // 2 + 5] * 2
    assert len(clips.isolated(WINDOW)) == 2
    assert len(clips.isolated(Window(121, 40))) == 0
