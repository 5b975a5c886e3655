"""What phylib and SpikeInterface make of the files that io/phy.py writes."""

from __future__ import annotations

import csv
import errno
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_sorting import PEAK, SAMPLING_HZ, local_whitening, make_probe, make_sorting, write_raw
from phylib.io.model import TemplateModel, load_model
from phylib.utils._misc import read_python

from spikesieve.io.recordings.binary import read_recording, recording_from_array
from spikesieve.io.results.phy import n_placeholder_spikes, params_py, path_from, phy_whitening, save_array, write_phy
from spikesieve.model import Recording, Sorting

NO_FILE = recording_from_array(np.zeros((100, 40), np.int16), SAMPLING_HZ)


def written(folder: Path, sorting: Sorting, recording: Recording = NO_FILE) -> TemplateModel:
    write_phy(folder, sorting, recording)
    return load_model(folder / "params.py")


@pytest.fixture(scope="module")
def sorting() -> Sorting:
    return make_sorting()


@pytest.fixture(scope="module")
def model(sorting: Sorting, tmp_path_factory: pytest.TempPathFactory) -> TemplateModel:
    folder = tmp_path_factory.mktemp("phy")
    recording = write_raw(folder / "raw.bin", sorting, gain_uv=0.5, header_bytes=14)
    (folder / "result").mkdir()
    return written(folder / "result", sorting, recording)


def test_unwhitened_template_is_our_template_in_uv(model: TemplateModel, sorting: Sorting) -> None:
    for unit, dense_uv in enumerate(sorting.templates.dense_uv(sorting.probe.n_contacts)):
        shown = model.get_template(unit)
        np.testing.assert_allclose(
            shown.template, dense_uv[:, shown.channel_ids], rtol=0, atol=1e-3 * np.abs(dense_uv).max()
        )


def test_the_whitening_of_these_tests_tells_left_from_right(sorting: Sorting) -> None:
    dense_uv = sorting.templates.dense_uv(sorting.probe.n_contacts)
    wrong_side = dense_uv @ sorting.whitening.T @ np.linalg.inv(sorting.whitening)
    assert np.abs(wrong_side - dense_uv).max() > 0.02 * np.abs(dense_uv).max()


def test_templates_on_disk_are_whitened(model: TemplateModel, sorting: Sorting) -> None:
    dense_uv = sorting.templates.dense_uv(sorting.probe.n_contacts)
    white = np.einsum("dc,ktc->ktd", sorting.whitening, dense_uv)
    np.testing.assert_allclose(model.sparse_templates.data, white, atol=1e-4 * np.abs(white).max())


def test_true_amplitudes_are_ours_in_uv(model: TemplateModel, sorting: Sorting) -> None:
    amplitude_uv, _, _ = model.get_amplitudes_true()
    np.testing.assert_allclose(amplitude_uv, sorting.spikes.amplitude_uv, rtol=1e-3)
    np.testing.assert_array_equal(model.spike_attributes["amplitude_uv"], sorting.spikes.amplitude_uv)


def test_best_channel_and_its_neighbours_are_those_of_the_unit(model: TemplateModel, sorting: Sorting) -> None:
    for unit in sorting.units:
        shown = model.get_template(unit.unit)
        assert shown.best_channel == unit.chan_best
        away_um = np.linalg.norm(
            sorting.probe.positions_um[shown.channel_ids] - sorting.probe.positions_um[unit.chan_best], axis=1
        )
        assert len(shown.channel_ids) == 12
        assert away_um.max() < 240


def test_shown_channels_stay_on_the_shank(tmp_path: Path) -> None:
    sorting = make_sorting(6, 100, make_probe(32, n_shanks=2))
    model = written(tmp_path, sorting)
    for unit in sorting.units:
        shanks = sorting.probe.shanks[model.get_template(unit.unit).channel_ids]
        assert set(shanks) == {unit.shank}


