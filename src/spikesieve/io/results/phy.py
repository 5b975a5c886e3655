"""The arrays, tables and params.py that Phy opens, with Kilosort4's file names; `docs/output.md` describes each file.

What Phy needs was found by calling phylib's `TemplateModel` (https://github.com/cortex-lab/phylib, BSD-3).
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
from spikesieve.model.text import counted, one_or_more

# Rows in memory at once while writing: the spikes and features that are written may be on disk themselves.
ROWS_PER_BLOCK = 20_000

# Up to this condition number, float32 templates (rounded to 6e-8) are exact to 1e-3 after unwhitening.
MAX_CONDITION = 1e4

# phylib squeezes every array it reads, so spikes, templates and PCs need two rows to keep their axis.
MIN_ROWS = 2


def write_phy(folder: Path, sorting: Sorting, recording: Recording, place: Path | None = None) -> tuple[str, ...]:
    """Write everything Phy reads into an existing folder.

    Parameters
    ----------
    folder : Path
        Where to write; files of the same names are replaced.
    sorting : Sorting
        The result.
    recording : Recording
        The raw files and their layout, for params.py.
    place : Path, optional
        Where the folder will be in the end. Default: where it is.

    Returns
    -------
    tuple of str
        Sentences on what is special in this folder (placeholder spikes, no whitening); usually empty.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    whitening, unwhitening = phy_whitening(sorting.whitening)
    n_templates = max(MIN_ROWS, len(sorting.units) + (n_placeholder_spikes(sorting) > 0))
    _write_spikes(folder, sorting)
    _write_features(folder, sorting, n_templates)
    _write_templates(folder, sorting, whitening, n_templates)
    _write_probe(folder, sorting)
    save_array(folder / "whitening_mat.npy", whitening, np.float64)
    save_array(folder / "whitening_mat_inv.npy", unwhitening, np.float64)
    save_array(folder / "kept_spikes.npy", sorting.kept, np.bool_)
    _write_tables(folder, sorting.units)
    (folder / "params.py").write_text(params_py(recording, place or folder), encoding="ascii")
    return _notes(sorting, whitening)


def n_placeholder_spikes(sorting: Sorting) -> int:
    """Return the number of placeholder spikes that phylib needs to load a sorting of less than two spikes.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    int
        0, 1 or 2.
    """
    return max(0, MIN_ROWS - len(sorting.spikes))


def no_unit_id(sorting: Sorting) -> int:
    """Return the cluster of placeholder spikes, which no unit has.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    int
        One more than the largest number of a unit.
    """
    return int(sorting.unit_ids.max(initial=-1)) + 1


def phy_whitening(whitening: F32) -> tuple[F64, F64]:
    """Convert the whitening matrix to Phy's convention.

    Phy multiplies (sample, contact) templates from the right, so its matrix is the transpose of ours. A matrix that
    cannot be inverted in float32 is replaced by the identity: templates.npy is then in uV and unwhitens correctly.

    Parameters
    ----------
    whitening : ndarray of float32, shape (n_contacts, n_contacts)
        Whitening matrix of a `Sorting`: white[t] = whitening @ uv[t].

    Returns
    -------
    whitening : ndarray of float64, shape (n_contacts, n_contacts)
        Matrix for multiplication from the right.
    unwhitening : ndarray of float64, shape (n_contacts, n_contacts)
        Its inverse.

    Examples
    --------
    >>> phy_whitening(np.array([[2.0, 1.0], [0.0, 1.0]], np.float32))[0]
    array([[2., 0.],
           [1., 1.]])
    """
    transposed = whitening.T.astype(np.float64)
    identity: F64 = np.eye(len(transposed))
    if not np.isfinite(transposed).all() or np.linalg.cond(transposed) > MAX_CONDITION:
        return identity, identity
    return transposed, np.asarray(np.linalg.inv(transposed), dtype=np.float64)


def pc_signs(pcs: F32) -> F32:
    """Find the sign of each PC for Phy.

    Phy computes the depth of a spike from positive scores of the first PC, so the scores of spikes, which are
    negative-going, must be positive.

    Parameters
    ----------
    pcs : ndarray of float32, shape (n_pcs, n_samples)
        Temporal components.

    Returns
    -------
    ndarray of float32, shape (n_pcs,)
        1, or -1 for a first PC that must be inverted.

    Examples
    --------
    >>> pc_signs(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32))
    array([-1.,  1.], dtype=float32)
    """
    signs: F32 = np.ones(len(pcs), np.float32)
    if pcs.size and pcs[0, np.argmax(np.abs(pcs[0]))] > 0:
        signs[0] = -1.0
    return signs


