"""Waveforms of single spikes, from the raw file."""

from __future__ import annotations

import numpy as np
import scipy

from spikesieve.model import F32, I32, I64
from spikesieve.views.result import Result
from spikesieve.views.waveforms import Waveform

HIGHPASS_HZ = 300.0
MARGIN_MS = 10.0
"""What is read on either side of a spike, for the filter."""


def raw_waveforms(result: Result, rows: I32, waveform: Waveform, n_shown: int = 40) -> F32:
    """Read the waveforms of some spikes of a unit.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Spikes of the unit.
    waveform : Waveform
        Its mean, which says on which contacts and over which samples.
    n_shown : int, optional
        Spikes that are read, evenly spaced.

    Returns
    -------
    ndarray of float32, shape (n_shown, n_contacts, n_samples)
        Above 300 Hz, in uV. Empty where there is no raw recording.
    """
    n_samples = waveform.uv.shape[1]
    recording = result.recording
    if recording is None or not len(rows):
        return np.zeros((0, len(waveform.contacts), n_samples), np.float32)
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, n_shown).astype(np.int64))]
    channels = result.probe.channels[waveform.contacts]
    margin = round(MARGIN_MS * 1e-3 * result.time.sampling_hz)
    first: I64 = result.sample[chosen] - waveform.peak_index
    fits = (first >= margin) & (first + n_samples + margin <= recording.n_samples)
    read = [recording.read_uv(int(a) - margin, int(a) + n_samples + margin, channels) for a in first[fits]]
    if not read:
        return np.zeros((0, len(waveform.contacts), n_samples), np.float32)
    sos = scipy.signal.butter(2, HIGHPASS_HZ, "highpass", fs=result.time.sampling_hz, output="sos")
    filtered = scipy.signal.sosfiltfilt(sos, np.stack(read).transpose(0, 2, 1), axis=2)
    return np.asarray(filtered[:, :, margin : margin + n_samples], np.float32)
