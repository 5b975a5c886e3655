"""Rows as jobs of a real SLURM, through Dask and as a printed array."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stub_sorts
from killing import unlike
from needed import needed_module
from slurm_here import slurm, wait_until_empty
from small_files import HZ, spiking, write_raw
from stub_sorts import need, rows

from spikesieve.batch.clusters import Workers
from spikesieve.batch.pool import open_pool
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.state import Place


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Iterator[dict[str, str]]:
    with slurm(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def test_rows_are_jobs_and_one_whose_worker_is_killed_is_tried_again(tmp_path, environment, monkeypatch):
    needed_module("dask_jobqueue", "packages")
    monkeypatch.setenv("SLURM_CONF", environment["SLURM_CONF"])
    # Workers of jobs are new processes: they import the stub from here.
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join((str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")))
    )
    batch = Batch(rows(tmp_path, 3), Place(tmp_path / "out"), Rules(2))
    workers = Workers("slurm", 2, walltime="00:10:00", queue="main", logs=str(tmp_path))
    with open_pool(workers) as pool:
        run_batch(batch, pool, lambda _: None, need, stub_sorts.kills_its_worker)
    assert set(batch.states.values()) == {"done"}, batch.reasons
    wait_until_empty(environment, 60)


def test_a_printed_array_sorts_its_rows_and_leaves_out_those_that_cannot_be(tmp_path, environment):
    for number in (0, 1):
        write_raw(tmp_path, spiking(2.0), f"r{number}.bin")
    (tmp_path / "bad.bin").write_bytes(b"12345")
    words = [str(tmp_path / "*.bin"), "--out", str(tmp_path / "out"), "--channels", "4", "--sampling-hz", str(HZ)]
    words += ["--gain-uv", "1", "--probe", "linear:4:25", "--write-sbatch", str(tmp_path / "array.sbatch")]
    subprocess.run([sys.executable, "-m", "spikesieve", "batch", *words], check=True, capture_output=True)
    subprocess.run(["sbatch", str(tmp_path / "array.sbatch")], check=True, env=environment, capture_output=True)
    wait_until_empty(environment, 300)
    said = "".join(path.read_text() for path in (tmp_path / "out" / ".batch" / "jobs").iterdir())
    assert (tmp_path / "out" / "r0" / "provenance.json").is_file(), said
    assert unlike(tmp_path / "out" / "r0", tmp_path / "out" / "r1") == [
        "batch.json",
        "params.py",
        "segments.csv",
    ]  # they name the file
    assert "bad" not in said
