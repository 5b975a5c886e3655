"""Simulated recordings: the file is the sum of the spikes in the ground truth, and both can be read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
import reference
from pydantic import ValidationError

from spikesieve import kernels
from spikesieve.errors import InputError, OutputError
from spikesieve.io.probes.read import read_probe
from spikesieve.io.simulations import files as simulation_files
from spikesieve.io.simulations.files import read_truth, write_simulation
from spikesieve.model import Probe
from spikesieve.simulation import SimulationParams, iter_blocks, simulate, simulate_array
from spikesieve.simulation.units import SHIFTS_SAMPLES

FS = 30_000.0
SILENT = {"noise_uv": 0.0, "slow_field_uv": 0.0, "hum_uv": 0.0}


def probe_of(n_contacts: int = 8, channels: list[int] | None = None) -> Probe:
    positions = np.stack([np.arange(n_contacts) % 2 * 16.0, np.arange(n_contacts) * 20.0], axis=1)
    columns = np.array(channels if channels else range(n_contacts), np.int64)
    return Probe(positions, columns, np.zeros(n_contacts, np.int64))


# The kernel


def spikes_at(*sample: int):
    n = len(sample)
    return np.array(sample, np.int64), np.arange(n, dtype=np.int64) % 3, np.linspace(0.5, 1.5, n).astype(np.float32)


ADDED = {
    "no spikes": spikes_at(),
    "one spike": spikes_at(50),
    "both edges": spikes_at(0, 3, 97, 99),
    "beyond the edges": spikes_at(-500, -19, -4, 103, 5000),
    "ties": spikes_at(40, 40, 40, 41),
    "100 times too many": spikes_at(*np.random.default_rng(0).integers(-30, 130, 600)),
}


@pytest.mark.parametrize("n_places", [1, 3])
@pytest.mark.parametrize("n_samples", [100, 7])
@pytest.mark.parametrize("case", ADDED)
def test_add_waveforms_agrees_with_the_reference(case, n_samples, n_places):
    rng = np.random.default_rng(1)
    space, time = rng.normal(size=(n_places, 2, 4)).astype(np.float32), rng.normal(size=(3, 4, 24)).astype(np.float32)
    contacts = np.array([4, 1])
    sample, shift, amplitude = ADDED[case]
    place = rng.uniform(0, n_places - 1, len(sample)).astype(np.float32)
    place[:1] = n_places - 1
    traces = rng.normal(size=(5, n_samples)).astype(np.float32)
    traces[4, 3] = np.nan
    fast, slow = traces.copy(), traces.astype(np.float64)
    for traces, add in ((fast, kernels.add_waveforms), (slow, reference.add_waveforms)):
        add(traces, sample, shift, amplitude, place, space, time, contacts, 5)
    np.testing.assert_allclose(fast, slow, atol=reference.tolerance(2400, 6.0))
    assert np.isnan(fast).sum() == 1


# Units and recordings


def test_a_unit_is_as_large_as_drawn_and_lies_beside_a_contact():
    params = SimulationParams(n_units=5, seconds=1.0, min_amplitude_uv=70.0, max_amplitude_uv=70.0)
    probe = probe_of()
    for unit in simulate(probe, params).units:
        assert np.ptp(unit.waveform_uv(), axis=1).max() == pytest.approx(70.0, rel=1e-5)
        assert np.abs(probe.positions_um - unit.position_um[:2]).max(axis=1).min() <= 15.0


def test_units_keep_their_distance():
    params = SimulationParams(n_units=12, seconds=0.1, min_distance_um=25.0, background_per_unit=0)
    places = np.array([unit.position_um for unit in simulate(probe_of(40), params).units])
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 1e3 * np.eye(12)
    assert apart.min() >= 25.0


def test_channel_gains_are_in_spikes_noise_and_truth():
    still = {"n_units": 3, "seconds": 2.0, "background_per_unit": 0.0}
    loud, even = (SimulationParams(channel_gain_spread=spread, **still) for spread in (0.2, 0.0))
    ratio = simulate_array(probe_of(), loud)[0].std(axis=0) / simulate_array(probe_of(), even)[0].std(axis=0)
    assert np.ptp(ratio) > 0.1
    one, two = (simulate(probe_of(), params).truth.templates_uv[0] for params in (loud, even))
    best = int(np.ptp(two, axis=0).argmax())
    assert np.ptp(one[:, best]) / np.ptp(two[:, best]) == pytest.approx(ratio[best], rel=0.02)


def test_background_units_are_small_and_wide():
    simulation = simulate(probe_of(40), SimulationParams(n_units=10, seconds=1.0, background_per_unit=1))

    def width(unit):
        size = np.ptp(unit.waveform_uv(), axis=1)
        return (size > 0.5 * size.max()).sum()

    assert all(5.0 <= np.ptp(unit.waveform_uv(), axis=1).max() <= 20.01 for unit in simulation.background)
    assert np.median([width(u) for u in simulation.background]) > np.median([width(u) for u in simulation.units])


def test_without_noise_the_recording_is_the_sum_of_its_spikes():
    fast = {"rate_hz": 200.0, "max_rate_hz": 200.0, "sampling_hz": 5000.0, "gain_uv": 0.1}
    params = SimulationParams(n_units=6, background_per_unit=1, seconds=3.2, **fast, **SILENT)
    simulation = simulate(probe_of(), params)
    expected = np.zeros((8, params.n_samples))
    for unit in simulation.units + simulation.background:
        spikes = (unit.sample, unit.shift, unit.amplitude, unit.place)
        seen = (unit.space_uv, unit.time[1:], unit.contacts)
        reference.add_waveforms(expected, *spikes, *seen, simulation.truth.peak_index)
    raw = np.concatenate(list(iter_blocks(simulation)))
    assert np.abs(raw * 0.1 - expected.T).max() <= 0.051
    first = simulation.truth.sample[:, None] - simulation.truth.peak_index
    edges = np.array([5000, 10_000, 15_000])
    across = (first < edges) & (first + simulation.truth.templates_uv.shape[1] > edges)
    assert across.any(axis=0).all(), "a block edge without a spike across it proves nothing"


def test_templates_of_the_truth_are_the_waveforms_in_the_recording():
    params = SimulationParams(
        n_units=1, seconds=4.0, rate_hz=20.0, rate_log_sd=0, background_per_unit=0, gain_uv=0.1, **SILENT
    )
    raw, truth = simulate_array(probe_of(), params)
    best = int(np.ptp(truth.templates_uv[0], axis=0).argmax())
    at = truth.sample[:, None] + np.arange(-truth.peak_index, truth.templates_uv.shape[1] - truth.peak_index)
    mean = (raw[at, best] * 0.1 / truth.amplitude[:, None]).mean(axis=0)
    np.testing.assert_allclose(mean, truth.templates_uv[0, :, best], atol=0.03 * truth.ptp_uv[0])
    assert np.abs(truth.templates_uv[0, :, best]).argmax() == truth.peak_index


def test_spikes_keep_their_time_to_a_quarter_of_a_sample():
    def times(sampling_hz):
        params = SimulationParams(n_units=1, seconds=20.0, rate_hz=20.0, sampling_hz=sampling_hz, background_per_unit=0)
        unit = simulate(probe_of(), params).units[0]
        assert np.bincount(unit.shift, minlength=len(SHIFTS_SAMPLES)).min() > 0.15 * len(unit.sample)
        return (unit.sample + np.array(SHIFTS_SAMPLES)[unit.shift]) / sampling_hz

    coarse, fine = times(10_000.0), times(80_000.0)
    assert np.abs(coarse - fine).max() * 10_000.0 < 0.125 + 0.02


def test_truth_is_ordered_and_complete_within_the_recording():
    fast = {"rate_hz": 200.0, "max_rate_hz": 200.0, "refractory_ms": 0.0}
    params = SimulationParams(n_units=10, seconds=0.3, background_per_unit=0, **fast)
    truth = simulate(probe_of(), params).truth
    assert (np.diff(truth.sample * 10 + truth.unit) > 0).all()
    assert truth.sample.dtype == np.int64
    n_after = truth.templates_uv.shape[1] - truth.peak_index
    assert truth.peak_index <= truth.sample[0] < truth.peak_index + 200
    assert truth.n_samples - n_after - 200 < truth.sample[-1] <= truth.n_samples - n_after


PARAMS = SimulationParams(n_units=3, seconds=2.3, seed=5)


def test_blocks_are_the_array():
    raw, _ = simulate_array(probe_of(), PARAMS)
    blocks = list(iter_blocks(simulate(probe_of(), PARAMS)))
    assert [len(block) for block in blocks] == [30_000, 30_000, 9_000]
    np.testing.assert_array_equal(np.concatenate(blocks), raw)


def test_same_seed_same_bytes():
    np.testing.assert_array_equal(simulate_array(probe_of(), PARAMS)[0], simulate_array(probe_of(), PARAMS)[0])


def test_no_second_repeats_the_noise_of_another():
    params = SimulationParams(n_units=0, seconds=2.0, slow_field_uv=0.0, hum_uv=0.0)
    first, second = iter_blocks(simulate(probe_of(), params))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_another_seed_gives_another_recording():
    first, truth = simulate_array(probe_of(), PARAMS)
    second, other = simulate_array(probe_of(), PARAMS.model_copy(update={"seed": 6}))
    assert (first != second).mean() > 0.5
    assert len(truth.sample) != len(other.sample) or (truth.sample != other.sample).any()


def test_another_unit_leaves_the_others_as_they_are():
    few = simulate(probe_of(), PARAMS).units
    more = simulate(probe_of(), PARAMS.model_copy(update={"n_units": 4})).units
    for a, b in zip(few, more, strict=False):
        np.testing.assert_array_equal(a.sample, b.sample)


def test_columns_that_the_probe_does_not_name_are_zero():
    raw, _ = simulate_array(probe_of(3, [5, 1, 3]), SimulationParams(n_units=1, seconds=0.2))
    assert raw.shape == (6_000, 6)
    assert raw.any(axis=0).tolist() == [False, True, False, True, False, True]
    assert raw.flags.c_contiguous


def test_contacts_stand_in_their_column():
    params = SimulationParams(n_units=1, seconds=0.2)
    straight, _ = simulate_array(probe_of(3), params)
    turned, _ = simulate_array(probe_of(3, [2, 0, 1]), params)
    np.testing.assert_array_equal(turned[:, [2, 0, 1]], straight)


def test_values_beyond_int16_are_clipped():
    raw, _ = simulate_array(probe_of(), SimulationParams(n_units=0, seconds=0.2, gain_uv=1e-4))
    assert raw.min() == -32768
    assert raw.max() == 32767


def test_a_recording_without_units_on_one_contact():
    raw, truth = simulate_array(probe_of(1), SimulationParams(n_units=0, seconds=0.01))
    assert raw.shape == (300, 1)
    assert len(truth.sample) == len(truth.ptp_uv) == 0


@pytest.mark.parametrize("low", ["min_amplitude_uv", "min_rate_hz", "min_background_uv"])
def test_a_range_that_is_upside_down_is_refused(low):
    with pytest.raises(ValidationError, match=f"Give a smaller {low}"):
        SimulationParams(**{low: 9e3 if low != "min_rate_hz" else 150.0})


# Files


def test_files_hold_what_was_simulated(tmp_path):
    files = write_simulation(tmp_path / "new" / "folder", simulate(probe_of(), PARAMS))
    raw, truth = simulate_array(probe_of(), PARAMS)
    on_disk = np.fromfile(files.recording_path, "<i2").reshape(-1, files.n_channels)
    np.testing.assert_array_equal(on_disk, raw)
    read = read_truth(files.truth_path)
    for name in simulation_files.ARRAYS:
        np.testing.assert_array_equal(getattr(read, name), getattr(truth, name))
    assert (read.sampling_hz, read.n_samples, read.peak_index) == (FS, len(raw), truth.peak_index)
    np.testing.assert_array_equal(read_probe(files.probe_path).positions_um, probe_of().positions_um)


def test_facts_say_how_to_read_the_recording(tmp_path):
    files = write_simulation(tmp_path / "made", simulate(probe_of(), PARAMS))
    facts = json.loads((tmp_path / "made" / "truth.json").read_text())
    assert facts["recording"]["n_channels"] == files.n_channels == 8
    assert facts["recording"]["gain_uv"] == files.gain_uv
    assert SimulationParams(**facts["parameters"]) == PARAMS
    with np.load(files.truth_path, allow_pickle=False) as arrays:
        assert set(facts["truth.npz"]) <= set(arrays.files)


def test_nothing_is_replaced(tmp_path):
    (tmp_path / "probe.json").write_text("mine")
    with pytest.raises(OutputError, match="exists and is not overwritten"):
        write_simulation(tmp_path, simulate(probe_of(), PARAMS))
    assert [path.name for path in tmp_path.iterdir()] == ["probe.json"]
    assert (tmp_path / "probe.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(OSError(28, "No space left on device"), OutputError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_a_failed_simulation_leaves_no_files(tmp_path, monkeypatch, raised, seen):
    def blocks(simulation):
        yield next(iter_blocks(simulation))
        raise raised

    monkeypatch.setattr(simulation_files, "iter_blocks", blocks)
    with pytest.raises(seen):
        write_simulation(tmp_path / "made", simulate(probe_of(), PARAMS))
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_ground_truth_raises_a_clear_error(tmp_path):
    np.savez(tmp_path / "other.npz", a=1)
    for name in ("other.npz", "missing.npz"):
        with pytest.raises(InputError, match="truth of a simulation"):
            read_truth(tmp_path / name)
