"""What users may hand to `sort`: arrays, our recordings, SpikeInterface's, probes and settings of every kind."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import probeinterface
import pytest
from make_sorting import make_probe
from same_bytes import differing
from small_files import spiking
from spikeinterface.core import NumpyRecording, append_recordings, generate_ground_truth_recording, read_binary

from spikesieve.api.inputs import as_recording_and_probe, as_settings
from spikesieve.api.sort import Resources, sort
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.errors import InputError, SettingsError
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import read_recording, recording_from_array
from spikesieve.io.recordings.spikeinterface import from_spikeinterface
from spikesieve.model import Motion, Recording
from spikesieve.passes.kilosort2.batches import BatchedSource
from spikesieve.passes.kilosort2.intermediates import read_intermediates
from spikesieve.passes.saved_traces import source_as_sorted
from spikesieve.settings.sort import Settings

HZ = 30_000.0


def samples(n_samples: int = 50, n_channels: int = 4, dtype: str = "int16", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1000, (n_samples, n_channels)).astype(dtype)


class Duck:
    """Only the reading methods of a SpikeInterface recording, and a count of how often samples were asked for."""

    def __init__(self, segments: list[np.ndarray], gains: object = None, offsets: object = None) -> None:
        self.segments, self.gains, self.offsets, self.n_reads = segments, gains, offsets, 0

    def get_num_segments(self) -> int:
        return len(self.segments)

    def get_num_samples(self, segment_index: int) -> int:
        return len(self.segments[segment_index])

    def get_sampling_frequency(self) -> float:
        return HZ

    def get_channel_ids(self) -> list[str]:
        return [f"ch{k}" for k in range(self.segments[0].shape[1])]

    def get_dtype(self) -> np.dtype:
        return self.segments[0].dtype

    def get_channel_gains(self) -> object:
        return self.gains

    def get_channel_offsets(self) -> object:
        return self.offsets

    def get_channel_locations(self) -> np.ndarray:
        return np.array([[0.0, 20.0 * k] for k in range(self.segments[0].shape[1])])

    def get_traces(self, segment_index: int, start_frame: int, end_frame: int) -> np.ndarray:
        self.n_reads += 1
        return self.segments[segment_index][start_frame:end_frame]


def numpy_recording(segments: list[np.ndarray], probe: object | None = None) -> NumpyRecording:
    recording = NumpyRecording(segments, HZ)
    if probe is not None:
        returned = recording.set_probe(probe)
        recording = recording if returned is None else returned
    return recording


def linear(channels: list[int] | None = None, shank_ids: list[str] | None = None) -> probeinterface.Probe:
    probe = probeinterface.generate_linear_probe(4, ypitch=20)
    if channels is not None:
        probe.set_device_channel_indices(channels)
    if shank_ids is not None:
        probe.set_shank_ids(shank_ids)
    return probe


# recordings


def test_our_recording_is_taken_as_it_is():
    recording = recording_from_array(samples(), HZ)
    probe = make_probe(3)
    assert as_recording_and_probe(recording, probe) == (recording, probe)


def test_an_array_needs_its_rate_and_is_not_copied():
    array = samples()
    recording, probe = as_recording_and_probe(array, "linear:4:25", sampling_hz=20_000)
    assert np.shares_memory(recording.read(3, 9), array)
    assert (recording.sampling_hz, recording.has_gain, probe.n_contacts) == (20_000.0, False, 4)
    with pytest.raises(InputError, match=r"sort\(array, probe, sampling_hz=30_000\).*recording_from_array"):
        as_recording_and_probe(array, "linear:4:25")


def test_a_rate_that_contradicts_the_recording_is_refused():
    recording = recording_from_array(samples(), HZ)
    assert as_recording_and_probe(recording, "linear:4:25", HZ)[0] is recording
    with pytest.raises(InputError, match="has 30000 Hz, but sampling_hz is 25000"):
        as_recording_and_probe(recording, "linear:4:25", 25_000)


@pytest.mark.parametrize("thing", ["raw.bin", Path("raw.bin"), [[1, 2]], None, object()])
def test_what_is_no_recording_is_named(thing):
    with pytest.raises(InputError, match=f"cannot be a {type(thing).__name__}.*read_recording"):
        as_recording_and_probe(thing, "linear:4:25", HZ)


def test_any_object_with_the_reading_methods_is_read_lazily():
    segments = [samples(30, seed=0), samples(1, seed=1), samples(20, seed=2)]
    source = Duck(segments)
    recording, probe = as_recording_and_probe(source)
    assert source.n_reads == 0
    whole = np.concatenate(segments)
    assert (recording.n_samples, recording.n_channels, recording.sampling_hz) == (51, 4, HZ)
    assert recording.segments == ((0, 30), (30, 31), (31, 51))
    assert (recording.has_gain, recording.range_raw, recording.name) == (False, (-32768.0, 32767.0), "Duck")
    for start in range(52):
        for stop in range(start, 52):
            np.testing.assert_array_equal(recording.read(start, stop), whole[start:stop])
    assert recording.read(5, 5).dtype == whole.dtype
    np.testing.assert_array_equal(probe.positions_um[:, 1], [0, 20, 40, 60])
    np.testing.assert_array_equal(probe.channels, np.arange(4))


def test_gains_and_offsets_of_each_channel_give_the_same_uv_as_spikeinterface():
    source = NumpyRecording([samples(dtype="uint16")], HZ)
    gains, offsets = np.array([0.195, -2.0, 0.5, 1.0]), np.array([-6389.76, 10.0, 0.0, -32768.0])
    source.set_channel_gains(gains)
    source.set_channel_offsets(offsets)
    recording = from_spikeinterface(source)
    assert recording.has_gain
    uv = recording.read_uv(0, 50, np.array([3, 1, 0, 2]))
    np.testing.assert_allclose(uv, source.get_traces(return_in_uV=True)[:, [3, 1, 0, 2]], rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(recording.offset_raw, [32768, 5, 0, 32768])
    assert recording.channel_names == tuple(map(str, source.get_channel_ids()))


def test_unsigned_samples_without_a_gain_have_their_zero_in_the_middle():
    recording = from_spikeinterface(Duck([samples(dtype="uint16")]))
    assert set(recording.offset_raw) == {32768.0}
    recording = from_spikeinterface(Duck([samples(dtype="uint16")], gains=[2.0] * 4))
    assert (set(recording.gain_uv), set(recording.offset_raw)) == ({2.0}, {32768.0})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Duck([samples(dtype="int64")]), "holds int64.*astype"),
        (Duck([samples()], gains=[0.0, np.nan, 0.0, 0.0]), "has gains, but those of all channels are 0 or no number"),
        (Duck([samples(0)]), "4 channels and 0 samples"),
        (Duck([samples(5, 0)]), "0 channels and 5 samples"),
    ],
)
def test_an_object_that_cannot_be_sorted_is_refused(source, words):
    with pytest.raises(InputError, match=words):
        as_recording_and_probe(source, "linear:4:25")


def test_a_real_recording_of_two_segments_brings_its_probe():
    source, _ = generate_ground_truth_recording(durations=[0.2, 0.1], num_channels=4, num_units=2, seed=0)
    recording, probe = as_recording_and_probe(source)
    n = [source.get_num_samples(k) for k in (0, 1)]
    assert recording.segments == ((0, n[0]), (n[0], sum(n)))
    traces = np.concatenate([source.get_traces(segment_index=k) for k in (0, 1)])
    np.testing.assert_array_equal(recording.read(n[0] - 100, n[0] + 100), traces[n[0] - 100 : n[0] + 100])
    np.testing.assert_array_equal(recording.read_uv(0, 500, np.arange(4)), traces[:500].astype(np.float32))
    np.testing.assert_array_equal(probe.positions_um[np.argsort(probe.channels)], source.get_channel_locations())


def test_a_recording_of_spikeinterface_can_be_pickled_where_the_object_can(tmp_path):
    samples(5000).tofile(tmp_path / "raw.bin")
    source = read_binary(tmp_path / "raw.bin", HZ, "int16", 4, gain_to_uV=0.5, offset_to_uV=0)
    recording = from_spikeinterface(source)
    packed = pickle.dumps(recording)
    assert len(packed) < 10_000
    again = pickle.loads(packed)  # noqa: S301 - packed just above
    np.testing.assert_array_equal(again.read_uv(10, 20, np.arange(4)), samples(5000)[10:20] * np.float32(0.5))
    assert again.fingerprint() == recording.fingerprint()


def test_fingerprints_tell_recordings_of_spikeinterface_apart(tmp_path):
    path = tmp_path / "raw.bin"

    def of_file(n_samples: int, seed: int = 0) -> str:
        samples(n_samples, seed=seed).tofile(path)
        return from_spikeinterface(read_binary(path, HZ, "int16", 4)).fingerprint()

    found = [of_file(50), of_file(51)]
    found += [from_spikeinterface(numpy_recording([samples(seed=seed)])).fingerprint() for seed in (0, 1)]
    assert len(set(found)) == 4
    assert found[2] == from_spikeinterface(numpy_recording([samples()])).fingerprint()
    assert from_spikeinterface(Duck([samples()])).fingerprint() == found[2]


def test_fingerprints_of_files_read_no_samples(tmp_path, monkeypatch):
    samples().tofile(tmp_path / "raw.bin")
    source = append_recordings([read_binary(tmp_path / "raw.bin", HZ, "int16", 4)] * 2)
    recording = from_spikeinterface(source)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("samples were read")

    monkeypatch.setattr(type(source), "get_traces", refuse)
    assert len(recording.fingerprint()) == 64


def intermediates_of(recording: Recording, folder: Path) -> dict[str, np.ndarray]:
    """Kilosort2's intermediate results of a sort whose steps are in a folder."""
    settings, store = Settings(), Store.open(folder)
    source = Source.of(recording, read_probe("linear:4:25"), settings.preprocess, 60_000)
    source = source_as_sorted(store, source)
    return read_intermediates(store, BatchedSource(source, store.read("shapes"), settings.kilosort2, settings.detect))


