"""The numbers of the figures of a sorting as CSV files, with the names of the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import I64, Sorting
from spikesieve.report.csv_files import write_csv
from spikesieve.report.drift.numbers import DriftNumbers, MovedUnit
from spikesieve.report.sorting.numbers import CORRELOGRAM_MS, FigureNumbers
from spikesieve.report.thinning import ThinnedSpikes

POSITION_COLUMNS = ("unit", "label", "shank", "x_um", "y_um", "amplitude_uv")
RATE_COLUMNS = ("unit", "label", "firing_rate_hz", "amplitude_uv")
MOVED_COLUMNS = tuple(field.name for field in fields(MovedUnit))
TIME_DECIMALS, SPIKE_DECIMALS = 6, 2
"""Decimals of times in s, and of depths in um and amplitudes in uV: finer than the measurement."""


class CsvTable(NamedTuple):
    """A header and rows of numbers and text. None is an empty field.

    Attributes
    ----------
    header : sequence of str
        Column names.
    rows : iterable of sequences
        Values of each row.
    """

    header: Sequence[str]
    rows: Iterable[Sequence[Any]]


def write_tables(folder: Path, sorting: Sorting, numbers: FigureNumbers) -> tuple[Path, ...]:
    """Write the numbers of the figures as CSV files; docs/report.md describes them.

    Parameters
    ----------
    folder : Path
        Existing folder.
    sorting : Sorting
        The sorting.
    numbers : FigureNumbers
        Numbers of its figures.

    Returns
    -------
    tuple of Path
        The files. Empty fields are values that are not known.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    lags = np.arange(-CORRELOGRAM_MS, CORRELOGRAM_MS + 1)
    tables = {
        "units_on_probe": _unit_fields(sorting, POSITION_COLUMNS),
        "contacts": _contacts(sorting),
        "spike_raster": _spikes(numbers.raster, sorting.unit_ids),
        "template_gallery": _templates(sorting, numbers),
        "amplitude_against_rate": _unit_fields(sorting, RATE_COLUMNS),
        "acgs": _by_unit(sorting, [f"{lag}_ms" for lag in lags[CORRELOGRAM_MS + 1 :]], numbers.acgs),
        "ccgs_with_nearest": _by_unit(sorting, [f"{lag}_ms" for lag in lags], numbers.ccgs),
        "amplitudes_over_time": _spikes(numbers.amplitudes, sorting.unit_ids),
        "rates_over_time": _by_unit(sorting, [f"{edge:.7g}_s" for edge in numbers.rate_edges_s[:-1]], numbers.rates_hz),
        "quality_histograms": _histograms(numbers),
        **({} if numbers.measured_drift is None else _drift_tables(sorting, numbers.measured_drift, numbers.raster)),
    }
    paths = tuple(folder / f"{name}.csv" for name in tables)
    for path, table in zip(paths, tables.values(), strict=True):
        write_csv(path, table.header, table.rows)
    return paths


def _unit_fields(sorting: Sorting, names: Sequence[str]) -> CsvTable:
    return CsvTable(names, ([_short(getattr(unit, name)) for name in names] for unit in sorting.units))


def _contacts(sorting: Sorting) -> CsvTable:
    probe = sorting.probe
    x_um, y_um = probe.positions_um.T
    columns: list[NDArray[Any]] = [probe.channels, probe.shanks, x_um, y_um, sorting.noise_sd_uv]
    rows = zip(range(probe.n_contacts), *(_short_list(column) for column in columns), strict=True)
    return CsvTable(("contact", "file_channel", "shank", "x_um", "y_um", "noise_sd_uv"), rows)


def _spikes(spikes: ThinnedSpikes, unit_ids: I64) -> CsvTable:
    columns: list[NDArray[Any]] = [
        _rounded(spikes.time_s, TIME_DECIMALS),
        _rounded(spikes.depth_um, SPIKE_DECIMALS),
        _rounded(spikes.amplitude_uv, SPIKE_DECIMALS),
        unit_ids[spikes.unit],
    ]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return CsvTable(("time_s", "depth_um", "amplitude_uv", "unit"), rows)


def _templates(sorting: Sorting, numbers: FigureNumbers) -> CsvTable:
    """One row for each unit and contact, one column for each sample, named by its time from the spike."""
    contacts, uv = numbers.templates.contacts, _rounded(numbers.templates.uv, 3)
    samples = np.arange(uv.shape[2]) - sorting.templates.peak_index
    times = [f"{1000 * sample / sorting.sampling_hz:.3f}_ms" for sample in samples]
    used, ids = np.argwhere(contacts >= 0).tolist(), sorting.unit_ids
    rows = (
        [ids[row], contacts[row, k], sorting.probe.channels[contacts[row, k]], *uv[row, k].tolist()] for row, k in used
    )
    return CsvTable(("unit", "contact", "file_channel", *times), rows)


def _by_unit(sorting: Sorting, columns: Sequence[str], values: NDArray[Any]) -> CsvTable:
    rows = ([unit.unit, unit.label, *_short_list(row)] for unit, row in zip(sorting.units, values, strict=True))
    return CsvTable(("unit", "label", *columns), rows)


def _histograms(numbers: FigureNumbers) -> CsvTable:
    labels = list(numbers.histograms[0].counts)
    rows = [
        [histogram.name, _short(low), _short(high), *(int(histogram.counts[label][k]) for label in labels)]
        for histogram in numbers.histograms
        for k, (low, high) in enumerate(zip(histogram.edges[:-1], histogram.edges[1:], strict=True))
    ]
    return CsvTable(("quantity", "from", "to", *labels), rows)


def _drift_tables(sorting: Sorting, drift: DriftNumbers, raster: ThinnedSpikes) -> dict[str, CsvTable]:
    moved = ([_short(value) for value in astuple(unit)] for unit in drift.moved)
    return {
        "drift": _drift(drift),
        "drift_raster": _drift_raster(drift, raster, sorting.unit_ids),
        "units_moved": CsvTable(MOVED_COLUMNS, moved),
    }


def _drift(drift: DriftNumbers) -> CsvTable:
    axes = np.broadcast_arrays(drift.shanks[:, None, None], drift.time_s[:, None], drift.depth_um)
    columns = (*axes, drift.estimated_um, drift.se_um, drift.used_um)
    rows = zip(*(_short_list(column.ravel()) for column in columns), strict=True)
    return CsvTable(("shank", "time_s", "depth_um", "displacement_um", "se_um", "used_um"), rows)


def _drift_raster(drift: DriftNumbers, raster: ThinnedSpikes, unit_ids: I64) -> CsvTable:
    spikes = _spikes(raster.every_nth(drift.step), unit_ids)
    depth_on_probe_um = _rounded(drift.depth_on_probe_um, SPIKE_DECIMALS).tolist()
    rows = ((*row, um) for row, um in zip(spikes.rows, depth_on_probe_um, strict=True))
    return CsvTable((*spikes.header, "depth_on_probe_um"), rows)


def _rounded(values: NDArray[Any], decimals: int) -> NDArray[np.float64]:
    return np.asarray(np.round(values.astype(np.float64), decimals), dtype=np.float64)


def _short_list(values: NDArray[Any]) -> list[Any]:
    return [_short(value) for value in values.tolist()]


def _short(value: Any) -> Any:
    """A float with 6 digits, None where it is NaN or infinite; other values as they are."""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}" if np.isfinite(value) else None
    return value
