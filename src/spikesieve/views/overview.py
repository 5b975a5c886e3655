"""The overview of a recording as pictures: the size of the traces, the spikes and the displacement of the tissue."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.model import F32, I64, Motion, Overview

MOST_COLUMNS, MOST_TIMES, MOST_LINES = 1200, 600, 5
STEPS_PER_UV = 100
LARGEST = 65_535


def shown_overview(
    overview: Overview, order: I64, motion: Motion | None
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Make the pictures of an overview.

    Parameters
    ----------
    overview : Overview
        The overview.
    order : ndarray of int64, shape (n_contacts,)
        Contacts from the top to the bottom.
    motion : Motion or None
        Displacement of the tissue, where it is known.

    Returns
    -------
    arrays : dict of str to ndarray
        `rms` (n_contacts, n_columns) in hundredths of a uV, 0 for nothing; `spikes` (n_rows, n_columns): the shanks
        below each other, each from its upper end down; with a motion `time_s`, `rest_um` and `um` (n_shanks, n_times,
        n_lines).
    facts : dict
        `bands`: shank, lower and upper end in um of each shank; `span_s` from the start to the end of the last column,
        which may reach beyond the recording.
    """
    per = -(-len(overview.start_s) // MOST_COLUMNS)
    spikes = np.concatenate([each.T[::-1] for each in overview.n_spikes])
    arrays: dict[str, NDArray[Any]] = {
        "rms": _steps(_mean_square(overview.rms_uv.astype(np.float32)[:, order], per).T),
        "spikes": np.minimum(_summed(spikes.astype(np.int64), per), LARGEST).astype(np.uint16),
    }
    if motion is not None:
        arrays |= _lines(motion)
    low, high = float(overview.depth_um[0]), float(overview.depth_um[-1])
    end_s = arrays["rms"].shape[1] * per * overview.bin_s
    bands = [[int(shank), low, high] for shank in overview.shanks]
    return arrays, {"bands": bands, "span_s": [0.0, end_s]}


def _mean_square(rms_uv: F32, per: int) -> F32:
    """Join bins of time: (n_columns, n_contacts), NaN where there is nothing."""
    padded = np.full((-(-len(rms_uv) // per) * per, rms_uv.shape[1]), np.nan, np.float32)
    padded[: len(rms_uv)] = rms_uv**2
    parts = padded.reshape(-1, per, rms_uv.shape[1])
    known = np.isfinite(parts)
    n = known.sum(axis=1)
    joined = np.sqrt(np.where(known, parts, 0).sum(axis=1) / np.maximum(n, 1))
    return np.where(n > 0, joined, np.nan).astype(np.float32)


def _summed(counts: I64, per: int) -> I64:
    return np.asarray(np.add.reduceat(counts, np.arange(0, counts.shape[1], per), axis=1))


def _steps(uv: F32) -> NDArray[np.uint16]:
    known = np.nan_to_num(uv * STEPS_PER_UV, nan=0.0, posinf=LARGEST)
    return np.clip(np.rint(known), 0, LARGEST).astype(np.uint16)


def _lines(motion: Motion) -> dict[str, NDArray[Any]]:
    times = np.unique(np.linspace(0, len(motion.time_s) - 1, MOST_TIMES).round().astype(int))
    depths = np.unique(np.linspace(0, len(motion.depth_um) - 1, MOST_LINES).round().astype(int))
    um = motion.estimated_um[:, times][:, :, depths].astype(np.float32)
    return {"time_s": motion.time_s[times], "rest_um": motion.depth_um[depths], "um": um}
