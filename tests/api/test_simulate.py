"""Simulations by name: presets, overrides, files that are given, and the sentences for what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_sorting import make_sorting, write_raw
from needed import needed_module
from paths import DOCS, SHARED
from scipy.io import loadmat, savemat
from scipy.signal import butter, sosfiltfilt

from spikesieve.api.simulate import SimulationSettings, preset_settings, simulate
from spikesieve.errors import InputError, OutputError, SettingsError, SpikesieveError
from spikesieve.io.probes.read import read_probe
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.simulations.files import read_truth
from spikesieve.io.simulations.footprints import read_footprints
from spikesieve.io.simulations.inputs import read_displacement, read_intervals
from spikesieve.simulation.footprints import waveforms, window_around_spike
from spikesieve.simulation.presets import PRESETS

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SMALL = ("probe=linear:8:20", "n_units=3", "n_shanks=1", "seconds=1.0")


def made(tmp_path: Path, *overrides: str, preset: str = "linear-32", seed: int = 0):
    files = simulate(preset, tmp_path / "made", seed=seed, overrides=(*SMALL, *overrides))
    raw = np.fromfile(files.recording_path, "<i2").reshape(-1, files.n_channels)
    return files, raw, read_truth(files.truth_path)


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_and_variant_is_valid(name):
    for variant in ("", *(f":{variant}" for variant in PRESETS[name].variants)):
        assert isinstance(preset_settings(name + variant), SimulationSettings)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "hybrid"])
def test_every_preset_can_be_made(name, tmp_path):
    files = simulate(name, tmp_path / "made", overrides=("n_units=2", "seconds=0.2"))
    raw = np.fromfile(files.recording_path, "<i2").reshape(-1, files.n_channels)
    assert len(raw) == 0.2 * files.sampling_hz
    assert read_probe(files.probe_path).n_contacts == files.n_channels
    assert (tmp_path / "made" / "phy" / "params.py").is_file()


def test_the_six_drifts_of_kilosort4_differ():
    names = list(PRESETS["kilosort4-paper"].variants)
    assert len(names) == 6
    settings = [preset_settings(f"kilosort4-paper:{name}") for name in names]
    assert len({item.model_dump_json() for item in settings}) == 6
    assert [item.moves for item in settings] == [False, True, True, True, True, True]


def test_four_shanks_stand_side_by_side(tmp_path):
    files = simulate("neuropixels2-4shank", tmp_path / "made", overrides=("n_units=2", "seconds=0.1"))
    probe = read_probe(files.probe_path)
    assert np.bincount(probe.shanks).tolist() == [96] * 4
    lefts = [probe.positions_um[probe.shanks == shank, 0].min() for shank in range(4)]
    assert np.diff(lefts).tolist() == [250.0] * 3


def test_emouse_writes_what_the_simulator_wrote(tmp_path):
    files, raw, truth = made(tmp_path, "probe=neuropixels1:64", preset="emouse-64")
    folder = files.recording_path.parent
    assert files.recording_path.name == "sim_binary.imec.ap.bin"
    probe = read_probe(folder / "chanMap_3B_64sites.mat")
    np.testing.assert_array_equal(probe.positions_um[:4], [[43, 20], [11, 20], [59, 40], [27, 40]])
    assert probe.positions_um[:, 1].max() == 640.0
    np.testing.assert_array_equal(np.load(folder / "chanMap.npy"), np.arange(64))
    np.testing.assert_array_equal(np.load(folder / "yc.npy"), probe.positions_um[:, 1])
    assert np.load(folder / "xc.npy").shape == (64,)
    assert loadmat(folder / "eMouseGroundTruth.mat")["gtRes"][0, 0] == truth.sample[0] + 1
    assert raw.shape[1] == 64
    np.testing.assert_allclose(truth.ptp_uv, 250.5, rtol=1e-4)


def test_same_seed_same_files_another_seed_another_recording(tmp_path):
    one = simulate("tetrode", tmp_path / "one", seconds=0.5, seed=4)
    two = simulate("tetrode", tmp_path / "two", seconds=0.5, seed=4)
    other = simulate("tetrode", tmp_path / "other", seconds=0.5, seed=5)
    assert one.recording_path.read_bytes() == two.recording_path.read_bytes() != other.recording_path.read_bytes()
    assert one.truth_path.read_bytes() == two.truth_path.read_bytes()


def test_facts_name_every_array_of_the_truth(tmp_path):
    files, _, _ = made(tmp_path)
    facts = json.loads((files.truth_path.parent / "truth.json").read_text())
    with np.load(files.truth_path, allow_pickle=False) as arrays:
        assert set(facts["truth.npz"]) == set(arrays.files)


def test_phy_opens_the_truth_and_shows_its_waveforms(tmp_path):
    phylib = needed_module("phylib.io.model", "packages")
    files, _, truth = made(tmp_path, "drift_sine_um=5", "drift_sine_period_s=2")
    model = phylib.load_model(files.phy_path)
    np.testing.assert_array_equal(model.spike_samples, truth.sample)
    np.testing.assert_array_equal(model.spike_templates, truth.unit)
    shown = model.get_template(1)
    np.testing.assert_allclose(shown.template, truth.templates_uv[1][:, shown.channel_ids], atol=1e-3)
    assert model.traces.shape[1] == files.n_channels
    there = truth.position_um[truth.unit, :2] + np.stack([0 * truth.moved_um, truth.moved_um], axis=1)
    np.testing.assert_allclose(np.load(files.phy_path.parent / "spike_positions.npy"), there, atol=1e-3)
    assert np.ptp(truth.moved_um) > 1.0
    model.close()


def test_real_footprints_fit_the_probe(tmp_path):
    library = SHARED / "bench" / "footprints_real.npz"
    if not library.is_file():
        pytest.skip("the measured footprints are not here")
    _, _, truth = made(tmp_path, f"footprints={library}", "probe=neuropixels1:32", "drift_walk_um=20", "n_units=10")
    assert len(set(truth.kind)) == 10
    best = np.ptp(truth.templates_uv, axis=1).argmax(axis=1)
    largest = truth.templates_uv[np.arange(10), :, best]
    assert (largest[:, truth.peak_index] < -0.5 * truth.ptp_uv).all(), "all of them are negative spikes"
    beside = np.ptp(truth.templates_uv, axis=1) > 0.5 * truth.ptp_uv[:, None]
    assert (beside.sum(axis=1) <= 12).all()


# What is wrong


@pytest.mark.parametrize(
    ("preset", "overrides", "kind", "words"),
    [
        ("emouse", (), SettingsError, "Did you mean 'emouse-64'"),
        ("qqqqq", (), SettingsError, "There is no preset 'qqqqq'. There are emouse-64"),
        ("kilosort4-paper:fastt", (), SettingsError, "no variant 'fastt'. Did you mean 'fast'"),
        ("tetrode:fast", (), SettingsError, "It has none"),
        ("tetrode", ("nois_uv=3",), SettingsError, "Did you mean noise_uv"),
        ("tetrode", ("zzzzzzz=3",), SettingsError, "The page docs/simulation.md lists them all"),
        ("tetrode", ("noise_uv=-3",), SettingsError, "must be a number, at least 0"),
        ("tetrode", ("noise_uv",), SettingsError, "has no value"),
        ("tetrode", ("rate_law=often",), SettingsError, "one of 'lognormal'"),
        ("tetrode", ("min_rate_hz=100", "max_rate_hz=50"), SettingsError, "Give a smaller min_rate_hz"),
        ("tetrode", ("seconds=0",), SettingsError, "above 0"),
        ("tetrode", ("probe=tetrod:4",), InputError, "tetrode"),
        ("tetrode", ("footprints=gone.npz",), InputError, "do not exist"),
        ("tetrode", ("drift_file=gone.csv",), InputError, "cannot be read as a displacement"),
        ("tetrode", ("intervals_file=gone.npy",), InputError, "cannot be read as intervals"),
        ("tetrode", ("noise_of=gone.bin",), InputError, "gone.bin"),
        ("hybrid", (), SettingsError, "hybrid_of=RESULT"),
        ("hybrid", ("hybrid_of=gone",), InputError, "does not exist"),
    ],
)
def test_wrong_input_raises_a_clear_error_and_leaves_no_folder(preset, overrides, kind, words, tmp_path):
    with pytest.raises(kind) as error:
        simulate(preset, tmp_path / "made", overrides=overrides)
    assert words in str(error.value)
    assert isinstance(error.value, SpikesieveError)
    assert not (tmp_path / "made").exists()


def test_a_folder_that_exists_is_not_touched(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(OutputError, match="exists"):
        simulate("tetrode", tmp_path / "made", seconds=0.1)
    assert list((tmp_path / "made").iterdir()) == []


# Files that are given


def gaussian_unit(n_points: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) and waveforms (n, 81): a pulse that dies away with distance."""
    xy = np.random.default_rng(0).uniform(-50, 50, (n_points, 2))
    xy[0] = 0
    pulse = -np.exp(-(((np.arange(81) - 40) / 4.0) ** 2))
    return xy, 100 * np.exp(-((np.linalg.norm(xy, axis=1) / 40) ** 2))[:, None] * pulse


