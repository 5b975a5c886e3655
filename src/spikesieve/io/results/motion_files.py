"""Drift on disk: the files of a result folder, and motion that was estimated elsewhere.

The names and axes of our files are those of pykilosort and the ONE standard of the International Brain Laboratory
(`drift.um`, `drift.times`, `drift_depths.um`); `docs/output.md` describes them.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.results.phy import save_array
from spikesieve.io.sortings.phy import optional
from spikesieve.model import F64, I64, DriftDecision, Motion, Probe, Recording

ESTIMATE, ERROR, TIMES, DEPTHS = "drift.um", "drift_se.um", "drift.times", "drift_depths.um"
SHANKS = "drift_shanks.csv"
"""By this table a folder is known to hold drift files of ours, and not those of a program that counts downwards."""
COLUMNS = ("shank", "decision", "why")
FROM_SPIKEINTERFACE = "spikeinterface_info.json"
NEEDED, POSSIBLE = ("displacement_um", "time_s", "depth_um"), ("se_um", "shanks")

WHAT_IT_CAN_BE = (
    f"It can be an npz with {', '.join(NEEDED)} (and {', '.join(POSSIBLE)} if known), a folder that "
    "SpikeInterface's motion.save(folder) wrote, or a result folder of spikesieve."
)


@dataclass(frozen=True, eq=False)
class _Given:
    """Arrays as a file holds them, not yet checked; se_um and shanks None: the file has none."""

    path: Path
    um: NDArray[Any]
    time_s: NDArray[Any]
    depth_um: NDArray[Any]
    se_um: NDArray[Any] | None = None
    shanks: NDArray[Any] | None = None


def write_motion(folder: Path, motion: Motion) -> None:
    """Write the drift files into an existing result folder; the displacement is that of one shank without its axis.

    Raises OSError when the disk is full or the folder cannot be written.
    """
    one = len(motion.shanks) == 1
    save_array(folder / f"{ESTIMATE}.npy", motion.estimated_um[0] if one else motion.estimated_um, np.float32)
    save_array(folder / f"{ERROR}.npy", motion.se_um[0] if one else motion.se_um, np.float32)
    save_array(folder / f"{TIMES}.npy", motion.time_s, np.float64)
    save_array(folder / f"{DEPTHS}.npy", motion.depth_um, np.float64)
    with (folder / SHANKS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(motion.shanks.tolist(), motion.decisions, motion.why, strict=True))


def read_motion_files(folder: Path) -> Motion | None:
    """The motion that `write_motion` wrote into a folder, the same in every bit; None where there is none.

    Raises InputError when a file is missing, damaged or does not fit the others.
    """
    if not (folder / SHANKS).is_file():
        return None
    shanks, decisions, why = _read_shanks(folder / SHANKS)
    um, se_um, time_s, depth_um = (_array(folder, name) for name in (ESTIMATE, ERROR, TIMES, DEPTHS))
    given = _checked(_Given(folder, um, time_s, depth_um, se_um, shanks))
    return _motion(given, shanks, decisions, why)


def read_motion(path: Path | str, probe: Probe) -> Motion:
    """Motion that was estimated elsewhere, to be used instead of an estimate of ours.

    path   an npz, a folder of SpikeInterface's `Motion.save`, or a result folder of ours; see `docs/input.md`
    probe  its shanks; a motion without shanks holds for all of them

    Displacement is in um, upwards positive: what rests at depth y is observed at y + displacement. SpikeInterface
    counts the same way. The median over time is taken off at each depth, as `Motion` has it; standard errors that are
    not given are infinite. A result folder of ours keeps its decisions; any other motion is used.

    Raises InputError when the file is missing or of another kind, has other shapes than it must, or values that are
    not numbers.
    """
    path = Path(path)
    if path.is_dir():
        ours = read_motion_files(path)
        if ours is not None:
            return ours
        return _made_elsewhere(_read_spikeinterface(path), probe)
    if not path.is_file():
        raise InputError(f"The motion {path} does not exist. Check its name and folder. {WHAT_IT_CAN_BE}")
    if path.suffix.lower() != ".npz":
        raise InputError(f"The motion {path} is of no known kind. {WHAT_IT_CAN_BE}")
    return _made_elsewhere(_read_npz(path), probe)


def require_motion_fits(motion: Motion, probe: Probe, recording: Recording) -> None:
    """Raises InputError when the motion lacks a shank of the probe, or lies beside the recording or the probe.

    Times may lie half a step before the first and after the last sample, as the middles of steps do. One depth fits
    everywhere, because it says that the tissue moves as one.
    """
    missing = np.setdiff1d(probe.shanks, motion.shanks)
    if missing.size:
        raise InputError(
            f"The motion has shank(s) {_list(motion.shanks)}, but the probe {probe.name!r} also has {_list(missing)}. "
            "Give the displacement of every shank, or one without shanks, which holds for all."
        )
    end_s, first_s, last_s = recording.n_samples / recording.sampling_hz, motion.time_s[0], motion.time_s[-1]
    step_s = float(np.median(np.diff(motion.time_s))) if len(motion.time_s) > 1 else 0.0
    if first_s < -step_s / 2 or last_s > end_s + step_s / 2:
        raise InputError(
            f"The motion has times from {first_s:g} to {last_s:g} s, but {recording.name} lasts from 0 to {end_s:g} s. "
            "Times must be seconds (not samples or ms) since the first sample of the first file: shift or scale them."
        )
    low, high = probe.positions_um[:, 1].min(), probe.positions_um[:, 1].max()
    if len(motion.depth_um) > 1 and (motion.depth_um[-1] < low or motion.depth_um[0] > high):
        raise InputError(
            f"The motion has depths from {motion.depth_um[0]:g} to {motion.depth_um[-1]:g} um, all beside the probe "
            f"{probe.name!r}, which goes from {low:g} to {high:g} um. Give depths in um, as the probe counts them."
        )


def motion_facts(motion: Motion | None) -> list[dict[str, Any]]:
    """What provenance.json says about the motion: for each shank the decision, why, and the largest displacement."""
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


def _made_elsewhere(given: _Given, probe: Probe) -> Motion:
    given = _checked(given)
    shanks = np.unique(probe.shanks).astype(np.int64)
    n_given = len(given.um)
    if n_given == 1 and given.shanks is None:
        um, se_um = (np.repeat(values, len(shanks), axis=0) for values in (given.um, _error(given)))
        given = replace(given, um=um, se_um=se_um)
    elif given.shanks is None and n_given != len(shanks):
        raise InputError(
            f"{given.path} has the displacement of {n_given} shanks, but the probe {probe.name!r} has {len(shanks)}. "
            "Give one for each, in order of their numbers, or one without that axis, which holds for all."
        )
    known = "" if np.isfinite(_error(given)).any() else ", without standard errors"
    why = f"The motion was given in {given.path.name}{known}. Leave it out to have the movement measured here."
    numbers = shanks if given.shanks is None else given.shanks.astype(np.int64)
    centred = replace(given, um=given.um - np.median(given.um, axis=1, keepdims=True))
    return _motion(centred, numbers, ("use",) * len(given.um), (why,) * len(given.um))


def _error(given: _Given) -> NDArray[Any]:
    return np.full(given.um.shape, np.inf) if given.se_um is None else given.se_um


def _motion(given: _Given, shanks: I64, decisions: tuple[str, ...], why: tuple[str, ...]) -> Motion:
    order = np.argsort(shanks, kind="stable")
    return Motion(
        time_s=given.time_s.astype(np.float64),
        depth_um=given.depth_um.astype(np.float64),
        shanks=shanks[order],
        estimated_um=given.um[order].astype(np.float32),
        se_um=_error(given)[order].astype(np.float32),
        decisions=tuple(DriftDecision(decisions[k]) for k in order),
        why=tuple(why[k] for k in order),
    )


def _checked(given: _Given) -> _Given:
    """The same with three axes (shank, time, depth); InputError when the arrays do not fit or hold no numbers."""
    time_s, depth_um = _axis(given, given.time_s, "times"), _axis(given, given.depth_um, "depths")
    um = _three_axes(given, given.um, "displacement", (len(time_s), len(depth_um)))
    if not np.isfinite(um).all():
        raise InputError(
            f"{given.path} has {int((~np.isfinite(um)).sum())} displacements that are not numbers. Fill gaps, for "
            "instance by interpolation, and say with se_um = inf that nothing is known there."
        )
    se_um = None
    if given.se_um is not None:
        se_um = _three_axes(given, given.se_um, "standard error", (len(time_s), len(depth_um)))
        if se_um.shape != um.shape or np.isnan(se_um).any() or (se_um < 0).any():
            raise InputError(
                f"The standard errors in {given.path} must be one for each displacement ({um.shape}, found "
                f"{se_um.shape}), at least 0, and infinite where nothing is known."
            )
    shanks = None if given.shanks is None else np.asarray(given.shanks).ravel()
    if shanks is not None and (len(shanks) != len(um) or len(np.unique(shanks)) < len(um)):
        raise InputError(
            f"{given.path} names the shanks {_list(shanks)} for the displacement of {len(um)}. Give each its number."
        )
    return replace(given, um=um, time_s=time_s, depth_um=depth_um, se_um=se_um, shanks=shanks)


def _axis(given: _Given, values: NDArray[Any], what: str) -> F64:
    axis: F64 = _numbers(given, values, what).astype(np.float64).ravel()
    if axis.size == 0 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise InputError(
            f"The {what} in {given.path} must be numbers that rise from one to the next, at least one. "
            "Sort them, and the displacement with them."
        )
    return axis


def _three_axes(given: _Given, values: NDArray[Any], what: str, wanted: tuple[int, int]) -> NDArray[Any]:
    array = _numbers(given, values, what)
    if array.ndim in (2, 3) and array.shape[-2:] == wanted and array.shape[0]:
        return array if array.ndim == 3 else array[None]
    turned = " Its axes are turned: give the times first." if array.shape[-2:] == wanted[::-1] else ""
    raise InputError(
        f"The {what} in {given.path} has the shape {array.shape}, but there are {wanted[0]} times and {wanted[1]} "
        f"depths. It must be (times, depths), or (shanks, times, depths).{turned}"
    )


def _numbers(given: _Given, values: NDArray[Any], what: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise InputError(f"The {what} in {given.path} are no numbers (found {array.dtype}). Write real numbers.")
    return array


def _read_npz(path: Path) -> _Given:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read as npz ({error}). {WHAT_IT_CAN_BE}") from error
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise InputError(
            f"{path} holds {', '.join(arrays) or 'no named arrays'}, but not {', '.join(missing)}. {WHAT_IT_CAN_BE}"
        )
    um, time_s, depth_um = (arrays[name] for name in NEEDED)
    return _Given(path, um, time_s, depth_um, *(arrays.get(name) for name in POSSIBLE))


def _read_spikeinterface(folder: Path) -> _Given:
    """A folder of `spikeinterface.core.motion.Motion.save`, one segment, along y."""
    info = _read_info(folder)
    if info.get("object") != "Motion":
        raise InputError(f"{folder} holds a {info.get('object')} of SpikeInterface, not a Motion. {WHAT_IT_CAN_BE}")
    if info.get("direction") != "y":
        raise InputError(
            f"The motion in {folder} is along {info.get('direction')!r}. Only movement along the shank (y) is followed."
        )
    if info.get("num_segments") != 1:
        raise InputError(
            f"The motion in {folder} has {info.get('num_segments')} segments, and nothing says when each begins. "
            "Join them into one, with times since the first sample of the first."
        )
    names = ("displacement_seg0", "temporal_bins_s_seg0", "spatial_bins_um")
    um, time_s, depth_um = (_array(folder, name) for name in names)
    return _Given(folder, um, time_s, depth_um)


def _read_info(folder: Path) -> Mapping[str, Any]:
    path = folder / FROM_SPIKEINTERFACE
    if not path.is_file():
        other = (
            f" {ESTIMATE}.npy without {SHANKS} is of another program, which may count downwards: make an npz of it."
            if (folder / f"{ESTIMATE}.npy").is_file()
            else ""
        )
        raise InputError(f"The folder {folder} holds no motion that can be read.{other} {WHAT_IT_CAN_BE}")
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}). Save the motion again.") from error
    return info if isinstance(info, Mapping) else {}


def _array(folder: Path, name: str) -> NDArray[Any]:
    found = optional(folder, name)
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
    strange = sorted(set(decisions) - set(DriftDecision))
    if strange:
        raise InputError(f"{path} has the decision {strange[0]!r}; it can be {', '.join(DriftDecision)}.")
    return shanks, decisions, tuple(row[2] for row in rows)


def _list(numbers: NDArray[Any]) -> str:
    return ", ".join(map(str, numbers.tolist()))
