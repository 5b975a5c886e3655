"""Recording: what its numbers mean in uV, channel by channel, and what tells one from another."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from spikesieve import kernels
from spikesieve.errors import InputError
from spikesieve.io.recordings.binary import read_recording, recording_from_array
from spikesieve.io.recordings.numbers import DTYPES
from spikesieve.model import Recording

GAINS = np.array([0.195, -2.34375, 1 / 3, 4.7, 1.0])
OFFSETS = np.array([0.0, 32768.0, 7.5, -3.0, 0.0])


def random_samples(dtype: str, n_samples: int = 300) -> np.ndarray:
    rng = np.random.default_rng(0)
    if dtype.startswith("float"):
        return rng.normal(0, 1e3, (n_samples, 5)).astype(dtype)
    limits = np.iinfo(DTYPES[dtype])
    return rng.integers(limits.min, limits.max, (n_samples, 5), endpoint=True).astype(DTYPES[dtype])


def recording_of(samples: np.ndarray, gain_uv: object = GAINS, offset_raw: object = OFFSETS) -> Recording:
    n_samples, n_channels = samples.shape
    return Recording(
        lambda start, stop: samples[start:stop], n_samples, n_channels, 30_000.0, gain_uv, offset_raw, (-8.0, 7.0)
    )


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize(("gain_uv", "offset_raw"), [(GAINS, OFFSETS), (0.195, 32768.0), (2.34375, 0.0)])
def test_uv_are_those_of_the_kernel_to_the_last_bit(dtype, gain_uv, offset_raw):
    samples, channels = random_samples(dtype), np.array([4, 0, 3, 1, 2])
    recording = recording_of(samples, gain_uv, offset_raw)
    raw = np.ascontiguousarray(samples[20:290], np.int16 if dtype == "int16" else np.float32)
    out = np.empty((5, 270), np.float32)
    kernels.microvolts(
        raw, channels, recording.offset_raw.astype(np.float32), recording.gain_uv.astype(np.float32), out
    )
    uv = recording.read_uv(20, 290, channels)
    assert (uv.dtype, uv.shape) == (np.float32, (270, 5))
    assert uv.T.flags.c_contiguous
    assert uv.T.tobytes() == out.tobytes()


def test_one_number_is_taken_for_all_channels():
    recording = recording_of(random_samples("int16"), 0.5, 3)
    assert (recording.gain_uv.tolist(), recording.offset_raw.tolist()) == ([0.5] * 5, [3.0] * 5)
    assert recording.gain_uv.dtype == recording.offset_raw.dtype == np.float64
    plain = Recording(recording.read, 300, 5, 30_000.0)
    assert (set(plain.gain_uv), set(plain.offset_raw)) == ({1.0}, {0.0})
    own = replace(recording, gain_uv=GAINS)
    assert own.gain_uv.tolist() == GAINS.tolist()
    assert own.offset_raw.tolist() == [3.0] * 5


@pytest.mark.parametrize("numbers", [np.ones(4), np.ones((5, 1)), np.nan, np.array([1, 1, np.inf, 1, 1])])
@pytest.mark.parametrize(("name", "meaning"), [("gain_uv", "gain"), ("offset_raw", "offset")])
def test_numbers_that_are_not_one_for_each_channel_are_refused(numbers, name, meaning):
    recording = recording_of(random_samples("int16"))
    with pytest.raises(InputError, match=f"The {meaning} of recording .* its 5 channels"):
        replace(recording, **{name: numbers})


def test_what_is_not_a_number_stays_so_without_a_warning(recwarn):
    samples = np.zeros((4, 5))
    samples[0, 0], samples[1, 1], samples[2, 2], samples[3, 3] = np.nan, np.inf, 1e300, 3e38
    uv = recording_of(samples, 10.0).read_uv(0, 4, np.arange(5))
    assert np.isnan(uv[0, 0])
    assert np.isinf([uv[1, 1], uv[2, 2], uv[3, 3]]).all()
    assert not recwarn.list


def test_the_range_of_each_channel_follows_its_gain():
    low, high = recording_of(random_samples("int16")).range_uv(np.array([1, 3]))
    np.testing.assert_array_equal(low, [(7.0 - 32768.0) * -2.34375, -5.0 * 4.7])
    np.testing.assert_array_equal(high, [(-8.0 - 32768.0) * -2.34375, 10.0 * 4.7])
    assert replace(recording_of(random_samples("int16")), range_raw=None).range_uv(np.array([0])) is None


def test_the_model_needs_neither_numba_nor_the_pipeline():
    code = (
        "import sys, spikesieve.model; "
        "print([name for name in sys.modules if name.split('.')[0] == 'numba' or name.startswith(('spikesieve.api', "
        "'spikesieve.io', 'spikesieve.kernels'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_recording_says_what_it_is_in_two_lines():
    recording = replace(recording_of(random_samples("int16", 30_000), 0.5), name="raw.bin", segments=((0, 15_000),))
    assert repr(recording).splitlines() == [
        "Recording 'raw.bin': 5 channels at 30000 Hz, 30,000 samples (1 s), 0.5 µV per raw number",
        "  to sort: 0.5 s in 1 segment",
    ]
    assert "-2.34375 to 4.7 µV" in repr(replace(recording, gain_uv=GAINS))
    assert "no gain known" in repr(replace(recording, has_gain=False))


# fingerprints


def test_the_fingerprint_of_an_array_is_that_of_its_contents():
    samples = random_samples("int16")
    one = recording_from_array(samples, 30_000.0, 0.5)
    same = [
        recording_from_array(samples.copy(), 30_000.0, 0.5),
        recording_from_array(np.asfortranarray(samples), 30_000.0, 0.5),
        replace(one, name="another", segments=((np.int64(0), np.int64(300)),)),
    ]
    assert {recording.fingerprint() for recording in same} == {one.fingerprint()}
    changed = samples.copy()
    changed[299, 4] += 1
    other = [
        recording_from_array(changed, 30_000.0, 0.5),
        recording_from_array(samples.astype(np.int32), 30_000.0, 0.5),
        recording_from_array(samples[:-1], 30_000.0, 0.5),
        recording_from_array(samples.reshape(500, 3), 30_000.0, 0.5),
        replace(one, sampling_hz=30_001.0),
        replace(one, gain_uv=np.array([0.5, 0.5, 0.5, 0.5, 0.6])),
        replace(one, offset_raw=1.0),
        replace(one, gain_uv=one.offset_raw + 1, offset_raw=one.gain_uv),
        replace(one, range_raw=(-512.0, 511.0)),
        replace(one, segments=((0, 100), (100, 300))),
        replace(one, segments=((0, 299),)),
    ]
    assert len({one.fingerprint(), *(recording.fingerprint() for recording in other)}) == len(other) + 1


def test_the_fingerprint_does_not_depend_on_how_much_is_read_at_a_time(monkeypatch):
    recording = recording_from_array(random_samples("int16"), 30_000.0)
    whole = recording.fingerprint()
    monkeypatch.setattr("spikesieve.model.recording.VALUES_PER_READ", 37)
    assert recording.fingerprint() == whole


def test_a_file_is_known_by_its_contents_and_not_by_its_place_and_time(tmp_path, monkeypatch):
    path = tmp_path / "raw.bin"
    random_samples("int16").tofile(path)
    recording = read_recording(path, 5, 30_000.0)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the file was read")

    with monkeypatch.context() as patch:
        patch.setattr(np, "fromfile", refuse)
        first = recording.fingerprint()
        assert recording.fingerprint() == first
        assert read_recording(path, 5, 30_000.0).fingerprint() == first
        patch.chdir(tmp_path)
        assert read_recording("raw.bin", 5, 30_000.0).fingerprint() == first
    others = [
        read_recording(path, 3, 30_000.0),
        read_recording(path, 5, 30_000.0, header_bytes=10),
        read_recording(path, 5, 30_000.0, "uint16"),
        read_recording([path, path], 5, 30_000.0),
    ]
    found = {first, *(other.fingerprint() for other in others)}
    os.utime(path, ns=(1, 1))
    found.add(recording.fingerprint())
    copy = tmp_path / "copy.bin"
    random_samples("int16").tofile(copy)
    found.add(read_recording(copy, 5, 30_000.0).fingerprint())
    assert len(found) == 5
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found.add(recording.fingerprint())
    assert len(found) == 6
    path.unlink()
    with pytest.raises(InputError, match="cannot be found any more"):
        recording.fingerprint()


@pytest.mark.parametrize("place", [0, 1, 20_000_000, 39_999_999])
def test_a_large_file_is_known_by_its_size_and_pieces(tmp_path, place):
    path = tmp_path / "raw.bin"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    recording = read_recording(path, 5, 30_000.0)
    before = recording.fingerprint()
    with path.open("rb+") as file:
        file.seek(place)
        file.write(b"x")
    os.utime(path, ns=(1, 1))
    # Between the pieces a change is not seen.
    assert (recording.fingerprint() == before) == (place == 20_000_000)


@pytest.mark.parametrize("segments", [((0, 400),), ((-1, 5),), ((5, 5),), ((0, 20), (10, 30)), ((20, 10),)])
def test_segments_that_overlap_or_lie_outside_are_refused(segments):
    with pytest.raises(InputError, match="segments"):
        replace(recording_of(random_samples("int16")), segments=segments)


def test_a_file_is_still_read_after_the_working_directory_changed(tmp_path, monkeypatch):
    samples = random_samples("int16")
    samples.tofile(tmp_path / "raw.bin")
    monkeypatch.chdir(tmp_path)
    recording = read_recording("raw.bin", 5, 30_000.0)
    monkeypatch.chdir("/")
    assert np.array_equal(recording.read(0, 300), samples)
