"""The arrays, tables and params.py that Phy opens, under Kilosort4's file names; `docs/output.md` describes each file.

Phy's rules are those of phylib's `TemplateModel` (https://github.com/cortex-lab/phylib, BSD-3), found by calling it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spikesieve.geometry import places_on_probe_um
from spikesieve.io.recordings.binary import RawFiles
from spikesieve.model import F32, F64, I64, Recording, Sorting, Unit

ROWS_PER_BLOCK = 20_000
"""Rows of an array held in memory at once while writing: spikes and features may lie on disk themselves."""

WORST_CONDITION = 1e4
"""float32 templates (6e-8 relative rounding) keep 1e-3 after unwhitening up to this condition number."""

LEAST_ROWS = 2
"""phylib squeezes every array it reads: spikes, templates and PCs need two rows for their axis to survive."""


def write_phy(folder: Path, sorting: Sorting, recording: Recording) -> tuple[str, ...]:
    """Write everything Phy reads into an existing folder.

    folder     where to write; files of the same names are replaced
    sorting    the result
    recording  the raw files and their layout, for params.py

    Returns sentences on what is special about this folder (placeholders, whitening left out), empty as a rule.
    Raises OSError when the disk is full or the folder cannot be written.
    """
    whitening, unwhitening = phy_whitening(sorting.whitening)
    n_templates = max(LEAST_ROWS, len(sorting.units) + (n_placeholder_spikes(sorting) > 0))
    _write_spikes(folder, sorting)
    _write_features(folder, sorting, n_templates)
    _write_templates(folder, sorting, whitening, n_templates)
    _write_probe(folder, sorting)
    save_array(folder / "whitening_mat.npy", whitening, np.float64)
    save_array(folder / "whitening_mat_inv.npy", unwhitening, np.float64)
    save_array(folder / "kept_spikes.npy", sorting.kept, np.bool_)
    _write_tables(folder, sorting.units)
    (folder / "params.py").write_text(params_py(recording), encoding="ascii")
    return _notes(sorting, whitening)


def n_placeholder_spikes(sorting: Sorting) -> int:
    """How many made-up spikes follow the real ones so that phylib loads a sorting of less than two spikes."""
    return max(0, LEAST_ROWS - len(sorting.spikes))


def phy_whitening(whitening: F32) -> tuple[F64, F64]:
    """Phy's whitening matrix and its inverse: (n_contacts, n_contacts) float64 each, for multiplication from the right.

    whitening  (n_contacts, n_contacts), ours: white[t] = whitening @ uv[t]

    Phy multiplies (sample, contact) templates from the right, so its matrix is our transpose. A matrix that cannot be
    undone in float32 is replaced by the identity: templates.npy then is in uV and still unwhitens right.
    """
    transposed = whitening.T.astype(np.float64)
    identity: F64 = np.eye(len(transposed))
    if not np.isfinite(transposed).all() or np.linalg.cond(transposed) > WORST_CONDITION:
        return identity, identity
    return transposed, np.asarray(np.linalg.inv(transposed), dtype=np.float64)


def pc_signs(pcs: F32) -> F32:
    """+1 or -1 for each PC, (n_pcs,) float32: -1 turns the first PC over where a negative-going spike scores below 0.

    Phy takes a spike's depth from the positive part of PC 1, so a normal spike has to score above 0 there.
    """
    signs: F32 = np.ones(len(pcs), np.float32)
    if pcs.size and pcs[0, np.argmax(np.abs(pcs[0]))] > 0:
        signs[0] = -1.0
    return signs


def params_py(recording: Recording) -> str:
    """The text of params.py: pure ASCII, absolute paths (Phy would look for relative ones beside params.py).

    A recording that is not in raw files has an empty dat_path: Phy then opens the folder without traces.
    """
    files = recording.read if isinstance(recording.read, RawFiles) else None
    paths = [os.path.abspath(path) for path in files.paths] if files else []
    lines = {
        "dat_path": paths[0] if len(paths) == 1 else paths,
        "n_channels_dat": recording.n_channels,
        "offset": files.header_bytes if files else 0,
        "sample_rate": float(recording.sampling_hz),
        "dtype": np.dtype(files.dtype).name if files else "int16",
        "hp_filtered": False,
    }
    return "".join(f"{name} = {value!a}\n" for name, value in lines.items())


def save_array(path: Path, array: NDArray[Any], dtype: DTypeLike) -> None:
    """Write one array as .npy. Raises OSError with its error number when the disk is full (np.save leaves it out)."""
    _save_blocks(path, array.shape, dtype, [array])


def _save_blocks(path: Path, shape: tuple[int, ...], dtype: DTypeLike, blocks: Iterable[NDArray[Any]]) -> None:
    # Not a memory map: on a full disk that ends the process with a bus error instead of an exception.
    kind = np.dtype(dtype)
    header = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(kind)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            for start in range(0, len(block), ROWS_PER_BLOCK):
                file.write(np.ascontiguousarray(block[start : start + ROWS_PER_BLOCK], dtype=kind).tobytes())


def _write_spikes(folder: Path, sorting: Sorting) -> None:
    spikes, extra = sorting.spikes, n_placeholder_spikes(sorting)
    last = int(spikes.sample[-1]) if len(spikes) else 0
    nobody = len(sorting.units)
    columns: dict[str, tuple[NDArray[Any], DTypeLike, int]] = {
        "spike_times": (spikes.sample, np.int64, last),
        "spike_clusters": (spikes.unit, np.int32, nobody),
        "spike_templates": (spikes.unit, np.int32, nobody),
        "spike_detection_templates": (spikes.detection_template, np.int32, 0),
        "amplitudes": (spikes.amplitude, np.float32, 0),
        "spike_amplitude_uv": (spikes.amplitude_uv, np.float32, 0),
        "spike_positions": (spikes.position_um, np.float32, 0),
    }
    for name, (values, dtype, placeholder) in columns.items():
        made_up = np.full((extra, *values.shape[1:]), placeholder, dtype)
        shape = (len(values) + extra, *values.shape[1:])
        _save_blocks(folder / f"{name}.npy", shape, dtype, [values, made_up])
    if sorting.motion is not None:
        shape = (len(spikes) + extra, 2)
        _save_blocks(folder / "spike_positions_on_probe.npy", shape, np.float32, _place_blocks(sorting, extra))


def _place_blocks(sorting: Sorting, extra: int) -> Iterator[F32]:
    n = len(sorting.spikes)
    for start in range(0, n, ROWS_PER_BLOCK):
        yield places_on_probe_um(sorting, slice(start, min(start + ROWS_PER_BLOCK, n)))
    yield np.zeros((extra, 2), np.float32)


def _write_features(folder: Path, sorting: Sorting, n_templates: int) -> None:
    n_contacts = sorting.probe.n_contacts
    contacts = np.full((n_templates, max(1, sorting.feature_contacts.shape[1])), -1, np.int64)
    contacts[: len(sorting.units), : sorting.feature_contacts.shape[1]] = sorting.feature_contacts
    n_pcs = max(LEAST_ROWS, len(sorting.pcs))
    shape = (len(sorting.spikes) + n_placeholder_spikes(sorting), n_pcs, contacts.shape[1])
    _save_blocks(folder / "pc_features.npy", shape, np.float32, _feature_blocks(sorting, shape))
    save_array(folder / "pc_feature_ind.npy", np.stack([_filled(row, n_contacts) for row in contacts]), np.int64)


def _feature_blocks(sorting: Sorting, shape: tuple[int, ...]) -> Iterator[F32]:
    """Blocks of (spike, PC, contact) in Phy's axis order, 0 in columns that stand for no contact, placeholders last."""
    spikes, signs = sorting.spikes, pc_signs(sorting.pcs)
    used = sorting.feature_contacts >= 0
    for start in range(0, len(spikes), ROWS_PER_BLOCK):
        rows = slice(start, min(start + ROWS_PER_BLOCK, len(spikes)))
        block = np.zeros((rows.stop - start, *shape[1:]), np.float32)
        scores = np.where(used[spikes.unit[rows], :, None], spikes.features[rows] * signs, 0)
        block[:, : scores.shape[2], : scores.shape[1]] = scores.transpose(0, 2, 1)
        yield block
    yield np.zeros((shape[0] - len(spikes), *shape[1:]), np.float32)


