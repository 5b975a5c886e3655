"""Corrections made in Phy or SpikeInterface give a new result, whole in all its tables."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting
from phylib.io.model import load_model
from spikeinterface.extractors import read_phy
from typer.testing import CliRunner

from spikesieve import curate_result, read_recording, read_sorting
from spikesieve.cli.app import app
from spikesieve.errors import InputError, OutputError
from spikesieve.io.results.folder import made_by_hand, write_result
from spikesieve.io.results.for_the_page import read_overview, read_preprocessing, write_overview, write_preprocessing
from spikesieve.io.results.provenance import RunRecord
from spikesieve.model import Overview
from spikesieve.model.clock import Clock

N, BORDER = 600_000, 240_000
NOW = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
RUN = RunRecord("sieve", {"units": {"min_snr": 1.0}}, {}, NOW, NOW, notes=("From the run.",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A result of two files, the second recorded an hour later."""
    paths = [tmp_path / "first.bin", tmp_path / "second.bin"]
    for path, n in zip(paths, (BORDER, N - BORDER), strict=True):
        np.random.default_rng(0).integers(-99, 99, (n, 25), np.int16).tofile(path)
    recording = read_recording(paths, 25, SAMPLING_HZ, gain_uv=0.5)
    sorting = replace(make_sorting(), segments=recording.segments)
    (tmp_path / "result").mkdir()
    write_result(tmp_path / "result", sorting, replace(recording, clock=Clock((0, BORDER), (10.0, 3600.0))), RUN)
    return tmp_path / "result"


def merge_in_phy(folder: Path) -> None:
    clusters = np.load(folder / "spike_clusters.npy")
    np.save(folder / "spike_clusters.npy", np.where(clusters <= 1, 5, clusters).astype(np.int32))
    with (folder / "cluster_group.tsv").open("a") as file:
        file.write("5\tgood\n")


def test_what_was_merged_in_phy_is_a_new_result(folder: Path) -> None:
    merge_in_phy(folder)
    before = read_sorting(folder)
    new, notes = curate_result(folder, folder.parent / "new")
    after = read_sorting(new)
    assert after.unit_ids.tolist() == [2, 3, 4, 5]
    assert after.units[3].label == "good"
    assert after.units[3].n_spikes == before.units[0].n_spikes + before.units[1].n_spikes
    assert notes[0].startswith("Corrected by hand (1 merge, 1 label) from ")
    assert notes[0] in after.notes
    assert "From the run." in after.notes
    rows = {row["unit"]: row for row in csv.DictReader((new / "units.csv").open())}
    assert list(rows) == ["2", "3", "4", "5"]
    metrics = {row["unit"]: row for row in csv.DictReader((new / "metrics.csv").open())}
    assert {unit: row["num_spikes"] for unit, row in metrics.items()} == {n: row["n_spikes"] for n, row in rows.items()}
    assert (new / "report.html").stat().st_size > 50_000
    assert "5: " in (new / "report.html").read_text(encoding="utf-8") or "Unit" in (new / "report.html").read_text()


def test_times_files_and_clock_stay(folder: Path) -> None:
    merge_in_phy(folder)
    new, _ = curate_result(folder, folder.parent / "new")
    assert (new / "segments.csv").read_text() == (folder / "segments.csv").read_text()
    old_s, new_s = (np.load(each / "spike_times_sec.npy") for each in (folder, new))
    np.testing.assert_array_equal(new_s, old_s)
    first, second = (json.loads((each / "provenance.json").read_text()) for each in (folder, new))
    for name in ("inputs", "recording", "settings", "method", "finished"):
        assert first[name] == second[name], name


def test_what_the_sort_saw_of_the_recording_is_in_the_new_result(folder: Path) -> None:
    merge_in_phy(folder)
    overview = Overview(
        *(np.arange(2.0), 1.0, np.ones((2, 25), np.float16), np.arange(25)),
        *(np.zeros(1, np.int64), np.arange(2, dtype=np.float32), np.ones((1, 2, 1), np.uint16)),
    )
    write_overview(folder, overview)
    write_preprocessing(folder, (1, 2.0))
    new, _ = curate_result(folder, folder.parent / "new")
    shown = read_overview(new)
    assert shown is not None
    assert np.array_equal(shown.rms_uv, overview.rms_uv)
    assert read_preprocessing(new) == (1, 2.0)


def test_phylib_and_spikeinterface_read_it(folder: Path) -> None:
    merge_in_phy(folder)
    new, _ = curate_result(folder, folder.parent / "new")
    sorting, model = read_sorting(new), load_model(new / "params.py")
    theirs = read_phy(new)
    assert sorted(theirs.unit_ids.tolist()) == np.unique(model.spike_clusters).tolist() == [2, 3, 4, 5]
    np.testing.assert_array_equal(theirs.get_unit_spike_train(5), sorting.spike_train(5))
    assert model.traces is not None
    assert model.n_templates == 4
    model.close()


def test_a_file_of_spikeinterface(folder: Path) -> None:
    content = {
        "format_version": "2",
        "unit_ids": [0, 1, 2, 3, 4],
        "label_definitions": {"quality": {"label_options": ["good", "MUA"], "exclusive": True}},
        "manual_labels": [{"unit_id": 3, "labels": {"quality": ["MUA", "odd"]}}],
        "removed": [0],
        "splits": [{"unit_id": 2, "indices": [list(range(10))]}],
    }
    path = folder.parent / "curation.json"
    path.write_text(json.dumps(content))
    new, notes = curate_result(folder, folder.parent / "new", path)
    after = read_sorting(new)
    assert after.unit_ids.tolist() == [1, 3, 4, 5, 6]
    assert after.units[3].n_spikes == 10
    assert after.units[1].label == "mua"
    assert notes[1] == "Labels that are not good, mua or noise were left out: odd."


def test_its_own_file_of_corrections_gives_the_same_result_again(folder: Path) -> None:
    merge_in_phy(folder)
    first, _ = curate_result(folder, folder.parent / "new")
    second, _ = curate_result(folder, folder.parent / "again", first / "curation.json")
    for name in ("spike_clusters.npy", "units.csv", "templates.npy", "pc_features.npy", "cluster_group.tsv"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert made_by_hand(first) == "was curated"


def test_a_curated_result_is_corrected_again(folder: Path) -> None:
    merge_in_phy(folder)
    first, _ = curate_result(folder, folder.parent / "new")
    clusters = np.load(first / "spike_clusters.npy")
    np.save(first / "spike_clusters.npy", np.where(clusters == 3, 6, np.where(clusters == 5, 6, clusters)))
    second, notes = curate_result(first, folder.parent / "second")
    assert read_sorting(second).unit_ids.tolist() == [2, 4, 6]
    assert "1 merge" in notes[0]


def test_without_changes_or_place_it_is_a_sentence(folder: Path) -> None:
    with pytest.raises(InputError, match="changes nothing"):
        curate_result(folder, folder.parent / "new")
    assert not (folder.parent / "new").exists()
    merge_in_phy(folder)
    with pytest.raises(OutputError, match="exists"):
        curate_result(folder, folder)
    with pytest.raises(InputError, match="does not exist"):
        curate_result(folder.parent / "nothing", folder.parent / "new")


def test_from_the_command_line(folder: Path) -> None:
    merge_in_phy(folder)
    done = CliRunner().invoke(app, ["curate", str(folder), "--out", str(folder.parent / "new")])
    assert done.exit_code == 0
    assert "1 merge" in done.output
    refused = CliRunner().invoke(app, ["curate", str(folder), "--out", str(folder.parent / "new")])
    assert refused.exit_code == 2
