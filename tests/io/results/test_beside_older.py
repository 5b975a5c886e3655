"""Results that are written into a folder that exists."""

from __future__ import annotations

import pytest

from spikesieve import OutputError
from spikesieve.io.results.folder import RESULT_MARKER, result_beside_older


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def write(folder, text):
    for name in ("spike_times.npy", RESULT_MARKER):
        (folder / name).write_text(text)


def test_each_older_result_is_kept_beside_and_other_files_stay(tmp_path):
    out = tmp_path / "day" / "out"
    for text in ("first", "second", "third"):
        with result_beside_older(out) as new:
            write(new, text)
        (out / "cluster_group.tsv").write_text(text)
        (out / "mine.txt").write_text(text)
    assert {path.name for path in out.parent.iterdir()} == {"out", "out-before", "out-before-2"}
    of_sort = {"spike_times.npy", RESULT_MARKER, "cluster_group.tsv"}
    for folder, text in ((out.with_name("out-before"), "first"), (out.with_name("out-before-2"), "second")):
        assert content(folder) == dict.fromkeys(of_sort, text)
    assert content(out) == dict.fromkeys({*of_sort, "mine.txt"}, "third")


def test_a_failure_leaves_all_as_it_was(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    write(out, "older")
    with pytest.raises(ValueError, match="no luck"), result_beside_older(out) as new:  # noqa: PT012
        write(new, "newer")
        raise ValueError("no luck")
    assert content(out) == dict.fromkeys(("spike_times.npy", RESULT_MARKER), "older")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="is a file"), result_beside_older(tmp_path / "out"):
        pass
