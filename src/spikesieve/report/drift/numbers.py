"""The numbers behind the figures of drift: displacement, spikes before and after correction, units that moved most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spikesieve.geometry import places_on_probe_um
from spikesieve.model import F32, F64, I32, I64, Bool, Motion, Probe, Sorting, Unit
from spikesieve.report.thinning import evenly_spaced_rows

MAX_TIMES, MAX_DEPTHS = 1_500, 8
"""Points of the displacement that are drawn: a screen has no more pixels, and more traces do not fit."""
MAX_SPIKES = 60_000
"""Spikes in the rasters before and after correction. Each is half as wide as the raster of all spikes."""
BAND_SE = 1.96
"""Standard errors on each side of a 95 % band."""
MIN_SPIKES_OF_MEDIAN = 20
"""Spikes that a median amplitude needs."""
WINDOW_PER_MOVEMENT = 20.0
"""The rasters show this many times the movement in depth, if the shank is that long."""
MIN_WINDOW_UM, MARGIN_UM, BIN_UM = 100.0, 20.0, 10.0
"""Smallest depth window, margin beyond the contacts and bins of the search for the window, in um."""
AFTER_TITLES = {
    "use": "corrected for drift",
    "rigid": "corrected for drift",
    "refuse": "not corrected: the drift estimate was not used",
}
"""Title of the raster after correction, by decision."""
DECISION_TEXTS = {
    "use": "drift corrected.",
    "rigid": "drift corrected with one displacement for the whole shank.",
    "refuse": "drift not corrected.",
}


@dataclass(frozen=True)
class MovedUnit:
    """Movement of one unit, a row of `units_moved.csv`.

    Attributes
    ----------
    unit : int
        Unit number.
    label : str
        Label of the unit.
    shank : int
        Shank of the unit.
    depth_um : float
        Depth at rest in um.
    moved_um : float
        Range of the displacement that was corrected, within the sorted time, in um.
    amplitude_ratio : float
        Median amplitude of the spikes in the third of the time with the highest displacement over that in the third
        with the lowest. NaN with fewer than 20 spikes in one of them, or where the unit did not move.
    """

    unit: int
    label: str
    shank: int
    depth_um: float
    moved_um: float
    amplitude_ratio: float


@dataclass(frozen=True, eq=False)
class DriftNumbers:
    """The numbers behind the figures of drift.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_times,)
        Evenly spaced part of the times, in s.
    depth_um : ndarray of float64, shape (n_depths,)
        Evenly spaced part of the depths, in um.
    shanks : ndarray of int64, shape (n_shanks,)
        Shank numbers.
    estimated_um, se_um, used_um : ndarray of float32, shape (n_shanks, n_times, n_depths)
        Estimated displacement, its standard error and the displacement that was corrected, as in `Motion`.
    decisions : tuple of str
        For each shank "use", "rigid" or "refuse".
    sentences : tuple of str
        For each shank what was decided and why.
    step : int
        The rasters show every step-th spike of the raster of all spikes.
    depth_on_probe_um : ndarray of float32, shape (n_spikes,)
        Depth of these spikes on the probe, before correction, in um.
    depth_windows_um : ndarray of float64, shape (n_shanks, 2)
        Lowest and highest depth of the rasters: the window with most spikes, in um.
    shank_depths_um : ndarray of float64, shape (n_shanks, 2)
        Depth of the lowest and of the highest contact of each shank, in um.
    moved : tuple of MovedUnit
        All units, largest movement first.
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
    depth_on_probe_um: F32
    depth_windows_um: F64
    shank_depths_um: F64
    moved: tuple[MovedUnit, ...]

    @property
    def half_range_um(self) -> float:
        """Range above and below the zero of each trace that holds every displacement, in um."""
        return 1.15 * max(1.0, float(np.abs(self.estimated_um).max()))

    @property
    def shows_a_part(self) -> Bool:
        """Whether the rasters leave out contacts of the shank, bool of shape (n_shanks,)."""
        (window_low, window_high), (low, high) = self.depth_windows_um.T, self.shank_depths_um.T
        return np.asarray((window_low > low) | (window_high < high), dtype=np.bool_)

    def depths_text(self, row: int) -> str:
        """Say which depths of a shank the rasters show.

        Parameters
        ----------
        row : int
            Row of the shank in `shanks`.

        Returns
        -------
        str
            Such as "10 to 310 of 0 to 3820 µm"; "" where they show all contacts.
        """
        if not self.shows_a_part[row]:
            return ""
        (window_low, window_high), (low, high) = self.depth_windows_um[row], self.shank_depths_um[row]
        return f"{window_low:.0f} to {window_high:.0f} of {low:.0f} to {high:.0f} µm"

    @property
    def is_measured(self) -> bool:
        """Whether there is anything to draw: False where a probe has too few contacts or spikes for any estimate."""
        return self.has_band or bool(self.estimated_um.any())

    @property
    def has_band(self) -> bool:
        """Whether any standard error is known."""
        return bool(np.isfinite(self.se_um).any())


