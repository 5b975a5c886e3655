"""When a unit fires and how large each spike is: a refractory renewal process with bursts and changing rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64
from spikesieve.simulation.parameters import TrainParams

# Chance that a spike of a unit that bursts starts a burst, and that a spike of a burst is not its last.
BURST_CHANCE, BURST_GOES_ON = 0.08, 0.5
BURST_INTERVAL_MS = (3.0, 7.0)
# What makes a spike after another one smaller is forgotten with RECOVERY_MS.
RECOVERY_MS = 6.0
AMPLITUDE_RANGE = (0.3, 1.8)
# Rates are known this often.
RATE_HZ = 20.0


@dataclass(frozen=True, eq=False)
class Train:
    """Spikes of one unit.

    times_s    (n,) float64, ascending
    amplitude  (n,) float32, how many times the unit's footprint each spike is
    """

    times_s: F64
    amplitude: F32


@dataclass(frozen=True, eq=False)
class Activity:
    """What all units have in common.

    log_rate     (n,) float64, logarithm of the shared rate, RATE_HZ values a second; empty: the rate is constant
    intervals_s  intervals to draw from instead of a gamma law; unit i takes array i, over and over
    """

    log_rate: F64
    intervals_s: tuple[F64, ...] = ()


def draw_activity(
    params: TrainParams, seconds: float, intervals_s: tuple[F64, ...], rng: np.random.Generator
) -> Activity:
    """The rate that all units share, and the intervals they draw from."""
    return Activity(_slow(params.shared_rate_spread, params.shared_rate_s, seconds, rng), intervals_s)


def draw_rate_hz(params: TrainParams, rng: np.random.Generator) -> float:
    """A unit's mean rate."""
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
    """A train of `seconds`: intervals are a refractory period plus a gamma variable, or drawn from given ones.

    rate_hz   mean rate of the renewal process; bursts add to it, and given intervals have their own rate
    activity  what all units have in common
    number    which unit it is: it takes the given intervals of that number
    """
    refractory_s = params.refractory_ms / 1e3
    bursts = bool(rng.random() < params.bursting_share)
    if activity.intervals_s:
        given_s = activity.intervals_s[number % len(activity.intervals_s)]
        times_s = _bootstrapped(given_s, seconds, rng)
    else:
        times_s = _renewal(rate_hz, seconds, params, rng)
    times_s = _warped(
        times_s, seconds, activity.log_rate, _slow(params.slow_rate_spread, params.slow_rate_s, seconds, rng)
    )
    if bursts:
        times_s = _with_bursts(times_s, rng)
    # A spike too soon after another, kept or not, is left out.
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


def _bootstrapped(intervals_s: F64, seconds: float, rng: np.random.Generator) -> F64:
    """Given intervals in a new order, with replacement."""
    n = int(1.2 * seconds / intervals_s.mean()) + 20
    times_s = np.cumsum(rng.choice(intervals_s, n))
    while times_s[-1] < seconds:
        times_s = np.concatenate([times_s, times_s[-1] + np.cumsum(rng.choice(intervals_s, n))])
    return np.asarray(times_s)


def _slow(spread: float, seconds_of_change: float, seconds: float, rng: np.random.Generator) -> F64:
    """A slowly changing logarithm of a rate, RATE_HZ values a second; empty without spread."""
    if spread == 0:
        return np.empty(0)
    white = rng.standard_normal(int(np.ceil(seconds * RATE_HZ)) + 1)
    smooth = gaussian_filter1d(white, max(1.0, 0.5 * seconds_of_change * RATE_HZ), mode="wrap")
    return np.asarray(spread * (smooth - smooth.mean()) / max(1e-9, float(smooth.std())))


def _warped(times_s: F64, seconds: float, shared: F64, own: F64) -> F64:
    """Times of a constant rate moved so that the rate is exp(shared + own), with the same number of spikes."""
    logs = [log for log in (shared, own) if log.size]
    if not logs:
        return times_s
    rate = np.exp(np.sum(logs, axis=0))
    passed = np.concatenate([[0.0], np.cumsum(rate)])
    edges_s = np.linspace(0, seconds, len(passed))
    # What lies behind the end stays there.
    return np.interp(times_s, passed * (seconds / passed[-1]), edges_s, right=np.inf)


def _with_bursts(times_s: F64, rng: np.random.Generator) -> F64:
    all_s, last_s, chance = [times_s], times_s, BURST_CHANCE
    while last_s.size:
        last_s = last_s[rng.random(last_s.size) < chance]
        last_s = last_s + rng.uniform(*BURST_INTERVAL_MS, last_s.size) / 1e3
        all_s.append(last_s)
        chance = BURST_GOES_ON
    return np.sort(np.concatenate(all_s))
