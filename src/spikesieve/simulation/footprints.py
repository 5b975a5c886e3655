"""Footprint of a unit: its waveform at any position and time, as a sum of products of space and time.

In a conducting volume V(r, t) = sum_k I_k(t) / (4 pi sigma |r - r_k|), with sigma = 0.3 S/m in cortex (Goto et al.,
J Neurophysiol 104:3388, 2010). The currents I of a cell are sums of few time courses U, so V = G U (U' I) needs few
products. A measured footprint is split by its singular values.
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
# A current leaves through a membrane of this size, so the potential at its centre is finite.
SOURCE_RADIUS_UM = 8.0
# The largest contact's trough is searched within SEARCH_MS of the soma's, on a grid of FINE_MS.
SEARCH_MS = 1.0
FINE_MS = 0.01
BEFORE_MS, AFTER_MS, TAPER_MS = 1.2, 2.6, 0.3
# Time courses with smaller singular values, relative to the largest, are dropped: of cells, of measured footprints.
MIN_SHARE, MIN_MEASURED_SHARE = 3e-4, 1e-2
# Over this distance a waveform changes between measured points and dies away beyond them.
KRIGING_UM = 25.0
# Variance of the measured values about the fit, relative to their own: close points do not make the system singular.
KRIGING_NUGGET = 1e-4


@dataclass(frozen=True)
class Window:
    """Samples around a spike.

    Attributes
    ----------
    peak_index : int
        Sample of the trough.
    n_samples : int
        Length of the window.
    sampling_hz : float
        Sampling rate in Hz.
    """

    peak_index: int
    n_samples: int
    sampling_hz: float

    def times_ms(self, shift_samples: float) -> F64:
        """Return the times of the samples, measured from the trough.

        Parameters
        ----------
        shift_samples : float
            How much later than `peak_index` the trough lies, in samples.

        Returns
        -------
        ndarray of float64, shape (n_samples,)
            Times in ms.
        """
        return np.asarray((np.arange(self.n_samples) - self.peak_index - shift_samples) * (1e3 / self.sampling_hz))


@dataclass(frozen=True, eq=False)
class Footprint:
    """A unit's waveform V = space @ time in uV, before it is scaled.

    Attributes
    ----------
    kind : str
        Kind of cell, or where the footprint was measured.
    space : callable
        Takes positions (n, 3) float64 in um relative to the unit, z away from the probe; returns (n, rank) float64.
    time : callable
        Takes times (n_times,) float64 in ms; returns (rank, n_times) float64.
    """

    kind: str
    space: Callable[[F64], F64]
    time: Callable[[F64], F64]


def window_around_spike(sampling_hz: float) -> Window:
    """Return the window from 1.2 ms before the trough to 2.6 ms after it.

    Parameters
    ----------
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Window
        At least one sample long.

    Examples
    --------
    >>> window_around_spike(30000.0)
    Window(peak_index=36, n_samples=115, sampling_hz=30000.0)
    """
    before, after = (round(ms * sampling_hz / 1e3) for ms in (BEFORE_MS, AFTER_MS))
    return Window(before, before + after + 1, sampling_hz)


def cell_footprint(cell: Cell) -> Footprint:
    """Return the footprint of a cell: the potential of its currents.

    Parameters
    ----------
    cell : Cell
        The currents.

    Returns
    -------
    Footprint
        Its rank is the number of time courses that the currents share.
    """
    times_ms = np.arange(-BEFORE_MS - SEARCH_MS, AFTER_MS + SEARCH_MS, 2 * FINE_MS)
    courses, shares, _ = np.linalg.svd(cell.currents_na(times_ms), full_matrices=False)
    basis = courses[:, shares > MIN_SHARE * shares[0]]
    return Footprint(cell.kind, partial(_cell_space, cell, basis), partial(_cell_time, cell, basis))


def measured_footprint(kind: str, places_um: F64, waveforms_uv: F64, peak_index: int, sampling_hz: float) -> Footprint:
    """Interpolate a measured footprint: kriging in space, splines in time.

    Parameters
    ----------
    kind : str
        Name of the footprint.
    places_um : ndarray of float64, shape (n_points, 2)
        Where it was measured, relative to the unit; the distance from the probe's plane is ignored.
    waveforms_uv : ndarray of float64, shape (n_points, n_samples)
        Waveform at each point.
    peak_index : int
        Sample at time 0.
    sampling_hz : float
        Sampling rate of the waveforms in Hz.

    Returns
    -------
    Footprint
        0 far from the points and outside the measured time.
    """
    weights, shares, courses = np.linalg.svd(waveforms_uv, full_matrices=False)
    used = shares > MIN_MEASURED_SHARE * shares[0]
    covariance = _matern(cdist(places_um, places_um)) + KRIGING_NUGGET * np.eye(len(places_um))
    solved = np.linalg.solve(covariance, weights[:, used] * shares[used])
    times_ms = (np.arange(waveforms_uv.shape[1]) - peak_index) * (1e3 / sampling_hz)
    tapered = courses[used] * _taper(len(times_ms), sampling_hz)
    spline = CubicSpline(times_ms, tapered, axis=1, extrapolate=False)
    return Footprint(kind, partial(_measured_space, places_um, solved), partial(_measured_time, spline))


def trough_ms(footprint: Footprint, contacts_um: F64) -> float:
    """Find the time of the trough on the contact with the largest peak to peak (of the peak, if the spike is positive).

    Parameters
    ----------
    footprint : Footprint
        Footprint of the unit.
    contacts_um : ndarray of float64, shape (n_contacts, 3)
        Contacts relative to the unit.

    Returns
    -------
    float
        Time in ms, within 1 ms of the footprint's time 0.
    """
    times_ms = np.arange(-SEARCH_MS, SEARCH_MS, FINE_MS)
    potential = footprint.space(contacts_um) @ footprint.time(times_ms)
    largest = potential[np.argmax(np.ptp(potential, axis=1))]
    return float(times_ms[np.argmax(np.abs(largest))])


def time_courses(footprint: Footprint, window: Window, shifts_samples: Sequence[float], trough_at_ms: float) -> F64:
    """Sample a footprint's time courses, once for each shift of the trough.

    Parameters
    ----------
    footprint : Footprint
        Footprint of the unit.
    window : Window
        Samples around the spike.
    shifts_samples : sequence of float
        How much later than the window's `peak_index` the trough lies, in samples.
    trough_at_ms : float
        Time of the trough in the footprint, from `trough_ms`.

    Returns
    -------
    ndarray of float64, shape (n_shifts, rank, n_samples)
        Tapered to 0 at both ends.
    """
    times_ms = np.stack([window.times_ms(shift) for shift in shifts_samples]) + trough_at_ms
    courses = footprint.time(times_ms.ravel()).reshape(-1, *times_ms.shape).transpose(1, 0, 2)
    return np.asarray(courses * _taper(window.n_samples, window.sampling_hz))


def waveforms(footprint: Footprint, contacts_um: F64, window: Window, shifts_samples: Sequence[float] = (0.0,)) -> F32:
    """Compute the waveform at contacts, its trough (peak, if the spike is positive) at the window's `peak_index`.

    Parameters
    ----------
    footprint : Footprint
        Footprint of the unit.
    contacts_um : ndarray of float64, shape (n_contacts, 3)
        Contacts relative to the unit.
    window : Window
        The largest deflection of the contact with the largest peak to peak lies at its `peak_index`.
    shifts_samples : sequence of float, optional
        How much later than `peak_index` the trough lies, in samples; one waveform for each.

    Returns
    -------
    ndarray of float32, shape (n_shifts, n_contacts, n_samples)
        Waveforms in uV.

    Examples
    --------
    >>> from spikesieve.simulation.cells import KINDS, draw_cell
    >>> footprint = cell_footprint(draw_cell(KINDS[0], np.random.default_rng(0)))
    >>> waveform = waveforms(footprint, np.array([[0.0, 0.0, -20.0]]), window_around_spike(30000.0))[0, 0]
    >>> int(waveform.argmin())
    36
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
    """Return the Matern covariance of smoothness 3/2."""
    scaled = np.sqrt(3) * distance_um / KRIGING_UM
    return np.asarray((1 + scaled) * np.exp(-scaled))


def _taper(n_samples: int, sampling_hz: float) -> F64:
    """Return 1, falling to 0 at both ends, so that a spike adds no step to the recording."""
    n = max(1, min(n_samples // 4, round(TAPER_MS * sampling_hz / 1e3)))
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    taper = np.ones(n_samples)
    taper[:n] = ramp
    taper[-n:] = ramp[::-1]
    return taper
