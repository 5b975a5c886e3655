"""Probes in files of recording systems, read by probeinterface: where its readers find them, we do."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import probeinterface

from spikesieve.errors import InputError
from spikesieve.io.probes.files import probe_of_probeinterface
from spikesieve.model import Probe

Read = Callable[[Path], probeinterface.Probe]

# (a name in an HDF5 file, the program that writes it, the reader of its probe)
HDF5_PROGRAMS: tuple[tuple[str, str, Read], ...] = (
    ("mapping", "MaxWell", probeinterface.read_maxwell),
    ("wells", "MaxWell", lambda path: _read_well(path)),
    ("3BRecInfo", "3Brain", probeinterface.read_3brain),
    ("ExperimentSettings", "3Brain", probeinterface.read_3brain),
    ("channel_positions", "MEArec", probeinterface.read_mearec),
)

READER_NAMES = {"MaxWell": "maxwell", "3Brain": "biocam", "MEArec": "mearec"}
"""Names of SpikeInterface's readers, by program."""

UNREADABLE = (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError, RuntimeError)


def read_imro(path: Path) -> Probe:
    """Read a probe from a table of Neuropixels contacts (`.imro`), as SpikeGLX and Open Ephys save it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Probe
        Contacts in the order of the table, which is that of the channels.

    Raises
    ------
    InputError
        If the file is no such table, or one of a probe that probeinterface does not know.
    """
    return _read(path, probeinterface.read_imro, "a table of Neuropixels contacts")


def read_hdf5(path: Path) -> Probe:
    """Read the probe of a recording of MaxWell, 3Brain or MEArec (`.h5`, `.brw`).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Probe
        Contacts in the order of the channels, as SpikeInterface reads them.

    Raises
    ------
    InputError
        If h5py is not installed, if the file is damaged or of another program, or if it has several wells.
    """
    try:
        h5py = import_module("h5py")
    except ImportError as error:
        raise InputError(f'{path} needs h5py. Install it: pip install "spikesieve[nwb]".') from error
    try:
        with h5py.File(path, "r") as file:
            names = list(file)
            wells = list(file["wells"]) if "wells" in names else [name for name in names if name.startswith("Well_")]
    except UNREADABLE as error:
        raise InputError(f"{path} is a damaged HDF5 file ({error}). Copy it again.") from error
    known = [(program, read) for name, program, read in HDF5_PROGRAMS if name in names]
    if not known:
        programs = ", ".join(dict.fromkeys(program for _, program, _ in HDF5_PROGRAMS))
        raise InputError(f"{path} holds no probe of {programs}. Found: {', '.join(names[:8]) or 'nothing'}.")
    program, read = known[0]
    if len(wells) > 1:
        raise InputError(
            f"{path} has {len(wells)} wells, each with contacts of its own, so it gives no probe. Read a well in "
            f"Python, with SpikeInterface's reader {READER_NAMES[program]}, and give that to spikesieve.sort: it knows "
            "its contacts."
        )
    return _read(path, read, f"a recording of {program}")


def _read_well(path: Path) -> probeinterface.Probe:
    """The probe of the first recording of the only well of a MaxTwo file."""
    with import_module("h5py").File(path, "r") as file:
        well = next(iter(file["wells"]))
        recording = next(iter(file["wells"][well]))
    return probeinterface.read_maxwell(path, well, recording)


def _read(path: Path, read: Read, what: str) -> Probe:
    try:
        found = read(path)
    except UNREADABLE as error:
        raise InputError(f"{path} is not {what} that probeinterface can read: {error}.") from error
    return probe_of_probeinterface(found, path.name)