def test_a_measured_footprint_is_itself_where_it_was_measured(tmp_path):
    xy, waves = gaussian_unit()
    np.savez(tmp_path / "a.npz", xy=xy, waves=waves[None], peak_index=40)
    (found,) = read_footprints(tmp_path / "a.npz")
    there = np.column_stack([xy, np.zeros(len(xy))])
    window = window_around_spike(30_000.0)
    seen = waveforms(found, there, window)[0]
    np.testing.assert_allclose(seen[:, window.peak_index], waves[:, 40], atol=2.0)
    between = waveforms(found, np.array([[0, 0, 0], [20.0, 0, 0]]), window)[0, :, window.peak_index]
    assert between[1] / between[0] == pytest.approx(np.exp(-0.25), abs=0.05)
    assert np.abs(waveforms(found, np.array([[0, 0, 0], [200.0, 0, 0]]), window)[0, 1]).max() < 2.0


def test_footprints_of_several_layouts_are_the_same(tmp_path):
    xy, waves = gaussian_unit()
    two = np.stack([waves, 0.5 * waves])
    np.savez(tmp_path / "dense.npz", xy=xy, waves=two, peak_index=40)
    joined = np.concatenate([waves, 0.5 * waves])
    np.savez(tmp_path / "rows.npz", xy=np.tile(xy, (2, 1)), waves=joined, offsets=[0, 60, 120], peak_index=40)
    savemat(tmp_path / "block.mat", {"uData": {"uR": two.transpose(2, 1, 0), "xC": xy[:, 0], "yC": xy[:, 1]}})
    units = np.array([{"waves": wave, "sites": xy} for wave in two], dtype=object)
    savemat(tmp_path / "structs.mat", {"units": units})
    there = np.column_stack([xy, np.zeros(len(xy))])
    window = window_around_spike(30_000.0)
    first = [waveforms(item, there, window) for item in read_footprints(tmp_path / "dense.npz")]
    for name in ("rows.npz", "block.mat", "structs.mat"):
        found = read_footprints(tmp_path / name)
        assert len(found) == 2, name
        for item, expected in zip(found, first, strict=True):
            np.testing.assert_allclose(waveforms(item, there, window), expected, atol=0.01, err_msg=name)
    assert len(read_footprints(tmp_path)) == 8


