"""Scripts written for Kilosort4 run as they are: arguments, values, files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from paths import ROOT
from small_files import HZ, facts, spiking, write_raw

from spikesieve import InputError, read_sorting
from spikesieve.kilosort import data_tools, io, run_kilosort
from spikesieve.kilosort.run_kilosort import load_sorting

SCRIPT = ROOT / "benchmarks" / "kilosort4_script.py"
PROBE = {"chanMap": np.arange(4), "xc": np.zeros(4), "yc": 25.0 * np.arange(4), "kcoords": np.zeros(4), "n_chan": 4}


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("kilosort"), spiking(3.0))


@pytest.fixture(scope="module")
def results(raw):
    return run_kilosort({"n_chan_bin": 4, "nskip": 10}, PROBE, filename=raw, save_extra_vars=True, torch_thread_lim=1)


@pytest.fixture(scope="module")
def folder(raw, results) -> Path:
    return raw.parent / "kilosort4"


def test_nine_values_belong_together(results, folder):
    ops, st, clu, tF, Wall, similar_templates, is_ref, est_contam_rate, kept_spikes = results
    n_units = len(is_ref)
    assert n_units == ops["n_units_total"] == len(np.unique(clu)) == 1
    assert is_ref.all()
    np.testing.assert_array_equal(st[:, 0], np.load(folder / "spike_times.npy"))
    assert st.shape == (len(clu), 3)
    assert tF.shape == (len(clu), 4, 6)
    assert Wall.shape == (n_units, 4, 6)
    assert similar_templates.shape == (n_units, n_units)
    assert est_contam_rate.shape == (n_units,)
    assert kept_spikes.all()
    assert len(kept_spikes) == len(st)
    # The mean of the features is that of the unit, and the size of a spike is in noise SD.
    where = np.load(folder / "pc_feature_ind.npy")[0]
    mean, unit = tF.cpu().numpy().mean(axis=0), Wall.numpy()[0][where]
    np.testing.assert_allclose(mean, unit, atol=0.15 * np.abs(unit).max())
    assert np.median(st[:, 2]) == pytest.approx(np.linalg.norm(Wall[0]), rel=0.1)


def test_ops_has_what_scripts_read(results, folder):
    ops = np.load(folder / "ops.npy", allow_pickle=True).item()
    again = io.load_ops(folder / "ops.npy")
    assert set(ops) == set(again) == set(results.ops)
    assert (ops["fs"], ops["n_chan_bin"], ops["Nchan"], ops["Nbatches"]) == (HZ, 4, 4, 2)
    assert ops["settings"]["nskip"] == 10
    np.testing.assert_array_equal(ops["probe"]["chanMap"], np.load(folder / "channel_map.npy"))
    assert ops["dshift"].shape == (ops["Nbatches"], len(ops["yblk"]))
    templates = np.load(folder / "templates.npy")
    assert templates.shape[1:] == (ops["nt"], ops["Nchan"])
    # Wall and wPCA give the templates, as far as six components can.
    from_pcs = np.einsum("kcp,pt->ktc", results.Wall, ops["wPCA"])
    assert np.linalg.norm(from_pcs[0] - templates[0]) < 0.3 * np.linalg.norm(templates[0])
    assert abs(int(np.abs(templates[0, :, 1]).argmax()) - ops["nt0min"]) <= 1


def test_the_files_of_kilosort4_are_there(folder, results):
    theirs = ("kilosort4.log", "whitening_mat_dat.npy", "ops.npy", "tF.npy", "Wall.npy", "full_st.npy", "full_clu.npy")
    pictures = ("drift_amount.png", "drift_scatter.png", "diagnostics.png", "spike_positions.png")
    assert {*theirs, *pictures, "full_amp.npy"} <= {path.name for path in folder.iterdir()}
    for name in pictures:
        assert (folder / name).read_bytes()[:4] == b"\x89PNG"


def test_a_note_names_the_setting_that_changes_nothing(folder, results):
    assert any(note.startswith("nskip=10 changes nothing.") for note in facts(folder)["notes"])
    assert any("scale" in note for note in facts(folder)["notes"])


def test_the_folder_is_read_by_both_names(results, folder):
    assert len(read_sorting(folder).spikes) == len(results.st)
    values = load_sorting(folder, load_extra_vars=True)
    np.testing.assert_array_equal(values[1], results.st[:, 0])
    np.testing.assert_array_equal(values[6], results.kept_spikes)
    for here, there in zip(values[7:10], (results.tF, results.Wall, results.st), strict=True):
        np.testing.assert_array_equal(np.asarray(here), np.asarray(there))
    assert all(array.flags.writeable for array in values[1:] if isinstance(array, np.ndarray))
    assert len(load_sorting(folder)) == 7


def test_waveforms_and_templates_agree(results, folder):
    wave, subset = data_tools.mean_waveform(0, folder, n_spikes=60)
    template = data_tools.cluster_templates(0, folder, mean=True, best=True, spike_subset=subset)
    assert len(subset) == 60
    assert data_tools.get_best_channel(folder, 0) == 1
    assert np.abs(wave - template).max() < 0.1 * np.ptp(template)
    assert data_tools.get_labels(folder) == [["0", "good"]]
    assert data_tools.get_good_cluster(folder) == 0
    with pytest.raises(InputError, match="1 good units"):
        data_tools.get_good_cluster(folder, n=2)
    every, _ = data_tools.mean_waveform(0, folder, best=False)
    assert every.shape == (4, results.ops["nt"])
    assert data_tools.get_templates([0, 1, 2], folder).shape == (3, results.ops["nt"], 4)


def test_preprocessed_traces_can_be_written_later(results, folder, raw, tmp_path):
    io.save_preprocessing(tmp_path / "white.dat", results.ops)
    white = np.fromfile(tmp_path / "white.dat", np.int16).reshape(-1, 4) / 200
    assert len(white) == raw.stat().st_size // 8
    assert 0.8 < 1.4826 * np.median(np.abs(white[:, 0])) < 1.3
    trough = white[results.st[5:-5, 0].astype(int), 1]
    assert np.median(trough) < -5


def test_an_older_result_is_moved_aside_and_other_files_stay(raw, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "spike_times.npy").write_bytes(b"an older sort")
    (out / "cluster_info.tsv").write_text("curated")
    (out / "notes.txt").write_text("mine")
    io.save_probe(PROBE, out / "probe.json")
    settings = {"n_chan_bin": 4, "tmax": 2.0, "results_dir": out, "probe_path": out / "probe.json"}
    results = run_kilosort(settings, filename=raw, save_preprocessed_copy=True, device="cpu", torch_thread_lim=1)
    assert (tmp_path / "out-before" / "spike_times.npy").read_bytes() == b"an older sort"
    assert {path.name for path in (tmp_path / "out-before").iterdir()} == {"spike_times.npy", "cluster_info.tsv"}
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "probe.json").is_file()
    assert results.st[:, 0].max() < 2.0 * HZ
    params = (out / "params.py").read_text()
    assert "temp_wh.dat" in params
    assert "hp_filtered = True" in params
    assert (out / "temp_wh.dat").stat().st_size == raw.stat().st_size
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert any(note.startswith("device=cpu changes nothing.") for note in facts(out)["notes"])


def test_shanks_are_sorted_into_folders_of_their_own(tmp_path):
    traces = np.concatenate([spiking(2.0), spiking(2.0)], axis=1)
    twice = {"chanMap": np.arange(8), "xc": np.repeat([0.0, 250.0], 4), "yc": np.tile(25.0 * np.arange(4), 2)}
    probe = {**twice, "kcoords": np.repeat([0.0, 1.0], 4), "n_chan": 8}
    last = run_kilosort({"n_chan_bin": 8}, probe, file_object=traces, results_dir=tmp_path / "out", shank_idx=[0, 1])
    for shank in (0, 1):
        channels = np.load(tmp_path / "out" / f"shank_{shank}" / "channel_map.npy")
        np.testing.assert_array_equal(channels, np.arange(4) + 4 * shank)
    np.testing.assert_array_equal(last.ops["probe"]["kcoords"], np.ones(4))


def test_a_script_runs_unchanged_and_draws_its_figures(tmp_path):
    raw = write_raw(tmp_path, spiking(6.5))
    probe = {name: np.asarray(value).tolist() for name, value in PROBE.items()}
    (tmp_path / "probe.json").write_text(json.dumps(probe))
    command = [sys.executable, "-m", "spikesieve.kilosort", SCRIPT, raw, tmp_path / "probe.json", 4, tmp_path / "out"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert " spikes, 1 units, " in done.stdout
    assert {path.stem for path in (tmp_path / "out").glob("tutorial_*.png")} == {
        "tutorial_units",
        "tutorial_good",
        "tutorial_mua",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"probe_name": "nowhere.mat", "filename": "a.bin"}, "nowhere.mat"),
        ({"probe": PROBE}, "no file to sort"),
        ({"probe": PROBE, "data_dir": "."}, "no file that ends in"),
        ({"probe": PROBE, "filename": "nothing.bin"}, "nothing.bin"),
        ({"probe": PROBE, "file_object": np.zeros((4, 900), np.int16), "results_dir": "out"}, "shape"),
    ],
)
def test_what_cannot_be_sorted_is_said_in_a_sentence(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        run_kilosort({"n_chan_bin": 4}, **arguments)


def test_nothing_is_found_in_noise(tmp_path):
    noise = np.random.default_rng(0).normal(0, 10, (HZ, 4)).astype(np.int16)
    results = run_kilosort({"n_chan_bin": 4}, PROBE, file_object=noise, results_dir=tmp_path / "out")
    assert results.st.shape == (0, 3)
    assert results.tF.shape[0] == 0
    assert results.ops["n_units_total"] == 0
