"""What the sorting page may ask for, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stub_sorts
from app_server import Client
from make_sorting import make_sorting, write_raw
from small_files import HZ
from sorting_page import N_CHANNELS, READING, Sorting, lab, raw_of, sorting_in_thread

from spikesieve.api import sort_queue
from spikesieve.api.sorting_page import show, verbs
from spikesieve.app import security
from spikesieve.app.page_files import PAGE_FILES
from spikesieve.app.security import VIEWER
from spikesieve.batch.order import FROZEN_PLAN
from spikesieve.batch.plan import write_plan
from spikesieve.batch.state import Place, RowState
from spikesieve.io.results.phy import write_phy

ATTACKS = {
    "foreign_host": ("GET", "/api/show/sorts", {"Host": "evil.example"}),
    "foreign_origin": ("POST", "/api/ask/start", {"Origin": "http://evil.example"}),
    "foreign_fetch": ("GET", "/api/show/sorts", {"Sec-Fetch-Site": "cross-site"}),
    "plain_form": ("POST", "/api/ask/start", {"Content-Type": "text/plain"}),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab(tmp_path_factory.mktemp("data"), 1.0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose sorts would have been started."""
    folders: list[Path] = []
    monkeypatch.setattr(verbs, "start_queue", folders.append)
    return folders


@pytest.fixture
def page(root: Path, tmp_path: Path, started: list[Path]) -> Iterator[Sorting]:
    with sorting_in_thread(root, tmp_path / "state") as page:
        yield page


