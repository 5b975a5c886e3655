"""The probe of an Open Ephys recording: settings.xml and structure.oebin, with the fields that recorded ones have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from open_ephys_files import PROBE_STREAM, channel, count, electrodes, settings_of, tree, write_stream

from spikesieve.errors import InputError
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.recordings.registry import recognise
from spikesieve.model import Probe

PRIMATE = [(0.0, 7680.0), (103.0, 0.0), (0.0, 20.0), (103.0, 7700.0)]
"""Where electrodes 768, 1, 2, 771 of NP1032 lie, in um."""


def electrode(number: int, index: int | None) -> dict[str, object]:
    """A channel as version 0.6.7 describes it."""
    known = {"identifier": "neuropixels.electrode_index", "type": "uint16", "length": 1, "value": [index]}
    return channel(f"AP{number}", 0.195, "") | {"channel_metadata": [] if index is None else [known]}


def opened(
    folder: Path, settings: str, channels: list[dict[str, object]], stream: str = PROBE_STREAM
) -> tuple[Probe, tuple[str, ...]]:
    samples = np.zeros((20, len(channels)), "<i2")
    write_stream(tree(folder), samples, count(20), stream, channels)
    (folder / "Record Node 101" / "settings.xml").write_text(settings)
    return open_input(folder, RawOptions())[1:]


def relative(probe: Probe) -> np.ndarray:
    return probe.positions_um - probe.positions_um[0]


def test_the_probe_comes_from_the_settings(tmp_path):
    channels = [*electrodes(4), channel("AP_SYNC", 1.0, "")]
    write_stream(tree(tmp_path), np.zeros((20, 5), "<i2"), count(20), PROBE_STREAM, channels)
    (tmp_path / "Record Node 101" / "settings.xml").write_text(settings_of(4))
    recording, probe, notes = open_input(tmp_path, RawOptions())
    assert (recording.n_channels, probe.channels.tolist(), notes) == (5, [0, 1, 2, 3], ())
    assert np.ptp(probe.positions_um[:, 1]) == 20
    assert recording.delay_samples.tolist() == [0.0, 0.0, 1 / 13, 1 / 13, 0.0]


def test_behind_a_channel_map_it_is_not_known_when_channels_are_sampled(tmp_path):
    write_stream(tree(tmp_path), np.zeros((20, 4), "<i2"), count(20), PROBE_STREAM)
    other = '<PROCESSOR name="Channel Map" nodeId="102"/></SIGNALCHAIN>'
    settings = settings_of(4).replace("</SIGNALCHAIN>", other)
    (tmp_path / "Record Node 101" / "settings.xml").write_text(settings)
    recording, probe, _ = open_input(tmp_path, RawOptions())
    assert (probe.n_contacts, recording.delay_samples.any()) == (4, False)


def test_missing_settings_of_a_later_experiment_are_told(tmp_path):
    write_stream(tree(tmp_path, experiment=2), np.zeros((20, 4), "<i2"), count(20), PROBE_STREAM)
    (tmp_path / "Record Node 101" / "settings.xml").write_text(settings_of(4))
    _, probe, notes = open_input(tmp_path, RawOptions())
    assert probe.n_contacts == 4
    assert "settings_2.xml is missing, so the probe comes from settings.xml" in notes[0]


def test_a_probe_of_another_number_of_contacts_is_not_used(tmp_path):
    write_stream(tree(tmp_path), np.zeros((20, 3), "<i2"), count(20), PROBE_STREAM)
    (tmp_path / "Record Node 101" / "settings.xml").write_text(settings_of(4))
    _, _, notes = open_input(tmp_path, RawOptions(), "linear:3:20")
    assert "is not used (it has 4 contacts, the stream 3 channels)" in notes[0]


def test_settings_without_a_neuropixels_probe_name_no_probe(tmp_path):
    write_stream(tree(tmp_path), np.zeros((20, 4), "<i2"), count(20))
    (tmp_path / "Record Node 101" / "settings.xml").write_text("<SETTINGS><SIGNALCHAIN/></SETTINGS>")
    with pytest.raises(InputError, match=r"needs the probe \(--probe\): its files do not say"):
        open_input(tmp_path, RawOptions())


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_each_channel_says_its_electrode(tmp_path, order):
    """Whatever the settings have: another order (Channel Map), another bank (settings of another experiment)."""
    indices = np.array([768, 1, 2, 771])[order]
    channels = [electrode(n, int(index)) for n, index in enumerate(indices)] + [channel("AP_SYNC", 1.0, "")]
    probe, notes = opened(tmp_path, settings_of(4, part="NP1032", selected=(0, 1, 2, 3)), channels)
    assert np.allclose(relative(probe), np.array(PRIMATE)[order] - np.array(PRIMATE)[order[0]])
    assert (probe.channels.tolist(), notes) == ([0, 1, 2, 3], ())


def test_shanks_are_those_of_the_electrodes(tmp_path):
    channels = [electrode(n, index) for n, index in enumerate((0, 1280, 4032, 4033))]
    probe, _ = opened(tmp_path, settings_of(4, part="NP2013", selected=(0, 1, 2, 3)), channels)
    assert probe.shanks.tolist() == [0, 1, 3, 3]
    assert relative(probe).tolist() == [[0, 0], [250, 0], [750, 1440], [782, 1440]]


def test_early_settings_leave_out_the_reference(tmp_path):
    probe, notes = opened(tmp_path, settings_of(6, left_out=(3,)), [electrode(n, None) for n in range(6)])
    assert probe.channels.tolist() == [0, 1, 2, 4, 5]
    assert np.ptp(probe.positions_um[:, 1]) == 40
    assert notes == ()


def test_a_probe_whose_name_only_begins_like_the_stream_is_not_used(tmp_path):
    settings = settings_of(4, name="Probe1")
    with pytest.raises(InputError, match=r"--probe.*its probe Probe1 is not that of Neuropix-PXI-100\.Probe12-AP"):
        opened(tmp_path, settings, [electrode(n, n) for n in range(4)], "Neuropix-PXI-100.Probe12-AP")


def test_a_stream_that_the_settings_do_not_name_has_no_probe(tmp_path):
    with pytest.raises(InputError, match=r"--probe.*it names none for Neuropix-PXI-100\.ProbeB-AP"):
        opened(tmp_path, settings_of(4), [electrode(n, n) for n in range(4)], "Neuropix-PXI-100.ProbeB-AP")


def test_settings_of_another_part_are_told(tmp_path):
    """Positions that the part does not have, as in recordings of NP Ultra with a wrong part number."""
    with pytest.raises(InputError, match=r"is not used .*Give it with --probe"):
        opened(tmp_path, settings_of(4, part="NP1121"), [electrode(n, None) for n in range(4)])


@pytest.mark.parametrize("name", ["AI", "ADC"])
def test_analog_inputs_are_no_electrodes(tmp_path, name):
    """As NI-DAQmx and OneBox of version 0.6.7 describe them: without a unit, bit_volts in V."""
    channels = [electrode(n, n) for n in range(4)]
    write_stream(tree(tmp_path), np.zeros((20, 4), "<i2"), count(20), PROBE_STREAM, channels)
    inputs = [channel(f"{name}{n}", 0.000305, "") for n in range(4)]
    write_stream(tree(tmp_path), np.zeros((20, 4), "<i2"), count(20), "NI-DAQmx-104.PXIe-6341", inputs)
    (tmp_path / "Record Node 101" / "settings.xml").write_text(settings_of(4))
    streams = recognise(tmp_path).found.streams
    assert [stream.is_sortable for stream in streams] == [True, False]
    (opened_inputs,) = streams[1].open()
    assert opened_inputs.recording.gain_uv == pytest.approx(305.0)
    assert opened_inputs.probe is None
    assert len(json.loads((tree(tmp_path) / "structure.oebin").read_text())["continuous"]) == 2
