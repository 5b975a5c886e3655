"""What the queue found is kept for the next start, as far as the spikes are the same; pages come before it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from refractory_neurons import neurons

from spikesieve.app.decisions import Asked
from spikesieve.app.quiet import Patience, Quiet
from spikesieve.app.session import Session
from spikesieve.curation.history import History
from spikesieve.views.result import Result


@pytest.fixture(scope="module")
def result() -> Result:
    """One neuron in units 0 and 1, one in unit 2, one in unit 3."""
    return neurons([0, 1, 2], halves=True)


def session_of(result: Result, *merged: int) -> Session:
    session = Session(result, History.of(result.units), lambda entry: None)
    if merged:
        session.decide(Asked(do="merge", units=list(merged), seq=0, request="m"))
    return session


def looked_at_again(session: Session, monkeypatch: pytest.MonkeyPatch, kept: Any) -> list[int]:
    seen: list[int] = []
    monkeypatch.setattr(session.queue, "_doubt", seen.append)
    session.queue.take(json.loads(json.dumps(kept)))
    session.queue.all()
    return seen


def test_nothing_is_looked_at_twice(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = session_of(result, 2, 3), session_of(result, 2, 3)
    found = first.queue.all()
    assert {one.kind for one in found} == {"merge", "split"}
    assert looked_at_again(again, monkeypatch, first.queue.known()) == []
    assert again.queue.found().suggestions == found


def test_what_is_not_the_same_is_looked_at(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other, more = session_of(result, 2, 3), session_of(result, 1, 3), session_of(result, 2, 3)
    first.queue.all()
    kept = first.queue.known()
    new = max(first.known_units)
    assert looked_at_again(other, monkeypatch, kept) == [new, 2]  # which the first one joined before it was looked at
    more.decide(Asked(do="merge", units=[0, new], seq=1, request="n"))
    assert looked_at_again(more, monkeypatch, kept) == [new + 1]


def test_what_was_found_is_kept_at_the_end(result: Result) -> None:
    session, kept = session_of(result), list[dict[str, Any]]()
    session.queue.keep = kept.append
    session.queue.found()
    session.queue.stop()
    assert len(kept) == 1


@pytest.mark.parametrize(
    "patience",
    [Patience(0.01, 60.0), Patience(60.0, 0.0, then=Patience(0.01, 60.0))],
    ids=["soon", "after long waiting"],
)
def test_work_in_the_background_waits_for_the_page(patience: Patience) -> None:
    quiet, began = Quiet(), threading.Event()

    def work() -> None:
        with quiet.turn(threading.Event(), patience):
            began.set()

    worker = threading.Thread(target=work)
    with quiet.answering():
        worker.start()
        time.sleep(0.2)
        assert not began.is_set()
    worker.join(30)
    assert began.is_set()


def test_it_does_not_wait_for_ever_nor_for_the_end() -> None:
    quiet, stopped = Quiet(), threading.Event()
    stopped.set()
    with quiet.answering(), quiet.turn(stopped, Patience(0.4, 1e9)):
        pass
    with quiet.answering(), quiet.turn(threading.Event(), Patience(0.4, 0.0)):
        pass


def test_what_was_taken_back_is_not_compared_with_the_rest(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(result, 2, 3)
    compared: list[tuple[int, int]] = []

    def compare(other: int, unit: int) -> None:
        if unit == 4:
            session.decide(Asked(do="undo", seq=1, request="u"))
        compared.append((other, unit))

    monkeypatch.setattr(session.queue, "_compare", compare)
    monkeypatch.setattr(type(session), "near", lambda self, unit, among: list(among))
    session.queue.all()
    assert [pair for pair in compared if pair[1] == 4] == [(0, 4)]
    assert len(compared) == 1 + 6
    session.decide(Asked(do="redo", seq=2, request="r"))
    assert session.queue.found().n_waiting == 1
