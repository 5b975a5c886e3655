"""What is worth a look: halves of a neuron, two neurons in a unit, and not the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.app.session import Session
from spikesieve.curation.actions import Membership
from spikesieve.curation.history import Entry, History, Reject, Step
from spikesieve.model import Label
from spikesieve.views.result import Result
from spikesieve.views.scatter import coordinates, inside
from spikesieve.views.suggestions import unit_suggestion

SECONDS, HZ = 120, 30_000


def refractory_train(rng: np.random.Generator, rate_hz: float) -> np.ndarray:
    gaps_s = 0.004 + rng.exponential(1 / rate_hz - 0.004, int(2 * SECONDS * rate_hz))
    times = np.cumsum(gaps_s)
    return (times[times < SECONDS] * HZ).astype(np.int64)


def neurons(unit_of_neuron: list[int], halves: bool = False) -> Result:
    """A result with refractory neurons, each in a unit; with `halves` the spikes of the first are in units 0 and 1."""
    rng = np.random.default_rng(3)
    sorting = make_sorting(max(unit_of_neuron) + 1 + halves, 500)
    trains = [refractory_train(rng, 20.0) for _ in unit_of_neuron]
    sample = np.concatenate(trains)
    neuron = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    order = np.argsort(sample, kind="stable")
    sample, neuron = sample[order], neuron[order]
    unit = np.array(unit_of_neuron)[neuron] + halves * (neuron > 0)
    if halves:
        unit = np.where(neuron == 0, rng.integers(0, 2, len(unit)), unit)
    # Neurons of one unit differ in amplitude.
    amplitude = rng.normal(60 + 60 * neuron, 6).astype(np.float32)
    result = of_sorting(sorting, "made-up")
    time = replace(result.time, segments=((0, SECONDS * HZ),))
    ids = range(int(unit.max()) + 1)
    return replace(
        result,
        sample=sample,
        template=np.zeros(len(sample), np.int32) if halves else unit.astype(np.int32),
        units=Membership.of_spikes(unit, ids, len(ids)),
        amplitude=amplitude,
        position_um=np.zeros((len(sample), 2), np.float32),
        time=time,
        sorting=None,
        described={},
    )


def session(result: Result) -> Session:
    return Session(result, History.of(result.units), lambda entry: None)


def test_halves_of_a_neuron_are_suggested_until_they_are_rejected() -> None:
    shown = session(neurons([0, 1], halves=True))
    merges = [one for one in shown.suggestions() if one.kind == "merge"]
    assert [one.units for one in merges] == [(0, 1)]
    assert "refractory" in merges[0].evidence
    shown.take(Step("reject", (), (Reject((1, 0)),)), "person")
    assert not [one for one in shown.suggestions() if one.kind == "merge"]


def test_two_neurons_in_a_unit_are_suggested_with_the_lasso_that_parts_them() -> None:
    result = neurons([0, 0])
    rows = result.units.rows[0]
    row = session(result).facts(0).row
    found = unit_suggestion(result, row, rows)
    assert found is not None
    assert (found.kind, found.units) == ("split", (0,))
    assert found.lasso is not None
    chosen = inside(*coordinates(result, rows, found.lasso.kind), np.array(found.lasso.corners))
    assert result.amplitude is not None
    is_second = result.amplitude[rows] > 90
    assert (chosen == is_second).mean() > 0.9


def test_good_units_are_not_worth_a_look() -> None:
    shown = session(neurons([0, 1, 2]))
    assert {shown.label(unit) for unit in shown.units.ids} == {Label.GOOD}
    assert shown.suggestions() == []


def test_a_label_by_hand_ends_the_doubt() -> None:
    shown = session(neurons([0, 0]))
    assert [one.units for one in shown.suggestions()] == [(0,)]
    entry = Entry(1, "", "", Step("reject", (), (Reject((0,)),)))
    assert session_with(shown, entry).suggestions() == []


def session_with(shown: Session, entry: Entry) -> Session:
    return Session(shown.result, shown.history.then(entry))
