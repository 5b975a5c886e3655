"""Drift on disk: the files of a result folder, and motion estimated by other programs.

Names and axes of our files are those of pykilosort and the ONE standard of the International Brain Laboratory
(`drift.um`, `drift.times`, `drift_depths.um`); `docs/output.md` describes them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npz
from spikesieve.io.results.motion_arrays import MotionArrays, checked_arrays, listed
from spikesieve.io.results.phy import save_array
from spikesieve.io.sortings.phy_files import optional_array
from spikesieve.model import I64, DriftDecision, Motion, Probe, Recording
from spikesieve.model.text import counted, named

ESTIMATE, ERROR, TIMES, DEPTHS = "drift.um", "drift_se.um", "drift.times", "drift_depths.um"
# Only folders with this table have drift files of spikesieve. Other programs may count depth downwards.
SHANKS = "drift_shanks.csv"
COLUMNS = ("shank", "decision", "why")
SPIKEINTERFACE_INFO = "spikeinterface_info.json"
REQUIRED, OPTIONAL = ("displacement_um", "time_s", "depth_um"), ("se_um", "shanks")

FORMATS = (
    f"It can be an npz with {', '.join(REQUIRED)} (and {', '.join(OPTIONAL)} if known), a folder that "
    "SpikeInterface's motion.save(folder) wrote, or a result folder of spikesieve."
)


def write_motion(folder: Path, motion: Motion) -> None:
    """Write the drift files into an existing result folder. With one shank, arrays have no axis for shanks.

    Parameters
    ----------
    folder : Path
        The folder.
    motion : Motion
        The motion.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    one_shank = len(motion.shanks) == 1
    save_array(folder / f"{ESTIMATE}.npy", motion.estimated_um[0] if one_shank else motion.estimated_um, np.float32)
    save_array(folder / f"{ERROR}.npy", motion.se_um[0] if one_shank else motion.se_um, np.float32)
    save_array(folder / f"{TIMES}.npy", motion.time_s, np.float64)
    save_array(folder / f"{DEPTHS}.npy", motion.depth_um, np.float64)
    with (folder / SHANKS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(motion.shanks.tolist(), motion.decisions, motion.why, strict=True))


def read_motion_files(folder: Path) -> Motion | None:
    """Read the motion that `write_motion` wrote, bit by bit the same.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    Motion or None
        The motion; None if the folder has none.

    Raises
    ------
    InputError
        If a file is missing, damaged or does not fit the others.
    """
    if not (folder / SHANKS).is_file():
        return None
    shanks, decisions, why = _read_shanks(folder / SHANKS)
    um, se_um, time_s, depth_um = (_array(folder, name) for name in (ESTIMATE, ERROR, TIMES, DEPTHS))
    given = checked_arrays(MotionArrays(folder, um, time_s, depth_um, se_um, shanks))
    return _motion(given, shanks, decisions, why)


def read_motion(path: Path | str, probe: Probe) -> Motion:
    """Read a motion that was estimated before or by another program.

    Displacement is in um, upwards positive: tissue that rests at depth y is observed at y + displacement, as in
    SpikeInterface. The median over time is subtracted at each depth. Standard errors that are not given are infinite.
    The motion of a result folder keeps its decisions; any other motion is used.

    Parameters
    ----------
    path : Path or str
        An npz, a folder of SpikeInterface's `Motion.save`, or a result folder; see `docs/input.md`.
    probe : Probe
        The probe. A motion without shanks holds for all its shanks.

    Returns
    -------
    Motion
        The motion.

    Raises
    ------
    InputError
        If the file is missing or of another kind, shapes do not fit, or values are not numbers.
    """
    path = Path(path)
    if path.is_dir():
        motion = read_motion_files(path)
        return motion if motion is not None else _external_motion(_read_spikeinterface(path), probe)
    if not path.is_file():
        raise InputError(f"The motion {path} does not exist. Check its name and folder. {FORMATS}")
    if path.suffix.lower() != ".npz":
        raise InputError(f"The motion {path} is of no known kind. {FORMATS}")
    return _external_motion(_read_npz(path), probe)


def require_motion_fits(motion: Motion, probe: Probe, recording: Recording) -> None:
    """Check that a motion covers the probe and the recording.

    Times may be half a time step before the first and after the last sample. A single depth fits every probe, because
    it stands for rigid motion.

    Parameters
    ----------
    motion : Motion
        The motion.
    probe : Probe
        The probe.
    recording : Recording
        The recording.

    Raises
    ------
    InputError
        If the motion lacks a shank of the probe, or its times or depths are outside the recording or the probe.
    """
    missing = np.setdiff1d(probe.shanks, motion.shanks)
    if missing.size:
        raise InputError(
            f"The motion has {named('shank', motion.shanks)}, but the probe {probe.name!r} also has "
            f"{listed(missing)}. Give the displacement of every shank, or one without shanks, which holds for all."
        )
    end_s, first_s, last_s = recording.n_samples / recording.sampling_hz, motion.time_s[0], motion.time_s[-1]
    step_s = float(np.median(np.diff(motion.time_s))) if len(motion.time_s) > 1 else 0.0
    if first_s < -step_s / 2 or last_s > end_s + step_s / 2:
        raise InputError(
            f"The motion has times from {first_s:g} to {last_s:g} s, but {recording.name} lasts from 0 to {end_s:g} s. "
            "Give times in s (not samples or ms) since the first sample of the first file: shift or scale them."
        )
    low, high = probe.positions_um[:, 1].min(), probe.positions_um[:, 1].max()
    if len(motion.depth_um) > 1 and (motion.depth_um[-1] < low or motion.depth_um[0] > high):
        raise InputError(
            f"The motion has depths from {motion.depth_um[0]:g} to {motion.depth_um[-1]:g} µm, all outside the probe "
            f"{probe.name!r}, which goes from {low:g} to {high:g} µm. Give depths in µm, counted as on the probe."
        )


