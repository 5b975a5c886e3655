"""Reads the times of known artifacts, such as stimuli, from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npy
from spikesieve.model import F64


def read_artifact_times(path: Path | str) -> F64:
    """Read times of artifacts.

    Parameters
    ----------
    path : Path or str
        A text file with a time in s on each line, or a CSV file whose first column holds them; a first line that is no
        number is a header. Or a .npy file with one dimension.

    Returns
    -------
    ndarray of float64, shape (n_times,)
        Times in s, as they stand in the file.

    Raises
    ------
    InputError
        The file cannot be read, or a line holds no time.
    """
    path = Path(path)
    try:
        if path.suffix == ".npy":
            return np.asarray(load_npy(path), np.float64)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"The artifact times in {path} cannot be read ({error}). Give a text file with a time in s on each line."
        ) from error
    times_s = []
    for number, line in enumerate(lines, 1):
        text = line.replace(";", ",").replace("\t", ",").split(",")[0].strip()
        try:
            times_s += [float(text)] if text else []
        except ValueError as error:
            if number > 1:
                raise InputError(f"Line {number} of {path} holds no time in s: {line!r}.") from error
    return np.array(times_s, np.float64)
