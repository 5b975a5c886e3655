"""A recording that is said to be filtered is high-passed again only if slow waves are still in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from spikesieve.api.filtered import without_second_highpass
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Recording

HZ = 30_000.0


def recorded(high_pass_hz: float | None, slow_uv: float = 200.0) -> Recording:
    """Noise of 10 uV on slow waves, filtered or not, and said to be filtered."""
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.standard_normal((90_000, 4)), axis=0)
    samples = 10 * rng.standard_normal(slow.shape) + slow_uv * slow / slow.std()
    if high_pass_hz is not None:
        samples = sosfilt(butter(3, high_pass_hz, "highpass", fs=HZ, output="sos"), samples, axis=0)
    return replace(recording_from_array(samples.astype(np.float32), HZ, 1.0), is_filtered=True)


def test_a_filtered_recording_gets_no_second_filter():
    recording, notes = without_second_highpass(recorded(300.0), 300.0)
    assert recording.is_filtered
    assert notes == ("The recording is filtered already, so it gets no second high-pass.",)


@pytest.mark.parametrize(("high_pass_hz", "slow_uv"), [(None, 200.0), (1.0, 200.0), (None, 0.0)])
def test_a_recording_with_slow_waves_is_filtered_whatever_it_says(high_pass_hz, slow_uv):
    recording, notes = without_second_highpass(recorded(high_pass_hz, slow_uv), 300.0)
    assert not recording.is_filtered
    assert "marked as filtered, but" in notes[0]


def test_a_recording_that_says_nothing_is_not_looked_at():
    def refuse(start: int, stop: int) -> np.ndarray:
        raise AssertionError("samples were read")

    recording = Recording(refuse, 90_000, 4, HZ)
    assert without_second_highpass(recording, 300.0) == (recording, ())
