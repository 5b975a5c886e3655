"""spikesieve as a sorter of SpikeInterface, held to what its own test holds every sorter to, and to more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import probeinterface
import pytest
from needed import needed_module
from small_files import spiking

import spikesieve
from spikesieve.errors import InputError, OutputError, SettingsError

si = needed_module("spikeinterface.core", "packages")
sorters = needed_module("spikeinterface.sorters", "packages")

from spikeinterface_recordings import in_memory, line_probe, saved, set_probe  # noqa: E402

from spikesieve.spikeinterface import (  # noqa: E402
    SpikesieveSorter,
    register,
    run_sorter,
    run_sorter_jobs,
    to_sorting,
)

ONE_WORKER = {"n_jobs": 1}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not serializable to file")
        yield


@pytest.fixture(scope="module")
def segments() -> list[np.ndarray]:
    traces = spiking(3.0)
    return [traces[:50_000], traces[50_000:]]


@pytest.fixture(scope="module")
def recording(segments, tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saved(tmp_path_factory.mktemp("recording") / "saved", segments)


@pytest.fixture(scope="module")
def run(recording, tmp_path_factory) -> tuple[Path, si.BaseSorting]:
    folder = tmp_path_factory.mktemp("run") / "out"
    return folder, run_sorter("spikesieve", recording, folder, **ONE_WORKER)


def trains(sorting: si.BaseSorting) -> list[np.ndarray]:
    return [sorting.get_unit_spike_train(u, segment_index=0) for u in sorting.unit_ids]


# what SpikeInterface's own test asks of every sorter


def test_it_is_known_once_it_is_registered():
    assert register() == register() == "spikesieve"
    assert sorters.available_sorters().count("spikesieve") == 1
    assert sorters.installed_sorters().count("spikesieve") == 1


def test_it_has_a_version():
    assert SpikesieveSorter.get_sorter_version() == spikesieve.__version__


def test_it_runs_with_its_defaults_and_deletes_what_it_made(recording, tmp_path):
    params = sorters.get_default_sorter_params(register())
    sorting = sorters.run_sorter(
        "spikesieve", recording, tmp_path / "out", delete_output_folder=True, verbose=False, raise_error=True, **params
    )
    assert set(sorting.sorting_info) == {"recording", "params", "log"}
    assert sorting.sorting_info["params"]["sorter_name"] == "spikesieve"
    assert not (tmp_path / "out" / "sorter_output").exists()
    kept = {path.name for path in (tmp_path / "out").iterdir()}
    assert kept >= {"spikeinterface_recording.json", "spikeinterface_params.json", "spikeinterface_log.json"}
    assert len(sorting.unit_ids) == 1
    assert sorting.to_spike_vector().size > 100


# what it returns


def test_segments_are_those_of_the_recording(run, recording, segments):
    _, sorting = run
    ours = spikesieve.sort(recording, resources=spikesieve.Resources(n_jobs=1))
    assert sorting.get_num_segments() == 2
    counted = [sorting.get_unit_spike_train(0, segment_index=s) + s * len(segments[0]) for s in (0, 1)]
    assert np.array_equal(np.concatenate(counted), ours.spike_train(0))
    assert sorting.has_recording()


def test_units_have_the_columns_of_the_unit_table(run):
    folder, sorting = run
    (unit,) = spikesieve.read_sorting(folder / "sorter_output").units
    assert sorting.get_property("label").tolist() == [str(unit.label)]
    assert sorting.get_property("why").tolist() == [unit.why]
    assert sorting.get_property("depth_um").tolist() == [unit.depth_um]
    assert sorting.get_property("main_channel_id").tolist() == ["c1"]
    assert np.isnan(sorting.get_property("nearest_unit")).all()


def test_the_output_is_a_whole_result_and_the_recording_is_not_copied(run, recording):
    folder, _ = run
    out = folder / "sorter_output"
    assert (out / "report.html").is_file()
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"sorter_output"}
    assert not [path for path in folder.rglob("*") if path.suffix in (".raw", ".bin", ".dat")]
    raw = [os.path.normpath(out / path) for path in json.loads(phy_params(out)["dat_path"].replace("'", '"'))]
    assert raw == [str(path) for path in recording.get_binary_description()["file_paths"]]
    # What the sort said is in SpikeInterface's log as well.
    assert any(
        "spikesieve" in line for line in json.loads((folder / "spikeinterface_log.json").read_text())["runtime_trace"]
    )


def phy_params(out: Path) -> dict[str, str]:
    return dict(line.split(" = ") for line in (out / "params.py").read_text().splitlines())


def test_a_segment_without_spikes_at_the_end_is_a_segment(tmp_path, segments):
    silent = np.random.default_rng(0).normal(0, 10, (20_000, 4)).astype(np.int16)
    recording = saved(tmp_path / "saved", [segments[0], silent])
    sorting = run_sorter("spikesieve", recording, tmp_path / "out", **ONE_WORKER)
    assert [len(sorting.get_unit_spike_train(0, segment_index=s)) > 0 for s in (0, 1)] == [True, False]


def test_a_result_is_read_when_the_recording_has_gone(segments, tmp_path):
    recording = saved(tmp_path / "saved", [segments[1]])
    alone = run_sorter("spikesieve", recording, tmp_path / "out", **ONE_WORKER)
    (tmp_path / "saved").rename(tmp_path / "moved")
    found = sorters.read_sorter_folder(tmp_path / "out", register_recording=False)
    assert np.array_equal(found.to_spike_vector(), alone.to_spike_vector())
    assert "main_channel_id" not in found.get_property_keys()


def test_a_sort_that_was_stopped_goes_on(recording, tmp_path, monkeypatch, capfd):
    def full(*_: object, **__: object) -> None:
        raise OutputError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr("spikesieve.model.sorting.Sorting.save", full)
        with pytest.raises(Exception, match="The disk is full"):
            run_sorter("spikesieve", recording, tmp_path / "out", **ONE_WORKER)
    kept = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert kept == {"sorter_output", "spikesieve_steps"}
    SpikesieveSorter.run_from_folder(tmp_path / "out", True, True)
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == {"sorter_output"}
    assert SpikesieveSorter.get_result_from_folder(tmp_path / "out").to_spike_vector().size > 100
    # All steps are loaded, so none shows its progress.
    assert "spikesieve: match" not in capfd.readouterr().err


def test_the_progress_of_each_step_is_shown_where_it_is_asked_for(segments, tmp_path, capfd):
    recording = saved(tmp_path / "saved", [segments[1]])
    run_sorter("spikesieve", recording, tmp_path / "out", verbose=True, **ONE_WORKER)
    said = capfd.readouterr().err
    assert "spikesieve: detect: 100%" in said
    assert "spikesieve: match: 100%" in said


# what it takes


def test_a_lazy_chain_is_sorted_as_it_is(recording, tmp_path):
    preprocessing = needed_module("spikeinterface.preprocessing", "packages")
    chain = preprocessing.common_reference(preprocessing.highpass_filter(recording, freq_min=200.0))
    sorting = run_sorter("spikesieve", chain, tmp_path / "out", **ONE_WORKER)
    assert len(sorting.unit_ids) == 1
    assert phy_params(tmp_path / "out" / "sorter_output")["dat_path"] == "[]"


def test_two_probes_are_sorted_each_for_itself(segments, tmp_path):
    group = probeinterface.ProbeGroup()
    group.add_probe(line_probe(4))
    group.add_probe(line_probe(4, x_um=1000.0, first_channel=4))
    both = np.concatenate([segments[1], segments[1][::-1]], axis=1)
    one = si.NumpyRecording([both], 30_000.0)
    set_probe(one, group)
    sorting = run_sorter(
        "spikesieve", one.save(folder=tmp_path / "saved", verbose=False), tmp_path / "out", **ONE_WORKER
    )
    assert sorting.get_property("shank").tolist() == [0, 1]


def test_without_gains_amplitudes_are_in_raw_numbers(segments, tmp_path):
    recording = saved(tmp_path / "saved", [segments[1]], gain_uv=None)
    run_sorter("spikesieve", recording, tmp_path / "out", **ONE_WORKER)
    facts = json.loads((tmp_path / "out" / "sorter_output" / "provenance.json").read_text())
    assert facts["recording"]["gain_is_known"] is False


@pytest.mark.parametrize(("of_probe", "words"), [(True, "recording.save"), (False, "recording.set_probe")])
def test_what_cannot_be_sorted_is_refused_before_anything_is_written(segments, tmp_path, of_probe, words):
    recording = in_memory(segments) if of_probe else si.NumpyRecording(segments, 30_000.0)
    recording._serializability["pickle"] = False
    with pytest.raises(InputError, match=words):
        run_sorter("spikesieve", recording, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recording_in_memory_is_sorted_without_a_folder(segments):
    recording = in_memory([segments[1]])
    found = spikesieve.sort(recording, resources=spikesieve.Resources(n_jobs=1))
    assert np.array_equal(trains(to_sorting(found, recording))[0], found.spike_train(0))


# parameters


def test_every_parameter_has_a_default_and_a_description():
    defaults, descriptions = SpikesieveSorter.default_params(), SpikesieveSorter.params_description()
    assert defaults["detect"] == spikesieve.Settings().detect.model_dump()
    assert set(descriptions) >= {*defaults, *spikesieve.Settings.fields_by_path()}
    assert all(descriptions.values())
    json.dumps(defaults)


@pytest.mark.parametrize(
    "given",
    [
        {"method": "kilosort4", "match": {"threshold": 7}},
        {"method": "kilosort4", "match.threshold": 7},
        {"method": "kilosort4", "Th_learned": 7.0},
    ],
)
def test_parameters_by_any_name_are_kept_in_full(recording, tmp_path, given):
    kept = SpikesieveSorter.set_params_to_folder(recording, tmp_path, given, False)
    wanted = SpikesieveSorter.default_params()
    wanted["method"], wanted["match"]["threshold"] = "kilosort4", 7.0
    assert kept == wanted
    assert json.loads((tmp_path / "spikeinterface_params.json").read_text())["sorter_params"] == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"detect": {"treshold": 8}}, "detect.threshold"),
        ({"detect": {"threshold": 8}, "detect.threshold": 8}, "twice"),
        ({"detect.threshold": "high"}, "detect.threshold"),
        ({"match.threshold": 7}, "does not use"),
        ({"n_job": 1}, "n_job"),
        ({"memory": 4}, "memory"),
        ({"known_motion": "gone.npz", "motion.mode": "off"}, "switch drift correction off"),
    ],
)
def test_wrong_parameters_are_errors_before_anything_is_written(recording, tmp_path, given, words):
    with pytest.raises(SettingsError, match=words):
        run_sorter("spikesieve", recording, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


# other processes


def jobs(recording: si.BaseRecording, folder: Path, **params: object) -> list[dict[str, object]]:
    return [{"sorter_name": "spikesieve", "recording": recording, "folder": folder, **params}]


def test_a_process_of_joblib_gives_the_same(run, recording, tmp_path):
    _, alone = run
    (found,) = run_sorter_jobs(
        jobs(recording, tmp_path / "out", **ONE_WORKER), "joblib", {"n_jobs": 2, "backend": "loky"}, return_output=True
    )
    assert np.array_equal(found.to_spike_vector(), alone.to_spike_vector())


def test_a_pool_of_new_processes_knows_the_sorter(recording, tmp_path):
    import multiprocessing

    engine = {"max_workers": 1, "mp_context": multiprocessing.get_context("spawn")}
    # A parameter that only spikesieve refuses: nothing has to be sorted.
    with pytest.raises(SettingsError, match="nonsense"):
        run_sorter_jobs(jobs(recording, tmp_path / "out", nonsense=1), "processpoolexecutor", engine)


def test_a_script_for_slurm_knows_the_sorter(recording, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    engine = {"tmp_script_folder": tmp_path / "scripts"}
    run_sorter_jobs(jobs(recording, tmp_path / "out", nonsense=1), "slurm", engine)
    (script,) = (tmp_path / "scripts").iterdir()
    said = subprocess.run([sys.executable, script], capture_output=True, text=True).stderr
    assert "SettingsError" in said
    assert "nonsense" in said


def test_jobs_stay_as_they_were(recording, tmp_path):
    given = jobs(recording, tmp_path / "out", nonsense=1)
    with pytest.raises(SettingsError):
        run_sorter_jobs(given, "loop")
    assert given == jobs(recording, tmp_path / "out", nonsense=1)


# without SpikeInterface


def test_it_is_imported_without_spikeinterface_and_says_what_to_install():
    code = "import sys; sys.modules['spikeinterface'] = None; import spikesieve.spikeinterface as s; dir(s); s.register"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr
    assert 'pip install "spikesieve[spikeinterface]"' in said
