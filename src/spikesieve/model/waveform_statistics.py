"""How the waveforms of a unit differ from its template."""

from __future__ import annotations

from dataclasses import dataclass

from spikesieve.model.types import F32, I64


@dataclass(frozen=True, eq=False)
class WaveformStatistics:
    """SD of the waveforms behind each template, and the mean waveform in either half of the recording.

    Windows and contacts are those of `Templates`. A half is half of the time that was sorted.

    Attributes
    ----------
    sd_uv : ndarray of float32, shape (n_units, n_waveform_samples, n_near)
        SD of single waveforms in uV, NaN where fewer than two were measured.
    half_uv : ndarray of float32, shape (2, n_units, n_waveform_samples, n_near)
        Mean waveforms in uV of the first and of the second half, 0 where none was measured.
    half_spikes : ndarray of int64, shape (2, n_units)
        Number of waveforms in each of these means.
    """

    sd_uv: F32
    half_uv: F32
    half_spikes: I64
