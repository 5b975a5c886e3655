"""Spike sorting: from a raw extracellular recording to the spike trains of single neurons.

    recording = spikesieve.read_recording("raw.bin", n_channels=385, sampling_hz=30_000, gain_uv=2.34)
    sorting = spikesieve.sort(recording, spikesieve.read_probe("neuropixels1:384"))

This is the door: every name below is public, and nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikesieve.api import sort
    from spikesieve.compare_job import compare
    from spikesieve.compare_options import CompareOptions
    from spikesieve.errors import InputError, OutputError, SettingsError, SpikesieveError
    from spikesieve.io.binary import read_recording, recording_from_array
    from spikesieve.io.motion_files import read_motion
    from spikesieve.io.open_input import RawOptions, open_input
    from spikesieve.io.probes import read_probe
    from spikesieve.io.segments import select_times
    from spikesieve.io.sorting_folder import read_sorting
    from spikesieve.job import Job, Outcome, sort_files
    from spikesieve.model import Motion, Probe, Recording, Sorting, Spikes, Templates, Unit
    from spikesieve.settings import Settings
    from spikesieve.simulations import simulate

__version__: str

HOMES = {
    "CompareOptions": "compare_options",
    "InputError": "errors",
    "Job": "job",
    "OutputError": "errors",
    "Motion": "model",
    "Outcome": "job",
    "Probe": "model",
    "RawOptions": "io.open_input",
    "Recording": "model",
    "Settings": "settings",
    "SettingsError": "errors",
    "Sorting": "model",
    "SpikesieveError": "errors",
    "Spikes": "model",
    "Templates": "model",
    "Unit": "model",
    "compare": "compare_job",
    "open_input": "io.open_input",
    "read_motion": "io.motion_files",
    "read_probe": "io.probes",
    "read_recording": "io.binary",
    "read_sorting": "io.sorting_folder",
    "recording_from_array": "io.binary",
    "select_times": "io.segments",
    "simulate": "simulations",
    "sort": "api",
    "sort_files": "job",
}
"""The module that each public name lives in."""

__all__ = [
    "CompareOptions",
    "InputError",
    "Job",
    "Motion",
    "Outcome",
    "OutputError",
    "Probe",
    "RawOptions",
    "Recording",
    "Settings",
    "SettingsError",
    "Sorting",
    "Spikes",
    "SpikesieveError",
    "Templates",
    "Unit",
    "compare",
    "open_input",
    "read_motion",
    "read_probe",
    "read_recording",
    "read_sorting",
    "recording_from_array",
    "select_times",
    "simulate",
    "sort",
    "sort_files",
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
