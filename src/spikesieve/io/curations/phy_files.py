"""Phy's own files of a curation: which cluster each spike is in, and the labels. Written so that nothing is lost."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError, OutputError
from spikesieve.io.plain_arrays import load_npy
from spikesieve.io.sortings.phy_files import read_cluster_table
from spikesieve.model import I64

CLUSTERS, GROUPS = "spike_clusters.npy", "cluster_group.tsv"
INFO = "cluster_info.tsv"
"""All that Phy's table shows: it is written for others, and never read here."""
SEEN, ORIGINAL, CONFLICTS = "seen.json", "original", "conflicts"
OF_SORTERS = frozenset({"group", "info", "KSLabel", "Amplitude", "ContamPct"})
"""Tables that are no labels of a curator's own."""
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
    info : mapping of int to mapping of str to str
        What `cluster_info.tsv` says of each cluster, by column.
    """

    cluster: I64
    tables: Mapping[str, Mapping[int, str]]
    info: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def read_clusters(folder: Path) -> NDArray[np.integer] | None:
    """Read the cluster of each spike.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    ndarray of int, shape (n_rows,), or None
        Of the type of the file; None if there is no such file.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = folder / CLUSTERS
    if not path.is_file():
        return None
    try:
        found = np.asarray(load_npy(path)).ravel()
        return found if np.can_cast(found.dtype, np.int64) else found.astype(np.int64)
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
    found = {}
    for path in _watched(folder):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def stat_of_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Tell whether the files may have changed, without reading them.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    dict of str to (int, int)
        Size and time of change in ns of each file that is there.
    """
    return {path.name: (stat.st_size, stat.st_mtime_ns) for path in _watched(folder) for stat in (path.stat(),)}


def _watched(folder: Path) -> list[Path]:
    """Files that Phy changes."""
    tables = [path for path in sorted(folder.glob("cluster_*.tsv")) if path.name != INFO]
    return [path for path in (folder / CLUSTERS, *tables) if path.is_file()]


def read_own_tables(folder: Path) -> dict[str, dict[int, str]]:
    """Read notes and labels of a curator's own, but not the tables with numbers that sorters write.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    dict of str to dict of int to str
        For each name of a label its value for each cluster.

    Raises
    ------
    InputError
        A table is damaged.
    """
    found = {}
    for path in _watched(folder):
        name = path.stem.removeprefix("cluster_")
        column = read_cluster_table(path) if path.suffix == ".tsv" and name not in OF_SORTERS else {}
        if not all(map(_is_number, column.values())):
            found[name] = column
    return found


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def keep_aside(curation: Path, folder: Path) -> Path:
    """Copy the files, before others take their place.

    Parameters
    ----------
    curation : Path
        Folder of the curation.
    folder : Path
        Folder with Phy's files.

    Returns
    -------
    Path
        Where they are: a new folder in `conflicts`.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    number = 1
    while (kept := curation / CONFLICTS / str(number)).exists():
        number += 1
    try:
        kept.mkdir(parents=True)
        for path in _watched(folder):
            shutil.copy2(path, kept / path.name)
    except OSError as error:
        raise OutputError(f"Phy's files cannot be copied to {kept}: {error.strerror}.") from error
    return kept


def read_seen(curation: Path) -> dict[str, Any] | None:
    """Read what the files were when they were last read or written here.

    Parameters
    ----------
    curation : Path
        Folder of the curation.

    Returns
    -------
    dict or None
        "files" is from `state_of_files`, "stat" from `stat_of_files`; None if they never were.
    """
    try:
        found = json.loads((curation / SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_as_seen(curation: Path, folder: Path) -> bool:
    """Say whether the files are those that were last read or written here. Only files with a new time are read.

    Parameters
    ----------
    curation : Path
        Folder of the curation.
    folder : Path
        Folder with Phy's files.

    Returns
    -------
    bool
        Whether they are.
    """
    seen = read_seen(curation)
    if seen is None:
        return False
    is_untouched = seen.get("stat") == {name: list(stat) for name, stat in stat_of_files(folder).items()}
    return is_untouched or seen.get("files") == state_of_files(folder)


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
    stat = stat_of_files(folder)  # first: a file that changes while it is read has another time then
    _replace(curation / SEEN, json.dumps({"files": state_of_files(folder), "stat": stat}).encode())


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
        _replace(folder / INFO, _info_table(content.info).encode())
        remember_seen(curation, folder)
    except OSError as error:
        raise OutputError(f"Phy's files in {folder} cannot be written: {error.strerror}.") from error


def _info_table(info: Mapping[int, Mapping[str, str]]) -> str:
    """Columns in the order of the alphabet, as Phy writes them."""
    names = sorted({name for row in info.values() for name in row})
    rows = [[str(cluster), *(_one_line(row.get(name, "")) for name in names)] for cluster, row in sorted(info.items())]
    return "".join("\t".join(row) + "\n" for row in (["cluster_id", *names], *rows))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _keep_originals(folder: Path, curation: Path, content: PhyCuration) -> None:
    kept = curation / ORIGINAL
    kept.mkdir(exist_ok=True)
    for name in (CLUSTERS, INFO, *(f"cluster_{table}.tsv" for table in content.tables)):
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
