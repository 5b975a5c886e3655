"""How the waveform of a unit changes over the contacts, by SpikeInterface's names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from spikesieve.model import F64, Bool

# SpikeInterface's defaults.
MIN_CONTACTS, MIN_R2 = 3, 0.2
SPREAD_THRESHOLD, SPREAD_SMOOTHING_UM = 0.2, 20.0
MIN_DECAY_PER_UM, MAX_DECAY_PER_UM = 1e-5, 2.0
# Numbers that are fitted: rate, amplitude at the largest contact, amplitude far away.
N_OF_DECAY = 3
# Rates that are tried at a time, between the two around the best one before: it is known to 2e-7.
N_TRIED, N_ZOOMS = 64, 5


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

    Notes
    -----
    For each k the best A and B are known, so that only k is searched.

    References
    ----------
    SpikeInterface `exp_decay`, which searches all three.

    Examples
    --------
    >>> y_um = 20.0 * np.arange(8)
    >>> ptp_uv = 95 * np.exp(-0.03 * y_um) + 5
    >>> round(exp_decay(np.stack([0 * ptp_uv, ptp_uv]), np.stack([0 * y_um, y_um], axis=1)), 3)
    0.03
    """
    ptp_uv = np.ptp(waveforms_uv, axis=0)
    distance_um = np.linalg.norm(positions_um - positions_um[ptp_uv.argmax()], axis=1)
    if len(ptp_uv) <= N_OF_DECAY or ptp_uv.min() <= 0:
        return float("nan")
    lowest, highest = np.log((MIN_DECAY_PER_UM, MAX_DECAY_PER_UM))
    for _ in range(N_ZOOMS):
        logs = np.linspace(lowest, highest, N_TRIED)
        squares = _misfit(np.exp(-np.exp(logs)[:, None] * distance_um), ptp_uv)
        best = int(squares.argmin())
        lowest, highest = logs[max(best - 1, 0)], logs[min(best + 1, N_TRIED - 1)]
    explained = 1 - squares[best] / (((ptp_uv - ptp_uv.mean()) ** 2).sum() + 1e-12)
    return float(np.exp(logs[best])) if explained >= MIN_R2 else float("nan")


def _misfit(decays: F64, ptp_uv: F64) -> F64:
    """Least sum of squares of A decay + B - ptp_uv for each decay, with A and B within SpikeInterface's bounds.

    It is where both slopes are 0 or, if that is out of bounds, on one of the four edges.
    """
    n, top, floor = len(ptp_uv), ptp_uv.max(), ptp_uv.min()
    (a_low, a_high), (b_low, b_high) = (0.5 * top, 1.5 * top), (0.0, 2 * floor)
    total, squares, products = decays.sum(axis=1), (decays**2).sum(axis=1), decays @ ptp_uv
    with np.errstate(divide="ignore", invalid="ignore"):
        free_a = (n * products - total * ptp_uv.sum()) / (n * squares - total**2)
        free_b = (ptp_uv.sum() - free_a * total) / n
    inside = (free_a >= a_low) & (free_a <= a_high) & (free_b >= b_low) & (free_b <= b_high)
    pairs = [(np.where(inside, free_a, a_low), np.where(inside, free_b, b_low))]
    pairs += [
        (np.clip((products - b * total) / squares, a_low, a_high), np.full_like(total, b)) for b in (b_low, b_high)
    ]
    pairs += [(np.full_like(total, a), np.clip((ptp_uv.sum() - a * total) / n, b_low, b_high)) for a in (a_low, a_high)]
    least: F64 = np.min([((a[:, None] * decays + b[:, None] - ptp_uv) ** 2).sum(axis=1) for a, b in pairs], axis=0)
    return least


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
