"""What a probe sees of one unit: its waveform at any place and any time, as a sum of products of space and time.

In a conducting volume V(r, t) = sum_k I_k(t) / (4 pi sigma |r - r_k|); sigma is that of cortex (0.3 S/m; Goto et al.,
J Neurophysiol 104:3388, 2010). The currents of a cell are sums of few time courses, so that V = G U (U' I) needs few
products; a measured footprint is taken apart by its singular values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.distance import cdist

from spikesieve.model import F32, F64
from spikesieve.simulation.cells import Cell

CONDUCTIVITY_S_PER_M = 0.3
# nA / (S/m um) is 1e-9 / 1e-6 V, so 1e3 uV.
UV_UM_PER_NA = 1e3 / (4 * np.pi * CONDUCTIVITY_S_PER_M)
# A current leaves through a membrane of some size: a contact at its centre still sees a finite potential.
SOURCE_RADIUS_UM = 8.0
# The trough of the largest contact is looked for within SEARCH_MS of the soma's own, on a grid of FINE_MS.
SEARCH_MS = 1.0
FINE_MS = 0.01
BEFORE_MS, AFTER_MS, TAPER_MS = 1.2, 2.6, 0.3
# Time courses whose share of a cell's currents, or of a measured footprint, is smaller than this are left out.
LEAST_SHARE, LEAST_MEASURED_SHARE = 3e-4, 1e-2
# Between measured points a waveform changes over this distance, and beyond them it dies away over it.
KRIGING_UM = 25.0
# Kriging passes this near the measured values, relative to their variance: keeps close points from being singular.
KRIGING_NUGGET = 1e-4


@dataclass(frozen=True)
class Window:
    """The stretch of time around a spike: the trough is sample `peak_index` of `n_samples`."""

    peak_index: int
    n_samples: int
    sampling_hz: float

    def times_ms(self, shift_samples: float) -> F64:
        """(n_samples,) float64 times from the trough in ms when the trough lies `shift_samples` after its index."""
        return np.asarray((np.arange(self.n_samples) - self.peak_index - shift_samples) * (1e3 / self.sampling_hz))


@dataclass(frozen=True, eq=False)
class Footprint:
    """A unit's waveform V = space @ time in uV, before it is scaled.

    kind   what it is: a kind of cell, or where it was measured
    space  places (n, 3) float64 in um relative to the unit, z away from the probe -> (n, rank) float64
    time   times (n_times,) float64 in ms -> (rank, n_times) float64
    """

    kind: str
    space: Callable[[F64], F64]
    time: Callable[[F64], F64]


def window_around_spike(sampling_hz: float) -> Window:
    """The window from 1.2 ms before the trough to 2.6 ms after it."""
    before, after = (round(ms * sampling_hz / 1e3) for ms in (BEFORE_MS, AFTER_MS))
    return Window(before, before + after + 1, sampling_hz)


def cell_footprint(cell: Cell) -> Footprint:
    """The potential of a cell's currents, by the time courses that they share."""
    times_ms = np.arange(-BEFORE_MS - SEARCH_MS, AFTER_MS + SEARCH_MS, 2 * FINE_MS)
    courses, shares, _ = np.linalg.svd(cell.currents_na(times_ms), full_matrices=False)
    basis = courses[:, shares > LEAST_SHARE * shares[0]]
    return Footprint(cell.kind, partial(_cell_space, cell, basis), partial(_cell_time, cell, basis))


def measured_footprint(kind: str, places_um: F64, waveforms_uv: F64, peak_index: int, sampling_hz: float) -> Footprint:
    """A footprint known at some points, by kriging in space and splines in time; depth away from the probe is ignored.

    kind          what to call it
    places_um     (n_points, 2) float64 relative to the unit
    waveforms_uv  (n_points, n_samples) float64
    peak_index    sample at time 0
    sampling_hz   of the waveforms
    """
    weights, shares, courses = np.linalg.svd(waveforms_uv, full_matrices=False)
    used = shares > LEAST_MEASURED_SHARE * shares[0]
    covariance = _matern(cdist(places_um, places_um)) + KRIGING_NUGGET * np.eye(len(places_um))
    solved = np.linalg.solve(covariance, weights[:, used] * shares[used])
    times_ms = (np.arange(waveforms_uv.shape[1]) - peak_index) * (1e3 / sampling_hz)
    tapered = courses[used] * _taper(len(times_ms), sampling_hz)
    spline = CubicSpline(times_ms, tapered, axis=1, extrapolate=False)
    return Footprint(kind, partial(_measured_space, places_um, solved), partial(_measured_time, spline))


def trough_ms(footprint: Footprint, contacts_um: F64) -> float:
    """Time of the largest deflection of the contact, of (n_contacts, 3), with the largest peak to peak."""
    times_ms = np.arange(-SEARCH_MS, SEARCH_MS, FINE_MS)
    potential = footprint.space(contacts_um) @ footprint.time(times_ms)
    largest = potential[np.argmax(np.ptp(potential, axis=1))]
    return float(times_ms[np.argmax(np.abs(largest))])


def time_courses(footprint: Footprint, window: Window, shifts_samples: Sequence[float], trough_at_ms: float) -> F64:
    """(n_shifts, rank, n_samples) float64: `footprint.time` the trough `shifts_samples` after the index."""
    times_ms = np.stack([window.times_ms(shift) for shift in shifts_samples]) + trough_at_ms
    courses = footprint.time(times_ms.ravel()).reshape(-1, *times_ms.shape).transpose(1, 0, 2)
    return np.asarray(courses * _taper(window.n_samples, window.sampling_hz))


def waveforms(footprint: Footprint, contacts_um: F64, window: Window, shifts_samples: Sequence[float] = (0.0,)) -> F32:
    """The waveform at contacts, with its trough (its peak, if the spike is positive) at the window's index.

    footprint       the unit's
    contacts_um     (n_contacts, 3) float64, relative to the unit's place
    window          where the largest deflection of the contact with the largest peak-to-peak lies
    shifts_samples  how much later than the window's index it lies; one waveform for each
    Returns (n_shifts, n_contacts, n_samples) float32 in uV.
    """
    courses = time_courses(footprint, window, shifts_samples, trough_ms(footprint, contacts_um))
    return np.ascontiguousarray(footprint.space(contacts_um) @ courses, dtype=np.float32)


def _cell_space(cell: Cell, basis: F64, contacts_um: F64) -> F64:
    return np.asarray(UV_UM_PER_NA / np.hypot(cdist(contacts_um, cell.points_um), SOURCE_RADIUS_UM) @ basis)


def _cell_time(cell: Cell, basis: F64, times_ms: F64) -> F64:
    return np.asarray(basis.T @ cell.currents_na(times_ms))


def _measured_space(places_um: F64, solved: F64, contacts_um: F64) -> F64:
    return np.asarray(_matern(cdist(contacts_um[:, :2], places_um)) @ solved)


def _measured_time(spline: CubicSpline, times_ms: F64) -> F64:
    return np.asarray(np.nan_to_num(spline(times_ms)))


def _matern(distance_um: F64) -> F64:
    """Matern's covariance of smoothness 3/2."""
    scaled = np.sqrt(3) * distance_um / KRIGING_UM
    return np.asarray((1 + scaled) * np.exp(-scaled))


def _taper(n_samples: int, sampling_hz: float) -> F64:
    """1, falling to 0 at both ends, so that a spike adds no step to the recording."""
    n = max(1, min(n_samples // 4, round(TAPER_MS * sampling_hz / 1e3)))
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    taper = np.ones(n_samples)
    taper[:n] = ramp
    taper[-n:] = ramp[::-1]
    return taper
