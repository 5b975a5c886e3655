"""Result folders, read back as a `Sorting`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ValidationError

from spikesieve.errors import InputError
from spikesieve.io.plain_arrays import load_npy, load_npz
from spikesieve.io.results.artifacts_csv import read_artifacts_csv
from spikesieve.io.results.folder import RESULT_MARKER
from spikesieve.io.results.motion_files import read_motion_files
from spikesieve.io.results.unit_table import read_table
from spikesieve.model import (
    I32,
    I64,
    Blanked,
    Probe,
    Sorting,
    Spikes,
    Templates,
    Unit,
    UnitMetrics,
    WaveformStatistics,
)  # fmt: skip
from spikesieve.model.text import counted, one_or_more


class _Stage(BaseModel):
    seconds: float
    peak_memory_mb: float


class _RecordingFacts(BaseModel):
    name: str
    n_samples: int
    gain_is_known: bool


class _Facts(BaseModel):
    """What is needed of provenance.json; more may be there."""

    method: str
    versions: dict[str, str]
    started: AwareDatetime
    finished: AwareDatetime
    settings: dict[str, Any]
    seeds: dict[str, int]
    inputs: list[dict[str, Any]]
    recording: _RecordingFacts
    result: dict[str, Any]
    stages: dict[str, _Stage]
    notes: list[str]


_INTEGERS, _NUMBERS = "iu", "iuf"
# Kinds of values and axes of each array. Axes of one name have one length.
_SPIKE_ARRAYS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "spike_times": (_INTEGERS, ("spikes",)),
    "spike_templates": (_INTEGERS, ("spikes",)),
    "spike_detection_templates": (_INTEGERS, ("spikes",)),
    "amplitudes": (_NUMBERS, ("spikes",)),
    "spike_amplitude_uv": (_NUMBERS, ("spikes",)),
    "spike_positions": (_NUMBERS, ("spikes", 2)),
    "pc_features": (_NUMBERS, ("spikes", "PCs of a spike", "contacts of a spike")),
}
_OTHER_ARRAYS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "pc_feature_ind": (_INTEGERS, ("rows for units", "contacts of a spike")),
    "similar_templates": (_NUMBERS, ("rows for units", "rows for units")),
    "kept_spikes": ("b", ("matched spikes",)),
}
_OPS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "sampling_hz": (_NUMBERS, ()),
    "segments": (_INTEGERS, ("segments", 2)),
    "positions_um": (_NUMBERS, ("contacts", 2)),
    "channels": (_INTEGERS, ("contacts",)),
    "shanks": (_INTEGERS, ("contacts",)),
    "whitening": (_NUMBERS, ("contacts", "contacts")),
    "noise_sd_uv": (_NUMBERS, ("contacts",)),
    "pcs": (_NUMBERS, ("PCs", "samples of a PC")),
    "templates_uv": (_NUMBERS, ("units", "samples of a template", "contacts of a template")),
    "template_contacts": (_INTEGERS, ("units", "contacts of a template")),
    "peak_index": (_INTEGERS, ()),
    "acgs": (_NUMBERS, ("units", "lags")),
}
# Results of earlier versions do not have these.
_WAVEFORMS: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "template_sd_uv": (_NUMBERS, ("units", "samples of a template", "contacts of a template")),
    "half_templates_uv": (_NUMBERS, (2, "units", "samples of a template", "contacts of a template")),
    "half_template_spikes": (_INTEGERS, (2, "units")),
}


def read_sorting(folder: Path | str, is_mapped: bool = False) -> Sorting:
    """Read the sorting in a result folder, as it was sorted, without changes made in Phy since (`curation_notes`).

    Features stay on disk, memory-mapped. Writing the sorting again for Phy gives the same arrays.

    Parameters
    ----------
    folder : Path or str
        The result folder.
    is_mapped : bool, optional
        Map the columns of the spikes into memory instead of reading them. Then the files must stay as they are.

    Returns
    -------
    Sorting
        The sorting.

    Raises
    ------
    InputError
        If the folder is not a result of spikesieve, or a file is missing, damaged or does not fit the others.

    Notes
    -----
    The sorting differs from the one that was written in these points: the unit table is rounded as in `units.csv`, the
    metrics as in `metrics.csv`, the shares of `blanked` as in `artifacts.csv`, PCs have the signs they have in Phy, a
    feature column without a contact names one (its features are 0), the probe is named after the folder, and `notes`
    includes those of the run.
    Placeholder rows that Phy needs in an almost empty result are left out.
    """
    folder = Path(folder)
    facts = read_provenance(folder)
    units = _read_units(folder / "units.csv")
    names = (*_SPIKE_ARRAYS, *_OTHER_ARRAYS)
    arrays = {name: _array(folder, name, is_mapped or name == "pc_features") for name in names}
    ops = _read_ops(folder / "ops.npz")
    _require_axes(folder, arrays | ops, len(units))
    try:
        segments = tuple((int(start), int(stop)) for start, stop in ops["segments"])
        sorting = Sorting(
            probe=Probe(ops["positions_um"], ops["channels"], ops["shanks"], folder.resolve().name),
            sampling_hz=float(ops["sampling_hz"]),
            segments=segments,
            spikes=_spikes(arrays, len(units), len(ops["pcs"])),
            templates=Templates(ops["templates_uv"], ops["template_contacts"], int(ops["peak_index"])),
            units=units,
            whitening=ops["whitening"],
            pcs=ops["pcs"],
            feature_contacts=arrays["pc_feature_ind"][: len(units)],
            similarity=arrays["similar_templates"][: len(units), : len(units)],
            kept=arrays["kept_spikes"],
            noise_sd_uv=ops["noise_sd_uv"],
            acgs=ops["acgs"],
            notes=tuple(facts["notes"]),
            motion=read_motion_files(folder),
            blanked=_read_blanked(folder / "artifacts.csv", float(ops["sampling_hz"]), segments),
            threshold_sd=float(ops["threshold_sd"]) if "threshold_sd" in ops else None,
            waveforms=WaveformStatistics(*(ops[name] for name in _WAVEFORMS)) if "template_sd_uv" in ops else None,
            metrics=_read_metrics(folder / "metrics.csv"),
        )
    except KeyError as error:
        raise InputError(f"The result folder {folder} has no {error} in its files. {_SORT_AGAIN}") from error
    except (TypeError, ValueError) as error:
        raise _damaged(folder, error) from error
    _require_consistent(folder, sorting)
    return sorting


def read_provenance(folder: Path | str) -> dict[str, Any]:
    """Read `provenance.json` of a result folder.

    Parameters
    ----------
    folder : Path or str
        The result folder.

    Returns
    -------
    dict
        Versions, settings, inputs, cost of each stage, notes.

    Raises
    ------
    InputError
        If the folder does not exist, is not a result of spikesieve, or the file is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"The result folder {folder} {found}. Give the folder that `spikesieve sort --out` made.")
    if not (folder / RESULT_MARKER).is_file():
        raise InputError(
            f"The folder {folder} is not a result of spikesieve: it has no {RESULT_MARKER}. "
            "Give the folder that `spikesieve sort --out` made."
        )
    try:
        facts = json.loads((folder / RESULT_MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(folder / RESULT_MARKER, error) from error
    if not isinstance(facts, dict) or facts.get("program") != "spikesieve":
        raise InputError(
            f"{folder / RESULT_MARKER} was not written by spikesieve. "
            "Give the folder that `spikesieve sort --out` made."
        )
    try:
        _Facts.model_validate(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = f"has no {where!r}" if first["type"] == "missing" else f"is damaged: {where}: {first['msg']}"
        raise InputError(f"{folder / RESULT_MARKER} {what}. {_SORT_AGAIN}") from error
    return facts


def curation_notes(folder: Path | str) -> tuple[str, ...]:
    """Say whether spikes were moved to other clusters in Phy since the sort.

    Parameters
    ----------
    folder : Path or str
        The result folder.

    Returns
    -------
    tuple of str
        One sentence for the user, or none.

    Raises
    ------
    InputError
        If `spike_templates.npy` or `spike_clusters.npy` is missing, damaged or of another length.
    """
    n_changed = int(np.count_nonzero(np.not_equal(*clusters_before_and_now(Path(folder)))))
    note = (
        f"{counted(n_changed, 'spike')} {one_or_more(n_changed, 'was', 'were')} moved to other clusters in Phy since "
        "the sort. This is the result as it was sorted."
    )
    return (note,) if n_changed else ()


def clusters_before_and_now(folder: Path) -> tuple[I64, I64]:
    """Read the unit of each spike as it was written, and as it is in Phy now.

    Parameters
    ----------
    folder : Path
        The result folder.

    Returns
    -------
    before, now : ndarray of int64, shape (n_spikes,)
        Numbers of units, without placeholders for Phy.

    Raises
    ------
    InputError
        If `spike_templates.npy`, `spike_clusters.npy` or `units.csv` is missing, damaged or does not fit the others.
    """
    row, now = _array(folder, "spike_templates"), _array(folder, "spike_clusters")
    if row.shape != now.shape:
        raise InputError(f"spike_clusters.npy in {folder} has {len(now)} spikes, not {len(row)}. {_SORT_AGAIN}")
    ids = np.array([unit.unit for unit in _read_units(folder / "units.csv")], np.int64)
    n = _n_without_placeholders(row, len(ids))
    if n and not 0 <= row[:n].min() <= row[:n].max() < len(ids):
        raise InputError(f"spike_templates.npy in {folder} names units that are not in units.csv. {_SORT_AGAIN}")
    return ids[row[:n]] if n else np.empty(0, np.int64), now[:n].astype(np.int64)


_SORT_AGAIN = "The folder is incomplete or was changed: copy it again from its source, or sort again."


def _require_axes(folder: Path, arrays: Mapping[str, NDArray[Any]], n_units: int) -> None:
    """Raise InputError unless every array has its kind of values and its axes, and they fit each other."""
    sizes = {"units": (n_units, "units.csv")}
    known = _SPIKE_ARRAYS | _OTHER_ARRAYS | _OPS | (_WAVEFORMS if _WAVEFORMS.keys() & arrays.keys() else {})
    for name, (kinds, axes) in known.items():
        if name not in arrays:
            raise InputError(f"The result folder {folder} has no {name!r} in its files. {_SORT_AGAIN}")
        array = arrays[name]
        if array.dtype.kind not in kinds or array.ndim != len(axes):
            raise InputError(f"{name} in {folder} cannot be {array.dtype} of shape {array.shape}. {_SORT_AGAIN}")
        for axis, n in zip(axes, array.shape, strict=True):
            what, (expected, where) = str(axis), sizes.setdefault(str(axis), (n, name))
            if isinstance(axis, int):
                what, expected, where = "columns", axis, "a result"
            if n != expected:
                raise InputError(
                    f"The files in {folder} differ in length: {name} has {n} {what}, and {where} has {expected}. "
                    f"{_SORT_AGAIN}"
                )


def _spikes(columns: Mapping[str, NDArray[Any]], n_units: int, n_pcs: int) -> Spikes:
    n = _n_without_placeholders(columns["spike_templates"], n_units)
    # Phy's order is (spike, PC, contact), with PCs of zeros added if there is only one.
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


def _read_blanked(path: Path, sampling_hz: float, segments: tuple[tuple[int, int], ...]) -> Blanked | None:
    try:
        return read_artifacts_csv(path, sampling_hz, sum(stop - start for start, stop in segments))
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error


def _require_consistent(folder: Path, sorting: Sorting) -> None:
    """Raise InputError unless units are numbered from 0, spikes have a unit, and contacts are those of the probe."""
    n_units = len(sorting.units)
    ids = sorting.unit_ids
    if len(ids) and (ids[0] < 0 or (np.diff(ids) <= 0).any()):
        raise InputError(f"{folder / 'units.csv'} does not number its units in order, from 0 on. {_SORT_AGAIN}")
    if sorting.metrics and [row.unit for row in sorting.metrics] != ids.tolist():
        raise InputError(f"{folder / 'metrics.csv'} does not have the units of units.csv. {_SORT_AGAIN}")
    unit = sorting.spikes.unit
    if len(unit) and not 0 <= unit.min() <= unit.max() < n_units:
        raise InputError(f"spike_templates.npy in {folder} names units that are not in units.csv. {_SORT_AGAIN}")
    for name, contacts in (("ops.npz", sorting.templates.contacts), ("pc_feature_ind.npy", sorting.feature_contacts)):
        if contacts.size and not -1 <= contacts.min() <= contacts.max() < sorting.probe.n_contacts:
            raise InputError(f"{name} in {folder} names contacts that the probe does not have. {_SORT_AGAIN}")


def _n_without_placeholders(unit: I32, n_units: int) -> int:
    """Number of spikes before the placeholders, which come last and belong to no unit."""
    n = len(unit)
    while n and unit[n - 1] >= n_units:
        n -= 1
    return n


def _array(folder: Path, name: str, lazily: bool = False) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    try:
        return load_npy(path, lazily)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _read_ops(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return load_npz(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _read_units(path: Path) -> tuple[Unit, ...]:
    try:
        return read_table(path, Unit)
    except InputError as error:
        raise InputError(f"{path}: {error} Correct it.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _read_metrics(path: Path) -> tuple[UnitMetrics, ...]:
    """The metrics; none for a result of an earlier version, which has no such file."""
    try:
        return read_table(path, UnitMetrics) if path.exists() else ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path} is missing. {_SORT_AGAIN}")
    return InputError(f"{path} cannot be read ({type(error).__name__}: {error}). {_SORT_AGAIN}")