def fill_unused(contacts: I64, n_contacts: int) -> I64:
    """Replace each -1 by a contact that is not in its row: phylib and others fail on -1.

    Parameters
    ----------
    contacts : ndarray of int64, shape (n_units, n_columns)
        Contacts of each unit; -1 marks an unused column.
    n_contacts : int
        Contacts of the probe, at least as many as columns.

    Returns
    -------
    ndarray of int64, shape (n_units, n_columns)
        Different contacts in each row.

    Examples
    --------
    >>> fill_unused(np.array([[1, -1, -1]]), 3)
    array([[1, 0, 2]])
    """
    filled = contacts.copy()
    for row in filled:
        free = np.setdiff1d(np.arange(n_contacts), row)
        row[row < 0] = free[: (row < 0).sum()]
    return filled


def params_py(recording: Recording, folder: Path) -> str:
    """Return the text of params.py.

    A recording that is not in raw files has an empty dat_path: Phy opens the folder without traces.

    Parameters
    ----------
    recording : Recording
        The recording that was sorted.
    folder : Path
        The folder of params.py.

    Returns
    -------
    str
        Python assignments in ASCII.
    """
    files = recording.read if isinstance(recording.read, RawFiles) else None
    paths = [path_from(folder, path) for path in files.paths] if files else []
    lines = {
        "dat_path": paths[0] if len(paths) == 1 else paths,
        "n_channels_dat": recording.n_channels,
        "offset": files.header_bytes if files else 0,
        "sample_rate": float(recording.sampling_hz),
        "dtype": np.dtype(files.dtype).name if files else "int16",
        "hp_filtered": False,
    }
    return "".join(f"{name} = {value!a}\n" for name, value in lines.items())


def path_from(folder: Path, path: str) -> str:
    """Say where a file is so that it is found from a folder, also after both were moved together.

    Parameters
    ----------
    folder : Path
        Phy looks up relative paths from the folder of params.py.
    path : str
        The file.

    Returns
    -------
    str
        Relative if a folder that can be moved holds both, with / on all systems; else absolute. A drive, a mounted
        volume and the home of the user are not moved.

    Examples
    --------
    >>> path_from(Path("session/result"), "session/run.bin")
    '../run.bin'
    """
    file, here = Path(os.path.abspath(path)), Path(os.path.realpath(folder))
    # Not the file itself: a link to it moves with the folder in which it is.
    file = Path(os.path.realpath(file.parent)) / file.name
    try:
        common = Path(os.path.commonpath([file.parent, here]))
    except ValueError:  # two drives of Windows
        return str(file)
    is_moved = not os.path.ismount(common) and common != Path.home().resolve()
    return Path(os.path.relpath(file, here)).as_posix() if is_moved else str(file)


def save_array(path: Path, array: NDArray[Any], dtype: DTypeLike) -> None:
    """Write an array as .npy.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    array : ndarray
        The array.
    dtype : dtype_like
        Type in the file.

    Raises
    ------
    OSError
        If the disk is full, with the error number, which np.save leaves out.
    """
    _save_blocks(path, array.shape, dtype, [array])