def motion_facts(motion: Motion | None) -> list[dict[str, Any]]:
    """Describe the motion for provenance.json.

    Parameters
    ----------
    motion : Motion or None
        The motion.

    Returns
    -------
    list of dict
        For each shank the decision, its reason and the largest displacement; empty without a motion.
    """
    if motion is None:
        return []
    return [
        {
            "shank": int(shank),
            "decision": decision,
            "why": why,
            "largest_displacement_um": round(float(np.abs(um).max()), 3),
        }
        for shank, decision, why, um in zip(
            motion.shanks, motion.decisions, motion.why, motion.estimated_um, strict=True
        )
    ]


def _external_motion(given: MotionArrays, probe: Probe) -> Motion:
    given = checked_arrays(given)
    shanks = np.unique(probe.shanks).astype(np.int64)
    n_given = len(given.displacement_um)
    if n_given == 1 and given.shanks is None:
        um, se_um = (
            np.repeat(values, len(shanks), axis=0) for values in (given.displacement_um, given.se_or_infinite())
        )
        given = replace(given, displacement_um=um, se_um=se_um)
    elif given.shanks is None and n_given != len(shanks):
        raise InputError(
            f"{given.path} has the displacement of {counted(n_given, 'shank')}, but the probe {probe.name!r} has "
            f"{len(shanks)}. "
            "Give one for each, in order of their numbers, or one without an axis for shanks, which holds for all."
        )
    known = "" if np.isfinite(given.se_or_infinite()).any() else ", without standard errors"
    why = f"The motion was given in {given.path.name}{known}. Leave it out to have the movement measured here."
    numbers = shanks if given.shanks is None else given.shanks.astype(np.int64)
    median_um = np.median(given.displacement_um, axis=1, keepdims=True)
    centred = replace(given, displacement_um=given.displacement_um - median_um)
    return _motion(centred, numbers, ("use",) * len(given.displacement_um), (why,) * len(given.displacement_um))


def _motion(given: MotionArrays, shanks: I64, decisions: tuple[str, ...], why: tuple[str, ...]) -> Motion:
    order = np.argsort(shanks, kind="stable")
    return Motion(
        time_s=given.time_s.astype(np.float64),
        depth_um=given.depth_um.astype(np.float64),
        shanks=shanks[order],
        estimated_um=given.displacement_um[order].astype(np.float32),
        se_um=given.se_or_infinite()[order].astype(np.float32),
        decisions=tuple(DriftDecision(decisions[k]) for k in order),
        why=tuple(why[k] for k in order),
    )


def _read_npz(path: Path) -> MotionArrays:
    try:
        arrays = load_npz(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as npz ({error}). {FORMATS}") from error
    missing = [name for name in REQUIRED if name not in arrays]
    if missing:
        raise InputError(
            f"{path} has {', '.join(arrays) or 'no named arrays'}, but not {', '.join(missing)}. {FORMATS}"
        )
    um, time_s, depth_um = (arrays[name] for name in REQUIRED)
    return MotionArrays(path, um, time_s, depth_um, *(arrays.get(name) for name in OPTIONAL))


def _read_spikeinterface(folder: Path) -> MotionArrays:
    """A folder of `spikeinterface.core.motion.Motion.save`, one segment, along y."""
    info = _read_info(folder)
    if info.get("object") != "Motion":
        raise InputError(f"{folder} contains a {info.get('object')} of SpikeInterface, not a Motion. {FORMATS}")
    if info.get("direction") != "y":
        raise InputError(f"The motion in {folder} is along {info.get('direction')!r}. Give one along the shank ('y').")
    if info.get("num_segments") != 1:
        raise InputError(
            f"The motion in {folder} has {info.get('num_segments')} segments without start times. "
            "Join them into one, with times since the first sample of the first."
        )
    names = ("displacement_seg0", "temporal_bins_s_seg0", "spatial_bins_um")
    um, time_s, depth_um = (_array(folder, name) for name in names)
    return MotionArrays(folder, um, time_s, depth_um)


def _read_info(folder: Path) -> Mapping[str, Any]:
    path = folder / SPIKEINTERFACE_INFO
    if not path.is_file():
        other = (
            f" {ESTIMATE}.npy without {SHANKS} is by another program, which may count downwards: make an npz of it."
            if (folder / f"{ESTIMATE}.npy").is_file()
            else ""
        )
        raise InputError(f"The folder {folder} contains no motion that can be read.{other} {FORMATS}")
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}). Save the motion again.") from error
    return info if isinstance(info, Mapping) else {}


def _array(folder: Path, name: str) -> NDArray[Any]:
    found = optional_array(folder, name)
    if found is None:
        raise InputError(f"The motion in {folder} has no {name}.npy. Copy the folder again from its source.")
    return np.array(found)


def _read_shanks(path: Path) -> tuple[I64, tuple[str, ...], tuple[str, ...]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[row[name] for name in COLUMNS] for row in csv.DictReader(file)]
        shanks = np.array([int(row[0]) for row in rows], np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}: {error}). Copy it again from its source."
        ) from error
    decisions = tuple(row[1] for row in rows)
    unknown = sorted(set(decisions) - set(DriftDecision))
    if unknown:
        raise InputError(
            f"{path} has the decision {unknown[0]!r}. Decisions can be {', '.join(DriftDecision)}: correct it."
        )
    return shanks, decisions, tuple(row[2] for row in rows)
