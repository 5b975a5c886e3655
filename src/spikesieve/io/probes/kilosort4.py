"""Probes as Kilosort4 has them in memory and in files: a dict of arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from spikesieve.errors import OutputError
from spikesieve.model import Probe


def kilosort4_probe(probe: Probe) -> dict[str, Any]:
    """Make the dict that Kilosort4 has for a probe.

    Parameters
    ----------
    probe : Probe
        The probe.

    Returns
    -------
    dict
        "chanMap" int32, "xc", "yc" and "kcoords" float32, "n_chan" int: the number of contacts.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 25.0]]), np.array([7, 3]), np.zeros(2, np.int64))
    >>> kilosort4_probe(probe)["chanMap"], kilosort4_probe(probe)["n_chan"]
    (array([7, 3], dtype=int32), 2)
    """
    return {
        "chanMap": probe.channels.astype(np.int32),
        "xc": probe.positions_um[:, 0].astype(np.float32),
        "yc": probe.positions_um[:, 1].astype(np.float32),
        "kcoords": probe.shanks.astype(np.float32),
        "n_chan": probe.n_contacts,
    }


def write_kilosort4_json(path: Path, content: dict[str, Any]) -> None:
    """Write Kilosort4's dict of a probe as JSON.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    content : dict
        Arrays, lists and numbers by name.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    plain = {name: np.asarray(value).tolist() for name, value in content.items()}
    try:
        path.write_text(json.dumps(plain), encoding="utf-8")
    except OSError as error:
        raise _not_written(path, error) from error


def write_kilosort_mat(path: Path, probe: Probe) -> None:
    """Write a probe as the channel map of Kilosort2, which Kilosort4 reads as well. Missing folders are made.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    probe : Probe
        The probe.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    columns: dict[str, NDArray[Any]] = {
        "chanMap": probe.channels + 1,
        "chanMap0ind": probe.channels,
        "xcoords": probe.positions_um[:, 0],
        "ycoords": probe.positions_um[:, 1],
        "kcoords": probe.shanks + 1,
        "connected": np.ones(probe.n_contacts, np.uint8),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {name: column[:, None] for name, column in columns.items()})
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> OutputError:
    return OutputError(f"The probe file {path} cannot be written: {error.strerror}. Choose another folder.")
