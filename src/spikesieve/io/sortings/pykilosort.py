"""Sortings from the intermediate folder of pykilosort or ibl-sorter (`.kilosort/NAME/`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.errors import InputError
from spikesieve.io.sortings.arrays import (
    as_float64,
    as_int64,
    batch_middles_s,
    drift_of_batches,
    int16_traces,
    lost_templates_notes,
    low_rank_waveforms,
)
from spikesieve.io.sortings.phy_files import optional_array, required_array
from spikesieve.model.external import (
    ExternalSorting,
    PreprocessedTraces,
    SorterIntermediates,
    SpikeTrains,
    UnitWaveforms,
    trains_in_time_order,
)

BATCH_SAMPLES = 65_600


def find_intermediate_folder(folder: Path) -> Path | None:
    """Find the folder with st3.npy: the given one, or one in it, or in its `.kilosort`.

    Parameters
    ----------
    folder : Path
        The folder that the user gave.

    Returns
    -------
    Path or None
        The intermediate folder; None if there is none.

    Raises
    ------
    InputError
        If there are several.
    """
    found = (
        [folder]
        if (folder / "st3.npy").is_file()
        else sorted(path.parent for pattern in ("*/st3.npy", ".kilosort/*/st3.npy") for path in folder.glob(pattern))
    )
    if len(found) > 1:
        names = ", ".join(str(path) for path in found)
        raise InputError(f"{folder} has several pykilosort runs: {names}. Give one of them.")
    return found[0] if found else None


def read_pykilosort(folder: Path, sampling_hz: float | None = None) -> ExternalSorting:
    """Read the sorting in an intermediate folder, after the last step it has results of.

    Templates after the split (`W_s, U_s, mu_s`) are preferred to those before.

    Parameters
    ----------
    folder : Path
        The folder.
    sampling_hz : float, optional
        Sampling rate in Hz. Default: from params.json.

    Returns
    -------
    ExternalSorting
        The sorting.

    Raises
    ------
    InputError
        If spikes or the sampling rate are missing, or files do not belong together.
    """
    st3 = required_array(folder, "st3")
    if st3.ndim != 2 or st3.shape[1] < 3:
        raise InputError(
            f"st3.npy in {folder} has the shape {st3.shape}. It needs one row per spike and 5 columns: sort again."
        )
    rate_hz = sampling_hz or _rate_hz(folder)
    if not rate_hz:
        raise InputError(f"The sampling rate of {folder} is unknown. Give it with --sampling-hz.")
    unit = st3[:, 1].astype(np.int64)
    name = folder.resolve().name
    sample = st3[:, 0].astype(np.int64)
    trains, (amplitude, template), notes = trains_in_time_order(sample, unit, name, st3[:, 2], unit)
    waveforms, lost = _waveforms(folder, trains, template)
    return ExternalSorting(
        name=name,
        kind="pykilosort intermediate folder",
        trains=trains,
        sampling_hz=float(rate_hz),
        waveforms=waveforms,
        amplitude=None if amplitude is None else amplitude.astype(np.float32),
        amplitude_unit="as the sorter counts it",
        intermediates=_intermediates(folder, BATCH_SAMPLES / float(rate_hz)),
        notes=(*notes, *lost),
    )


def _waveforms(
    folder: Path, trains: SpikeTrains, template: NDArray[Any] | None
) -> tuple[UnitWaveforms | None, tuple[str, ...]]:
    """Mean waveforms of the units, and a note on spikes without a template."""
    W, U, mu = (_latest(folder, key) for key in ("W", "U", "mu"))
    if W is None or U is None or template is None:
        return None, ()
    whitening = optional_array(folder, "Wrot")
    waveforms = low_rank_waveforms(W, U, None if mu is None else mu.ravel(), whitening, trains, template)
    return waveforms, lost_templates_notes(template, W.shape[1], folder.resolve().name)


def _intermediates(folder: Path, batch_s: float) -> SorterIntermediates:
    iorig = as_int64(optional_array(folder, "iorig"))
    dissimilarity = optional_array(folder, "ccb0")
    return SorterIntermediates(
        traces=_traces(folder),
        whitening=as_float64(optional_array(folder, "Wrot")),
        drift=drift_of_batches(optional_array(folder, "dshift"), optional_array(folder, "yblk"), batch_s),
        ccb0=as_float64(dissimilarity if dissimilarity is not None else optional_array(folder, "ccb")),
        ccbsort=as_float64(optional_array(folder, "ccbsort")),
        iorig=iorig,
        batch_time_s=None if iorig is None else batch_middles_s(iorig.size, batch_s),
    )


def _latest(folder: Path, key: str) -> NDArray[Any] | None:
    after_split = optional_array(folder, f"{key}_s")
    return after_split if after_split is not None else optional_array(folder, key)


def _traces(folder: Path) -> PreprocessedTraces | None:
    U, whitening = _latest(folder, "U"), optional_array(folder, "Wrot")
    n_contacts = len(U) if U is not None else len(whitening) if whitening is not None else 0
    path = folder / "proc.dat"
    return int16_traces(path, n_contacts) if path.is_file() and n_contacts else None


def _rate_hz(folder: Path) -> float | None:
    for name in ("params.json", "params.JSON"):
        if (folder / name).is_file():
            try:
                facts = json.loads((folder / name).read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError) as error:
                raise InputError(f"{folder / name} cannot be read ({error}). Write it again, or remove it.") from error
            rate_hz = facts.get("fs") if isinstance(facts, dict) else None
            return float(rate_hz) if isinstance(rate_hz, int | float) else None
    return None
