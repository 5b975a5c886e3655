"""Splits the result of a sort into one result folder for each file, or for each segment, with the same units."""

from __future__ import annotations

import logging
import os
import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from spikesieve.api.finished import FinishedResult, read_finished
from spikesieve.api.save import LOG_NAME, NoSamples
from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.results import provenance
from spikesieve.io.results.clock_files import SegmentRow, write_segment_rows
from spikesieve.io.results.folder import FILES, RESULT_MARKER, result_folder, write_data_files
from spikesieve.io.results.motion_files import motion_facts
from spikesieve.io.results.phy import n_placeholder_spikes, save_array
from spikesieve.io.results.read import curation_notes
from spikesieve.io.results.run_log import run_log
from spikesieve.model import Recording, Sorting
from spikesieve.report.sorting.write import write_report
from spikesieve.stages.part import part_of

logger = logging.getLogger(__name__)

By = Literal["file", "segment"]
# Phy writes this table again when it saves; its counts are those of the whole.
COUNTS_OF_PHY = "cluster_info.tsv"
NOT_IN_NAMES = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class _Part:
    """Where a part lies in the whole recording, and in its file."""

    name: str
    start: int
    stop: int
    file: int
    file_start: int


def split_result(
    folder: Path | str, by: By = "file", out: Path | str | None = None, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write one result folder for each file, or each segment, of a result. Units have the same numbers in all of them.

    What was curated in Phy is split as well: `spike_clusters.npy` and the groups are those of the folder as it is now.

    Parameters
    ----------
    folder : path
        A result folder.
    by : {"file", "segment"}, optional
        What a part is: a file, or what was sorted without interruption.
    out : path, optional
        Folder that gets one folder for each part. Default: beside the result, such as `result-by-file`.
    overwrite : bool, optional
        Replace older parts.

    Returns
    -------
    tuple of Path
        The folders, in order of time.

    Raises
    ------
    InputError
        If the folder is no result, is damaged, or has only one file or segment.
    OutputError
        If a folder of a part exists (without `overwrite`), or cannot be written.

    Notes
    -----
    `spike_times.npy` counts from the first sample of the file (or segment), and `params.py` names that file. Times in s
    (`spike_times_sec.npy`, `segments.csv`) stay on the clock of the whole, so that parts can be compared. Counts,
    rates, refractoriness, contamination and positions of units are those of the part, labels and templates those of
    the whole. A unit without spikes in a part keeps its row in every table.
    """
    if by not in ("file", "segment"):
        raise InputError(f'A result is split by "file" or by "segment". Got {by!r}.')
    folder = Path(folder)
    whole = read_finished(folder)
    parts = _parts(whole, by)
    if len(parts) < 2:
        raise InputError(f"{folder} is the result of one {by}: there is nothing to split.")
    target = Path(out) if out is not None else folder.resolve().parent / f"{folder.resolve().name}-by-{by}"
    for number, part in enumerate(parts):
        with result_folder(target / part.name, overwrite, whole.raw_files) as new, run_log(new / LOG_NAME):
            note = f"Part {number + 1} of {len(parts)} of {folder.resolve()}, split by {by}."
            logger.info("%s", note)
            _write_part(new, whole, part, note, target / part.name)
    return tuple(target / part.name for part in parts)


def _parts(whole: FinishedResult, by: By) -> list[_Part]:
    """The parts in which something was sorted, in order of time."""
    starts, segments = whole.file_starts, whole.sorting.segments
    files = [bisect_right(starts, start) - 1 for start, _ in segments]
    if by == "segment":
        spans = [(start, stop, f"{i:0{len(str(len(segments) - 1))}d}") for i, (start, stop) in enumerate(segments)]
        return [_Part(name, a, b, file, starts[file]) for (a, b, name), file in zip(spans, files, strict=True)]
    ends, width = [*starts[1:], int(whole.facts["recording"]["n_samples"])], len(str(len(starts) - 1))
    stems = {k: _stem(file) for k, (file, *_) in zip(files, whole.segments, strict=True)}
    return [_Part(f"{k:0{width}d}{stem}", starts[k], ends[k], k, starts[k]) for k, stem in stems.items()]


def _stem(file: str) -> str:
    return f"_{NOT_IN_NAMES.sub('_', Path(file.replace(chr(92), '/')).stem)}" if file else ""


def _write_part(new: Path, whole: FinishedResult, part: _Part, note: str, place: Path) -> None:
    sorting, rows = part_of(whole.sorting, part.start, part.stop), _rows(whole, part)
    recording = _recording(whole, part, sorting)
    phy_notes = write_data_files(new, sorting, recording, whole.run, place)
    save_array(new / "spike_times_sec.npy", whole.spike_s[rows], np.float64)
    write_segment_rows(new, _segments(whole, part))
    _keep_curation(new, whole, rows, n_placeholder_spikes(sorting))
    files = (*whole.raw_files, *(row.file for row in whole.segments))
    others = {os.path.abspath(name) for name in files if name} - set(recording.paths)
    facts = {
        **whole.facts,
        "inputs": [entry for entry in whole.facts["inputs"] if entry["path"] not in others],
        "recording": provenance.recording_facts(recording),
        "result": provenance.result_facts(sorting),
        "motion": motion_facts(sorting.motion),
        "notes": [note, *whole.facts["notes"], *curation_notes(new), *phy_notes],
    }
    provenance.write_facts(new / RESULT_MARKER, facts)
    write_report(new, sorting, facts)


def _rows(whole: FinishedResult, part: _Part) -> slice:
    return slice(*np.searchsorted(whole.sorting.spikes.sample, [part.start, part.stop]).tolist())


def _segments(whole: FinishedResult, part: _Part) -> list[SegmentRow]:
    """Rows of segments.csv: samples count from the part, seconds stay."""
    inside = [row for row in whole.segments if part.start <= row.start_sample < part.stop]
    return [
        row._replace(start_sample=row.start_sample - part.start, stop_sample=row.stop_sample - part.start)
        for row in inside
    ]


def _recording(whole: FinishedResult, part: _Part, sorting: Sorting) -> Recording:
    """The recording of a part. Samples are not read, so its file need not be there."""
    files, artifacts = whole.raw_files, whole.recording.artifact_sample
    return replace(
        whole.recording,
        read=_raw_file(whole, part) if files else NoSamples(),
        n_samples=part.stop - part.start,
        segments=sorting.segments,
        file_starts=(0,),
        name=part.name,
        paths=(files[part.file],) if files else (),
        artifact_sample=artifacts[(artifacts >= part.start) & (artifacts < part.stop)] - part.start,
    )


def _raw_file(whole: FinishedResult, part: _Part) -> RawFiles:
    """The file of a part, from the first sample of the part on."""
    dtype, n_channels = np.dtype(whole.params["dtype"]), int(whole.params["n_channels_dat"])
    before_bytes = (part.start - part.file_start) * n_channels * dtype.itemsize
    n_samples = part.stop - part.start
    header_bytes = int(whole.params.get("offset", 0)) + before_bytes
    return RawFiles((whole.raw_files[part.file],), (0, n_samples), n_channels, dtype.str, header_bytes)


def _keep_curation(new: Path, whole: FinishedResult, rows: slice, n_placeholders: int) -> None:
    """Clusters and labels as they are in the folder now. Tables that Phy or a person added are kept as well."""
    clusters = np.load(whole.folder / "spike_clusters.npy", allow_pickle=False)[rows]
    no_unit = np.full(n_placeholders, len(whole.sorting.units), clusters.dtype)
    save_array(new / "spike_clusters.npy", np.concatenate([clusters, no_unit]), np.int32)
    for table in sorted(whole.folder.glob("cluster_*.tsv")):
        if table.name == "cluster_group.tsv" or table.name not in FILES | {COUNTS_OF_PHY}:
            (new / table.name).write_bytes(table.read_bytes())
