"""A result folder of ours read back: the files that `write_result` wrote, as a Sorting."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.results.folder import PROOF
from spikesieve.io.results.motion_files import read_motion_files
from spikesieve.model import I32, Label, Probe, Sorting, Spikes, Templates, Unit

SPIKE_FILES = (
    "spike_times",
    "spike_templates",
    "spike_detection_templates",
    "amplitudes",
    "spike_amplitude_uv",
    "spike_positions",
    "pc_features",
)


def read_sorting(folder: Path | str) -> Sorting:
    """The sorting in a result folder, as it was sorted: what was changed in Phy since is not in it (`curation_notes`).

    The features stay on disk, memory-mapped, until they are used; the rest is read. Placeholders that Phy needs (rows
    of an almost empty result) are left out. Compared with the sorting that was written: the unit table is rounded as in
    `units.csv`, the PCs carry the signs they have in Phy, a feature column without a contact names one (its features
    are 0), the probe is named after the folder, and `notes` also has those of the run. Writing it again for Phy gives
    the same arrays.

    Raises InputError when the folder is not a result of ours, or a file is missing, damaged or does not fit the others.
    """
    folder = Path(folder)
    facts = read_provenance(folder)
    units = _read_units(folder / "units.csv")
    ops = _read_ops(folder / "ops.npz")
    try:
        sorting = Sorting(
            probe=Probe(ops["positions_um"], ops["channels"], ops["shanks"], folder.resolve().name),
            sampling_hz=float(ops["sampling_hz"]),
            segments=tuple((int(start), int(stop)) for start, stop in ops["segments"]),
            spikes=_read_spikes(folder, units, len(ops["pcs"])),
            templates=Templates(ops["templates_uv"], ops["template_contacts"], int(ops["peak_index"])),
            units=units,
            whitening=ops["whitening"],
            pcs=ops["pcs"],
            feature_contacts=_array(folder, "pc_feature_ind")[: len(units)],
            similarity=_array(folder, "similar_templates")[: len(units), : len(units)],
            kept=_array(folder, "kept_spikes"),
            noise_sd_uv=ops["noise_sd_uv"],
            acgs=ops["acgs"],
            notes=tuple(facts["notes"]),
            motion=read_motion_files(folder),
        )
    except KeyError as error:
        raise InputError(f"The result folder {folder} has no {error} in its files. {_SORT_AGAIN}") from error
    _require_agreement(folder, sorting)
    return sorting


def read_provenance(folder: Path | str) -> dict[str, Any]:
    """What `provenance.json` of a result folder holds: versions, settings, inputs, cost, notes.

    Raises InputError when the folder does not exist, is not a result of ours, or the file is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"The result folder {folder} {found}. Give the folder that `spikesieve sort --out` made.")
    if not (folder / PROOF).is_file():
        raise InputError(
            f"The folder {folder} is not a result of spikesieve: it has no {PROOF}. "
            "Give the folder that `spikesieve sort --out` made."
        )
    try:
        facts = json.loads((folder / PROOF).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder / PROOF, error) from error
    if not isinstance(facts, dict) or facts.get("program") != "spikesieve":
        raise InputError(
            f"{folder / PROOF} was not written by spikesieve. Give the folder that `spikesieve sort --out` made."
        )
    return facts


def curation_notes(folder: Path | str) -> tuple[str, ...]:
    """A sentence for the user when spikes changed their cluster since the sort, because somebody curated it in Phy.

    Raises InputError when `spike_templates.npy` or `spike_clusters.npy` is missing, damaged or of another length.
    """
    sorted_as, now = _array(Path(folder), "spike_templates"), _array(Path(folder), "spike_clusters")
    if sorted_as.shape != now.shape:
        raise InputError(f"spike_clusters.npy in {folder} has {len(now)} spikes, not {len(sorted_as)}. {_SORT_AGAIN}")
    changed = int(np.count_nonzero(sorted_as != now))
    note = (
        f"{changed:,} spikes were moved to other clusters in Phy since the sort. This is the result as it was sorted."
    )
    return (note,) if changed else ()


_SORT_AGAIN = "The folder is incomplete or was changed: copy it again from its source, or sort again."


def _read_spikes(folder: Path, units: tuple[Unit, ...], n_pcs: int) -> Spikes:
    columns = {name: _array(folder, name, lazily=name == "pc_features") for name in SPIKE_FILES}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name}.npy has {n}" for name, n in lengths.items())
        raise InputError(f"The spike files in {folder} differ in length: {found}. {_SORT_AGAIN}")
    n = _n_real(columns["spike_templates"], len(units))
    # Phy's order is (spike, PC, contact), with PCs of zeros added where there is only one.
    features = columns["pc_features"][:n, :n_pcs].transpose(0, 2, 1)
    return Spikes(
        sample=columns["spike_times"][:n],
        unit=columns["spike_templates"][:n],
        detection_template=columns["spike_detection_templates"][:n],
        amplitude=columns["amplitudes"][:n],
        amplitude_uv=columns["spike_amplitude_uv"][:n],
        position_um=columns["spike_positions"][:n],
        features=features,
    )


def _require_agreement(folder: Path, sorting: Sorting) -> None:
    """Every table has one row a unit, and every spike a unit."""
    n_units = len(sorting.units)
    tables: dict[str, NDArray[Any]] = {
        "templates": sorting.templates.uv,
        "template contacts": sorting.templates.contacts,
        "autocorrelograms": sorting.acgs,
        "rows of similar_templates.npy": sorting.similarity,
    }
    for name, table in tables.items():
        if len(table) != n_units:
            raise InputError(f"{folder} has {n_units} rows in units.csv but {len(table)} {name}. {_SORT_AGAIN}")
    if [unit.unit for unit in sorting.units] != list(range(n_units)):
        raise InputError(f"{folder / 'units.csv'} does not count its units from 0 on. {_SORT_AGAIN}")
    unit = sorting.spikes.unit
    if len(unit) and not 0 <= unit.min() <= unit.max() < n_units:
        raise InputError(f"spike_templates.npy in {folder} names units that are not in units.csv. {_SORT_AGAIN}")


def _n_real(unit: I32, n_units: int) -> int:
    """Spikes before the placeholders, which come last and belong to no unit."""
    n = len(unit)
    while n and unit[n - 1] >= n_units:
        n -= 1
    return n


def _array(folder: Path, name: str, lazily: bool = False) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    try:
        return np.asanyarray(np.load(path, mmap_mode="r" if lazily else None, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, error) from error


def _read_ops(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as ops:
            return {name: ops[name] for name in ops.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error


def _read_units(path: Path) -> tuple[Unit, ...]:
    kinds = get_type_hints(Unit)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        strange = sorted({row["label"] for row in rows} - set(Label))
        if strange:
            raise InputError(f"{path} has the label {strange[0]!r}; it can be {', '.join(Label)}.")
        return tuple(Unit(**{name: _value(row[name], kind) for name, kind in kinds.items()}) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _value(text: str, kind: Any) -> Any:
    """A field of units.csv as the type that `Unit` gives it; an empty one is None, or NaN where None is not allowed."""
    choices = get_args(kind) or (kind,)
    if not text and str not in choices:
        return None if NoneType in choices else float("nan")
    return next(choice for choice in choices if choice is not NoneType)(text)


def _damaged(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path} is missing. {_SORT_AGAIN}")
    return InputError(f"{path} cannot be read ({type(error).__name__}: {error}). {_SORT_AGAIN}")
