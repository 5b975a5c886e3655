"""Kilosort2's option names: each leads to a setting that exists, or says why there is none."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from make_sides import write_rez_arrays
from needed import needed_module
from small_files import facts, of_method, refused, run_sort, spiking, write_raw

from spikesieve.errors import InputError, SettingsError
from spikesieve.io.kilosort2_options import read_options
from spikesieve.io.sortings.rez_mat import read_ops
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.settings.kilosort2_ops import OPTIONS, values_of_ops
from spikesieve.settings.sort import Settings
from spikesieve.stages.preprocess import PreprocessParams
from spikesieve.stages.shapes import ShapesParams

GROUPS = {"kilosort2": Kilosort2Params, "preprocess": PreprocessParams, "shapes": ShapesParams}
# What configFiles of Kilosort2 and 2.5 set, as a person would type it.
CONFIG = {
    "Th": [10, 4],
    "ThPre": 8,
    "lam": 10,
    "AUCsplit": 0.9,
    "minFR": 1 / 50,
    "momentum": [20, 400],
    "sigmaMask": 30,
    "spkTh": -6,
    "reorder": 1,
    "nskip": 25,
    "nSkipCov": 25,
    "GPU": 1,
    "nfilt_factor": 4,
    "ntbuff": 64,
    "nPCs": 3,
    "NT": 65_600,
    "whiteningRange": 32,
    "scaleproc": 200,
    "useRAM": 0,
    "fs": 30_000,
    "fshigh": 150,
    "CAR": 1,
    "minfr_goodchannels": 0.1,
    "trange": [0, math.inf],
    "chanMap": "map.mat",
    "fproc": "temp_wh.dat",
    "nblocks": 0,
}


def test_a_whole_configuration_becomes_settings_that_exist():
    values = dict(values_of_ops(CONFIG))
    assert values["kilosort2.learn_threshold"] == 10
    assert values["kilosort2.threshold"] == 4
    assert values["kilosort2.last_momentum"] == 400
    assert values["shapes.threshold_sd"] == 6
    assert values["kilosort2.template_radius_um"] == 90
    assert values["preprocess.highpass_cutoff_hz"] == 150
    assert values["kilosort2.reorder"] is True
    assert values["kilosort2.drift"] == "order"
    for group, params in GROUPS.items():
        mine = {path.partition(".")[2]: value for path, value in values.items() if path.startswith(f"{group}.")}
        params.model_validate(mine, strict=True)
    assert {path.partition(".")[0] for path in values} == set(GROUPS)


def test_matlab_arrays_mean_the_same():
    typed = {"Th": [10, 4], "lam": 10, "NT": 65_600, "trange": [0, math.inf]}
    stored = {name: np.atleast_2d(np.asarray(value, np.float64)) for name, value in typed.items()}
    assert values_of_ops(stored) == values_of_ops(typed)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_explained(name):
    assert OPTIONS[name].meaning
    assert not OPTIONS[name].meaning.endswith(".")


def test_a_group_is_reached_by_the_names_its_fields_carry():
    for name, field in Kilosort2Params.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "kilosort2" in extra:
            (path, _), *_ = OPTIONS[str(extra["kilosort2"])].values(1)
            assert path == f"kilosort2.{name}"


@pytest.mark.parametrize(
    ("ops", "words"),
    [
        ({"lamb": 10}, "Did you mean lam"),
        ({"trange": [0, 100]}, "--time-range"),
        ({"fslow": 6000}, "no low-pass"),
        ({"lam": "ten"}, "cannot be 'ten'"),
        ({"lam": [1, 2, 3]}, "cannot be"),
        ({"Th": []}, "cannot be"),
        ({"NT": math.inf}, "cannot be"),
    ],
)
def test_what_cannot_be_followed_is_said(ops, words):
    with pytest.raises(SettingsError, match=words):
        values_of_ops(ops)


def test_the_ops_of_a_rez_mat_are_read(tmp_path):
    needed_module("h5py", "packages")
    stored = {"ops/Th": np.array([[10.0, 4.0]]), "ops/lam": np.array([[20.0]]), "ops/fs": np.array([[30_000.0]])}
    write_rez_arrays(tmp_path / "rez.mat", stored | {"ops/myOwn": np.array([[1.0]])}, {"ops/fproc": "temp.dat"})
    ops = read_ops(tmp_path / "rez.mat")
    assert set(ops) == {"Th", "lam", "fs", "myOwn", "fproc"}
    values = dict(values_of_ops({name: value for name, value in ops.items() if name in OPTIONS}))
    assert (values["kilosort2.learn_threshold"], values["kilosort2.amplitude_penalty"]) == (10, 20)
    write_rez_arrays(tmp_path / "bare.mat", {"Wrot": np.eye(2)}, {})
    with pytest.raises(InputError, match="has no ops"):
        read_ops(tmp_path / "bare.mat")


def test_registration_is_asked_for_by_blocks():
    assert values_of_ops({"nblocks": 5}) == [("kilosort2.drift", "register"), ("motion.n_sections", 5)]
    assert values_of_ops({"nblocks": 0}) == [("kilosort2.drift", "order")]
    assert dict(values_of_ops({"perform_drift_registration": False, "nblocks": 5}))["kilosort2.drift"] == "order"
    assert values_of_ops({"perform_drift_registration": True}) == [("kilosort2.drift", "register")]


def test_a_dict_of_options_makes_settings_of_the_method():
    settings = Settings.from_kilosort2(CONFIG)
    assert settings.method == "kilosort2"
    assert (settings.kilosort2.learn_threshold, settings.kilosort2.threshold) == (10, 4)
    assert settings.preprocess.highpass_cutoff_hz == 150
    assert Settings().with_overrides(["lam=20"]).kilosort2.amplitude_penalty == 20


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw"), spiking())


def test_the_command_takes_options_of_kilosort2_and_keeps_the_steps(tmp_path, raw):
    h5py = needed_module("h5py", "packages")
    (tmp_path / "ops.toml").write_text("Th = [9, 5]\nlam = 12\ntrange = [0, 1]\n")
    options = ["--kilosort2-ops", str(tmp_path / "ops.toml"), "--time-range", "0:2.5", "--set", "lam=15"]
    result = run_sort(raw, tmp_path / "out", *options, "--save-intermediates")
    assert result.exit_code == 0, result.output
    found = facts(tmp_path / "out")
    own = found["settings"]["kilosort2"]
    assert (found["method"], own["learn_threshold"], own["amplitude_penalty"]) == ("kilosort2", 9, 15)
    assert [Path(entry["path"]).name for entry in found["inputs"]] == ["raw.bin", "ops.toml"]
    assert found["result"]["n_units"] == 1
    with h5py.File(tmp_path / "out" / "kilosort2.h5") as file:
        assert {"Wrot", "W", "U", "mu", "st3", "simScore", "iNeigh", "cProj", "cProjPC"} <= set(file)
        assert len(file["st3"]) == found["result"]["n_spikes"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (None, "gone.toml", "does not exist"),
        ("Th = ", "ops.toml", "cannot be read"),
        ("[1, 2]", "ops.json", "no options by name"),
        ("ops.Th = [10 4];", "config.m", "Give a rez.mat, a .toml or a .json"),
        ("lamb = 3", "ops.toml", "Did you mean lam"),
        ("trange = [0, 5]", "ops.toml", "give --time-range"),
        ("Th = [10, 0.5]", "ops.toml", "kilosort2.threshold"),
    ],
)
def test_files_of_options_that_cannot_be_followed_are_refused(tmp_path, raw, text, name, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    refused(run_sort(raw, tmp_path / "out", "--kilosort2-ops", str(tmp_path / name)), tmp_path, words)


def test_a_json_of_options_is_read(tmp_path):
    (tmp_path / "params.json").write_text('{"Th": [6, 3], "perform_drift_registration": true}')
    assert read_options(tmp_path / "params.json") == {"Th": [6, 3], "perform_drift_registration": True}


def test_what_the_method_cannot_do_is_refused(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--method", "kilosort4", "--save-intermediates")
    refused(result, tmp_path, "The method kilosort4 keeps no intermediate results")
    np.savez(tmp_path / "motion.npz", time_s=np.arange(3.0), depth_um=np.array([0.0]), um=np.zeros((3, 1)))
    options = [*of_method("kilosort2"), "--motion", str(tmp_path / "motion.npz")]
    refused(run_sort(raw, tmp_path / "out", *options), tmp_path, "uses no displacement", "kilosort2.drift=register")


def test_the_method_named_wins_over_the_one_that_is_set(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--set", "method=kilosort2", "--method", "kilosort4")
    assert result.exit_code == 0
    assert facts(tmp_path / "out")["method"] == "kilosort4"
