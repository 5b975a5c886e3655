"""Simulated spike trains: a renewal process with refractory period, bursts and changing rates; spike amplitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64
from spikesieve.simulation.parameters import TrainParams

# Probability that a spike of a bursting unit starts a burst, and that a burst goes on after each of its spikes.
BURST_STARTS, BURST_GOES_ON = 0.08, 0.5
BURST_INTERVAL_MS = (3.0, 7.0)
# A spike soon after another is smaller; the amplitude recovers with this time constant.
RECOVERY_MS = 6.0
AMPLITUDE_RANGE = (0.3, 1.8)
# Samples per second of a changing rate.
RATE_HZ = 20.0


@dataclass(frozen=True, eq=False)
class Train:
    """Spikes of one unit.

    Attributes
    ----------
    times_s : ndarray of float64, shape (n,)
        Spike times in s, ascending.
    amplitude : ndarray of float32, shape (n,)
        Size of each spike relative to the unit's footprint.
    """

    times_s: F64
    amplitude: F32


@dataclass(frozen=True, eq=False)
class Activity:
    """Activity that all units share.

    Attributes
    ----------
    log_rate : ndarray of float64, shape (n,)
        Logarithm of the shared rate, 20 values per second; empty: the rate is constant.
    intervals_s : tuple of ndarray of float64
        Interspike intervals in s to draw from instead of a gamma distribution; unit i uses array i, and starts again
        after the last array.
    """

    log_rate: F64
    intervals_s: tuple[F64, ...] = ()


def draw_activity(
    params: TrainParams, seconds: float, intervals_s: tuple[F64, ...], rng: np.random.Generator
) -> Activity:
    """Draw the firing rate that all units share.

    Parameters
    ----------
    params : TrainParams
        How much the shared rate changes, and how fast.
    seconds : float
        Length of the recording in s.
    intervals_s : tuple of ndarray of float64
        Measured interspike intervals in s, passed on; empty: none.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Activity
        For `draw_train`.
    """
    return Activity(_slow_log_rate(params.shared_rate_spread, params.shared_rate_s, seconds, rng), intervals_s)


def draw_rate_hz(params: TrainParams, rng: np.random.Generator) -> float:
    """Draw a unit's mean firing rate.

    Parameters
    ----------
    params : TrainParams
        Distribution of the rates.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    float
        Rate in Hz, between `params.min_rate_hz` and `params.max_rate_hz`.
    """
    if params.rate_law == "uniform":
        return float(rng.uniform(params.min_rate_hz, params.max_rate_hz))
    if params.rate_law == "exponential":
        drawn = rng.exponential(params.rate_hz)
    else:
        drawn = rng.lognormal(np.log(params.rate_hz), params.rate_log_sd)
    return float(np.clip(drawn, params.min_rate_hz, params.max_rate_hz))


def draw_train(
    rate_hz: float, seconds: float, params: TrainParams, rng: np.random.Generator, activity: Activity, number: int = 0
) -> Train:
    """Draw a spike train.

    Parameters
    ----------
    rate_hz : float
        Mean rate of the renewal process in Hz; bursts add to it, and measured intervals have a rate of their own.
    seconds : float
        Length of the recording in s.
    params : TrainParams
        Refractory period, regularity, bursts, amplitudes.
    rng : numpy.random.Generator
        Source of random numbers.
    activity : Activity
        What all units share.
    number : int, optional
        Index of the unit, which selects its measured intervals.

    Returns
    -------
    Train
        Intervals are the refractory period plus a gamma variable, or drawn from the measured intervals.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train = draw_train(20.0, 10.0, TrainParams(refractory_ms=2.0), rng, Activity(np.empty(0)))
    >>> bool(np.diff(train.times_s).min() >= 0.002)
    True
    """
    refractory_s = params.refractory_ms / 1e3
    bursts = bool(rng.random() < params.bursting_share)
    if activity.intervals_s:
        intervals_s = activity.intervals_s[number % len(activity.intervals_s)]
        times_s = _resampled(intervals_s, seconds, rng)
    else:
        times_s = _renewal(rate_hz, seconds, params, rng)
    times_s = _with_changing_rate(
        times_s, seconds, activity.log_rate, _slow_log_rate(params.slow_rate_spread, params.slow_rate_s, seconds, rng)
    )
    if bursts:
        times_s = _with_bursts(times_s, rng)
    # Drop spikes within the refractory period of the spike before, dropped or not.
    times_s = times_s[times_s < seconds]
    times_s = times_s[np.diff(times_s, prepend=-np.inf) >= refractory_s]
    amplitude = 1 + params.spike_spread * rng.standard_normal(len(times_s))
    interval_ms = np.diff(times_s, prepend=-np.inf) * 1e3
    amplitude *= 1 - params.burst_drop * np.exp(-interval_ms / RECOVERY_MS)
    return Train(times_s, np.clip(amplitude, *AMPLITUDE_RANGE).astype(np.float32))


def _renewal(rate_hz: float, seconds: float, params: TrainParams, rng: np.random.Generator) -> F64:
    refractory_s, shape = params.refractory_ms / 1e3, params.interval_shape
    mean_s = max(1e-4, 1 / rate_hz - refractory_s)
    pieces, last_s = [np.empty(0)], 0.0
    while last_s < seconds:
        n = int(1.1 * rate_hz * (seconds - last_s)) + 10
        pieces.append(last_s + np.cumsum(refractory_s + rng.gamma(shape, mean_s / shape, n)))
        last_s = float(pieces[-1][-1])
    return np.concatenate(pieces)


def _resampled(intervals_s: F64, seconds: float, rng: np.random.Generator) -> F64:
    """Draw times whose intervals are drawn with replacement."""
    n = int(1.2 * seconds / intervals_s.mean()) + 20
    times_s = np.cumsum(rng.choice(intervals_s, n))
    while times_s[-1] < seconds:
        times_s = np.concatenate([times_s, times_s[-1] + np.cumsum(rng.choice(intervals_s, n))])
    return np.asarray(times_s)


def _slow_log_rate(sd: float, change_s: float, seconds: float, rng: np.random.Generator) -> F64:
    """Draw the slowly changing logarithm of a rate, RATE_HZ values per second; empty where its SD is 0."""
    if sd == 0:
        return np.empty(0)
    white = rng.standard_normal(int(np.ceil(seconds * RATE_HZ)) + 1)
    smooth = gaussian_filter1d(white, max(1.0, 0.5 * change_s * RATE_HZ), mode="wrap")
    return np.asarray(sd * (smooth - smooth.mean()) / max(1e-9, float(smooth.std())))


def _with_changing_rate(times_s: F64, seconds: float, shared: F64, own: F64) -> F64:
    """Move the spikes of a constant rate so that the rate follows exp(shared + own); their number stays."""
    logs = [log for log in (shared, own) if log.size]
    if not logs:
        return times_s
    rate = np.exp(np.sum(logs, axis=0))
    cumulative = np.concatenate([[0.0], np.cumsum(rate)])
    edges_s = np.linspace(0, seconds, len(cumulative))
    # Spikes after the end of the recording stay there.
    return np.interp(times_s, cumulative * (seconds / cumulative[-1]), edges_s, right=np.inf)


def _with_bursts(times_s: F64, rng: np.random.Generator) -> F64:
    all_s, last_s, probability = [times_s], times_s, BURST_STARTS
    while last_s.size:
        last_s = last_s[rng.random(last_s.size) < probability]
        last_s = last_s + rng.uniform(*BURST_INTERVAL_MS, last_s.size) / 1e3
        all_s.append(last_s)
        probability = BURST_GOES_ON
    return np.sort(np.concatenate(all_s))
