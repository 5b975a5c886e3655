"""The command line: what it writes, what it prints, with what status it ends."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import typer
from paths import DOCS
from phylib.io.model import load_model
from small_files import HZ, facts, run_sort, spiking, write_raw
from typer.testing import CliRunner

import spikesieve
from spikesieve import Probe, Settings
from spikesieve.api.demo import demo_folder
from spikesieve.api.sort import METHODS, Resources
from spikesieve.cli.app import app
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.recordings.preprocessed import write_preprocessed
from spikesieve.io.results.folder import made_by_hand
from spikesieve.passes.saved_traces import to_int16


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw"), spiking())


def run(*words: str):
    return CliRunner().invoke(app, list(words))


@pytest.fixture(scope="module")
def done(tmp_path_factory, raw):
    """One sort with settings from a file and from the command line: (what the command ended with, its folder)."""
    folder = tmp_path_factory.mktemp("done")
    (folder / "s.toml").write_text("whitening_range = 30\n[detect]\nthreshold = 8.5\n")
    out = folder / "new" / "out"
    result = run_sort(raw, out, "-v", "--settings", str(folder / "s.toml"), "--set", "fit.learning_duration_s=100")
    assert result.exit_code == 0, result.output
    return result, out


def test_sort_finds_the_unit_and_says_where_it_is(done):
    result, out = done
    assert facts(out)["result"]["n_units"] == 1
    said = result.stdout.replace("\n", "")
    assert str(out) in said
    assert f"{out}/figures (units_on_probe" in said
    assert made_by_hand(out) == ""
    assert (out / "report.html").stat().st_size > 10_000
    assert re.search(r"s for 3 s of recording, \S+ times as long as it lasts", said)
    assert (out / "figures" / "units_on_probe.png").stat().st_size > 1000


def test_the_memory_plan_is_told_before_the_work_begins(done):
    result, out = done
    said, log = result.stderr, (out / "spikesieve.log").read_text()
    assert 0 < said.index("Memory: about ") < said.index("noise and whitening")
    for words in ("1 worker, blocks of", "MB  program and libraries", "each worker"):
        assert words in said
        assert words in log[: log.index("noise and whitening")]


def test_log_tells_versions_settings_stages_and_units(done):
    log = (done[1] / "spikesieve.log").read_text()
    for words in (
        "numpy",
        "'learning_duration_s': 100.0",
        "raw.bin",
        "s for 3 s of recording",
        "times as long as it lasts",
        "detect took",
        "peak memory",
        "spikes of 1 units: {'good': ",
    ):
        assert words in log


def test_provenance_has_settings_seeds_stages_and_inputs(done):
    found = facts(done[1])
    assert (found["settings"]["fit"]["learning_duration_s"], found["settings"]["detect"]["threshold"]) == (100, 8.5)
    assert found["seeds"] == {"shapes": 5, "cluster": 5}
    assert [Path(entry["path"]).name for entry in found["inputs"]] == ["raw.bin", "s.toml"]
    stages = found["stages"]
    assert next(iter(stages)) == "start"
    assert {"detect", "match", "write"} <= stages.keys()
    assert all(cost["seconds"] >= 0 and cost["peak_memory_mb"] > 10 for cost in stages.values())


def test_verbose_prints_the_log(done):
    assert "spikes of 1 units" in " ".join(done[0].stderr.split())
    assert not logging.getLogger("spikesieve").handlers


def test_progress_has_a_line_for_each_stage(done):
    assert re.search(r"detect .* 2/2", done[0].stderr)
    assert "match" in done[0].stderr


def test_quiet_prints_nothing(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "-q")
    assert (result.exit_code, result.output) == (0, "")


def test_overwrite_replaces_an_older_result(tmp_path, raw):
    run_sort(raw, tmp_path / "out")
    (tmp_path / "out" / "old.txt").touch()
    assert run_sort(raw, tmp_path / "out", "--overwrite").exit_code == 0
    assert not (tmp_path / "out" / "old.txt").exists()


def test_time_range_and_excluded_intervals_become_segments(tmp_path, raw):
    options = ["--time-range", "0.5:", "--exclude", "1:1.5", "--exclude", "2.5:2.75"]
    assert run_sort(raw, tmp_path / "out", *options).exit_code == 0
    segments = np.array(facts(tmp_path / "out")["recording"]["segments"]) / HZ
    assert segments.tolist() == [[0.5, 1.0], [1.5, 2.5], [2.75, 3.0]]
    times = np.load(tmp_path / "out" / "spike_times.npy") / HZ
    assert ((times > 0.5) & ~((times > 1) & (times < 1.5))).all()


def test_files_in_a_row_are_one_recording(tmp_path, raw):
    assert run_sort([raw, raw], tmp_path / "out").exit_code == 0
    assert facts(tmp_path / "out")["recording"]["file_starts"] == [0, 3 * HZ]
    assert np.load(tmp_path / "out" / "spike_times.npy").max() > 3 * HZ


def test_header_dtype_and_gain(tmp_path):
    path = tmp_path / "raw.bin"
    path.write_bytes(b"head" * 4 + (spiking().astype(np.int32) + 32768).astype("<u2").tobytes())
    options = ["--header-bytes", "16", "--dtype", "uint16", "--gain-uv", "0.5"]
    assert run_sort(path, tmp_path / "out", *options).exit_code == 0
    # The unit is 200 raw numbers deep, and its amplitude counts from trough to peak.
    assert 100 < np.median(np.load(tmp_path / "out" / "spike_amplitude_uv.npy")) < 140


@pytest.mark.parametrize(
    "words",
    [
        ["sort"],
        ["sort", "raw.bin", "--no-such-option"],
        ["sort", "raw.bin", "--out", "x", "--time-range", "5"],
        ["sort", "raw.bin", "--out", "x", "--exclude", "a:b"],
        ["sort", "raw.bin", "--out", "x", "--jobs", "0"],
        ["nonsense"],
    ],
)
def test_wrong_use_is_status_2(words):
    result = run(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_unexpected_error_is_status_1_with_its_traceback(tmp_path, raw, monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError("a defect")

    monkeypatch.setitem(METHODS, "sieve", broken)
    result = run_sort(raw, tmp_path / "out")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)
    assert not list(tmp_path.iterdir())


def test_version_and_settings():
    assert run("--version").stdout == f"spikesieve {spikesieve.__version__}\n"
    assert "threshold_sd = 6.0" in run("settings").stdout


def test_docs_name_every_option():
    page = (DOCS / "cli.md").read_text()
    for name, command in typer.main.get_command(app).commands.items():
        assert f"spikesieve {name}" in page
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert f"`{option}" in page, option


def test_quick_demo_scores_itself(tmp_path):
    result = run("demo", "--quick", "--out", str(tmp_path / "demo"))
    assert result.exit_code == 0, result.output
    assert {"recording.bin", "probe.json", "truth.npz", "sorted"} <= {
        path.name for path in (tmp_path / "demo").iterdir()
    }
    found = re.search(r"well detected.*?(\d+)", result.stdout.replace(">= 0.8", ""))
    assert int(found[1]) >= 3
    assert "peak to peak" in result.stdout
    assert "template_gallery" in result.stdout


def test_demo_replaces_no_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    result = run("demo", "--quick", "--out", str(tmp_path / "mine"))
    assert result.exit_code == 2
    assert "exists" in result.stderr
    assert demo_folder(tmp_path / "mine") == tmp_path / "mine-2"


def test_an_interrupted_demo_goes_on(tmp_path, monkeypatch):
    demo = tmp_path / "demo"

    def interrupted(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(METHODS, "sieve", interrupted)
        first = run("demo", "--quick", "--out", str(demo))
    assert first.exit_code == 130
    assert "goes on there" in first.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert demo_folder(demo, quick=True) == demo
    assert demo_folder(demo, quick=False) == tmp_path / "demo-2"
    written = (demo / "recording.bin").stat()
    assert run("demo", "--quick", "--out", str(demo)).exit_code == 0
    assert (demo / "recording.bin").stat() == written
    assert demo_folder(demo, quick=True) == tmp_path / "demo-2"


def test_save_preprocessed_opens_in_phy_beside_the_raw_file(tmp_path):
    traces = np.concatenate([np.zeros((3 * HZ, 1), np.int16), spiking()], axis=1)
    (tmp_path / "probe.json").write_text(
        json.dumps({"chanMap": [4, 3, 2, 1], "xc": [0] * 4, "yc": [0, 25, 50, 75], "kcoords": [0] * 4, "n_chan": 5})
    )
    options = ["--probe", str(tmp_path / "probe.json"), "--channels", "5", "--exclude", "1:1.5", "--save-preprocessed"]
    out = tmp_path / "out"
    result = run_sort(write_raw(tmp_path, traces), out, *options)
    assert result.exit_code == 0, result.output
    saved = np.memmap(out / "preprocessed.dat", np.int16).reshape(-1, 5)
    assert len(saved) == len(traces)
    assert not saved[HZ : HZ + HZ // 2].any()
    assert not saved[:, 0].any()
    sd = 1.4826 * np.median(np.abs(saved[:HZ, 1:]), axis=0) / 200
    assert sd[[0, 2, 3]] == pytest.approx(1.0, abs=0.15)
    sample = np.load(out / "spike_times.npy")[3]
    assert abs(saved[sample - 30 : sample + 30, 2].argmin() - 30) <= 1
    model = load_model(out / "params_preprocessed.py")
    assert np.array_equal(model.traces[sample - 5 : sample + 5][:, 2], saved[sample - 5 : sample + 5, 2])
    assert model.hp_filtered
    assert model.n_channels == 4
    model.close()


def test_preprocessed_files_for_neuroscope(tmp_path):
    probe = Probe(np.array([[0.0, 0], [0, 50], [300, 0]]), np.array([2, 0, 3]), np.array([0, 0, 1]))
    recording = recording_from_array(np.zeros((10, 4), np.int16), HZ)
    white = np.array([[1.0, 1e9], [-1.0, -1e9], [0.006, 0.5]], np.float32)
    write_preprocessed(tmp_path, [(3, to_int16(white))], recording, probe)
    saved = np.fromfile(tmp_path / "preprocessed.dat", np.int16).reshape(10, 4)
    assert saved[3].tolist() == [-200, 0, 200, 1]
    assert saved[4].tolist() == [-32768, 0, 32767, 100]
    assert not saved[[0, 1, 2, 5, 6, 7, 8, 9]].any()
    groups = ET.parse(tmp_path / "preprocessed.xml").getroot().findall("anatomicalDescription/channelGroups/group")
    assert [[(c.text, c.get("skip")) for c in group] for group in groups] == [
        [("0", "0"), ("2", "0")],
        [("3", "0")],
        [("1", "1")],
    ]


def test_python_door_sorts_the_same(done, raw):
    recording = spikesieve.read_recording(raw, 4, HZ, gain_uv=1.0)
    settings = Settings().with_overrides(["whitening_range=30", "detect.threshold=8.5", "fit.learning_duration_s=100"])
    stages = []
    sorting = spikesieve.sort(
        recording,
        spikesieve.read_probe("linear:4:25"),
        settings,
        resources=Resources(progress=lambda *now: stages.append(now[0])),
    )
    assert np.array_equal(sorting.spikes.sample, np.load(done[1] / "spike_times.npy"))
    assert not isinstance(sorting.spikes.features, np.memmap)
    assert "detect" in stages


def test_python_door_keeps_steps_in_a_folder_that_is_given(tmp_path, raw):
    recording = spikesieve.read_recording(raw, 4, HZ, gain_uv=1.0)
    probe = spikesieve.read_probe("linear:4:25")
    told: list[list[str]] = [[], []]
    first, second = (
        spikesieve.sort(
            recording, probe, resources=Resources(1, folder=tmp_path, progress=lambda *now, t=t: t.append(now[0]))
        )
        for t in told
    )
    assert "detect" in told[0]
    assert told[1] == []
    assert np.asarray(first.spikes.features).tobytes() == np.asarray(second.spikes.features).tobytes()


def test_python_door_refuses_what_cannot_be(raw):
    recording = spikesieve.read_recording(raw, 4, HZ)
    with pytest.raises(spikesieve.InputError, match="9 contacts"):
        spikesieve.sort(recording, spikesieve.read_probe("linear:9:25"))
    with pytest.raises(spikesieve.SettingsError, match="workers is 0"):
        spikesieve.sort(recording, spikesieve.read_probe("linear:4:25"), resources=Resources(n_jobs=0))


HEAVY = ("numpy", "numba", "scipy", "sklearn", "matplotlib")


@pytest.mark.parametrize(
    ("statements", "more"),
    [
        ("import spikesieve, spikesieve.cli.app; spikesieve.__version__; dir(spikesieve)", ("pydantic",)),
        ("from spikesieve.cli.app import app; app(['sort', '--help'], standalone_mode=False)", ()),
        ("import spikesieve.settings", ("pydantic_settings",)),
    ],
)
def test_import_and_help_load_nothing_heavy(statements, more):
    code = f"import sys; {statements}; found = {{*{(*HEAVY, *more)}}} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
