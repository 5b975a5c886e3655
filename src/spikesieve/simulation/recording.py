"""From parameters to a recording with its truth: units and noise are drawn once, samples are made block by block.

The samples depend on the probe, the parameters and what is given alone: every unit and every block has random numbers
of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spikesieve.errors import InputError
from spikesieve.kernels import add_waveforms
from spikesieve.model import F32, F64, Probe, Recording
from spikesieve.simulation.drift import draw_displacement
from spikesieve.simulation.faults import Faults, draw_faults, with_faults
from spikesieve.simulation.noise import NoiseModel, Spill, draw_noise, first_spill, noise_model
from spikesieve.simulation.parameters import SimulationParams
from spikesieve.simulation.scene import Given, Scene
from spikesieve.simulation.trains import draw_activity
from spikesieve.simulation.truth import Truth, truth_of
from spikesieve.simulation.units import SimulatedUnit, draw_background_unit, draw_places, draw_unit

I16 = NDArray[np.int16]

BLOCK_S = 1.0
# Each unit, background unit, block of noise and so on draws from (seed, this, index).
UNIT, BACKGROUND, NOISE, NOISE_BEFORE, PLACE, DRIFT, ACTIVITY, CHANNELS, FAULTS = range(9)


@dataclass(frozen=True, eq=False)
class Simulation:
    """A recording that is fully determined but not yet made: `iter_blocks` makes it."""

    scene: Scene
    units: tuple[SimulatedUnit, ...]
    background: tuple[SimulatedUnit, ...]
    noise: NoiseModel
    faults: Faults
    truth: Truth

    @property
    def probe(self) -> Probe:
        """The contacts."""
        return self.scene.probe

    @property
    def params(self) -> SimulationParams:
        """What was asked for."""
        return self.scene.params

    @property
    def n_channels(self) -> int:
        """Columns of the file: those of the real recording below, or up to the last channel that the probe names."""
        base = self.scene.given.base
        return base.n_channels if base is not None else int(self.probe.channels.max()) + 1


def simulate(probe: Probe, params: SimulationParams, given: Given | None = None) -> Simulation:
    """Draw units, their spikes and the noise's properties; the samples come from `iter_blocks`.

    probe   contacts in um; every contact gets noise, and units lie beside contacts drawn at random
    params  what to simulate; sampling_hz and gain_uv are those of `given.base`, where there is one
    given   what is not drawn

    Raises InputError when what is given does not fit the probe or the parameters.
    """
    with _one_blas_thread():
        scene = _scene(probe, params, given or Given())
        places = draw_places(scene, [_rng(params, PLACE, i) for i in range(params.n_units)])
        units = tuple(draw_unit(scene, place, i, _rng(params, UNIT, i)) for i, place in enumerate(places))
        n_background = 0 if scene.given.base is not None else params.n_background
        background = tuple(draw_background_unit(scene, _rng(params, BACKGROUND, i)) for i in range(n_background))
        gain, measured = scene.channel_gain, scene.given.noise
        noise = noise_model(probe.positions_um, params, params.sampling_hz, gain, measured)
        faults = draw_faults(params, probe.n_contacts, params.n_samples, params.sampling_hz, _rng(params, FAULTS, 0))
    truth = truth_of(scene, units, faults)
    return Simulation(scene, units, background, noise, faults, truth)


def simulate_array(probe: Probe, params: SimulationParams, given: Given | None = None) -> tuple[I16, Truth]:
    """A whole recording in memory, for short ones: (n_samples, n_channels) int16 and its truth.

    The same bytes as the concatenated blocks of `iter_blocks(simulate(probe, params, given))`.
    """
    simulation = simulate(probe, params, given)
    return np.concatenate(list(iter_blocks(simulation))), simulation.truth


def iter_blocks(simulation: Simulation) -> Iterator[I16]:
    """The recording in order of time, one second a block: (n_block, n_channels) int16.

    Memory does not grow with the length of the recording. Columns that the probe does not name are 0, or what the real
    recording below has there.
    """
    params, base = simulation.params, simulation.scene.given.base
    step = round(BLOCK_S * params.sampling_hz)
    spill = None
    for index, start in enumerate(range(0, params.n_samples, step)):
        stop = min(start + step, params.n_samples)
        if base is None:
            traces, spill = _noise(simulation, spill, index, (start, stop))
            raw = np.zeros((stop - start, simulation.n_channels), np.int16)
        else:
            traces = np.ascontiguousarray(base.read_uv(start, stop, simulation.probe.channels).T)
            raw = _as_int16(base, base.read(start, stop))
        add_all_spikes(simulation, traces, start)
        traces = with_faults(traces, start, simulation.faults)
        raw[:, simulation.probe.channels] = _quantised(traces, params.gain_uv).T
        yield raw


def add_all_spikes(simulation: Simulation, traces_uv: F32, start: int) -> None:
    """In place: the spikes of all units and of the background, in a stretch of the recording from sample `start` on.

    traces_uv  (n_contacts, n_samples) float32, time contiguous
    """
    for unit in simulation.units + simulation.background:
        _add_spikes(traces_uv, start, unit, simulation.truth.peak_index)


def _noise(simulation: Simulation, spill: Spill | None, index: int, span: tuple[int, int]) -> tuple[F32, Spill]:
    params = simulation.params
    with _one_blas_thread():
        spill = spill or first_spill(simulation.noise, _rng(params, NOISE_BEFORE, 0))
        return draw_noise(simulation.noise, spill, *span, _rng(params, NOISE, index))


def _scene(probe: Probe, params: SimulationParams, given: Given) -> Scene:
    if given.base is not None:
        _require_fits(given.base, params)
    if given.noise is not None and len(given.noise.mix_uv) != probe.n_contacts:
        raise InputError(
            f"The noise was measured on {len(given.noise.mix_uv)} channels, but the probe {probe.name!r} has "
            f"{probe.n_contacts} contacts. Give a recording of the same probe."
        )
    displacement = given.displacement
    if displacement is None:
        displacement = draw_displacement(
            probe.positions_um, probe.shanks, params, params.seconds, _rng(params, DRIFT, 0)
        )
    activity = draw_activity(params, params.seconds, given.intervals_s, _rng(params, ACTIVITY, 0))
    return Scene(probe, params, given, displacement, activity, _channel_gain(probe.n_contacts, params))


def _require_fits(base: Recording, params: SimulationParams) -> None:
    if base.n_samples < params.n_samples:
        raise InputError(
            f"The recording {base.name} has {base.duration_s:g} s, and {params.seconds:g} s were asked for. "
            "Ask for less."
        )
    if base.sampling_hz != params.sampling_hz or (base.gain_uv != params.gain_uv).any():
        raise InputError(
            f"The recording {base.name} has {base.sampling_hz:g} Hz and {base.gain_uv[0]:g} uV a bit, but sampling_hz "
            f"is {params.sampling_hz:g} and gain_uv {params.gain_uv:g}. Leave both out, or give the "
            "recording's."
        )


def _channel_gain(n_contacts: int, params: SimulationParams) -> F64:
    drawn = _rng(params, CHANNELS, 0).standard_normal(n_contacts)
    return np.asarray(np.clip(1 + params.channel_gain_spread * drawn, 0.1, 10))


def _one_blas_thread() -> threadpool_limits:
    """The same bytes on any number of cores; and small matrix products are slower on two threads than on one."""
    return threadpool_limits(limits=1, user_api="blas")


def _rng(params: SimulationParams, stream: int, index: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(params.seed, spawn_key=(stream, index)))


def _add_spikes(traces: F32, start: int, unit: SimulatedUnit, peak_index: int) -> None:
    n_window = unit.time.shape[2]
    low, high = np.searchsorted(unit.sample, [start - n_window, start + traces.shape[1] + n_window])
    add_waveforms(
        traces,
        unit.sample[low:high] - start,
        unit.shift[low:high],
        unit.amplitude[low:high],
        unit.place[low:high],
        unit.space_uv,
        unit.time[1:],
        unit.contacts,
        peak_index,
    )


def _as_int16(base: Recording, raw: NDArray[np.generic]) -> I16:
    """Raw numbers of a real recording with 0 V at 0."""
    limits = np.iinfo(np.int16)
    return np.asarray(np.clip(raw.astype(np.float64) - base.offset_raw, limits.min, limits.max), dtype=np.int16)


def _quantised(traces_uv: F32, gain_uv: float) -> I16:
    limits = np.iinfo(np.int16)
    return np.asarray(np.clip(np.rint(traces_uv / np.float32(gain_uv)), limits.min, limits.max), dtype=np.int16)
