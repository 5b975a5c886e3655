"""Probe files: probeinterface JSON, Kilosort `.json`, `.mat` and `.npz`, and `.prb`, with one reader for each."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import probeinterface
from numpy.typing import NDArray

from spikesieve.errors import InputError, OutputError
from spikesieve.io.matlab_files import load_mat
from spikesieve.io.plain_arrays import load_npz
from spikesieve.io.probes.prb import evaluate_prb
from spikesieve.io.probes.shanks import separate_shanks, shank_numbers
from spikesieve.model import F64, I64, Probe
from spikesieve.model.text import counted

UM_PER_UNIT = {"um": 1.0, "mm": 1e3, "m": 1e6}


def read_json(path: Path, number: int | None = None) -> Probe:
    """Read a probe from a JSON file of probeinterface or Kilosort4; the content shows which.

    Parameters
    ----------
    path : Path
        The file.
    number : int, optional
        Which probe of a group to read, from 0. Default: all, as one probe.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        If the file is not valid JSON or not a probe, or has no probe of this number.
    """
    content = _json(path)
    if isinstance(content, dict) and "probes" in content:
        return _from_probeinterface(path, content, number)
    if number is not None:
        raise InputError(f"{path} is no group of probes, so it has no probe {number}. Leave out #{number}.")
    if isinstance(content, dict) and "chanMap" in content:
        return _from_kilosort(path, content, first_channel=0)
    found = ", ".join(map(str, list(content)[:8])) if isinstance(content, dict) else type(content).__name__
    raise InputError(
        f"{path} is neither a probeinterface probe (with 'probes') nor a Kilosort4 probe (with 'chanMap', 'xc', 'yc', "
        f"'kcoords'). Found: {found}."
    )


def contacts_of_group(path: Path) -> tuple[int, ...]:
    """Count the contacts of each probe of a group.

    Parameters
    ----------
    path : Path
        A probe file.

    Returns
    -------
    tuple of int
        One number for each probe of a probeinterface file; empty for other files.

    Raises
    ------
    InputError
        If the file is not valid JSON.
    """
    content = _json(path) if path.suffix.lower() == ".json" and path.is_file() else None
    probes = content.get("probes") if isinstance(content, dict) else None
    each = probes if isinstance(probes, list) else []
    return tuple(len(probe.get("contact_positions", ())) for probe in each if isinstance(probe, dict))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}. Write the probe file again.") from error


def read_mat(path: Path) -> Probe:
    """Read a probe from a Kilosort2 channel map.

    Channels count from 1 in the file. Contacts that are not `connected` are left out.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        If the file is damaged or not a channel map.
    """
    try:
        content = load_mat(path, ("chanMap", "xcoords", "ycoords", "xc", "yc", "kcoords", "connected"))
    except NotImplementedError:
        content = _load_mat_73(path)
    except ValueError as error:
        raise InputError(
            f"{path} is not a readable MATLAB file: {error}. Save it again with save(..., '-v7')."
        ) from error
    return _from_kilosort(path, content, first_channel=1)


def read_npz(path: Path) -> Probe:
    """Read a probe from NumPy arrays with Kilosort4's names; channels count from 0.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        If the file is damaged or lacks an array.
    """
    try:
        content = load_npz(path)
    except ValueError as error:
        raise InputError(f"{path} is not a readable .npz file: {error}. Write it with numpy.savez.") from error
    return _from_kilosort(path, content, first_channel=0)


def read_prb(path: Path) -> Probe:
    """Read a probe from a .prb file, in which each channel group is a shank. The file is parsed, never executed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        If the file contains anything but plain values, or its channel groups are not complete.
    """
    groups = evaluate_prb(path.read_text(encoding="utf-8-sig", errors="replace"), str(path)).get("channel_groups")
    if not isinstance(groups, dict) or not groups:
        raise InputError(
            f"{path} assigns no channel_groups. Add channel_groups = {{0: {{'channels': ..., 'geometry': ...}}}}."
        )
    parts = [_prb_group(path, key, group) for key, group in groups.items()]
    sizes = [len(channels) for channels, _ in parts]
    shanks = np.repeat(shank_numbers([str(key) for key in groups]), sizes)
    positions = np.concatenate([positions for _, positions in parts])
    return Probe(
        separate_shanks(positions, shanks), np.concatenate([channels for channels, _ in parts]), shanks, path.name
    )


def write_probe_json(path: Path, probe: Probe) -> None:
    """Write a probe as probeinterface JSON, which `read_probe` and other programs read.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    probe : Probe
        The probe.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    written = probeinterface.Probe(ndim=2, si_units="um")
    written.set_contacts(
        positions=probe.positions_um, shapes="circle", shape_params={"radius": 5.0}, shank_ids=probe.shanks.astype(str)
    )
    written.set_device_channel_indices(probe.channels)
    try:
        probeinterface.write_probeinterface(path, written)
    except OSError as error:
        raise OutputError(
            f"The probe file {path} cannot be written: {error.strerror}. Choose another folder."
        ) from error


