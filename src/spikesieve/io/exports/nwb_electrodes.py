"""The contacts of the probe as electrodes of an NWB file: found in it, or added to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesieve.errors import InputError
from spikesieve.io.exports.nwb_metadata import NwbMetadata
from spikesieve.io.exports.session import Session
from spikesieve.model import I64, Bool, Probe

DEVICE = "probe"
# Positions in two files are the same up to this.
SAME_PLACE_UM = 0.5
COLUMNS = {
    "rel_x": "x of the contact on the probe in µm",
    "rel_y": "y of the contact on the probe in µm, upwards from the tip",
    "channel_name": "name of the channel: the column of the raw file, from 0",
    "noise_sd_uv": "SD of the noise of the high-passed, referenced traces in µV",
}


def add_groups(nwb: Any, session: Session, metadata: NwbMetadata) -> None:
    """Add a device and a group for each shank, unless the file has electrodes of this probe.

    Electrodes can be added to a file only when their groups have been written.

    Parameters
    ----------
    nwb : pynwb.NWBFile
        The file.
    session : Session
        What is exported.
    metadata : NwbMetadata
        Name of the probe, which tells apart the probes of a file, and names of its shanks.
    """
    if _of_probe(nwb, metadata).any():
        return
    probe, name = session.sorting.probe, _name(metadata)
    if name in nwb.devices:
        return
    device = nwb.create_device(**{"description": f"Probe {probe.name}.", **metadata.device, "name": name})
    for fields in _groups(session, metadata).values():
        nwb.create_electrode_group(**{**fields, "device": device})


def electrode_rows(nwb: Any, session: Session, metadata: NwbMetadata) -> I64:
    """Find the electrodes of the file that are contacts of the probe, or add them where it has none of this probe.

    Parameters
    ----------
    nwb : pynwb.NWBFile
        The file after `add_groups`.
    session : Session
        What is exported.
    metadata : NwbMetadata
        As in `add_groups`.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Row of each contact in the table of electrodes.

    Raises
    ------
    InputError
        If the file has electrodes, and they are not those of the probe.
    """
    mine = _of_probe(nwb, metadata)
    return _matched(nwb.electrodes, session.sorting.probe, mine) if mine.any() else _added(nwb, session, metadata)


def _name(metadata: NwbMetadata) -> str:
    return str(metadata.device.get("name", DEVICE))


def _of_probe(nwb: Any, metadata: NwbMetadata) -> Bool:
    """Which electrodes of the file are on the probe that the metadata name; all if they name none."""
    if nwb.electrodes is None:
        return np.zeros(0, np.bool_)
    name = metadata.device.get("name")
    return np.array([name in (None, group.device.name) for group in nwb.electrodes["group"][:]], np.bool_)


def _matched(table: Any, probe: Probe, mine: Bool) -> I64:
    """The row at the place of each contact; of several, the one that the raw file has as its channel."""
    if not {"rel_x", "rel_y"} <= set(table.colnames):
        raise InputError(
            "The electrodes of this NWB file have no positions (rel_x, rel_y), by which contacts are found."
        )
    places_um = np.stack([np.asarray(table[name][:], np.float64) for name in ("rel_x", "rel_y")], axis=1)
    found = []
    for place_um, channel in zip(probe.positions_um, probe.channels, strict=True):
        near = np.flatnonzero(mine & (np.abs(places_um - place_um).max(axis=1) < SAME_PLACE_UM))
        near = near[near == channel] if len(near) > 1 else near
        if len(near) != 1:
            raise InputError(
                f"The electrodes of this NWB file are not those of the probe: {len(near)} of them lie at "
                f"x {place_um[0]:g}, y {place_um[1]:g} µm (file channel {channel}). If the file has several probes, "
                "name the one that was sorted in the metadata: Ecephys: Device: name."
            )
        found.append(int(near[0]))
    return np.array(found, np.int64)


def _added(nwb: Any, session: Session, metadata: NwbMetadata) -> I64:
    """Add a row for each contact."""
    probe, noise_sd_uv, is_new = session.sorting.probe, session.sorting.noise_sd_uv, nwb.electrodes is None
    names = {shank: fields["name"] for shank, fields in _groups(session, metadata).items()}
    if is_new:
        for name in ("channel_name", "noise_sd_uv"):
            nwb.add_electrode_column(name, COLUMNS[name])
    first = 0 if is_new else len(nwb.electrodes)
    for contact, (x_um, y_um) in enumerate(probe.positions_um.tolist()):
        group = nwb.electrode_groups[names[int(probe.shanks[contact])]]
        values = (x_um, y_um, str(probe.channels[contact]), float(noise_sd_uv[contact]))
        own = {k: v for k, v in zip(COLUMNS, values, strict=True) if is_new or k in nwb.electrodes.colnames}
        nwb.add_electrode(group=group, location=group.location, **own)
    return np.arange(first, first + probe.n_contacts)


def _groups(session: Session, metadata: NwbMetadata) -> dict[int, dict[str, Any]]:
    """Fields of the group of each shank: what the metadata say, in the order of the shanks, else general ones."""
    name, groups = _name(metadata), {}
    for number, shank in enumerate(np.unique(session.sorting.probe.shanks).tolist()):
        own = {"name": f"{name}_shank{shank}", "description": f"Shank {shank} of {name}.", "location": "unknown"}
        groups[shank] = {**own, **(metadata.groups[number] if number < len(metadata.groups) else {})}
    return groups
