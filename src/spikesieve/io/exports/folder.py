"""Folders that are made of a result for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spikesieve.io.finished_folder import FolderKind, finished_folder
from spikesieve.io.results.folder import EXPORT_MARKER, made_by_hand
from spikesieve.io.results.provenance import write_facts

EXPORT = FolderKind("export", EXPORT_MARKER)
EXPORT_FOR_PHY = FolderKind("export", EXPORT_MARKER, made_by_hand)


@contextmanager
def export_folder(path: Path, overwrite: bool, facts: Mapping[str, Any], result: Path) -> Iterator[Path]:
    """Make a hidden folder that is moved to `path` when the body of a with statement ends.

    Parameters
    ----------
    path : Path
        The folder.
    overwrite : bool
        Replace an older export.
    facts : mapping
        What the folder says of itself; its "format" is that of the export.
    result : Path
        The result, which must not be in the folder that is replaced.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OutputError
        If `path` exists (without overwrite), is no export, or cannot be written.
    """
    kind = EXPORT_FOR_PHY if facts["format"] == "phy" else EXPORT
    with finished_folder(path, kind, overwrite, (result,)) as folder:
        yield folder
        write_facts(folder / EXPORT_MARKER, facts)
