"""The printed rules, run by Snakemake itself, with a stub in place of the sort."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from spikesieve.batch.rows import make_row
from spikesieve.batch.scripts import Script, snakemake

SNAKEMAKE = os.environ.get("SPIKESIEVE_SNAKEMAKE") or shutil.which("snakemake")
pytestmark = pytest.mark.skipif(
    SNAKEMAKE is None, reason="Snakemake is not installed: pip install snakemake, in an environment of its own"
)
# What the stub does with each row, at each try: its status.
TRIES = {"fine": (0,), "week 1/day's": (1, 0), "wrong": (2,), "broken": (1, 1)}


def test_faults_are_tried_again_and_errors_of_the_user_are_not(tmp_path):
    rows = tuple(make_row({"files": "x.bin", "name": name}, tmp_path, tmp_path / "out") for name in TRIES)
    script = Script(
        tmp_path / "plan.csv", tmp_path / "out x", rows, dict.fromkeys(TRIES, 1), retries=1, prologue=('[ "${HOME}" ]',)
    )
    stub = tmp_path / "sort"
    cases = "\n".join(
        f'"{name} {n}") exit {status};;' for name, each in TRIES.items() for n, status in enumerate(each, 1)
    )
    stub.write_text(
        f'#!/bin/bash\necho "$1" >> {tmp_path}/tries\n'
        f'n=$(grep -cxF "$1" {tmp_path}/tries)\ncase "$1 $n" in\n{cases}\nesac\nexit 99\n'
    )
    stub.chmod(0o755)
    (tmp_path / "all.smk").write_text(snakemake(script).replace(script.command, str(stub)))
    words = [str(SNAKEMAKE), "-s", "all.smk", "--cores", "1", "--keep-going", "--quiet", "all"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 1, done.stderr
    tries = (tmp_path / "tries").read_text().splitlines()
    assert {name: tries.count(name) for name in TRIES} == {name: len(each) for name, each in TRIES.items()}, done.stderr
    ended = tmp_path / "out x" / ".batch" / "ended"
    assert {path.relative_to(ended).as_posix() for path in ended.rglob("*") if path.is_file()} == {
        *("fine", "week 1/day's"),
        "wrong.refused",
    }
