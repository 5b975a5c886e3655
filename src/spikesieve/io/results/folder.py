"""The result folder. It appears when it is complete, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from spikesieve.io.finished_folder import FolderKind, finished_folder
from spikesieve.io.results.motion_files import write_motion
from spikesieve.io.results.phy import write_phy
from spikesieve.io.results.provenance import RunRecord, write_ops, write_provenance
from spikesieve.io.results.unit_table import write_units_csv
from spikesieve.model import Recording, Sorting

RESULT_MARKER = "provenance.json"
"""A folder with this file is a result of spikesieve."""
RESULT = FolderKind("result", RESULT_MARKER)


@contextmanager
def result_folder(path: Path | str, overwrite: bool, inputs: Sequence[str | Path] = ()) -> Iterator[Path]:
    """Make a hidden folder that is moved to `path` when the body of a with statement ends.

    If the body fails, also by Ctrl-C, everything it wrote is removed and the exception passes through.

    Parameters
    ----------
    path : Path or str
        Folder of the result; missing parents are made.
    overwrite : bool
        Replace an older result. It stays untouched until the new one is complete.
    inputs : sequence of str or Path, optional
        Input files, which must not be in the folder that is replaced.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InUseError
        Another process writes this result.
    OutputError
        If `path` exists (without overwrite), is a file or a folder that is not a result, contains an input or cannot be
        written, or if the disk is full.
    """
    with finished_folder(path, RESULT, overwrite, inputs) as folder:
        yield folder


def write_result(folder: Path, sorting: Sorting, recording: Recording, run: RunRecord) -> None:
    """Write all data files of a result: Phy's files, drift, units.csv, ops.npz and provenance.json.

    Parameters
    ----------
    folder : Path
        Existing folder, such as that of `result_folder`.
    sorting : Sorting
        The result.
    recording : Recording
        The recording that was sorted.
    run : RunRecord
        Method, settings and times of the run.

    Raises
    ------
    OSError
        If the disk is full or an input can no longer be read.
    """
    phy_notes = write_phy(folder, sorting, recording)
    if sorting.motion is not None:
        write_motion(folder, sorting.motion)
    write_units_csv(folder / "units.csv", sorting.units)
    write_ops(folder / "ops.npz", sorting, run)
    # Written last: this file marks a complete result.
    write_provenance(folder / RESULT_MARKER, sorting, recording, replace(run, notes=(*run.notes, *phy_notes)))
