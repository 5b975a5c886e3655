"""The waveform window is 2 ms, and longer where the largest spikes last longer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.settings.shapes import ShapesParams
from spikesieve.stages.clips import Clips, Window
from spikesieve.stages.waveform_window import default_window, needed_window, widest_window

DEFAULT = Window(61, 20)
LAG = np.arange(-60, 121)


@pytest.mark.parametrize(
    ("sampling_hz", "expected"), [(30_000.0, (61, 20)), (25_000.0, (51, 16)), (15_000.0, (31, 10))]
)
def test_the_default_window_is_two_milliseconds_with_the_peak_at_a_third(sampling_hz, expected):
    assert default_window(ShapesParams(), sampling_hz) == Window(*expected)


@settings(max_examples=50, deadline=None)
@given(st.integers(11, 999), st.one_of(st.none(), st.integers(1, 998)), st.floats(1000, 60_000))
def test_any_window_is_odd_and_holds_its_peak(n, peak, hz):
    window = default_window(ShapesParams(waveform_samples=n, peak_sample=peak), hz)
    assert window.n_samples % 2 == 1
    assert window.n_samples in (n, n + 1)
    assert 1 <= window.peak_index <= window.n_samples - 2


def noisy(waveform: np.ndarray, n: int = 40, contact: int = 0, seed: int = 0) -> Clips:
    """n clips of one waveform in noise of SD 1."""
    noise = np.random.default_rng(seed).standard_normal((n, len(LAG)))
    return Clips(np.full(n, contact), (waveform + noise).astype(np.float32), np.full(n, 999), 60)


def trough(width: float) -> np.ndarray:
    return -15 * np.exp(-((LAG / width) ** 2) / 2)


def bump(lag: int, size: float) -> np.ndarray:
    return size * np.exp(-(((LAG - lag) / 8) ** 2) / 2)


def test_short_spikes_and_no_spikes_keep_two_milliseconds():
    assert needed_window(noisy(trough(4)), DEFAULT) == DEFAULT
    assert needed_window(noisy(trough(4), n=0), DEFAULT) == DEFAULT
    assert needed_window(noisy(trough(4) + bump(70, 4.0), n=5), DEFAULT) == DEFAULT


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_window_grows_on_the_side_where_spikes_last_longer(sign):
    late, early = (needed_window(noisy(sign * (trough(4) + bump(at, 4.0))), DEFAULT) for at in (50, -30))
    assert late.peak_index == 20
    assert 60 <= late.n_after <= 80
    assert early.n_after == 40
    assert 35 <= early.peak_index <= 60
    assert late.n_samples % 2 == early.n_samples % 2 == 1


def test_one_contact_with_long_spikes_is_enough():
    clips = [noisy(trough(4), contact=0), noisy(trough(4) + bump(60, 4.0), contact=1, seed=1)]
    both = Clips(
        *(np.concatenate([getattr(c, name) for c in clips]) for name in ("contact", "waveforms", "gap_samples")), 60
    )
    assert needed_window(both, DEFAULT).n_after > 60


def test_the_next_spike_of_a_burst_is_no_part_of_the_waveform():
    """Two of five spikes are followed by another one after 3 to 4 ms."""
    clips, rng = noisy(trough(4)), np.random.default_rng(2)
    for i in range(0, len(clips), 5):
        for k in (i, i + 1):
            clips.waveforms[k] += np.roll(trough(4), int(rng.integers(90, 110)))
    assert needed_window(clips, DEFAULT) == DEFAULT


def test_a_contact_that_shows_a_late_phase_asks_for_nothing():
    """Its clips are centred on the hump of a spike, whose trough came 1.5 ms before."""
    hump = noisy(bump(0, 8.0) + np.roll(trough(4), -45))
    assert needed_window(hump, DEFAULT) == DEFAULT


def test_a_length_that_the_user_set_stays():
    for set_by_user in (ShapesParams(waveform_samples=61), ShapesParams(peak_sample=20)):
        assert widest_window(DEFAULT, set_by_user) == DEFAULT
    assert widest_window(DEFAULT, ShapesParams()) == Window(181, 60)
