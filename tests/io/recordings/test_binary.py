"""Raw binary files, arrays and segments: what is written is what is read, and every refusal says why."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import read_recording, recording_from_array
from spikesieve.io.recordings.numbers import DTYPES
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.recordings.segments import select_times


def write(path: Path, array: np.ndarray, header: bytes = b"") -> Path:
    path.write_bytes(header + np.ascontiguousarray(array).tobytes())
    return path


def ramp(n_samples: int, n_channels: int, dtype: str = "int16") -> np.ndarray:
    return np.arange(n_samples * n_channels).reshape(n_samples, n_channels).astype(DTYPES[dtype])


@st.composite
def files(draw: st.DrawFn) -> tuple[list[np.ndarray], int]:
    dtype = np.dtype(draw(st.sampled_from(sorted(DTYPES.values()))))
    n_channels = draw(st.integers(1, 5))
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    return [draw(arrays(dtype, (n, n_channels))) for n in lengths], draw(st.integers(0, 7))


@given(files(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_was_written_is_read_across_file_borders(tmp_path_factory, content, data):
    pieces, header_bytes = content
    folder = tmp_path_factory.mktemp("raw")
    paths = [write(folder / f"{i}.bin", piece, b"h" * header_bytes) for i, piece in enumerate(pieces)]
    whole = np.concatenate(pieces)
    dtype = next(name for name, code in DTYPES.items() if np.dtype(code) == whole.dtype)

    recording = read_recording(paths, whole.shape[1], 1000, dtype, header_bytes=header_bytes)

    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    found = recording.read(start, stop)
    assert found.dtype == whole.dtype
    assert found.shape == (stop - start, whole.shape[1])
    assert found.tobytes() == whole[start:stop].tobytes()
    borders = np.cumsum([0] + [len(piece) for piece in pieces])
    assert recording.n_samples == len(whole)
    assert recording.file_starts == tuple(borders[:-1])
    assert recording.segments == tuple(pairwise(borders))


def test_gain_and_zero_turn_raw_numbers_into_uv(tmp_path):
    path = write(tmp_path / "a.bin", np.array([[32768, 32778], [32758, 0]], "<u2"))
    recording = read_recording(path, 2, 30000, "uint16", gain_uv=0.5)
    assert recording.read_uv(0, 2, np.array([1, 0])).tolist() == [[5.0, 0.0], [-16384.0, -5.0]]
    low, high = recording.range_uv(np.array([1, 0]))
    assert (low.tolist(), high.tolist()) == ([-16384.0] * 2, [16383.5] * 2)
    assert recording.has_gain


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "uint16", "int32", "float16", "float32", "float64"])
def test_an_array_of_any_type_and_layout_is_read_in_uv(dtype):
    numbers = np.arange(3 * 100).reshape(100, 3) % 101
    for array in (numbers.astype(dtype), np.asfortranarray(numbers.astype(dtype)), numbers.astype(dtype)[::-1]):
        array.flags.writeable = False
        recording = recording_from_array(array, 30_000.0, 0.5)
        uv = recording.read_uv(10, 90, np.array([2, 0]))
        np.testing.assert_array_equal(
            uv, (array[10:90, [2, 0]].astype("f4") - np.float32(recording.offset_raw[0])) * 0.5
        )


def test_without_a_gain_the_numbers_stay_raw_and_this_is_known(tmp_path):
    recording = read_recording(write(tmp_path / "a.bin", ramp(4, 2)), 2, 30000)
    assert (recording.gain_uv.tolist(), recording.has_gain) == ([1.0, 1.0], False)


@pytest.mark.parametrize(
    ("dtype", "limits"),
    [("int16", (-32768, 32767)), ("uint16", (0, 65535)), ("int32", (-(2**31), 2**31 - 1)), ("float32", None)],
)
def test_the_limits_of_the_converter_are_those_of_the_type(tmp_path, dtype, limits):
    path = write(tmp_path / "a.bin", ramp(4, 2, dtype))
    assert read_recording(path, 2, 1000, dtype).range_raw == limits
    assert recording_from_array(ramp(4, 2, dtype), 1000).range_raw == limits


def test_a_recording_is_pickled_without_its_samples(tmp_path):
    recording = read_recording(write(tmp_path / "a.bin", ramp(5000, 4)), 4, 30000)
    packed = pickle.dumps(recording)
    assert len(packed) < 2000
    assert np.array_equal(pickle.loads(packed).read(10, 20), ramp(5000, 4)[10:20])  # noqa: S301 - packed just above


def test_an_array_is_a_recording_without_a_copy():
    array = ramp(10, 3, "float32")
    recording = recording_from_array(array, 20000, gain_uv=1.0)
    assert np.shares_memory(recording.read(2, 5), array)
    assert (recording.n_samples, recording.n_channels, recording.has_gain) == (10, 3, True)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(5), "shape (5,)"),
        (np.zeros((0, 4)), "shape (0, 4)"),
        (np.zeros((2, 70_000), np.int16), "array.T"),
        (np.zeros((4, 2), np.int64), "int64"),
        (np.zeros((4, 2), complex), "complex128"),
    ],
)
def test_an_array_that_is_no_recording_is_refused(array, words):
    with pytest.raises(InputError, match=words.replace("(", r"\(").replace(")", r"\)")):
        recording_from_array(array, 30000)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.bin does not exist"):
        read_recording(tmp_path / "nowhere.bin", 4, 30000)


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="is empty"):
        read_recording(write(tmp_path / "a.bin", np.empty(0)), 4, 30000)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a directory"):
        read_recording(tmp_path, 4, 30000)


@pytest.mark.parametrize(
    ("head", "kind"), [(b"\x93NUMPY\x01\x00", "NumPy"), (b"\x89HDF\r\n\x1a\n", "HDF5"), (b"\x1f\x8b\x08\x00", "gzip")]
)
def test_a_file_of_another_kind_is_not_read_as_plain_numbers(tmp_path, head, kind):
    path = tmp_path / "a.dat"
    path.write_bytes(head.ljust(80, b"\0"))
    options = RawOptions(n_channels=4, sampling_hz=1000)
    with pytest.raises(InputError, match=f"is an? {kind} file, not plain numbers"):
        open_input(path, options, "linear:4:20")
    assert open_input(path, replace(options, format="raw"), "linear:4:20")[0].n_samples == 10
    assert open_input(path, replace(options, header_bytes=8), "linear:4:20")[0].n_samples == 9


def test_no_file_at_all_is_refused():
    with pytest.raises(InputError, match="No recording was given"):
        read_recording([], 4, 30000)


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "a.bin", ramp(4, 2))

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_recording(path, 2, 30000)


def test_a_size_that_does_not_fit_tells_the_rest_and_the_counts_that_fit(tmp_path):
    path = write(tmp_path / "a.bin", ramp(7, 12))
    with pytest.raises(
        InputError, match=r"13 channels x 2 bytes .*: 12 bytes are left over.*that fit: .*12, 14"
    ) as error:
        read_recording(path, 13, 30000)
    assert "13," not in str(error.value).split("that fit")[1]


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="16 bytes and a header of 16 bytes, so it holds no samples"):
        read_recording(write(tmp_path / "a.bin", ramp(4, 2)), 2, 30000, header_bytes=16)


@pytest.mark.parametrize("dtype", ["float64", "int", "", "uint8"])
def test_an_unknown_type_is_refused_and_the_known_ones_are_named(tmp_path, dtype):
    with pytest.raises(InputError, match="int16, uint16, int32, float32"):
        read_recording(write(tmp_path / "a.bin", ramp(4, 2)), 2, 30000, dtype)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"n_channels": 0}, "number of channels is 0"),
        ({"sampling_hz": 0.0}, r"sampling rate is 0\.0 Hz"),
        ({"sampling_hz": -1.0}, "sampling rate is -1"),
        ({"sampling_hz": float("nan")}, "sampling rate is nan"),
        ({"gain_uv": 0.0}, "gain is 0"),
        ({"gain_uv": float("inf")}, "gain is inf"),
        ({"header_bytes": -1}, "header is -1 bytes"),
    ],
)
def test_numbers_that_cannot_be_are_refused(tmp_path, numbers, words):
    path = write(tmp_path / "a.bin", ramp(4, 2))
    with pytest.raises(InputError, match=words):
        read_recording(path, **({"n_channels": 2, "sampling_hz": 30000.0} | numbers))


def test_a_file_cut_short_while_it_is_read_is_an_error_and_no_crash(tmp_path):
    path = write(tmp_path / "a.bin", ramp(100, 2))
    recording = read_recording(path, 2, 30000)
    write(path, ramp(50, 2))
    with pytest.raises(InputError, match="become shorter"):
        recording.read(0, 100)


def test_a_file_that_vanishes_is_an_error(tmp_path):
    path = write(tmp_path / "a.bin", ramp(100, 2))
    recording = read_recording(path, 2, 30000)
    path.unlink()
    with pytest.raises(InputError, match="can no longer be read"):
        recording.read(0, 100)


def ten_seconds() -> object:
    return recording_from_array(np.zeros((1000, 1), np.int16), 100)


@pytest.mark.parametrize(
    ("time_range_s", "exclude_s", "expected"),
    [
        (None, [], ((0, 1000),)),
        ((2, 5), [], ((200, 500),)),
        ((2, float("inf")), [], ((200, 1000),)),
        (None, [(3, 4)], ((0, 300), (400, 1000))),
        (None, [(0, 1), (9, float("inf"))], ((100, 900),)),
        (None, [(6, 7), (3, 6.5)], ((0, 300), (700, 1000))),
        ((2, 5), [(4, 6)], ((200, 400),)),
        ((0.123, 0.127), [], ((12, 13),)),
    ],
)
def test_a_time_range_and_intervals_left_out_become_segments(time_range_s, exclude_s, expected):
    assert select_times(ten_seconds(), time_range_s, exclude_s).segments == expected


def test_segments_never_cross_a_file_border(tmp_path):
    paths = [write(tmp_path / name, ramp(500, 1)) for name in ("a.bin", "b.bin")]
    recording = select_times(read_recording(paths, 1, 100), (1, 9), [(6, 7)])
    assert recording.segments == ((100, 500), (500, 600), (700, 900))


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda i: i[0] < i[1]), max_size=6),
    st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda i: i[0] < i[1]),
)
def test_exactly_the_wanted_samples_are_in_the_segments(exclude_s, time_range_s):
    recording = recording_from_array(np.zeros((100, 1), np.int16), 1.0)
    wanted = np.zeros(100, bool)
    wanted[slice(*time_range_s)] = True
    for interval in exclude_s:
        wanted[slice(*interval)] = False
    if not wanted.any():
        with pytest.raises(InputError, match="left to sort"):
            select_times(recording, time_range_s, exclude_s)
        return
    found = np.zeros(100, int)
    for start, stop in select_times(recording, time_range_s, exclude_s).segments:
        assert start < stop
        found[start:stop] += 1
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((5, 2), "reversed or empty"),
        ((5, 5), "reversed or empty"),
        ((float("nan"), 2), "reversed or empty"),
        ((-1, 2), "outside"),
        ((2, 11), "outside"),
        ((10, float("inf")), "outside"),
        ((float("-inf"), 2), "outside"),
    ],
)
def test_an_interval_that_cannot_be_is_refused(interval, words):
    with pytest.raises(InputError, match=f"time range .*{words}"):
        select_times(ten_seconds(), interval)
    with pytest.raises(InputError, match=f"exclude .*{words}"):
        select_times(ten_seconds(), None, [interval])


def test_leaving_everything_out_is_refused():
    with pytest.raises(InputError, match="Nothing of array is left to sort"):
        select_times(ten_seconds(), (1, 2), [(0, 3)])
