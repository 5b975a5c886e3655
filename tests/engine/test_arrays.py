"""Arrays on disk: rows come back as they were written, little stays in memory, pickles are paths."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from spikesieve.engine import arrays
from spikesieve.engine.arrays import GrowingArray, MappedArray, open_npy


def test_a_growing_array_gives_its_rows_back(tmp_path):
    rows = np.random.default_rng(0).standard_normal((23, 4, 2)).astype(np.float32)
    with GrowingArray(tmp_path / "rows.npy", (4, 2), np.float32) as grows:
        for part in (rows[:5], rows[5:5], rows[5:]):
            grows.append(part)
        np.testing.assert_array_equal(grows.finish(), rows)


@pytest.mark.parametrize(
    "key",
    [
        slice(3, 400),
        np.random.default_rng(1).integers(-500, 500, 300),
        np.sort(np.random.default_rng(1).integers(0, 500, 300)),
        np.array([3, -2], np.int8),
        np.array([3, 200], np.uint8),
        np.random.default_rng(2).random(500) > 0.5,
        np.array([], np.int64),
        (np.array([3, 2]), 1),
        (slice(None), 1),
        -1,
    ],
    ids=["slice", "rows", "ascending", "small", "unsigned", "mask", "none", "entries", "column", "last"],
)
def test_rows_on_disk_are_those_that_were_appended(tmp_path, monkeypatch, key):
    monkeypatch.setattr(arrays, "RESIDENT_BYTES", 1_000)
    rows = np.random.default_rng(0).standard_normal((500, 3, 2)).astype(np.float32)
    with GrowingArray(tmp_path / "rows.npy", (3, 2), np.float32) as grows:
        grows.append(rows[:200])
        grows.append(rows[200:])
        on_disk = grows.finish()
    np.testing.assert_array_equal(on_disk[key], rows[key])
    assert on_disk.max() == rows.max()
    assert type(on_disk > 0) is np.ndarray


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells what is resident")
def test_what_was_read_from_disk_does_not_stay_in_memory(tmp_path):
    with GrowingArray(tmp_path / "rows.npy", (1_000,), np.float32) as grows:
        for _ in range(50):
            grows.append(np.ones((1_000, 1_000), np.float32))
        on_disk = grows.finish()
    before = mapped_bytes()
    for start in range(0, len(on_disk), 5_000):
        assert on_disk[start : start + 5_000].sum() == 5e6
    assert on_disk[np.random.default_rng(0).integers(0, len(on_disk), 1_000)].sum() == 1e6
    column = on_disk[:, 1:3]
    for start in range(0, len(column), 1_000):
        assert column[start : start + 1_000].sum() == 2e3
    assert mapped_bytes() - before < 3 * arrays.RESIDENT_BYTES < on_disk.nbytes


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells what is resident")
@pytest.mark.parametrize("step", [1, 40, 2_000], ids=["all", "some", "few"])
def test_rows_that_are_far_apart_are_given_back_before_many_pages_are_in_memory(tmp_path, monkeypatch, step):
    with GrowingArray(tmp_path / "rows.npy", (16, 6), np.float32) as grows:
        for _ in range(40):
            grows.append(np.ones((5_000, 16, 6), np.float32))
        on_disk = grows.finish()
    in_memory: list[int] = []
    give_back = arrays.release

    def watched(array: object) -> None:
        in_memory.append(mapped_bytes())
        give_back(array)

    monkeypatch.setattr(arrays, "release", watched)
    on_disk[:1]
    before = mapped_bytes()
    rows = np.arange(0, len(on_disk), step)
    assert on_disk[rows].sum() == 96 * len(rows)
    assert max(in_memory) - before < 1.5 * arrays.RESIDENT_BYTES
    assert len(in_memory) < 1 + 1.5 * on_disk.nbytes / arrays.RESIDENT_BYTES


def mapped_bytes() -> int:
    """Resident pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


def test_a_growing_array_without_rows_is_empty(tmp_path):
    with GrowingArray(tmp_path / "rows.npy", (4, 2), np.float32) as grows:
        assert grows.finish().shape == (0, 4, 2)


def test_numpy_reads_the_file_of_a_growing_array(tmp_path):
    rows = np.arange(12, dtype=np.int64).reshape(3, 4)
    with GrowingArray(tmp_path / "rows.npy", (4,), np.int64) as grows:
        grows.append(rows)
        grows.finish()
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy", allow_pickle=False), rows)


@pytest.mark.parametrize(
    "part", [slice(None), slice(100, 900), slice(None, None, 3)], ids=["all", "rows", "every third"]
)
def test_a_mapped_array_pickles_as_a_path_wherever_it_is_contiguous(tmp_path, part):
    rows = np.random.default_rng(0).standard_normal((1000, 30)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    on_disk = open_npy(tmp_path / "rows.npy", 0)[part]
    assert isinstance(on_disk, MappedArray)
    pickled = pickle.dumps(on_disk)
    assert len(pickled) < 500 or part.step
    again = pickle.loads(pickled)  # noqa: S301  made here
    np.testing.assert_array_equal(again, rows[part])
    assert again.dtype == rows.dtype


def test_small_arrays_are_read_into_memory(tmp_path):
    np.save(tmp_path / "rows.npy", np.ones(10))
    assert type(open_npy(tmp_path / "rows.npy", 1000)) is np.ndarray


def test_objects_are_refused_and_so_are_files_that_were_cut_short(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"allow_pickle|bytes"):
        open_npy(tmp_path / "objects.npy", 0)
    np.save(tmp_path / "rows.npy", np.ones(1000))
    path = tmp_path / "rows.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="bytes"):
        open_npy(path, 0)


@pytest.mark.parametrize(
    "key", [np.array([500]), np.array([-501]), np.ones(499, np.bool_)], ids=["high", "low", "mask"]
)
def test_rows_that_are_not_there_are_refused_as_in_memory(tmp_path, monkeypatch, key):
    monkeypatch.setattr(arrays, "RESIDENT_BYTES", 1_000)
    with GrowingArray(tmp_path / "rows.npy", (3,), np.float32) as grows:
        grows.append(np.zeros((500, 3), np.float32))
        on_disk = grows.finish()
    with pytest.raises(IndexError):
        on_disk[key]


def test_a_private_mapping_of_the_user_keeps_what_was_written(tmp_path):
    np.save(tmp_path / "user.npy", np.zeros(100_000))
    mine = np.load(tmp_path / "user.npy", mmap_mode="c")
    mine[:] = 7.0
    arrays.release(mine)
    assert mine.min() == 7.0