def _filled(row: I64, n_contacts: int) -> I64:
    """The row with each -1 replaced by a contact that is not in it: phylib indexes with -1 and fails."""
    free = np.setdiff1d(np.arange(n_contacts), row)
    unused = row < 0
    filled = row.copy()
    filled[unused] = free[: unused.sum()]
    return filled


def _write_templates(folder: Path, sorting: Sorting, whitening: F64, n_templates: int) -> None:
    templates, n_contacts = sorting.templates, sorting.probe.n_contacts
    shape = (n_templates, templates.uv.shape[1], n_contacts)
    _save_blocks(folder / "templates.npy", shape, np.float32, _white_templates(sorting, whitening, shape))
    every = np.broadcast_to(np.arange(n_contacts), (n_templates, n_contacts))
    save_array(folder / "templates_ind.npy", every, np.int64)
    similar = np.zeros((n_templates, n_templates), np.float32)
    similar[: len(templates), : len(templates)] = sorting.similarity
    save_array(folder / "similar_templates.npy", similar, np.float32)


def _white_templates(sorting: Sorting, whitening: F64, shape: tuple[int, ...]) -> Iterator[NDArray[np.floating[Any]]]:
    """One (sample, contact) template after the other in Phy's whitened space, then the rows nobody uses."""
    for local_uv, near in zip(sorting.templates.uv, sorting.templates.contacts, strict=True):
        used = near >= 0
        yield local_uv[:, used].astype(np.float64) @ whitening[near[used]]
    yield np.zeros((shape[0] - len(sorting.templates), *shape[1:]), np.float32)


