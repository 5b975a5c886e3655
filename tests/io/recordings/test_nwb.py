"""NWB: files in the layout of the schema, written with h5py, and with pynwb where it is installed."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
from needed import needed_module
from nwb_files import HZ, N, write_nwb

from spikesieve.errors import InputError
from spikesieve.io.recordings.formats import hdf5
from spikesieve.io.recordings.open_input import RawOptions, open_input


def samples_of(n_samples: int = 40_000, dtype: str = "int16") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 500, (n_samples, N)).astype(dtype)


@pytest.mark.parametrize("chunks", [(1000, 2), (20_000, N), None])
def test_samples_rate_gain_and_probe(tmp_path, chunks):
    samples = samples_of()
    path = write_nwb(tmp_path, samples, chunks=chunks)
    recording, probe, notes = open_input(path, RawOptions())
    for start, stop in ((0, 40_000), (16_380, 16_390), (999, 2001), (7, 7)):
        assert np.array_equal(recording.read(start, stop), samples[start:stop])
    assert (recording.sampling_hz, recording.clock.times_s, notes) == (HZ, (12.5,), ())
    assert recording.gain_uv == pytest.approx(0.195)
    assert probe.positions_um.tolist() == [[0, 0], [20, 0], [0, 30], [20, 30]]
    assert set(probe.shanks.tolist()) == {0}


def test_channels_have_their_own_conversion_and_an_offset(tmp_path):
    samples, own = samples_of(100), np.array([1.0, 2.0, 3.0, 4.0])
    path = write_nwb(tmp_path, samples, conversion=1e-7, offset=-0.001, channel_conversion=own)
    recording, probe, _ = open_input(path, RawOptions())
    expected_uv = (samples * 1e-7 * own - 0.001) * 1e6
    assert recording.read_uv(0, 100, probe.channels) == pytest.approx(expected_uv, rel=1e-5)


def test_contacts_are_the_rows_of_the_table_that_the_series_names(tmp_path):
    path = write_nwb(
        tmp_path,
        samples_of(100)[:, :2],
        chunks=None,
        electrodes=np.array([3, 1]),
        group_name=[b"a", b"b", b"a", b"c"],
    )
    _, probe, _ = open_input(path, RawOptions())
    assert probe.positions_um.tolist() == [[20, 30], [20, 0]]
    assert probe.channels.tolist() == [0, 1]
    assert probe.shanks.tolist() == [0, 1]


def test_the_table_may_say_when_channels_are_sampled(tmp_path):
    delays = np.array([0.0, 0.25, np.nan, 0.75])
    path = write_nwb(tmp_path, samples_of(), inter_sample_shift=delays, electrodes=np.array([1, 0, 2, 3]))
    assert open_input(path, RawOptions())[0].delay_samples.tolist() == [0.25, 0.0, 0.0, 0.75]


def test_shanks_with_the_same_places_stand_side_by_side(tmp_path):
    changes = {"rel_x": np.zeros(N), "rel_y": np.array([0.0, 20.0, 0.0, 20.0]), "group_name": [b"a", b"a", b"b", b"b"]}
    _, probe, _ = open_input(write_nwb(tmp_path, samples_of(100), chunks=None, **changes), RawOptions())
    assert len(np.unique(probe.positions_um, axis=0)) == N


def test_timestamps_give_the_rate_and_end_a_segment_where_they_jump(tmp_path):
    times_s = 5 + np.arange(1000) / HZ
    times_s[600:] += 3
    path = write_nwb(tmp_path, samples_of(1000), timestamps=times_s)
    recording, _, _ = open_input(path, RawOptions())
    assert recording.sampling_hz == pytest.approx(HZ)
    assert recording.segments == ((0, 600), (600, 1000))
    assert recording.clock.gaps_s(recording.sampling_hz) == pytest.approx([3.0], abs=1e-6)


def test_volts_as_floats_have_a_gain_and_bare_integers_have_none(tmp_path):
    volts = (samples_of(100) * 1e-6).astype(np.float32)
    write_nwb(tmp_path, volts, "acquisition/volts", conversion=1.0, chunks=None)
    write_nwb(tmp_path, samples_of(100), "acquisition/bare", conversion=1.0, chunks=None)
    recording, _, notes = open_input(tmp_path / "a.nwb", RawOptions(stream="acquisition/volts"))
    assert (set(recording.gain_uv), recording.range_raw, notes) == ({1e6}, None, ())
    recording, _, notes = open_input(tmp_path / "a.nwb", RawOptions(stream="acquisition/bare"))
    assert not recording.has_gain
    assert "No gain is known" in notes[0]


def test_field_potentials_are_another_stream(tmp_path):
    write_nwb(tmp_path, samples_of(200), "acquisition/ElectricalSeriesAP")
    write_nwb(tmp_path, samples_of(100), "processing/ecephys/LFP/ElectricalSeries", chunks=None, rate=2500.0)
    recording, _, _ = open_input(tmp_path / "a.nwb", RawOptions())
    assert recording.name == "a.nwb/ElectricalSeriesAP"
    write_nwb(tmp_path, samples_of(300), "acquisition/ElectricalSeriesB", chunks=None)
    with pytest.raises(InputError, match=r"ElectricalSeriesAP(.|\n)*ElectricalSeriesB"):
        open_input(tmp_path / "a.nwb", RawOptions())


def test_a_reader_pickles_and_is_recognised_again(tmp_path):
    path = write_nwb(tmp_path, samples_of())
    recording, _, _ = open_input(path, RawOptions())
    sent = pickle.loads(pickle.dumps(recording))  # noqa: S301
    assert np.array_equal(sent.read(100, 200), recording.read(100, 200))
    assert sent.fingerprint() == open_input(tmp_path, RawOptions())[0].fingerprint()


@pytest.mark.parametrize("changes", [{"rel_x": None}, {"rel_y": np.full(N, np.nan)}])
def test_without_places_the_probe_has_to_be_given(tmp_path, changes):
    path = write_nwb(tmp_path, samples_of(100), chunks=None, **changes)
    with pytest.raises(InputError, match="needs the probe"):
        open_input(path, RawOptions())
    _, probe, notes = open_input(path, RawOptions(), "linear:4:20")
    assert probe.n_contacts == N
    assert "rel_x and rel_y" in notes[0]


def test_pynwb_writes_what_is_read(tmp_path):
    pynwb = needed_module("pynwb", "packages")
    file = pynwb.NWBFile("a test", "id", datetime(2026, 1, 1, tzinfo=UTC))
    device = file.create_device("probe")
    group = file.create_electrode_group("shank0", "a shank", "somewhere", device)
    for number in range(N):
        file.add_electrode(rel_x=0.0, rel_y=25.0 * number, group=group, location="somewhere")
    region = file.create_electrode_table_region([2, 0, 3], "some")
    samples = samples_of(100)[:, :3]
    series = pynwb.ecephys.ElectricalSeries(
        "ElectricalSeries",
        samples,
        region,
        rate=HZ,
        starting_time=3.0,
        conversion=2e-7,
        offset=1e-4,
        channel_conversion=[1.0, 2.0, 1.5],
    )
    file.add_acquisition(series)
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "w") as io:
        io.write(file)
    recording, probe, notes = open_input(tmp_path / "a.nwb", RawOptions())
    assert np.array_equal(recording.read(0, 100), samples)
    assert (recording.clock.times_s, recording.sampling_hz, notes) == ((3.0,), HZ, ())
    assert probe.positions_um[:, 1].tolist() == [50.0, 0.0, 75.0]
    volts = samples * 2e-7 * np.array([1.0, 2.0, 1.5]) + 1e-4
    assert recording.read_uv(0, 100, probe.channels) == pytest.approx(volts * 1e6, rel=1e-5)


def test_spikeinterface_reads_the_same(tmp_path):
    extractors = needed_module("spikeinterface.extractors", "packages")
    path = write_nwb(tmp_path, samples_of(200), channel_conversion=np.array([1.0, 2.0, 3.0, 4.0]), offset=1e-4)
    with h5py.File(path, "a") as file:
        file["acquisition/ElectricalSeries"].attrs["namespace"] = "core"
        table = file["general/extracellular_ephys/electrodes"]
        table["id"] = np.arange(N)
        table.attrs["colnames"] = ["rel_x", "rel_y", "group_name"]
        file["session_start_time"] = "2026-01-01T00:00:00+00:00"
    theirs = extractors.read_nwb_recording(path)
    recording, probe, _ = open_input(path, RawOptions())
    assert np.array_equal(recording.read(0, 200), theirs.get_traces())
    scaled = theirs.get_traces(return_in_uV=True)
    assert recording.read_uv(0, 200, probe.channels) == pytest.approx(scaled, rel=1e-4)


# what is missing or damaged


def test_without_h5py_the_command_to_install_it_is_told(tmp_path, monkeypatch):
    def refuse(name: str) -> None:
        raise ImportError(name)

    path = write_nwb(tmp_path, samples_of(100), chunks=None)
    monkeypatch.setattr(hdf5, "import_module", refuse)
    with pytest.raises(InputError, match=r'pip install "spikesieve\[nwb\]"'):
        open_input(path, RawOptions())


def test_a_file_without_a_recording_is_told(tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
    with pytest.raises(InputError, match="without an ElectricalSeries"):
        open_input(tmp_path / "a.nwb", RawOptions())


def test_another_hdf5_file_is_not_taken_for_one(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = samples_of(100)
    with pytest.raises(
        InputError, match="is an HDF5 file, not plain numbers, and spikesieve does not read it by itself"
    ):
        open_input(tmp_path / "a.h5", RawOptions())


def test_a_file_cut_short_is_told(tmp_path):
    path = write_nwb(tmp_path, samples_of())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"a\.nwb is not an NWB file that can be read.*Copy it again"):
        open_input(path, RawOptions())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conversion": 0.0}, "a conversion is 0"),
        ({"channel_conversion": np.ones(3)}, "not one for each channel"),
        ({"timestamps": np.arange(90) / HZ}, "90 timestamps of 100 samples"),
    ],
)
def test_a_series_that_does_not_fit_itself_is_told(tmp_path, changes, words):
    path = write_nwb(tmp_path, samples_of(100), chunks=None, **changes)
    with pytest.raises(InputError, match=words):
        open_input(path, RawOptions())


def test_numbers_of_another_type_are_told(tmp_path):
    path = write_nwb(tmp_path, samples_of(100).astype("int64"), chunks=None)
    with pytest.raises(InputError, match=r"holds int64 of shape \(100, 4\)"):
        open_input(path, RawOptions())


def test_a_filter_that_is_not_installed_is_told_with_the_command(tmp_path):
    path = write_nwb(tmp_path, samples_of(100), chunks=(50, N))
    content, rest = path.read_bytes(), b"\x08\x00\x01\x00\x01\x00deflate"
    assert b"\x01\x00" + rest in content
    path.write_bytes(content.replace(b"\x01\x00" + rest, b"\x2c\x01" + rest))  # 300: of no filter
    with pytest.raises(
        InputError, match=r"HDF5 filter 300 \(deflate\), which is not installed.*pip install hdf5plugin"
    ):
        open_input(path, RawOptions())
