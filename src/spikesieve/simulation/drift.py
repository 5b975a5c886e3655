"""Drift of the tissue along the probe: displacement in um at each time and depth of each shank, upwards positive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spikesieve.model import F32, F64, I64
from spikesieve.simulation.parameters import DriftParams

# Samples per second of a displacement; fast events rise within tens of ms.
STEPS_HZ = 50.0
# Steps per second of a random walk.
WALK_HZ = 5.0
# Nonrigid drift is drawn at N_DEPTHS depths and smoothed over depths with an SD of SMOOTHING_DEPTHS.
N_DEPTHS, SMOOTHING_DEPTHS = 9, 1.5
# Shanks that move on their own scale sines, steps and the like by a factor from this range.
SHANK_SCALE = (0.4, 1.0)


@dataclass(frozen=True, eq=False)
class Displacement:
    """Displacement of the tissue along the probe.

    Attributes
    ----------
    time_s : ndarray of float64, shape (n_times,)
        Times in s, ascending.
    depth_um : ndarray of float64, shape (n_depths,)
        Depths at rest in um, ascending.
    um : ndarray of float32, shape (n_shanks, n_times, n_depths)
        Displacement in um, upwards positive; linear in between, constant beyond.
    """

    time_s: F64
    depth_um: F64
    um: F32

    def course_um(self, shank: int, depth_um: float) -> F64:
        """Return the displacement of tissue at one depth.

        Parameters
        ----------
        shank : int
            A shank beyond the last moves as the last.
        depth_um : float
            Depth at rest in um.

        Returns
        -------
        ndarray of float64, shape (n_times,)
            Displacement in um at each time.

        Examples
        --------
        >>> um = np.array([[[0.0, 10.0]]], np.float32)
        >>> Displacement(np.zeros(1), np.array([0.0, 100.0]), um).course_um(0, 50.0)
        array([5.])
        """
        moved = self.um[min(shank, len(self.um) - 1)].astype(np.float64)
        after = int(np.clip(np.searchsorted(self.depth_um, depth_um), 1, max(1, len(self.depth_um) - 1)))
        if len(self.depth_um) == 1:
            return np.asarray(moved[:, 0])
        low, high = self.depth_um[after - 1 : after + 1]
        part = float(np.clip((depth_um - low) / (high - low), 0, 1))
        return np.asarray((1 - part) * moved[:, after - 1] + part * moved[:, after])


def no_drift() -> Displacement:
    """Return a displacement of 0 everywhere.

    Returns
    -------
    Displacement
        One shank, one time, one depth.
    """
    return Displacement(np.zeros(1), np.zeros(1), np.zeros((1, 1, 1), np.float32))


def draw_displacement(
    positions_um: F64, shanks: I64, params: DriftParams, seconds: float, rng: np.random.Generator
) -> Displacement:
    """Draw how the tissue moves.

    Parameters
    ----------
    positions_um : ndarray of float64, shape (n_contacts, 2)
        Contacts in um.
    shanks : ndarray of int64, shape (n_contacts,)
        Shank of each contact.
    params : DriftParams
        The kinds of drift, which are summed.
    seconds : float
        Length of the recording in s.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    Displacement
        50 values per second; one depth where the drift is rigid.
    """
    if not params.moves:
        return no_drift()
    time_s = np.arange(int(np.ceil(seconds * STEPS_HZ)) + 1) / STEPS_HZ
    one_depth = params.nonrigid == 0 and params.drift_decay_um is None
    ends_um = positions_um[:, 1].min(), positions_um[:, 1].max()
    depth_um = np.array([np.mean(ends_um)]) if one_depth else np.linspace(ends_um[0], ends_um[1] + 1e-3, N_DEPTHS)
    n_shanks = int(shanks.max()) + 1 if params.drift_per_shank else 1
    scales = [1.0, *rng.uniform(*SHANK_SCALE, n_shanks - 1)]
    moved = [_one_shank(time_s, depth_um, params, scale, rng) for scale in scales]
    return Displacement(time_s, depth_um, np.stack(moved).astype(np.float32))


def _one_shank(time_s: F64, depth_um: F64, params: DriftParams, scale: float, rng: np.random.Generator) -> F64:
    height = np.linspace(0, 1, len(depth_um)) if len(depth_um) > 1 else np.zeros(1)
    shared = scale * _regular(time_s, params) + _events(time_s, params, rng)
    moved = shared[:, None] * (1 - params.nonrigid * height)
    moved = moved + _blend([_random(time_s, params, rng) for _ in range(1 + len(depth_um))], params.nonrigid)
    if params.drift_decay_um is not None:
        moved *= np.exp(-np.abs(depth_um - params.drift_origin_um) / params.drift_decay_um)
    return np.asarray(moved)


def _regular(time_s: F64, params: DriftParams) -> F64:
    """Return the drift that is not random: sine, relaxation, triangle wave, step."""
    moved = params.drift_sine_um * np.sin(2 * np.pi * time_s / params.drift_sine_period_s)
    moved += params.drift_relaxation_um * 0.5 ** (time_s / params.drift_relaxation_s)
    phase = np.maximum(0, time_s - params.drift_zigzag_start_s) / params.drift_zigzag_period_s + 0.25
    moved += params.drift_zigzag_um * (0.5 - np.abs(2 * (phase % 1) - 1))
    return np.asarray(moved + params.drift_step_um * (time_s >= params.drift_step_at * time_s[-1]))


def _random(time_s: F64, params: DriftParams, rng: np.random.Generator) -> F64:
    """Draw the slow random drift: random walk and smoothed noise."""
    coarse_s = np.arange(0, time_s[-1] + 2 / WALK_HZ, 1 / WALK_HZ)
    walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(len(coarse_s) - 1))])
    walk *= params.drift_walk_um / max(1e-9, float(np.abs(walk).max()))
    smooth = gaussian_filter1d(rng.standard_normal(len(coarse_s)), params.drift_smooth_s * WALK_HZ, mode="reflect")
    smooth = (smooth - smooth[0]) * params.drift_smooth_um / max(1e-9, float(np.ptp(smooth)))
    return np.asarray(np.interp(time_s, coarse_s, walk + smooth))


def _events(time_s: F64, params: DriftParams, rng: np.random.Generator) -> F64:
    """Draw fast events: a linear rise, an exponential decay."""
    moved = np.zeros_like(time_s)
    n = round(params.drift_events_per_min * time_s[-1] / 60) if params.drift_event_um else 0
    starts_s, signs = rng.uniform(0, time_s[-1], n), rng.choice([-1.0, 1.0], n)
    rise_s, decay_s = params.drift_event_rise_ms / 1e3, params.drift_event_decay_ms / 1e3
    for start_s, sign in zip(starts_s, signs, strict=True):
        low, high = np.searchsorted(time_s, [start_s, start_s + rise_s + 8 * decay_s])
        after_s = time_s[low:high] - start_s
        shape = np.minimum(after_s / rise_s, 1) * np.exp(-np.maximum(0, after_s - rise_s) / decay_s)
        moved[low:high] += sign * params.drift_event_um * shape
    return moved


def _blend(courses: list[F64], nonrigid: float) -> F64:
    """Add the shared course and those of the depths, smoothed over depths: (n_times, n_depths)."""
    shared, own = courses[0][:, None], np.stack(courses[1:], axis=1)
    if nonrigid == 0:
        return np.asarray(shared + 0 * own)
    size = np.ptp(own, axis=0).mean()
    own = gaussian_filter1d(own, SMOOTHING_DEPTHS, axis=1, mode="reflect")
    own *= size / max(1e-9, float(np.ptp(own, axis=0).mean()))
    return np.asarray((1 - nonrigid) * shared + nonrigid * own)
