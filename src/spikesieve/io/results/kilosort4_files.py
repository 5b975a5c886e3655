"""The files that Kilosort4 writes and spikesieve does not, for scripts that read them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import OutputError
from spikesieve.io.results.phy import save_array

LOG, COPY = "kilosort4.log", "temp_wh.dat"


def write_kilosort4_files(folder: Path, ops: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write Kilosort4's further files into a result folder.

    Preprocessed traces that are there get Kilosort4's name, and params.py points at them.

    Parameters
    ----------
    folder : Path
        A folder with the files of a result.
    ops : mapping
        Numbers, texts, dicts and arrays.
    arrays : mapping of str to ndarray
        More arrays by name of the file, without .npy.

    Raises
    ------
    OSError
        If the disk is full.
    """
    write_ops_npy(folder / "ops.npy", ops)
    shutil.copy(folder / "whitening_mat.npy", folder / "whitening_mat_dat.npy")
    for name, array in arrays.items():
        save_array(folder / f"{name}.npy", array, array.dtype)
    if (folder / "preprocessed.dat").is_file():
        (folder / "preprocessed.dat").rename(folder / COPY)
        (folder / "preprocessed.xml").rename(folder / Path(COPY).with_suffix(".xml"))
        params = (folder / "params_preprocessed.py").read_text(encoding="ascii")
        (folder / "params.py").write_text(params.replace("preprocessed.dat", COPY), encoding="ascii")
        (folder / "params_preprocessed.py").unlink()


def write_ops_npy(path: Path, ops: Mapping[str, Any]) -> None:
    """Write ops.npy: a pickled dict, as scripts read it by `np.load(path, allow_pickle=True).item()`.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    ops : mapping
        Numbers, texts, dicts and arrays.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    boxed = np.empty((), object)
    boxed[()] = dict(ops)
    try:
        np.save(path, boxed, allow_pickle=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}. Choose another folder.") from error
