"""Arrays as samples: one that is mapped from a file travels as the file's name and layout."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from spikesieve.errors import InputError
from spikesieve.io.recordings.array_samples import ArraySamples, mapped_layout
from spikesieve.io.recordings.binary import recording_from_array

SHAPE = (40_000, 6)


@pytest.fixture
def path(tmp_path) -> Path:
    values = np.arange(np.prod(SHAPE), dtype="<i2").reshape(SHAPE)
    (tmp_path / "raw.bin").write_bytes(b"header!" + values.tobytes())
    return tmp_path / "raw.bin"


def mapped(path: Path, mode: str = "r") -> np.memmap:
    return np.memmap(path, "<i2", mode, offset=7, shape=SHAPE)


VIEWS = {
    "whole": lambda array: array,
    "later": lambda array: array[1000:30_000],
    "columns": lambda array: array[:, 1:5:2],
    "backwards": lambda array: array[::-3, ::-1],
    "plain": np.asarray,
    "view of a view": lambda array: np.asarray(array[100:])[50:, :3][::2],
    "columns first": lambda array: array.reshape(SHAPE[::-1]).T,
    "bytes": lambda array: np.asarray(array).view("<u2")[10:],
    "one row": lambda array: array[5:6],
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_mapped_array_is_pickled_without_its_contents(path, name, mode):
    array = VIEWS[name](mapped(path, mode))
    recording = recording_from_array(array, 30_000.0, 0.5)
    packed = pickle.dumps(recording)
    assert len(packed) < 2000
    again = pickle.loads(packed)  # noqa: S301 - packed just above
    found = again.read(0, len(array))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).read(0, len(array)), array)  # noqa: S301
    assert again.fingerprint() == recording.fingerprint()


def test_a_saved_array_is_mapped_behind_its_header(tmp_path):
    values = np.random.default_rng(0).normal(0, 1, (20_000, 3))
    np.save(tmp_path / "a.npy", values)
    packed = pickle.dumps(ArraySamples(np.load(tmp_path / "a.npy", mmap_mode="r")))
    assert len(packed) < 1000
    np.testing.assert_array_equal(pickle.loads(packed)(5, 100), values[5:100])  # noqa: S301


@pytest.mark.parametrize("array", [np.zeros((4, 2), np.int16), np.zeros((9, 9))[2:, ::2]])
def test_an_array_in_memory_is_pickled_with_its_contents(array):
    assert mapped_layout(array) is None
    again = pickle.loads(pickle.dumps(ArraySamples(array)))  # noqa: S301
    np.testing.assert_array_equal(again(0, len(array)), array)


def test_changes_that_are_only_in_memory_travel_along(path):
    array = mapped(path, "c")
    array[3, 3] = -77
    assert mapped_layout(array) is None
    assert pickle.loads(pickle.dumps(ArraySamples(array)))(3, 4)[0, 3] == -77  # noqa: S301


def test_a_mapped_array_is_known_by_its_file_and_by_its_place_in_it(path):
    one = recording_from_array(mapped(path), 30_000.0)
    others = [
        recording_from_array(mapped(path)[1:], 30_000.0),
        recording_from_array(mapped(path)[:-1], 30_000.0),
        recording_from_array(mapped(path)[:-1][::-1], 30_000.0),
        recording_from_array(mapped(path)[:, ::-1], 30_000.0),
    ]
    found = {one.fingerprint(), *(other.fingerprint() for other in others)}
    assert len(found) == 5
    assert recording_from_array(mapped(path), 30_000.0).fingerprint() in found
    with path.open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    os.utime(path, ns=(1, 1))
    assert one.fingerprint() not in found


def test_a_map_that_can_be_written_is_known_by_its_contents(path):
    array = mapped(path, "r+")
    recording = recording_from_array(array, 30_000.0)
    before = recording.fingerprint()
    array[123, 4] += 1
    changed = recording.fingerprint()
    array[123, 4] -= 1
    assert (changed != before, recording.fingerprint()) == (True, before)


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_file_that_is_gone_or_shorter_is_an_error(path, mode):
    packed = pickle.dumps(ArraySamples(mapped(path, mode)))
    path.write_bytes(b"short")
    with pytest.raises(InputError, match="cannot be mapped any more: it has become shorter"):
        pickle.loads(packed)  # noqa: S301
    assert path.read_bytes() == b"short"
    recording = recording_from_array(mapped_again(path), 30_000.0)
    path.unlink()
    with pytest.raises(InputError, match="cannot be mapped any more"):
        pickle.loads(packed)  # noqa: S301
    with pytest.raises(InputError, match="cannot be found any more"):
        recording.fingerprint()


def mapped_again(path: Path) -> np.memmap:
    path.write_bytes(bytes(400))
    return np.memmap(path, "<i2", "r", shape=(50, 4))
