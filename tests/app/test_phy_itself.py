"""Phy's own window opens what the page writes, and the page takes in what Phy saves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import phy_window
import pytest
from make_sorting import make_sorting, write_raw
from needed import missing

from spikesieve.api.app import CURATION_FOLDER, open_session
from spikesieve.api.curation_of_result import CuratedFolder
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.app.decisions import Asked
from spikesieve.io.results.phy import write_phy

# Phy needs Qt and OpenGL, so it has an environment of its own.
PHY = os.environ.get("SPIKESIEVE_PHY", "")
if not PHY:
    missing("phy", "SPIKESIEVE_PHY names no Python with phy and PyQt5")
if not shutil.which("Xvfb"):
    missing("phy", "Xvfb is not installed, a screen for Phy's window")


@pytest.fixture
def display(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A screen in memory, drawn on by the processor."""
    read, write = os.pipe()
    words = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24"]
    server = subprocess.Popen(words, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()
    yield {**os.environ, "DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1", "HOME": str(tmp_path), "PYTHONPATH": ""}
    server.terminate()
    server.wait()


def seen_by_phy(folder: Path, environment: dict[str, str], merge: tuple[int, int]) -> dict[str, Any]:
    words = [PHY, phy_window.__file__, str(folder), *map(str, merge)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stdout + done.stderr
    return dict(json.loads(lines[-1]))


def test_phy_opens_what_is_written_and_is_taken_in(tmp_path: Path, display: dict[str, str]) -> None:
    sorting, folder = make_sorting(6, 1500), tmp_path / "phy"
    folder.mkdir()
    write_phy(folder, sorting, write_raw(tmp_path / "raw.bin", sorting))
    # Phy leaves its cache of the clusters, and does not start when that does not fit.
    first = seen_by_phy(folder, display, (0, 1))
    assert first["merged"] == 6
    with ExitStack() as stack:
        session = open_session(read_result_to_show(folder), folder, False, stack, lambda line: None)
        curated = CuratedFolder(session, folder, folder / CURATION_FOLDER)
        said = curated.take_in()
        assert said is not None
        assert "1 merge" in said
        for n, (what, content) in enumerate(
            [("merge", {"units": [2, 3]}), ("label", {"units": [4], "label": "noise"})], len(session.history.entries)
        ):
            session.decide(Asked(do=what, seq=n, request=str(n), **content))
        curated.write_phy()
        units = session.units
        second = seen_by_phy(folder, display, (4, 5))
        assert second["ids"] == list(units.ids)
        assert second["groups"]["4"] == "noise"
        assert {"AmplitudeView", "FeatureView", "TraceView", "WaveformView"} <= set(second["views"])
        changed = curated.elsewhere()  # Phy labels a merged cluster as its parts were
        assert changed is not None
        assert changed.startswith("Phy changed phy: 1 merge")
        curated.take_in_now()
        both = np.sort(np.concatenate([units.rows[4], units.rows[5]]))
        assert any(np.array_equal(rows, both) for rows in session.units.rows.values())
