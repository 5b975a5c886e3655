"""Several recordings beside one another, the comparison of two results, and what a sort shows while it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_sorting import make_sorting, write_raw
from small_files import run_sort
from sorting_page import N_CHANNELS, READING, Sorting, lab, sorting_in_thread

from spikesieve.api.kept_steps import steps_folder
from spikesieve.api.sorting_page import together, verbs
from spikesieve.app.security import VIEWER
from spikesieve.app.sorting.reports import PAGE
from spikesieve.io.jobs import PROGRESS
from spikesieve.io.results.phy import write_phy


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = lab(tmp_path_factory.mktemp("data"), 3.0)
    assert run_sort(root / "day.bin", root / "sorted", "--stop-after=templates").exit_code == 0
    assert run_sort(root / "day.bin", root / "done").exit_code == 0
    sorting = make_sorting(6, 1500)
    (root / "phy").mkdir()
    write_phy(root / "phy", sorting, write_raw(root / "raw.bin", sorting))
    return root


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    folders: list[Path] = []
    for module in (verbs, together):
        monkeypatch.setattr(module, "start_queue", folders.append)
    return folders


@pytest.fixture
def page(root: Path, tmp_path: Path, started: list[Path]) -> Iterator[Sorting]:
    with sorting_in_thread(root, tmp_path / "state") as page:
        yield page


def arrays(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Shapes of the arrays, and the facts."""
    length = int(np.frombuffer(content, "<u4", 2)[1])
    said = json.loads(content[8 : 8 + length])
    return {one["name"]: one["shape"] for one in said["arrays"]}, said["facts"]


def test_a_recording_and_a_result_each_have_a_column(page: Sorting, root: Path) -> None:
    shapes, facts = arrays(page.ask("column", paths=[str(root / "day.bin")], **READING).content)
    assert shapes["rms"][0] == N_CHANNELS
    assert dict(facts["rows"])["length"] == "3.0 s"
    assert dict(facts["rows"])["problem"] == "none"
    assert facts["is_sampled"]
    shapes, facts = arrays(page.ask("column", paths=[str(root / "done")]).content)
    assert shapes["rms"][0] == N_CHANNELS
    assert dict(facts["rows"])["units"].startswith("1 (")
    assert not facts["is_sampled"]
    assert page.ask("column", paths=[str(root / "day.bin")]).status == 422


def test_a_comparison_waits_in_the_list_and_its_report_is_in_a_sandbox(page: Sorting, root: Path, started: Any) -> None:
    a, b = str(root / "done"), str(root / "phy")
    key = page.ask("compare", a=a, b=b).json["key"]
    assert started == [page.desk.jobs.folder]
    (job,) = page.client.get("/api/show/sorts")["sorts"]
    assert job["command"] == f"spikesieve compare {a} {b} --out={root}/done_and_phy"
    assert job["what"] == "compare"
    for wrong in ({"a": a, "b": str(root)}, {"a": a, "b": "/etc"}, {"a": a}, {"a": a, "b": b, "out": "/x"}):
        assert page.ask("compare", **wrong).status == 422, wrong
    page.ask("forget", key=key)
    assert page.ask("report", path=str(root)).status == 422
    address = page.ask("report", path=a).json["address"]
    assert page.ask("report", path=a).json["address"] == address
    answer = page.client.ask("GET", f"/{address}", cookie=False)
    assert answer.content == (root / "done" / PAGE).read_bytes()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy
    assert page.client.ask("GET", f"/report/{'0' * 64}/{PAGE}").status == 404
    assert page.client.ask("GET", f"/{address}".replace(PAGE, "units.csv")).status == 404
    assert page.client.ask("GET", f"/{address}", headers={"Host": "evil.example"}).status == 403
    viewer = type(page.client)(page.client.port).log_in(page.secrets.tokens[VIEWER])
    assert viewer.ask("POST", "/api/ask/report", {"path": a}).status == 403


def test_a_sort_that_is_not_done_shows_what_it_has_found(page: Sorting, root: Path) -> None:
    key = page.desk.jobs.add("day", (str(root / "day.bin"),), str(root / "sorted"), ("sort", str(root / "day.bin")))
    (sort,) = page.client.get("/api/show/sorts")["sorts"]
    assert "overview" in sort["pictures"]
    shapes, facts = arrays(page.ask("pictures", key=key).content)
    assert shapes["rms"][0] == N_CHANNELS
    assert shapes["unit_size"] == [1]
    assert "1 units so far" in facts["says"]
    steps = [name for name in sort["pictures"].split() if "templates" in name]
    manifests = [steps_folder(root / "sorted") / name / "manifest.json" for name in steps]
    whole = [manifest.read_bytes() for manifest in manifests]
    for manifest in manifests:
        manifest.write_bytes(b"{")  # the step is being replaced
    assert "units" not in arrays(page.ask("pictures", key=key).content)[1]["says"]
    for manifest, content in zip(manifests, whole, strict=True):
        manifest.write_bytes(content)
    page.ask("forget", key=key)
    nothing = page.desk.jobs.add("day", ("x",), str(root / "later"), ("sort", "x"))
    assert page.ask("pictures", key=nothing).status == 422


RESTING = """
import json, sys, time
from dataclasses import asdict
from pathlib import Path
from spikesieve.engine.lock import Owner
Path(sys.argv[1]).write_text(json.dumps({"owner": asdict(Owner.this_process()), "ended": None, "stages": []}))
print("here", flush=True)
time.sleep(600)
"""


def test_a_sort_rests_and_goes_on(page: Sorting, root: Path) -> None:
    jobs = page.desk.jobs
    key = jobs.add("day", ("x",), str(root / "later"), ("sort", "x"))
    words = [sys.executable, "-c", RESTING, str(jobs.place(key) / PROGRESS)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            assert page.ask("pause", key=key).json["sorts"][0]["state"] == "paused"
            assert page.ask("pause", key=key).status == 422
            assert jobs.running() == key  # no other begins meanwhile
            assert page.ask("forget", key=key).status == 422
            assert page.ask("go-on", key=key).json["sorts"][0]["state"] == "running"
            page.ask("pause", key=key)
            page.ask("stop", key=key)
            assert process.wait(20) != 0
        finally:
            process.kill()
    assert jobs.state(key) == "ended"