def test_a_recording_whose_channels_differ_in_gain_is_sorted_as_its_uv(tmp_path):
    gain_uv = np.array([0.5, 2.0, 1.0, 0.25])
    raw = recording_from_array(np.rint(spiking() / gain_uv).astype(np.int16), HZ, gain_uv)
    in_uv = replace(recording_from_array(raw.read_uv(0, raw.n_samples, np.arange(4)), HZ, 1.0), name="in uV")
    sortings, kept = [], []
    for source in (raw, in_uv):
        folder = tmp_path / source.name
        sortings.append(sort(source, "linear:4:25", {"method": "kilosort2"}, resources=Resources(folder=folder)))
        kept.append(intermediates_of(source, folder))
    assert not differing(*sortings)
    np.testing.assert_allclose(kept[0]["Wrot"], kept[1]["Wrot"] * gain_uv, rtol=1e-6)
    assert kept[0]["Wrot"].dtype == np.float32


# probes


@pytest.mark.parametrize("channels", [[2, 0, 3, 1], [0, 1, 2, 3]])
def test_a_probe_of_probeinterface_names_its_channels(channels):
    group = probeinterface.ProbeGroup()
    group.add_probe(linear(channels))
    recording = recording_from_array(samples(), HZ)
    for given in (linear(channels), group):
        _, probe = as_recording_and_probe(recording, given)
        np.testing.assert_array_equal(probe.channels, channels)
        np.testing.assert_array_equal(probe.positions_um[:, 1], [0, 20, 40, 60])