def drift_numbers(sorting: Sorting, raster_rows: I64, rows: Sequence[I64]) -> DriftNumbers | None:
    """Compute the numbers behind the figures of drift.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    raster_rows : ndarray of int64, shape (n_raster_spikes,)
        Rows of the spikes in the raster of all spikes.
    rows : sequence of ndarray of int64
        Rows of the spikes of each unit, in order of time.

    Returns
    -------
    DriftNumbers or None
        None where drift was not estimated.
    """
    motion = sorting.motion
    if motion is None:
        return None
    times = evenly_spaced_rows(len(motion.time_s), MAX_TIMES)
    depths = evenly_spaced_rows(len(motion.depth_um), MAX_DEPTHS)
    estimated, se, used = (um[:, times][:, :, depths] for um in (motion.estimated_um, motion.se_um, motion.um))
    step = max(1, -(-len(raster_rows) // MAX_SPIKES))
    shown_rows = raster_rows[::step]
    depth_on_probe_um = places_on_probe_um(sorting, shown_rows)[:, 1]
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
        depth_on_probe_um=depth_on_probe_um,
        depth_windows_um=_depth_windows_um(sorting, motion, depth_on_probe_um, sorting.spikes.unit[shown_rows]),
        shank_depths_um=_shank_depths_um(sorting.probe, motion.shanks),
        moved=moved_units(sorting, motion, rows),
    )


def moved_units(sorting: Sorting, motion: Motion, rows: Sequence[I64]) -> tuple[MovedUnit, ...]:
    """Rank the units by their movement.

    Parameters
    ----------
    sorting : Sorting
        The sorting.
    motion : Motion
        Displacement of the tissue.
    rows : sequence of ndarray of int64
        Rows of the spikes of each unit.

    Returns
    -------
    tuple of MovedUnit
        All units, largest movement first.
    """
    start_s, stop_s = (sample / sorting.sampling_hz for sample in (sorting.segments[0][0], sorting.segments[-1][1]))
    inside = motion.time_s[(motion.time_s >= start_s) & (motion.time_s <= stop_s)]
    time_s = np.concatenate([[start_s], inside, [stop_s]])
    moved = [_moved_unit(sorting, motion, unit, own, time_s) for unit, own in zip(sorting.units, rows, strict=True)]
    return tuple(sorted(moved, key=lambda unit: (-unit.moved_um, unit.unit)))


def _moved_unit(sorting: Sorting, motion: Motion, unit: Unit, rows: I64, time_s: F64) -> MovedUnit:
    depth_um = unit.y_um if np.isfinite(unit.y_um) else unit.depth_um
    displacement_um = _displacement_um(motion, time_s, depth_um, unit.shank)
    at_spikes_um = _displacement_um(motion, sorting.spikes.sample[rows] / sorting.sampling_hz, depth_um, unit.shank)
    low_um, high_um = np.quantile(displacement_um, [1 / 3, 2 / 3])
    amplitude_uv, ratio = sorting.spikes.amplitude_uv[rows], np.nan
    lowest, highest = amplitude_uv[at_spikes_um <= low_um], amplitude_uv[at_spikes_um >= high_um]
    enough = low_um < high_um and min(len(lowest), len(highest)) >= MIN_SPIKES_OF_MEDIAN
    if enough and np.median(lowest) > 0:
        ratio = float(np.median(highest) / np.median(lowest))
    return MovedUnit(unit.unit, unit.label, unit.shank, depth_um, float(np.ptp(displacement_um)), ratio)


def _displacement_um(motion: Motion, time_s: F64, depth_um: float, shank: int) -> F64:
    return motion.at(time_s, np.full(len(time_s), depth_um), np.full(len(time_s), shank, np.int64))


def _depth_windows_um(sorting: Sorting, motion: Motion, depth_um: F32, unit: I32) -> F64:
    """`depth_window_um` of each shank, shape (n_shanks, 2)."""
    shank_of_spike = np.array([row.shank for row in sorting.units], np.int64)[unit]
    windows = []
    contacts_um = _shank_depths_um(sorting.probe, motion.shanks)
    for shank, um, (low_um, high_um) in zip(motion.shanks, motion.estimated_um, contacts_um.tolist(), strict=True):
        shank_um = (low_um - MARGIN_UM, high_um + MARGIN_UM)
        windows.append(depth_window_um(depth_um[shank_of_spike == shank], shank_um, float(np.ptp(um, axis=0).max())))
    return np.array(windows)


def _shank_depths_um(probe: Probe, shanks: I64) -> F64:
    """Depth of the lowest and of the highest contact of each shank, shape (n_shanks, 2)."""
    depths = [probe.positions_um[probe.shanks == shank, 1] for shank in shanks]
    return np.array([(float(um.min()), float(um.max())) for um in depths]).reshape(-1, 2)


def depth_window_um(depth_um: F32, shank_um: tuple[float, float], moved_um: float) -> tuple[float, float]:
    """Choose the depths that a raster shows so that the movement can be seen: the window with most spikes.

    Parameters
    ----------
    depth_um : ndarray of float32, shape (n_spikes,)
        Depths of the spikes in um.
    shank_um : tuple of float
        Lowest and highest depth of the shank in um.
    moved_um : float
        Range of the displacement in um.

    Returns
    -------
    tuple of float
        Lowest and highest depth of the window in um.

    Examples
    --------
    >>> low_um, high_um = depth_window_um(np.full(50, 2500, np.float32), (0.0, 3840.0), 15.0)
    >>> high_um - low_um
    300.0
    """
    low_um, high_um = shank_um
    height_um = max(MIN_WINDOW_UM, WINDOW_PER_MOVEMENT * moved_um)
    if height_um >= high_um - low_um:
        return shank_um
    counts, edges_um = np.histogram(depth_um, np.arange(low_um, high_um + BIN_UM, BIN_UM))
    in_window = np.convolve(counts, np.ones(round(height_um / BIN_UM)), mode="valid")
    start_um = float(edges_um[int(np.argmax(in_window))])
    return start_um, start_um + height_um


def _sentences(motion: Motion) -> list[str]:
    names = [f"Shank {shank}: " if len(motion.shanks) > 1 else "" for shank in motion.shanks]
    decided = [f"{name}{DECISION_TEXTS[decision]}" for name, decision in zip(names, motion.decisions, strict=True)]
    return [f"{text[0].upper()}{text[1:]} {why}".strip() for text, why in zip(decided, motion.why, strict=True)]
