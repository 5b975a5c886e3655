"""The numbers of the figures of drift: displacement with its band, spikes before and after, units that moved most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import places_on_probe_um
from spikesieve.model import F32, F64, I32, I64, Motion, Sorting, Unit
from spikesieve.report.thinning import evenly

MOST_TIMES, MOST_DEPTHS = 1_500, 8
"""Of the displacement that is drawn: a screen has no more pixels across, and more traces do not fit above another."""
MOST_MOVED_SPIKES = 60_000
"""Spikes in the raster before and after: two pictures, each half as wide as that of all spikes."""
BAND_SE = 1.96
"""Standard errors to each side that hold the truth in 95 of 100 cases."""
ENOUGH_SPIKES = 20
ROOM = 20.0
"""The raster before and after is this many times as high as the movement, if the shank is that long."""
LEAST_WINDOW_UM, MARGIN_UM, BIN_UM = 100.0, 20.0, 10.0
AFTER = {
    "use": "in the tissue, the movement taken off",
    "rigid": "in the tissue, the movement taken off",
    "refuse": "held to be still: the movement was not used",
}
SAYS = {"use": "used.", "rigid": "used as one movement of the whole shank.", "refuse": "not used."}


@dataclass(frozen=True)
class MovedUnit:
    """How far one unit moved, and what that did to it.

    unit, label, shank  as in the unit table
    depth_um         where it rests
    moved_um         from its lowest to its highest displacement that was used, within the sorted time
    amplitude_ratio  median amplitude of its spikes in the highest third of the time, by displacement, over that in the
                     lowest; NaN with less than 20 spikes in one of the two, or where it did not move
    """

    unit: int
    label: str
    shank: int
    depth_um: float
    moved_um: float
    amplitude_ratio: float


@dataclass(frozen=True, eq=False)
class DriftNumbers:
    """What the figures of drift show.

    time_s        (m,) float64, some of the times, evenly taken
    depth_um      (d,) float64, some of the depths, evenly taken
    shanks        (n_shanks,) int64
    estimated_um, se_um, used_um  (n_shanks, m, d) float32, as in `Motion`
    decisions     for each shank "use", "rigid" or "refuse"
    sentences     for each shank what was decided and why
    step          the rasters show every step-th spike of the raster of all
    on_probe_um   (n,) float32, depth of these spikes on the probe
    window_um     (n_shanks, 2) float64, from where to where in depth the rasters go: the stretch with most spikes
    moved         every unit, the one that moved most first
    """

    time_s: F64
    depth_um: F64
    shanks: I64
    estimated_um: F32
    se_um: F32
    used_um: F32
    decisions: tuple[str, ...]
    sentences: tuple[str, ...]
    step: int
    on_probe_um: F32
    window_um: F64
    moved: tuple[MovedUnit, ...]

    @property
    def reach_um(self) -> float:
        """The room above and below the zero of each trace: what holds every displacement, and a little more."""
        return 1.15 * max(1.0, float(np.abs(self.estimated_um).max()))

    @property
    def has_band(self) -> bool:
        """Whether anything is known about how sure the displacement is."""
        return bool(np.isfinite(self.se_um).any())


def drift_numbers(sorting: Sorting, raster_rows: I64, rows: Sequence[I64]) -> DriftNumbers | None:
    """The numbers of the figures of drift, or None where nobody looked for it.

    raster_rows  (n,) int64, the spikes of the raster of all
    rows         the spikes of each unit, in order of time
    """
    motion = sorting.motion
    if motion is None:
        return None
    times, depths = evenly(len(motion.time_s), MOST_TIMES), evenly(len(motion.depth_um), MOST_DEPTHS)
    estimated, se, used = (um[:, times][:, :, depths] for um in (motion.estimated_um, motion.se_um, motion.um))
    step = max(1, -(-len(raster_rows) // MOST_MOVED_SPIKES))
    on_probe_um = places_on_probe_um(sorting, raster_rows[::step])[:, 1]
    return DriftNumbers(
        time_s=motion.time_s[times],
        depth_um=motion.depth_um[depths],
        shanks=motion.shanks,
        estimated_um=estimated,
        se_um=se,
        used_um=used,
        decisions=motion.decisions,
        sentences=tuple(_sentences(motion)),
        step=step,
        on_probe_um=on_probe_um,
        window_um=_windows_um(sorting, motion, on_probe_um, sorting.spikes.unit[raster_rows[::step]]),
        moved=moved_units(sorting, motion, rows),
    )


def moved_units(sorting: Sorting, motion: Motion, rows: Sequence[I64]) -> tuple[MovedUnit, ...]:
    """Every unit with how far it moved, the one that moved most first.

    rows  the spikes of each unit
    """
    start_s, stop_s = (sample / sorting.sampling_hz for sample in (sorting.segments[0][0], sorting.segments[-1][1]))
    inside = motion.time_s[(motion.time_s >= start_s) & (motion.time_s <= stop_s)]
    time_s = np.concatenate([[start_s], inside, [stop_s]])
    moved = [_moved(sorting, motion, unit, mine, time_s) for unit, mine in zip(sorting.units, rows, strict=True)]
    return tuple(sorted(moved, key=lambda unit: (-unit.moved_um, unit.unit)))


def _moved(sorting: Sorting, motion: Motion, unit: Unit, mine: I64, time_s: F64) -> MovedUnit:
    depth_um = unit.y_um if np.isfinite(unit.y_um) else unit.depth_um
    course_um = _course(motion, time_s, depth_um, unit.shank)
    seen_um = _course(motion, sorting.spikes.sample[mine] / sorting.sampling_hz, depth_um, unit.shank)
    low_um, high_um = np.quantile(course_um, [1 / 3, 2 / 3])
    amplitude_uv, ratio = sorting.spikes.amplitude_uv[mine], np.nan
    down, up = amplitude_uv[seen_um <= low_um], amplitude_uv[seen_um >= high_um]
    if low_um < high_um and min(len(down), len(up)) >= ENOUGH_SPIKES and np.median(down) > 0:
        ratio = float(np.median(up) / np.median(down))
    return MovedUnit(unit.unit, unit.label, unit.shank, depth_um, float(np.ptp(course_um)), ratio)


def _windows_um(sorting: Sorting, motion: Motion, depth_um: F32, unit: I32) -> F64:
    """For each shank `movement_window_um` of some spikes: (n_shanks, 2)."""
    shank_of_spike = np.array([row.shank for row in sorting.units], np.int64)[unit]
    windows = []
    for shank, um in zip(motion.shanks, motion.estimated_um, strict=True):
        contacts_um = sorting.probe.positions_um[sorting.probe.shanks == shank, 1]
        whole_um = (float(contacts_um.min()) - MARGIN_UM, float(contacts_um.max()) + MARGIN_UM)
        windows.append(movement_window_um(depth_um[shank_of_spike == shank], whole_um, float(np.ptp(um, axis=0).max())))
    return np.array(windows)


def movement_window_um(depth_um: F32, whole_um: tuple[float, float], moved_um: float) -> tuple[float, float]:
    """From where to where a raster must go to show a movement: the stretch of ROOM times its size with most spikes.

    depth_um  (n,) of the spikes
    whole_um  the ends of the shank
    moved_um  from the lowest to the highest displacement
    """
    low_um, high_um = whole_um
    height_um = max(LEAST_WINDOW_UM, ROOM * moved_um)
    if height_um >= high_um - low_um:
        return whole_um
    counts, edges_um = np.histogram(depth_um, np.arange(low_um, high_um + BIN_UM, BIN_UM))
    in_window = np.convolve(counts, np.ones(round(height_um / BIN_UM)), mode="valid")
    start_um = float(edges_um[int(np.argmax(in_window))])
    return start_um, start_um + height_um


def _course(motion: Motion, time_s: F64, depth_um: float, shank: int) -> F64:
    return motion.at(time_s, np.full(len(time_s), depth_um), np.full(len(time_s), shank, np.int64))


def _sentences(motion: Motion) -> list[str]:
    names = [f"Shank {shank}: " if len(motion.shanks) > 1 else "" for shank in motion.shanks]
    said = [f"{name}{SAYS[decision]}" for name, decision in zip(names, motion.decisions, strict=True)]
    return [f"{text[0].upper()}{text[1:]} {why}".strip() for text, why in zip(said, motion.why, strict=True)]
