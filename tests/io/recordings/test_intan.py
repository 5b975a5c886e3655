"""Intan: files laid out byte for byte as its documentation says, read as neo reads them."""

from __future__ import annotations

import pickle
import struct
from dataclasses import replace

import numpy as np
import pytest
from intan_files import HZ, Layout, amplifier_samples, header, write_traditional
from needed import needed_module

from spikesieve.errors import InputError
from spikesieve.io.recordings.gaps import find_parts, find_parts_by_halves
from spikesieve.io.recordings.open_input import RawOptions, open_input

PROBE = "linear:5:20"
FULL_RHD = Layout(n_auxiliary=3, n_supply=1, n_temperature=2, n_adc=2, has_digital=True)
FULL_RHS = Layout(kind="rhs", n_adc=1, n_dac=2, has_digital=True, has_dc=True)
LAYOUTS = {
    "rhd 1.0": Layout(version=(1, 0)),
    "rhd 1.2": replace(FULL_RHD, version=(1, 2)),
    "rhd 1.5": replace(FULL_RHD, version=(1, 5)),
    "rhd 2.0": replace(FULL_RHD, version=(2, 0)),
    "rhd 3.3": replace(FULL_RHD, version=(3, 3)),
    "rhs": Layout(kind="rhs"),
    "rhs 3.0": FULL_RHS,
}


def written(folder, layout, n_blocks=4, numbers=None, name="run_240101_120000"):
    n = layout.block_samples * n_blocks
    amplifiers = amplifier_samples(n)
    path = folder / f"{name}.{layout.kind}"
    return write_traditional(path, layout, amplifiers, np.arange(n) if numbers is None else numbers), amplifiers


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_version_gives_its_samples(tmp_path, layout):
    path, amplifiers = written(tmp_path, layout)
    recording, probe, notes = open_input(path, RawOptions(), PROBE)
    n = layout.block_samples
    for start, stop in ((0, len(amplifiers)), (3, 5), (n - 2, n + 2), (n, 2 * n), (4, 4)):
        assert np.array_equal(recording.read(start, stop), amplifiers[start:stop])
    uv = (amplifiers[:3].astype(float) - 32768) * 0.195
    assert recording.read_uv(0, 3, probe.channels) == pytest.approx(uv, rel=1e-6)
    assert (recording.sampling_hz, recording.range_raw, notes) == (HZ, (0.0, 65535.0), ())
    assert len(recording.channel_names) == recording.n_channels
    assert recording.channel_names[0] == "A-000"


@pytest.mark.parametrize("layout", [LAYOUTS["rhd 1.5"], LAYOUTS["rhd 3.3"], FULL_RHS], ids=lambda a: a.kind)
def test_neo_reads_the_same(tmp_path, layout):
    rawio = needed_module("neo.rawio", "packages")
    path, _ = written(tmp_path, replace(layout, n_temperature=0))  # neo 0.14 cannot read files with temperatures
    reader = rawio.IntanRawIO(str(path))
    reader.parse_header()
    recording, probe, _ = open_input(path, RawOptions(), PROBE)
    theirs = reader.get_analogsignal_chunk(stream_index=0)
    assert np.array_equal(recording.read(0, recording.n_samples), theirs)
    scaled = reader.rescale_signal_raw_to_float(theirs, "float64", stream_index=0)
    assert recording.read_uv(0, 50, probe.channels) == pytest.approx(scaled[:50], abs=1e-3)


def test_missing_blocks_end_a_segment(tmp_path):
    numbers = np.concatenate([np.arange(-100, 100), np.arange(5000, 5312)])
    path, _ = written(tmp_path, Layout(), numbers=numbers)
    recording, _, _ = open_input(path, RawOptions(), PROBE)
    assert recording.segments == ((0, 200), (200, 512))
    assert recording.clock.times_s == pytest.approx((-100 / HZ, 5000 / HZ))


def test_gaps_found_by_halves_are_those_found_one_by_one():
    rng = np.random.default_rng(0)
    numbers = np.cumsum(1 + 50 * (rng.random(100_000) < 1e-3))
    found = find_parts_by_halves(lambda start, stop: numbers[start:stop], len(numbers))
    assert len(found) > 50
    assert np.array_equal(found, find_parts(numbers))
    assert find_parts_by_halves(lambda start, stop: numbers[start:stop], 0).tolist() == []


def test_files_that_were_split_by_time_follow_one_another(tmp_path):
    n = 2 * 128
    for part, minute in ((1, "00"), (2, "01"), (0, "59")):
        hour = 11 if part == 0 else 12
        write_traditional(
            tmp_path / f"run_240101_{hour}{minute}00.rhd",
            Layout(),
            amplifier_samples(n, seed=part),
            np.arange(part * n, (part + 1) * n),
        )
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    expected = np.concatenate([amplifier_samples(n, seed=part) for part in range(3)])
    assert np.array_equal(recording.read(0, 3 * n), expected)
    assert recording.clock.gaps_s(HZ) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert (len(recording.segments), notes) == (3, ())


