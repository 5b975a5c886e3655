"""Corrections made in Phy are found again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting

from spikesieve.curation.actions import after, as_sorted
from spikesieve.curation.recompute import curated
from spikesieve.errors import InputError
from spikesieve.io.curations.phy import phy_difference
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.results.read import read_sorting
from spikesieve.model import Label

RECORDING = recording_from_array(np.zeros((600_000, 25), np.int16), SAMPLING_HZ)
TIME = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_result(tmp_path, make_sorting(5, 400), RECORDING, RunRecord("sieve", {}, {}, TIME, TIME))
    return tmp_path


def save_clusters(folder: Path, clusters: np.ndarray) -> None:
    np.save(folder / "spike_clusters.npy", clusters.astype(np.int32))


def test_nothing_was_changed(folder: Path) -> None:
    assert list(phy_difference(read_sorting(folder), folder)) == []


def test_merges_splits_and_labels(folder: Path) -> None:
    sorting = read_sorting(folder)
    clusters = np.load(folder / "spike_clusters.npy").astype(np.int64)
    clusters[np.isin(clusters, (0, 1))] = 5
    own = np.flatnonzero(clusters == 2)
    clusters[own] = np.where(np.arange(len(own)) % 3 == 0, 6, 7)
    save_clusters(folder, clusters)
    rows = [f"{unit}\t{label}" for unit, label in ((3, "noise"), (4, "unsorted"), (5, "good"), (6, "mua"))]
    (folder / "cluster_group.tsv").write_text("\n".join(["cluster_id\tgroup", *rows]))
    found = after(as_sorted(sorting), phy_difference(sorting, folder))
    np.testing.assert_array_equal(found.unit, clusters)
    assert found.ids == (3, 4, 5, 6, 7)
    assert found.labels == {5: Label.GOOD, 6: Label.MUA} | (
        {3: Label.NOISE} if sorting.units[3].label != "noise" else {}
    )


def test_a_curated_result_can_be_curated_again(folder: Path, tmp_path: Path) -> None:
    first = np.load(folder / "spike_clusters.npy")
    first[first == 1] = 0
    save_clusters(folder, np.where(first == 0, 5, first))
    sorting = read_sorting(folder)
    once = curated(sorting, phy_difference(sorting, folder))
    again = tmp_path / "again"
    again.mkdir()
    write_result(again, once, RECORDING, RunRecord("sieve", {}, {}, TIME, TIME))
    back = read_sorting(again)
    np.testing.assert_array_equal(back.unit_ids, [2, 3, 4, 5])
    np.testing.assert_array_equal(back.spikes.unit, once.spikes.unit)
    np.testing.assert_array_equal(np.load(again / "spike_clusters.npy"), once.unit_ids[once.spikes.unit])
    assert list(phy_difference(back, again)) == []


@pytest.mark.parametrize("wrong", ["short", "other"])
def test_files_of_another_sorting_are_a_sentence(folder: Path, wrong: str) -> None:
    sorting = read_sorting(folder)
    if wrong == "short":
        save_clusters(folder, np.zeros(3))
    else:
        np.save(folder / "spike_templates.npy", np.load(folder / "spike_templates.npy")[::-1])
    with pytest.raises(InputError, match=r"spikes, not|not a copy"):
        phy_difference(sorting, folder)
