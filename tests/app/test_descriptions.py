"""Units that are described later are described the same, and nothing waits for them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from app_server import small_result

from spikesieve.app import descriptions as module
from spikesieve.app.decisions import Asked
from spikesieve.app.describer import Describer, PutOffError
from spikesieve.app.session import Session
from spikesieve.curation.actions import Merge, Split
from spikesieve.curation.history import History, Step
from spikesieve.model import Unit
from spikesieve.views.columns import Columns
from spikesieve.views.result import Result
from spikesieve.views.waveforms import are_near, mean_waveform


@pytest.fixture(scope="module")
def result() -> Result:
    """As another sorter would have left it: no unit is described."""
    return replace(small_result(10, 4000), described={})


def new_session(result: Result) -> Session:
    return Session(result, History.of(result.units), lambda entry: None)


def merge(session: Session, *units: int) -> dict[str, Any]:
    seq = len(session.history.entries)
    return session.decide(Asked(do="merge", units=units, seq=seq, request=str(seq)))


def test_a_unit_of_the_result_has_its_row_without_a_waveform(monkeypatch: pytest.MonkeyPatch) -> None:
    result = small_result(3, 500)
    monkeypatch.setattr(module, "template_waveform", None)
    session = new_session(result)
    assert result.sorting is not None
    assert [session.descriptions.row(unit) for unit in session.units.ids] == list(result.sorting.units)


def test_values_of_a_merged_unit_are_those_of_its_spikes(result: Result) -> None:
    session = new_session(replace(result, columns=Columns()))
    result, rows = session.result, session.rows

    def look_at_all() -> None:
        for unit in session.units.ids:
            session.descriptions.waveform(unit)
            for take in (result.samples_of, result.templates_of, result.amplitudes_of):
                take(rows(unit))

    look_at_all()
    n = len(rows(2))
    for actions in (
        (Merge((0, 1), 10),),
        # One may keep its number, and a part may become one that is merged at once.
        (Merge((10, 3), 3),),
        (Split(2, np.arange(n) % 2, (11, 12)), Merge((4, 12), 12)),
        (Merge((3, 12, 5), 13),),
    ):
        session.take(Step("import", actions), "import")
        look_at_all()
        for unit in session.units.ids:
            np.testing.assert_array_equal(result.samples_of(rows(unit)), result.sample[rows(unit)])
            np.testing.assert_array_equal(result.templates_of(rows(unit)), result.template[rows(unit)])
            np.testing.assert_array_equal(result.amplitudes_of(rows(unit)), result.amplitude[rows(unit)])


def test_in_the_background_units_are_described_as_at_once(result: Result) -> None:
    session, told, finished = new_session(result), list[dict[str, Any]](), threading.Event()
    session.descriptions.keep = lambda known: finished.set()
    describer = Describer(session, lambda rows: told.extend(rows["described"]))
    describer.start()
    assert finished.wait(60)
    describer.stop()
    expected = new_session(result)
    assert sorted(row["unit"] for row in told) == list(session.units.ids)
    assert {row["unit"]: row for row in told} == {k: expected.table_row(k) for k in expected.units.ids}


def test_what_waits_is_in_the_table_with_what_is_known(result: Result) -> None:
    session = new_session(result)
    session.descriptions.are_made_later = True
    row, later = session.table_row(3), new_session(result).table_row(3)
    assert (row["why"], row["label"], row["contamination"]) == (module.WAITS, "", None)
    assert row.keys() == later.keys()
    for name in ("n_spikes", "firing_rate_hz", "depth_um", "file_channel", "amplitude_uv"):
        assert row[name] == later[name], name


def test_only_large_units_of_a_decision_wait(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    session = new_session(result)
    session.descriptions.are_made_later = True
    assert merge(session, 0, 1)["rows"][0]["why"] != module.WAITS
    monkeypatch.setattr("spikesieve.app.session.QUICK", 10)
    (row,) = merge(session, 2, 3)["rows"]
    assert row["why"] == module.WAITS
    assert session.descriptions.wanted.is_set()


def test_descriptions_of_an_earlier_start_are_of_the_same_spikes(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = new_session(result)
    (new,) = merge(session, 0, 1)["new"]
    for unit in (*result.units.ids, new):
        session.descriptions.row(unit)
    known = json.loads(json.dumps(session.descriptions.known()))
    again, other = new_session(result), new_session(result)
    merge(again, 0, 1)
    merge(other, 0, 2)  # the same number, other spikes
    made: list[int] = []

    def unit_row(result: Result, unit: int, *rest: Any) -> Unit:
        made.append(unit)
        return session.descriptions.row(unit)

    monkeypatch.setattr(module, "unit_row", unit_row)
    for one in (again, other):
        one.descriptions._rows.clear()
        one.descriptions.take(known)
    assert [again.descriptions.row(k) for k in (*result.units.ids, new)] == [
        session.descriptions.row(k) for k in (*result.units.ids, new)
    ]
    assert made == []
    other.descriptions.row(new)
    assert made == [new]


def test_the_waveform_of_a_template_is_the_mean_of_its_spikes(result: Result) -> None:
    session = new_session(result)
    for unit in result.units.ids:
        found, expected = session.descriptions.waveform(unit), mean_waveform(result, result.units.rows[unit])
        np.testing.assert_array_equal(found.uv, expected.uv)
        np.testing.assert_array_equal(found.contacts, expected.contacts)


def test_near_units_are_those_of_the_rule(result: Result) -> None:
    session = new_session(result)
    (new,) = merge(session, 4, 5)["new"]
    waveforms = {k: session.descriptions.waveform(k) for k in session.units.ids}
    for unit in session.units.ids:
        expected = [k for k in session.units.ids if k != unit and are_near(waveforms[unit], waveforms[k])]
        assert session.near(unit, session.units.ids) == expected
    assert new in session.units.ids


def test_a_rehearsal_ends_where_the_page_is_closed(result: Result) -> None:
    session, n_pauses = new_session(result), list[int]()

    def pause() -> None:
        n_pauses.append(1)
        if len(n_pauses) == 3:
            raise PutOffError

    with pytest.raises(PutOffError):
        session.rehearse(pause)
    assert len(n_pauses) == 3


def test_a_rehearsal_leaves_nothing_behind(result: Result) -> None:
    session, one = new_session(result), new_session(replace(result, units=History.of(result.units).units))
    session.rehearse()
    assert (session.units, session.known_units, session.history.entries) == (one.units, one.known_units, ())
    assert merge(session, 0, 1)["new"] == merge(one, 0, 1)["new"]


@pytest.mark.parametrize(
    ("n", "said"), [(8, "label 0, 1, 2, 3, 4, 5, 6, 7"), (10, "label 0, 1, 2, 3, 4, 5, 6, 7 and 2 more")]
)
def test_what_was_done_to_many_units_is_said_in_a_sentence(result: Result, n: int, said: str) -> None:
    session = new_session(result)
    done = session.decide(Asked(do="label", units=session.units.ids[:n], label="mua", seq=0, request="m"))
    assert done["entry"]["what"] == said
