"""A simulated unit: a footprint beside the probe, what the contacts see of it wherever it has moved, and its spikes."""

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

# How much later than its sample a trough can lie, in samples: the waveform is kept once for each.
SHIFTS_SAMPLES = (-0.375, -0.125, 0.125, 0.375)
# A moving unit's footprint is computed at places this far apart, and is linear in between.
PLACES_UM = 1.0
# Where a background unit lies: beside a contact and away from the plane of the probe.
BACKGROUND_ASIDE_UM, BACKGROUND_AWAY_UM = 60.0, (60.0, 110.0)
BACKGROUND_RATE_HZ = (0.5, 6.0)
# Contacts farther away than REACH_UM do not see a unit, nor do those where its peak to peak is below LEAST_UV.
REACH_UM, LEAST_UV = 450.0, 0.5
TRIES = 100
# A measured footprint's nearest contact sees this share of its largest point at least; TOWARDS places are tried.
IN_SIGHT, TOWARDS = 0.6, 10


@dataclass(frozen=True, eq=False)
class SimulatedUnit:
    """One unit. Its waveform where it has moved by d um is space_uv at (d - first_um) / PLACES_UM times a time course.

    kind         kind of cell, or what its footprint is called
    position_um  (3,) float64: x, y and the distance from the plane of the probe, at rest
    shank        shank beside which it lies
    contacts     (n_near,) int64, the contacts that see it
    space_uv     (n_places, n_near, rank) float32
    first_um     displacement of the first place
    time         (1 + n_shifts, rank, n_window) float32: trough exactly at the window's index, then by SHIFTS_SAMPLES
    sample       (n_spikes,) int64, ascending
    shift        (n_spikes,) int64, index into SHIFTS_SAMPLES
    amplitude    (n_spikes,) float32, how many times the template each spike is
    moved_um     (n_spikes,) float32, how far the unit has moved when it fires
    """

    kind: str
    position_um: F64
    shank: int
    contacts: I64
    space_uv: F32
    first_um: float
    time: F32
    sample: I64
    shift: I64
    amplitude: F32
    moved_um: F32

    @property
    def place(self) -> F32:
        """(n_spikes,) float32: where in `space_uv` each spike is."""
        return np.asarray((self.moved_um - np.float32(self.first_um)) / np.float32(PLACES_UM), dtype=np.float32)

    def waveform_uv(self, moved_um: float = 0.0) -> F32:
        """(n_near, n_window) float32 with the trough at the window's index, where the unit has moved that far."""
        place = float(np.clip((moved_um - self.first_um) / PLACES_UM, 0, len(self.space_uv) - 1))
        here = int(place)
        there = min(here + 1, len(self.space_uv) - 1)
        space = self.space_uv[here] + np.float32(place - here) * (self.space_uv[there] - self.space_uv[here])
        return np.asarray(space @ self.time[0], dtype=np.float32)


def draw_places(scene: Scene, rngs: list[np.random.Generator]) -> list[tuple[F64, int]]:
    """Position (3,) and shank of each unit of the truth, one a generator; each keeps clear of those before it."""
    places: list[tuple[F64, int]] = []
    for i, rng in enumerate(rngs):
        if scene.given.known:
            places.append(_elsewhere(scene, i, rng))
            continue
        params, taken = scene.params, np.array([place for place, _ in places]).reshape(-1, 3)
        best, room_um = _draw_place(scene, params.aside_um, (params.min_away_um, params.max_away_um), rng), -1.0
        for _ in range(TRIES if params.min_distance_um > 0 and len(taken) else 0):
            found_um = float(np.linalg.norm(taken - best[0], axis=1).min())
            room_um = max(room_um, found_um)
            if found_um >= params.min_distance_um:
                break
            again = _draw_place(scene, params.aside_um, (params.min_away_um, params.max_away_um), rng)
            if np.linalg.norm(taken - again[0], axis=1).min() > room_um:
                best = again
        places.append(best)
    return places


