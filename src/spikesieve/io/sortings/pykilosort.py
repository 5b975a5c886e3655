"""The intermediate folder of pykilosort or ibl-sorter (`.kilosort/NAME/`) as a side of a comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.sortings.phy import drift_of_batches, int16_traces, middles, optional, required
from spikesieve.io.sortings.rez_mat import low_rank_waveforms
from spikesieve.sorted_by_others import (
    ExternalSorting,
    PreprocessedTraces,
    SorterIntermediates,
    UnitWaveforms,
    trains_in_time_order,
)

BATCH_SAMPLES = 65_600


def find_context(folder: Path) -> Path | None:
    """The folder itself, or the one below it or its `.kilosort`, that holds st3.npy; None when there is none.

    Raises InputError when there are several.
    """
    found = (
        [folder]
        if (folder / "st3.npy").is_file()
        else sorted(path.parent for pattern in ("*/st3.npy", ".kilosort/*/st3.npy") for path in folder.glob(pattern))
    )
    if len(found) > 1:
        names = ", ".join(str(path) for path in found)
        raise InputError(f"{folder} holds several pykilosort runs: {names}. Give one of them.")
    return found[0] if found else None


def read_pykilosort(folder: Path, sampling_hz: float | None = None) -> ExternalSorting:
    """The sorting in an intermediate folder, after the last step that is there.

    sampling_hz  used when no params.json tells it

    Factors after the split (`W_s, U_s, mu_s`) win over those before. Raises InputError when spikes or the rate are
    missing, or files do not fit each other.
    """
    st3 = required(folder, "st3")
    if st3.ndim != 2 or st3.shape[1] < 3:
        raise InputError(f"st3.npy in {folder} has the shape {st3.shape}; one row a spike and 5 columns are needed.")
    rate = sampling_hz or _rate(folder)
    if not rate:
        raise InputError(f"{folder} does not tell its sampling rate. Give it with --sampling-hz.")
    unit = st3[:, 1].astype(np.int64)
    name = folder.resolve().name
    trains, (amplitude, template) = trains_in_time_order(st3[:, 0].astype(np.int64), unit, name, st3[:, 2], unit)
    Wrot = optional(folder, "Wrot")
    W, U, mu = (_latest(folder, key) for key in ("W", "U", "mu"))
    waveforms: UnitWaveforms | None = None
    if W is not None and U is not None and len(unit) and unit.max() < W.shape[1]:
        waveforms = low_rank_waveforms(W, U, None if mu is None else mu.ravel(), Wrot, trains, template)
    iorig = optional(folder, "iorig")
    return ExternalSorting(
        name=name,
        kind="pykilosort intermediate folder",
        trains=trains,
        sampling_hz=float(rate),
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="as the sorter counts it",
        intermediates=SorterIntermediates(
            traces=_traces(folder, U, Wrot),
            whitening=None if Wrot is None else Wrot.astype(np.float64),
            drift=drift_of_batches(optional(folder, "dshift"), optional(folder, "yblk"), BATCH_SAMPLES / float(rate)),
            ccb0=_float(optional(folder, "ccb0") if optional(folder, "ccb0") is not None else optional(folder, "ccb")),
            ccbsort=_float(optional(folder, "ccbsort")),
            iorig=None if iorig is None else iorig.ravel().astype(np.int64),
            batch_time_s=None if iorig is None else middles(iorig.size, BATCH_SAMPLES / float(rate)),
        ),
    )


def _latest(folder: Path, key: str) -> NDArray[Any] | None:
    split = optional(folder, f"{key}_s")
    return split if split is not None else optional(folder, key)


def _traces(folder: Path, U: NDArray[Any] | None, Wrot: NDArray[Any] | None) -> PreprocessedTraces | None:
    n_contacts = len(U) if U is not None else len(Wrot) if Wrot is not None else 0
    path = folder / "proc.dat"
    return int16_traces(path, n_contacts) if path.is_file() and n_contacts else None


def _rate(folder: Path) -> float | None:
    for name in ("params.json", "params.JSON"):
        if (folder / name).is_file():
            try:
                facts = json.loads((folder / name).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise InputError(f"{folder / name} cannot be read ({error}). Write it again, or remove it.") from error
            rate = facts.get("fs") if isinstance(facts, dict) else None
            return float(rate) if isinstance(rate, int | float) else None
    return None


def _float(values: NDArray[Any] | None) -> NDArray[np.float64] | None:
    return None if values is None else values.astype(np.float64)
