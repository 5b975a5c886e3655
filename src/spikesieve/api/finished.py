"""A result folder with everything in it, for commands that make another result of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.api.save import NoSamples
from spikesieve.engine.clock import StageCost
from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.io.results.clock_files import SegmentRow, read_clock_files
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.io.sortings.phy_files import read_params_py
from spikesieve.model import F64, Recording, Sorting


@dataclass(frozen=True, eq=False)
class FinishedResult:
    """What is read of a result folder.

    Attributes
    ----------
    folder : Path
        The folder.
    sorting : Sorting
        The sorting, as it was sorted.
    facts : dict
        Content of `provenance.json`.
    spike_s : ndarray of float64, shape (n_spikes,)
        Time of each spike on the clock of the session in s.
    segments : tuple of SegmentRow
        Rows of `segments.csv`.
    params : dict
        Assignments of `params.py`.
    """

    folder: Path
    sorting: Sorting
    facts: dict[str, Any]
    spike_s: F64
    segments: tuple[SegmentRow, ...]
    params: dict[str, Any]

    @property
    def file_starts(self) -> list[int]:
        """First sample of each file of the recording."""
        return [int(start) for start in self.facts["recording"]["file_starts"]]

    @property
    def raw_files(self) -> list[str]:
        """The raw files, one for each start of a file; empty where they are not plain files."""
        given = self.params.get("dat_path", [])
        paths = [given] if isinstance(given, str) else list(given)
        found = [os.path.normpath(os.path.join(self.folder.resolve(), path)) for path in paths]
        return found if len(found) == len(self.file_starts) else []

    @property
    def run(self) -> RunRecord:
        """Method, settings, times and cost of the sort."""
        facts = self.facts
        started, finished = (datetime.fromisoformat(facts[name]) for name in ("started", "finished"))
        stages = {name: StageCost(**cost) for name, cost in facts["stages"].items()}
        return RunRecord(facts["method"], facts["settings"], facts["seeds"], started, finished, stages)

    @property
    def recording(self) -> Recording:
        """The recording that was sorted, without its clock. Its files need not be there, unless samples are read."""
        facts, hz = self.facts["recording"], self.sorting.sampling_hz
        return Recording(
            self._raw() if self.raw_files else NoSamples(),
            int(facts["n_samples"]),
            int(facts["n_channels"]),
            hz,
            gain_uv=np.array(facts["gain_uv"], np.float64),
            offset_raw=np.array(facts["zero_raw"], np.float64),
            segments=self.sorting.segments,
            file_starts=tuple(self.file_starts),
            range_raw=None if facts.get("range_raw") is None else tuple(facts["range_raw"]),
            has_gain=bool(facts["gain_is_known"]),
            name=facts["name"],
            paths=tuple(self.raw_files),
            delay_samples=np.array(facts.get("delay_samples", 0.0), np.float64),
            is_filtered=bool(facts.get("is_filtered", False)),
            artifact_sample=np.array(facts.get("artifact_samples", []), np.int64),
        )

    def _raw(self) -> RawFiles:
        starts = (*self.file_starts, int(self.facts["recording"]["n_samples"]))
        dtype, header_bytes = np.dtype(self.params["dtype"]).str, int(self.params.get("offset", 0))
        return RawFiles(tuple(self.raw_files), starts, int(self.params["n_channels_dat"]), dtype, header_bytes)


def read_finished(folder: Path, is_mapped: bool = False) -> FinishedResult:
    """Read a result folder.

    Parameters
    ----------
    folder : Path
        The result folder.
    is_mapped : bool, optional
        Map the columns of the spikes into memory instead of reading them.

    Returns
    -------
    FinishedResult
        What is in it.

    Raises
    ------
    InputError
        The folder is no result, or is damaged.
    """
    facts, sorting = read_provenance(folder), read_sorting(folder, is_mapped)
    whole = FinishedResult(folder, sorting, facts, *read_clock_files(folder), read_params_py(folder / "params.py"))
    spans = tuple((row.start_sample, row.stop_sample) for row in whole.segments)
    if spans != sorting.segments or len(whole.spike_s) != len(sorting.spikes):
        raise InputError(f"The times in {folder} do not belong to its spikes and segments. Sort again.")
    return whole
