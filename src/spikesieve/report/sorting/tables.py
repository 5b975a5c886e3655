"""The numbers of the figures as CSV files, under the names of the pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import Sorting
from spikesieve.report.drift.numbers import DriftNumbers, MovedUnit
from spikesieve.report.sorting.numbers import CORRELOGRAM_MS, Numbers, SomeSpikes

PLACE = ("unit", "label", "shank", "x_um", "y_um", "amplitude_uv")
MOVED = tuple(field.name for field in fields(MovedUnit))
RATE = ("unit", "label", "firing_rate_hz", "amplitude_uv")


class Table(NamedTuple):
    """A header and rows of numbers and text; None is an empty field."""

    header: Sequence[str]
    rows: Iterable[Sequence[Any]]


def write_tables(folder: Path, sorting: Sorting, numbers: Numbers) -> tuple[Path, ...]:
    """Write the tables into an existing folder and return their paths; `docs/report.md` describes them.

    UTF-8 with a header line, an empty field for what is not known. Raises OSError when they cannot be written.
    """
    lags = np.arange(-CORRELOGRAM_MS, CORRELOGRAM_MS + 1)
    tables = {
        "units_on_probe": _unit_fields(sorting, PLACE),
        "contacts": _contacts(sorting),
        "spike_raster": _spikes(numbers.raster),
        "template_gallery": _templates(sorting, numbers),
        "amplitude_against_rate": _unit_fields(sorting, RATE),
        "acgs": _by_unit(sorting, [f"{lag}_ms" for lag in lags[CORRELOGRAM_MS + 1 :]], numbers.acgs),
        "ccgs_with_nearest": _by_unit(sorting, [f"{lag}_ms" for lag in lags], numbers.ccgs),
        "amplitudes_over_time": _spikes(numbers.amplitudes),
        "rates_over_time": _by_unit(sorting, [f"{edge:.7g}_s" for edge in numbers.rate_edges_s[:-1]], numbers.rates_hz),
        "quality_histograms": _histograms(numbers),
    }
    if numbers.drift is not None:
        tables["drift"] = _drift(numbers.drift)
        tables["drift_raster"] = _drift_raster(numbers.drift, numbers.raster)
        tables["units_moved"] = Table(
            MOVED, ([_short(value) for value in astuple(unit)] for unit in numbers.drift.moved)
        )
    paths = tuple(folder / f"{name}.csv" for name in tables)
    for path, table in zip(paths, tables.values(), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.header)
            writer.writerows(table.rows)
    return paths


def _unit_fields(sorting: Sorting, names: Sequence[str]) -> Table:
    return Table(names, ([_short(getattr(unit, name)) for name in names] for unit in sorting.units))


def _contacts(sorting: Sorting) -> Table:
    probe = sorting.probe
    x_um, y_um = probe.positions_um.T
    columns: list[NDArray[Any]] = [probe.channels, probe.shanks, x_um, y_um, sorting.noise_sd_uv]
    rows = zip(range(probe.n_contacts), *(_short_list(column) for column in columns), strict=True)
    return Table(("contact", "file_channel", "shank", "x_um", "y_um", "noise_sd_uv"), rows)


def _spikes(spikes: SomeSpikes) -> Table:
    # Microseconds and hundredths: finer than either is known.
    columns: list[NDArray[Any]] = [
        _rounded(spikes.time_s, 6),
        _rounded(spikes.depth_um, 2),
        _rounded(spikes.amplitude_uv, 2),
        spikes.unit,
    ]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return Table(("time_s", "depth_um", "amplitude_uv", "unit"), rows)


def _templates(sorting: Sorting, numbers: Numbers) -> Table:
    """One row for each unit and contact, one column for each sample, named by its time from the spike."""
    contacts, uv = numbers.templates.contacts, _rounded(numbers.templates.uv, 3)
    samples = np.arange(uv.shape[2]) - sorting.templates.peak_index
    times = [f"{1000 * sample / sorting.sampling_hz:.3f}_ms" for sample in samples]
    used = np.argwhere(contacts >= 0).tolist()
    rows = (
        [unit, contacts[unit, k], sorting.probe.channels[contacts[unit, k]], *uv[unit, k].tolist()] for unit, k in used
    )
    return Table(("unit", "contact", "file_channel", *times), rows)


def _by_unit(sorting: Sorting, columns: Sequence[str], values: NDArray[Any]) -> Table:
    rows = ([unit.unit, unit.label, *_short_list(row)] for unit, row in zip(sorting.units, values, strict=True))
    return Table(("unit", "label", *columns), rows)


def _histograms(numbers: Numbers) -> Table:
    labels = list(numbers.histograms[0].counts)
    rows = [
        [histogram.name, _short(low), _short(high), *(int(histogram.counts[label][k]) for label in labels)]
        for histogram in numbers.histograms
        for k, (low, high) in enumerate(zip(histogram.edges[:-1], histogram.edges[1:], strict=True))
    ]
    return Table(("quantity", "from", "to", *labels), rows)


def _drift(drift: DriftNumbers) -> Table:
    axes = np.broadcast_arrays(drift.shanks[:, None, None], drift.time_s[:, None], drift.depth_um)
    columns = (*axes, drift.estimated_um, drift.se_um, drift.used_um)
    rows = zip(*(_short_list(column.ravel()) for column in columns), strict=True)
    return Table(("shank", "time_s", "depth_um", "displacement_um", "se_um", "used_um"), rows)


def _drift_raster(drift: DriftNumbers, raster: SomeSpikes) -> Table:
    spikes, on_probe_um = _spikes(raster.every(drift.step)), _rounded(drift.on_probe_um, 2).tolist()
    rows = ((*row, um) for row, um in zip(spikes.rows, on_probe_um, strict=True))
    return Table((*spikes.header, "depth_on_probe_um"), rows)


def _rounded(values: NDArray[Any], decimals: int) -> NDArray[np.float64]:
    return np.asarray(np.round(values.astype(np.float64), decimals), dtype=np.float64)


def _short_list(values: NDArray[Any]) -> list[Any]:
    return [_short(value) for value in values.tolist()]


def _short(value: Any) -> Any:
    """A number with 6 digits, empty where it is not one; anything else as it is."""
    if isinstance(value, float | np.floating):
        return f"{value:.6g}" if np.isfinite(value) else None
    return value
