"""The result as plain tables: CSV, or Parquet for pandas, R and Matlab."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import OutputError
from spikesieve.io.exports.session import Session

ROWS_AT_ONCE = 100_000
Columns = Mapping[str, list[Any] | NDArray[Any]]


def tables_of(session: Session) -> dict[str, Columns]:
    """Make tables of a sorting.

    Parameters
    ----------
    session : Session
        What is exported.

    Returns
    -------
    dict of str to dict
        Columns of the tables units, spikes, segments and contacts.
    """
    sorting, spikes, probe = session.sorting, session.sorting.spikes, session.sorting.probe
    ids = sorting.unit_ids
    observed_s = session.observed_s()
    return {
        "units": {"unit": ids, **{column.name: column.values for column in session.columns}},
        "spikes": {
            "unit": ids[spikes.unit] if len(ids) else np.empty(0, np.int64),
            "sample": spikes.sample,
            "time_s": session.spike_s,
            "amplitude_uv": spikes.amplitude_uv,
            "x_um": spikes.position_um[:, 0],
            "y_um": spikes.position_um[:, 1],
        },
        "segments": {
            "segment": np.arange(len(session.segments)),
            "file": [row.file for row in session.segments],
            "start_sample": [row.start_sample for row in session.segments],
            "stop_sample": [row.stop_sample for row in session.segments],
            "start_s": observed_s[:, 0],
            "stop_s": observed_s[:, 1],
        },
        "contacts": {
            "contact": np.arange(probe.n_contacts),
            "file_channel": probe.channels,
            "shank": probe.shanks,
            "x_um": probe.positions_um[:, 0],
            "y_um": probe.positions_um[:, 1],
            "noise_sd_uv": sorting.noise_sd_uv,
        },
    }


def write_csv_tables(folder: Path, session: Session) -> None:
    """Write units.csv, spikes.csv, segments.csv and contacts.csv: UTF-8 with a header line, empty where not known.

    Parameters
    ----------
    folder : Path
        Existing folder.
    session : Session
        What is exported.

    Raises
    ------
    OSError
        If the disk is full.
    """
    for name, columns in tables_of(session).items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            n_rows = len(next(iter(columns.values())))
            for start in range(0, n_rows, ROWS_AT_ONCE):
                parts = [_plain(values[start : start + ROWS_AT_ONCE]) for values in columns.values()]
                writer.writerows(zip(*parts, strict=True))


def _plain(values: list[Any] | NDArray[Any]) -> list[Any]:
    """Python's numbers, float32 with as many digits as they have."""
    if isinstance(values, np.ndarray):
        return [str(value) for value in values] if values.dtype == np.float32 else values.tolist()
    return ["" if value is None else value for value in values]


def write_parquet_tables(folder: Path, session: Session) -> None:
    """Write units.parquet, spikes.parquet, segments.parquet and contacts.parquet.

    Parameters
    ----------
    folder : Path
        Existing folder.
    session : Session
        What is exported.

    Raises
    ------
    OutputError
        If pyarrow is not installed.
    OSError
        If the disk is full.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise OutputError(
            'Parquet files need pyarrow, which is not installed. Install it with: pip install "spikesieve[parquet]".'
        ) from error
    for name, columns in tables_of(session).items():
        table = pyarrow.table({key: _array(pyarrow, values) for key, values in columns.items()})
        parquet.write_table(table, folder / f"{name}.parquet")


def _array(pyarrow: Any, values: list[Any] | NDArray[Any]) -> Any:
    """An array of pyarrow; None and NaN are missing."""
    return pyarrow.array(values, from_pandas=True)
