"""Open Ephys binary: folders laid out as its documentation says, read as neo reads them, gaps apart."""

from __future__ import annotations

import json

import numpy as np
import pytest
from needed import needed_module
from open_ephys_files import HZ, channel, count, electrodes, tree, write_stream

from spikesieve.errors import InputError
from spikesieve.io.recordings.gaps import find_parts
from spikesieve.io.recordings.open_input import RawOptions, open_input

PROBE = "linear:4:20"


def samples_of(n_samples: int, n_channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-500, 500, (n_samples, n_channels)).astype("<i2")


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4, 5, 6])
def test_any_level_of_the_tree_is_enough(tmp_path, level):
    samples = samples_of(100, 4)
    folder = write_stream(tree(tmp_path), samples, count(100, 5000))
    levels = [tmp_path, *reversed(folder.relative_to(tmp_path).parents[:-1]), folder.relative_to(tmp_path)]
    place = tmp_path / levels[level] if level < len(levels) else folder / "continuous.dat"
    recording, probe, notes = open_input(place, RawOptions(), PROBE)
    assert np.array_equal(recording.read(0, 100), samples)
    assert (recording.sampling_hz, set(recording.gain_uv), notes) == (HZ, {0.195}, ())
    assert probe.n_contacts == 4
    assert recording.channel_names == ("CH1", "CH2", "CH3", "CH4")


def test_a_gap_ends_a_segment(tmp_path):
    numbers = np.concatenate([count(40, 1000), count(30, 1100), count(30, 4000)])
    write_stream(tree(tmp_path), samples_of(100, 4), numbers)
    recording, _, _ = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.segments == ((0, 40), (40, 70), (70, 100))
    assert recording.seconds(np.array([0, 40, 70])) == pytest.approx(np.array([1000, 1100, 4000]) / HZ)
    assert recording.clock.gaps_s(HZ) == pytest.approx([60 / HZ, 2870 / HZ])


@pytest.mark.parametrize("per_read", [1, 3, 7, 1000])
def test_gaps_are_found_wherever_reading_was_cut(monkeypatch, per_read):
    monkeypatch.setattr("spikesieve.io.recordings.gaps.NUMBERS_PER_READ", per_read)
    numbers = np.concatenate([count(5), count(2, 9), count(1, 3), count(6, 4), [9, 9]])
    assert find_parts(numbers).tolist() == [0, 5, 7, 14, 15]
    assert find_parts(numbers[:0]).tolist() == []


def test_synchronised_times_are_used(tmp_path):
    times_s = np.concatenate([100 + count(50) / HZ, 200 + count(50) / HZ])
    numbers = np.concatenate([count(50), count(50, 3_000_000)])
    write_stream(tree(tmp_path), samples_of(100, 4), numbers, times_s=times_s)
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.clock.times_s == (100.0, 200.0)
    assert notes == ()


def test_synchronised_times_are_followed_where_the_clocks_differ(tmp_path):
    """100 in a million, changing slowly: after a minute the sampling rate alone is off by 6 ms, 180 samples."""
    n = round(60 * HZ)
    times_s = 50 + count(n) / HZ * (1 + 1e-4) + 1e-4 * np.sin(count(n) / n * 6)
    write_stream(tree(tmp_path), samples_of(n, 1), count(n, 77), times_s=times_s)
    recording, _, notes = open_input(tmp_path, RawOptions(), "linear:1:20")
    assert notes == ()
    assert recording.segments == ((0, n),)
    assert np.abs(recording.seconds(count(n)) - times_s).max() < 0.5 / HZ
    assert max(np.abs(recording.clock.gaps_s(HZ))) < 1e-6


@pytest.mark.parametrize(
    "times_s", [np.full(100, -1.0), np.zeros(100), np.full(100, np.nan), count(100) / HZ * 2 + 1000]
)
def test_times_that_were_never_synchronised_are_not_used(tmp_path, times_s):
    write_stream(tree(tmp_path), samples_of(100, 4), count(100, 600), times_s=times_s)
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.clock.times_s == (600 / HZ,)
    assert "no usable times, so times are sample numbers divided by the sampling rate" in notes[0]


def test_before_version_06_timestamps_are_sample_numbers(tmp_path):
    folder = write_stream(tmp_path / "experiment1" / "recording1", samples_of(100, 4), None)
    np.save(folder / "timestamps.npy", np.concatenate([count(50, 10), count(50, 90)]))
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.segments == ((0, 50), (50, 100))
    assert (recording.clock.times_s, notes) == ((10 / HZ, 90 / HZ), ())


def test_recordings_of_an_experiment_follow_one_another(tmp_path):
    parts = [samples_of(20, 4, seed) for seed in range(3)]
    for number, (part, first) in enumerate(zip(parts, (0, 500, 900), strict=True)):
        write_stream(tree(tmp_path, recording=number + 9), part, count(20, first))  # recording9, 10, 11
    recording, _, _ = open_input(tmp_path, RawOptions(), PROBE)
    assert np.array_equal(recording.read(0, 60), np.concatenate(parts))
    assert recording.clock.gaps_s(HZ) == pytest.approx([480 / HZ, 380 / HZ])
    assert len(recording.paths) == 3