def test_raw_waveforms_times_the_gain_are_the_template(model: TemplateModel, sorting: Sorting) -> None:
    spikes = sorting.spikes
    apart = np.diff(spikes.sample, prepend=-1000, append=spikes.sample[-1] + 1000)
    alone = np.flatnonzero((apart[:-1] > 100) & (apart[1:] > 100))[:20]
    waveforms_uv = 0.5 * model.get_waveforms(alone).astype(np.float64)
    dense_uv = sorting.templates.dense_uv(sorting.probe.n_contacts)
    first = waveforms_uv.shape[1] // 2 - PEAK  # phylib centres its window on the spike
    for waveform_uv, spike in zip(waveforms_uv, alone, strict=True):
        expected = spikes.amplitude[spike] * dense_uv[spikes.unit[spike]]
        np.testing.assert_allclose(waveform_uv[first:], expected[:-first], atol=0.26)


def test_the_spikes_arrive_unchanged(model: TemplateModel, sorting: Sorting) -> None:
    np.testing.assert_array_equal(model.spike_samples, sorting.spikes.sample)
    np.testing.assert_array_equal(model.spike_clusters, sorting.spikes.unit)
    np.testing.assert_array_equal(model.spike_templates, sorting.spikes.unit)
    np.testing.assert_array_equal(model.spike_attributes["detection_templates"], sorting.spikes.detection_template)
    np.testing.assert_array_equal(model.spike_attributes["positions"], sorting.spikes.position_um)


