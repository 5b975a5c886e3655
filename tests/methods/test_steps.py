"""Every method as steps: processes give the bytes of threads, a second run loads, a changed setting recomputes."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from same_bytes import HZ, PARAMS, differing
from small_files import METHODS

from spikesieve.api.sort import STEPS, Resources, memory_plan, open_run, run_method, sort, source_of
from spikesieve.engine import store
from spikesieve.engine.executor import Progress, silent
from spikesieve.engine.run import BlockTask, Run
from spikesieve.engine.store import Store
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import read_recording, recording_from_array
from spikesieve.model import Recording, Sorting
from spikesieve.settings.sort import Settings
from spikesieve.simulation import SimulationParams, simulate_array

PROBE = read_probe("linear:12:25")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return recording_from_array(simulate_array(PROBE, PARAMS)[0], HZ, PARAMS.gain_uv)


@pytest.fixture(scope="module")
def processes():
    # Threads of other tests hold locks that a forked process would wait for.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("method", METHODS)
def test_processes_give_the_bytes_of_threads(recording, processes, method):
    settings = Settings().with_overrides(METHODS[method])
    threads = sort(recording, PROBE, settings, resources=Resources(2))
    others = sort(recording, PROBE, settings, resources=Resources(executor=processes))
    assert len(threads.units) >= 5
    assert differing(others, threads) == []


def computed(
    folder, recording: Recording, settings: Settings, keeps_all: bool = True, progress: Progress = silent
) -> tuple[set[str], Sorting]:
    """Names of the steps that were computed, and the result."""
    before = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    source = source_of(recording, PROBE, settings, memory_plan(recording, PROBE, settings))
    with open_run(2, Store.open(folder, keeps_all=keeps_all), progress) as run:
        sorting = run_method(run, source, settings, None)
        index = run.store.index()
    return {name for name, where in index.items() if where not in before}, sorting


@pytest.mark.parametrize("method", METHODS)
def test_a_second_run_loads_every_step_and_gives_the_same_bytes(recording, tmp_path, method):
    settings = Settings().with_overrides(METHODS[method])
    names, first = computed(tmp_path, recording, settings)
    assert "sorting" in names
    assert names <= set(STEPS[settings.method])
    names, second = computed(tmp_path, recording, settings)
    assert names == set()
    assert differing(first, second) == []


SIEVE = {
    "units.min_snr=2.0": {"sorting"},
    "curate.acg_threshold=0.1": {"units", "sorting"},
    "fit.final_log_odds=1.0": {"match", "units", "sorting"},
}
BEFORE_MOTION = {"noise", "shapes", "preprocessing", "detection threshold", "detect"}


@pytest.mark.parametrize("override", SIEVE)
def test_a_changed_setting_computes_again_what_depends_on_it(recording, tmp_path_factory, override):
    folder = tmp_path_factory.mktemp("steps")
    computed(folder, recording, Settings())
    names, sorting = computed(folder, recording, Settings().with_overrides([override]))
    assert names == SIEVE[override]
    fresh = sort(recording, PROBE, Settings().with_overrides([override]))
    assert differing(sorting, fresh) == []


@pytest.mark.parametrize(
    ("override", "first"), [("match.threshold=7.5", "match"), ("cluster.min_bimodality=0.5", "clusters")]
)
def test_a_setting_of_clustering_or_matching_does_not_repeat_detection(recording, tmp_path, override, first):
    """Kilosort #930."""
    changed = Settings(method="kilosort4").with_overrides([override])
    computed(tmp_path, recording, Settings(method="kilosort4"), keeps_all=False)
    before = time_saved(tmp_path)
    names, _ = computed(tmp_path, recording, changed, keeps_all=False)
    steps = STEPS["kilosort4"]
    assert {first} <= names <= set(steps[steps.index(first) :])
    assert before.items() <= time_saved(tmp_path).items()


