"""`spikesieve simulate` says how its recording is sorted, and that command works."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spikesieve.cli.app import app


def test_the_command_that_it_prints_sorts_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(app, ["simulate", "linear-32", "--out", "made it", "--seconds", "4", "--set=n_units=2"])
    assert made.exit_code == 0, made.output
    (command,) = [line.partition(" ")[2] for line in made.output.splitlines() if line.startswith("Sort:")]
    words = shlex.split(command)
    assert words[:2] == ["spikesieve", "sort"]
    sorted_ = CliRunner().invoke(app, words[1:])
    assert sorted_.exit_code == 0, sorted_.output
    assert (tmp_path / "result" / "units.csv").is_file()
