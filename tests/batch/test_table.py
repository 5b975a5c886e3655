"""What a page shows of a batch, from the files of its folder."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stub_sorts import rows

from spikesieve.batch.order import FROZEN_PLAN
from spikesieve.batch.page import SUMMARY
from spikesieve.batch.plan import write_plan
from spikesieve.batch.state import Place, RowState
from spikesieve.batch.summary import Line, write_summary
from spikesieve.batch.table import BatchTables
from spikesieve.batch.work import Share, work_on
from spikesieve.errors import InputError

HERE = RowState("running", step="match", n_done=3, n_total=9, host=socket.gethostname(), pid=os.getpid(), spent_s=60.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six rows: one done before the batch began, one done by it, two running, one refused, one waiting."""
    planned, place = rows(tmp_path, 6), Place(tmp_path / "out")
    write_plan(planned, place.folder / FROZEN_PLAN)
    states = (
        *(None, RowState("done", spent_s=100.0, memory_mb=900.0), replace(HERE, left_s=40.0)),
        *(replace(HERE, host="elsewhere", pid=0), RowState("refused", "It has no channels.")),
    )
    for row, state in zip(planned, states, strict=False):
        if state is not None:
            place.write_state(row, state)
    lines = [Line(row.name, "waiting") for row in planned]
    write_summary([replace(lines[0], state="done", look="No unit was found."), *lines[1:]], place.folder / SUMMARY)
    return place.folder


def test_running_rows_come_first_and_what_is_done_last(folder: Path) -> None:
    facts = BatchTables().facts(folder)
    assert [row["name"] for row in facts["rows"]] == ["r2", "r3", "r4", "r0", "r1", "r5"]
    assert facts["counts"] == {"running": 2, "refused": 1, "done": 2, "waiting": 1}
    by_name = {row["name"]: row for row in facts["rows"]}
    assert by_name["r2"] | {"step": "match", "n_done": 3, "n_total": 9, "left_s": 40.0} == by_name["r2"]
    assert by_name["r0"]["why"] == "No unit was found."
    assert by_name["r4"]["why"] == "It has no channels."
    assert by_name["r1"]["out"] == str(folder / "r1")
    # One of 100 s is done; three are left, two at a time.
    assert facts["sentence"] == "3 of 6 recordings have ended. About 2 min 30 s are left."


def test_changes_are_seen_and_a_process_that_is_gone_does_not_run(folder: Path) -> None:
    tables, place, planned = BatchTables(), Place(folder), rows(folder.parent, 6)
    tables.facts(folder)
    place.write_state(planned[2], replace(HERE, pid=2**22 + 1))
    place.write_state(planned[3], RowState("done", spent_s=50.0))
    facts = tables.facts(folder)
    assert {row["name"]: row["state"] for row in facts["rows"]}["r2"] == "killed"
    assert facts["counts"] == {"refused": 1, "killed": 1, "done": 3, "waiting": 1}
    assert facts["sentence"] == "4 of 6 recordings have ended. None is being sorted now."


def test_a_row_says_how_long_it_will_take(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, 1)
    place, seen = Place(tmp_path / "out"), []

    def sorter(row, share, teller, progress) -> None:
        teller("detect", 0, 4)
        time.sleep(0.1)
        teller("detect", 1, 4)
        teller.write("running", "")
        seen.append(place.read_state(row))

    work_on(row, place, Share(), sorter)
    assert seen[0].left_s > 0
    assert place.read_state(row).left_s == 0


def test_a_folder_without_a_plan_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no plan"):
        BatchTables().facts(tmp_path)
