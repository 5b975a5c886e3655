"""Looks whether a recording that is said to be filtered has no slow waves left: then it is not filtered again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spikesieve.model import F32, Recording

# Pieces of the recording that are looked at, and their length in periods of the high-pass.
N_PIECES, PIECE_PERIODS = 4, 150
# Slow waves are gone if their power density is below this share of that of spikes. White noise has 1, field potentials
# thousands; a high-pass of order 3 at 300 Hz leaves 0.005 of strong ones.
MAX_SLOW = 0.1


def without_second_highpass(recording: Recording, cutoff_hz: float) -> tuple[Recording, tuple[str, ...]]:
    """Decide whether a recording that is said to be filtered is high-passed again.

    Parameters
    ----------
    recording : Recording
        The recording.
    cutoff_hz : float
        Cutoff of the high-pass that it would get.

    Returns
    -------
    recording : Recording
        Its `is_filtered` tells whether slow waves are gone.
    notes : tuple of str
        A sentence if it was said to be filtered.
    """
    if not recording.is_filtered:
        return recording, ()
    if slow_share(recording, cutoff_hz) < MAX_SLOW:
        return recording, ("The recording is filtered already, so it gets no second high-pass.",)
    return replace(recording, is_filtered=False), (
        "The recording is marked as filtered, but slow waves are still in it. It is high-passed.",
    )


def slow_share(recording: Recording, cutoff_hz: float) -> float:
    """Compare the power of slow waves with that of spikes.

    Parameters
    ----------
    recording : Recording
        The recording.
    cutoff_hz : float
        Cutoff of the high-pass.

    Returns
    -------
    float
        Power density below a quarter of the cutoff, over that from two to four times the cutoff; 0 if nothing was
        recorded. The mean of all channels.
    """
    start, stop = max(recording.segments, key=lambda segment: segment[1] - segment[0])
    n = min(stop - start, round(PIECE_PERIODS / cutoff_hz * recording.sampling_hz))
    channels = np.setdiff1d(np.arange(recording.n_channels), recording.not_voltage)
    slow = fast = 0.0
    for first in np.linspace(start, stop - n, N_PIECES).astype(np.int64).tolist():
        power = _power(recording.read_uv(first, first + n, channels))
        hz = np.arange(len(power)) * recording.sampling_hz / n
        slow += float(power[hz <= cutoff_hz / 4].mean())
        fast += float(power[(hz >= 2 * cutoff_hz) & (hz <= 4 * cutoff_hz)].mean())
    return slow / fast if fast > 0 else 0.0


def _power(uv: F32) -> F32:
    """Mean power of all channels at each frequency, through a window that keeps slow waves away from spikes."""
    windowed = np.nan_to_num(uv) * np.hanning(len(uv))[:, None].astype(np.float32)
    power: F32 = (np.abs(np.fft.rfft(windowed, axis=0)) ** 2).mean(axis=1)
    return power
