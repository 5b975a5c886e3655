"""Rows as jobs of PBS, LSF and SGE, whose commands are stood in for by processes of this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import stub_sorts
from fake_schedulers import COMMANDS, path_with, put_commands
from needed import needed_module
from stub_sorts import need, rows

from spikesieve.batch.clusters import Workers
from spikesieve.batch.pool import open_pool
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.state import Place
from spikesieve.errors import OutputError

needed_module("dask_jobqueue", "packages")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="job scripts are shell scripts")
# What the head of a job says of 2 processors, 1 GB and 10 minutes.
HEADS = {
    "pbs": ("#PBS -l select=1:ncpus=2:mem=1GB", "#PBS -l walltime=00:10:00", "#PBS -q fast", "#PBS -A lab"),
    "lsf": ("#BSUB -n 2", '#BSUB -R "span[hosts=1]"', "#BSUB -W 10", "#BSUB -q fast", '#BSUB -P "lab"'),
    "sge": ("#$ -pe smp 2", "#$ -l h_vmem=1G", "#$ -l h_rt=00:10:00", "#$ -q fast", "#$ -P lab"),
}


@pytest.fixture
def jobs(request, tmp_path, monkeypatch) -> Path:
    """Folder of the jobs of a scheduler."""
    folder = tmp_path / "jobs"
    monkeypatch.setenv("PATH", path_with(put_commands(request.param, folder)))
    # Workers of jobs are new processes: they import the stub from here.
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((tests, os.environ.get("PYTHONPATH", ""))))
    return folder


@pytest.mark.parametrize(("scheduler", "jobs"), [(name, name) for name in COMMANDS], indirect=["jobs"])
def test_rows_are_jobs_with_what_they_need(tmp_path, scheduler, jobs):
    batch = Batch(rows(tmp_path, 3), Place(tmp_path / "out"), Rules(2))
    (tmp_path / "logs").mkdir()
    words = {"queue": "fast", "account": "lab", "walltime": "00:10:00"}
    with open_pool(Workers(scheduler, 2, 2, logs=str(tmp_path / "logs"), **words)) as pool:
        run_batch(batch, pool, lambda _: None, need, stub_sorts.kills_its_worker)
    assert set(batch.states.values()) == {"done"}, batch.reasons
    head = (jobs / "1.job").read_text().splitlines()
    assert {*HEADS[scheduler], "export MALLOC_TRIM_THRESHOLD_=67108864"} <= set(head), head


@pytest.mark.parametrize("jobs", ["pbs"], indirect=True)
@pytest.mark.parametrize("prologue", ["exit 3", "export PYTHONHOME=/no/such/place"])
def test_jobs_that_end_before_their_worker_reports_are_an_error_with_what_they_printed(tmp_path, jobs, prologue):
    batch = Batch(rows(tmp_path, 3), Place(tmp_path / "out"), Rules(2))
    said = f"echo the module system is down >&2; {prologue}"
    workers = Workers("pbs", 2, walltime="00:10:00", logs=str(jobs), prologue=(said,))
    with open_pool(workers) as pool, pytest.raises(OutputError, match=r"[34] jobs ended before .* printed: .+ Correct"):
        run_batch(batch, pool, lambda _: None, need, stub_sorts.nothing)
