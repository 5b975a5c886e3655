"""Pickled files of other programs, read without running code in them: numbers, texts, containers and NumPy arrays."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spikesieve.errors import InputError

# What a pickled array needs. Anything else becomes an `Unreadable`.
ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
}


class Unreadable:
    """Empty placeholder for an object of any other class."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Ignore the state of the original object."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ALLOWED:
            return super().find_class(module, name)
        return Unreadable


def read_plain_dict(path: Path) -> dict[str, Any]:
    """Read the dict in an .npy file with one pickled object, such as Kilosort4's ops.npy.

    No code in the file is run: objects of unknown classes become an `Unreadable`.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Content by name.

    Raises
    ------
    InputError
        If the file cannot be read or does not contain a dict.
    """
    try:
        with path.open("rb") as file:
            _skip_header(file)
            value = _PlainUnpickler(file).load()
    except (OSError, ValueError, EOFError, pickle.UnpicklingError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path} cannot be read ({error}). Write it again, or remove it.") from error
    if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
        value = value.item()
    if not isinstance(value, dict):
        raise InputError(
            f"{path} contains a {type(value).__name__}, not a dict of arrays. Write it again, or remove it."
        )
    return value


def _skip_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        np.lib.format.read_array_header_1_0(file)
    else:
        np.lib.format.read_array_header_2_0(file)