def probe_of_probeinterface(probe: probeinterface.Probe | probeinterface.ProbeGroup, name: str) -> Probe:
    """Turn a probe of probeinterface into ours.

    Parameters
    ----------
    probe : probeinterface.Probe or probeinterface.ProbeGroup
        In two dimensions. Contacts with a device_channel_index of -1 are left out; without indices, contact i is in
        channel i.
    name : str
        Name of the probe, for errors and logs.

    Returns
    -------
    Probe
        Contacts of one shank id of one probe are one shank.

    Raises
    ------
    InputError
        For other dimensions or lengths, no connected contact, and contacts that `Probe` refuses.
    """
    content = probe.to_dict() if isinstance(probe, probeinterface.ProbeGroup) else {"probes": [probe.to_dict()]}
    return _from_probeinterface(Path(name), content)


def probe_of_kilosort(content: Mapping[str, Any], name: str) -> Probe:
    """Turn Kilosort4's probe, a dict of arrays, into ours.

    Parameters
    ----------
    content : mapping
        "chanMap" counted from 0, "xc", "yc", and "kcoords" if there are several shanks.
    name : str
        Name of the probe, for errors and logs.

    Returns
    -------
    Probe
        The probe.

    Raises
    ------
    InputError
        If an array is missing, has another length than "chanMap", or holds no numbers.
    """
    return _from_kilosort(Path(name), content, first_channel=0)


def _from_probeinterface(path: Path, content: dict[str, Any], number: int | None = None) -> Probe:
    try:
        probes = probeinterface.ProbeGroup.from_dict(content).probes
        parts = [_contacts(path, probe) for probe in probes]
    except (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError) as error:
        raise InputError(
            f"{path} is not a probeinterface probe: {error!r}. Write it with probeinterface again."
        ) from error
    positions = np.concatenate([part[0] for part in parts]) if parts else np.empty((0, 2))
    ids = [f"{index}:{shank}" if len(parts) > 1 else shank for index, part in enumerate(parts) for shank in part[2]]
    wired = [part[1] for part in parts if part[1] is not None]
    if len(wired) not in (0, len(parts)):
        raise InputError(
            f"{path} has {len(parts)} probes, of which {len(wired)} have device_channel_indices. "
            "Set them for all probes, or for none."
        )
    channels = np.concatenate(wired) if wired else np.arange(len(positions))
    used = channels >= 0  # probeinterface writes -1 for a contact that is not connected
    if number is not None:
        if not 0 <= number < len(parts):
            raise InputError(f"{path} has {counted(len(parts), 'probe')}, counted from 0, and no probe {number}.")
        used &= np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]) == number
    if not used.any():
        raise InputError(f"{path} has no contact that is connected to a channel. Set its device_channel_indices.")
    shanks = shank_numbers([shank for shank, keep in zip(ids, used, strict=True) if keep])
    name = path.name if number is None else f"{path.name}#{number}"
    return Probe(separate_shanks(positions[used], shanks), channels[used], shanks, name)


def _contacts(path: Path, probe: Any) -> tuple[F64, I64 | None, list[str]]:
    """Positions in um, channels (None if not set) and shank names of one probeinterface probe."""
    if probe.ndim != 2:
        raise InputError(
            f"{path} has contacts in {probe.ndim} dimensions. Project it with probeinterface's to_2d first."
        )
    if probe.si_units not in UM_PER_UNIT:
        raise InputError(f"{path} gives positions in {probe.si_units!r}. Give them in µm, mm or m.")
    positions = np.asarray(probe.contact_positions, np.float64) * UM_PER_UNIT[probe.si_units]
    channels = probe.device_channel_indices
    shanks = [""] * len(positions) if probe.shank_ids is None else [str(shank) for shank in probe.shank_ids]
    sides = getattr(probe, "contact_sides", None)  # since probeinterface 0.3.1
    if sides is not None and len(set(sides)) > 1:
        # The two sides of a shank do not see the same neurons.
        shanks = [f"{shank} {side}" for shank, side in zip(shanks, sides, strict=True)]
    return positions, None if channels is None else np.asarray(channels, np.int64), shanks