def _save_blocks(path: Path, shape: tuple[int, ...], dtype: DTypeLike, blocks: Iterable[NDArray[Any]]) -> None:
    # Not a memory map: on a full disk that kills the process by a bus error instead of an exception.
    kind = np.dtype(dtype)
    header = {"shape": shape, "fortran_order": False, "descr": np.lib.format.dtype_to_descr(kind)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            for start in range(0, len(block), ROWS_PER_BLOCK):
                file.write(np.ascontiguousarray(block[start : start + ROWS_PER_BLOCK], dtype=kind).tobytes())


def _write_spikes(folder: Path, sorting: Sorting) -> None:
    spikes, n_placeholders = sorting.spikes, n_placeholder_spikes(sorting)
    last_sample = int(spikes.sample[-1]) if len(spikes) else 0
    ids, no_unit = sorting.unit_ids, no_unit_id(sorting)
    columns: dict[str, tuple[NDArray[Any], DTypeLike, int]] = {
        "spike_times": (spikes.sample, np.int64, last_sample),
        "spike_clusters": (ids[spikes.unit] if len(ids) else spikes.unit, np.int32, no_unit),
        "spike_templates": (spikes.unit, np.int32, len(ids)),
        "spike_detection_templates": (spikes.detection_template, np.int32, 0),
        "amplitudes": (spikes.amplitude, np.float32, 0),
        "spike_amplitude_uv": (spikes.amplitude_uv, np.float32, 0),
        "spike_positions": (spikes.position_um, np.float32, 0),
    }
    for name, (values, dtype, placeholder) in columns.items():
        placeholders = np.full((n_placeholders, *values.shape[1:]), placeholder, dtype)
        shape = (len(values) + n_placeholders, *values.shape[1:])
        _save_blocks(folder / f"{name}.npy", shape, dtype, [values, placeholders])
    if sorting.motion is not None:
        shape = (len(spikes) + n_placeholders, 2)
        positions_um = _blocks_of_positions_on_probe_um(sorting, n_placeholders)
        _save_blocks(folder / "spike_positions_on_probe.npy", shape, np.float32, positions_um)


def _blocks_of_positions_on_probe_um(sorting: Sorting, n_placeholders: int) -> Iterator[F32]:
    n_spikes = len(sorting.spikes)
    for start in range(0, n_spikes, ROWS_PER_BLOCK):
        yield places_on_probe_um(sorting, slice(start, min(start + ROWS_PER_BLOCK, n_spikes)))
    yield np.zeros((n_placeholders, 2), np.float32)


def _write_features(folder: Path, sorting: Sorting, n_templates: int) -> None:
    n_contacts = sorting.probe.n_contacts
    contacts = np.full((n_templates, max(1, sorting.feature_contacts.shape[1])), -1, np.int64)
    contacts[: len(sorting.units), : sorting.feature_contacts.shape[1]] = sorting.feature_contacts
    n_pcs = max(MIN_ROWS, len(sorting.pcs))
    shape = (len(sorting.spikes) + n_placeholder_spikes(sorting), n_pcs, contacts.shape[1])
    _save_blocks(folder / "pc_features.npy", shape, np.float32, _blocks_of_features(sorting, shape))
    save_array(folder / "pc_feature_ind.npy", fill_unused(contacts, n_contacts), np.int64)


def _blocks_of_features(sorting: Sorting, shape: tuple[int, ...]) -> Iterator[F32]:
    """Blocks of (spike, PC, contact), Phy's order of axes; 0 in columns without a contact, placeholders last."""
    spikes, signs = sorting.spikes, pc_signs(sorting.pcs)
    used = sorting.feature_contacts >= 0
    for start in range(0, len(spikes), ROWS_PER_BLOCK):
        rows = slice(start, min(start + ROWS_PER_BLOCK, len(spikes)))
        block = np.zeros((rows.stop - start, *shape[1:]), np.float32)
        scores = np.where(used[spikes.unit[rows], :, None], spikes.features[rows] * signs, 0)
        block[:, : scores.shape[2], : scores.shape[1]] = scores.transpose(0, 2, 1)
        yield block
    yield np.zeros((shape[0] - len(spikes), *shape[1:]), np.float32)


def _write_templates(folder: Path, sorting: Sorting, whitening: F64, n_templates: int) -> None:
    templates, n_contacts = sorting.templates, sorting.probe.n_contacts
    shape = (n_templates, templates.uv.shape[1], n_contacts)
    _save_blocks(folder / "templates.npy", shape, np.float32, _whitened_templates(sorting, whitening, shape))
    all_contacts = np.broadcast_to(np.arange(n_contacts), (n_templates, n_contacts))
    save_array(folder / "templates_ind.npy", all_contacts, np.int64)
    similarity = np.zeros((n_templates, n_templates), np.float32)
    similarity[: len(templates), : len(templates)] = sorting.similarity
    save_array(folder / "similar_templates.npy", similarity, np.float32)


def _whitened_templates(
    sorting: Sorting, whitening: F64, shape: tuple[int, ...]
) -> Iterator[NDArray[np.floating[Any]]]:
    """One (sample, contact) template after the other, whitened for Phy, then the unused rows."""
    for local_uv, near in zip(sorting.templates.uv, sorting.templates.contacts, strict=True):
        used = near >= 0
        yield local_uv[:, used].astype(np.float64) @ whitening[near[used]]
    yield np.zeros((shape[0] - len(sorting.templates), *shape[1:]), np.float32)


def _write_probe(folder: Path, sorting: Sorting) -> None:
    save_array(folder / "channel_map.npy", sorting.probe.channels, np.int64)
    save_array(folder / "channel_positions.npy", sorting.probe.positions_um, np.float64)
    save_array(folder / "channel_shanks.npy", sorting.probe.shanks, np.int64)


def _write_tables(folder: Path, units: tuple[Unit, ...]) -> None:
    # Each table has a row for every unit, empty if unknown, because readers join the tables on cluster_id.
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
    n_placeholders = n_placeholder_spikes(sorting)
    if n_placeholders:
        notes.append(
            f"Phy cannot open less than {MIN_ROWS} spikes: {counted(n_placeholders, 'row')} at the end of the spike "
            f"files {one_or_more(n_placeholders, 'is a placeholder', 'are placeholders')} of amplitude 0 in cluster "
            f"{no_unit_id(sorting)}, which is no unit and is in no table."
        )
    if not np.array_equal(whitening, sorting.whitening.T):
        notes.append(
            "The whitening matrix cannot be inverted accurately (is one channel a copy of another?). "
            "templates.npy is in µV and whitening_mat.npy is the identity; Phy shows the same waveforms."
        )
    return tuple(notes)
