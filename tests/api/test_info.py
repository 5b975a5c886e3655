"""What `spikesieve info` says."""

from __future__ import annotations

import json

import numpy as np
import probeinterface
import pytest
from open_ephys_files import channel, tree, write_stream
from scipy.signal import lfilter
from small_files import HZ, spiking, write_raw
from spikeglx_files import np1_tags, np2_tags, record
from typer.testing import CliRunner

from spikesieve.api.info import draw_recording_info, recording_info
from spikesieve.cli.app import app
from spikesieve.errors import InputError, OutputError
from spikesieve.io.recordings.open_input import RawOptions

RAW = RawOptions(n_channels=4, sampling_hz=HZ, gain_uv=0.5)


def info(*words: object):
    return CliRunner().invoke(app, ["info", *map(str, words)])


def test_a_recording_that_can_be_sorted(tmp_path):
    path = record(tmp_path, np2_tags(firstSample="60000"), 300)
    facts = recording_info(path).facts()
    assert (facts["format"], facts["why"]) == ("SpikeGLX", "run_g0_t0.imec0.ap.meta says typeThis")
    assert (facts["n_channels"], facts["sampling_hz"], facts["n_samples"], facts["duration_s"]) == (9, HZ, 300, 0.01)
    assert facts["gain_uv"] == pytest.approx([0.5 / 8192 / 80 * 1e6])
    assert (facts["converter_bits"], facts["clock_start_s"], facts["gaps"]) == (14, 2.0, [])
    assert facts["probe"]["n_shanks"] == 4
    assert (facts["can_be_sorted"], facts["problem"]) == (True, None)


def test_gaps_are_listed(tmp_path):
    for trigger, first in ((0, 0), (1, 300), (2, 700)):
        record(tmp_path, np2_tags(firstSample=str(first)), 300, f"a_g0_t{trigger}.imec0.ap.bin")
    (gap,) = recording_info(tmp_path).facts()["gaps"]
    assert (gap["sample"], gap["gap_s"]) == (600, pytest.approx(100 / HZ))
    result = info(tmp_path)
    assert "0.00333333 s after 0.02 s" in " ".join(result.stdout.split())
    assert "It can be sorted." in result.stdout


def test_several_streams_are_listed_and_one_is_to_be_chosen(tmp_path):
    for probe in ("imec0", "imec1"):
        record(tmp_path, np2_tags(), 10, f"a_g0_t0.{probe}.ap.bin")
    found = recording_info(tmp_path)
    assert (found.streams, found.recording) == (("imec0.ap", "imec1.ap"), None)
    assert found.problem is None
    assert found.notes == ("It has 2 probes, which `spikesieve sort` sorts one after another.",)
    assert found.commands == tuple(f"spikesieve sort {tmp_path} --stream imec{k}.ap --out ..." for k in (0, 1))
    shown = " ".join(info(tmp_path).stdout.split())
    assert all(f"One of them: {command}" in shown for command in found.commands)
    assert recording_info(tmp_path, RawOptions(stream="imec1.ap")).problem is None


def test_streams_of_different_times_are_listed_and_one_is_to_be_chosen(tmp_path):
    for run in ("a", "b"):
        record(tmp_path, np2_tags(), 10, f"{run}_g0_t0.imec0.ap.bin")
    found = recording_info(tmp_path)
    assert "2 streams with spikes. Choose one with --stream" in found.problem
    assert len(found.commands) == 2


def test_probes_of_a_group_are_listed(tmp_path):
    path, group = write_raw(tmp_path, spiking(n_channels=16)), tmp_path / "group.json"
    both = probeinterface.ProbeGroup()
    for number in (0, 1):
        probe = probeinterface.generate_linear_probe(8, ypitch=20.0)
        probe.set_device_channel_indices(np.arange(8) + 8 * number)
        both.add_probe(probe)
    probeinterface.write_probeinterface(group, both)
    found = recording_info(path, RawOptions(n_channels=16, sampling_hz=HZ), str(group))
    assert found.problem is None
    assert found.commands == tuple(f"spikesieve sort {path} --probe {group}#{k} --out ..." for k in (0, 1))
    assert "2 probes" in found.notes[0]


