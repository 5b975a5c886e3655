"""Phy's own files of a curation: which cluster each spike is in, and the labels. Written so that nothing is lost."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError, OutputError
from spikesieve.io.plain_arrays import load_npy
from spikesieve.model import I64

CLUSTERS, GROUPS = "spike_clusters.npy", "cluster_group.tsv"
WATCHED = (CLUSTERS, GROUPS)
"""Files that Phy changes."""
SEEN, ORIGINAL = "seen.json", "original"
CACHE = ("new_cluster_id.json", "spikes_per_cluster.pkl")
"""What Phy remembers of the clusters, in `.phy`: it does not start when they were changed by others."""


@dataclass(frozen=True, eq=False)
class PhyCuration:
    """What Phy's files say.

    Attributes
    ----------
    cluster : ndarray of int64, shape (n_rows,)
        Cluster of each spike, in the order of the files.
    tables : mapping of str to mapping of int to str
        For each table its column: value of each cluster. "group" is the label.
    """

    cluster: I64
    tables: Mapping[str, Mapping[int, str]]


def read_clusters(folder: Path) -> I64 | None:
    """Read the cluster of each spike.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    ndarray of int64, shape (n_rows,), or None
        None if there is no such file.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = folder / CLUSTERS
    if not path.is_file():
        return None
    try:
        return np.asarray(load_npy(path)).ravel().astype(np.int64)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error


def state_of_files(folder: Path) -> dict[str, str]:
    """Tell the files that Phy changes apart from others.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    dict of str to str
        Checksum of each file that is there.
    """
    there = [name for name in WATCHED if (folder / name).is_file()]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in there}


def read_seen(curation: Path) -> dict[str, Any] | None:
    """Read what the files were when they were last read or written here.

    Parameters
    ----------
    curation : Path
        Folder of the curation.

    Returns
    -------
    dict or None
        From `state_of_files`; None if they never were.
    """
    try:
        found = json.loads((curation / SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def remember_seen(curation: Path, folder: Path) -> None:
    """Remember what the files are now.

    Parameters
    ----------
    curation : Path
        Folder of the curation.
    folder : Path
        Folder with Phy's files.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    _replace(curation / SEEN, json.dumps(state_of_files(folder)).encode())


def write_phy_curation(folder: Path, curation: Path, content: PhyCuration) -> None:
    """Write Phy's files. Each is replaced at once; the first time, the old ones are kept in `original`.

    Parameters
    ----------
    folder : Path
        Folder with Phy's files.
    curation : Path
        Folder of the curation.
    content : PhyCuration
        What to write.

    Raises
    ------
    OutputError
        The disk is full, or the folder cannot be written.
    """
    try:
        _keep_originals(folder, curation, content)
        _move_cache_away(folder, curation)
        stream = io.BytesIO()
        np.save(stream, content.cluster.astype(np.int32))
        _replace(folder / CLUSTERS, stream.getvalue())
        for name, column in content.tables.items():
            rows = [f"cluster_id\t{name}", *(f"{k}\t{_one_line(text)}" for k, text in sorted(column.items()))]
            _replace(folder / f"cluster_{name}.tsv", ("\n".join(rows) + "\n").encode())
        remember_seen(curation, folder)
    except OSError as error:
        raise OutputError(f"Phy's files in {folder} cannot be written: {error.strerror}.") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _keep_originals(folder: Path, curation: Path, content: PhyCuration) -> None:
    kept = curation / ORIGINAL
    kept.mkdir(exist_ok=True)
    for name in (CLUSTERS, *(f"cluster_{table}.tsv" for table in content.tables)):
        if (folder / name).is_file() and not (kept / name).exists():
            shutil.copy2(folder / name, kept / name)


def _move_cache_away(folder: Path, curation: Path) -> None:
    for name in CACHE:
        path = folder / ".phy" / name
        if path.is_file():
            number = 1
            while (target := curation / f"phy-{number}-{name}").exists():
                number += 1
            path.replace(target)


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step: it is the old one or the new one, whole, whenever the machine stops."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
