"""One row, really sorted: sessions that are split off, and what counts as done afterwards."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from small_files import HZ, facts, spiking, write_raw

from spikesieve.api.kept_steps import steps_folder
from spikesieve.batch.order import Order, sort_one
from spikesieve.batch.rows import Row, make_row
from spikesieve.batch.state import Place, key_of_row, read_record, standing
from spikesieve.batch.summary import Line, Summary, ranked, write_summary
from spikesieve.batch.work import Ended, Share, sort_row
from spikesieve.engine.executor import silent
from spikesieve.errors import InputError

CELLS = {"channels": "4", "sampling_hz": str(HZ), "gain_uv": "1", "probe": "linear:4:25", "split": "file"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two sessions of a week, sorted together and split."""
    folder = tmp_path_factory.mktemp("week")
    for number in (1, 2):
        write_raw(folder, spiking(1.0 + 0.5 * number), f"day{number}.bin")
    assert sort_row(week(folder), Place(folder / "out"), Share()) == Ended("week", "done", "", os.uname().nodename)
    return folder


def week(folder: Path, **more: str) -> Row:
    return make_row({**CELLS, "name": "week", "files": "day*.bin", **more}, folder, folder / "out")


def now(row: Row) -> str:
    return standing(row, key_of_row(row))


def test_each_session_has_its_spikes_and_the_same_units(folder):
    row = week(folder)
    whole = np.load(row.out / "spike_times.npy")
    parts = sorted(path for path in row.split_folder.iterdir() if path.is_dir())
    assert [path.name for path in parts] == ["0_day1", "1_day2"]
    n_first = int(1.5 * HZ)
    times = [np.load(part / "spike_times.npy") for part in parts]
    assert np.array_equal(np.concatenate([times[0], times[1] + n_first]), whole)
    rows = [(part / "units.csv").read_text().splitlines() for part in (row.out, *parts)]
    assert [[line.split(",")[0] for line in lines] for lines in rows] == [["unit", "0"]] * 3


def test_a_finished_row_is_done_and_is_not_sorted_again(folder):
    row = week(folder)
    assert now(row) == "done"
    before = (row.out / "provenance.json").stat().st_mtime_ns
    assert sort_row(row, Place(folder / "out"), Share()).state == "done"
    assert (row.out / "provenance.json").stat().st_mtime_ns == before
    assert not steps_folder(row.out).exists()


def test_other_settings_are_another_result_and_other_workers_are_not(folder):
    assert now(week(folder, jobs="3", memory="9GB")) == "done"
    assert now(week(folder, **{"detect.threshold": "8"})) == "other"
    assert now(week(folder, time_range="0:1")) == "other"
    refused = sort_row(week(folder, time_range="0:1"), Place(folder / "out"), Share())
    assert refused.state == "refused"
    assert "--overwrite" in refused.why


def test_a_touched_or_moved_recording_is_the_same_and_a_changed_one_is_not(folder):
    row, first = week(folder), folder / "day1.bin"
    first.touch()
    assert now(row) == "done"
    samples = first.read_bytes()
    first.write_bytes(samples[:-8] + bytes(8))
    assert now(row) == "other"
    first.write_bytes(samples + bytes(8))
    assert now(row) == "other"
    first.write_bytes(samples)
    assert now(row) == "done"
    moved = folder / "moved"
    moved.mkdir()
    for path in folder.glob("day*.bin"):
        path.rename(moved / path.name)
    try:
        assert now(row) == "done"
        assert now(week(folder, files="moved/day*.bin")) == "done"
        assert now(week(folder, files="moved/day1.bin")) == "other"
    finally:
        for path in moved.glob("day*.bin"):
            path.rename(folder / path.name)


def test_a_result_whose_sessions_were_not_split_off_is_not_done(folder):
    row = week(folder)
    (row.split_folder / "batch.json").unlink()
    assert now(row) == "begun"
    before = (row.out / "provenance.json").stat().st_mtime_ns
    assert sort_row(row, Place(folder / "out"), Share()).state == "done"
    assert (row.out / "provenance.json").stat().st_mtime_ns == before
    assert now(row) == "done"


def test_the_summary_has_what_was_found_and_what_it_cost(folder):
    row, record = week(folder), read_record(week(folder).out)
    assert record is not None
    other = make_row({"files": "gone.bin"}, folder, folder / "out")
    states, reasons = {"week": "done", "gone": "refused"}, {"gone": "It does not exist."}
    done, gone = Summary(Place(folder / "out"), 0.06).lines([row, other], states, reasons)
    assert (done.n_units, done.n_good, done.n_contacts, done.recording_s) == (1, 1, 4, 3.5)
    assert done.n_spikes == facts(row.out)["result"]["n_spikes"]
    assert done.cost == pytest.approx(record.spent_s / 3600 * 0.06, abs=1e-5)
    assert done.cost_per_probe_hour == pytest.approx(record.spent_s / 3.5 * 0.06, abs=6e-5)  # rounded to 4 digits
    assert record.memory_mb == done.peak_memory_mb > 100
    assert gone.look == "It does not exist."
    write_summary([done, gone], folder / "summary.csv")
    assert (folder / "summary.csv").read_text().splitlines()[0].startswith("name,state,look,recording_s")


def test_a_damaged_result_is_said_and_a_damaged_record_is_none(folder):
    row = week(folder)
    text = (row.out / "batch.json").read_text()
    for damaged in ("", "{}", json.dumps(json.loads(text) | {"files": [[1]]}), json.dumps({"unknown": 1})):
        (row.out / "batch.json").write_text(damaged)
        assert read_record(row.out) is None
    (row.out / "batch.json").write_text(text)
    provenance = (row.out / "provenance.json").read_bytes()
    (row.out / "provenance.json").write_text("{}")
    (line,) = Summary(Place(folder / "out")).lines([row], {"week": "done"}, {})
    assert "cannot be read" in line.look
    (row.out / "provenance.json").write_bytes(provenance)


def test_one_row_is_found_by_name_and_number(folder):
    (folder / "plan.csv").write_text(
        "name,files,split,channels,sampling_hz,gain_uv,probe\n"
        "week,day*.bin,file,4,30000,1,linear:4:25\nnone,gone.bin,,4,30000,1,linear:4:25\n"
    )
    order = Order((str(folder / "plan.csv"),), folder / "out")
    assert [sort_one(order, which, silent).state for which in ("week", "1", "none", "2")] == [
        "done",
        "done",
        "missing",
        "missing",
    ]
    with pytest.raises(InputError, match="no row '3'"):
        sort_one(order, "3", silent)


def line(name: str, n_good: int = 10, **more: object) -> Line:
    return Line(name, "done", n_contacts=100, recording_s=600.0, n_good=n_good, n_units=12, **more)  # type: ignore[arg-type]


def test_what_is_unlike_the_others_comes_first(folder):
    summary = Summary(Place(folder))
    lines = [line(f"r{n}", 10 + n % 3) for n in range(12)] + [line("odd", 1)]
    summary._done = {each.name: each for each in lines}
    states = {each.name: "done" for each in lines} | {"bad": "failed"}
    rows = [make_row({"files": f"{name}.bin"}, folder, folder / "out") for name in states]
    found = ranked(summary.lines(rows, states, {"bad": "ZeroDivisionError"}))
    assert [each.name for each in found[:2]] == ["bad", "odd"]
    assert found[1].look == "1 good units per 100 contacts, where 11 is usual here."
    assert not any(each.look for each in found[2:])