def draw_unit(scene: Scene, place: tuple[F64, int], number: int, rng: np.random.Generator) -> SimulatedUnit:
    """A unit of the truth.

    place   its position and shank (`draw_places`)
    number  its row in the truth, by which it takes what is given
    """
    params, given = scene.params, scene.given
    if given.known:
        footprint = given.known[number % len(given.known)].footprint
    elif given.footprints:
        footprint = given.footprints[number % len(given.footprints)]
        place = _into_sight(scene, place, footprint)
    else:
        footprint = _draw_cell(rng)
    seen = _seen(scene, place, footprint, _draw_amplitude_uv(params, rng))
    train = draw_train(draw_rate_hz(params, rng), params.seconds, params, rng, scene.activity, number)
    return _with_spikes(scene, seen, train)


def draw_background_unit(scene: Scene, rng: np.random.Generator) -> SimulatedUnit:
    """A small far unit."""
    params = scene.params
    place = _draw_place(scene, BACKGROUND_ASIDE_UM, BACKGROUND_AWAY_UM, rng)
    ptp_uv = float(rng.uniform(params.min_background_uv, params.max_background_uv))
    seen = _seen(scene, place, _draw_cell(rng), ptp_uv)
    number = int(rng.integers(1 << 30))
    train = draw_train(float(rng.uniform(*BACKGROUND_RATE_HZ)), params.seconds, params, rng, scene.activity, number)
    return _with_spikes(scene, seen, train)


def _draw_cell(rng: np.random.Generator) -> Footprint:
    return cell_footprint(draw_cell(draw_kind(rng), rng))


def _draw_place(
    scene: Scene, aside_um: float, away_um: tuple[float, float], rng: np.random.Generator
) -> tuple[F64, int]:
    contact = int(rng.integers(scene.probe.n_contacts))
    beside_um = scene.probe.positions_um[contact] + rng.uniform(-aside_um, aside_um, 2)
    return np.append(beside_um, rng.uniform(*away_um)), int(scene.probe.shanks[contact])


def _elsewhere(scene: Scene, number: int, rng: np.random.Generator) -> tuple[F64, int]:
    """Where a known unit is put: moved by as much as two contacts of its shank in a column are apart, but not by 0.

    So contacts lie around it as they did where it was measured, and nothing has to be interpolated.
    """
    known = scene.given.known[number % len(scene.given.known)]
    contacts_um = scene.probe.positions_um[scene.on_shank(known.shank)]
    start_um = contacts_um[np.linalg.norm(contacts_um - known.position_um, axis=1).argmin()]
    column_um = contacts_um[np.abs(contacts_um[:, 0] - start_um[0]) < 1e-3]
    others_um = column_um[np.abs(column_um[:, 1] - start_um[1]) > 1e-3]
    goal_um = others_um[rng.integers(len(others_um))] if len(others_um) else start_um
    return np.append(known.position_um + goal_um - start_um, 0.0), known.shank


def _into_sight(scene: Scene, place: tuple[F64, int], footprint: Footprint) -> tuple[F64, int]:
    """The place, moved towards the nearest contact until that sees IN_SIGHT of a measured footprint's largest size.

    A small footprint lies between contacts easily; scaled up there, its borders and their noise would be the unit.
    """
    position_um, shank = place
    near_um = scene.probe.positions_um[scene.on_shank(shank)]
    nearest_um = near_um[np.linalg.norm(near_um - position_um[:2], axis=1).argmin()]
    times_ms = window_around_spike(scene.params.sampling_hz).times_ms(0.0)
    away_um = np.zeros((TOWARDS + 1, 3))
    away_um[:TOWARDS, :2] = (nearest_um - position_um[:2]) * np.linspace(1, 0, TOWARDS, endpoint=False)[:, None]
    size_uv = np.ptp(footprint.space(away_um) @ footprint.time(times_ms), axis=1)
    seen = int(np.argmax(size_uv >= IN_SIGHT * size_uv[-1]))
    return np.append(nearest_um - away_um[seen, :2], position_um[2]), shank


