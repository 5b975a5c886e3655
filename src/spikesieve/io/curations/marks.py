"""Keeps marks on traces: one line a mark in `marks.jsonl`, and nothing is ever taken out."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from spikesieve.curation.marks import Mark
from spikesieve.errors import OutputError

MARKS = "marks.jsonl"


def read_marks(folder: Path) -> dict[int, Mark]:
    """Read all marks.

    Parameters
    ----------
    folder : Path
        The folder of the curation.

    Returns
    -------
    dict of int to Mark
        By number, those that were taken back among them. A line that is not whole is left out; it stays in the file.
    """
    path = folder / MARKS
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_bytes().splitlines():
        try:
            mark = Mark(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[mark.number] = mark
    return found


def append_mark(folder: Path, mark: Mark) -> None:
    """Add a mark. When this returns, it is on the disk.

    Parameters
    ----------
    folder : Path
        The folder of the curation.
    mark : Mark
        The mark.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    path = folder / MARKS
    text = json.dumps(asdict(mark), ensure_ascii=False).encode() + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
        with path.open("ab") as file:
            file.write(text if whole else b"\n" + text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
