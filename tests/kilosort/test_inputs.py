"""What run_kilosort reads: files, folders, array-likes, recordings of SpikeInterface."""

from __future__ import annotations

import numpy as np
import pytest
from needed import needed_module
from small_files import HZ, spiking, write_raw

from spikesieve import InputError
from spikesieve.io.recordings.array_like import recording_of_array_like
from spikesieve.kilosort import io, run_kilosort, utils
from spikesieve.kilosort.call import call_of, notes_on_input, open_recording
from spikesieve.kilosort.translate import WrongSettingsError

PROBE = {"chanMap": np.arange(4), "xc": np.zeros(4), "yc": 25.0 * np.arange(4), "kcoords": np.zeros(4), "n_chan": 4}
ARGUMENTS = dict.fromkeys(
    ("probe_name", "filename", "data_dir", "file_object", "results_dir", "data_dtype", "bad_channels")
)


class Cut:
    """Gives rows by a slice, as an HDF5 dataset does, and is no array."""

    def __init__(self, samples):
        self.samples, self.shape, self.dtype = samples, samples.shape, samples.dtype

    def __getitem__(self, index):
        return self.samples[index]


def call(settings=None, **arguments):
    return call_of({**ARGUMENTS, "settings": {"n_chan_bin": 4, **(settings or {})}, "probe": PROBE, **arguments})


def test_the_only_binary_file_of_a_folder_is_found(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="no file that ends in"):
        io.find_binary(tmp_path)
    (tmp_path / "run.dat").touch()
    assert io.find_binary(tmp_path).name == "run.dat"
    (tmp_path / "run.raw").touch()
    with pytest.raises(InputError, match=r"run\.dat, run\.raw"):
        io.find_binary(tmp_path)
    (tmp_path / "run.ap.bin").touch()
    assert call(data_dir=tmp_path).files == (tmp_path / "run.ap.bin",)


@pytest.mark.parametrize("by", ["argument", "setting"])
def test_files_and_places_are_arguments_or_settings(tmp_path, by):
    files = [write_raw(tmp_path, np.ones((900, 4), np.int16), f"{name}.bin") for name in "ab"]
    given = {"filename": files, "results_dir": tmp_path / "out"}
    asked = call(**given) if by == "argument" else call(given)
    assert asked.results_dir == tmp_path / "out"
    assert open_recording(asked).file_starts == (0, 900)
    assert call(filename=str(files[0])).results_dir == tmp_path / "kilosort4"


def test_scale_is_the_gain_and_shift_is_filtered_out(tmp_path):
    raw = write_raw(tmp_path, np.ones((900, 4), np.float32))
    asked = call({"scale": 2.5, "shift": 10.0}, filename=raw, data_dtype=np.float32)
    recording = open_recording(asked)
    assert recording.read_uv(0, 1, np.arange(4)).tolist() == [[2.5] * 4]
    (note,) = notes_on_input(asked, recording)
    assert note.startswith("shift=10.0 changes nothing.")


@pytest.mark.parametrize(
    ("tmin", "tmax", "segments"),
    [(0, np.inf, ((0, 900),)), (0.01, np.inf, ((300, 900),)), (0, 0.02, ((0, 600),)), (0, 5.0, ((0, 900),))],
)
def test_a_part_is_sorted(tmp_path, tmin, tmax, segments):
    raw = write_raw(tmp_path, np.ones((900, 4), np.int16))
    assert open_recording(call({"tmin": tmin, "tmax": tmax}, filename=raw)).segments == segments


def test_array_likes_are_read_as_arrays():
    samples = np.arange(3600, dtype=np.int16).reshape(900, 4)
    for source in (samples, Cut(samples)):
        recording = recording_of_array_like(source, 4, HZ)
        np.testing.assert_array_equal(recording.read(100, 200), samples[100:200])
    for source in (samples.T, Cut(samples.astype(complex)), object()):
        with pytest.raises(InputError, match=r"shape|type"):
            recording_of_array_like(source, 4, HZ)


def test_recordings_of_spikeinterface_keep_their_gains_and_segments():
    si = needed_module("spikeinterface.core", "packages")
    parts = [np.arange(400 * 4, dtype=np.int16).reshape(400, 4) + k for k in range(2)]
    source = si.NumpyRecording(parts, 25_000.0)
    source.set_channel_gains(0.5)
    source.set_channel_offsets(0.0)
    wrapped = io.RecordingExtractorAsArray(source)
    assert wrapped.shape == (800, 4)
    assert wrapped.dtype == np.int16
    np.testing.assert_array_equal(wrapped[390:410, [3, 1]], np.concatenate(parts)[390:410, [3, 1]])
    recording = open_recording(call(file_object=wrapped, results_dir="out"))
    assert (recording.sampling_hz, recording.gain_uv[0], recording.segments) == (25_000.0, 0.5, ((0, 400), (400, 800)))


def test_a_probe_is_looked_for_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("spikesieve.kilosort.call.PROBE_DIR", tmp_path)
    built_in = call({"n_chan_bin": 384}, probe=None, probe_name="NeuroPix1_default.mat", filename="a.bin")
    assert built_in.probe.n_contacts == 384
    assert "neuropixels1:384" in built_in.notes[0]
    utils.download_probes(tmp_path)
    assert call(probe=None, probe_name="NeuroPix2_default.mat", filename="a.bin").notes == ()
    io.save_probe(PROBE, tmp_path / "mine.json")
    assert call({"probe_path": tmp_path / "mine.json"}, probe=None, filename="a.bin").probe.n_contacts == 4
    with pytest.raises(WrongSettingsError, match="There is no probe"):
        call(probe=None, filename="a.bin")


def test_a_script_can_ask_for_the_method_kilosort4(tmp_path):
    settings = {"n_chan_bin": 4, "method": "kilosort4", "Th_learned": 7, "nblocks": 0}
    results = run_kilosort(
        settings, PROBE, file_object=spiking(2.0), results_dir=tmp_path / "out", bad_channels=[3], torch_thread_lim=1
    )
    assert results.ops["spikesieve_settings"]["method"] == "kilosort4"
    assert results.ops["probe"]["chanMap"].tolist() == [0, 1, 2]
    assert results.ops["dshift"] is None
    assert results.ops["n_units_total"] == 1