def test_contacts_that_are_not_connected_are_left_out_and_shanks_kept():
    _, probe = as_recording_and_probe(recording_from_array(samples(), HZ), linear([2, -1, 3, 1], ["0", "0", "1", "1"]))
    assert (probe.channels.tolist(), probe.shanks.tolist()) == ([2, 3, 1], [0, 1, 1])
    assert probe.positions_um[:, 1].tolist() == [0, 40, 60]


def test_the_probe_of_a_recording_follows_its_channels_whatever_their_order():
    group = probeinterface.ProbeGroup()
    first, second = linear([5, 1, 7, 3]), linear([0, 2, 4, 6])
    second.move([300.0, 0.0])
    group.add_probe(first)
    group.add_probe(second)
    source = NumpyRecording([samples(n_channels=8)], HZ)
    returned = source.set_probegroup(group)
    source = source if returned is None else returned
    _, probe = as_recording_and_probe(source)
    np.testing.assert_array_equal(probe.positions_um[np.argsort(probe.channels)], source.get_channel_locations())
    on_second = source.get_channel_locations()[probe.channels, 0] == 300
    assert len(np.unique(probe.shanks)) == 2
    assert len(np.unique(probe.shanks[on_second])) == 1


def test_the_probe_that_is_given_wins_over_that_of_the_recording():
    source = numpy_recording([samples()], linear([2, 0, 3, 1]))
    assert as_recording_and_probe(source, "linear:4:33")[1].positions_um[:, 1].tolist() == [0, 33, 66, 99]


