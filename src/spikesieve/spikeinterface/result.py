"""A result as these functions take it: a sorting in memory, or a result folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.model import I64, Sorting

Result = Sorting | Path | str
"""A sorting, or the path of a result folder, which may be that of `run_sorter` with the result in `sorter_output`."""

SORTER_OUTPUT = "sorter_output"
"""Folder in which SpikeInterface keeps what a sorter writes."""


@dataclass(frozen=True, eq=False)
class Sorted:
    """A sorting, and the segments of the recording that was sorted.

    Attributes
    ----------
    sorting : Sorting
        The sorting.
    starts : ndarray of int64, shape (n_segments + 1,)
        First sample of each segment, then the number of all samples.
    n_channels : int
        Channels of the recording.
    has_gain : bool
        Whether uV are known.
    """

    sorting: Sorting
    starts: I64
    n_channels: int
    has_gain: bool

    @classmethod
    def of(cls, result: Result) -> Sorted:
        """Take a sorting or read a result folder.

        Parameters
        ----------
        result : Sorting, Path or str
            A sorting, a result folder, or a folder of `run_sorter`.

        Returns
        -------
        Sorted
            The sorting with its segments. One that does not say what was sorted has a single segment.

        Raises
        ------
        InputError
            It is neither, or the folder is damaged.
        """
        if isinstance(result, Sorting):
            return cls._of_sorting(result)
        if not isinstance(result, Path | str):
            raise InputError(f"A result cannot be a {type(result).__name__}. Give a Sorting or a result folder.")
        folder = Path(result)
        if (folder / SORTER_OUTPUT).is_dir():
            folder = folder / SORTER_OUTPUT
        facts = read_provenance(folder)["recording"]
        starts = np.array([*facts["file_starts"], facts["n_samples"]], np.int64)
        return cls(read_sorting(folder), starts, int(facts["n_channels"]), bool(facts["gain_is_known"]))

    @classmethod
    def _of_sorting(cls, sorting: Sorting) -> Sorted:
        if sorting.origin is None:
            n_channels = int(sorting.probe.channels.max()) + 1
            return cls(sorting, np.array([0, sorting.segments[-1][1]], np.int64), n_channels, True)
        recording = sorting.origin.recording
        starts = np.array([*recording.file_starts, recording.n_samples], np.int64)
        return cls(sorting, starts, recording.n_channels, recording.has_gain)

    @property
    def n_segments(self) -> int:
        """Number of segments."""
        return len(self.starts) - 1

    def segment_of(self, sample: I64) -> I64:
        """Find the segment of each sample.

        Parameters
        ----------
        sample : ndarray of int64, shape (n,)
            Samples of the whole recording.

        Returns
        -------
        ndarray of int64, shape (n,)
            Numbers of segments.
        """
        # The last start that is not later: segments without samples have none.
        found: I64 = np.searchsorted(self.starts[:-1], sample, side="right") - 1
        return found

    def require_same(self, recording: Any) -> None:
        """Raise an error if a recording is not the one that was sorted.

        Parameters
        ----------
        recording : spikeinterface.BaseRecording
            The recording.

        Raises
        ------
        InputError
            Channels, rate or lengths differ.
        """
        lengths = [recording.get_num_samples(segment_index=index) for index in range(recording.get_num_segments())]
        found = (recording.get_num_channels(), float(recording.sampling_frequency), list(map(int, lengths)))
        wanted = (self.n_channels, float(self.sorting.sampling_hz), np.diff(self.starts).tolist())
        if found != wanted:
            raise InputError(
                f"The recording {getattr(recording, 'name', '')!r} is not the one that was sorted: it has "
                f"{_text(*found)}, and that one has {_text(*wanted)}. Give the recording as it was sorted, "
                "or leave it out."
            )


def _text(n_channels: int, sampling_hz: float, lengths: list[int]) -> str:
    return f"{n_channels} channels at {sampling_hz:g} Hz and {' + '.join(map(str, lengths))} samples"
