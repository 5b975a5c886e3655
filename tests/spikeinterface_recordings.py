"""Small recordings of SpikeInterface, in the versions that spikesieve works with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from inspect import signature
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


def set_probe(recording: si.BaseRecording, probe: probeinterface.Probe | probeinterface.ProbeGroup) -> None:
    """Give a recording a probe or several; in place is no choice from 0.106 on, and not the default before 0.105."""
    group = probe
    if isinstance(probe, probeinterface.Probe):
        group = probeinterface.ProbeGroup()
        group.add_probe(probe)
    choice = {"in_place": True} if "in_place" in signature(recording.set_probegroup).parameters else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        recording.set_probegroup(group, **choice)


def in_memory(
    segments: Sequence[np.ndarray], sampling_hz: float = 30_000.0, gain_uv: float | None = 1.0
) -> si.BaseRecording:
    """A recording of these traces on a line of contacts."""
    recording = si.NumpyRecording(
        list(segments), sampling_hz, channel_ids=[f"c{n}" for n in range(segments[0].shape[1])]
    )
    set_probe(recording, line_probe(segments[0].shape[1]))
    if gain_uv is not None:
        recording.set_channel_gains(gain_uv)
        recording.set_channel_offsets(0.0)
    return recording


def saved(folder: Path, segments: Sequence[np.ndarray], gain_uv: float | None = 1.0) -> si.BaseRecording:
    """The same in a binary folder."""
    return in_memory(segments, gain_uv=gain_uv).save(folder=folder, verbose=False, progress_bar=False)
