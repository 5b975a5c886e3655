"""Job arrays and workflows: the bash of an array is run with commands that stand in for a sort and for SLURM."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from spikesieve.batch import scripts
from spikesieve.batch.rows import make_row
from spikesieve.batch.scripts import Script, nextflow, sbatch, snakemake, write_script
from spikesieve.errors import SettingsError

NAMES = ("a", "m 1/day's", "c", "d")


@pytest.fixture
def script(tmp_path) -> Script:
    rows = tuple(make_row({"files": "x.bin", "name": name}, tmp_path, tmp_path / "out") for name in NAMES)
    gb = {"a": 2, "m 1/day's": 8, "d": 2}  # c is done
    return Script(tmp_path / "plan.csv", tmp_path / "out", rows, gb, n_jobs=3, retries=1, walltime="1-02:30:00")


def run_array(script: Script, folder: Path, sort: str, task: int, **environment: str) -> subprocess.Popen[str]:
    """Start a task of the array with `sort`, a line of bash in which $1 is the number of the row."""
    text = sbatch(script).replace(script.command, str(folder / "sort")).replace("sleep 60", "sleep 0")
    for name, line in (("sort", sort), ("scontrol", f'echo "$@" >> {folder}/requeued')):
        (folder / name).write_text(f"#!/bin/bash\necho $1 >> {folder}/{name}.calls\n{line}\n")
        (folder / name).chmod(0o755)
    (folder / "array").write_text(text)
    own = {"PATH": f"{folder}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_JOB_ID": "7"}
    return subprocess.Popen(["bash", str(folder / "array")], env=os.environ | own | environment, text=True)


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@needs_bash
@pytest.mark.parametrize(
    ("status", "restarts", "ends_with", "requeued"),
    [(0, 0, 0, False), (2, 0, 2, False), (1, 0, 1, True), (1, 1, 1, False)],
)
def test_a_fault_is_queued_again_and_an_error_of_the_user_is_not(
    tmp_path, script, status, restarts, ends_with, requeued
):
    task = run_array(script, tmp_path, f"exit {status}", 2, SLURM_RESTART_COUNT=str(restarts))
    assert task.wait(120) == ends_with
    assert (tmp_path / "sort.calls").read_text() == "4\n"
    assert (tmp_path / "requeued").exists() == requeued
    if requeued:
        assert (tmp_path / "requeued").read_text() == "requeue 7_2\n"


@needs_bash
def test_at_its_time_limit_a_task_ends_its_sort_and_is_queued_again(tmp_path, script):
    sort = (
        f"trap 'echo ended >> {tmp_path}/order; exit 143' TERM\ntouch {tmp_path}/begun\nwhile true; do sleep 0.1; done"
    )
    task = run_array(script, tmp_path, sort, 0, SLURM_RESTART_COUNT="9")
    while not (tmp_path / "begun").exists():
        time.sleep(0.02)
    task.send_signal(signal.SIGTERM)
    task.wait(120)
    assert (tmp_path / "order").read_text() == "ended\n"
    assert (tmp_path / "requeued").read_text() == "requeue 7_0\n"


@needs_bash
def test_more_rows_than_an_array_may_have_are_done_in_turn(tmp_path, script, monkeypatch):
    monkeypatch.setattr(scripts, "_MAX_TASKS", 2)
    assert "--array=0-1\n" in sbatch(script)
    assert run_array(script, tmp_path, "[ $1 != 1 ]", 0).wait(120) == 1
    assert (tmp_path / "sort.calls").read_text() == "1\n2\n"
    assert run_array(script, tmp_path, "exit 0", 1).wait(120) == 0
    assert (tmp_path / "sort.calls").read_text() == "1\n2\n4\n"


def test_rows_of_one_size_are_an_array(tmp_path, script):
    written = write_script(replace(script, queue="normal", account="lab"), tmp_path / "new" / "all.sbatch")
    assert [path.name for path in written] == ["all-2GB.sbatch", "all-8GB.sbatch"]
    small, large = (path.read_text() for path in written)
    assert "rows=(1 4)" in small
    assert "rows=(2)" in large
    for text, gb in ((small, 2), (large, 8)):
        assert {f"#SBATCH --mem={gb}G", "#SBATCH --partition=normal", "#SBATCH --account=lab"} <= set(text.splitlines())
    (only,) = write_script(replace(script, memory_gb={"a": 2}), tmp_path / "one.sbatch")
    assert only == tmp_path / "one.sbatch"
    with pytest.raises(SettingsError, match=r"\.sbatch, \.nf, \.smk"):
        write_script(script, tmp_path / "all.txt")


def test_a_workflow_of_nextflow_names_the_rows_and_their_memory(script):
    text = nextflow(script)
    assert "[2, 'm 1/day\\'s', 8]," in text
    assert text.count("['") == 0
    assert f"{script.command} $number" in text
    assert "time '1590m'" in text


def test_rules_of_snakemake_name_the_rows_and_their_memory(script):
    text = snakemake(script)
    (names,) = [line for line in text.splitlines() if line.startswith("MEMORY_GB")]
    assert ast.literal_eval(names.partition("= ")[2]) == script.memory_gb
    assert f"{script.command} {{wildcards.name:q}}" in text
    assert "runtime=1590" in text
