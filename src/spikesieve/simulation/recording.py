"""Make a simulated recording with its ground truth: units and noise are drawn once, samples are made block by block.

The samples depend only on the probe, the parameters and the measured inputs: every unit and every block has random
numbers of its own.
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
from spikesieve.simulation.faults import Faults, apply_faults, draw_faults
from spikesieve.simulation.noise import NoiseModel, Overlap, draw_noise, initial_overlap, noise_model
from spikesieve.simulation.parameters import SimulationParams
from spikesieve.simulation.scene import Inputs, Scene
from spikesieve.simulation.trains import draw_activity
from spikesieve.simulation.truth import Truth, truth_of
from spikesieve.simulation.units import SimulatedUnit, draw_background_unit, draw_positions, draw_unit

I16 = NDArray[np.int16]

BLOCK_S = 1.0
# Each unit, background unit, block of noise and so on draws from the stream (seed, one of these, index).
UNIT, BACKGROUND, NOISE, NOISE_BEFORE, PLACE, DRIFT, ACTIVITY, CHANNELS, FAULTS = range(9)


@dataclass(frozen=True, eq=False)
class Simulation:
    """A recording that is fully determined but not yet made; `iter_blocks` makes it.

    Attributes
    ----------
    scene : Scene
        What all units share.
    units : tuple of SimulatedUnit
        Units of the ground truth.
    background : tuple of SimulatedUnit
        Small far units that are not in the ground truth.
    noise : NoiseModel
        Noise of the contacts.
    faults : Faults
        Faults of the recording.
    truth : Truth
        What a perfect sorter would find.
    """

    scene: Scene
    units: tuple[SimulatedUnit, ...]
    background: tuple[SimulatedUnit, ...]
    noise: NoiseModel
    faults: Faults
    truth: Truth

    @property
    def probe(self) -> Probe:
        """Contacts."""
        return self.scene.probe

    @property
    def params(self) -> SimulationParams:
        """Parameters of the simulation."""
        return self.scene.params

    @property
    def n_channels(self) -> int:
        """Columns of the file: as in the real recording, or up to the last channel that the probe names."""
        real = self.scene.inputs.recording
        return real.n_channels if real is not None else int(self.probe.channels.max()) + 1


def simulate(probe: Probe, params: SimulationParams, inputs: Inputs | None = None) -> Simulation:
    """Draw units, their spikes and the noise model; `iter_blocks` makes the samples.

    Parameters
    ----------
    probe : Probe
        Contacts in um. Every contact gets noise; units lie beside contacts drawn at random.
    params : SimulationParams
        What to simulate. sampling_hz and gain_uv must be those of `inputs.recording`, where there is one.
    inputs : Inputs, optional
        Measured data to use.

    Returns
    -------
    Simulation
        The recording with its ground truth.

    Raises
    ------
    InputError
        If the inputs do not fit the probe or the parameters.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64))
    >>> simulation = simulate(probe, SimulationParams(n_units=3, seconds=0.1))
    >>> len(simulation.units), simulation.n_channels
    (3, 2)
    """
    with _one_blas_thread():
        scene = _scene(probe, params, inputs or Inputs())
        positions = draw_positions(scene, [_rng(params, PLACE, i) for i in range(params.n_units)])
        units = tuple(draw_unit(scene, position, i, _rng(params, UNIT, i)) for i, position in enumerate(positions))
        n_background = 0 if scene.inputs.recording is not None else params.n_background
        background = tuple(draw_background_unit(scene, _rng(params, BACKGROUND, i)) for i in range(n_background))
        gain, measured = scene.channel_gain, scene.inputs.noise
        noise = noise_model(probe.positions_um, params, params.sampling_hz, gain, measured)
        faults = draw_faults(params, probe.n_contacts, params.n_samples, params.sampling_hz, _rng(params, FAULTS, 0))
    truth = truth_of(scene, units, faults)
    return Simulation(scene, units, background, noise, faults, truth)


def simulate_array(probe: Probe, params: SimulationParams, inputs: Inputs | None = None) -> tuple[I16, Truth]:
    """Simulate a short recording in memory.

    Parameters
    ----------
    probe, params, inputs
        As for `simulate`.

    Returns
    -------
    raw : ndarray of int16, shape (n_samples, n_channels)
        The same bytes as the joined blocks of `iter_blocks`.
    truth : Truth
        What a perfect sorter would find.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0]]), np.arange(2), np.zeros(2, np.int64))
    >>> raw, truth = simulate_array(probe, SimulationParams(n_units=3, seconds=0.1))
    >>> raw.shape, truth.templates_uv.shape
    ((3000, 2), (3, 115, 2))
    """
    simulation = simulate(probe, params, inputs)
    return np.concatenate(list(iter_blocks(simulation))), simulation.truth


def iter_blocks(simulation: Simulation) -> Iterator[I16]:
    """Make the recording in order of time, one second per block.

    Parameters
    ----------
    simulation : Simulation
        From `simulate`.

    Yields
    ------
    ndarray of int16, shape (n_block, n_channels)
        Memory does not grow with the length of the recording. Columns that the probe does not name are 0, or as in the
        real recording.
    """
    params, real = simulation.params, simulation.scene.inputs.recording
    step = round(BLOCK_S * params.sampling_hz)
    overlap = None
    for index, start in enumerate(range(0, params.n_samples, step)):
        stop = min(start + step, params.n_samples)
        if real is None:
            traces, overlap = _noise(simulation, overlap, index, (start, stop))
            raw = np.zeros((stop - start, simulation.n_channels), np.int16)
        else:
            traces = np.ascontiguousarray(real.read_uv(start, stop, simulation.probe.channels).T)
            raw = _as_int16(real, real.read(start, stop))
        add_all_spikes(simulation, traces, start)
        traces = apply_faults(traces, start, simulation.faults)
        raw[:, simulation.probe.channels] = _quantised(traces, params.gain_uv).T
        yield raw


def add_all_spikes(simulation: Simulation, traces_uv: F32, start: int) -> None:
    """Add the spikes of all units and of the background to a block of the recording.

    Parameters
    ----------
    simulation : Simulation
        From `simulate`.
    traces_uv : ndarray of float32, shape (n_contacts, n_samples)
        Changed in place; time is contiguous.
    start : int
        Sample of the recording at which the block starts.
    """
    for unit in simulation.units + simulation.background:
        _add_spikes(traces_uv, start, unit, simulation.truth.peak_index)


def _noise(simulation: Simulation, overlap: Overlap | None, index: int, span: tuple[int, int]) -> tuple[F32, Overlap]:
    params = simulation.params
    with _one_blas_thread():
        overlap = overlap or initial_overlap(simulation.noise, _rng(params, NOISE_BEFORE, 0))
        return draw_noise(simulation.noise, overlap, *span, _rng(params, NOISE, index))


def _scene(probe: Probe, params: SimulationParams, inputs: Inputs) -> Scene:
    if inputs.recording is not None:
        _require_fits(inputs.recording, params)
    if inputs.noise is not None and len(inputs.noise.mix_uv) != probe.n_contacts:
        raise InputError(
            f"The noise was measured on {len(inputs.noise.mix_uv)} channels, but the probe {probe.name!r} has "
            f"{probe.n_contacts} contacts. Give a recording of the same probe."
        )
    displacement = inputs.displacement
    if displacement is None:
        displacement = draw_displacement(
            probe.positions_um, probe.shanks, params, params.seconds, _rng(params, DRIFT, 0)
        )
    activity = draw_activity(params, params.seconds, inputs.intervals_s, _rng(params, ACTIVITY, 0))
    return Scene(probe, params, inputs, displacement, activity, _channel_gain(probe.n_contacts, params))


def _require_fits(real: Recording, params: SimulationParams) -> None:
    if real.n_samples < params.n_samples:
        raise InputError(
            f"The recording {real.name} has {real.duration_s:g} s, and {params.seconds:g} s were asked for. "
            "Ask for less."
        )
    if real.sampling_hz != params.sampling_hz or (real.gain_uv != params.gain_uv).any():
        raise InputError(
            f"The recording {real.name} has {real.sampling_hz:g} Hz and {real.gain_uv[0]:g} µV per bit, but "
            f"sampling_hz is {params.sampling_hz:g} and gain_uv {params.gain_uv:g}. Leave both out, or give the "
            "recording's."
        )


def _channel_gain(n_contacts: int, params: SimulationParams) -> F64:
    drawn = _rng(params, CHANNELS, 0).standard_normal(n_contacts)
    return np.asarray(np.clip(1 + params.channel_gain_spread * drawn, 0.1, 10))


def _one_blas_thread() -> threadpool_limits:
    """Use one thread: the same bytes on any number of cores, and small matrix products are faster."""
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


def _as_int16(recording: Recording, raw: NDArray[np.generic]) -> I16:
    """Convert raw numbers of a real recording so that 0 V is 0."""
    limits = np.iinfo(np.int16)
    return np.asarray(np.clip(raw.astype(np.float64) - recording.offset_raw, limits.min, limits.max), dtype=np.int16)


def _quantised(traces_uv: F32, gain_uv: float) -> I16:
    limits = np.iinfo(np.int16)
    return np.asarray(np.clip(np.rint(traces_uv / np.float32(gain_uv)), limits.min, limits.max), dtype=np.int16)