def test_a_missing_probe_is_told(tmp_path):
    path = write_raw(tmp_path, spiking())
    assert "Give the probe with --probe" in recording_info(path, RAW).problem
    assert recording_info(path, RAW, "linear:4:20").problem is None
    assert "more than the 4 channels" in recording_info(path, RAW, "linear:5:20").problem


def test_a_wrong_number_of_channels_is_told(tmp_path):
    slow = lfilter([1.0], [1.0, -0.9], np.random.default_rng(0).standard_normal((30_000, 6)), axis=0)
    path = write_raw(tmp_path, (100 * slow).astype(np.int16))
    wrong = info(path, "--channels", 5, "--sampling-hz", HZ, "--probe", "linear:5:20")
    assert "repeat every 6 numbers, not every 5: it seems to have 6 channels" in " ".join(wrong.stdout.split())
    assert wrong.exit_code == 0
    assert "It can be sorted." in info(path, "--channels", 6, "--sampling-hz", HZ, "--probe", "linear:6:20").stdout


@pytest.mark.parametrize("n_channels", [1, 2, 4, 16])
@pytest.mark.parametrize("n_samples", [300, 3000, 30_000])
def test_a_short_recording_of_noise_is_not_doubted(tmp_path, n_channels, n_samples):
    rng = np.random.default_rng(0)
    for number in range(5):
        path = write_raw(tmp_path, rng.integers(-99, 99, (n_samples, n_channels)).astype(np.int16), f"{number}.bin")
        raw = RawOptions(n_channels=n_channels, sampling_hz=HZ, gain_uv=0.5)
        assert recording_info(path, raw, f"linear:{n_channels}:20").problem is None


def test_bytes_in_the_wrong_order_are_told(tmp_path):
    path = write_raw(tmp_path, spiking().byteswap())
    assert "they are big-endian" in recording_info(path, RAW, "linear:4:20").problem


def test_the_gain_is_that_of_contacts(tmp_path):
    path = record(tmp_path, np1_tags(), 30)
    assert recording_info(path).facts()["gain_uv"] == pytest.approx([2.34375])
    channels = [channel("CH1"), channel("CH2"), channel("SYNC", 1.0, "")]
    write_stream(tree(tmp_path / "oe"), np.zeros((20, 3), "<i2"), np.arange(20), channels=channels)
    assert recording_info(tmp_path / "oe", probe="linear:2:20").facts()["gain_uv"] == [0.195]


def test_json_has_every_fact(tmp_path):
    path = record(tmp_path, np2_tags(), 300)
    assert json.loads(info(path, "--json").stdout) == json.loads(json.dumps(recording_info(path).facts()))


def test_what_cannot_be_read_is_an_error(tmp_path):
    result = info(tmp_path / "nowhere.bin")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


@pytest.mark.parametrize("probe", ["linear:4:20", None])
def test_the_picture_shows_probe_and_traces(tmp_path, probe):
    found = recording_info(write_raw(tmp_path, spiking()), RAW, probe)
    draw_recording_info(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_made_is_told(tmp_path):
    found = recording_info(write_raw(tmp_path, spiking()), RAW, "linear:4:20")
    with pytest.raises(OutputError, match=r"ends in \.png"):
        draw_recording_info(found, tmp_path / "picture.nonsense")
    with pytest.raises(OutputError, match="cannot be written"):
        draw_recording_info(found, tmp_path / "nowhere" / "picture.png")
    for probe in ("imec0", "imec1"):
        record(tmp_path, np2_tags(), 10, f"a_g0_t0.{probe}.ap.bin")
    with pytest.raises(InputError, match="no picture of several streams"):
        draw_recording_info(recording_info(tmp_path), tmp_path / "picture.png")
