"""The result folder. It appears when it is complete, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from spikesieve.io.finished_folder import FolderKind, finished_folder, folder_beside_older
from spikesieve.io.results.artifacts_csv import write_artifacts_csv
from spikesieve.io.results.clock_files import write_clock_files
from spikesieve.io.results.motion_files import write_motion
from spikesieve.io.results.phy import write_phy
from spikesieve.io.results.provenance import RunRecord, write_ops, write_provenance
from spikesieve.io.results.unit_table import write_table
from spikesieve.model import Recording, Sorting, Unit, UnitMetrics

RESULT_MARKER = "provenance.json"
"""A folder with this file is a result of spikesieve."""
CURATION = "curation.json"
"""Corrections that were applied, as SpikeInterface writes them."""
BATCH_RECORD = "batch.json"
"""What `spikesieve batch` knows of a result that it made."""
BATCH_FOLDER = ".batch"
"""A folder with this one in it is that of a batch."""
EXPORT_MARKER = "export.json"
"""A folder with this file was made of a result for other programs."""
FILES = {
    *("amplitudes.npy", "channel_map.npy", "channel_positions.npy", "channel_shanks.npy", "kept_spikes.npy"),
    *("artifacts.csv", BATCH_RECORD, CURATION, EXPORT_MARKER, "segments.csv", "spike_times_sec.npy"),
    *("cluster_Amplitude.tsv", "cluster_ContamPct.tsv", "cluster_KSLabel.tsv", "cluster_group.tsv", "drift_shanks.csv"),
    *("drift.times.npy", "drift.um.npy", "drift_depths.um.npy", "drift_se.um.npy", "ops.npz", "pc_feature_ind.npy"),
    *("pc_features.npy", RESULT_MARKER, "report.html", "similar_templates.npy", "spike_amplitude_uv.npy", "params.py"),
    *("spike_clusters.npy", "spike_detection_templates.npy", "spike_positions.npy", "spike_positions_on_probe.npy"),
    *("spike_templates.npy", "spike_times.npy", "spikesieve.log", "templates.npy", "templates_ind.npy", "units.csv"),
    *(
        "metrics.csv",
        "whitening_mat.npy",
        "whitening_mat_inv.npy",
        "preprocessed.dat",
        "preprocessed.xml",
        "params_preprocessed.py",
    ),
    *("overview.npz", "preprocessing", "kilosort2.h5", "figures", ".report.html.new", ".phy", "phy.log"),
}
"""What spikesieve writes into a result, and what Phy does without being asked."""
OF_ANY_SORTER = (
    *("cluster_*.tsv", "cluster_*.csv", "template_features.npy", "template_feature_ind.npy", "whitening_mat_dat.npy"),
    *("ops.npy", "kilosort4.log", "temp_wh.dat", "temp_wh.xml", "tF.npy", "Wall.npy", "full_*.npy"),
    *("drift_amount.png", "drift_scatter.png", "diagnostics.png", "spike_positions.png"),
)
"""What Kilosort4 and Phy write beside the files that spikesieve writes as well."""


def made_by_hand(folder: Path) -> str:
    """Say what of a result is the work of a person.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    str
        The end of a sentence; empty if nothing is.
    """
    others = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
    if others:
        return f"holds files that spikesieve did not write: {', '.join(others[:5])}"
    if (folder / CURATION).is_file():
        return "was curated"
    sorted_as, now = folder / "spike_templates.npy", folder / "spike_clusters.npy"
    tables = [folder / f"cluster_{name}.tsv" for name in ("KSLabel", "group")]
    rows = [table.read_text(encoding="utf-8", errors="replace").split()[2:] for table in tables if table.is_file()]
    moved = sorted_as.is_file() and now.is_file() and sorted_as.read_bytes() != now.read_bytes()
    return "was curated" if moved or (len(rows) == 2 and rows[0] != rows[1]) else ""


RESULT = FolderKind("result", RESULT_MARKER, made_by_hand)


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


@contextmanager
def result_beside_older(path: Path | str) -> Iterator[Path]:
    """Make a hidden folder whose files are moved into `path`, as Kilosort4 writes into a folder that exists.

    Files of an older result, by whatever sorter, are moved into a folder beside it. Other files stay where they are.

    Parameters
    ----------
    path : Path or str
        Folder of the result; missing parents are made.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InUseError
        Another process writes this result.
    OutputError
        If `path` is a file or cannot be written, or if the disk is full.
    """
    with folder_beside_older(path, RESULT, _is_of_a_result) as folder:
        yield folder


def _is_of_a_result(name: str) -> bool:
    return name in FILES or any(fnmatch(name, pattern) for pattern in OF_ANY_SORTER)


def write_data_files(
    folder: Path, sorting: Sorting, recording: Recording, run: RunRecord, place: Path | None = None
) -> tuple[str, ...]:
    """Write all data files of a result but provenance.json: Phy's files, times, drift, tables of units and ops.npz.

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
    place : Path, optional
        Where the folder will be in the end. Default: where it is.

    Returns
    -------
    tuple of str
        Sentences on what is special in these files.

    Raises
    ------
    OSError
        If the disk is full.
    """
    phy_notes = write_phy(folder, sorting, recording, place)
    if sorting.motion is not None:
        write_motion(folder, sorting.motion)
    write_clock_files(folder, sorting, recording)
    write_table(folder / "units.csv", Unit, sorting.units)
    if len(sorting.metrics) == len(sorting.units):
        write_table(folder / "metrics.csv", UnitMetrics, sorting.metrics)
    if sorting.blanked is not None:
        write_artifacts_csv(folder / "artifacts.csv", sorting.blanked, sorting.sampling_hz)
    write_ops(folder / "ops.npz", sorting, run)
    return phy_notes


def write_result(
    folder: Path, sorting: Sorting, recording: Recording, run: RunRecord, place: Path | None = None
) -> None:
    """Write all data files of a result: Phy's files, times, drift, tables of units, ops.npz and provenance.json.

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
    place : Path, optional
        Where the folder will be in the end. Default: where it is.

    Raises
    ------
    OSError
        If the disk is full or an input can no longer be read.
    """
    phy_notes = write_data_files(folder, sorting, recording, run, place)
    # Written last: this file marks a complete result.
    write_provenance(folder / RESULT_MARKER, sorting, recording, replace(run, notes=(*run.notes, *phy_notes)))