def _from_kilosort(path: Path, content: Mapping[str, Any], first_channel: int) -> Probe:
    """A probe from Kilosort's arrays: xcoords and ycoords in .mat files, xc and yc in the others."""
    channels = _array(path, content, "chanMap") - first_channel
    n = len(channels)
    x, y = (_array(path, content, name, name + "oords", n=n) for name in ("xc", "yc"))
    shanks = _array(path, content, "kcoords", n=n) if "kcoords" in content else np.zeros(n)
    used = _array(path, content, "connected", n=n) > 0 if "connected" in content else np.ones(n, bool)
    if not used.any():
        raise InputError(f"{path} has no connected contact. Set 'connected' to 1 for contacts that record.")
    whole = (np.mod(channels, 1) == 0) & (np.mod(shanks, 1) == 0)
    if not whole[used].all() or channels[used].min() < 0:
        raise InputError(
            f"{path} has channels in chanMap or groups in kcoords that are not whole numbers, or channels below "
            f"{first_channel}. Channels count from {first_channel} in a {path.suffix} file."
        )
    groups = shanks[used].astype(np.int64)
    return Probe(
        separate_shanks(np.stack([x, y], axis=1)[used], groups), channels[used].astype(np.int64), groups, path.name
    )


def _array(path: Path, content: Mapping[str, Any], *names: str, n: int | None = None) -> F64:
    """One array of a Kilosort probe, flattened; raises InputError if it is missing or has another length than n."""
    found = next((name for name in names if name in content), None)
    if found is None:
        raise InputError(
            f"{path} has no {' or '.join(names)}. A Kilosort probe has chanMap, x and y of each contact, and kcoords."
        )
    try:
        flat = np.asarray(content[found], dtype=np.float64).ravel()
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path} has values in {found} that are not numbers. Give one number for each contact."
        ) from error
    if len(flat) == 0 or (n is not None and len(flat) != n):
        raise InputError(
            f"{path} has {counted(len(flat), 'number')} in {found}. Give one for each contact, as many as in chanMap."
        )
    return flat


def _load_mat_73(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a MATLAB 7.3 file, which is HDF5; needs h5py."""
    try:
        h5py: ModuleType = importlib.import_module("h5py")
    except ImportError as error:
        raise InputError(
            f"{path} is a MATLAB 7.3 file. Save it again in MATLAB with save(..., '-v7'), or install h5py."
        ) from error
    with h5py.File(path, "r") as file:
        return {name: np.asarray(item) for name, item in file.items() if isinstance(item, h5py.Dataset)}


def _prb_group(path: Path, key: Any, group: Any) -> tuple[I64, F64]:
    """Channels and positions of one channel group; its geometry is a dict by channel or a list in their order."""
    if not isinstance(group, dict) or not group.get("geometry"):
        raise InputError(f"{path} has no geometry for group {key!r}. Give 'geometry': {{channel: (x_um, y_um), ...}}.")
    geometry = group["geometry"]
    ordered = isinstance(geometry, list | tuple)
    channels = group.get("channels", range(len(geometry)) if ordered else geometry)
    if not (ordered or isinstance(geometry, dict)) or not isinstance(channels, dict | list | tuple | range):
        raise InputError(f"{path} has no list of channels, or no dict or list as geometry, in group {key!r}.")
    if not all(isinstance(channel, int) for channel in channels):
        raise InputError(f"{path} has a channel in group {key!r} that is not a whole number. Count channels from 0.")
    places = dict(zip(channels, geometry, strict=False)) if ordered else geometry
    missing = [channel for channel in channels if channel not in places]
    if missing:
        raise InputError(f"{path} has no position for channels {missing[:10]} of group {key!r}. Add them to geometry.")
    try:
        positions = np.array([places[channel] for channel in channels], dtype=np.float64).reshape(len(channels), 2)
        return np.array(list(channels), dtype=np.int64), positions
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{path} has a position in group {key!r} that is not (x_um, y_um), or a huge channel."
        ) from error