def test_a_probe_file_is_read(tmp_path):
    group = probeinterface.ProbeGroup()
    group.add_probe(linear([2, 0, 3, 1]))
    probeinterface.write_probeinterface(tmp_path / "probe.json", group)
    recording = recording_from_array(samples(), HZ)
    for given in (tmp_path / "probe.json", str(tmp_path / "probe.json")):
        assert as_recording_and_probe(recording, given)[1].channels.tolist() == [2, 0, 3, 1]


@pytest.mark.parametrize("source", [recording_from_array(samples(), HZ), samples(), NumpyRecording([samples()], HZ)])
def test_without_a_probe_anywhere_one_is_asked_for(source):
    with pytest.raises(InputError, match=r"does not say where its contacts are\. Give the probe"):
        as_recording_and_probe(source, sampling_hz=HZ)


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (np.zeros((4, 2)), "cannot be a ndarray.*read_probe"),
        (linear([0, 1, 2, 9]), "uses channel 9"),
        (linear().to_3d(), "3 dimensions"),
        ("neuropixel:4", "neuropixels"),
    ],
)
def test_a_probe_that_cannot_be_used_is_refused(probe, words):
    with pytest.raises(InputError, match=words):
        as_recording_and_probe(recording_from_array(samples(), HZ), probe)


# settings


def test_settings_can_be_settings_a_dict_in_either_form_or_nothing():
    assert as_settings(None) == Settings()
    own = Settings(method="kilosort4")
    assert as_settings(own) is own
    wanted = Settings().with_overrides(["match.threshold=7.5", "method=kilosort4", "detect.threshold=9"])
    for given in (
        {"match.threshold": 7.5, "method": "kilosort4", "detect.threshold": 9},
        {"match": {"threshold": 7.5}, "method": "kilosort4", "detect": {"threshold": np.float32(9)}},
        {"Th_learned": 7.5, "method": "kilosort4", "detect": {"threshold": np.int64(9)}},
    ):
        assert as_settings(given) == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"match.treshold": 1.0}, "Did you mean match.threshold"),
        ({"match": {"threshold": 1.0}, "match.threshold": 2.0}, "given twice"),
        ({"match": {"threshold": "high"}}, "must be a number"),
        ({"match": 3}, "group of settings"),
        ("settings.toml", "cannot be a str.*Settings.from_toml"),
        ({3: 4}, "no setting '3'"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, words):
    with pytest.raises(SettingsError, match=words):
        as_settings(given)


def test_a_file_of_ours_and_of_spikeinterface_are_the_same_samples(tmp_path):
    samples().tofile(tmp_path / "raw.bin")
    ours = read_recording(tmp_path / "raw.bin", 4, HZ, gain_uv=0.195)
    theirs = from_spikeinterface(read_binary(tmp_path / "raw.bin", HZ, "int16", 4, gain_to_uV=0.195, offset_to_uV=0))
    channels = np.array([3, 0])
    assert ours.read_uv(5, 45, channels).tobytes() == theirs.read_uv(5, 45, channels).tobytes()
    assert ours.range_raw == theirs.range_raw


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_jobs": "2"}, "n_jobs must be a whole number. Got '2'."),
        ({"memory": 4}, "memory must be a text"),
        ({"folder": 3}, "folder must be a path"),
        ({"executor": 2}, "executor must be an executor"),
        ({"progress": "bar"}, "progress must be a function"),
    ],
)
def test_resources_of_another_type_are_a_sentence(wrong, said):
    with pytest.raises(SettingsError, match=said):
        Resources(**wrong)


def test_resources_and_motion_of_another_kind_are_a_sentence():
    with pytest.raises(SettingsError, match="Resources cannot be a dict"):
        sort(spiking(), "linear:4:25", sampling_hz=HZ, resources={"n_jobs": 2})
    with pytest.raises(InputError, match="A motion cannot be a str"):
        sort(spiking(), "linear:4:25", sampling_hz=HZ, motion="motion.npz")


@pytest.mark.parametrize("changed", [{"motion.mode": "off"}, {"motion.n_sections": 0}])
def test_a_motion_that_the_settings_would_not_use_is_refused(changed):
    um = np.zeros((1, 1, 1), np.float32)
    motion = Motion(np.zeros(1), np.zeros(1), np.zeros(1, np.int64), um, um, ("use",), ("measured",))
    with pytest.raises(SettingsError, match="would not be used"):
        sort(spiking(), "linear:4:25", changed, sampling_hz=HZ, motion=motion)
