"""The parts of a simulation: the physics of footprints, spike trains, noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import reference
from scipy.signal import welch

from spikesieve.simulation import SimulationParams
from spikesieve.simulation.cells import KINDS, Cell, draw_cell
from spikesieve.simulation.faults import apply_faults, draw_faults
from spikesieve.simulation.footprints import CONDUCTIVITY_S_PER_M, cell_footprint, waveforms, window_around_spike
from spikesieve.simulation.noise import draw_noise, filter_block, initial_overlap, noise_model, spatial_mix
from spikesieve.simulation.parameters import FaultParams, NoiseParams, TrainParams
from spikesieve.simulation.trains import Activity, draw_activity, draw_rate_hz, draw_train

FS = 30_000.0
WINDOW = window_around_spike(FS)
BY_NAME = {kind.name: kind for kind in KINDS}


def staggered_um(n_contacts: int) -> np.ndarray:
    return np.stack([np.arange(n_contacts) % 2 * 16.0, np.arange(n_contacts) * 20.0], axis=1)


def plane(distance_um: float, step_um: float = 5.0, reach_um: float = 100.0) -> np.ndarray:
    """Contacts on a grid in a plane at a distance from the cell."""
    x, y = np.meshgrid(*[np.arange(-reach_um, reach_um + 1, step_um)] * 2)
    return np.column_stack([x.ravel(), y.ravel(), np.full(x.size, -distance_um)])


def cells_of(kind: str, n: int = 12) -> list[Cell]:
    return [draw_cell(BY_NAME[kind], np.random.default_rng(seed)) for seed in range(n)]


def largest(waveform: np.ndarray) -> np.ndarray:
    return waveform[np.ptp(waveform, axis=1).argmax()]


def footprint(cell: Cell, *args) -> np.ndarray:
    return waveforms(cell_footprint(cell), *args)


# Footprints


@pytest.mark.parametrize("kind", BY_NAME)
def test_currents_of_a_cell_sum_to_0(kind):
    times_ms = np.linspace(-1, 3, 200)
    for cell in cells_of(kind, 4):
        currents = cell.currents_na(times_ms)
        assert np.abs(currents).max() > 0.3
        assert np.abs(currents.sum(axis=0)).max() < 1e-12


def test_potential_falls_as_one_over_distance():
    zero = np.zeros((2, 1))
    points = np.array([[0.0, 0.0, 0.0], [1e9, 0.0, 0.0]])  # the return current is far away
    cell = Cell("point", points, np.array([[-1.0], [0.0]]), zero, zero + 0.1, zero + 0.1, np.array([0.0, 1.0]))
    far_um = np.array([[200.0, 0.0, 0.0], [400.0, 0.0, 0.0]])
    trough_uv = footprint(cell, far_um, WINDOW)[0, :, WINDOW.peak_index]
    expected = -1e3 / (4 * np.pi * CONDUCTIVITY_S_PER_M * far_um[:, 0])
    np.testing.assert_allclose(trough_uv, expected, rtol=2e-3)


@pytest.mark.parametrize("kind", BY_NAME)
def test_largest_deflection_lies_at_the_index(kind):
    for cell in cells_of(kind):
        wave = largest(footprint(cell, plane(20.0), WINDOW)[0])
        assert np.abs(wave).argmax() == WINDOW.peak_index
        assert (wave[WINDOW.peak_index] > 0) == (kind == "positive")


@pytest.mark.parametrize(("kind", "low_ms", "high_ms"), [("pyramidal", 0.4, 0.9), ("fast_spiking", 0.15, 0.4)])
def test_trough_to_peak_time_tells_the_kind(kind, low_ms, high_ms):
    for cell in cells_of(kind):
        wave = largest(footprint(cell, plane(20.0), WINDOW)[0])[WINDOW.peak_index :]
        assert low_ms <= wave.argmax() / FS * 1e3 <= high_ms


@pytest.mark.parametrize("kind", ["pyramidal", "fast_spiking"])
def test_amplitude_halves_within_some_tens_of_um(kind):
    contacts = plane(20.0)
    halves = []
    for cell in cells_of(kind):
        size = np.ptp(footprint(cell, contacts, WINDOW)[0], axis=1)
        away = np.hypot(*(contacts[:, :2] - contacts[size.argmax(), :2]).T)
        profile = [size[np.abs(away - r) < 4].mean() / size.max() for r in range(0, 100, 5)]
        halves.append(5 * next(i for i, value in enumerate(profile) if value < 0.5))
    assert 20 <= np.median(halves) <= 40
    assert len(set(halves)) > 1


def test_a_shift_moves_the_waveform_by_part_of_a_sample():
    shifts = (0.0, 0.25, 1.0)
    still, quarter, whole = footprint(cells_of("pyramidal")[0], plane(20.0, 50.0), WINDOW, shifts)
    inner = slice(15, -15)
    np.testing.assert_allclose(whole[:, 1:][:, inner], still[:, :-1][:, inner], atol=1e-4 * np.abs(still).max())
    between = np.interp(np.arange(WINDOW.n_samples) - 0.25, np.arange(WINDOW.n_samples), largest(still))
    np.testing.assert_allclose(largest(quarter), between, atol=0.02 * np.abs(still).max())


def test_a_spike_starts_and_ends_at_zero():
    for cell in cells_of("pyramidal", 3) + cells_of("axonal", 3):
        waveform = footprint(cell, plane(20.0, 50.0), WINDOW)[0]
        assert not waveform[:, [0, -1]].any()
        assert np.abs(np.diff(waveform, axis=1)[:, [0, -1]]).max() < 1e-3 * np.abs(waveform).max()


# Trains


def train_of(rate_hz=20.0, seconds=200.0, refractory_ms=2.0, bursts=False, seed=0):
    params = TrainParams(refractory_ms=refractory_ms, bursting_share=float(bursts))
    return draw_train(rate_hz, seconds, params, np.random.default_rng(seed), Activity(np.empty(0)))


@pytest.mark.parametrize("bursts", [False, True])
@pytest.mark.parametrize("rate_hz", [0.4, 20.0, 200.0])
def test_no_two_spikes_within_the_refractory_period(rate_hz, bursts):
    times_s = train_of(rate_hz, bursts=bursts, refractory_ms=4.0).times_s
    assert np.diff(times_s).min() >= 0.004
    assert times_s[0] >= 0
    assert times_s[-1] < 200.0


def test_rate_is_what_was_asked_for():
    n = len(train_of(20.0, 500.0).times_s)
    assert n == pytest.approx(10_000, rel=0.05)


def test_bursts_add_short_intervals_with_smaller_spikes():
    def short(train):
        return np.diff(train.times_s, prepend=-1.0) < 0.007

    plain, bursting = train_of(5.0), train_of(5.0, bursts=True)
    assert short(bursting).mean() > short(plain).mean() + 0.05
    assert bursting.amplitude[short(bursting)].mean() < bursting.amplitude[~short(bursting)].mean() - 0.05


def test_a_recording_shorter_than_any_interval_has_no_spikes():
    assert len(train_of(0.4, 0.001).times_s) == 0


def trains_with(n: int = 40, seconds: float = 60.0, **params) -> list[np.ndarray]:
    """Spike counts in 0.5 s bins of n units with a shared activity."""
    train = TrainParams(bursting_share=0.0, **params)
    activity = draw_activity(train, seconds, (), np.random.default_rng(99))
    edges = np.arange(0, seconds + 0.1, 0.5)
    drawn = [draw_train(20.0, seconds, train, np.random.default_rng(i), activity) for i in range(n)]
    assert all(np.diff(one.times_s).min() >= train.refractory_ms / 1e3 for one in drawn)
    return [np.histogram(one.times_s, edges)[0] for one in drawn]


def test_a_slow_rate_varies_more_than_chance_and_on_its_own():
    plain, slow = trains_with(), trains_with(slow_rate_spread=0.8, slow_rate_s=10.0)
    assert np.mean([c.var() for c in slow]) > 3 * np.mean([c.var() for c in plain])
    assert abs(np.corrcoef(slow)[~np.eye(40, dtype=bool)].mean()) < 0.1


def test_a_shared_rate_makes_units_fire_together():
    shared = np.corrcoef(trains_with(shared_rate_spread=0.6, shared_rate_s=2.0))
    assert shared[~np.eye(40, dtype=bool)].mean() > 0.3
    assert abs(np.corrcoef(trains_with())[~np.eye(40, dtype=bool)].mean()) < 0.05


def test_a_changing_rate_leaves_the_mean_rate_as_it_is():
    counts = trains_with(slow_rate_spread=0.5, shared_rate_spread=0.5)
    assert np.mean(counts) / 0.5 == pytest.approx(20.0, rel=0.05)


@pytest.mark.parametrize(
    ("law", "mean_hz"), [("uniform", 5.5), ("exponential", 4.6), ("lognormal", 5.0 * np.exp(0.8**2 / 2))]
)
def test_rates_follow_the_law_that_was_asked_for(law, mean_hz):
    params = TrainParams(rate_law=law, rate_hz=5.0 if law != "exponential" else 4.5, min_rate_hz=0.4)
    if law == "uniform":
        params = TrainParams(rate_law=law, min_rate_hz=1.0, max_rate_hz=10.0)
    rng = np.random.default_rng(0)
    drawn = np.array([draw_rate_hz(params, rng) for _ in range(4000)])
    assert drawn.mean() == pytest.approx(mean_hz, rel=0.06)
    assert params.min_rate_hz <= drawn.min() < drawn.max() <= params.max_rate_hz


# Faults


def faulty(**params):
    settings = FaultParams(**params)
    return draw_faults(settings, 6, 60_000, FS, np.random.default_rng(0))


def test_without_faults_traces_stay_as_they_are():
    traces = np.random.default_rng(1).normal(size=(6, 1000)).astype(np.float32)
    np.testing.assert_array_equal(apply_faults(traces.copy(), 0, faulty()), traces)


def test_artifacts_lie_where_the_truth_says_also_across_block_edges():
    faults = faulty(artifacts_per_min=300.0, artifact_uv=1000.0, artifact_ms=2.0)
    assert len(faults.artifacts.sample) == 10
    cuts = (0, int(faults.artifacts.sample[4]) + 20, 60_000)
    parts = [apply_faults(np.zeros((6, b - a), np.float32), a, faults) for a, b in pairwise(cuts)]
    traces = np.concatenate(parts, axis=1)
    inside = np.zeros(60_000, bool)
    inside[(faults.artifacts.sample[:, None] + np.arange(60)).ravel()] = True
    assert not traces[:, ~inside].any()
    assert all(np.abs(traces[:, s : s + 60]).max(axis=1).min() > 300.0 for s in faults.artifacts.sample)
    np.testing.assert_array_equal(traces, apply_faults(np.zeros((6, 60_000), np.float32), 0, faults))


def test_dead_channels_are_flat_and_named():
    faults = faulty(n_dead_channels=2)
    traces = apply_faults(np.ones((6, 100), np.float32), 0, faults)
    assert np.flatnonzero(~traces.any(axis=1)).tolist() == faults.dead.tolist()
    assert len(faults.dead) == 2


def test_traces_are_clipped_at_the_saturation():
    traces = apply_faults(np.linspace(-900, 900, 600, dtype=np.float32).reshape(6, 100), 0, faulty(saturation_uv=500.0))
    assert (traces.min(), traces.max()) == (-500.0, 500.0)


# Noise


def noise_of(seconds: float, n_contacts: int = 8, **params: float):
    settings = SimulationParams(n_units=0, seconds=seconds, **params)
    model, rng = noise_model(staggered_um(n_contacts), settings, FS, np.ones(n_contacts)), np.random.default_rng(0)
    return draw_noise(model, initial_overlap(model, rng), 0, settings.n_samples, rng)[0]


def test_noise_has_the_sd_that_was_asked_for():
    traces = noise_of(2.0, noise_uv=9.0, slow_field_uv=0.0, hum_uv=0.0)
    np.testing.assert_allclose(traces.std(axis=1), 9.0, rtol=0.04)


def test_noise_is_as_large_at_the_start_as_later():
    traces = noise_of(0.2, n_contacts=200, noise_uv=9.0, slow_field_uv=0.0, hum_uv=0.0)
    assert traces[:, :20].std() == pytest.approx(9.0, rel=0.1)


def test_slow_field_is_not_0_at_the_start():
    traces = noise_of(0.001, n_contacts=3, noise_uv=0.0, hum_uv=0.0, slow_field_uv=80.0)
    assert np.abs(traces[:, 0]).max() > 5.0


def test_neighbours_share_noise_and_far_contacts_do_not():
    traces = noise_of(2.0, n_contacts=30, noise_uv=9.0, slow_field_uv=0.0, hum_uv=0.0)
    correlation = np.corrcoef(traces)
    distance = np.hypot(16.0, 20.0)
    near = np.diagonal(correlation, 1).mean()
    assert near == pytest.approx(0.64 * 0.45 * np.exp(-distance / 60.0), rel=0.15)
    assert abs(correlation[:5, -5:].mean()) < 0.02


def test_mixing_gives_unit_variance():
    np.testing.assert_allclose((spatial_mix(staggered_um(12), NoiseParams()) ** 2).sum(axis=1), 1.0, rtol=1e-5)


def test_spectrum_falls_from_kilohertz_on_and_below_the_band():
    frequency_hz, power = welch(noise_of(2.0, slow_field_uv=0.0, hum_uv=0.0), FS, nperseg=2048, axis=1)

    def at(hz):
        return power[:, np.abs(frequency_hz - hz).argmin()].mean()

    assert at(700) > 1.5 * at(3000) > 3 * at(10_000)
    assert at(30) < 0.5 * at(700)


def test_slow_field_is_slow_and_differs_between_the_ends():
    traces = noise_of(20.0, n_contacts=3, noise_uv=0.0, hum_uv=0.0, slow_field_uv=80.0)
    frequency_hz, power = welch(traces, FS, nperseg=30_000, axis=1)
    assert power[:, frequency_hz > 300].sum() < 1e-3 * power.sum()
    assert traces[[0, 2]].std() == pytest.approx(80.0, rel=0.25)
    assert abs(np.corrcoef(traces)[0, 2]) < 0.5


def test_hum_has_the_amplitude_and_frequency_that_were_asked_for():
    traces = noise_of(1.0, noise_uv=0.0, slow_field_uv=0.0, hum_uv=12.0, hum_hz=50.0)
    spectrum = np.abs(np.fft.rfft(traces[0])) * 2 / traces.shape[1]
    assert spectrum.argmax() == 50
    assert spectrum[50] == pytest.approx(12.0, rel=1e-3)


@pytest.mark.parametrize("cuts", [(0, 1000, 2000), (0, 300, 310, 2000)])
def test_filtering_in_blocks_is_filtering_at_once(cuts):
    rng = np.random.default_rng(0)
    white, taps = rng.normal(size=(2, 2000)).astype(np.float32), rng.normal(size=512).astype(np.float32)
    overlap, pieces = np.zeros((2, 511), np.float32), []
    for start, stop in pairwise(cuts):
        piece, overlap = filter_block(white[:, start:stop], overlap, taps)
        pieces.append(piece)
    whole = np.stack([np.convolve(row, taps)[:2000] for row in white.astype(np.float64)])
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=reference.tolerance(512, 50.0))
