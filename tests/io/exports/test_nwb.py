"""NWB files of units: nwbinspector finds nothing, SpikeInterface and pynwb read what the result holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from export_sessions import metrics_of, session_of
from make_sorting import make_sorting
from needed import needed_module
from spikeinterface.extractors import read_nwb_sorting

from spikesieve.errors import InputError, OutputError
from spikesieve.io.exports.nwb import append_nwb, write_nwb
from spikesieve.io.exports.nwb_metadata import NwbMetadata, read_nwb_metadata
from spikesieve.io.exports.session import Session

pynwb = needed_module("pynwb", "packages")

FULL = """
NWBFile:
  session_description: A mouse runs.
  session_start_time: 2025-03-14T10:00:00+01:00
  session_id: day_1
  experimenter: ["Doe, Jane"]
  experiment_description: Running.
  institution: A university
  keywords: [running]
Subject: {subject_id: m1, species: Mus musculus, sex: F, age: P90D, description: A mouse.}
Ecephys:
  Device: [{name: imec0, description: Neuropixels., manufacturer: imec}]
  ElectrodeGroup: [{name: s0, description: The shank., location: VISp}]
"""


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return session_of(replace(make_sorting(), metrics=metrics_of(5)))


@pytest.fixture
def metadata(tmp_path: Path) -> NwbMetadata:
    (tmp_path / "m.yaml").write_text(FULL)
    return read_nwb_metadata(tmp_path / "m.yaml")


def test_what_is_written_is_read_again(tmp_path: Path, session: Session, metadata: NwbMetadata) -> None:
    write_nwb(tmp_path / "a.nwb", session, metadata)
    sorting = session.sorting
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        nwb = io.read()
        assert nwb.session_start_time == datetime(2025, 3, 14, 9, tzinfo=UTC)
        units = nwb.units.to_dataframe()
        assert units.index.tolist() == list(range(5))
        assert nwb.units.resolution == 1 / sorting.sampling_hz
        assert "over the noise SD" in nwb.units["snr"].description
        assert "echo_share" not in units.columns  # nothing is known of it
        assert units.non_somatic.tolist() == [True, False, True, False, True]
        np.testing.assert_array_equal(units.d_prime, [0, 0.25, np.nan, 0.75, 1])
        for row in range(5):
            unit = units.loc[row]
            np.testing.assert_array_equal(unit.spike_times, session.spike_s[sorting.spikes.unit == row])
            np.testing.assert_array_equal(unit.obs_intervals, session.observed_s())
            places = unit.electrodes[["rel_x", "rel_y"]].to_numpy()
            known = sorting.templates.contacts[row] >= 0
            contacts = sorting.templates.contacts[row][known]
            np.testing.assert_array_equal(places[known], sorting.probe.positions_um[contacts])
            np.testing.assert_allclose(unit.waveform_mean[:, known], sorting.templates.uv[row][:, known] * 1e-6, 1e-5)
            np.testing.assert_allclose(unit.waveform_sd[:, known], sorting.waveforms.sd_uv[row][:, known] * 1e-6, 1e-5)
            assert np.isnan(unit.waveform_mean[:, ~known]).all()
            assert (unit.label, unit.why) == (sorting.units[row].label, sorting.units[row].why)
            assert unit.electrode_group.device.manufacturer == "imec"


def test_spikeinterface_reads_it(tmp_path: Path, session: Session, metadata: NwbMetadata) -> None:
    write_nwb(tmp_path / "a.nwb", session, metadata)
    hz = session.sorting.sampling_hz
    read = read_nwb_sorting(tmp_path / "a.nwb", sampling_frequency=hz, t_start=0.0)
    for row, unit in enumerate(read.unit_ids):
        seconds = read.get_unit_spike_train(unit, return_times=True)
        np.testing.assert_allclose(seconds, session.spike_s[session.spikes_of(row)], atol=0.6 / hz)
    assert read.get_property("label").tolist() == [str(unit.label) for unit in session.sorting.units]


def test_nwbinspector_finds_nothing(tmp_path: Path, session: Session, metadata: NwbMetadata) -> None:
    inspector = needed_module("nwbinspector", "packages")
    write_nwb(tmp_path / "a.nwb", session, metadata)
    found = list(inspector.inspect_nwbfile(nwbfile_path=tmp_path / "a.nwb", config=inspector.load_config("dandi")))
    assert [(message.check_function_name, message.message) for message in found] == []


def test_units_are_added_to_a_file_with_the_electrodes_of_the_probe(tmp_path: Path, session: Session) -> None:
    path, probe = tmp_path / "raw.nwb", session.sorting.probe
    nwb = pynwb.NWBFile("A mouse runs.", "id", datetime(2025, 3, 14, tzinfo=UTC))
    group = nwb.create_electrode_group("s0", "a", "VISp", nwb.create_device("imec0"))
    for x_um, y_um in probe.positions_um[::-1]:
        nwb.add_electrode(rel_x=x_um, rel_y=y_um, location="VISp", group=group)
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    assert append_nwb(path, session, NwbMetadata()) == "/units"
    assert append_nwb(path, session, NwbMetadata()) == "/processing/ecephys/units_2"
    with pynwb.NWBHDF5IO(path, "r") as io:
        nwb = io.read()
        assert len(nwb.electrodes) == probe.n_contacts
        for units in (nwb.units, nwb.processing["ecephys"]["units_2"]):
            first = units["electrodes"][0]["rel_y"].to_numpy()
            np.testing.assert_array_equal(first, probe.positions_um[session.sorting.templates.contacts[0], 1])
    elsewhere = replace(session.sorting, probe=replace(probe, positions_um=probe.positions_um + 7))
    with pytest.raises(InputError, match="not those of the probe"):
        append_nwb(path, replace(session, sorting=elsewhere), NwbMetadata())
    with pytest.raises(InputError, match="no file"):
        append_nwb(tmp_path / "none.nwb", session, NwbMetadata())


def test_a_second_probe_has_electrodes_of_its_own(tmp_path: Path, session: Session, metadata: NwbMetadata) -> None:
    write_nwb(tmp_path / "a.nwb", session, metadata)
    second = replace(metadata, device={"name": "imec1"}, groups=())
    assert append_nwb(tmp_path / "a.nwb", session, second) == "/processing/ecephys/units_2"
    with pynwb.NWBHDF5IO(tmp_path / "a.nwb", "r") as io:
        nwb = io.read()
        assert len(nwb.electrodes) == 2 * session.sorting.probe.n_contacts
        units = nwb.processing["ecephys"]["units_2"]
        assert {group.device.name for group in units["electrodes"][0]["group"]} == {"imec1"}


def test_what_is_missing_is_a_sentence(tmp_path: Path, session: Session, metadata: NwbMetadata) -> None:
    with pytest.raises(InputError, match="time at which the session began"):
        write_nwb(tmp_path / "a.nwb", session, NwbMetadata())
    with pytest.raises(InputError, match=r"do not fit NWB.*colour"):
        write_nwb(tmp_path / "a.nwb", session, replace(metadata, subject={"colour": "brown"}))
    with pytest.raises(InputError, match="no units"):
        write_nwb(tmp_path / "a.nwb", session_of(make_sorting(0, 0)), metadata)
    (tmp_path / "a.nwb").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        write_nwb(tmp_path / "a.nwb", session, metadata)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nwb", "m.yaml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NWBFile: [", "cannot be read as YAML"),
        ("Mouse: {}", "can have the sections NWBFile, Subject, Ecephys. Got .*Mouse"),
        ("- 1", "Got list"),
        ("Subject: m1", "hold names and values"),
        ("NWBFile: {session_start_time: yesterday}", "should be like 2025"),
    ],
)
def test_metadata_that_cannot_be_used_are_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_nwb_metadata(tmp_path / "m.yaml")


def test_the_name_in_a_dandiset() -> None:
    subject, session = {"subject_id": "m_1"}, {"session_id": "day 1"}
    assert NwbMetadata(session, subject).dandi_name == "sub-m-1/sub-m-1_ses-day-1_ecephys.nwb"
    assert NwbMetadata({}, subject).dandi_name == "sub-m-1/sub-m-1_ecephys.nwb"
