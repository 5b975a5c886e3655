"""A result is written for other programs, and stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from needed import needed_module
from phylib.io.model import load_model
from spikeinterface.extractors import read_phy
from stand_ins import write_corrected_run, write_run
from typer.testing import CliRunner

from spikesieve import export_result, read_sorting
from spikesieve.cli.app import app
from spikesieve.errors import InputError, OutputError


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "result"
    write_run(folder)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("to", ["unitmatch", "phy", "csv", "alf"])
def test_an_export_is_new_says_where_it_is_from_and_leaves_the_result(tmp_path: Path, result: Path, to: str) -> None:
    before = bytes_of(result)
    out, notes = export_result(result, to, tmp_path / "out")
    assert (out, notes) == (tmp_path / "out", ())
    facts = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert (facts["format"], facts["result"]) == (to, str(result.resolve()))
    assert bytes_of(result) == before
    with pytest.raises(OutputError, match="exists"):
        export_result(result, to, out)
    export_result(result, to, out, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_result_is_not_replaced_by_an_export_of_it(result: Path) -> None:
    with pytest.raises(OutputError, match=r"no export\.json"):
        export_result(result, "csv", result, overwrite=True)


def test_phy_opens_what_is_exported_for_it(tmp_path: Path, result: Path) -> None:
    out, _ = export_result(result, "phy", tmp_path / "elsewhere" / "out")
    sorting = read_sorting(result)
    model = load_model(out / "params.py")
    assert model.n_spikes == len(sorting.spikes)
    assert model.traces.shape[0] == sorting.segments[-1][1]
    model.close()
    trains = read_phy(out)
    for unit in sorting.unit_ids.tolist():
        np.testing.assert_array_equal(trains.get_unit_spike_train(unit), sorting.spike_train(unit))


def test_an_export_that_was_curated_in_phy_is_kept_aside(tmp_path: Path, result: Path) -> None:
    out, _ = export_result(result, "phy", tmp_path / "out")
    clusters = np.load(out / "spike_clusters.npy")
    np.save(out / "spike_clusters.npy", np.where(clusters == 0, 1, clusters))
    export_result(result, "phy", out, overwrite=True)
    assert (tmp_path / "out-before" / "spike_clusters.npy").exists()


def test_what_was_changed_in_phy_is_not_exported_and_a_note_says_so(tmp_path: Path) -> None:
    write_corrected_run(tmp_path / "result")
    _, notes = export_result(tmp_path / "result", "csv", tmp_path / "out")
    assert len(notes) == 1
    assert "moved to other clusters in Phy" in notes[0]


def test_an_nwb_file_in_a_folder_has_the_name_of_dandi(tmp_path: Path, result: Path) -> None:
    needed_module("pynwb", "packages")
    metadata = tmp_path / "m.json"
    start = "2025-03-14T10:00:00"
    metadata.write_text(json.dumps({"NWBFile": {"session_start_time": start}, "Subject": {"subject_id": "m1"}}))
    out, notes = export_result(result, "nwb", tmp_path / "dandiset", metadata=metadata)
    assert (out, notes) == (tmp_path / "dandiset" / "sub-m1" / "sub-m1_ecephys.nwb", ())
    _, notes = export_result(result, "nwb", out, metadata=metadata, append=True)
    assert notes == ("The units are in /processing/ecephys/units_2 of the file.",)
    _, notes = export_result(result, "nwb", tmp_path / "a.nwb", metadata=metadata)
    assert notes == ("In a dandiset this file is sub-m1/sub-m1_ecephys.nwb.",)
    metadata.write_text(json.dumps({"NWBFile": {"session_start_time": start}}))
    _, notes = export_result(result, "nwb", tmp_path / "b.nwb", metadata=metadata)
    assert "names no subject" in notes[-1]


def test_what_cannot_be_exported_is_a_sentence(tmp_path: Path, result: Path) -> None:
    with pytest.raises(InputError, match="one of nwb, unitmatch"):
        export_result(result, "matlab", tmp_path / "out")
    with pytest.raises(InputError, match="for NWB files"):
        export_result(result, "csv", tmp_path / "out", append=True)
    with pytest.raises(InputError, match="not a result"):
        export_result(tmp_path, "csv", tmp_path / "out")


def test_the_command_writes_several_formats(tmp_path: Path, result: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(result), "--csv", str(tmp_path / "a"), "--alf", str(tmp_path / "b")])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [f"Written: {tmp_path / 'a'}", f"Written: {tmp_path / 'b'}"]
    for options, words in (([], "Name what to write"), (["--csv", "c", "--append"], "go with --nwb")):
        done = CliRunner().invoke(app, ["export", str(result), *options])
        assert done.exit_code == 2
        assert words in done.stderr
