"""Several probes that recorded together, sorted one after another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import probeinterface
import pytest
from small_files import HZ, facts, noise, with_spikes
from spikeglx_files import nidq_tags, np2_tags, record
from typer.testing import CliRunner

import spikesieve
from spikesieve.api.probes import is_done, jobs_of_probes
from spikesieve.api.sort_files import Job
from spikesieve.cli.app import app
from spikesieve.errors import InputError, OutputError

N_SAMPLES = 2 * HZ
GAIN_UV = 0.5e6 / 8192 / 80


def two_probes(folder: Path, n_samples: int = 10) -> Path:
    for probe in ("imec0", "imec1"):
        record(folder, np2_tags(32), n_samples, f"run_g0_t0.{probe}.ap.bin")
    record(folder, nidq_tags(), 10, "run_g0_t0.nidq.bin")
    return folder


def with_a_unit(folder: Path) -> Path:
    """A run in which a unit fires on channel 0 of imec0 and on channel 1 of imec1."""
    two_probes(folder, N_SAMPLES)
    for number in (0, 1):
        rng = np.random.default_rng(number)
        samples = 300 + np.cumsum(rng.integers(200, 600, 130))
        uv = with_spikes(noise(2.0, 33, seed=number), samples[samples < N_SAMPLES - 300], number, 250.0)
        (uv / GAIN_UV).round().astype("<i2").tofile(folder / f"run_g0_t0.imec{number}.ap.bin")
    return folder


def test_each_probe_of_a_run_gets_a_job(tmp_path):
    job = Job((two_probes(tmp_path),), tmp_path / "out")
    jobs = jobs_of_probes(job)
    assert [(each.raw.stream, each.out.name, each.out.parent) for each in jobs] == [
        ("imec0.ap", "probe_0", tmp_path / "out"),
        ("imec1.ap", "probe_1", tmp_path / "out"),
    ]
    assert jobs_of_probes(jobs[1]) == (jobs[1],)


def test_one_probe_runs_of_different_times_and_plain_files_are_one_job(tmp_path):
    for name in ("one", "runs"):
        (tmp_path / name).mkdir()
    record(tmp_path / "one", np2_tags(), 10, "run_g0_t0.imec0.ap.bin")
    for name in ("a_g0_t0.imec0", "b_g0_t0.imec0"):
        record(tmp_path / "runs", np2_tags(), 10, f"{name}.ap.bin")
    (tmp_path / "raw.dat").write_bytes(bytes(80))
    for path in ("one", "runs", "raw.dat"):
        job = Job((tmp_path / path,), tmp_path / "out")
        assert jobs_of_probes(job) == (job,)


def write_group(path: Path, sizes: tuple[int, ...]) -> Path:
    """Linear probes, one beside the other, with the channels of the file in turn."""
    group, first = probeinterface.ProbeGroup(), 0
    for n in sizes:
        probe = probeinterface.generate_linear_probe(n, ypitch=20.0)
        probe.set_device_channel_indices(np.arange(first, first + n))
        group.add_probe(probe)
        first += n
    probeinterface.write_probeinterface(path, group)
    return path


def test_each_probe_of_a_group_gets_a_job(tmp_path):
    (tmp_path / "raw.dat").write_bytes(bytes(80))
    group = write_group(tmp_path / "group.json", (8, 16))
    jobs = jobs_of_probes(Job((tmp_path / "raw.dat",), tmp_path / "out", probe=str(group)))
    assert [(each.probe, each.out.name) for each in jobs] == [(f"{group}#0", "probe_0"), (f"{group}#1", "probe_1")]
    assert jobs_of_probes(jobs[1]) == (jobs[1],)
    first, second = (spikesieve.read_probe(each.probe) for each in jobs)
    assert (first.channels.tolist(), second.channels.tolist()) == (list(range(8)), list(range(8, 24)))
    assert second.positions_um[:, 1].tolist() == [20.0 * k for k in range(16)]
    assert second.shanks.tolist() == [0] * 16
    assert spikesieve.read_probe(group).n_contacts == 24
    with pytest.raises(InputError, match="no probe 2"):
        spikesieve.read_probe(f"{group}#2")
    tetrodes = write_group(tmp_path / "tetrodes.json", (4, 4, 4))
    assert len(jobs_of_probes(Job((tmp_path / "raw.dat",), tmp_path / "out", probe=str(tetrodes)))) == 1


def test_probes_of_a_group_are_sorted_one_after_another(tmp_path):
    samples = 300 + np.cumsum(np.random.default_rng(0).integers(200, 600, 130))
    uv = with_spikes(noise(2.0, 16, seed=1), samples[samples < N_SAMPLES - 300], 12, 250.0)
    (uv / 0.5).round().astype("<i2").tofile(tmp_path / "raw.dat")
    group = write_group(tmp_path / "group.json", (8, 8))
    words = (
        f"sort {tmp_path / 'raw.dat'} --channels 16 --sampling-hz {HZ} --gain-uv 0.5 --jobs 1 --out {tmp_path / 'out'}"
    )
    done = CliRunner().invoke(app, [*words.split(), "--probe", str(group), "--set", "preprocess.bad_contacts=keep"])
    assert done.exit_code == 0, done.output
    assert f"Probe 2 of 2: {group}#1" in " ".join(done.stderr.split())
    first, second = (spikesieve.read_sorting(tmp_path / "out" / f"probe_{k}") for k in (0, 1))
    assert (len(first.unit_ids), len(second.unit_ids)) == (0, 1)
    assert second.units[0].file_channel == 12
    assert [entry["path"] for entry in facts(tmp_path / "out" / "probe_1")["inputs"]][1] == str(group)


def test_nothing_is_written_into_the_result_of_one_probe_or_over_another_result(tmp_path):
    job = Job((two_probes(tmp_path),), tmp_path / "out")
    (tmp_path / "out" / "probe_1").mkdir(parents=True)
    with pytest.raises(OutputError, match="probe_1 exists"):
        jobs_of_probes(job)
    (tmp_path / "out" / "provenance.json").write_text("{}")
    with pytest.raises(OutputError, match="holds 2 probes"):
        jobs_of_probes(job)


def test_probes_are_sorted_one_after_another_and_a_finished_one_is_not_sorted_again(tmp_path):
    (tmp_path / "run").mkdir()
    run, out = with_a_unit(tmp_path / "run"), tmp_path / "out"
    words = ["sort", str(run), "--out", str(out), "--jobs", "1", "--set", "preprocess.bad_contacts=keep"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    for number in (0, 1):
        sorting = spikesieve.read_sorting(out / f"probe_{number}")
        assert len(sorting.unit_ids) == 1
        assert f"imec{number}.ap.bin" in facts(out / f"probe_{number}")["inputs"][0]["path"]
        assert f"Probe {number + 1} of 2: imec{number}.ap" in first.stderr
    made = (out / "probe_0" / "provenance.json").read_bytes()
    (out / "probe_1").rename(tmp_path / "moved")  # as if the run had been stopped there
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 0, again.output
    assert again.stderr.count("It was sorted before") == 1
    assert (out / "probe_0" / "provenance.json").read_bytes() == made
    np.testing.assert_array_equal(
        spikesieve.read_sorting(out / "probe_1").spikes.sample,
        spikesieve.read_sorting(tmp_path / "moved").spikes.sample,
    )
    other = CliRunner().invoke(app, [*words, "--set", "detect.threshold=8"])
    assert other.exit_code == 2
    assert "probe_0 exists" in " ".join(other.stderr.split())
    settings = spikesieve.Settings().with_overrides(["preprocess.bad_contacts=keep"])
    first_job, _ = jobs_of_probes(Job((run,), out, settings=settings))
    assert is_done(first_job)
