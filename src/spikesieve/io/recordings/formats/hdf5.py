"""HDF5 files: the library that reads them, their filters, and of which program they are."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from spikesieve.errors import InputError

HEAD = b"\x89HDF\r\n\x1a\n"

# (a name in the file, the program, the name of SpikeInterface's reader)
OTHER_PROGRAMS = (
    ("mxw_version", "MaxWell", "maxwell"),
    ("3BRecInfo", "3Brain", "biocam"),
    ("ExperimentSettings", "3Brain", "biocam"),
    ("Data/Recording_0", "Multi Channel Systems", "mcsh5"),
    ("channel_positions", "MEArec", "mearec"),
)


def import_h5py(path: Path) -> Any:
    """Import h5py, and with it the filters of hdf5plugin where that is installed.

    Parameters
    ----------
    path : Path
        The file that is to be read.

    Returns
    -------
    module
        h5py.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        h5py = import_module("h5py")
    except ImportError as error:
        raise InputError(
            f'{path} is an HDF5 file, and h5py is not installed. Install it: pip install "spikesieve[nwb]".'
        ) from error
    _register_filters()
    return h5py


@cache
def _register_filters() -> None:
    try:
        import_module("hdf5plugin")
    except ImportError:
        return


def is_hdf5(path: Path) -> bool:
    """Tell whether a file begins as one of HDF5.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        Whether it does.
    """
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD


def require_filters(data: Any, path: Path) -> None:
    """Check that the filters with which a data set is compressed are installed.

    Parameters
    ----------
    data : h5py.Dataset
        The data set.
    path : Path
        Its file.

    Raises
    ------
    InputError
        If one is not.
    """
    h5z, settings = import_module("h5py").h5z, data.id.get_create_plist()
    for index in range(settings.get_nfilters()):
        number, _, _, name = settings.get_filter(index)
        if not h5z.filter_avail(number):
            title = name.decode("utf-8", "replace") or "without a name"
            raise InputError(
                f"{path} is compressed with the HDF5 filter {number} ({title}), which is not installed. Install it: "
                "pip install hdf5plugin."
            )


def program_of(path: Path) -> tuple[str, str] | None:
    """Find out which program wrote a file that is none of NWB.

    Parameters
    ----------
    path : Path
        An HDF5 file.

    Returns
    -------
    (str, str) or None
        The program, and the name of SpikeInterface's reader; None if that is not known.
    """
    try:
        with import_module("h5py").File(path, "r") as file:
            return next(((title, reader) for name, title, reader in OTHER_PROGRAMS if name in file), None)
    except (ImportError, OSError, RuntimeError):
        return None
