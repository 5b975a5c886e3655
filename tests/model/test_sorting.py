"""Sorting and its parts: what is asked of them by name, and how they print."""

from __future__ import annotations

import csv
import io
import json
import pickle
import sys
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from make_motion import make_motion, make_moving_sorting
from make_sorting import SAMPLING_HZ, make_probe, make_sorting

from spikesieve.errors import InputError
from spikesieve.model import DriftDecision, Label, Motion, Sorting, Spikes, Templates, Unit


@pytest.fixture(scope="module")
def sorting() -> Sorting:
    return make_sorting(n_units=6)


def test_spike_trains_are_those_of_each_unit_in_order(sorting):
    assert sorting.unit_ids.tolist() == list(range(6))
    assert sorting.unit_ids.dtype == np.int64
    trains = [sorting.spike_train(unit) for unit in sorting.unit_ids]
    assert sum(map(len, trains)) == len(sorting.spikes)
    for unit, train in enumerate(trains):
        assert train.dtype == np.int64
        assert train.tolist() == [
            s for s, k in zip(sorting.spikes.sample, sorting.spikes.unit, strict=True) if k == unit
        ]
        np.testing.assert_allclose(sorting.spike_train(unit, unit="s") * SAMPLING_HZ, train)


def test_a_spike_train_is_found_by_the_number_of_its_unit_not_by_its_row(sorting):
    numbered = replace(sorting, units=tuple(replace(unit, unit=10 + unit.unit) for unit in sorting.units))
    np.testing.assert_array_equal(numbered.spike_train(13), sorting.spike_train(3))


@pytest.mark.parametrize("unit_id", [-1, 6, 2.5, "good"])
def test_an_unknown_unit_is_refused(sorting, unit_id):
    with pytest.raises(InputError, match=r"There is no unit .*6 units, 0 to 5"):
        sorting.spike_train(unit_id)


def test_times_in_an_unknown_unit_and_a_sorting_without_units_are_refused(sorting):
    with pytest.raises(InputError, match='"samples" or in seconds, "s"'):
        sorting.spike_train(0, unit="ms")
    with pytest.raises(InputError, match="has no units"):
        make_sorting(n_units=0).spike_train(0)


@pytest.mark.parametrize("n_units", [0, 6])
def test_the_dataframe_has_a_row_a_unit_and_a_column_a_fact(n_units):
    sorting = make_sorting(n_units=n_units)
    table = sorting.to_dataframe()
    assert list(table.columns) == [field.name for field in fields(Unit)]
    assert len(table) == n_units
    for row, unit in zip(table.to_dict("records"), sorting.units, strict=True):
        for name, value in row.items():
            wanted = getattr(unit, name)
            assert pd.isna(value) if wanted is None else value == wanted, name
    kinds = {
        "unit": "int64",
        "n_spikes": "int64",
        "snr": "float64",
        "contamination": "float64",
        "nearest_unit": "Int64",
    }
    assert {name: str(table[name].dtype) for name in kinds} == kinds
    assert all(type(label) is str for label in table["label"])


def test_without_pandas_the_dataframe_says_how_to_get_it(sorting, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        sorting.to_dataframe()


def test_a_sorting_and_its_parts_print_in_a_few_lines():
    sorting = make_moving_sorting(2, decisions=("use", "refuse"))
    lines = repr(sorting).splitlines()
    assert lines[0] == "Sorting: 8 units (4 good, 2 mua, 2 noise), 2,000 spikes in 20 s at 30000 Hz"
    assert lines[1] == "  Probe 'made-up': 48 contacts on 2 shanks, x 11 to 293 µm, y 0 to 460 µm"
    assert lines[2:5] == [
        "  Motion of 2 shanks: 20 times from 0.5 to 19.5 s, 3 depths",
        "    shank 0: use, up to 9.0 µm",
        "    shank 2: refuse, treated as still",
    ]
    assert lines[5:] == ["  1 note in .notes"]
    assert repr(sorting.templates) == (
        "Templates: 8 units, 61 samples each with the spike at sample 20, on up to 10 contacts"
    )
    first, last = sorting.spikes.sample[[0, -1]]
    assert repr(sorting.spikes) == f"Spikes: 2,000 spikes of 8 units, samples {first} to {last}"
    assert len(repr(make_sorting(n_units=0))) < 300
    assert repr(make_sorting(n_units=0).spikes) == "Spikes: 0 spikes of 0 units"


def test_no_array_is_printed():
    sorting = replace(make_moving_sorting(2), probe=make_probe(384))
    for part in (sorting, sorting.probe, sorting.spikes, sorting.templates, sorting.motion):
        assert isinstance(part, Sorting | Spikes | Templates | Motion) or part is sorting.probe
        assert len(repr(part)) < 600
        assert "array" not in repr(part)


# labels and decisions


@pytest.mark.parametrize("kind", [Label, DriftDecision])
def test_labels_and_decisions_are_their_texts_wherever_they_are_written(kind):
    texts = {Label: ["good", "mua", "noise"], DriftDecision: ["use", "rigid", "refuse"]}[kind]
    assert list(kind) == texts
    file = io.StringIO()
    csv.writer(file).writerow(kind)
    assert file.getvalue() == ",".join(texts) + "\r\n"
    assert json.loads(json.dumps(list(kind))) == texts
    assert [f"{text}" for text in kind] == [str(text) for text in kind] == texts
    assert np.array(list(kind)).tolist() == texts
    assert dict.fromkeys(kind, 1) == dict.fromkeys(texts, 1)
    assert pickle.loads(pickle.dumps(list(kind))) == texts  # noqa: S301


def test_a_text_becomes_a_label_and_a_decision(sorting):
    unit = replace(sorting.units[0], label="mua")
    assert unit.label is Label.MUA
    assert make_motion(2, decisions=("rigid", "use")).decisions == (DriftDecision.RIGID, DriftDecision.USE)
    with pytest.raises(InputError, match=r"'fine' is unknown. A label is one of good, mua, noise"):
        replace(unit, label="fine")
    with pytest.raises(InputError, match=r"'maybe' is unknown. A decision is one of use, rigid, refuse"):
        make_motion(decisions=("maybe",))
