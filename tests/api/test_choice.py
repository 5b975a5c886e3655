"""Channels and shanks that are left out, and samples that are inverted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import spikesieve
from spikesieve.api.choice import chosen_input
from spikesieve.errors import InputError
from spikesieve.model import Probe
from spikesieve.settings.input import InputParams
from spikesieve.simulation import SimulationParams, simulate_array

NAMES = ("A-000", "A-001", "A-002", "A-003", "A-004", "SYNC")
RECORDING = replace(
    spikesieve.recording_from_array(np.ones((100, 6), np.int16), 30_000.0, 0.5), channel_names=NAMES, name="run"
)
# Contacts are not in the order of channels, and channel 1 has none.
PROBE = Probe(
    np.array([[0.0, 0.0], [0.0, 25.0], [250.0, 0.0], [250.0, 25.0]]), np.array([4, 0, 3, 2]), np.array([0, 0, 2, 2])
)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, [4, 0, 3, 2]),
        ({"bad_channels": 3}, [4, 0, 2]),
        ({"bad_channels": "A-003,4"}, [0, 2]),
        ({"bad_channels": [1, 5, 0]}, [4, 3, 2]),
        ({"shanks": [2]}, [3, 2]),
        ({"shanks": [0, 2], "bad_channels": ["A-000"]}, [4, 3, 2]),
    ],
)
def test_channels_and_shanks_are_left_out(given, left):
    recording, probe, notes = chosen_input(RECORDING, PROBE, InputParams(**given))
    assert probe.channels.tolist() == left
    assert recording is RECORDING
    assert len(notes) == len(given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bad_channels": [6, -1]}, "run has no channels 6, -1 .* channels 0 to 5"),
        ({"bad_channels": "A-03"}, "no channel A-03 .* named A-000 to SYNC; did you mean A-003?"),
        ({"shanks": [1]}, "has no shank 1 .* It has shanks 0, 2"),
        ({"bad_channels": [2, 3], "shanks": 2}, "No contact is left"),
    ],
)
def test_what_is_not_there_is_said(given, words):
    with pytest.raises(InputError, match=words):
        chosen_input(RECORDING, PROBE, InputParams(**given))


@pytest.mark.parametrize("given", [{"expected_channels": 6}, {"expected_sampling_hz": 30_010}])
def test_what_the_settings_expect_of_the_recording_changes_nothing_where_it_is_so(given):
    assert chosen_input(RECORDING, PROBE, InputParams(**given)) == (RECORDING, PROBE, ())


def test_another_recording_than_that_of_the_settings_is_refused():
    expected = InputParams(expected_channels=385, expected_sampling_hz=25_000)
    with pytest.raises(
        InputError, match=r"run has 6 channels, .*n_chan_bin\) says 385\.\nrun has 30000 .*says 25000\.\n"
    ):
        chosen_input(RECORDING, PROBE, expected)


def test_names_of_a_recording_without_any():
    with pytest.raises(InputError, match="does not say their names"):
        chosen_input(replace(RECORDING, channel_names=()), PROBE, InputParams(bad_channels="A-003"))


def test_inverted_samples():
    recording, _, notes = chosen_input(RECORDING, PROBE, InputParams(invert_sign=True))
    assert recording.read_uv(0, 1, np.array([0])).tolist() == [[-0.5]]
    assert "multiplied by -1" in notes[0]


def test_a_sort_without_a_channel_and_inverted_is_that_of_the_probe_without_it():
    params = SimulationParams(n_units=6, seconds=8.0, seed=3, rate_hz=20.0)
    probe = spikesieve.read_probe("linear:8:25")
    samples = simulate_array(probe, params)[0]
    recording = spikesieve.recording_from_array(samples, params.sampling_hz, params.gain_uv)
    inverted = spikesieve.recording_from_array(-samples, params.sampling_hz, params.gain_uv)
    expected = spikesieve.sort(recording, probe.select(np.arange(8) != 7))
    found = spikesieve.sort(inverted, probe, {"input.bad_channels": [7], "invert_sign": True})
    assert len(found.units) > 0
    np.testing.assert_array_equal(found.spikes.sample, expected.spikes.sample)
    np.testing.assert_array_equal(found.templates.uv, expected.templates.uv)
    assert found.probe.channels.tolist() == list(range(7))
    assert "Channel 7 was left out" in found.notes[0]
    assert found.origin.settings["input"]["bad_channels"] == (7,)
