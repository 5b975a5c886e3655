"""A server that is killed at any moment loses nothing that it has acknowledged."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from app_server import Client, Process, membership, small_result
from refractory_neurons import neurons

from spikesieve.api.app import open_session
from spikesieve.app.decisions import Asked
from spikesieve.app.session import Session
from spikesieve.curation.history import replay

N_DECISIONS, N_KILLS = 40, 3


def decision(chance: random.Random, start: dict[str, Any]) -> dict[str, Any]:
    """Any decision that fits the units, most of them possible."""
    units = [row["unit"] for row in start["units"]]
    low, high = sorted(chance.uniform(0, 200) for _ in range(2))
    corners = [[0.0, low], [20.0, low], [20.0, high], [0.0, high]]
    lasso = {"kind": "amplitude", "corners": corners}
    match chance.choice(["merge", "split", "split", "label", "text", "undo", "undo", "redo", "go back", "reject"]):
        case "merge":
            return {"do": "merge", "units": chance.sample(units, min(2, len(units)))}
        case "split":
            return {"do": "split", "units": [chance.choice(units)], "lasso": lasso}
        case "label":
            return {"do": "label", "units": [chance.choice(units)], "label": chance.choice(["good", "noise", None])}
        case "text":
            return {"do": "text", "units": [chance.choice(units)], "text": str(chance.random())}
        case "go back":
            return {"do": "go back", "target": chance.randint(0, start["seq"])}
        case "reject":
            return {"do": "reject", "units": units[:2]}
        case what:
            return {"do": what}


def acknowledged(client: Client, request: dict[str, Any]) -> bool:
    return client.ask("POST", "/api/act", request).status == 200


def reopened(folder: Path) -> tuple[Session, list[str]]:
    said: list[str] = []
    with ExitStack() as stack:
        return open_session(small_result(), folder, False, stack, said.append), said


def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    chance = random.Random(1)
    done: list[dict[str, Any]] = []
    for kill in range(N_KILLS):
        server = Process(tmp_path)
        for _ in range(N_DECISIONS // N_KILLS):
            start = server.client.get("/api/start")
            request = {**decision(chance, start), "seq": start["seq"], "request": f"{kill}-{chance.random()}"}
            if acknowledged(server.client, request):
                done.append(request)
        # Killed while it works.
        start = server.client.get("/api/start")
        last = {**decision(chance, start), "seq": start["seq"], "request": f"last-{kill}"}
        sender = threading.Thread(target=_try, args=(server.client, last))
        sender.start()
        sender.join(chance.uniform(0, 0.02))
        server.kill()
        sender.join()
        session, _ = reopened(tmp_path)
        requests = [entry.request for entry in session.history.entries]
        missing = [one["request"] for one in done if one["request"] not in requests]
        assert not missing
        if last["request"] in requests:  # written, but not acknowledged: it counts
            done.append(last)
    assert len(done) > N_DECISIONS // 2
    # The same decisions, one after the other and without a kill, lead to the same units.
    straight = Session(small_result(), replay(small_result().units, ()), lambda entry: None)
    for request in done:
        straight.decide(Asked.model_validate(request | {"request": f"{len(straight.history.entries)}"}))
    assert membership(straight) == membership(session)
    assert straight.units.labels == session.units.labels
    assert straight.units.texts == session.units.texts


def _try(client: Client, request: dict[str, Any]) -> None:
    with suppress(OSError, HTTPException):
        acknowledged(client, request)


def test_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    server = Process(tmp_path)
    assert server.client.act("label", 0, "a", units=[0], label="noise").status == 200
    assert server.stop() == 0
    again = Process(tmp_path)
    assert "Goes on after 1 decision" in " ".join(again.said)
    assert again.client.get("/api/start")["units"][0]["label"] == "noise"
    again.kill()


def test_what_was_rejected_stays_rejected_after_a_restart(tmp_path: Path) -> None:
    result = neurons([0, 1], halves=True)
    for n_suggested in (1, 0):
        with ExitStack() as stack:
            session = open_session(result, tmp_path, False, stack, print)
            merges = [one.units for one in session.queue.all() if one.kind == "merge"]
            assert len(merges) == n_suggested
            if merges:
                session.decide(Asked(do="reject", units=list(merges[0]), seq=0, request="a"))