def test_two_recordings_in_a_folder_are_two_streams(tmp_path):
    for name in ("a_240101_120000", "b_240101_130000"):
        written(tmp_path, Layout(), name=name)
    with pytest.raises(InputError, match=r"--stream a(.|\n)*--stream b"):
        open_input(tmp_path, RawOptions(), PROBE)
    assert open_input(tmp_path, RawOptions(stream="b"), PROBE)[0].name == "b_240101_130000.rhd"


def one_file_per_signal(folder, layout):
    folder.mkdir(exist_ok=True)
    samples = (amplifier_samples(300).astype(np.int32) - 32768).astype("<i2")
    (folder / f"info.{layout.kind}").write_bytes(header(layout))
    samples.tofile(folder / "amplifier.dat")
    np.arange(300, dtype="<i4").tofile(folder / "time.dat")
    return samples


@pytest.mark.parametrize("layout", [Layout(), Layout(kind="rhs")], ids=["rhd", "rhs"])
@pytest.mark.parametrize("place", [".", "run", "run/amplifier.dat", "run/info"])
def test_a_file_for_each_signal(tmp_path, layout, place):
    samples = one_file_per_signal(tmp_path / "run", layout)
    place = f"{place}.{layout.kind}" if place.endswith("info") else place
    recording, _, notes = open_input(tmp_path / place, RawOptions(), PROBE)
    assert np.array_equal(recording.read(0, 300), samples)
    assert (set(recording.gain_uv), set(recording.offset_raw)) == ({0.195}, {0.0})
    assert (recording.clock.times_s, notes) == ((0.0,), ())


@pytest.mark.parametrize("layout", [Layout(), Layout(kind="rhs")], ids=["rhd", "rhs"])
def test_a_file_for_each_channel(tmp_path, layout):
    samples = one_file_per_signal(tmp_path, layout)
    (tmp_path / "amplifier.dat").unlink()
    for number, values in enumerate(samples.T):
        values.tofile(tmp_path / f"amp-A-{number:03d}.dat")
    recording, _, _ = open_input(tmp_path, RawOptions(), PROBE)
    assert np.array_equal(recording.read(17, 90), samples[17:90])
    assert len(recording.paths) == 5
    assert recording.fingerprint() == open_input(tmp_path, RawOptions(), PROBE)[0].fingerprint()
    (tmp_path / "amp-A-003.dat").unlink()
    with pytest.raises(InputError, match=r"channels without a file: amp-A-003\.dat"):
        open_input(tmp_path, RawOptions(), PROBE)


def test_a_reader_pickles(tmp_path):
    path, amplifiers = written(tmp_path, Layout())
    recording, _, _ = open_input(path, RawOptions(), PROBE)
    assert np.array_equal(pickle.loads(pickle.dumps(recording)).read(5, 9), amplifiers[5:9])  # noqa: S301


# what is missing or damaged


def test_after_a_crash_the_last_block_is_left_out(tmp_path):
    path, amplifiers = written(tmp_path, Layout())
    path.write_bytes(path.read_bytes()[:-100])
    recording, _, notes = open_input(path, RawOptions(), PROBE)
    assert np.array_equal(recording.read(0, 384), amplifiers[:384])
    assert recording.n_samples == 384
    assert "ends within a block, as after a crash: its last 1692 bytes are not read" in notes[0]


@pytest.mark.parametrize("n_bytes", [4, 9, 60, 300])
def test_a_header_cut_short_is_told(tmp_path, n_bytes):
    path, _ = written(tmp_path, Layout())
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(InputError, match=r"is not a file of Intan that can be read.*ends within its header"):
        open_input(path, RawOptions(), PROBE)


def test_a_header_without_samples_is_told(tmp_path):
    path = tmp_path / "a.rhd"
    path.write_bytes(header(Layout()))
    with pytest.raises(InputError, match="a header but no block of samples"):
        open_input(path, RawOptions(), PROBE)


def test_a_file_without_amplifiers_is_told(tmp_path):
    path = tmp_path / "a.rhd"
    path.write_bytes(header(Layout(n_amplifiers=0, n_adc=2)) + bytes(10_000))
    with pytest.raises(InputError, match="no amplifier channel"):
        open_input(path, RawOptions(), PROBE)


def test_another_file_of_this_name_is_not_taken_for_one_of_intan(tmp_path):
    path = tmp_path / "a.rhd"
    path.write_bytes(struct.pack("<I", 7) * 100)
    with pytest.raises(InputError, match=r"a\.rhd does not begin as a file of Intan: it is damaged"):
        open_input(path, RawOptions())


def test_a_signal_file_cut_short_is_told(tmp_path):
    one_file_per_signal(tmp_path, Layout())
    with (tmp_path / "amplifier.dat").open("ab") as file:
        file.truncate(999)
    with pytest.raises(InputError, match=r"999 bytes, not a whole number of samples of the 5 channels of info\.rhd"):
        open_input(tmp_path, RawOptions(), PROBE)


def test_without_time_dat_gaps_are_not_known(tmp_path):
    one_file_per_signal(tmp_path, Layout())
    (tmp_path / "time.dat").unlink()
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.clock is None
    assert "time.dat is missing or too short, so gaps in the recording cannot be seen" in notes[0]
