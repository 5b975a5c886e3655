"""The result of a sort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spikesieve.errors import InputError
from spikesieve.model.blanked import Blanked
from spikesieve.model.motion import Motion
from spikesieve.model.probe import Probe
from spikesieve.model.recording import Recording
from spikesieve.model.sorted_time import SortedTime
from spikesieve.model.spikes import Spikes
from spikesieve.model.templates import Templates
from spikesieve.model.text import counted
from spikesieve.model.types import F32, F64, I64, Bool
from spikesieve.model.unit import Label, Unit
from spikesieve.model.unit_metrics import UnitMetrics
from spikesieve.model.waveform_statistics import WaveformStatistics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Origin:
    """How a sorting came about. `Sorting.save` writes it into `provenance.json`.

    Attributes
    ----------
    recording : Recording
        What was sorted.
    settings : mapping
        Every setting with its value, "method" among them (`Settings.model_dump()`).
    started, finished : datetime
        With their time zone.
    stages : mapping
        Cost of each stage (`StageCost`), in order.
    inputs : tuple of str
        Files that were read besides the recording: probe, settings, motion.
    """

    recording: Recording
    settings: Mapping[str, Any]
    started: datetime
    finished: datetime
    stages: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Sorting:
    """The result of a sort: spike trains, templates and the table of units.

    Attributes
    ----------
    probe : Probe
        The contacts that were sorted, without bad ones; `channels` gives their columns in the file.
    sampling_hz : float
        Sampling rate in Hz.
    segments : tuple of (int, int)
        First sample and end of each part that was sorted.
    spikes : Spikes
        All spikes, in order of time.
    templates : Templates
        Mean waveforms, one row a unit.
    units : tuple of Unit
        The unit table, by number of the unit. Without corrections by hand, row i is unit i.
    whitening : ndarray of float32, shape (n_contacts, n_contacts)
        white[t] = whitening @ uv[t].
    pcs : ndarray of float32, shape (n_pcs, n_waveform_samples)
        Orthonormal temporal components of `Spikes.features`.
    feature_contacts : ndarray of int64, shape (n_units, n_feature_contacts)
        Contact of each feature column; -1 marks an unused one.
    similarity : ndarray of float32, shape (n_units, n_units)
        Largest normalised correlation of two templates over small lags.
    kept : ndarray of bool, shape (n_all,)
        Which of all matched spikes are in `spikes`; the others were double detections.
    noise_sd_uv : ndarray of float32, shape (n_contacts,)
        SD of the noise in uV of the high-passed, referenced traces.
    acgs : ndarray of int64, shape (n_units, n_bins)
        Autocorrelogram counts at lags of 0.5-1.5, 1.5-2.5 ... ms.
    notes : tuple of str
        Sentences for the user: what was odd in the data and what was done about it.
    motion : Motion or None
        How the tissue moved; None where it was not measured.
    origin : Origin or None
        How the sorting came about; None where that is not known.
    blanked : Blanked or None
        What was left out as artifact, silence or saturation; None where that is not known.
    threshold_sd : float or None
        Smallest score of a spike that was looked for, in noise SD; None where that is not known.
    waveforms : WaveformStatistics or None
        SD of the waveforms, and their means in either half of the recording; None where they were not measured.
    metrics : tuple of UnitMetrics
        What SpikeInterface, bombcell and IBL would measure of each unit; empty where that is not known.
    """

    probe: Probe
    sampling_hz: float
    segments: tuple[tuple[int, int], ...]
    spikes: Spikes
    templates: Templates
    units: tuple[Unit, ...]
    whitening: F32
    pcs: F32
    feature_contacts: I64
    similarity: F32
    kept: Bool
    noise_sd_uv: F32
    acgs: I64
    notes: tuple[str, ...] = field(default=())
    motion: Motion | None = None
    origin: Origin | None = None
    blanked: Blanked | None = None
    threshold_sd: float | None = None
    waveforms: WaveformStatistics | None = None
    metrics: tuple[UnitMetrics, ...] = ()

    def __repr__(self) -> str:
        labels = Counter(unit.label for unit in self.units)
        by_label = ", ".join(f"{labels[label]} {label}" for label in Label)
        lines = [
            f"Sorting: {counted(len(self.units), 'unit')} ({by_label}), {counted(len(self.spikes), 'spike')} "
            f"in {self.duration_s:.6g} s at {self.sampling_hz:g} Hz",
            repr(self.probe),
        ]
        if self.motion is not None:
            lines += repr(self.motion).splitlines()
        if self.notes:
            lines.append(f"{counted(len(self.notes), 'note')} in .notes")
        return "\n  ".join(lines)

    @property
    def duration_s(self) -> float:
        """Seconds that were sorted."""
        return sum(stop - start for start, stop in self.segments) / self.sampling_hz

    @property
    def sorted_time(self) -> SortedTime:
        """The time that was sorted, without what was left out: spikes are compared, and rates are made, on it."""
        return SortedTime(self.segments, self.sampling_hz, self.blanked)

    @property
    def unit_ids(self) -> I64:
        """Numbers of the units, in the order of the unit table: (n_units,) int64."""
        return np.array([unit.unit for unit in self.units], np.int64)

    def spike_train(self, unit_id: int, unit: Literal["samples", "s"] = "samples") -> I64 | F64:
        """Return the spike times of one unit.

        Parameters
        ----------
        unit_id : int
            Number of the unit, one of `unit_ids`.
        unit : {"samples", "s"}, optional
            Unit of the times: samples, or seconds since the first sample of the recording.

        Returns
        -------
        ndarray of int64 (samples) or float64 (s), shape (n_spikes,)
            Spike times, ascending.

        Raises
        ------
        InputError
            When there is no such unit, or times are asked for in something else.
        """
        row = np.flatnonzero(self.unit_ids == unit_id)
        if len(row) != 1:
            raise InputError(f"There is no unit {unit_id!r}. {self._units_text()}")
        if unit not in ("samples", "s"):
            raise InputError(f'Spike times come in "samples" or in seconds, "s". Got unit={unit!r}.')
        samples: I64 = np.asarray(self.spikes.sample[self.spikes.unit == row[0]], np.int64)
        return samples / self.sampling_hz if unit == "s" else samples

    def to_dataframe(self) -> pd.DataFrame:
        """Make a table of the units for pandas.

        Returns
        -------
        pandas.DataFrame
            One row a unit, the columns of `Unit` (those of `units.csv`, not rounded). What cannot be told from the data
            is missing (NaN, or NA in columns of whole numbers).

        Raises
        ------
        InputError
            When pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError(
                "A table of units needs pandas, which is not installed. Install it with: pip install pandas."
            ) from error
        # Annotations are texts here: "int | None" is a whole number that may be missing.
        dtypes = {"int": "int64", "int | None": "Int64", "float": "float64", "float | None": "float64"}
        return pd.DataFrame(
            {
                column.name: pd.Series(
                    [_plain(getattr(unit, column.name)) for unit in self.units],
                    dtype=dtypes.get(str(column.type), "object"),
                )
                for column in fields(Unit)
            }
        )

    def save(self, folder: Path | str, recording: Recording | None = None, overwrite: bool = False) -> Path:
        """Write the whole result folder with its report, as `spikesieve sort` does.

        Parameters
        ----------
        folder : path
            Where to write; missing parents are made.
        recording : Recording, optional
            What was sorted, for Phy and for `provenance.json`. Default: that of `origin`. Without either, Phy opens the
            folder without traces.
        overwrite : bool, optional
            Replace an older result in this folder.

        Returns
        -------
        Path
            The folder: Phy's files, units.csv, ops.npz, provenance.json, report.html, figures, spikesieve.log.

        Raises
        ------
        InputError
            When the recording is not the one that was sorted.
        OutputError
            When the folder exists (without `overwrite`), is no result, or cannot be written.
        """
        from spikesieve.api.save import save_sorting

        return save_sorting(self, Path(folder), recording, overwrite)

    def _units_text(self) -> str:
        if not self.units:
            return "This sorting has no units."
        ids = self.unit_ids
        return f"This sorting has {counted(len(ids), 'unit')}, {ids[0]} to {ids[-1]}."


def _plain(value: object) -> object:
    """A label as text: pandas writes and prints the repr of an enumeration."""
    return str(value) if isinstance(value, Label) else value
