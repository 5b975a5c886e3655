"""Recordings of SpikeInterface: its readers by name, what holds no voltage, and what threads may read at once."""

from __future__ import annotations

import pickle
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import spikeinterface.core as si
from needed import needed_module
from spikeglx_files import np1_tags, record

from spikesieve.api.choice import chosen_input
from spikesieve.errors import InputError
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.recordings.registry import recognise
from spikesieve.io.recordings.spikeinterface import from_spikeinterface
from spikesieve.io.recordings.spikeinterface_chain import chain_of, safe_in_threads
from spikesieve.model import Probe
from spikesieve.settings.input import InputParams

HZ = 30_000.0


def numpy_recording(n_channels: int = 4) -> si.NumpyRecording:
    traces = np.random.default_rng(0).integers(-500, 500, (3_000, n_channels)).astype("int16")
    return si.NumpyRecording([traces], HZ)


# readers by name


def spikeglx_run(folder: Path) -> Path:
    """With the tags that neo needs, and samples that are not 0."""
    names = "".join(f"(AP{c};{c}:{c})" for c in range(384))
    tags = {"fileName": str(folder / "run_g0_t0.imec0.ap.bin"), "~snsChanMap": f"(384,384,1){names}(SY0;768:384)"}
    path = record(folder, np1_tags(imDatPrb_pn="NP1000", firstSample="0", **tags), 100)
    path.write_bytes(np.random.default_rng(0).integers(-500, 500, (100, 385)).astype("<i2").tobytes())
    return path


def test_a_reader_gives_what_our_own_gives(tmp_path):
    needed_module("neo.rawio", "packages")
    spikeglx_run(tmp_path)
    ours, _, _ = open_input(tmp_path, RawOptions())
    theirs, probe, notes = open_input(tmp_path, RawOptions(format="spikeinterface:spikeglx"))
    assert np.array_equal(theirs.read(20, 60), ours.read(20, 60)[:, :384])
    np.testing.assert_allclose(theirs.gain_uv, ours.gain_uv[:384])
    np.testing.assert_allclose(theirs.delay_samples, ours.delay_samples[:384])
    assert (theirs.sampling_hz, probe.n_contacts, notes) == (ours.sampling_hz, 384, ())
    assert theirs.paths == (str(tmp_path),)


def test_streams_of_a_reader_are_listed(tmp_path):
    needed_module("neo.rawio", "packages")
    spikeglx_run(tmp_path)
    streams = recognise(tmp_path, "spikeinterface:spikeglx").found.streams
    assert [(each.name, bool(each.is_sortable)) for each in streams] == [("imec0.ap", True), ("imec0.ap-SYNC", False)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("spikeinterface:spikeglxx", r"has no reader 'spikeglxx'\. Did you mean spikeglx"),
        ("spikeinterface:mda", "reader mda cannot open .* Check the name of the format"),
    ],
)
def test_what_spikeinterface_cannot_read_is_told(tmp_path, name, words):
    needed_module("spikeinterface.extractors", "packages")
    with pytest.raises(InputError, match=words):
        open_input(tmp_path, RawOptions(format=name))


# channels without a voltage


@pytest.mark.parametrize("where", ["listing streams", "opening"])
def test_a_reader_that_cannot_download_its_library_says_so(tmp_path, monkeypatch, where):
    extractors = needed_module("spikeinterface.extractors", "packages")
    classes = needed_module("spikeinterface.extractors.extractor_classes", "packages")

    def offline(file_path: Path, stream_name: str = "") -> None:
        raise URLError("Name or service not known")

    monkeypatch.setitem(classes.recording_extractor_full_dict, "maxwell", offline)
    listed = offline if where == "listing streams" else lambda name, path: (["well000", "well001"], [])
    monkeypatch.setattr(extractors, "get_neo_streams", listed)
    (tmp_path / "data.raw.h5").write_bytes(b"")
    raw = RawOptions(format="spikeinterface:maxwell", stream="well000")
    with pytest.raises(InputError, match=r"has to download something .*Name or service not known.* Run it once"):
        open_input(tmp_path / "data.raw.h5", raw)


def test_channels_without_a_gain_are_left_out_with_a_note():
    source = numpy_recording()
    source.set_channel_gains([0.5, np.nan, 0.25, 0.0])
    source.set_channel_offsets([0.0, np.nan, 1.0, 0.0])
    recording = from_spikeinterface(source)
    assert recording.not_voltage == (1, 3)
    y = np.arange(4) * 20.0
    probe = Probe(np.stack([np.zeros(4), y], axis=1), np.arange(4), np.zeros(4, np.int64))
    recording, probe, notes = chosen_input(recording, probe, InputParams())
    assert probe.channels.tolist() == [0, 2]
    assert notes[0].startswith("Channels 1, 3 were left out: they hold no voltage")
    assert recording.gain_uv[[0, 2]].tolist() == [0.5, 0.25]
    assert recording.offset_raw[[0, 2]].tolist() == [0.0, -4.0]


# threads and processes


class Strange(si.NumpyRecording):
    """A recording of a class that nobody knows."""


def test_only_what_is_known_to_be_safe_is_read_without_a_lock():
    preprocessing = needed_module("spikeinterface.preprocessing", "packages")
    known, strange = numpy_recording(), Strange([np.zeros((3_000, 4), np.int16)], HZ)
    made = preprocessing.bandpass_filter(si.append_recordings([known, known]))
    assert len(list(chain_of(made))) == 4
    assert safe_in_threads(made)
    assert not safe_in_threads(preprocessing.bandpass_filter(strange))
    assert not safe_in_threads(si.append_recordings([known, strange]))
    assert not safe_in_threads(object())
    assert [from_spikeinterface(each).read.lock.is_needed for each in (known, strange)] == [False, True]


def test_a_lock_travels_to_processes_unlocked(tmp_path):
    numpy_recording().get_traces().tofile(tmp_path / "raw.bin")
    recording = from_spikeinterface(si.read_binary(tmp_path / "raw.bin", HZ, "int16", 4))
    with recording.read.lock:
        again = pickle.loads(pickle.dumps(recording))  # noqa: S301 - packed just here
    assert np.array_equal(again.read(0, 9), recording.read(0, 9))
