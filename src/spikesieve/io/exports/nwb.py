"""The units of a result as an NWB file, new or appended to one that exists."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.errors import InputError, OutputError
from spikesieve.io.exports.nwb_electrodes import add_groups, electrode_rows
from spikesieve.io.exports.nwb_metadata import EXAMPLE, NwbMetadata, pynwb_missing
from spikesieve.io.exports.session import Session, UnitColumn
from spikesieve.io.hidden_folder import hidden_folder
from spikesieve.io.results.phy import fill_unused
from spikesieve.model import F32

VOLTS = 1e-6
DESCRIPTION = "Units found by spikesieve in {name}: spikes, mean waveforms, labels with their reasons, and metrics."


def write_nwb(path: Path, session: Session, metadata: NwbMetadata, overwrite: bool = False) -> None:
    """Write a new NWB file.

    Parameters
    ----------
    path : Path
        The file; it appears when it is complete.
    session : Session
        What is exported.
    metadata : NwbMetadata
        Session, subject and probe.
    overwrite : bool, optional
        Replace an older file.

    Raises
    ------
    InputError
        If the start of the session is not known, there are no units, or the metadata do not fit NWB.
    OutputError
        If the file exists (without `overwrite`) or cannot be written, or pynwb is not installed.
    """
    if path.exists() and not overwrite:
        raise OutputError(
            f"{path} exists. Choose another file, replace it with --overwrite, or add to it with --append."
        )
    pynwb = _pynwb()
    if "session_start_time" not in metadata.session:
        raise InputError(
            "An NWB file needs the time at which the session began, which no recording format tells reliably. "
            f"Give it with --metadata FILE, such as:\n{EXAMPLE}"
        )
    with _fitting():
        nwb = pynwb.NWBFile(**{**_defaults(session), **metadata.session})
        if metadata.subject:
            nwb.subject = pynwb.file.Subject(**metadata.subject)
        add_groups(nwb, session, metadata)
        nwb.units = _units(pynwb, nwb, session, metadata, "units")
    with hidden_folder(path.resolve(), "new") as hidden:
        with pynwb.NWBHDF5IO(hidden / path.name, "w") as io:
            io.write(nwb)
        os.replace(hidden / path.name, path)


def append_nwb(path: Path, session: Session, metadata: NwbMetadata) -> str:
    """Add the units to an NWB file that exists, such as one with the raw data.

    Parameters
    ----------
    path : Path
        The file; it is changed.
    session : Session
        What is exported.
    metadata : NwbMetadata
        The probe; session and subject are those of the file.

    Returns
    -------
    str
        Where the units are in the file: "/units", or "/processing/ecephys/NAME" if there are units already.

    Raises
    ------
    InputError
        If there are no units, the file cannot be read, or its electrodes are not those of the probe.
    OutputError
        If pynwb is not installed.
    """
    pynwb = _pynwb()
    if not path.is_file():
        raise InputError(f"There is no file {path} to add the units to. Leave out --append to make it.")
    with _fitting(), pynwb.NWBHDF5IO(path, "r+") as io:
        nwb = io.read()
        add_groups(nwb, session, metadata)
        io.write(nwb)
    with _fitting(), pynwb.NWBHDF5IO(path, "r+") as io:
        nwb = io.read()
        if nwb.units is None:
            nwb.units = _units(pynwb, nwb, session, metadata, "units")
            where = "/units"
        else:
            module = nwb.processing.get("ecephys") or nwb.create_processing_module("ecephys", "Units of spike sorting.")
            taken = set(module.data_interfaces)
            name = next(name for name in map("units_{}".format, range(2, len(taken) + 3)) if name not in taken)
            module.add(_units(pynwb, nwb, session, metadata, name))
            where = f"/processing/ecephys/{name}"
        io.write(nwb)
    return where


def _pynwb() -> Any:
    try:
        import pynwb
    except ImportError as error:
        raise pynwb_missing(error) from error
    return pynwb


@contextmanager
def _fitting() -> Iterator[None]:
    """Turn what pynwb says of values that it does not take into an InputError."""
    try:
        yield
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"The metadata or the file do not fit NWB: {error}") from error


def _defaults(session: Session) -> dict[str, Any]:
    """Fields of the session that the metadata need not have."""
    name = session.name or "a recording"
    return {"session_description": f"Spike sorting of {name}.", "identifier": str(uuid.uuid4())}


def _units(pynwb: Any, nwb: Any, session: Session, metadata: NwbMetadata, name: str) -> Any:
    """The table of units, with a row for each that has spikes."""
    sorting, hz = session.sorting, session.sorting.sampling_hz
    rows = [row for row in range(len(sorting.units)) if len(session.spikes_of(row))]
    if not rows:
        raise InputError("This result has no units, and an NWB file of units needs some.")
    electrodes = electrode_rows(nwb, session, metadata)
    table = pynwb.misc.Units(
        name=name,
        description=DESCRIPTION.format(name=session.name or "a recording"),
        resolution=1 / hz,
        waveform_rate=hz,
        electrode_table=nwb.electrodes,
    )
    table.add_column("unit_name", "Number of the unit in the result of spikesieve, as text.")
    columns = {column.name: values for column in session.columns if (values := _filled(column, rows)) is not None}
    for column in session.columns:
        if column.name in columns:
            table.add_column(column.name, column.meaning)
    waveforms = _waveforms(session)
    contacts = fill_unused(sorting.templates.contacts, sorting.probe.n_contacts)
    observed_s = session.observed_s()
    for number, row in enumerate(rows):
        unit, at = sorting.units[row], electrodes[contacts[row]].tolist()
        table.add_unit(
            id=unit.unit,
            unit_name=str(unit.unit),
            spike_times=np.sort(session.spike_s[session.spikes_of(row)]),
            obs_intervals=observed_s,
            electrodes=at,
            electrode_group=nwb.electrodes["group"][int(electrodes[unit.chan_best])],
            **{key: values[row] for key, values in waveforms.items()},
            **{key: values[number] for key, values in columns.items()},
        )
    for key in ("spike_times", *waveforms):
        table[key].set_data_io(pynwb.H5DataIO, {"compression": "gzip", "chunks": True})
    return table


def _waveforms(session: Session) -> dict[str, F32]:
    """Mean and SD in V on the contacts of each unit, NaN where they were not measured."""
    templates, statistics = session.sorting.templates, session.sorting.waveforms
    found = {"waveform_mean": templates.uv}
    if statistics is not None:
        found["waveform_sd"] = statistics.sd_uv
    unused = (templates.contacts < 0)[:, None, :]
    return {name: np.where(unused, np.nan, uv * VOLTS).astype(np.float32) for name, uv in found.items()}


def _filled(column: UnitColumn, rows: list[int]) -> list[Any] | None:
    """The values as one type, NaN or "" where they are not known; None if none is known."""
    values = [column.values[row] for row in rows]
    known = [value for value in values if value is not None and value != ""]
    if not known:
        return None
    if isinstance(known[0], str):
        return ["" if value is None else value for value in values]
    return values if len(known) == len(values) else [np.nan if value is None else float(value) for value in values]
