"""When each channel is sampled: from the tables and kinds of probes of each format, and not where it was corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import spikeinterface.core as si
from needed import needed_module
from probeinterface import generate_linear_probe
from spikeglx_files import np1_tags, np2_tags, record

from spikesieve.api.inputs import as_recording_and_probe
from spikesieve.io.recordings.adc_delays import delays_of_part
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.io.recordings.spikeinterface import from_spikeinterface

HZ = 30_000.0
IN_13_TURNS = np.arange(384) % 24 // 2 / 13
IN_16_TURNS = np.arange(384) % 32 // 2 / 16


def delays_of(path: Path) -> np.ndarray:
    return open_input(path, RawOptions())[0].delay_samples


@pytest.mark.parametrize(("part", "expected"), [("NP1000", IN_13_TURNS), ("NP2010", IN_16_TURNS)])
def test_channels_take_their_turns_two_by_two(part, expected):
    np.testing.assert_allclose(delays_of_part(part, np.arange(384)), expected)


def test_spikeinterface_has_the_same_delays():
    tools = needed_module("probeinterface.neuropixels_tools", "packages")
    utils = needed_module("spikeinterface.extractors.neuropixels_utils", "packages")
    for part in ("NP1000", "NP2000", "NP1200", "NP2020"):
        whole = tools.build_neuropixels_probe(part)
        n = whole.annotations["num_readout_channels"]
        probe = whole.get_slice(np.arange(n))
        tools._annotate_probe_with_adc_sampling_info(probe, whole.annotations["adc_sampling_table"])
        theirs = utils.get_neuropixels_sample_shifts_from_probe(probe)
        np.testing.assert_allclose(delays_of_part(part, np.arange(n)), theirs)


@pytest.mark.parametrize("part", ["PRB_1_4_0480_1_C", "NP1000", None])
def test_spikeglx_knows_the_kind_of_probe(tmp_path, part):
    delays = delays_of(record(tmp_path, np1_tags(imDatPrb_pn=part)))
    np.testing.assert_allclose(delays, [*IN_13_TURNS, 0.0])  # the sync channel is not delayed


def test_the_delays_are_those_of_the_saved_channels(tmp_path):
    tags = np1_tags(nSavedChans="12", snsApLfSy="11,0,1", snsSaveChanSubset="10:19,383,768")
    np.testing.assert_allclose(delays_of(record(tmp_path, tags)), [*IN_13_TURNS[[*range(10, 20), 383]], 0.0])


def test_the_table_in_the_metadata_wins(tmp_path):
    table = {"~muxTbl": "(2,4)(6 7)(4 5)(2 3)(0 1)"}
    delays = delays_of(record(tmp_path, np2_tags(acqApLfSy="384,0,1", snsSaveChanSubset="0:7,384", **table)))
    assert delays.tolist() == [0.75, 0.75, 0.5, 0.5, 0.25, 0.25, 0, 0, 0]


def test_an_unknown_probe_has_no_delays(tmp_path):
    assert not delays_of(record(tmp_path, np2_tags(imDatPrb_pn="NP9999"))).any()


@pytest.mark.parametrize(("options", "is_corrected"), [("-ap -gblcar", True), ("-ap -no_tshift -gblcar", False)])
def test_catgt_corrects_delays_unless_it_is_told_not_to(tmp_path, options, is_corrected):
    delays = delays_of(record(tmp_path, np1_tags(catGTCmdline0=f"<CatGT -dir=a -run=b {options}>")))
    assert delays.any() != is_corrected


def test_catgt_tells_that_it_has_filtered(tmp_path):
    for name, options in (("a", "-ap"), ("b", "-ap -apfilter=butter,12,300,9000")):
        (tmp_path / name).mkdir()
        recording, _, _ = open_input(
            record(tmp_path / name, np1_tags(catGTCmdline0=f"<CatGT {options}>")), RawOptions()
        )
        assert recording.is_filtered == (name == "b")


# SpikeInterface


def with_delays(n_channels: int = 4) -> si.BaseRecording:
    traces = np.random.default_rng(0).integers(-500, 500, (30_000, n_channels)).astype("int16")
    recording = si.NumpyRecording([traces], HZ)
    probe = generate_linear_probe(n_channels)
    probe.set_device_channel_indices(np.arange(n_channels))
    copy = recording.set_probe(probe)
    recording = recording if copy is None else copy
    recording.set_property("inter_sample_shift", np.array([0.0, 0.5, np.nan, 0.25]))
    return recording


def shifted(recording: si.BaseRecording) -> si.BaseRecording:
    preprocessing = needed_module("spikeinterface.preprocessing", "packages")
    recording.set_property("inter_sample_shift", np.array([0.0, 0.5, 0.75, 0.25]))
    whole = preprocessing.phase_shift(recording)
    return whole.select_channels(whole.channel_ids[:3])


def test_a_recording_of_spikeinterface_has_them_as_a_property():
    recording, _ = as_recording_and_probe(with_delays())
    assert recording.delay_samples.tolist() == [0.0, 0.5, 0.0, 0.25]


def test_what_phase_shift_has_corrected_is_not_corrected_again():
    source = shifted(with_delays())
    assert source.get_property("inter_sample_shift").any()  # the property stays
    assert not from_spikeinterface(source).delay_samples.any()


@pytest.mark.parametrize(("kind", "name"), [("binary", "a"), ("zarr", "a.zarr")])
def test_saved_folders_have_them_unless_they_were_corrected(tmp_path, kind, name):
    (tmp_path / "raw").mkdir()
    with_delays().save(folder=tmp_path / "raw" / "a", format=kind, verbose=False)
    plain = si.load(tmp_path / "raw" / name)
    np.testing.assert_allclose(delays_of(tmp_path / "raw" / name), [0.0, 0.5, 0.0, 0.25])
    shifted(plain).save(folder=tmp_path / "shifted" / "a", format=kind, verbose=False)
    assert not delays_of(tmp_path / "shifted" / name).any()