def test_a_file_without_footprints_raises_a_clear_error(tmp_path):
    np.savez(tmp_path / "a.npz", other=1)
    savemat(tmp_path / "b.mat", {"x": np.arange(3)})
    (tmp_path / "c.mat").write_bytes(b"no matlab file at all" * 20)
    np.savez(tmp_path / "d.npz", xy=np.zeros((3, 2)), waves=np.full((1, 3, 40), np.nan))
    for name in ("a.npz", "b.mat", "c.mat", "d.npz"):
        with pytest.raises(InputError, match=r"An \.npz needs"):
            read_footprints(tmp_path / name)


def test_units_take_the_footprints_that_are_given(tmp_path):
    xy, waves = gaussian_unit()
    np.savez(tmp_path / "mine.npz", xy=xy, waves=waves[None], peak_index=40)
    _, _, truth = made(tmp_path, f"footprints={tmp_path / 'mine.npz'}")
    assert truth.kind.tolist() == ["mine:0"] * 3


def test_a_displacement_is_imposed(tmp_path):
    np.savetxt(tmp_path / "drift.csv", [[0.0, 0.0], [1.0, 30.0]], delimiter=",")
    _, _, truth = made(tmp_path, f"drift_file={tmp_path / 'drift.csv'}", "rate_hz=40")
    np.testing.assert_allclose(truth.moved_um, 30 * truth.sample / truth.sampling_hz, atol=0.05)
    again = read_displacement(tmp_path / "made" / "truth.npz")
    np.testing.assert_array_equal(again.um, truth.displacement_um)


@pytest.mark.parametrize("rows", [[[0, 1], [0, 2]], [[0, np.nan], [1, 2]], [[0], [1]]])
def test_a_wrong_displacement_raises_a_clear_error(rows, tmp_path):
    np.savetxt(tmp_path / "drift.txt", rows)
    with pytest.raises(InputError, match="displacement_time_s"):
        read_displacement(tmp_path / "drift.txt")


def test_intervals_are_drawn_from_those_that_are_given(tmp_path):
    np.save(tmp_path / "isi.npy", np.array([0.01, 0.02]))
    _, _, truth = made(
        tmp_path,
        f"intervals_file={tmp_path / 'isi.npy'}",
        "bursting_share=0",
        "slow_rate_spread=0",
        "shared_rate_spread=0",
    )
    for unit in range(3):
        intervals = np.diff(truth.sample[truth.unit == unit]) / truth.sampling_hz
        assert set(np.round(intervals, 3)) == {0.01, 0.02}


@pytest.mark.parametrize("values", [[], [0.1, -1.0], [np.nan]])
def test_wrong_intervals_raise_a_clear_error(values, tmp_path):
    np.save(tmp_path / "isi.npy", np.array(values))
    with pytest.raises(InputError, match="positive intervals"):
        read_intervals(tmp_path / "isi.npy")


