"""What the page is told of units, in a range of time or in all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from app_server import Running, kept_in_memory, small_result

from spikesieve.app.wire import ALIGN, MAGIC, message


def decoded(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """As wire.js does it."""
    magic, length = np.frombuffer(content, "<u4", 2)
    assert magic == MAGIC
    head = json.loads(content[8 : 8 + length])
    start = 8 + int(length)
    assert start % ALIGN == 0
    arrays = {}
    for one in head["arrays"]:
        size = int(np.prod(one["shape"]))
        assert one["offset"] % ALIGN == 0
        array = np.frombuffer(content, one["dtype"], size, start + one["offset"])
        arrays[one["name"]] = array.reshape(one["shape"])
    return arrays, head["facts"]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with kept_in_memory(small_result()) as running:
        yield running


def get(running: Running, path: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    answer = running.client.ask("GET", f"/api/{path}")
    assert answer.status == 200, answer
    assert "immutable" in answer.headers["cache-control"]
    return decoded(answer.content)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64", "float32", "float64"])
def test_a_message_brings_arrays_as_they_are(dtype: str) -> None:
    array = np.arange(35).reshape(5, 7).astype(dtype)
    arrays, facts = decoded(message({"a": array, "b": array[:0]}, {"say": float("nan")}))
    np.testing.assert_array_equal(arrays["a"], array)
    assert arrays["b"].shape == (0, 7)
    assert facts == {"say": None}


def test_a_unit_has_all_its_spikes(running: Running) -> None:
    rows = running.served.session.rows(2)
    arrays, facts = get(running, "unit/2")
    assert facts["n_spikes"] == len(rows)
    assert arrays["waveform_uv"].shape == (len(arrays["contacts"]), 61)
    arrays, facts = get(running, "scatter?units=2,3&kind=amplitude&w=10&h=10")
    assert arrays["points_0"].shape == (2, len(rows))
    (left, right), (bottom, top) = facts["frame"]["x"], facts["frame"]["y"]
    for x, y in (arrays["points_0"], arrays["points_1"]):
        assert ((left <= x) & (x <= right) & (bottom <= y) & (y <= top)).all()
    assert bottom == 0


def test_a_range_of_time_restricts_every_view(running: Running) -> None:
    session = running.served.session
    rows, part = session.rows(2), "t0=5&t1=10"
    times = session.result.sample[rows] / 30_000
    n = int(((times >= 5) & (times <= 10)).sum())
    assert get(running, f"unit/2?{part}")[1]["n_spikes"] == n
    arrays, facts = get(running, f"scatter?units=2&kind=amplitude&w=10&h=10&{part}")
    assert arrays["points_0"].shape == (2, n)
    assert facts["frame"]["x"] == [5, 10]
    counts = get(running, f"correlograms?units=2&bin_ms=10000&n=1&{part}")[0]["counts"]
    assert counts.sum() == n * (n - 1)


def test_a_unit_that_never_was_is_not_found(running: Running) -> None:
    for path in ("unit/99", "similar/99", "scatter?units=99&kind=amplitude&w=9&h=9", "correlograms?units=99"):
        assert running.client.ask("GET", f"/api/{path}").status == 404


@pytest.mark.parametrize(
    "path", ["correlograms?units=x", "correlograms?units=1&bin_ms=nan", "correlograms", "unit/1?t0=a"]
)
def test_what_makes_no_sense_is_refused(running: Running, path: str) -> None:
    assert running.client.ask("GET", f"/api/{path}").status in (400, 404)


def test_a_merged_unit_can_still_be_asked_for(running: Running) -> None:
    n = len(running.served.session.history.entries)
    new = running.client.act("merge", n, "once", units=[3, 4]).json["new"][0]
    again = running.client.act("merge", n, "once", units=[3, 4])
    assert again.json["new"] == [new]
    assert len(running.served.session.history.entries) == n + 1
    assert get(running, "unit/3")[1]["unit"] == 3
    assert running.client.act("label", n, "behind", units=[0], label="good").status == 409


def test_the_queue_and_the_past_are_told(running: Running) -> None:
    queue = running.client.get("/api/queue")
    assert queue["n_units"] == len(running.served.session.units.ids)
    assert len(running.client.get("/api/history")["entries"]) == len(running.served.session.history.entries)


def test_spikes_in_a_lasso_move_to_another_unit() -> None:
    with kept_in_memory(small_result()) as running:
        session, client = running.served.session, running.client
        before = {k: set(rows.tolist()) for k, rows in session.units.rows.items()}
        corners = [[-1, 0], [21, 0], [21, 100], [-1, 100]]
        lasso = {"kind": "amplitude", "corners": corners}
        inside = client.ask("POST", "/api/lasso", {"units": [0], "lasso": lasso}).json["counts"]["0"][0]
        assert client.act("move", 0, "to itself", units=[0], lasso=lasso, target=0).status == 422
        assert client.act("move", 0, "a", units=[0], lasso=lasso, target=1).status == 200
        new = [set(rows.tolist()) for k, rows in session.units.rows.items() if k not in before]
        assert set.union(*new) == before[0] | before[1]
        assert sorted(map(len, new)) == sorted([len(before[0]) - inside, len(before[1]) + inside])
        assert any(before[1] < rows for rows in new)
        client.act("undo", 1, "b")
        assert {k: set(rows.tolist()) for k, rows in session.units.rows.items()} == before
