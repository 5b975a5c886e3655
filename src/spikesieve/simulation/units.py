"""Simulated units: a footprint beside the probe, the waveforms that contacts see as it moves, and its spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesieve.model import F32, F64, I64
from spikesieve.simulation.cells import draw_cell, draw_kind
from spikesieve.simulation.footprints import (
    Footprint,
    Window,
    cell_footprint,
    time_courses,
    trough_ms,
    window_around_spike,
)
from spikesieve.simulation.parameters import SimulationParams
from spikesieve.simulation.scene import Scene
from spikesieve.simulation.trains import Train, draw_rate_hz, draw_train

# How much later than its sample a trough can lie, in samples: a waveform is kept for each.
SHIFTS_SAMPLES = (-0.375, -0.125, 0.125, 0.375)
# A moving unit's footprint is computed at displacements this far apart, and is linear in between.
DISPLACEMENT_STEP_UM = 1.0
# Background units lie up to this far beside a contact, and this far from the probe's plane.
BACKGROUND_ASIDE_UM, BACKGROUND_AWAY_UM = 60.0, (60.0, 110.0)
BACKGROUND_RATE_HZ = (0.5, 6.0)
# A unit is not seen by contacts farther away than REACH_UM, nor by those where its peak to peak is below MIN_PTP_UV.
REACH_UM, MIN_PTP_UV = 450.0, 0.5
# Positions tried for a unit that should keep its distance from others.
MAX_TRIES = 100
# The contact nearest to a measured footprint sees at least this share of its largest peak to peak; positions tried.
MIN_SEEN, N_STEPS = 0.6, 10


@dataclass(frozen=True, eq=False)
class _UnitOnProbe:
    """A unit without its spikes; `SimulatedUnit` describes the fields."""

    kind: str
    position_um: F64
    shank: int
    contacts: I64
    space_uv: F32
    first_um: float
    time: F32


@dataclass(frozen=True, eq=False)
class SimulatedUnit(_UnitOnProbe):
    """One unit, with its spikes.

    Attributes
    ----------
    kind : str
        Kind of cell, or name of the footprint.
    position_um : ndarray of float64, shape (3,)
        x, y and distance from the probe's plane, at rest.
    shank : int
        Shank beside which it lies.
    contacts : ndarray of int64, shape (n_near,)
        Contacts that see it.
    space_uv : ndarray of float32, shape (n_places, n_near, rank)
        Spatial weights at displacements 1 um apart. At displacement d the waveform is
        `space_uv` at row (d - first_um) / 1 um, linear between rows, times a time course.
    first_um : float
        Displacement of the first row.
    time : ndarray of float32, shape (1 + n_shifts, rank, n_window)
        Time courses: trough exactly at the window's peak index, then shifted by each of `SHIFTS_SAMPLES`.
    sample : ndarray of int64, shape (n_spikes,)
        Spike times in samples, ascending.
    shift : ndarray of int64, shape (n_spikes,)
        Index into `SHIFTS_SAMPLES`.
    amplitude : ndarray of float32, shape (n_spikes,)
        Size of each spike relative to the template.
    moved_um : ndarray of float32, shape (n_spikes,)
        Displacement of the unit at the time of each spike.
    """

    sample: I64
    shift: I64
    amplitude: F32
    moved_um: F32

    @property
    def place(self) -> F32:
        """Row of `space_uv` of each spike, with its fraction: float32, shape (n_spikes,)."""
        return np.asarray(
            (self.moved_um - np.float32(self.first_um)) / np.float32(DISPLACEMENT_STEP_UM), dtype=np.float32
        )

    def waveform_uv(self, moved_um: float = 0.0) -> F32:
        """Return the waveform at a displacement.

        Parameters
        ----------
        moved_um : float, optional
            Displacement of the unit in um.

        Returns
        -------
        ndarray of float32, shape (n_near, n_window)
            In uV, with the trough at the window's peak index.
        """
        place = float(np.clip((moved_um - self.first_um) / DISPLACEMENT_STEP_UM, 0, len(self.space_uv) - 1))
        below = int(place)
        above = min(below + 1, len(self.space_uv) - 1)
        space = self.space_uv[below] + np.float32(place - below) * (self.space_uv[above] - self.space_uv[below])
        return np.asarray(space @ self.time[0], dtype=np.float32)


def draw_positions(scene: Scene, rngs: list[np.random.Generator]) -> list[tuple[F64, int]]:
    """Draw where the units of the ground truth lie.

    Parameters
    ----------
    scene : Scene
        What the units share.
    rngs : list of numpy.random.Generator
        One for each unit.

    Returns
    -------
    list of (ndarray of float64, shape (3,), int)
        Position in um and shank of each unit. Each keeps its distance from those before it, if `MAX_TRIES` suffice.
    """
    positions: list[tuple[F64, int]] = []
    for i, rng in enumerate(rngs):
        if scene.inputs.hybrid_units:
            positions.append(_hybrid_position(scene, i, rng))
            continue
        params, others_um = scene.params, np.array([position_um for position_um, _ in positions]).reshape(-1, 3)
        away_um = params.min_away_um, params.max_away_um
        best, best_distance_um = _draw_position(scene, params.aside_um, away_um, rng), -1.0
        for _ in range(MAX_TRIES if params.min_distance_um > 0 and len(others_um) else 0):
            distance_um = float(np.linalg.norm(others_um - best[0], axis=1).min())
            best_distance_um = max(best_distance_um, distance_um)
            if distance_um >= params.min_distance_um:
                break
            other = _draw_position(scene, params.aside_um, away_um, rng)
            if np.linalg.norm(others_um - other[0], axis=1).min() > best_distance_um:
                best = other
        positions.append(best)
    return positions


def draw_unit(scene: Scene, position: tuple[F64, int], number: int, rng: np.random.Generator) -> SimulatedUnit:
    """Draw a unit of the ground truth.

    Parameters
    ----------
    scene : Scene
        What the units share.
    position : (ndarray of float64, shape (3,), int)
        Position in um and shank, from `draw_positions`.
    number : int
        Index of the unit, which selects its measured inputs.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    SimulatedUnit
        The unit with its spikes.
    """
    params, inputs = scene.params, scene.inputs
    if inputs.hybrid_units:
        footprint = inputs.hybrid_units[number % len(inputs.hybrid_units)].footprint
    elif inputs.footprints:
        footprint = inputs.footprints[number % len(inputs.footprints)]
        position = _moved_into_sight(scene, position, footprint)
    else:
        footprint = _draw_cell(rng)
    seen = _seen(scene, position, footprint, _draw_amplitude_uv(params, rng))
    train = draw_train(draw_rate_hz(params, rng), params.seconds, params, rng, scene.activity, number)
    return _with_spikes(scene, seen, train)


def draw_background_unit(scene: Scene, rng: np.random.Generator) -> SimulatedUnit:
    """Draw a small far unit.

    Parameters
    ----------
    scene : Scene
        What the units share.
    rng : numpy.random.Generator
        Source of random numbers.

    Returns
    -------
    SimulatedUnit
        Not in the ground truth.
    """
    params = scene.params
    position = _draw_position(scene, BACKGROUND_ASIDE_UM, BACKGROUND_AWAY_UM, rng)
    ptp_uv = float(rng.uniform(params.min_background_uv, params.max_background_uv))
    seen = _seen(scene, position, _draw_cell(rng), ptp_uv)
    number = int(rng.integers(1 << 30))
    train = draw_train(float(rng.uniform(*BACKGROUND_RATE_HZ)), params.seconds, params, rng, scene.activity, number)
    return _with_spikes(scene, seen, train)


def _draw_cell(rng: np.random.Generator) -> Footprint:
    return cell_footprint(draw_cell(draw_kind(rng), rng))


def _draw_position(
    scene: Scene, aside_um: float, away_um: tuple[float, float], rng: np.random.Generator
) -> tuple[F64, int]:
    contact = int(rng.integers(scene.probe.n_contacts))
    beside_um = scene.probe.positions_um[contact] + rng.uniform(-aside_um, aside_um, 2)
    return np.append(beside_um, rng.uniform(*away_um)), int(scene.probe.shanks[contact])


def _hybrid_position(scene: Scene, number: int, rng: np.random.Generator) -> tuple[F64, int]:
    """Move a hybrid unit by the distance of two contacts of a column, so that contacts lie around it as before.

    Nothing has to be interpolated then. It stays only where its column has no other contact.
    """
    unit = scene.inputs.hybrid_units[number % len(scene.inputs.hybrid_units)]
    contacts_um = scene.probe.positions_um[scene.contacts_on_shank(unit.shank)]
    start_um = contacts_um[np.linalg.norm(contacts_um - unit.position_um, axis=1).argmin()]
    column_um = contacts_um[np.abs(contacts_um[:, 0] - start_um[0]) < 1e-3]
    others_um = column_um[np.abs(column_um[:, 1] - start_um[1]) > 1e-3]
    goal_um = others_um[rng.integers(len(others_um))] if len(others_um) else start_um
    return np.append(unit.position_um + goal_um - start_um, 0.0), unit.shank


def _moved_into_sight(scene: Scene, position: tuple[F64, int], footprint: Footprint) -> tuple[F64, int]:
    """Move a measured footprint towards the nearest contact until that sees MIN_SEEN of its largest peak to peak.

    A small footprint easily lies between contacts; scaled up there, its noisy borders would be the unit.
    """
    position_um, shank = position
    contacts_um = scene.probe.positions_um[scene.contacts_on_shank(shank)]
    nearest_um = contacts_um[np.linalg.norm(contacts_um - position_um[:2], axis=1).argmin()]
    times_ms = window_around_spike(scene.params.sampling_hz).times_ms(0.0)
    away_um = np.zeros((N_STEPS + 1, 3))
    away_um[:N_STEPS, :2] = (nearest_um - position_um[:2]) * np.linspace(1, 0, N_STEPS, endpoint=False)[:, None]
    ptp_uv = np.ptp(footprint.space(away_um) @ footprint.time(times_ms), axis=1)
    step = int(np.argmax(ptp_uv >= MIN_SEEN * ptp_uv[-1]))
    return np.append(nearest_um - away_um[step, :2], position_um[2]), shank


def _draw_amplitude_uv(params: SimulationParams, rng: np.random.Generator) -> float | None:
    """Draw the peak to peak on the largest contact; None: as in the footprint."""
    if params.amplitude_law == "own":
        return None
    if params.amplitude_law == "uniform":
        return float(rng.uniform(params.min_amplitude_uv, params.max_amplitude_uv))
    if params.amplitude_law == "exponential":
        drawn = params.min_amplitude_uv + rng.exponential(params.amplitude_uv)
    else:
        drawn = rng.lognormal(np.log(params.amplitude_uv), params.amplitude_log_sd)
    return float(np.clip(drawn, params.min_amplitude_uv, params.max_amplitude_uv))


def _seen(scene: Scene, position: tuple[F64, int], footprint: Footprint, ptp_uv: float | None) -> _UnitOnProbe:
    position_um, shank = position
    window = window_around_spike(scene.params.sampling_hz)
    course_um = scene.displacement.course_um(shank, float(position_um[1]))
    displacements_um = np.arange(np.floor(course_um.min()), np.ceil(course_um.max()) + 0.5, DISPLACEMENT_STEP_UM)
    near = scene.contacts_on_shank(shank)
    contacts_um = np.column_stack([scene.probe.positions_um[near], np.zeros(len(near))]) - position_um
    within = np.abs(contacts_um[:, 1, None] - displacements_um).min(axis=1) < REACH_UM
    within &= np.abs(contacts_um[:, 0]) < REACH_UM
    within[np.linalg.norm(contacts_um, axis=1).argmin()] = True
    near, contacts_um = near[within], contacts_um[within]
    time = time_courses(footprint, window, (0.0, *SHIFTS_SAMPLES), trough_ms(footprint, contacts_um))
    space = np.stack([footprint.space(contacts_um - (0.0, moved, 0.0)) for moved in displacements_um])
    if ptp_uv is not None:
        space *= ptp_uv / max(1e-12, float(np.ptp(footprint.space(contacts_um) @ time[0], axis=1).max()))
    visible = _visible(space @ time[0])
    space = space[:, visible] * scene.channel_gain[near[visible], None]
    first_um = float(displacements_um[0])
    return _UnitOnProbe(footprint.kind, position_um, shank, near[visible], _f32(space), first_um, _f32(time))


def _visible(waveforms_uv: F64) -> I64:
    """Return the contacts of (n_places, n_contacts, n_window) that see at least MIN_PTP_UV somewhere; at least one."""
    size_uv = np.ptp(waveforms_uv, axis=2).max(axis=0)
    return np.flatnonzero(size_uv >= min(MIN_PTP_UV, float(size_uv.max()))).astype(np.int64)


def _f32(values: F64) -> F32:
    return np.ascontiguousarray(values, dtype=np.float32)


def _with_spikes(scene: Scene, seen: _UnitOnProbe, train: Train) -> SimulatedUnit:
    window = window_around_spike(scene.params.sampling_hz)
    sample, shift, inside = _on_samples(train, window, scene.params)
    course_um = scene.displacement.course_um(seen.shank, float(seen.position_um[1]))
    moved_um = np.interp(train.times_s[inside], scene.displacement.time_s, course_um).astype(np.float32)
    return SimulatedUnit(**vars(seen), sample=sample, shift=shift, amplitude=train.amplitude[inside], moved_um=moved_um)


def _on_samples(train: Train, window: Window, params: SimulationParams) -> tuple[I64, I64, I64]:
    """Return sample, shift and index in the train of the spikes whose whole window lies in the recording."""
    exact = train.times_s * params.sampling_hz
    sample = np.round(exact).astype(np.int64)
    shift = np.clip(np.floor((exact - sample + 0.5) * len(SHIFTS_SAMPLES)), 0, len(SHIFTS_SAMPLES) - 1).astype(np.int64)
    first = sample - window.peak_index
    inside = np.flatnonzero((first >= 0) & (first + window.n_samples <= params.n_samples))
    return sample[inside], shift[inside], inside
