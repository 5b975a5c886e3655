"""Drift: all spikes by depth and time, the displacement of the tissue, and where a unit was over time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spikesieve.geometry import places_on_probe_um
from spikesieve.model import F32, F64, I32, I64, DriftDecision
from spikesieve.views.result import Result
from spikesieve.views.scatter import Frame, density

Where = Literal["probe", "tissue"]
"""Where a spike was seen on the probe, or where its neuron is in the tissue."""
N_TIMES = 60
"""Times at which the place of a unit is told."""
MOST_TIMES, MOST_DEPTHS = 1_000, 8
"""Points and traces of the displacement: a screen has no more room."""
SPIKES_AT_ONCE = 2_000_000


def shank_of_templates(result: Result) -> I64:
    """Find the shank of each template.

    Parameters
    ----------
    result : Result
        The result.

    Returns
    -------
    ndarray of int64, shape (n_templates,)
        The shank of the contact on which it is largest.
    """
    templates = result.templates
    size = np.where(templates.contacts >= 0, np.ptp(templates.uv, axis=1), -1.0)
    best = np.take_along_axis(templates.contacts, size.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.asarray(result.probe.shanks[best])


def _depths(result: Result, rows: I64 | I32, where: Where) -> F64:
    """Depth of spikes in um; NaN where the result does not have it."""
    if result.position_um is None:
        return np.full(len(rows), np.nan)
    if where == "probe" and result.sorting is not None:
        return places_on_probe_um(result.sorting, np.asarray(rows, np.int64))[:, 1].astype(np.float64)
    return np.asarray(result.position_um[rows, 1], np.float64)


def spikes_by_depth(result: Result, frame: Frame, where: Where, shank: int) -> NDArray[np.uint16]:
    """Count all spikes of a shank by time and depth.

    Parameters
    ----------
    result : Result
        The result.
    frame : Frame
        Times in s, depths in um, and the size in pixels.
    where : {"probe", "tissue"}
        Which depth.
    shank : int
        The shank.

    Returns
    -------
    ndarray of uint16, shape (height, width)
        Row 0 is at the top. The units of the result as it was sorted, whatever was curated.
    """
    hz, total = result.time.sampling_hz, np.zeros((frame.height, frame.width), np.int64)
    start = int(np.searchsorted(result.sample, frame.x[0] * hz))
    stop = int(np.searchsorted(result.sample, frame.x[1] * hz, side="right"))
    own = shank_of_templates(result) == shank
    for first in range(start, stop, SPIKES_AT_ONCE):
        rows = np.arange(first, min(stop, first + SPIKES_AT_ONCE))
        rows = rows[own[result.template[rows]]]
        total += density(result.sample[rows] / hz, _depths(result, rows, where), frame)
    return np.minimum(total, 65_535).astype(np.uint16)


@dataclass(frozen=True, eq=False)
class Displacement:
    """How far the tissue of a shank was displaced.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_times,)
        Times.
    depth_um : ndarray of float64, shape (n_depths,)
        Depths at rest.
    um : ndarray of float32, shape (n_times, n_depths)
        As it was estimated, upwards positive.
    is_used : bool
        Whether the sort used it.
    said : str
        What was decided, and why.
    """

    time_s: F64
    depth_um: F64
    um: F32
    is_used: bool
    said: str


def displacement(result: Result, shank: int) -> Displacement | None:
    """Take the displacement of a shank, at a number of times and depths that can be drawn.

    Parameters
    ----------
    result : Result
        The result.
    shank : int
        The shank.

    Returns
    -------
    Displacement or None
        None where it was not measured.
    """
    motion = None if result.sorting is None else result.sorting.motion
    if motion is None or shank not in motion.shanks or not np.isfinite(motion.se_um).any():
        return None
    row = int(np.searchsorted(motion.shanks, shank))
    times, depths = (
        np.unique(np.linspace(0, len(grid) - 1, most).astype(np.int64))
        for grid, most in ((motion.time_s, MOST_TIMES), (motion.depth_um, MOST_DEPTHS))
    )
    um = motion.estimated_um[row][np.ix_(times, depths)]
    is_used = motion.decisions[row] != DriftDecision.REFUSE
    return Displacement(motion.time_s[times], motion.depth_um[depths], um, is_used, motion.why[row])


def depth_over_time(result: Result, rows: I32, where: Where) -> F32:
    """Follow the depth of a unit.

    Parameters
    ----------
    result : Result
        The result.
    rows : ndarray of int32, shape (n,)
        Its spikes, in order of time.
    where : {"probe", "tissue"}
        Which depth.

    Returns
    -------
    ndarray of float32, shape (60,)
        Median depth in um of its spikes in each of 60 equal parts of the sorted time; NaN where it has none.
    """
    found = np.full(N_TIMES, np.nan, np.float32)
    edges = np.linspace(*result.span_s, N_TIMES + 1) * result.time.sampling_hz
    ends = np.searchsorted(result.sample[rows], edges)
    depth_um = _depths(result, rows, where)
    for k, (start, stop) in enumerate(pairwise(ends)):
        if stop > start and np.isfinite(depth_um[start:stop]).any():
            found[k] = np.nanmedian(depth_um[start:stop])
    return found
