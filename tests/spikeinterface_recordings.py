"""Small recordings of SpikeInterface, in the versions that spikesieve works with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import probeinterface
import spikeinterface.core as si


def line_probe(n_contacts: int, x_um: float = 0.0, first_channel: int = 0) -> probeinterface.Probe:
    """Contacts 25 um apart, in channels one after the other."""
    probe = probeinterface.Probe(ndim=2, si_units="um")
    places = np.stack([np.full(n_contacts, x_um), 25.0 * np.arange(n_contacts)], axis=1)
    probe.set_contacts(places, shapes="circle", shape_params={"radius": 5.0})
    probe.set_device_channel_indices(first_channel + np.arange(n_contacts))
    return probe


def in_memory(
    segments: Sequence[np.ndarray], sampling_hz: float = 30_000.0, gain_uv: float | None = 1.0
) -> si.BaseRecording:
    """A recording of these traces on a line of contacts."""
    recording = si.NumpyRecording(
        list(segments), sampling_hz, channel_ids=[f"c{n}" for n in range(segments[0].shape[1])]
    )
    recording = recording.set_probe(line_probe(segments[0].shape[1])) or recording
    if gain_uv is not None:
        recording.set_channel_gains(gain_uv)
        recording.set_channel_offsets(0.0)
    return recording


def saved(folder: Path, segments: Sequence[np.ndarray], gain_uv: float | None = 1.0) -> si.BaseRecording:
    """The same in a binary folder."""
    return in_memory(segments, gain_uv=gain_uv).save(folder=folder, verbose=False, progress_bar=False)
