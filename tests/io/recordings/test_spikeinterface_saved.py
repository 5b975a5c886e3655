"""Recordings that SpikeInterface saved: binary folders and Zarr, written by SpikeInterface itself."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import spikeinterface.core as si
from probeinterface import generate_linear_probe

from spikesieve.api.inputs import as_recording_and_probe
from spikesieve.errors import InputError
from spikesieve.io.recordings.formats import spikeinterface_zarr
from spikesieve.io.recordings.open_input import RawOptions, open_input

HZ = 30_000.0
FORMATS = {"binary": "folder", "zarr": "folder.zarr"}


def with_probe(recording: si.BaseRecording, probe: object) -> si.BaseRecording:
    """Early versions return a copy, later ones change the recording."""
    copy = recording.set_probe(probe)
    return recording if copy is None else copy


def recorded(n_segments: int = 2, n_channels: int = 4, dtype: str = "int16", scaled: bool = True) -> si.NumpyRecording:
    """A recording whose channels are wired to the contacts in reverse order."""
    rng = np.random.default_rng(0)
    traces = [rng.integers(-500, 500, (40_000 + 7 * i, n_channels)).astype(dtype) for i in range(n_segments)]
    recording = si.NumpyRecording(traces, HZ)
    probe = generate_linear_probe(n_channels, ypitch=20)
    probe.set_device_channel_indices(np.arange(n_channels)[::-1])
    recording = with_probe(recording, probe)
    if scaled:
        recording.set_channel_gains(0.1 * (1 + np.arange(n_channels)))
        recording.set_channel_offsets(np.arange(n_channels, dtype=float))
    return recording


def saved(folder: Path, recording: si.BaseRecording, kind: str) -> Path:
    recording.save(folder=folder / "folder", format=kind, verbose=False, progress_bar=False)
    return folder / FORMATS[kind]


@pytest.mark.parametrize("kind", FORMATS)
def test_samples_gains_and_probe_are_those_that_spikeinterface_has(tmp_path, kind):
    source = recorded()
    path = saved(tmp_path, source, kind)
    recording, probe, notes = open_input(path, RawOptions())
    theirs, their_probe = as_recording_and_probe(si.load(path))
    for start, stop in ((0, 100), (29_990, 30_010), (39_000, 41_000), (79_000, 80_007), (5, 5)):
        assert np.array_equal(recording.read(start, stop), theirs.read(start, stop))
    assert np.array_equal(recording.gain_uv, theirs.gain_uv)
    assert np.allclose(recording.offset_raw, theirs.offset_raw)
    assert (recording.sampling_hz, recording.segments, recording.file_starts) == (HZ, theirs.segments, (0, 40_000))
    order, their_order = np.argsort(probe.channels), np.argsort(their_probe.channels)
    assert np.array_equal(probe.positions_um[order], their_probe.positions_um[their_order])
    locations = source.get_channel_locations()
    assert np.array_equal(probe.positions_um[order], locations)
    assert notes == ()


@pytest.mark.parametrize("kind", FORMATS)
def test_channels_that_were_selected_keep_their_places(tmp_path, kind):
    source = recorded()
    few = source.select_channels(source.channel_ids[[1, 3]])
    recording, probe, _ = open_input(saved(tmp_path, few, kind), RawOptions())
    assert np.array_equal(recording.read(0, 50), source.get_traces(0, 0, 50)[:, [1, 3]])
    order = np.argsort(probe.channels)
    assert np.array_equal(probe.positions_um[order], source.get_channel_locations()[[1, 3]])
    assert recording.gain_uv == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_every_type_of_numbers(tmp_path, kind, dtype):
    source = recorded(1, dtype="float32" if dtype == "uint16" else dtype, scaled=False)
    source = with_probe(si.NumpyRecording([np.abs(source.get_traces()).astype(dtype)], HZ), source.get_probe())
    recording, _, notes = open_input(saved(tmp_path, source, kind), RawOptions())
    assert np.array_equal(recording.read(3, 99), source.get_traces(0, 3, 99))
    assert (recording.has_gain, recording.offset_raw[0]) == (False, 32768.0 if dtype == "uint16" else 0.0)
    assert "No gain is known" in notes[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_times_that_jump_end_a_segment(tmp_path, kind):
    source = recorded(1)
    times_s = 10 + np.arange(40_000) / HZ
    times_s[15_000:] += 2.5
    source.set_times(times_s)
    recording, _, _ = open_input(saved(tmp_path, source, kind), RawOptions())
    assert recording.segments == ((0, 15_000), (15_000, 40_000))
    assert recording.seconds(np.array([0, 15_000])) == pytest.approx([10.0, 13.0])


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_filtered_is_known(tmp_path, kind):
    source = recorded()
    assert not open_input(saved(tmp_path / "raw", source, kind), RawOptions())[0].is_filtered
    source.annotate(is_filtered=True)
    assert open_input(saved(tmp_path, source, kind), RawOptions())[0].is_filtered


@pytest.mark.parametrize("kind", FORMATS)
def test_a_reader_pickles_and_is_recognised_again(tmp_path, kind):
    path = saved(tmp_path, recorded(), kind)
    recording, _, _ = open_input(path, RawOptions())
    sent = pickle.loads(pickle.dumps(recording))  # noqa: S301
    assert np.array_equal(sent.read(39_990, 40_010), recording.read(39_990, 40_010))
    assert sent.fingerprint() == recording.fingerprint() == open_input(path, RawOptions())[0].fingerprint()


def test_a_file_of_the_folder_is_enough(tmp_path):
    path = saved(tmp_path, recorded(), "binary")
    for name in ("binary.json", "traces_cached_seg0.raw"):
        assert open_input(path / name, RawOptions())[0].n_samples == 80_007


def test_folders_of_earlier_versions_are_read(tmp_path):
    path = saved(tmp_path, recorded(), "binary")
    content = json.loads((path / "probegroup.json").read_text())
    content["probes"][0]["device_channel_indices"] = [13, 2, 21, 9]  # those of the recording before some were selected
    (path / "probe.json").write_text(json.dumps(content))
    (path / "probegroup.json").unlink()
    locations = si.load(path).get_channel_locations()
    content = json.loads((path / "binary.json").read_text())
    content["kwargs"]["num_chan"] = content["kwargs"].pop("num_channels")
    (path / "binary.json").write_text(json.dumps(content))
    recording, probe, _ = open_input(path, RawOptions())
    assert (recording.n_channels, probe.channels.tolist()) == (4, [2, 0, 3, 1])
    assert np.array_equal(probe.positions_um[np.argsort(probe.channels)], locations)


def test_several_zarr_folders_are_streams(tmp_path):
    for name in ("Record Node 101#ProbeA-AP", "Record Node 101#ProbeB-AP", "Record Node 101#ProbeA-LFP"):
        recorded(1).save(folder=tmp_path / name, format="zarr", verbose=False, progress_bar=False)
    with pytest.raises(InputError, match=r"2 streams that can be sorted"):
        open_input(tmp_path, RawOptions())
    assert open_input(tmp_path, RawOptions(stream="Record Node 101#ProbeB-AP"))[0].n_samples == 40_000


# what is missing or damaged


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_axis": 1}, "time_axis is 1.*save it again"),
        ({"dtype": "complex64"}, "dtype complex64"),
        ({"sampling_frequency": "fast"}, "fast"),
        ({"gain_to_uV": [0.0] * 4}, "has gains, but those of all channels are 0"),
    ],
)
def test_a_damaged_index_is_told(tmp_path, changes, words):
    index = saved(tmp_path, recorded(), "binary") / "binary.json"
    content = json.loads(index.read_text())
    content["kwargs"] |= changes
    index.write_text(json.dumps(content))
    with pytest.raises(InputError, match=words):
        open_input(index.parent, RawOptions())


def test_a_channel_with_a_gain_of_0_holds_no_voltage(tmp_path):
    index = saved(tmp_path, recorded(), "binary") / "binary.json"
    content = json.loads(index.read_text())
    content["kwargs"] |= {"gain_to_uV": [1.0, 0.0, 1.0, 1.0]}
    index.write_text(json.dumps(content))
    assert open_input(index.parent, RawOptions())[0].not_voltage == (1,)


def test_an_index_that_is_not_json_is_told(tmp_path):
    (tmp_path / "binary.json").write_text("{")
    with pytest.raises(InputError, match=r"binary\.json is not a binary\.json of SpikeInterface that can be read"):
        open_input(tmp_path, RawOptions())


def test_missing_and_short_traces_are_told(tmp_path):
    path = saved(tmp_path, recorded(), "binary") / "traces_cached_seg1.raw"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"not a whole number of samples of 8 bytes.*cut short"):
        open_input(path.parent, RawOptions())
    path.unlink()
    with pytest.raises(InputError, match=r"traces_cached_seg1\.raw is missing, but binary\.json names it"):
        open_input(path.parent, RawOptions())


def test_without_zarr_the_command_to_install_it_is_told(tmp_path, monkeypatch):
    def refuse(name: str) -> None:
        raise ImportError(name)

    path = saved(tmp_path, recorded(), "zarr")
    monkeypatch.setattr(spikeinterface_zarr, "import_module", refuse)
    with pytest.raises(InputError, match=r'pip install "spikesieve\[zarr\]"'):
        open_input(path, RawOptions())


def test_a_codec_that_is_not_installed_is_told(tmp_path):
    path = saved(tmp_path, recorded(), "zarr")
    for name in (path / ".zmetadata", path / "traces_seg0" / ".zarray"):
        if name.is_file():
            name.write_text(name.read_text().replace('"blosc"', '"wavpack"'))
    with pytest.raises(
        InputError, match=r"the codec wavpack, which is not installed. Install it: pip install wavpack-numcodecs"
    ):
        open_input(path, RawOptions())


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path):
    path = saved(tmp_path, recorded(), "zarr")
    (path / "traces_seg0" / "0.0").write_bytes(b"nonsense")
    recording, _, _ = open_input(path, RawOptions())
    with pytest.raises(InputError, match="cannot be read at sample 0"):
        recording.read(0, 10)


def test_attributes_that_are_not_json_are_told(tmp_path):
    path = saved(tmp_path, recorded(), "zarr")
    (path / ".zattrs").write_text("{")
    with pytest.raises(InputError, match=r"\.zattrs is not a file of attributes of Zarr"):
        open_input(path, RawOptions())


def test_missing_chunks_are_told(tmp_path):
    path = saved(tmp_path, recorded(), "zarr")
    (path / "traces_seg1" / "1.0").unlink()
    _, _, notes = open_input(path, RawOptions())
    assert "traces_seg1 lacks 1 of its 2 chunks, which are read as 0: the copy may be incomplete" in notes[0]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (".zgroup", '"zarr_format": 2', '"zarr_format": 7'),
        ("traces_seg0/.zarray", '"<i2"', '"nonsense"'),
        ("traces_seg0/.zarray", "30000", "0"),
        ("traces_seg0/.zarray", "30000", "1e309"),
        ("traces_seg0/.zarray", "40000", "-1"),
        ("properties/gain_to_uV/.zarray", "4", "9999999999999"),
    ],
)
def test_a_damaged_description_of_zarr_is_told(tmp_path, name, old, new):
    path = saved(tmp_path, recorded(), "zarr")
    (path / ".zmetadata").unlink(missing_ok=True)
    text = (path / name).read_text()
    assert old in text
    (path / name).write_text(text.replace(old, new))
    with pytest.raises(InputError, match="is not a Zarr folder of SpikeInterface that can be read"):
        open_input(path, RawOptions())
