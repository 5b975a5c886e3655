"""How a result was made: `provenance.json` for people and scripts, `ops.npz` with the arrays of the run."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from spikesieve.engine.clock import StageCost
from spikesieve.io.recordings.plain_files import readable
from spikesieve.io.results.motion_files import motion_facts
from spikesieve.io.results.phy import pc_signs
from spikesieve.model import F64, Label, Recording, Sorting

# What is hashed of a large file: pieces of this size at its start, its end and evenly spaced between.
PIECE_BYTES = 2**20
N_INNER_PIECES = 64
LIBRARIES = ("spikesieve", "numpy", "scipy", "numba", "scikit-learn")


@dataclass(frozen=True)
class RunRecord:
    """Facts about one run that are in neither the recording nor the result.

    Attributes
    ----------
    method : str
        Name of the method, such as "kilosort4".
    settings : mapping
        Every setting with its value: dicts, lists, strings, numbers, booleans and None.
    seeds : mapping of str to int
        Random seeds by purpose.
    started, finished : datetime
        Start and end, with time zone.
    stages : mapping of str to StageCost
        Cost of each stage, in order.
    inputs : tuple of str
        Files read besides the recording: probe, settings.
    notes : tuple of str
        Sentences for the user from outside the sorting.
    """

    method: str
    settings: Mapping[str, Any]
    seeds: Mapping[str, int]
    started: datetime
    finished: datetime
    stages: Mapping[str, StageCost] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_provenance(path: Path, sorting: Sorting, recording: Recording, run: RunRecord) -> None:
    """Write provenance.json: versions, settings, inputs, and a summary of recording and result.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    sorting : Sorting
        The result.
    recording : Recording
        The recording that was sorted.
    run : RunRecord
        Facts about the run.

    Raises
    ------
    OSError
        If the file cannot be written or an input file can no longer be read.
    """
    facts = {
        "program": "spikesieve",
        "method": run.method,
        "versions": versions(),
        "started": run.started.isoformat(timespec="seconds"),
        "finished": run.finished.isoformat(timespec="seconds"),
        "settings": run.settings,
        "seeds": run.seeds,
        "inputs": [fingerprint(Path(name)) for name in (*recording.paths, *run.inputs)],
        "recording": recording_facts(recording),
        "result": result_facts(sorting),
        "motion": motion_facts(sorting.motion),
        "stages": {name: asdict(cost) for name, cost in run.stages.items()},
        "notes": [*sorting.notes, *run.notes],
    }
    write_facts(path, facts)


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Write facts as JSON.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    facts : mapping
        What `to_json` can convert.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path.write_text(to_json(facts) + "\n", encoding="utf-8", newline="\n")


def write_ops(path: Path, sorting: Sorting, run: RunRecord) -> None:
    """Write ops.npz: settings (as JSON text), probe, whitening, PCs, noise, segments, local templates and their halves.

    No array holds Python objects, so `np.load(path, allow_pickle=False)` reads all. Equal input gives equal bytes.

    Parameters
    ----------
    path : Path
        The file; replaced if it exists.
    sorting : Sorting
        The result.
    run : RunRecord
        Facts about the run.
    """
    probe, templates = sorting.probe, sorting.templates
    arrays: dict[str, Any] = {
        "settings_json": np.array(to_json(run.settings)),
        "seeds_json": np.array(to_json(run.seeds)),
        "sampling_hz": np.float64(sorting.sampling_hz),
        "segments": np.array(sorting.segments, np.int64).reshape(-1, 2),
        "positions_um": probe.positions_um,
        "channels": probe.channels,
        "shanks": probe.shanks,
        "whitening": sorting.whitening,
        "noise_sd_uv": sorting.noise_sd_uv,
        "pcs": sorting.pcs * pc_signs(sorting.pcs)[:, None],
        "templates_uv": templates.uv,
        "template_contacts": templates.contacts,
        "peak_index": np.int64(templates.peak_index),
        "acgs": sorting.acgs,
    }
    if sorting.threshold_sd is not None:
        arrays["threshold_sd"] = np.float64(sorting.threshold_sd)
    if sorting.waveforms is not None:
        arrays["template_sd_uv"] = sorting.waveforms.sd_uv
        arrays["half_templates_uv"] = sorting.waveforms.half_uv
        arrays["half_template_spikes"] = sorting.waveforms.half_spikes
    np.savez(path, allow_pickle=False, **arrays)


def versions() -> dict[str, str]:
    """Return the versions of spikesieve, its libraries, Python and the operating system.

    Returns
    -------
    dict of str to str
        Versions by name.

    Examples
    --------
    >>> sorted(versions())
    ['machine', 'numba', 'numpy', 'os', 'python', 'scikit-learn', 'scipy', 'spikesieve']
    """
    return {
        **{name: metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "os": platform.platform(),
        "machine": platform.machine(),
    }


def fingerprint(path: Path) -> dict[str, str | int]:
    """Identify a file by its path, size and SHA-256.

    Only start, end and 64 pieces of 1 MiB between are hashed of a large file, because hashing 100 GB takes minutes.
    The name of the hash says what was hashed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Absolute path, size in bytes and hash.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with readable(str(path)):
        return _fingerprint(path)


