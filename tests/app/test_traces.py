"""What the server says of the traces: the numbers of the sorter, each part of them computed once."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from app_server import Answer, Running, in_thread, kept_in_memory, small_result, with_traces
from tiny import BACKEND

from spikesieve.api.traces import unfitted_source
from spikesieve.api.traces_to_show import marks_of, traces_of
from spikesieve.app.session import Session
from spikesieve.app.traces import Traces
from spikesieve.curation.history import History
from spikesieve.io.curations.marks import MARKS
from spikesieve.settings.sort import Settings
from spikesieve.views.result import Result
from spikesieve.views.sampled_overview import sampled_overview
from spikesieve.views.trace_places import Places, next_place, places_of
from spikesieve.views.trace_reader import TraceReader, span_of
from spikesieve.views.trace_tiles import TILE_SAMPLES
from spikesieve.views.traces import KINDS, display_order, raw_traces


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return with_traces(tmp_path_factory.mktemp("traces"))


@pytest.fixture(scope="module")
def running(result: Result) -> Iterator[Running]:
    with kept_in_memory(result) as running:
        yield running


def decoded(answer: Answer) -> Any:
    """The arrays and facts of a message."""
    assert answer.status == 200, answer
    length = int(np.frombuffer(answer.content[4:8], "<u4")[0])
    head, body = json.loads(answer.content[8 : 8 + length]), answer.content[8 + length :]
    arrays = {}
    for one in head["arrays"]:
        size = int(np.prod(one["shape"]))
        arrays[one["name"]] = np.frombuffer(body, one["dtype"], size, one["offset"]).reshape(one["shape"])
    return SimpleNamespace(facts=head["facts"], **arrays)


def test_a_tile_has_the_samples_of_the_file_in_the_order_of_the_screen(running: Running, result: Result) -> None:
    found = decoded(running.client.ask("GET", "/api/traces/raw/3?step=1&order=depth&first=5&n=4"))
    assert result.recording is not None
    expected = raw_traces(unfitted_source(result.recording, result.probe, Settings()), span_of(3))
    rows = display_order(result.probe, "depth")
    scale = found.facts["scale"]
    np.testing.assert_allclose(found.values * scale, expected[rows[5:9]], atol=scale)
    turned = decoded(running.client.ask("GET", "/api/traces/raw/3?step=1&order=depth&reverse=1&first=0&n=2"))
    np.testing.assert_allclose(turned.values * turned.facts["scale"], expected[rows[::-1][:2]], atol=scale)


def test_every_kind_is_shown_and_prediction_and_residual_add_up(running: Running) -> None:
    found = {}
    for kind in KINDS:
        tile = decoded(running.client.ask("GET", f"/api/traces/{kind}/2?step=1&first=0&n=24"))
        found[kind] = tile.values * tile.facts["scale"]
        assert found[kind].shape == (24, TILE_SAMPLES)
    atol = 0.01
    np.testing.assert_allclose(found["predicted"] + found["residual"], found["referenced"], atol=atol)
    np.testing.assert_allclose(found["white_predicted"] + found["white_residual"], found["whitened"], atol=atol)
    share = (found["predicted"] * found["referenced"]).sum() / (found["predicted"] ** 2).sum()
    assert 0.6 < share < 1.1  # the templates are not high-passed


def test_a_tile_is_sent_for_ever_and_what_is_none_is_refused(running: Running) -> None:
    answer = running.client.ask("GET", "/api/traces/raw/0?step=4&shape=heat")
    assert "immutable" in answer.headers["cache-control"]
    assert decoded(answer).values.shape == (24, TILE_SAMPLES // 4)
    for path in ("traces/raw/9999?step=1", "traces/raw/0?step=3", "traces/etc/0?step=1", "trace-spikes/0?units=99"):
        assert running.client.ask("GET", f"/api/{path}").status == 404, path


def test_spikes_are_those_of_the_tile(running: Running, result: Result) -> None:
    found = decoded(running.client.ask("GET", "/api/trace-spikes/2?units=1"))
    times = result.sample[result.units.rows[1]]
    start, stop = span_of(2)
    np.testing.assert_array_equal(found.sample + start, times[(times >= start) & (times < stop)])
    assert found.facts["contacts"]["1"][0] == result.described[1].chan_best
    every = decoded(running.client.ask("GET", "/api/trace-spikes/2"))
    assert len(every.sample) == ((result.sample >= start) & (result.sample < stop)).sum()


def test_jumps_go_through_all_spikes_and_violations(running: Running, result: Result) -> None:
    times, at, found = result.sample[result.units.rows[0]], -1, []
    while (answer := running.client.get(f"/api/trace-jump?what=spike&from={at}&by=1&units=0"))["sample"] is not None:
        at = answer["sample"]
        found.append(at)
    assert found == np.unique(times).tolist()
    last = running.client.get(f"/api/trace-jump?what=spike&from={at}&by=-1&units=0")
    assert last["sample"] == found[-2]
    both = [result.units.rows[0], result.units.rows[1]]
    close = np.diff(np.sort(np.concatenate([result.sample[rows] for rows in both])))
    assert len(places_of(result, "violation", both).sample) == (close < 1.5e-3 * result.time.sampling_hz).sum()
    assert places_of(result, "border", ()).sample.tolist() == [0, result.time.segments[-1][1]]


def test_a_place_is_not_found_again_from_its_middle() -> None:
    places = Places(np.array([10, 40]), np.array([20, 60]), ("one", "many"))
    first = next_place(places, 0, 1)
    assert first is not None
    assert next_place(places, first.sample, 1) == (2, 50)
    assert next_place(places, 50, 1) is None
    assert next_place(places, first.sample, -1) is None


def test_a_part_is_computed_once_and_forgotten_when_there_is_no_room(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert result.recording is not None
    reader, computed = TraceReader(unfitted_source(result.recording, result.probe, Settings()), BACKEND), []
    part = TraceReader.part

    def counted(self: TraceReader, name: Any, index: int) -> Any:
        computed.append((name, index))
        return part(self, name, index)

    monkeypatch.setattr(TraceReader, "part", counted)
    traces = Traces(lambda: reader, lambda: reader, lambda: sampled_overview(reader.source, reader.backend))
    for _ in range(2):
        traces.get("referenced", 1)
        traces.get("whitened", 1)
    assert computed == [("preprocessed", 1)]
    monkeypatch.setattr("spikesieve.app.traces.MAX_KEPT_BYTES", 1)
    traces.get("raw", 2)
    traces.get("whitened", 1)
    assert computed == [("preprocessed", 1), ("raw", 2), ("preprocessed", 1)]


def test_without_the_file_the_view_says_so(result: Result) -> None:
    with kept_in_memory(small_result()) as without:
        assert "not there" in without.client.get("/api/traces")["missing"]
        assert without.client.ask("GET", "/api/traces/raw/0?step=1").status == 404


def test_marks_stay_whatever_happens_to_the_last_line(result: Result, tmp_path: Path) -> None:
    def told(content: dict[str, Any]) -> list[dict[str, Any]]:
        session = Session(result, History.of(result.units), lambda entry: None)
        with in_thread(session, (traces_of(result, None), marks_of(tmp_path))) as running:
            answer = running.client.ask("POST", "/api/mark", content)
            assert answer.status == 200, answer
            return list(running.client.get("/api/marks")["marks"])

    assert [mark["text"] for mark in told({"sample": 900, "channel": 3, "text": "a µV"})] == ["a µV"]
    with (tmp_path / MARKS).open("ab") as file:
        file.write(b'{"number": 2, "sam')  # the machine stopped here
    marks = told({"sample": 20, "text": "earlier"})
    assert [(mark["number"], mark["text"]) for mark in marks] == [(2, "earlier"), (1, "a µV")]
    assert [mark["number"] for mark in told({"number": 1, "sample": 900, "text": ""})] == [2]
    assert len((tmp_path / MARKS).read_bytes().splitlines()) == 4
    session = Session(result, History.of(result.units), lambda entry: None)
    with in_thread(session, (None, marks_of(tmp_path))) as running:
        for wrong in ({"number": 9, "sample": 1, "text": "x"}, {"sample": -1, "text": "x"}, {"sample": 1}):
            assert running.client.ask("POST", "/api/mark", wrong).status in (400, 422)


def test_what_the_page_has_given_up_is_not_computed(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    computed, free = [], threading.Event()
    monkeypatch.setattr(Traces, "get", lambda self, kind, index: computed.append(index))
    with kept_in_memory(result) as running:
        for _ in range(2):  # as many as there are threads
            running.served.pool.submit(free.wait)
        raw = socket.create_connection(("127.0.0.1", running.client.port))
        ask = f"GET /api/traces/raw/5?step=1 HTTP/1.1\r\nHost: localhost\r\nCookie: {running.client.cookie}\r\n\r\n"
        raw.sendall(ask.encode())
        time.sleep(0.3)
        raw.close()
        time.sleep(0.3)
        free.set()
        running.client.get("/api/marks")
    assert computed == []