def test_noise_is_that_of_the_recording(tmp_path):
    silent = ("n_units=0", "slow_rate_spread=0")
    (tmp_path / "first").mkdir()
    files, raw, _ = made(tmp_path / "first", *silent, "seconds=8", "noise_uv=14", "correlation_um=200", "hum_uv=0")
    _, again, _ = made(tmp_path, *silent, "seconds=8", f"noise_of={files.recording_path}", seed=1)
    np.testing.assert_allclose(again.std(axis=0), raw.std(axis=0), rtol=0.25)
    high_pass = butter(3, 300, "high", fs=files.sampling_hz, output="sos")
    fast, fast_again = (sosfiltfilt(high_pass, x.astype(float), axis=0) for x in (raw, again))
    np.testing.assert_allclose(fast_again.std(axis=0), fast.std(axis=0), rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(fast_again.T), np.corrcoef(fast.T), atol=0.03)
    with pytest.raises(InputError, match="7"):
        made(tmp_path / "third", f"noise_of={files.recording_path}", "probe=linear:7:20")


# Hybrids


@pytest.fixture
def result(tmp_path) -> Path:
    """A result folder of 5 units and the recording it was made from."""
    sorting = make_sorting(duration_s=3.0)
    recording = write_raw(tmp_path / "raw.bin", sorting)
    samples = np.fromfile(tmp_path / "raw.bin", "<i2").reshape(-1, recording.n_channels)
    samples[:, 0] = np.arange(len(samples)) % 100  # a column that the probe does not name
    samples.tofile(tmp_path / "raw.bin")
    (tmp_path / "result").mkdir()
    write_result(tmp_path / "result", sorting, recording, RunRecord("kilosort4", {}, {}, NOW, NOW))
    return tmp_path / "result"


def test_a_hybrid_adds_known_units_to_their_recording(result, tmp_path):
    files = simulate("hybrid", tmp_path / "made", overrides=(f"hybrid_of={result}", "n_units=4", "rate_hz=40"))
    truth = read_truth(files.truth_path)
    before = np.fromfile(tmp_path / "raw.bin", "<i2").reshape(-1, files.n_channels).astype(int)
    after = np.fromfile(files.recording_path, "<i2").reshape(-1, files.n_channels).astype(int)
    assert before.shape == after.shape
    probe = read_probe(files.probe_path)
    assert 0 not in probe.channels
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    added = (after - before)[:, probe.channels] * files.gain_uv
    spikes = np.zeros(len(added), bool)
    window = np.arange(-truth.peak_index, truth.templates_uv.shape[1] - truth.peak_index)
    spikes[(truth.sample[:, None] + window).ravel()] = True
    assert not added[~spikes].any(), "nothing but spikes is added"
    assert len(truth.sample) > 50
    peak = np.array([added[t - 3 : t + 4].min() for t in truth.sample])
    depth = truth.templates_uv.min(axis=(1, 2))[truth.unit] * truth.amplitude
    assert np.median(peak / depth) == pytest.approx(1.0, abs=0.1)


def test_hybrid_units_look_as_they_do_where_they_come_from(result, tmp_path):
    sorting = make_sorting(duration_s=3.0)
    files = simulate("hybrid", tmp_path / "made", overrides=(f"hybrid_of={result}", "n_units=3"))
    truth = read_truth(files.truth_path)
    good = [unit.unit for unit in sorting.units if unit.label == "good"]
    for row in range(3):
        origin = sorting.templates.dense_uv(24)[good[row % len(good)]]
        largest = np.ptp(origin, axis=0).max()
        assert truth.ptp_uv[row] == pytest.approx(largest, rel=0.05)
        assert truth.kind[row] == f"unit {good[row % len(good)]}"
        assert int(np.ptp(truth.templates_uv[row], axis=0).argmax()) != int(np.ptp(origin, axis=0).argmax())


def test_a_missing_recording_raises_a_clear_error(result, tmp_path):
    (tmp_path / "raw.bin").unlink()
    with pytest.raises(InputError, match=r"raw\.bin"):
        simulate("hybrid", tmp_path / "made", overrides=(f"hybrid_of={result}",))


# The page about it


def test_the_page_has_every_preset_and_every_setting_with_its_default():
    text = (DOCS / "simulation.md").read_text(encoding="utf-8")
    for name, preset in PRESETS.items():
        assert f"| `{name}` |" in text
        assert all(f"`:{variant}`" in text for variant in preset.variants)
    for name, field in SimulationSettings.model_fields.items():
        default = "none" if field.default is None else field.default
        assert f"| `{name}` | {default} | {field.description} (" in text, name
