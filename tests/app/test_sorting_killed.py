"""A sort goes on when the page's server is killed, is found again, and writes the bytes of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_files import run_sort
from sorting_page import ENDED, READING, AppProcess, files_of, lab


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lab(tmp_path)


def test_a_killed_server_loses_no_sort(root: Path, tmp_path: Path) -> None:
    app = AppProcess(root, tmp_path / "state")
    recording = {"paths": [str(root / "day.bin")], **READING}
    app.ask("sort", recording=recording, out=str(root / "out"), n_jobs=1)
    begun = app.wait_for("running", *ENDED)
    app.kill()
    again = AppProcess(root, tmp_path / "state")
    (found,) = again.sorts()
    assert found["key"] == begun["key"]
    assert found["state"] in ("running", "done")
    done = again.wait_for(*ENDED)
    assert done["state"] == "done", again.ask("log", key=done["key"])["text"]
    assert {"detect", "match"} <= {stage["name"] for stage in done["stages"]}
    assert "Result:" in again.ask("log", key=done["key"])["text"]
    assert run_sort(root / "day.bin", root / "by_hand").exit_code == 0
    assert files_of(root / "out") == files_of(root / "by_hand")
    assert again.ask("open", path=str(root / "out"))["address"].startswith("result/1/#t=")
    assert again.stop() == 0


def test_a_sort_is_stopped_and_goes_on(root: Path, tmp_path: Path) -> None:
    app = AppProcess(root, tmp_path / "state")
    recording = {"paths": [str(root / "day.bin")], **READING}
    key = app.ask("sort", recording=recording, out=str(root / "out"), n_jobs=1)["key"]
    app.wait_for("running")
    app.ask("stop", key=key)
    assert app.wait_for(*ENDED)["state"] == "ended"
    assert not (root / "out").exists()
    app.ask("go-on", key=key)
    assert app.wait_for("done", "failed")["state"] == "done"
    bad = {**recording, "n_channels": 3}
    app.ask("forget", key=key)
    app.ask("sort", recording=bad, out=str(root / "bad"), n_jobs=1)
    failed = app.wait_for(*ENDED)
    assert failed["state"] == "failed"
    assert "channel" in failed["said"]
    app.stop()
