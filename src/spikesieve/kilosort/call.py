"""What a call of `run_kilosort` asks for: files, probe, place of the result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_kilosort
from spikesieve.io.probes.read import probe_warnings, read_probe, require_fits
from spikesieve.io.recordings.array_like import recording_of_array_like
from spikesieve.io.recordings.binary import read_recording
from spikesieve.io.recordings.plain_files import find_plain_file
from spikesieve.io.recordings.segments import select_times
from spikesieve.io.recordings.spikeinterface import from_spikeinterface, is_spikeinterface_recording
from spikesieve.kilosort.translate import WrongSettingsError, complete
from spikesieve.kilosort.utils import BUILT_IN, PROBE_DIR
from spikesieve.model import Probe, Recording


@dataclass(frozen=True, eq=False)
class Call:
    """The arguments of `run_kilosort`, with all that follows from them.

    Attributes
    ----------
    settings : mapping
        All settings of Kilosort4, and those of spikesieve that were given.
    arguments : mapping
        The arguments as they were given.
    files : tuple of Path
        Raw files, in order of time; empty if there is only a `file_object`.
    results_dir : Path
        Folder of the result.
    probe : Probe
        All its contacts.
    notes : tuple of str
        Sentences for the user.
    """

    settings: Mapping[str, Any]
    arguments: Mapping[str, Any]
    files: tuple[Path, ...]
    results_dir: Path
    probe: Probe
    notes: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """Type of the samples."""
        asked, source = self.arguments["data_dtype"], self.arguments["file_object"]
        return str(np.dtype(asked or getattr(source, "dtype", np.int16)).name)

    def of_shank(self, shank: float) -> Call:
        """Sort one shank only, into a folder of its own.

        Parameters
        ----------
        shank : float
            Value of kcoords.

        Returns
        -------
        Call
            The same call with another place for the result.
        """
        return replace(self, results_dir=self.results_dir / f"shank_{shank}")

    @property
    def data_dir(self) -> Path:
        """Folder of the raw files."""
        return self.files[0].parent if self.files else self.results_dir.parent


def call_of(arguments: Mapping[str, Any]) -> Call:
    """Find out what a call asks for. Nothing but the probe is read.

    Parameters
    ----------
    arguments : mapping
        All arguments of `run_kilosort` by name.

    Returns
    -------
    Call
        The call.

    Raises
    ------
    WrongSettingsError
        n_chan_bin is missing, a setting is unknown, or there is no probe.
    InputError
        The probe cannot be read, or there is no raw file or more than one.
    """
    if not isinstance(arguments["settings"], Mapping):
        raise WrongSettingsError("The settings must be a dict, such as {'n_chan_bin': 385}.")
    settings = complete(arguments["settings"])
    files = _files(arguments, settings)
    folder = arguments["results_dir"] or settings.get("results_dir")
    if folder is None and not files:
        raise InputError("There is neither a file nor a folder for the result. Give filename or results_dir.")
    results_dir = Path(folder) if folder is not None else files[0].parent / "kilosort4"
    probe, notes = _probe(arguments, settings)
    return Call(settings, arguments, files, results_dir.expanduser().absolute(), probe, notes)


def open_recording(call: Call) -> Recording:
    """Open the recording of a call, and choose the time that is sorted.

    Parameters
    ----------
    call : Call
        The call.

    Returns
    -------
    Recording
        Plain numbers: what lies beside the files is not looked at, as in Kilosort4.

    Raises
    ------
    InputError
        The files cannot be read, or do not fit the number of channels or the probe.
    """
    settings = call.settings
    n_channels, hz, gain_uv = int(settings["n_chan_bin"]), float(settings["fs"]), settings["scale"]
    source = call.arguments["file_object"]
    if source is None:
        recording = read_recording(call.files, n_channels, hz, call.dtype, gain_uv)
    elif is_spikeinterface_recording(wrapped := getattr(source, "recording", None)):
        recording = from_spikeinterface(wrapped)
    else:
        recording = recording_of_array_like(source, n_channels, hz, gain_uv)
    require_fits(call.probe, recording.n_channels, recording.name)
    start_s, stop_s = settings["tmin"] or 0.0, settings["tmax"]
    length_s = recording.n_samples / recording.sampling_hz
    stop_s = math.inf if stop_s is None or stop_s >= length_s else stop_s
    whole = start_s <= 0 and stop_s == math.inf
    return recording if whole else select_times(recording, (max(start_s, 0.0), stop_s))


def notes_on_input(call: Call, recording: Recording) -> tuple[str, ...]:
    """Say what is unusual about the recording and the probe.

    Parameters
    ----------
    call : Call
        The call.
    recording : Recording
        Its recording.

    Returns
    -------
    tuple of str
        Sentences for the user.
    """
    notes = [*call.notes, *probe_warnings(call.probe)]
    if call.settings["shift"]:
        notes.append(f"shift={call.settings['shift']} changes nothing. The high-pass takes every offset away.")
    if not recording.has_gain:
        notes.append(
            "No gain is known, so amplitudes are in raw numbers, not µV. Give the µV of a raw number as the setting "
            "scale."
        )
    return tuple(notes)


def _files(arguments: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[Path, ...]:
    given = arguments["filename"] or settings.get("filename")
    folder = arguments["data_dir"] or settings.get("data_dir")
    if given:
        several = isinstance(given, Sequence) and not isinstance(given, str)
        return tuple(Path(name) for name in (given if several else [given]))
    if folder is not None:
        return (find_plain_file(Path(folder)),)
    if arguments["file_object"] is not None:
        return ()
    raise InputError("There is no file to sort. Give filename, or data_dir, the folder with a single binary file.")


def _probe(arguments: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[Probe, tuple[str, ...]]:
    probe, name = arguments["probe"], arguments["probe_name"] or settings.get("probe_name")
    if probe is not None:
        return probe_of_kilosort(probe, "probe"), ()
    path = settings.get("probe_path") if name is None else PROBE_DIR / name
    if path is None:
        raise WrongSettingsError("There is no probe. Give probe, probe_name, or probe_path among the settings.")
    if name is None or Path(path).is_file():
        return read_probe(path), ()
    if name in BUILT_IN:
        note = f"{PROBE_DIR} has no {name}: the probe {BUILT_IN[name]} of spikesieve was taken. Check its channels."
        return read_probe(BUILT_IN[name]), (note,)
    raise InputError(f"The probe {name} is not in {PROBE_DIR}. Copy it there, or give probe_path among the settings.")