def test_streams_are_told_apart_by_what_differs(tmp_path):
    for stream in ("Neuropix-PXI-100.ProbeA-AP", "Neuropix-PXI-100.ProbeB-AP"):
        write_stream(tree(tmp_path), samples_of(20, 4), count(20), stream)
    write_stream(tree(tmp_path), samples_of(20, 4), count(20), "Neuropix-PXI-100.ProbeA-LFP", hz=2500)
    write_stream(tree(tmp_path), samples_of(20, 2), count(20), "NI-DAQmx-101.PXIe", [channel("AI0", 1e-4, "V")] * 2)
    with pytest.raises(InputError, match=r"2 streams that can be sorted(.|\n)*ProbeA-AP(.|\n)*ProbeB-AP"):
        open_input(tmp_path, RawOptions(), PROBE)
    recording, _, _ = open_input(tmp_path, RawOptions(stream="Neuropix-PXI-100.ProbeB-AP"), PROBE)
    assert recording.name == "recording1/Neuropix-PXI-100.ProbeB-AP"
    write_stream(tree(tmp_path, experiment=2), samples_of(30, 4), count(30), "Neuropix-PXI-100.ProbeB-AP")
    chosen = RawOptions(stream="experiment2/Neuropix-PXI-100.ProbeB-AP")
    assert open_input(tmp_path, chosen, PROBE)[0].n_samples == 30


def test_analog_inputs_have_their_own_gain_and_are_no_electrodes(tmp_path):
    channels = [*electrodes(4), channel("ADC1", 0.00015258789, "V"), channel("ADC2", 0.00015258789, "")]
    write_stream(tree(tmp_path), samples_of(20, 6), count(20), channels=channels)
    recording, _, _ = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.gain_uv == pytest.approx([0.195] * 4 + [152.58789] * 2)


def test_without_sample_numbers_gaps_are_not_known(tmp_path):
    write_stream(tree(tmp_path), samples_of(20, 4), None)
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.clock is None
    assert "no sample numbers, so gaps in the recording cannot be seen" in notes[0]


def test_after_a_crash_samples_without_a_number_are_left_out(tmp_path):
    write_stream(tree(tmp_path), samples_of(100, 4), count(90), times_s=count(90) / HZ)
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert (recording.n_samples, len(recording.read(80, 90))) == (90, 10)
    assert "100 samples but only 90 sample numbers" in notes[0]


def test_neo_reads_the_same_numbers(tmp_path):
    rawio = needed_module("neo.rawio", "packages")
    samples = samples_of(100, 5)
    channels = [*electrodes(4), channel("ADC1", 0.00015, "V")]
    write_stream(tree(tmp_path), samples, count(100, 5000), channels=channels)
    reader = rawio.OpenEphysBinaryRawIO(str(tmp_path))
    reader.parse_header()
    recording, _, _ = open_input(tmp_path, RawOptions(), PROBE)
    theirs = reader.get_analogsignal_chunk(stream_index=0)
    assert np.array_equal(recording.read(0, 100)[:, :4], theirs)
    assert recording.gain_uv[:4] == pytest.approx(reader.header["signal_channels"]["gain"][:4])
    assert recording.clock.times_s[0] == pytest.approx(reader.get_signal_t_start(0, 0, 0))


# what is missing or damaged


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "JSONDecodeError"),
        ("{}", "continuous"),
        (json.dumps({"continuous": [{"folder_name": "a/", "sample_rate": 30000, "channels": []}]}), "no channels"),
        (json.dumps({"continuous": [{"folder_name": "a/", "channels": electrodes(1)}]}), "sample_rate"),
        (
            json.dumps({"continuous": [{"folder_name": "a/", "sample_rate": 1, "channels": [channel("CH1", 0.0)]}]}),
            "bit_volts is 0",
        ),
    ],
)
def test_a_damaged_index_is_told(tmp_path, content, words):
    tree(tmp_path).mkdir(parents=True)
    (tree(tmp_path) / "structure.oebin").write_text(content)
    with pytest.raises(InputError, match=f"structure.oebin is not a structure.oebin of Open Ephys.*{words}"):
        open_input(tmp_path, RawOptions(), PROBE)


def test_a_missing_data_file_is_told(tmp_path):
    folder = write_stream(tree(tmp_path), samples_of(20, 4), count(20))
    (folder / "continuous.dat").unlink()
    with pytest.raises(InputError, match=r"continuous\.dat is missing, but structure\.oebin names it"):
        open_input(tmp_path, RawOptions(), PROBE)


def test_a_file_cut_short_is_told(tmp_path):
    folder = write_stream(tree(tmp_path), samples_of(20, 4), count(20))
    with (folder / "continuous.dat").open("ab") as file:
        file.truncate(7)
    with pytest.raises(InputError, match="7 bytes, not a whole number of samples of 4 channels: it was cut short"):
        open_input(tmp_path, RawOptions(), PROBE)


def test_damaged_sample_numbers_are_told(tmp_path):
    folder = write_stream(tree(tmp_path), samples_of(20, 4), count(20))
    (folder / "sample_numbers.npy").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"sample_numbers\.npy is not an array of sample numbers"):
        open_input(tmp_path, RawOptions(), PROBE)


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_damaged_times_are_not_used(tmp_path, content):
    folder = write_stream(tree(tmp_path), samples_of(20, 4), count(20, 30))
    path = folder / "timestamps.npy"
    path.write_bytes(path.read_bytes()[:-9] if content is None else content)
    recording, _, notes = open_input(tmp_path, RawOptions(), PROBE)
    assert recording.clock.times_s == (30 / HZ,)
    assert "timestamps.npy has no usable times" in notes[0]


def test_field_potentials_alone_are_sorted_only_by_name(tmp_path):
    folder = write_stream(tree(tmp_path), samples_of(20, 4), count(20), "Neuropix-PXI-100.ProbeA-LFP", hz=2500)
    with pytest.raises(InputError, match=r"has no stream with spikes, only Neuropix-PXI-100\.ProbeA-LFP"):
        open_input(tmp_path, RawOptions(), PROBE)
    assert open_input(tmp_path, RawOptions(stream="Neuropix-PXI-100.ProbeA-LFP"), PROBE)[0].n_samples == 20
    assert open_input(folder / "continuous.dat", RawOptions(), PROBE)[0].n_samples == 20
