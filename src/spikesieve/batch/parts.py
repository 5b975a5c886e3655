"""Rows that stand for several tasks: a group of probes, and the shanks of a probe where the plan asks for each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from spikesieve.api.probes import probes_of_group
from spikesieve.batch.rows import Row
from spikesieve.errors import SpikesieveError
from spikesieve.io.recordings.open_input import open_input

EACH = "each"
"""In the column `shanks`: a row for each of them."""
_of_group = lru_cache(maxsize=64)(probes_of_group)


def parts_of(row: Row, each_shank: bool) -> Iterator[Row]:
    """Make a row for each task that a row stands for.

    Parameters
    ----------
    row : Row
        A row of the plan.
    each_shank : bool
        Whether each shank is a task.

    Yields
    ------
    Row
        The row itself, if it is one task. Else one for each probe (`NAME/probe_0`) and shank (`NAME/shank_0`), whose
        results are in folders of these names. Where the recording cannot be opened, the row itself, which says so when
        it is sorted.
    """
    try:
        probes = _of_group(row.cell("probe")) if row.cell("probe") else ()
        parts = [_part(row, f"probe_{number}", "probe", probe) for number, probe in enumerate(probes)] or [row]
        yield from [shank for part in parts for shank in (_shanks(part) if each_shank else (part,))]
    except SpikesieveError:
        yield row


def _shanks(row: Row) -> list[Row]:
    job = row.job()
    _, probe, _ = open_input(job.files, job.raw, job.probe)
    shanks = np.unique(probe.shanks).tolist()
    return [_part(row, f"shank_{shank}", "shanks", str(shank)) for shank in shanks] if len(shanks) > 1 else [row]


def _part(row: Row, folder: str, column: str, text: str) -> Row:
    name = f"{row.name}/{folder}"
    own = {column: text, "name": name, "out": f"{row.cell('out')}/{folder}"}
    cells = dict(row.cells) | own
    return Row(name, tuple(cells.items()))
