"""A sort that is killed at any moment goes on with the same command, and its result has the same bytes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from killing import command, duration_s, kill_until_done, killed, unlike
from make_sorting import make_sorting
from small_files import facts, of_method, refused, run_sort, spiking, write_raw

from spikesieve.api import report, sort_files
from spikesieve.api.simulate import simulate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to kill")


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("killed"), spiking(2.0))


@pytest.mark.parametrize("method", ["sieve", "kilosort2"])
def test_a_sort_that_is_killed_again_and_again_ends_with_the_same_bytes(tmp_path, raw, method):
    extra = ["-q", "--jobs", "2", *of_method(method), "--set", "engine.block_samples=4000"]
    whole, out = tmp_path / "whole", tmp_path / "out"
    seconds = duration_s(command(raw, whole, 4, extra))
    chance = random.Random(1)
    for _ in range(2):
        if not out.exists():
            killed(command(raw, out, 4, extra), chance.uniform(0.3, 1.0) * seconds)
    assert list(tmp_path.glob(".out*")) or out.exists()
    list(kill_until_done(command(raw, out, 4, extra), out, 60 * seconds, chance))
    assert unlike(whole, out) == []


def test_nothing_is_left_of_a_run_that_was_killed_after_its_result_was_in_place(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--keep-steps")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.steps", "out"]
    assert "exists" in run_sort(raw, tmp_path / "out").stderr
    assert (tmp_path / ".out.steps" / "kept").exists()
    (tmp_path / ".out.steps" / "kept").unlink()
    (tmp_path / ".out.new" / "replaced").mkdir(parents=True)
    assert "exists" in run_sort(raw, tmp_path / "out").stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


KILL = """import os, sys; from pathlib import Path
out = Path(sys.argv[1]); kill = lambda *_, **__: os.kill(os.getpid(), 9)"""


def dies(out: Path, *lines: str) -> None:
    """Run lines of Python in which `kill` kills the process with kill -9."""
    done = subprocess.run([sys.executable, "-c", "\n".join((KILL, *lines)), str(out)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_simulation_that_is_killed_leaves_no_folder_and_can_be_made_again(tmp_path, caplog):
    dies(
        tmp_path / "made",
        "from spikesieve.api import simulate; from spikesieve.io.simulations import files",
        "files.write_probe_json = kill; simulate.simulate('tetrode', out, seconds=0.2)",
    )
    assert [path.name for path in tmp_path.iterdir()] == [".made.new"]
    assert list((tmp_path / ".made.new").rglob("recording.bin"))
    files = simulate("tetrode", tmp_path / "made", seconds=0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert files.phy_path.is_file()
    assert "What an earlier run had left in" in caplog.text


def test_a_report_that_is_killed_leaves_the_older_one(tmp_path):
    make_sorting(2).save(tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    dies(
        tmp_path / "out",
        "from spikesieve.api import report; from spikesieve.report.sorting import write",
        "write.write_tables = kill; report.report_folder(out)",
    )
    left = tmp_path / "out" / ".report.html.new"
    assert list(left.rglob("*.png"))
    assert {path: path.read_bytes() for path in before} == before
    report.report_folder(tmp_path / "out")
    assert {path for path in (tmp_path / "out").rglob("*") if path.is_file()} == set(before)


def test_steps_that_are_kept_make_another_setting_quick(tmp_path, raw):
    first = run_sort(raw, tmp_path / "out", "--keep-steps", "--set", "units.min_snr=2")
    assert first.exit_code == 0, first.output
    again = run_sort(raw, tmp_path / "out", "--overwrite", "--keep-steps", "-v")
    assert "Goes on at sorting" in again.stderr
    log = (tmp_path / "out" / "spikesieve.log").read_text()
    assert "step detect was loaded" in log
    assert "step sorting is computed: params.units.min_snr is 1.5 instead of 2.0" in log
    fresh = run_sort(raw, tmp_path / "out", "--overwrite", "--fresh")
    assert "Goes on" not in fresh.stderr
    assert facts(tmp_path / "out")["result"]["n_units"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_sort_ends_after_the_step_that_is_asked_for_and_goes_on(tmp_path, raw):
    refused(run_sort(raw, tmp_path / "out", "--stop-after", "wash"), tmp_path, "no step 'wash'", "noise, shapes")
    early = run_sort(raw, tmp_path / "out", "--stop-after", "detect")
    assert early.exit_code == 0, early.output
    assert "ended after the step detect" in early.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".out.steps"]
    assert [path.name for path in (tmp_path / ".out.steps").glob("detect-*")]
    assert not list((tmp_path / ".out.steps").glob("clusters-*"))
    # These settings leave this step out, and it would come after the motion.
    assert "ended after the step motion" in run_sort(raw, tmp_path / "out", "--stop-after", "trace shift").stderr
    result = run_sort(raw, tmp_path / "out")
    assert "Goes on at spikes at rest: 7 steps were kept" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_that_changes_while_it_is_sorted_is_an_error(tmp_path, monkeypatch):
    raw, run_method = write_raw(tmp_path, spiking(1.0)), sort_files.run_method

    def meanwhile(*arguments):
        sorting = run_method(*arguments)
        raw.touch()
        return sorting

    monkeypatch.setattr(sort_files, "run_method", meanwhile)
    result = run_sort(raw, tmp_path / "out")
    assert result.exit_code == 2
    assert f"{raw} changed while it was sorted" in result.stderr
    assert "--fresh" in result.stderr
    assert not (tmp_path / "out").exists()
