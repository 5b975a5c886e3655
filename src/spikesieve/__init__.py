"""Spike sorting: from a raw extracellular recording to the spike trains of single neurons.

    recording = spikesieve.read_recording("raw.bin", n_channels=385, sampling_hz=30_000, gain_uv=2.34)
    sorting = spikesieve.sort(recording, spikesieve.read_probe("neuropixels1:384"))

Every name below is public. Modules are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikesieve.api.compare import compare
    from spikesieve.api.curate import curate_result
    from spikesieve.api.export import export_result
    from spikesieve.api.info import recording_info
    from spikesieve.api.simulate import simulate
    from spikesieve.api.sort import Resources, sort
    from spikesieve.api.sort_files import Job, Outcome, sort_files
    from spikesieve.api.split import split_result
    from spikesieve.api.view import view
    from spikesieve.errors import InputError, OutputError, SettingsError, SpikesieveError
    from spikesieve.io.probes.read import read_probe
    from spikesieve.io.recordings.binary import read_recording, recording_from_array
    from spikesieve.io.recordings.open_input import RawOptions, open_input
    from spikesieve.io.recordings.segments import select_times
    from spikesieve.io.results.motion_files import read_motion
    from spikesieve.io.results.read import read_sorting
    from spikesieve.model.motion import DriftDecision, Motion
    from spikesieve.model.probe import Probe
    from spikesieve.model.recording import Recording
    from spikesieve.model.sorting import Sorting
    from spikesieve.model.spikes import Spikes
    from spikesieve.model.templates import Templates
    from spikesieve.model.unit import Label, Unit
    from spikesieve.settings.compare import CompareOptions
    from spikesieve.settings.sort import Settings

__version__: str

HOMES = {
    "CompareOptions": "settings.compare",
    "DriftDecision": "model.motion",
    "InputError": "errors",
    "Label": "model.unit",
    "Job": "api.sort_files",
    "OutputError": "errors",
    "Motion": "model.motion",
    "Outcome": "api.sort_files",
    "Probe": "model.probe",
    "RawOptions": "io.recordings.open_input",
    "Recording": "model.recording",
    "Resources": "api.sort",
    "Settings": "settings.sort",
    "SettingsError": "errors",
    "Sorting": "model.sorting",
    "SpikesieveError": "errors",
    "Spikes": "model.spikes",
    "Templates": "model.templates",
    "Unit": "model.unit",
    "compare": "api.compare",
    "curate_result": "api.curate",
    "export_result": "api.export",
    "open_input": "io.recordings.open_input",
    "read_motion": "io.results.motion_files",
    "read_probe": "io.probes.read",
    "read_recording": "io.recordings.binary",
    "read_sorting": "io.results.read",
    "recording_from_array": "io.recordings.binary",
    "recording_info": "api.info",
    "select_times": "io.recordings.segments",
    "simulate": "api.simulate",
    "sort": "api.sort",
    "sort_files": "api.sort_files",
    "split_result": "api.split",
    "view": "api.view",
}
"""The module that each public name lives in."""

__all__ = [
    "CompareOptions",
    "DriftDecision",
    "InputError",
    "Job",
    "Label",
    "Motion",
    "Outcome",
    "OutputError",
    "Probe",
    "RawOptions",
    "Recording",
    "Resources",
    "Settings",
    "SettingsError",
    "Sorting",
    "Spikes",
    "SpikesieveError",
    "Templates",
    "Unit",
    "compare",
    "curate_result",
    "export_result",
    "open_input",
    "read_motion",
    "read_probe",
    "read_recording",
    "read_sorting",
    "recording_from_array",
    "recording_info",
    "select_times",
    "simulate",
    "sort",
    "sort_files",
    "split_result",
    "view",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: Numba, SciPy and the rest take seconds to load."""
    if name == "__version__":
        return import_module("importlib.metadata").version("spikesieve")
    if name not in HOMES:
        raise AttributeError(f"module 'spikesieve' has no attribute {name!r}")
    return getattr(import_module(f"spikesieve.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