def _fingerprint(path: Path) -> dict[str, str | int]:
    size = path.stat().st_size
    inner = [size * i // (N_INNER_PIECES + 1) for i in range(1, N_INNER_PIECES + 1)]
    starts = [0, *inner, size - PIECE_BYTES]
    whole = size <= PIECE_BYTES * len(starts)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for start in range(0, size, PIECE_BYTES) if whole else starts:
            file.seek(start)
            digest.update(file.read(PIECE_BYTES))
    name = "sha256" if whole else f"sha256_of_head_tail_and_{N_INNER_PIECES}_evenly_spaced_pieces_of_1_mib"
    return {"path": os.path.abspath(path), "bytes": size, name: digest.hexdigest()}


def recording_facts(recording: Recording) -> dict[str, Any]:
    """Describe what was sorted: length, layout, sampling rate, gain, segments, and what preprocessing depends on.

    Parameters
    ----------
    recording : Recording
        The recording.

    Returns
    -------
    dict
        Facts by name.
    """
    return {
        "name": recording.name,
        "n_samples": recording.n_samples,
        "n_channels": recording.n_channels,
        "sampling_hz": recording.sampling_hz,
        "sorted_s": recording.duration_s,
        "gain_uv": _one_or_all(recording.gain_uv),
        "gain_is_known": recording.has_gain,
        "zero_raw": _one_or_all(recording.offset_raw),
        "file_starts": recording.file_starts,
        "segments": recording.segments,
        "range_raw": recording.range_raw,
        "delay_samples": _one_or_all(recording.delay_samples),
        "is_filtered": recording.is_filtered,
        "artifact_samples": recording.artifact_sample.tolist(),
    }


def _one_or_all(values: F64) -> float | list[float]:
    """One number where all channels share it, else one for each channel."""
    same = bool((values == values[0]).all())
    return float(values[0]) if same else [float(value) for value in values]


def result_facts(sorting: Sorting) -> dict[str, Any]:
    """Count what was found: units by label, spikes, and double detections that were removed.

    Parameters
    ----------
    sorting : Sorting
        The result.

    Returns
    -------
    dict
        Numbers by name.
    """
    labels = [unit.label for unit in sorting.units]
    return {
        "n_units": len(labels),
        **{f"n_{label}": labels.count(label) for label in Label},
        "n_spikes": len(sorting.spikes),
        "n_double_detections": int((~sorting.kept).sum()),
        "n_contacts_sorted": sorting.probe.n_contacts,
    }


def to_json(value: object) -> str:
    """Convert a value to strict JSON.

    Parameters
    ----------
    value : object
        Dicts, lists, paths, numbers, NumPy arrays and so on.

    Returns
    -------
    str
        Indented JSON. Paths become text, arrays lists, and inf and nan the texts "inf" and "nan".

    Examples
    --------
    >>> to_json([np.float32(0.5), Path("a"), float("inf")]).split()
    ['[', '0.5,', '"a",', '"inf"', ']']
    """
    return json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value
