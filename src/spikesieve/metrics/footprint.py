"""How the waveform of a unit changes over the contacts, by SpikeInterface's names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.model import F64, Bool

# SpikeInterface's defaults.
MIN_CONTACTS, MIN_R2 = 3, 0.2
SPREAD_THRESHOLD, SPREAD_SMOOTHING_UM = 0.2, 20.0
MIN_DECAY_PER_UM, FIRST_DECAY_PER_UM, MAX_DECAY_PER_UM = 1e-5, 1e-3, 2.0
# Numbers that are fitted: rate, amplitude at the largest contact, amplitude far away.
N_OF_DECAY = 3


class Velocities(NamedTuple):
    """How fast a spike travels along the probe, in um/ms.

    Attributes
    ----------
    above, below : float
        `velocity_above` and `velocity_below` the contact with the deepest trough; NaN where no line fits the times.
    """

    above: float
    below: float


def velocities(waveforms_uv: F64, positions_um: F64, sampling_hz: float) -> Velocities:
    """Fit the time of the trough to the distance from the contact with the deepest one.

    Parameters
    ----------
    waveforms_uv : ndarray of float64, shape (n_samples, n_contacts)
        Waveforms, upsampled.
    positions_um : ndarray of float64, shape (n_contacts, 2)
        x and y of the contacts.
    sampling_hz : float
        Sampling rate, after that.

    Returns
    -------
    Velocities
        Inverse slopes of robust lines (the median of the slopes between every two contacts).

    References
    ----------
    Jia et al., J Neurophysiol 121:1831 (2019); SpikeInterface `velocity_fits`.

    Examples
    --------
    >>> y_um = 20.0 * np.arange(8)
    >>> waveforms = -np.eye(8)[:, ::-1] * (1 + np.arange(8))
    >>> velocities(waveforms, np.stack([0 * y_um, y_um], axis=1), 10_000.0).below
    200.0
    """
    order = np.argsort(positions_um[:, 1])
    waveforms_uv, positions_um = waveforms_uv[:, order], positions_um[order]
    deepest = int(np.unravel_index(waveforms_uv.argmin(), waveforms_uv.shape)[1])
    time_ms = waveforms_uv.argmin(axis=0) / sampling_hz * 1e3
    distance_um = np.linalg.norm(positions_um - positions_um[deepest], axis=1)
    y_um = positions_um[:, 1]
    sides: tuple[Bool, Bool] = (y_um >= y_um[deepest], y_um <= y_um[deepest])
    return Velocities(*(_velocity(distance_um[side], (time_ms - time_ms[deepest])[side]) for side in sides))


def _velocity(distance_um: F64, time_ms: F64) -> float:
    if len(distance_um) < MIN_CONTACTS:
        return float("nan")
    first, second = np.triu_indices(len(distance_um), 1)
    run = distance_um[second] - distance_um[first]
    apart = np.abs(run) > 1e-12
    if not apart.any():
        return float("nan")
    slope = float(np.median((time_ms[second] - time_ms[first])[apart] / run[apart]))
    rest = time_ms - slope * distance_um
    fit = _r2(time_ms, slope * distance_um + np.median(rest))
    return 1 / slope if slope != 0 and fit > MIN_R2 else float("nan")


def _r2(values: F64, fitted: F64) -> float:
    return float(1 - ((values - fitted) ** 2).sum() / (((values - values.mean()) ** 2).sum() + 1e-12))


def exp_decay(waveforms_uv: F64, positions_um: F64) -> float:
    """Fit A exp(-k r) + B to the peak-to-peak amplitudes at distances r from the contact with the largest one.

    Parameters
    ----------
    waveforms_uv : ndarray of float64, shape (n_samples, n_contacts)
        Waveforms.
    positions_um : ndarray of float64, shape (n_contacts, 2)
        x and y of the contacts.

    Returns
    -------
    float
        k in 1/um; NaN if the curve explains less than a fifth of the variance, or if there are three contacts or less.

    References
    ----------
    SpikeInterface `exp_decay`.

    Examples
    --------
    >>> y_um = 20.0 * np.arange(8)
    >>> ptp_uv = 95 * np.exp(-0.03 * y_um) + 5
    >>> round(exp_decay(np.stack([0 * ptp_uv, ptp_uv]), np.stack([0 * y_um, y_um], axis=1)), 3)
    0.03
    """
    ptp_uv = np.ptp(waveforms_uv, axis=0)
    distance_um = np.linalg.norm(positions_um - positions_um[ptp_uv.argmax()], axis=1)
    top, floor = float(ptp_uv.max()), float(ptp_uv.min())
    if len(ptp_uv) <= N_OF_DECAY or floor <= 0:
        return float("nan")

    def misfit(curve: F64) -> F64:
        return np.asarray(curve[1] * np.exp(-curve[0] * distance_um) + curve[2] - ptp_uv, np.float64)

    def slopes(curve: F64) -> F64:
        decayed = np.exp(-curve[0] * distance_um)
        return np.stack([-curve[1] * distance_um * decayed, decayed, np.ones_like(decayed)], axis=1)

    bounds = ([MIN_DECAY_PER_UM, 0.5 * top, 0.0], [MAX_DECAY_PER_UM, 1.5 * top, 2 * floor])
    found = scipy.optimize.least_squares(misfit, [FIRST_DECAY_PER_UM, top, floor], slopes, bounds)
    return float(found.x[0]) if _r2(ptp_uv, ptp_uv + found.fun) >= MIN_R2 else float("nan")


def spread(waveforms_uv: F64, positions_um: F64) -> float:
    """Measure along the probe how far the waveform reaches.

    Parameters
    ----------
    waveforms_uv : ndarray of float64, shape (n_samples, n_contacts)
        Waveforms.
    positions_um : ndarray of float64, shape (n_contacts, 2)
        x and y of the contacts.

    Returns
    -------
    float
        Distance in um of the highest and the lowest contact with more than a fifth of the largest peak-to-peak
        amplitude, after smoothing over 20 um; NaN if all contacts have one height.

    References
    ----------
    Jia et al., J Neurophysiol 121:1831 (2019); SpikeInterface `spread`.

    Examples
    --------
    >>> y_um = 20.0 * np.arange(8)
    >>> ptp_uv = np.exp(-0.03 * np.abs(y_um - 80))
    >>> spread(np.stack([0 * ptp_uv, ptp_uv]), np.stack([0 * y_um, y_um], axis=1))
    120.0
    """
    order = np.argsort(positions_um[:, 1])
    y_um, ptp_uv = positions_um[order, 1], np.ptp(waveforms_uv[:, order], axis=0)
    heights_um = np.unique(y_um)
    if len(heights_um) < 2 or not ptp_uv.any():
        return float("nan")
    smooth = scipy.ndimage.gaussian_filter1d(ptp_uv, SPREAD_SMOOTHING_UM / float(np.median(np.diff(heights_um))))
    return float(np.ptp(y_um[smooth > SPREAD_THRESHOLD * smooth.max()]))