def test_features_arrive_by_channel_and_pc(model: TemplateModel, sorting: Sorting) -> None:
    spike = 7
    contacts = sorting.feature_contacts[sorting.spikes.unit[spike]]
    ours = sorting.spikes.features[spike] * np.array([-1, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(model.get_features(np.array([spike]), contacts)[0], ours, rtol=1e-6)


@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_normal_spikes_score_positive_on_the_first_pc(tmp_path: Path, sorting: Sorting, turn: float) -> None:
    spikes = replace(sorting.spikes, features=sorting.spikes.features * np.float32(turn))
    model = written(tmp_path, replace(sorting, pcs=sorting.pcs * np.float32(turn), spikes=spikes))
    best = [np.flatnonzero(sorting.feature_contacts[u.unit] == u.chan_best)[0] for u in sorting.units]
    first_pc = model.features[np.arange(len(spikes)), np.array(best)[spikes.unit], 0]
    assert (first_pc > 0).all()
    depths_um = model.get_depths()
    assert np.abs(depths_um - spikes.position_um[:, 1]).max() < 60


def test_unused_feature_columns_name_another_contact_and_hold_zero(tmp_path: Path, sorting: Sorting) -> None:
    contacts = sorting.feature_contacts.copy()
    contacts[0, -2:] = -1
    model = written(tmp_path, replace(sorting, feature_contacts=contacts))
    row = np.load(tmp_path / "pc_feature_ind.npy")[0]
    assert len(set(row)) == len(row)
    assert row.min() >= 0
    np.testing.assert_array_equal(model.features[sorting.spikes.unit == 0][:, -2:], 0)
    assert np.isfinite(model.get_depths()).all()


def test_blocks_of_rows_join_without_a_seam(tmp_path: Path, sorting: Sorting, monkeypatch: pytest.MonkeyPatch) -> None:
    write_phy(tmp_path, sorting, NO_FILE)
    whole = {path.name: path.read_bytes() for path in tmp_path.glob("*.npy")}
    monkeypatch.setattr("spikesieve.io.results.phy.ROWS_PER_BLOCK", 37)
    write_phy(tmp_path, sorting, NO_FILE)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.npy")} == whole


def test_phy_shows_labels_and_leaves_unknown_contamination_empty(model: TemplateModel, sorting: Sorting) -> None:
    assert model.metadata["group"] == {u.unit: u.label for u in sorting.units}
    assert model.metadata["KSLabel"] == model.metadata["group"]
    known = {u.unit for u in sorting.units if u.contamination is not None}
    assert set(model.metadata["ContamPct"]) == known
    assert known < {u.unit for u in sorting.units}
    assert model.metadata["ContamPct"][0] == pytest.approx(100 * sorting.units[0].contamination, abs=0.06)


def test_each_table_names_each_unit(model: TemplateModel, sorting: Sorting) -> None:
    for name in ("group", "KSLabel", "ContamPct", "Amplitude"):
        with (model.dir_path / f"cluster_{name}.tsv").open(encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter="\t"))
        assert rows[0] == ["cluster_id", name]
        assert [int(row[0]) for row in rows[1:]] == [u.unit for u in sorting.units]


@pytest.mark.parametrize("n_contacts", [1, 4, 24])
@pytest.mark.parametrize(("n_units", "n_spikes"), [(0, 0), (1, 1), (1, 2), (1, 60), (2, 2), (3, 90)])
def test_phylib_loads_every_kind_of_result(tmp_path: Path, n_units: int, n_spikes: int, n_contacts: int) -> None:
    sorting = make_sorting(n_units, n_spikes, make_probe(n_contacts))
    model = written(tmp_path, sorting)
    made_up = n_placeholder_spikes(sorting)
    assert model.n_spikes == n_spikes + made_up
    np.testing.assert_array_equal(model.spike_samples[:n_spikes], sorting.spikes.sample)
    np.testing.assert_array_equal(model.spike_clusters[n_spikes:], n_units)
    amplitude_uv, _, _ = model.get_amplitudes_true()
    np.testing.assert_allclose(amplitude_uv[:n_spikes], sorting.spikes.amplitude_uv, rtol=1e-3)
    assert (amplitude_uv[n_spikes:] == 0).all()
    dense_uv = sorting.templates.dense_uv(n_contacts)
    for unit in range(n_units):
        shown = model.get_template(unit)
        np.testing.assert_allclose(shown.template, dense_uv[unit][:, shown.channel_ids], atol=1e-3 * np.ptp(dense_uv))


@pytest.mark.parametrize(("n_units", "n_spikes"), [(0, 0), (1, 1), (5, 400)])
def test_spikeinterface_reads_the_units_and_no_placeholder(tmp_path: Path, n_units: int, n_spikes: int) -> None:
    from spikeinterface.extractors import read_phy

    sorting = make_sorting(n_units, n_spikes)
    write_phy(tmp_path, sorting, NO_FILE)
    read = read_phy(tmp_path)
    assert list(read.unit_ids) == list(range(n_units))
    for unit in range(n_units):
        ours = sorting.spikes.sample[sorting.spikes.unit == unit]
        np.testing.assert_array_equal(read.get_unit_spike_train(unit), ours)
    if n_units:
        assert list(read.get_property("quality")) == [u.label for u in sorting.units]


def test_placeholders_are_announced(tmp_path: Path) -> None:
    assert "1 row at the end of the spike files is a placeholder" in write_phy(tmp_path, make_sorting(1, 1), NO_FILE)[0]
    assert write_phy(tmp_path, make_sorting(1, 2), NO_FILE) == ()


def test_times_beyond_32_bits_survive(tmp_path: Path, sorting: Sorting) -> None:
    late = replace(sorting.spikes, sample=sorting.spikes.sample + 2**33)
    model = written(tmp_path, replace(sorting, spikes=late))
    np.testing.assert_array_equal(model.spike_samples, late.sample)
    assert model.spike_samples.dtype == np.int64


def test_a_whitening_without_inverse_leaves_templates_in_uv(tmp_path: Path, sorting: Sorting) -> None:
    whitening = sorting.whitening.copy()
    whitening[3] = 0
    notes = write_phy(tmp_path, replace(sorting, whitening=whitening), NO_FILE)
    model = load_model(tmp_path / "params.py")
    dense_uv = sorting.templates.dense_uv(sorting.probe.n_contacts)
    np.testing.assert_array_equal(model.sparse_templates.data, dense_uv)
    shown = model.get_template(0)
    np.testing.assert_allclose(shown.template, dense_uv[0][:, shown.channel_ids], rtol=1e-6)
    assert "whitening" in notes[0]


def test_whitening_for_phy_is_the_transpose_with_its_inverse() -> None:
    ours = local_whitening(make_probe(30))
    theirs, inverse = phy_whitening(ours)
    np.testing.assert_array_equal(theirs, ours.T)
    np.testing.assert_allclose(theirs @ inverse, np.eye(30), atol=1e-9)


def test_probe_files_hold_sorted_contacts_and_their_file_columns(model: TemplateModel, sorting: Sorting) -> None:
    np.testing.assert_array_equal(model.channel_mapping, sorting.probe.channels)
    np.testing.assert_array_equal(model.channel_positions, sorting.probe.positions_um)
    np.testing.assert_array_equal(model.channel_shanks, sorting.probe.shanks)


def test_types_are_those_of_the_documentation(model: TemplateModel, sorting: Sorting) -> None:
    n, k, c = len(sorting.spikes), len(sorting.units), sorting.probe.n_contacts
    expected = {
        "spike_times": ((n,), np.int64),
        "spike_clusters": ((n,), np.int32),
        "spike_templates": ((n,), np.int32),
        "spike_detection_templates": ((n,), np.int32),
        "amplitudes": ((n,), np.float32),
        "spike_amplitude_uv": ((n,), np.float32),
        "spike_positions": ((n, 2), np.float32),
        "kept_spikes": ((n + 3,), np.bool_),
        "templates": ((k, 61, c), np.float32),
        "templates_ind": ((k, c), np.int64),
        "similar_templates": ((k, k), np.float32),
        "pc_features": ((n, 6, 8), np.float32),
        "pc_feature_ind": ((k, 8), np.int64),
        "whitening_mat": ((c, c), np.float64),
        "whitening_mat_inv": ((c, c), np.float64),
        "channel_map": ((c,), np.int64),
        "channel_positions": ((c, 2), np.float64),
        "channel_shanks": ((c,), np.int64),
    }
    found = {path.stem: np.load(path, mmap_mode="r") for path in model.dir_path.glob("*.npy")}
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == expected


def test_params_give_one_path_or_a_list_as_seen_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a é.bin", "b.bin"):
        (tmp_path / name).write_bytes(bytes(4 + 2 * 4 * 10))
    one = read_recording("a é.bin", 4, 25_000.0, "uint16", header_bytes=4)
    two = read_recording(["a é.bin", tmp_path / "b.bin"], 4, 25_000.0, "uint16", header_bytes=4)
    (tmp_path / "params.py").write_text(params_py(one, tmp_path), encoding="ascii")
    assert read_python(tmp_path / "params.py") == {
        "dat_path": "a é.bin",
        "n_channels_dat": 4,
        "offset": 4,
        "sample_rate": 25_000.0,
        "dtype": "uint16",
        "hp_filtered": False,
    }
    (tmp_path / "params.py").write_text(params_py(two, tmp_path / "sorted" / "result"), encoding="ascii")
    assert read_python(tmp_path / "params.py")["dat_path"] == ["../../a é.bin", "../../b.bin"]


def test_phy_finds_the_traces_after_the_session_was_moved(tmp_path: Path, sorting: Sorting) -> None:
    session = tmp_path / "session"
    (session / "raw").mkdir(parents=True)
    recording = write_raw(session / "raw" / "run.bin", sorting)
    raw = np.memmap(session / "raw" / "run.bin", np.int16, "r+", shape=(recording.n_samples, recording.n_channels))
    raw[100:103] = np.arange(3 * recording.n_channels).reshape(3, -1)
    raw.flush()
    expected = raw[100:103, sorting.probe.channels].copy()
    # The folder is written in another place than where it will be.
    (session / ".new" / "deep" / "result").mkdir(parents=True)
    write_phy(session / ".new" / "deep" / "result", sorting, recording, session / "result")
    (session / ".new" / "deep" / "result").rename(session / "result")
    session.rename(tmp_path / "moved")
    model = load_model(tmp_path / "moved" / "result" / "params.py")
    np.testing.assert_array_equal(model.traces[100:103], expected)


def test_no_relative_path_leads_through_what_cannot_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, result = tmp_path / "raw" / "run.bin", tmp_path / "results" / "mouse"
    assert path_from(result, str(raw)) == "../../raw/run.bin"
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert path_from(result, str(raw)) == str(raw)
    monkeypatch.undo()
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == tmp_path)
    assert path_from(result, str(raw)) == str(raw)
    assert path_from(tmp_path / "raw" / "result", str(raw)) == "../run.bin"


def test_a_recording_in_memory_has_no_raw_file() -> None:
    assert "dat_path = []\n" in params_py(NO_FILE, Path("result"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes to run into")
def test_a_write_cut_short_keeps_its_error_number(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            save_array(tmp_path / "large.npy", np.zeros(100_000), np.float64)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
