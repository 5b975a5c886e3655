"""Curation files of SpikeInterface mean here what they mean there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from needed import needed_module

from spikesieve.curation.actions import Membership, Merge, Remove, SetLabel, Split, after
from spikesieve.curation.between import difference
from spikesieve.errors import InputError
from spikesieve.io.curations.spikeinterface import read_spikeinterface_curation, write_spikeinterface_curation
from spikesieve.model import Label

BEFORE = Membership.of_spikes(np.array([0, 1, 0, 2, 3, 1, 0, 4, 0]), (0, 1, 2, 3, 4), 5)
SAMPLES = np.arange(9) * 1000


def file(folder: Path, content: dict) -> Path:
    path = folder / "curation.json"
    path.write_text(json.dumps(content))
    return path


def read(path: Path) -> Membership:
    return after(BEFORE, read_spikeinterface_curation(path, BEFORE)[0])


def theirs(path: Path) -> dict[int, list[int]]:
    """Spike trains of each unit after SpikeInterface applied the file."""
    curation = needed_module("spikeinterface.curation", "packages")
    core = needed_module("spikeinterface.core", "packages")
    sorting = core.NumpySorting.from_samples_and_labels([SAMPLES], [BEFORE.unit], 30_000.0)
    content = json.loads(path.read_text())
    model = curation.curation_model
    known = model.SequentialCuration if "curation_steps" in content else model.Curation
    sorting = curation.apply_curation(sorting, known(**content))
    return {int(unit): sorting.get_unit_spike_train(unit).tolist() for unit in sorting.unit_ids}


def ours(now: Membership) -> dict[int, list[int]]:
    return {unit: SAMPLES[now.unit == unit].tolist() for unit in now.ids}


VERSION_2 = {
    "format_version": "2",
    "unit_ids": [0, 1, 2, 3, 4],
    "label_definitions": {"quality": {"label_options": ["good", "noise", "MUA"], "exclusive": True}},
    "manual_labels": [{"unit_id": 2, "labels": {"quality": ["MUA"]}}, {"unit_id": 4, "labels": {"quality": ["good"]}}],
    "removed": [3],
    "merges": [{"unit_ids": [1, 2], "new_unit_id": 9}],
    "splits": [{"unit_id": 0, "mode": "indices", "indices": [[0, 2]], "new_unit_ids": [10, 11]}],
}


def test_format_2(tmp_path: Path) -> None:
    path = file(tmp_path, VERSION_2)
    assert ours(read(path)) == theirs(path) == {4: [7000], 9: [1000, 3000, 5000], 10: [0, 6000], 11: [2000, 8000]}
    assert read(path).labels == {4: Label.GOOD}


def test_format_2_by_labels_without_numbers(tmp_path: Path) -> None:
    splits = [{"unit_id": 0, "mode": "labels", "labels": [7, 3, 3, 7]}]
    path = file(tmp_path, {**VERSION_2, "removed": None, "merges": None, "splits": splits})
    assert ours(read(path)) == theirs(path)


def test_format_1(tmp_path: Path) -> None:
    content = {
        "format_version": "1",
        "unit_ids": [0, 1, 2, 3, 4],
        "label_definitions": {"quality": {"label_options": ["good", "noise", "MUA"], "exclusive": True}},
        "manual_labels": [{"unit_id": 1, "quality": ["MUA"]}, {"unit_id": 4, "quality": ["noise"]}],
        "merge_unit_groups": [[0, 3]],
        "removed_units": [2],
    }
    path = file(tmp_path, content)
    assert ours(read(path)) == theirs(path)
    assert read(path).labels == {1: Label.MUA, 4: Label.NOISE}


def test_format_0_of_sortingview(tmp_path: Path) -> None:
    path = file(tmp_path, {"labelsByUnit": {"1": ["mua"], "2": ["accept"]}, "mergeGroups": [[0, 4]]})
    actions, notes = read_spikeinterface_curation(path, BEFORE)
    now = after(BEFORE, actions)
    assert (now.ids, now.labels) == ((1, 2, 3, 5), {1: Label.MUA})
    assert notes == ("Labels that are not good, mua or noise were left out: accept.",)


def test_steps_in_a_row(tmp_path: Path) -> None:
    first = {**VERSION_2, "manual_labels": [], "removed": []}
    second = {
        "format_version": "2",
        "unit_ids": [3, 4, 9, 10, 11],
        "merges": [{"unit_ids": [10, 3], "new_unit_id": 12}],
    }
    path = file(tmp_path, {"curation_steps": [first, second]})
    assert ours(read(path)) == theirs(path)


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [Merge((1, 2)), SetLabel(5, Label.MUA), SetLabel(0, Label.GOOD)],
        [Merge((1, 2), 1), Remove(3)],
        [Split(0, np.array([0, 1, 2, 1])), Merge((6, 3)), Remove(5), SetLabel(8, Label.NOISE)],
        [Merge((0, 1)), Split(5, np.array([0, 1, 1, 0, 0, 1]))],
    ],
)
def test_what_is_written_is_read_here_and_there(tmp_path: Path, actions: list) -> None:
    path, now = tmp_path / "curation.json", after(BEFORE, actions)
    write_spikeinterface_curation(path, BEFORE, difference(BEFORE, now))
    assert ours(read(path)) == theirs(path) == ours(now)
    assert read(path).labels == now.labels


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("not JSON", "no curation file"),
        ('{"format_version": "7", "unit_ids": []}', "known are 0, 1 and 2"),
        ("[1, 2]", "no curation file"),
        ('{"unit_ids": [0]}', "no curation file"),
        ('{"format_version": "2", "unit_ids": [0, 77]}', "of another sorting: it has unit 77"),
        ('{"format_version": "2", "unit_ids": [0], "merges": [{"unit_ids": [0, 88]}]}', "no unit 88"),
        ('{"format_version": "2", "unit_ids": [0], "splits": [{"unit_id": 0, "indices": [[1], [99]]}]}', "spike 99"),
        ('{"format_version": "2", "unit_ids": ["a"]}', "no curation file"),
    ],
)
def test_a_wrong_file_is_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "curation.json"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_spikeinterface_curation(path, BEFORE)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.json"):
        read_spikeinterface_curation(tmp_path / "nothing.json", BEFORE)