def test_another_recording_computes_everything(recording, tmp_path):
    first, _ = computed(tmp_path, recording, Settings())
    samples = np.array(recording.read(0, recording.n_samples))
    samples[5, 0] += 1
    names, _ = computed(tmp_path, recording_from_array(samples, HZ, PARAMS.gain_uv), Settings())
    assert {"noise", "detect", "match", "sorting"} <= names <= first


def test_every_source_and_task_of_384_channels_pickles_below_a_megabyte(tmp_path, monkeypatch):
    probe = read_probe("neuropixels1:384")
    params = SimulationParams(n_units=60, seconds=6.0, seed=1, amplitude_uv=200.0, drift_zigzag_um=20.0)
    raw, _ = simulate_array(probe, params)
    raw.tofile(tmp_path / "raw.bin")
    on_disk = read_recording(tmp_path / "raw.bin", raw.shape[1], params.sampling_hz, gain_uv=params.gain_uv)
    sizes: dict[str, int] = {}
    handed_out = Run.map, Run.collect

    def noted(task) -> None:
        for each in (task, task.source) if isinstance(task, BlockTask) else ():
            name = type(each).__name__
            sizes[name] = max(sizes.get(name, 0), len(pickle.dumps(each)))

    monkeypatch.setattr(Run, "map", lambda run, task, *rest: (noted(task), handed_out[0](run, task, *rest))[1])
    monkeypatch.setattr(Run, "collect", lambda run, task, *rest: (noted(task), handed_out[1](run, task, *rest))[1])
    sort(on_disk, probe, resources=Resources(2, folder=tmp_path / "steps"))
    assert {"Source", "Detect", "MatchByLikelihood", "ExtractWaveforms", "CutClips", "Covariance"} <= sizes.keys()
    assert max(sizes.values()) < 1_000_000, sizes


@pytest.mark.parametrize("method", ["sieve", "kilosort4"])
def test_features_are_stored_where_they_were_measured_and_nowhere_else(recording, tmp_path, method):
    settings = Settings().with_overrides(METHODS[method])
    _, sorting = computed(tmp_path, recording, settings)
    n_least = len(sorting.spikes) // 4
    tables = {path: np.load(path, mmap_mode="r") for path in tmp_path.rglob("*.npy")}
    large = {path.name for path, array in tables.items() if array.ndim == 3 and len(array) > n_least}
    assert large == {"detect.features.npy", "match.features.npy"}


@pytest.mark.parametrize("overrides", ["sieve", "kilosort4"])
def test_features_that_no_later_step_needs_are_removed_and_made_again_when_they_are_needed(
    recording, tmp_path, overrides, monkeypatch
):
    monkeypatch.setattr(store, "KEPT_SHARE", 0.0)
    settings = Settings().with_overrides(METHODS[overrides])
    stages, mapped = [], []

    def look(stage: str, done: int, total: int) -> None:
        stages.append(stage)
        mapped.extend(deleted_but_mapped(tmp_path) if stage == "waveforms" else [])

    _, first = computed(tmp_path, recording, settings, keeps_all=False, progress=look)
    assert "waveforms" in stages
    assert mapped == []
    assert [path.name for path in tmp_path.rglob("*.features.npy")] == ["match.features.npy"]
    names, second = computed(tmp_path, recording, settings, keeps_all=False)
    assert (names, differing(first, second)) == (set(), [])
    (lost,) = (path for path in tmp_path.glob("clusters-*") if not path.name.startswith("clusters-again"))
    shutil.rmtree(lost)
    before = time_saved(tmp_path)
    _, third = computed(tmp_path, recording, settings, keeps_all=False)
    assert differing(first, third) == []
    saved = {name.rpartition("-")[0] for name, when in time_saved(tmp_path).items() if when != before.get(name)}
    assert saved == {"detect", "clusters"}


def time_saved(folder: Path) -> dict[str, int]:
    """When each step in a folder was saved."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/manifest.json")}


def deleted_but_mapped(folder: Path) -> list[str]:
    """Files of a folder that take room on the disk although they were deleted."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text(encoding="utf-8").splitlines() if maps.exists() else []
    return [line for line in lines if line.endswith("(deleted)") and str(folder) in line]