def _write_probe(folder: Path, sorting: Sorting) -> None:
    save_array(folder / "channel_map.npy", sorting.probe.channels, np.int64)
    save_array(folder / "channel_positions.npy", sorting.probe.positions_um, np.float64)
    save_array(folder / "channel_shanks.npy", sorting.probe.shanks, np.int64)


def _write_tables(folder: Path, units: tuple[Unit, ...]) -> None:
    # Each table has a row for each unit, with an empty value where nothing is known: readers join them on cluster_id.
    columns: dict[str, Callable[[Unit], str]] = {
        "group": lambda unit: unit.label,
        "KSLabel": lambda unit: unit.label,
        "ContamPct": lambda unit: "" if unit.contamination is None else f"{100 * unit.contamination:.1f}",
        "Amplitude": lambda unit: f"{unit.amplitude_uv:.1f}",
    }
    for name, value in columns.items():
        rows = [f"cluster_id\t{name}", *(f"{unit.unit}\t{value(unit)}" for unit in units)]
        (folder / f"cluster_{name}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")


def _notes(sorting: Sorting, whitening: F64) -> tuple[str, ...]:
    notes: list[str] = []
    extra = n_placeholder_spikes(sorting)
    if extra:
        notes.append(
            f"Phy cannot open less than {LEAST_ROWS} spikes: the last {extra} row(s) of the spike files are "
            f"placeholders of amplitude 0 in cluster {len(sorting.units)}, which is no unit and is in no table."
        )
    if not np.array_equal(whitening, sorting.whitening.T):
        notes.append(
            "The whitening matrix cannot be inverted exactly enough (a channel without noise of its own?). "
            "templates.npy is in uV and whitening_mat.npy is the identity, which Phy shows alike."
        )
    return tuple(notes)
