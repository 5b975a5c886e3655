"""A result as the views see it: by spikesieve, or by any program that writes Phy's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.curation.actions import Membership
from spikesieve.curation.recompute import CurationParams
from spikesieve.curation.spike_index import PIECE
from spikesieve.model import (
    F32,
    I32,
    I64,
    Label,
    Overview,
    Probe,
    Recording,
    RowsOnDemand,
    SortedTime,
    Sorting,
    Templates,
    Unit,
)
from spikesieve.settings.sort import Settings
from spikesieve.stages.preprocess import Preprocessing
from spikesieve.views.columns import Columns


@dataclass(frozen=True, eq=False)
class SpikeFeatures:
    """Features of single spikes, on the contacts of the template that they were sorted into.

    Attributes
    ----------
    scores : ndarray of floating point, shape (n_stored, n_columns, n_components), or RowsOnDemand
        Mapped from its file.
    contacts : ndarray of int64, shape (n_templates, n_columns)
        Contact of each column; -1 for none.
    stored : ndarray of int64, shape (n_spikes,), or None
        Row of each spike in `scores`, -1 if it has none; None where they are in the same order.
    """

    scores: NDArray[Any] | RowsOnDemand
    contacts: I64
    stored: I64 | None = None

    @property
    def n_components(self) -> int:
        """Number of components."""
        return int(self.scores.shape[2])

    def scores_of(self, rows: I32, column: int, component: int) -> F32:
        """Read one score of some spikes.

        Parameters
        ----------
        rows : ndarray of int32, shape (n,)
            The spikes.
        column, component : int
            Which one.

        Returns
        -------
        ndarray of float32, shape (n,)
            NaN for a spike that has none.
        """
        place = rows if self.stored is None else self.stored[rows]
        if isinstance(self.scores, RowsOnDemand):
            return self.scores[place][:, column, component]
        known = place >= 0
        found = np.full(len(rows), np.nan, np.float32)
        found[known] = self.scores[place[known], column, component]
        return found


@dataclass(frozen=True, eq=False)
class Result:
    """A result as the views see it.

    Attributes
    ----------
    name : str
        Name of its folder.
    kind : str
        The program that wrote it.
    probe : Probe
        The contacts that were sorted.
    time : SortedTime
        What was sorted.
    sample : ndarray of int64, shape (n_spikes,)
        Sample of each spike, not descending.
    template : ndarray of int32, shape (n_spikes,)
        Row of `templates` of each spike.
    templates : Templates
        Mean waveforms.
    waveform_unit : str
        Unit of the waveforms: "µV", or "raw" where no gain is known.
    units : Membership
        The units as the program that wrote the result left them.
    noise_sd_uv : ndarray of float32, shape (n_contacts,)
        Noise of each contact; NaN where it is not known.
    amplitude : ndarray of float32, shape (n_spikes,), or None
        Size of each spike.
    amplitude_unit : str
        Its unit.
    position_um : ndarray of float32, shape (n_spikes, 2), or None
        x and depth of each spike.
    features : SpikeFeatures or None
        Features of the spikes.
    described : mapping of int to Unit
        Rows of the unit table that are known, by number of the unit.
    labels : mapping of int to Label
        Labels that the program gave.
    sorting : Sorting or None
        The sorting, where spikesieve made it: units are then described by its features and criteria.
    recording : Recording or None
        The raw recording, where it is there.
    params : CurationParams
        Criteria of the labels.
    missing : tuple of str
        Sentences on what cannot be shown, and why.
    file_row : ndarray of int64, shape (n_spikes,), or None
        Row of each spike in the files of the folder; None where they are in the same order.
    settings : Settings or None
        Settings of the sort; None where they are not known.
    read_from : mapping of str to list of int
        State of the files of the spikes, by name; empty where they were not read from files.
    overview : Overview or None
        The whole recording at a glance, where the sort wrote it.
    preprocessing : Preprocessing or None
        Of the traces, where the sort wrote it.
    columns : Columns
        Values of the spikes that were looked at last.
    """

    name: str
    kind: str
    probe: Probe
    time: SortedTime
    sample: I64
    template: I32
    templates: Templates
    waveform_unit: str
    units: Membership
    noise_sd_uv: F32
    amplitude: F32 | None = None
    amplitude_unit: str = ""
    position_um: F32 | None = None
    features: SpikeFeatures | None = None
    described: Mapping[int, Unit] = field(default_factory=dict)
    labels: Mapping[int, Label] = field(default_factory=dict)
    sorting: Sorting | None = None
    recording: Recording | None = None
    params: CurationParams = field(default_factory=CurationParams)
    missing: tuple[str, ...] = ()
    file_row: I64 | None = None
    settings: Settings | None = None
    read_from: Mapping[str, list[int]] = field(default_factory=dict)
    overview: Overview | None = None
    preprocessing: Preprocessing | None = None
    columns: Columns = field(default_factory=Columns, repr=False)

    def are_its_units(self, unit: NDArray[np.integer]) -> bool:
        """Say whether spikes are in the units that the program left, without a copy of all of them.

        Parameters
        ----------
        unit : ndarray of int, shape (n,)
            Number of the unit of each spike.

        Returns
        -------
        bool
            False also for another number of spikes.
        """
        number = np.full(len(self.templates), -1, np.int64)
        for one, rows in self.units.rows.items():
            number[self.template[rows[:1]]] = one
        pieces = (slice(at, at + PIECE) for at in range(0, len(unit), PIECE))
        return len(unit) == len(self.template) and all(
            np.array_equal(number[self.template[piece]], unit[piece]) for piece in pieces
        )

    def samples_of(self, rows: I32) -> I64:
        """Find the samples of some spikes.

        Parameters
        ----------
        rows : ndarray of int32, shape (n,)
            The spikes.

        Returns
        -------
        ndarray of int64, shape (n,)
            Not to be changed.
        """
        return self.columns.take("sample", self.sample, rows)

    def templates_of(self, rows: I32) -> I32:
        """Find the templates of some spikes.

        Parameters
        ----------
        rows : ndarray of int32, shape (n,)
            The spikes.

        Returns
        -------
        ndarray of int32, shape (n,)
            Rows of `templates`, not to be changed.
        """
        return self.columns.take("template", self.template, rows)

    def amplitudes_of(self, rows: I32) -> F32 | None:
        """Find the amplitudes of some spikes.

        Parameters
        ----------
        rows : ndarray of int32, shape (n,)
            The spikes.

        Returns
        -------
        ndarray of float32, shape (n,), or None
            Not to be changed; None if they are not known.
        """
        return None if self.amplitude is None else self.columns.take("amplitude", self.amplitude, rows)

    def positions_um_of(self, rows: I32) -> F32 | None:
        """Find the places of some spikes.

        Parameters
        ----------
        rows : ndarray of int32, shape (n,)
            The spikes.

        Returns
        -------
        ndarray of float32, shape (n, 2), or None
            x and depth, not to be changed; None if they are not known.
        """
        return None if self.position_um is None else self.columns.take("position", self.position_um, rows)

    @property
    def span_s(self) -> tuple[float, float]:
        """Time of the first and of the last sorted sample in s."""
        segments, hz = self.time.segments, self.time.sampling_hz
        return (segments[0][0] / hz, segments[-1][1] / hz) if segments else (0.0, 1.0)
