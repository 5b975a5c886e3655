"""SpikeInterface's curation file: JSON of format 0 (sortingview), 1, 2, and several of these in a row.

Source: https://spikeinterface.readthedocs.io/en/stable/modules/curation.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spikesieve.curation.actions import Action, Membership, Merge, Remove, SetLabel, Split, after
from spikesieve.curation.between import Difference
from spikesieve.errors import InputError
from spikesieve.model import I64, Label

QUALITY = "quality"
"""Name of the category of our labels."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Labels(_Part):
    unit_id: int
    labels: dict[str, list[str]]


class _Merge(_Part):
    unit_ids: list[int]
    new_unit_id: int | None = None


class _Split(_Part):
    unit_id: int
    mode: str = "indices"
    indices: list[list[int]] | None = None
    labels: list[int] | None = None
    new_unit_ids: list[int] | None = None


class _Step(_Part):
    """One step of corrections in format 2."""

    unit_ids: list[int]
    manual_labels: list[_Labels] = Field(default_factory=list)
    removed: list[int] = Field(default_factory=list)
    merges: list[_Merge] = Field(default_factory=list)
    splits: list[_Split] = Field(default_factory=list)


def read_spikeinterface_curation(path: Path, before: Membership) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    """Read the actions in a curation file of SpikeInterface.

    Parameters
    ----------
    path : Path
        The JSON file.
    before : Membership
        Units of the sorting that the file is for.

    Returns
    -------
    actions : tuple of Action
        In the order in which SpikeInterface does them: labels, removals, merges, splits, step by step.
    notes : tuple of str
        Sentences on labels that mean nothing here.

    Raises
    ------
    InputError
        The file is no curation, or is of another sorting.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist. Give a curation file of SpikeInterface, or a copy of the result.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    return spikeinterface_actions(text, str(path), before)


def spikeinterface_actions(text: str, path: str, before: Membership) -> tuple[tuple[Action, ...], tuple[str, ...]]:
    """Read the actions in the text of a curation file of SpikeInterface.

    Parameters
    ----------
    text : str
        JSON.
    path : str
        Where it is from, for sentences.
    before : Membership
        Units of the sorting that the file is for.

    Returns
    -------
    actions, notes : tuple
        As `read_spikeinterface_curation`.

    Raises
    ------
    InputError
        The text is no curation, or is of another sorting.
    """
    try:
        steps = [_Step.model_validate(step) for step in _steps(json.loads(text))]
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        said = str(error).splitlines()[0]
        raise InputError(f"{path} is no curation file of SpikeInterface ({type(error).__name__}: {said}).") from error
    actions: list[Action] = []
    unknown: set[str] = set()
    for step in steps:
        missing = sorted(set(step.unit_ids) - set(before.ids))
        if missing:
            raise InputError(
                f"{path} is of another sorting: it has unit {missing[0]}, which this result does not have."
            )
        for part in (_labels(step, unknown), _removals(step), _merges(step)):
            done: list[Action] = list(part)
            before = after(before, done)
            actions += done
        splits = [_split(split, before) for split in step.splits]
        before = after(before, splits)
        actions += splits
    words = ", ".join(sorted(unknown))
    return tuple(actions), (f"Labels that are not good, mua or noise were left out: {words}.",) if unknown else ()


def write_spikeinterface_curation(path: Path, before: Membership, changes: Difference) -> None:
    """Write corrections as a curation file of SpikeInterface, format 2.

    Parameters
    ----------
    path : Path
        The JSON file.
    before : Membership
        Units before the corrections.
    changes : Difference
        The corrections.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    parted = after(before, changes.splits)
    # Labels are those of the units before a merge.
    parts = {merge.new_unit: merge.units for merge in changes.merges}
    labels = [
        {"unit_id": unit, "labels": {QUALITY: [str(one.label)]}}
        for one in changes.labels
        for unit in parts.get(one.unit, (one.unit,))
    ]
    last = _step_facts(
        parted,
        manual_labels=labels,
        removed=[one.unit for one in changes.removed],
        merges=[{"unit_ids": list(one.units), "new_unit_id": one.new_unit} for one in changes.merges],
    )
    # SpikeInterface splits after merging, so splits need a step of their own.
    splits = [_split_facts(one) for one in changes.splits]
    facts = {"curation_steps": [_step_facts(before, splits=splits), last]} if splits else last
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8", newline="\n")