def recording(root: Path, **reading: Any) -> dict[str, Any]:
    return {"paths": [str(root / "day.bin")], **READING, **reading}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_guard_refuses_and_nothing_else_would(page: Sorting, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, path, headers = ATTACKS[name]
    content = {} if method == "POST" else None
    assert page.client.ask(method, path, content, headers).status == 403
    monkeypatch.setattr(security, "GUARDS", tuple(one for one in security.GUARDS if one.__name__ != name))
    assert page.client.ask(method, path, content, headers).status == 200


def all_verbs(page: Sorting) -> list[str]:
    return [*page.desk.looking(), *page.desk.acting(), "open"]


def test_without_the_cookie_nothing_is_told_or_done(page: Sorting) -> None:
    assert page.client.ask("GET", "/api/show/sorts", cookie=False).status == 401
    for verb in all_verbs(page):
        assert page.client.ask("POST", f"/api/ask/{verb}", {}, cookie=False).status == 401, verb


def test_who_looks_on_sees_the_sorts_and_no_folder(page: Sorting) -> None:
    viewer = Client(page.client.port).log_in(page.secrets.tokens[VIEWER])
    assert viewer.get("/api/show/sorts")["role"] == "viewer"
    for verb in all_verbs(page):
        assert viewer.ask("POST", f"/api/ask/{verb}", {}).status == 403, verb


def test_read_only_looks_but_starts_and_stops_nothing(root: Path, tmp_path: Path, started: list[Path]) -> None:
    with sorting_in_thread(root, tmp_path / "state", read_only=True) as page:
        assert page.ask("browse", path=str(root)).status == 200
        asked = {"recording": recording(root), "out": str(root / "out")}
        for verb in page.desk.acting():
            assert page.ask(verb, **asked).status == 403, verb
    assert not started


@pytest.mark.parametrize(
    "path", ["/etc", "/etc/passwd", "{root}/..", "{root}/../other/x.bin", "{root}/.hidden", "day.bin"]
)
def test_no_path_outside_the_roots_reaches_a_verb(page: Sorting, root: Path, path: str) -> None:
    named = path.format(root=root)
    inside = recording(root)
    for verb, content in {
        "browse": {"path": named},
        "describe": {"paths": [named], **READING},
        "command": {"recording": inside, "out": named},
        "sort": {"recording": inside, "out": named},
        "open": {"path": named},
    }.items():
        answer = page.ask(verb, **content)
        assert answer.status == 422, verb
        assert "not in a folder that was opened" in answer.json["error"] or "no absolute path" in answer.json["error"]
    for spec in (named, f"{named}.json", f"{named}/p.prb"):
        answer = page.ask("describe", **{**inside, "probe": spec})
        assert answer.status == 422
        assert "opened" in answer.json["error"] or "absolute" in answer.json["error"]
    assert not page.desk.jobs.listed()


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/%2e%2e/guarded.py", "/sort/../index.html", "/.git", "/sort"])
def test_no_file_but_those_of_the_page(page: Sorting, path: str) -> None:
    assert page.client.ask("GET", path).status in (400, 404)


def test_the_page_needs_nothing_that_the_policy_forbids(page: Sorting) -> None:
    answer = page.client.ask("GET", "/", cookie=False)
    assert answer.content == PAGE_FILES["sort.html"].content
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for forbidden in (b"style=", b"onclick", b"<style", b"http://", b"https://"):
        assert forbidden not in answer.content


def test_a_sort_of_another_folder_is_neither_shown_nor_touched(page: Sorting) -> None:
    key = page.desk.jobs.add("x", ("/elsewhere/x.bin",), "/elsewhere/out", ("sort", "x"))
    assert page.client.get("/api/show/sorts")["sorts"] == []
    for verb in ("stop", "go-on", "forget", "log"):
        assert page.ask(verb, key=key).status == 422
    assert page.desk.jobs.state(key) == "waiting"


def test_no_value_becomes_an_option(page: Sorting, root: Path) -> None:
    asked = {"recording": recording(root, stream="--overwrite"), "out": str(root / "--out")}
    words = page.ask("command", **asked).json["command"].split()
    assert "--overwrite" not in words
    assert "--stream=--overwrite" in words
    for wrong in ({"memory": "--x"}, {"n_jobs": "-1"}, {"settings": {"--x": 1}}, {"more": 1}):
        assert page.ask("command", **{**asked, **wrong}).status == 422, wrong


def test_what_the_recording_is(page: Sorting, root: Path) -> None:
    facts = page.ask("describe", **recording(root)).json
    assert facts["problem"] is None
    assert facts["contacts"]["channel"] == list(range(N_CHANNELS))
    assert facts["out"] == str(root / "day_sorted")
    assert page.ask("describe", paths=[str(root / "day.bin")]).status == 422


def test_a_wrong_number_of_channels_is_noticed_before_sorting(page: Sorting, root: Path) -> None:
    traces = np.random.default_rng(0).standard_normal((60_000, 6)).cumsum(axis=0).astype(np.int16)
    write = root / "six.bin"
    traces.tofile(write)
    facts = page.ask("describe", **{**READING, "paths": [str(write)], "n_channels": 8, "probe": "linear:8:25"}).json
    write.unlink()
    assert "it seems to have 6 channels" in facts["problem"]


def test_settings_are_checked_exported_and_imported(page: Sorting) -> None:
    values = {"detect.threshold": 7.5, "engine.block_samples": 1, "fit.learning_duration_s": 60}
    checked = page.ask("check", values=values).json
    assert list(checked["wrong"]) == ["engine.block_samples"]
    again = page.ask("import", name="my.toml", text=checked["toml"]).json["values"]
    assert again == {"detect.threshold": 7.5, "fit.learning_duration_s": 60.0}
    kilosort = page.ask("import", name="settings.json", text=json.dumps({"Th_universal": 8})).json["values"]
    assert kilosort == {"method": "kilosort4", "detect.threshold": 8.0}
    assert page.ask("import", name="x.toml", text="Th_univrsal = 8").status == 422
    assert "does not use it" in page.ask("check", values={"match.threshold": 7}).json["unused"]


def test_a_sort_waits_and_is_stopped_goes_on_and_is_forgotten(page: Sorting, root: Path, started: list[Path]) -> None:
    settings = {"detect.threshold": 8, "input.bad_channels": [3], "preprocess.bad_contacts": "keep"}
    reading = {"time_range_s": [0, 0.5], "exclude_s": [[0.1, 0.2]]}
    asked = {"recording": recording(root, **reading), "out": str(root / "o"), "settings": settings}
    key = page.ask("sort", **asked).json["key"]
    assert started == [page.desk.jobs.folder]
    (sort,) = page.client.get("/api/show/sorts")["sorts"]
    assert (sort["key"], sort["state"]) == (key, "waiting")
    assert (
        sort["command"]
        == page.ask("command", **asked).json["command"]
        == (
            f"spikesieve sort {root}/day.bin --probe=linear:4:25 --channels=4 --sampling-hz=30000.0 --gain-uv=1.0 "
            f"--time-range=0.0:0.5 --out={root}/o --exclude=0.1:0.2 '--set=input.bad_channels=[3]' "
            "--set=preprocess.bad_contacts=keep --set=detect.threshold=8.0"
        )
    )
    assert page.ask("sort", **asked).status == 422
    assert page.ask("stop", key=key).json["sorts"][0]["state"] == "ended"
    assert page.ask("go-on", key=key).json["sorts"][0]["state"] == "waiting"
    assert page.ask("describe", **recording(root)).json["out"] == str(root / "day_sorted")
    assert page.ask("forget", key=key).json["sorts"] == []


def test_a_probe_from_a_table(page: Sorting, root: Path) -> None:
    table = "channel,x,y,shank\n0,0,0,0\n1,0,25,0\n3,300,0,1\n2,300,25,1"
    facts = page.ask("describe", **recording(root, probe="", probe_table=table)).json
    assert facts["contacts"]["channel"] == [0, 1, 3, 2]
    assert facts["contacts"]["shank"] == [0, 0, 1, 1]
    command = page.ask("command", recording=recording(root, probe="", probe_table=table), out=str(root / "o")).json
    assert f"--probe={page.desk.probes}" in command["command"]
    for wrong, why in {
        "0 0 0\n1 0": "Line 2",
        "0 0 0\n0 0 25": "twice",
        "0 0 0\n1 0 0": "same position",
        "0 0 inf": "infinite",
        "channel x y": "no contact",
        "0.5 0 0": "whole",
        "0 0 0\n9 0 25": "channel 9",
    }.items():
        answer = page.ask("describe", **recording(root, probe="", probe_table=wrong))
        said = answer.json["error"] if answer.status == 422 else answer.json["problem"]
        assert why in said, wrong


def test_a_result_opens_beside_the_page_with_secrets_of_its_own(page: Sorting, root: Path) -> None:
    sorting, out = make_sorting(6, 1500), root / "phy"
    out.mkdir(exist_ok=True)
    write_phy(out, sorting, write_raw(root / "raw.bin", sorting))
    address = page.ask("open", path=str(out)).json["address"]
    assert page.ask("open", path=str(out)).json["address"] == address
    below, _, token = address.partition("#t=")
    assert page.client.ask("GET", f"/{below}").content == PAGE_FILES["index.html"].content
    assert page.client.ask("GET", f"/{below}api/start").status == 401  # the cookie of the sorting page is not enough
    login = page.client.ask("POST", f"/{below}api/login", {"token": token}, cookie=False)
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    assert len(page.client.ask("GET", f"/{below}api/start", headers=cookie, cookie=False).json["units"]) == 6
    assert page.client.ask("GET", "/api/show/sorts", headers=cookie, cookie=False).status == 401
    assert page.client.ask("GET", f"/{below}api/start", headers={**cookie, "Host": "evil.example"}).status == 403
    assert page.client.ask("GET", "/result/99/api/start").status == 404
    assert page.ask("open", path=str(root)).status == 422


def test_a_batch_is_shown_and_only_in_the_folders_of_the_page(page: Sorting, root: Path, tmp_path: Path) -> None:
    planned = stub_sorts.rows(root, 2, root / "week")
    write_plan(planned, root / "week" / FROZEN_PLAN)
    write_plan(planned, tmp_path / "week" / FROZEN_PLAN)
    Place(root / "week").write_state(planned[1], RowState("running", step="match", n_done=1, n_total=4))
    (listed,) = [one for one in page.ask("browse", path=str(root)).json["entries"] if one["kind"] == "batch"]
    assert listed["name"] == "week"
    assert page.ask("browse", path=str(root / "week")).json["is_batch"]
    facts = page.ask("batch", path=str(root / "week")).json
    assert [row["step"] for row in facts["rows"]] == ["match", ""]
    assert page.ask("batch", path=str(tmp_path / "week")).status == 422
    assert page.ask("batch", path=str(root)).status == 422


def test_the_queue_can_be_worked_off_by_one_process_only(tmp_path: Path) -> None:
    jobs = verbs.Jobs(tmp_path)
    with sort_queue.Lock(tmp_path):
        jobs.add("x", ("x",), "x", ("sort", "x"))
        sort_queue.run_queue(tmp_path)  # returns at once
    assert jobs.next_waiting() is not None


def test_a_sort_that_is_added_while_the_queue_ends_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, ran = verbs.Jobs(tmp_path), []

    def run(found: verbs.Jobs) -> bool:
        """Works off what waits; the first time a sort is added after the last look."""
        key = found.next_waiting()
        ran.append(key)
        if key is None and len(ran) == 1:
            jobs.add("x", ("x",), "x", ("sort", "x"))
        if key is not None:
            found.forget(key)
        return key is not None

    monkeypatch.setattr(sort_queue, "_one_more", run)
    sort_queue.run_queue(tmp_path)
    assert [key is None for key in ran] == [True, False, True]
    assert jobs.next_waiting() is None


class Ended:
    """In place of a sort: a process that ends at once with status 0."""

    def __init__(self, words: tuple[str, ...], output: Path) -> None:
        self.out = words[4]
        self._process = subprocess.Popen([sys.executable, "-c", ""])
        self.pid = self._process.pid

    def wait(self) -> int:
        return self._process.wait()


def test_a_sort_that_is_removed_as_it_ends_does_not_end_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, ran = verbs.Jobs(tmp_path), []
    first, second = (jobs.add(name, (name,), name, ("sort", name)) for name in ("a", "b"))

    class Removed(Ended):
        def wait(self) -> int:
            """Ends; meanwhile somebody takes the first one out of the list."""
            status = super().wait()
            ran.append(self.out)
            if len(ran) == 1:
                jobs.forget(first)
            return status

    monkeypatch.setattr(sort_queue, "_detached", Removed)
    sort_queue.run_queue(tmp_path)
    assert ran == ["a", "b"]
    assert jobs.states() == {second: "done"}


def test_a_sort_that_goes_on_before_its_earlier_process_is_cleared_away_is_not_ended_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, ran = verbs.Jobs(tmp_path), []
    key = jobs.add("a", ("a",), "a", ("sort", "a"))

    class StoppedAndGoesOn(Ended):
        def wait(self) -> int:
            """The first one is killed by a stop, and goes on before the queue hears of its end."""
            ran.append(super().wait())
            if len(ran) == 1:
                jobs.stop(key)
                jobs.wait_again(key)
                return -15
            return 0

    monkeypatch.setattr(sort_queue, "_detached", StoppedAndGoesOn)
    sort_queue.run_queue(tmp_path)
    assert len(ran) == 2
    assert jobs.state(key) == "done"


def test_a_sort_that_is_stopped_while_it_starts_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = verbs.Jobs(tmp_path)
    key = jobs.add("a", ("a",), "a", ("sort", "a"))

    def stopped_meanwhile(words: tuple[str, ...], output: Path) -> subprocess.Popen[bytes]:
        jobs.stop(key)
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    monkeypatch.setattr(sort_queue, "_detached", stopped_meanwhile)
    sort_queue.run_queue(tmp_path)
    assert jobs.state(key) == "ended"


def test_the_recording_of_these_tests_has_spikes(root: Path) -> None:
    assert raw_of(root).min() < -100
    assert len(raw_of(root)) == HZ


@pytest.mark.parametrize("read_only", [False, True])
def test_kernels_are_compiled_while_the_page_is_filled_in(
    read_only: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[None] = []
    monkeypatch.setattr(show, "compiling", lambda: nullcontext(begun.append(None)))
    monkeypatch.setattr(show, "state_folder", lambda: tmp_path / "state")
    seen: list[int] = []
    monkeypatch.setattr(show, "run", lambda *pages: seen.append(len(begun)))
    show.show_sorting_page((tmp_path,), ("127.0.0.1", 0), (), read_only, lambda line: None, lambda folder: {})
    assert seen == [0 if read_only else 1]