def _draw_amplitude_uv(params: SimulationParams, rng: np.random.Generator) -> float | None:
    """Peak to peak on the largest contact; None: as the footprint has it."""
    if params.amplitude_law == "own":
        return None
    if params.amplitude_law == "uniform":
        return float(rng.uniform(params.min_amplitude_uv, params.max_amplitude_uv))
    if params.amplitude_law == "exponential":
        drawn = params.min_amplitude_uv + rng.exponential(params.amplitude_uv)
    else:
        drawn = rng.lognormal(np.log(params.amplitude_uv), params.amplitude_log_sd)
    return float(np.clip(drawn, params.min_amplitude_uv, params.max_amplitude_uv))


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the contacts see of a unit (fields as in SimulatedUnit), and its displacement at each time."""

    kind: str
    position_um: F64
    shank: int
    contacts: I64
    space_uv: F32
    first_um: float
    time: F32
    course_um: F64


def _seen(scene: Scene, place: tuple[F64, int], footprint: Footprint, ptp_uv: float | None) -> _Seen:
    position_um, shank = place
    window = window_around_spike(scene.params.sampling_hz)
    course_um = scene.displacement.course_um(shank, float(position_um[1]))
    places_um = np.arange(np.floor(course_um.min()), np.ceil(course_um.max()) + 0.5, PLACES_UM)
    near = scene.on_shank(shank)
    contacts_um = np.column_stack([scene.probe.positions_um[near], np.zeros(len(near))]) - position_um
    within = np.abs(contacts_um[:, 1, None] - places_um).min(axis=1) < REACH_UM
    within &= np.abs(contacts_um[:, 0]) < REACH_UM
    within[np.linalg.norm(contacts_um, axis=1).argmin()] = True
    near, contacts_um = near[within], contacts_um[within]
    time = time_courses(footprint, window, (0.0, *SHIFTS_SAMPLES), trough_ms(footprint, contacts_um))
    space = np.stack([footprint.space(contacts_um - (0.0, moved, 0.0)) for moved in places_um])
    if ptp_uv is not None:
        space *= ptp_uv / max(1e-12, float(np.ptp(footprint.space(contacts_um) @ time[0], axis=1).max()))
    visible = _visible(space @ time[0])
    space = space[:, visible] * scene.channel_gain[near[visible], None]
    first_um = float(places_um[0])
    return _Seen(footprint.kind, position_um, shank, near[visible], _f32(space), first_um, _f32(time), course_um)


def _visible(waveforms_uv: F64) -> I64:
    """Contacts of (n_places, n_contacts, n_window) that see at least LEAST_UV somewhere; never none."""
    size_uv = np.ptp(waveforms_uv, axis=2).max(axis=0)
    return np.flatnonzero(size_uv >= min(LEAST_UV, float(size_uv.max()))).astype(np.int64)


def _f32(values: F64) -> F32:
    return np.ascontiguousarray(values, dtype=np.float32)


def _with_spikes(scene: Scene, seen: _Seen, train: Train) -> SimulatedUnit:
    window = window_around_spike(scene.params.sampling_hz)
    sample, shift, inside = _on_samples(train, window, scene.params)
    moved_um = np.interp(train.times_s[inside], scene.displacement.time_s, seen.course_um)
    fields = {name: value for name, value in vars(seen).items() if name != "course_um"}
    return SimulatedUnit(
        **fields, sample=sample, shift=shift, amplitude=train.amplitude[inside], moved_um=moved_um.astype(np.float32)
    )


def _on_samples(train: Train, window: Window, params: SimulationParams) -> tuple[I64, I64, I64]:
    """Sample and shift of the spikes whose whole window lies in the recording, and which of the train they are."""
    exact = train.times_s * params.sampling_hz
    sample = np.round(exact).astype(np.int64)
    shift = np.clip(np.floor((exact - sample + 0.5) * len(SHIFTS_SAMPLES)), 0, len(SHIFTS_SAMPLES) - 1).astype(np.int64)
    first = sample - window.peak_index
    inside = np.flatnonzero((first >= 0) & (first + window.n_samples <= params.n_samples))
    return sample[inside], shift[inside], inside
