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
from spikesieve.batch.rows import make_row
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.scripts import Script, sbatch
from spikesieve.batch.state import Place


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Iterator[dict[str, str]]:
    with slurm(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def use_stubs(environment: dict[str, str], monkeypatch) -> None:
    """Workers of jobs are new processes: they import the stub from here."""
    monkeypatch.setenv("SLURM_CONF", environment["SLURM_CONF"])
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((tests, os.environ.get("PYTHONPATH", ""))))


def test_rows_are_jobs_and_one_whose_worker_is_killed_is_tried_again(tmp_path, environment, monkeypatch):
    needed_module("dask_jobqueue", "packages")
    use_stubs(environment, monkeypatch)
    batch = Batch(rows(tmp_path, 3), Place(tmp_path / "out"), Rules(2))
    workers = Workers("slurm", 2, walltime="00:10:00", queue="main", logs=str(tmp_path))
    with open_pool(workers) as pool:
        run_batch(batch, pool, lambda _: None, need, stub_sorts.kills_its_worker)
    assert set(batch.states.values()) == {"done"}, batch.reasons
    wait_until_empty(environment, 60)


# The first job goes on in a view of the disk of its own, in which a folder is empty, as a machine of another name. The
# others begin when it has seen that.
ONE_IS_BLIND = """
if [ -n "$BLIND" ]; then :
elif mkdir {mark} 2>/dev/null; then
    export BLIND=1
    exec unshare --mount --uts bash -c 'hostname blind && mount -t tmpfs none {data} && exec bash '"$0"
else
    until grep -qs missing {logs}/*.log; do sleep 0.1; done
fi
"""


def test_a_row_whose_file_one_node_does_not_see_is_done_on_another(tmp_path, environment, monkeypatch):
    needed_module("dask_jobqueue", "packages")
    if subprocess.run(["unshare", "--mount", "--uts", "hostname", "blind"], capture_output=True).returncode:
        pytest.skip("a machine of another name cannot be made here: unshare does not work")
    use_stubs(environment, monkeypatch)
    data, jobs = tmp_path / "data", tmp_path / "jobs"
    for folder in (data, jobs):
        folder.mkdir()
    batch = Batch(rows(data, 2, tmp_path / "out"), Place(tmp_path / "out"), Rules(2))
    blind = ONE_IS_BLIND.format(mark=tmp_path / "mark", data=data, logs=tmp_path / "out" / "logs")
    workers = Workers("slurm", 2, walltime="00:10:00", queue="main", logs=str(jobs), prologue=(blind,))
    with open_pool(workers) as pool:
        run_batch(batch, pool, lambda _: None, need, stub_sorts.needs_its_files)
    assert set(batch.states.values()) == {"done"}, batch.reasons
    tries = [path.stat().st_size for path in (tmp_path / "out").glob("*.tries")]
    assert max(tries) > 1
    wait_until_empty(environment, 60)


def test_a_batch_that_is_killed_goes_on_with_the_same_command(tmp_path, environment):
    needed_module("dask_jobqueue", "packages")
    for number in range(3):
        write_raw(tmp_path, spiking(2.0), f"r{number}.bin")
    words = [str(tmp_path / "*.bin"), "--out", str(tmp_path / "out"), "--channels", "4", "--sampling-hz", str(HZ)]
    words += ["--gain-uv", "1", "--probe", "linear:4:25", "--cluster", "slurm", "--workers", "1", "--queue", "main"]
    command = [sys.executable, "-m", "spikesieve", "batch", *words, "--walltime", "00:10:00"]
    first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    while "done" not in first.stderr.readline():
        assert first.poll() is None
    first.kill()
    first.communicate()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/provenance.json")}
    assert done
    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "3 done" in again.stdout
    # What was done is not done again.
    assert {path: path.stat().st_mtime_ns for path in done} == done
    wait_until_empty(environment, 120)


def test_at_its_time_limit_a_task_of_an_array_is_queued_again_and_goes_on(tmp_path, environment):
    row = make_row({"files": "x.bin", "name": "a"}, tmp_path, tmp_path / "out")
    (tmp_path / "out" / ".batch" / "jobs").mkdir(parents=True)
    script = Script(tmp_path / "plan.csv", tmp_path / "out", (row,), {"a": 1}, retries=0, walltime="00:01:00")
    # A sort that needs more than one job: it ends in order when it is told.
    stub = tmp_path / "sort"
    stub.write_text(
        f"#!/bin/bash\necho begun >> {tmp_path}/said\n[ $SLURM_RESTART_COUNT ] && exit 0\n"
        f"trap 'echo told >> {tmp_path}/said; exit 143' TERM\nwhile true; do sleep 0.1; done\n"
    )
    stub.chmod(0o755)
    array = tmp_path / "array.sbatch"
    array.write_text(sbatch(script).replace(script.command, str(stub)))
    subprocess.run(["sbatch", str(array)], check=True, env=environment, capture_output=True)
    wait_until_empty(environment, 240)
    assert (tmp_path / "said").read_text().split() == ["begun", "told", "begun"]


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