def _step_facts(before: Membership, **content: list[dict[str, Any]] | list[int]) -> dict[str, Any]:
    options = {"name": QUALITY, "label_options": [str(label) for label in Label], "exclusive": True}
    empty: dict[str, Any] = {"manual_labels": [], "removed": [], "merges": [], "splits": []}
    head = {"format_version": "2", "unit_ids": list(before.ids), "label_definitions": {QUALITY: options}}
    return {**head, **empty, **content}


def _split_facts(split: Split) -> dict[str, Any]:
    indices = [np.flatnonzero(split.part == k).tolist() for k in range(int(split.part.max()) + 1)]
    new = None if split.new_units is None else list(split.new_units)
    return {"unit_id": split.unit, "mode": "indices", "indices": indices, "labels": None, "new_unit_ids": new}


def _steps(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of a file in the names of format 2."""
    if "curation_steps" in content:
        return [_as_format_2(step) for step in content["curation_steps"]]
    return [_as_format_2(content)]


def _as_format_2(step: Mapping[str, Any]) -> dict[str, Any]:
    version = str(step.get("format_version", "0"))
    if version == "0":
        labels = {int(unit): list(words) for unit, words in step["labelsByUnit"].items()}
        merges = [[int(unit) for unit in group] for group in step.get("mergeGroups", [])]
        units = sorted({*labels, *(unit for group in merges for unit in group)})
        manual = [{"unit_id": unit, "labels": {QUALITY: words}} for unit, words in labels.items()]
        return {"unit_ids": units, "manual_labels": manual, "merges": [{"unit_ids": group} for group in merges]}
    if version not in ("1", "2"):
        raise ValueError(f"format_version is {version!r}; known are 0, 1 and 2")
    found = {name: value for name, value in step.items() if value is not None}
    found["removed"] = found.get("removed", found.get("removed_units", []))
    groups = found.get("merges", found.get("merge_unit_groups", []))
    found["merges"] = [group if isinstance(group, Mapping) else {"unit_ids": group} for group in groups]
    found["manual_labels"] = [_flat_labels(row) for row in found.get("manual_labels", [])]
    return found


def _flat_labels(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of labels as in format 2. Format 1 has the categories beside the unit."""
    if "labels" in row:
        return dict(row)
    return {"unit_id": row["unit_id"], "labels": {name: value for name, value in row.items() if name != "unit_id"}}


def _labels(step: _Step, unknown: set[str]) -> Iterator[SetLabel]:
    for row in step.manual_labels:
        words = [word for category in row.labels.values() for word in category]
        known = [word.lower() for word in words if word.lower() in set(Label)]
        unknown.update(word for word in words if word.lower() not in set(Label))
        if known:
            yield SetLabel(row.unit_id, Label(known[0]))


def _removals(step: _Step) -> Iterator[Remove]:
    return (Remove(unit) for unit in step.removed)


def _merges(step: _Step) -> Iterator[Merge]:
    return (Merge(tuple(merge.unit_ids), merge.new_unit_id) for merge in step.merges)


def _split(split: _Split, before: Membership) -> Split:
    n_spikes = int(np.count_nonzero(before.unit == split.unit_id))
    part = (
        _part_of_labels(split.labels or []) if split.mode == "labels" else _part(split.indices or [], n_spikes, split)
    )
    new = None if split.new_unit_ids is None else tuple(split.new_unit_ids)
    return Split(split.unit_id, part, new)


def _part_of_labels(labels: Sequence[int]) -> I64:
    return np.unique(np.array(labels, np.int64), return_inverse=True)[1].astype(np.int64)


def _part(groups: Sequence[Sequence[int]], n_spikes: int, split: _Split) -> I64:
    """Part of each spike of a unit from lists of its spikes; those in no list are one more part."""
    part = np.full(n_spikes, len(groups), np.int64)
    for k, group in enumerate(groups):
        rows = np.array(group, np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < n_spikes:
            raise InputError(f"The split of unit {split.unit_id} names spike {rows.max()}; the unit has {n_spikes}.")
        part[rows] = k
    return part
