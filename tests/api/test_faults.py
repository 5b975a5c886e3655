"""A disk that fails at any write or read: a sentence and status 2, and the sort goes on with the same bytes."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from failing_disk import at_access, fail, failing_again_and_again, is_sentence, largest_file
from killing import unlike
from small_files import facts, run_sort, spiking, write_raw


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("faults"), spiking(1.0))


@pytest.fixture(scope="module")
def whole(raw) -> Path:
    assert run_sort(raw, raw.parent / "whole").exit_code == 0
    return raw.parent / "whole"


def same(one: Path, other: Path) -> bool:
    """Whether two results have the same bytes, but for the files that say where the recording is."""
    return set(unlike(one, other)) <= {"params.py", "segments.csv"}


def test_a_disk_that_fails_again_and_again_is_a_sentence_each_time(tmp_path, raw, whole):
    endings = list(failing_again_and_again(raw, tmp_path / "out", [], 8))
    assert [where for ended_well, where in endings if not ended_well] == []
    assert len(endings) > 8
    assert same(whole, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of files")
@pytest.mark.parametrize("n_bytes", [0, 500, 20_000])
def test_a_file_that_does_not_fit_on_the_disk(tmp_path, raw, whole, n_bytes):
    with largest_file(n_bytes):
        result = run_sort(raw, tmp_path / "out")
    assert is_sentence(result, tmp_path)
    assert f"{tmp_path} has " in " ".join(result.stderr.split())
    assert run_sort(raw, tmp_path / "out").exit_code == 0
    assert same(whole, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.7, 0.99])
def test_a_recording_that_cannot_be_read_or_shrinks(tmp_path, whole, share):
    raw = write_raw(tmp_path, spiking(1.0))
    with at_access(raw, 0, fail(errno.EIO), is_read=True) as seen:
        assert run_sort(raw, tmp_path / "out").exit_code == 0
    at = 1 + int(share * len(seen))
    raw.touch()  # what was read before is read again
    with at_access(raw, at, fail(errno.EIO), is_read=True):
        result = run_sort(raw, tmp_path / "out", "--overwrite")
    assert (result.exit_code, result.stderr.count("Error: ")) == (2, 1)
    assert f"{raw} can" in " ".join(result.stderr.split())
    assert run_sort(raw, tmp_path / "out", "--overwrite").exit_code == 0
    assert same(whole, tmp_path / "out")
    raw.touch()
    with at_access(raw, at, lambda name: os.truncate(name, raw.stat().st_size // 2), is_read=True):
        result = run_sort(raw, tmp_path / "out", "--overwrite")
    assert "Traceback" not in result.stderr
    assert result.exit_code == (0 if share < 0.3 else 2)  # it was not yet open: the sort is one of a shorter file
    if share < 0.3:
        assert facts(tmp_path / "out")["inputs"][0]["bytes"] == raw.stat().st_size
