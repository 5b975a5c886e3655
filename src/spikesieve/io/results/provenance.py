"""Where a result comes from: `provenance.json` for people and scripts, `ops.npz` with the arrays of the run."""

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
from spikesieve.io.results.motion_files import motion_facts
from spikesieve.io.results.phy import pc_signs
from spikesieve.model import F64, Label, Recording, Sorting

PIECE_BYTES = 2**20
N_INNER_PIECES = 64
LIBRARIES = ("spikesieve", "numpy", "scipy", "numba", "scikit-learn")


@dataclass(frozen=True)
class Run:
    """The facts of one run that are in neither the recording nor the result.

    method    name of the method, for example "kilosort4"
    settings  every setting with its value, made of dicts, lists, strings, numbers, booleans and None
    seeds     every random seed by what it is for
    started, finished  with their time zone
    stages    cost by stage, in order
    inputs    files read besides the recording: probe, settings
    notes     sentences for the user that came up outside the sorting
    """

    method: str
    settings: Mapping[str, Any]
    seeds: Mapping[str, int]
    started: datetime
    finished: datetime
    stages: Mapping[str, StageCost] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_provenance(path: Path, sorting: Sorting, recording: Recording, run: Run) -> None:
    """Write provenance.json. Raises OSError when it cannot be written or an input file can no longer be read."""
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
    path.write_text(to_json(facts) + "\n", encoding="utf-8", newline="\n")


def write_ops(path: Path, sorting: Sorting, run: Run) -> None:
    """Write ops.npz: settings (JSON text), probe, whitening, PCs, noise, segments and local templates.

    No array holds Python objects: np.load(path, allow_pickle=False) reads it all. Equal input gives equal bytes.
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
    np.savez(path, allow_pickle=False, **arrays)


def versions() -> dict[str, str]:
    """Versions of the program, its libraries, Python and the operating system."""
    return {
        **{name: metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "os": platform.platform(),
        "machine": platform.machine(),
    }


def fingerprint(path: Path) -> dict[str, str | int]:
    """Absolute path, size and SHA-256 of a file; of a large one only of head, tail and 64 pieces of 1 MiB between.

    Hashing 100 GB whole takes longer than sorting some of it. The name of the hash says what was hashed.
    Raises OSError when the file cannot be read.
    """
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
    """What was sorted: length, layout, rate, gain, segments."""
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
    }


def _one_or_all(values: F64) -> float | list[float]:
    """One number where all channels share it, else one for each channel."""
    same = bool((values == values[0]).all())
    return float(values[0]) if same else [float(value) for value in values]


def result_facts(sorting: Sorting) -> dict[str, Any]:
    """What came out: numbers of units by label, of spikes and of double detections left out."""
    labels = [unit.label for unit in sorting.units]
    return {
        "n_units": len(labels),
        **{f"n_{label}": labels.count(label) for label in Label},
        "n_spikes": len(sorting.spikes),
        "n_double_detections": int((~sorting.kept).sum()),
        "n_contacts_sorted": sorting.probe.n_contacts,
    }


def to_json(value: object) -> str:
    """Strict JSON: paths, NumPy numbers and arrays become text, numbers and lists; inf and nan become their names."""
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
