"""Checks of files that should hold plain numbers: what else they may be, and what is missing beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikesieve.errors import InputError
from spikesieve.io.recordings.formats import hdf5
from spikesieve.io.recordings.formats.base import files_below

NOT_PLAIN: dict[bytes, tuple[str, str]] = {
    b"\x93NUMPY": ("a NumPy file", ""),
    hdf5.HEAD: ("an HDF5 file", ""),
    b"PK\x03\x04": ("a zip file", ""),
    b"\x1f\x8b\x08": ("a gzip file", ""),
    b"MATLAB 5.0 MAT-f": ("a MATLAB file", ""),
    b"NEURALSG": ("a recording of Blackrock", "blackrock"),
    b"NEURALCD": ("a recording of Blackrock", "blackrock"),
    b"BRSMPGRP": ("a recording of Blackrock", "blackrock"),
    b"######## Neuraly": ("a recording of Neuralynx", "neuralynx"),
    b"PLEX": ("a recording of Plexon", "plexon"),
    b"header.format = ": ("a recording of Open Ephys in its legacy format", "openephyslegacy"),
    b"<?xml": ("a recording of SpikeGadgets, or an XML file", "spikegadgets"),
    b"MC_DataTool bina": ("a recording of Multi Channel Systems", "mcsraw"),
    b"0       ": ("an EDF file", "edf"),
}
"""First bytes of files that are not plain numbers: what they are, and the name of SpikeInterface's reader of them."""

WITHOUT_COMPANION = (
    (r".+_g\d+_t(\d+|cat)\.(imec\d*\.(ap|lf)|nidq|obx\d*)(\..*)?\.bin", "SpikeGLX", ".meta file of the same name"),
    (r"continuous\.dat", "Open Ephys", "structure.oebin, two folders above"),
    (r"amplifier\.dat|amp-.+\.dat", "Intan", "info.rhd or info.rhs"),
    (r"traces_cached_seg\d+\.raw", "SpikeInterface", "binary.json"),
)
"""Names of files of plain numbers, the program that writes them, and the file that says what is in them."""

DAMAGED = {".rhd": "Intan", ".rhs": "Intan", ".nwb": "NWB"}
"""Suffixes of files that begin in a way of their own, and their format."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn an error of the system while an input is read into a sentence. Also a decorator.

    Parameters
    ----------
    what : str
        What is read, where the error does not name the file.

    Yields
    ------
    None
        The block in which something is read.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        yield
    except OSError as error:
        name = error.filename or what
        raise InputError(
            f"{name} cannot be read: {error.strerror or error}. Check its permissions and the drive."
        ) from error


def file_size_bytes(path: Path) -> int:
    """Return the size of a raw file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
        Size in bytes.

    Raises
    ------
    InputError
        If the file is missing, no plain file, empty or not readable.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a directory or a device, not a file. Give the raw binary file itself.")
        with path.open("rb") as file:
            size: int = file.seek(0, 2)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Check its name and folder.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Check its permissions and the drive.") from error
    if size == 0:
        raise InputError(f"{path} is empty. Copy the recording again.")
    return size


def require_plain(path: Path) -> None:
    """Check that a file does not begin as one of a kind that does not hold plain numbers.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        If its first bytes are those of such a file, or if its name is that of a format as which it does not begin.
    """
    kind = _kind_of(path)
    if kind is not None:
        what, reader = kind
        advice = (
            f"SpikeInterface reads it: give --format spikeinterface:{reader}. "
            if reader
            else "Convert it to plain int16, or open it in Python and sort the array. "
        )
        raise InputError(
            f"{path} is {what}, not plain numbers, and spikesieve does not read it by itself. {advice}If it does hold "
            "plain numbers, give --format raw."
        )
    if path.suffix in DAMAGED:
        raise InputError(
            f"{path} does not begin as a file of {DAMAGED[path.suffix]}: it is damaged. Copy it again. If it holds "
            "plain numbers, give --format raw."
        )


def advice_on(path: Path) -> str:
    """Say what is missing beside a file, or beside the files in a folder, by their names.

    Parameters
    ----------
    path : Path
        A file of plain numbers, or a folder in which no recording was recognised.

    Returns
    -------
    str
        A sentence; empty if their names say nothing.

    Examples
    --------
    >>> advice_on(Path("run_g0_t0.imec0.ap.bin"))
    'run_g0_t0.imec0.ap.bin looks like SpikeGLX without its .meta file of the same name: copy that as well.'
    """
    for file in files_below(path, "*") if path.is_dir() else [path]:
        for pattern, program, companion in WITHOUT_COMPANION:
            if re.fullmatch(pattern, file.name):
                return f"{file.name} looks like {program} without its {companion}: copy that as well."
        if path.is_dir() and (kind := _kind_of(file)) is not None and kind[1]:
            return f"{file.name} is {kind[0]}, which SpikeInterface reads: give --format spikeinterface:{kind[1]}."
    return ""


def _kind_of(path: Path) -> tuple[str, str] | None:
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(hdf5.HEAD) and (program := hdf5.program_of(path)) is not None:
        return f"a recording of {program[0]}", program[1]
    return next((kind for magic, kind in NOT_PLAIN.items() if head.startswith(magic)), None)


def find_plain_file(folder: Path) -> Path:
    """Find the only binary file of a folder, as Kilosort4 does.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Path
        The file that ends in .bin, .bat, .dat or .raw. Of several, the one that ends in ap.bin.

    Raises
    ------
    InputError
        There is none, or more than one.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix in (".bin", ".bat", ".dat", ".raw"))
    spikes = [path for path in found if path.name.endswith("ap.bin")]
    chosen = spikes if len(found) > 1 and spikes else found
    if len(chosen) != 1:
        names = ", ".join(path.name for path in chosen[:5]) or "no file that ends in .bin, .bat, .dat or .raw"
        raise InputError(f"{folder} has {names}. Give the file to sort.")
    return chosen[0]
