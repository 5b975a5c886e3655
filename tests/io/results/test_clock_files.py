"""When spikes and segments were recorded."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_sorting, write_raw

from spikesieve.io.results.clock_files import COLUMNS, write_clock_files
from spikesieve.model import Recording
from spikesieve.model.clock import Clock


def written(folder: Path, recording: Recording) -> tuple[np.ndarray, list[dict[str, str]]]:
    write_clock_files(folder, make_sorting(), recording)
    with (folder / "segments.csv").open(encoding="utf-8", newline="") as file:
        return np.load(folder / "spike_times_sec.npy"), list(csv.DictReader(file))


def test_without_a_clock_times_are_samples_by_rate(tmp_path):
    sorting = make_sorting()
    recording = write_raw(tmp_path / "raw.bin", sorting)
    times_s, (row,) = written(tmp_path, recording)
    assert times_s == pytest.approx(sorting.spikes.sample / SAMPLING_HZ)
    assert list(row) == list(COLUMNS)
    assert row == {
        "segment": "0",
        "file": str(tmp_path / "raw.bin"),
        "start_sample": "0",
        "stop_sample": str(recording.n_samples),
        "start_s": "0.000000",
        "gap_before_s": "",
    }


def test_times_are_those_of_the_session(tmp_path):
    sorting = make_sorting()
    recording = write_raw(tmp_path / "raw.bin", sorting)
    half, n = recording.n_samples // 2, recording.n_samples
    parts = ((0, half), (half, n))
    recording = replace(recording, segments=parts, clock=Clock((0, half), (100.0, 500.0)))
    times_s, rows = written(tmp_path, recording)
    later = sorting.spikes.sample >= half
    assert times_s[later] == pytest.approx(500 + (sorting.spikes.sample[later] - half) / SAMPLING_HZ)
    assert [row["start_s"] for row in rows] == ["100.000000", "500.000000"]
    assert float(rows[1]["gap_before_s"]) == pytest.approx(400 - half / SAMPLING_HZ)


def test_what_was_left_out_is_a_gap_and_the_time_between_two_files_is_not_known(tmp_path):
    recording = write_raw(tmp_path / "raw.bin", make_sorting())
    n = recording.n_samples
    recording = replace(
        recording,
        segments=((0, 300), (600, n // 2), (n // 2, n)),
        file_starts=(0, n // 2),
        paths=("a.bin", "b.bin"),
    )
    _, rows = written(tmp_path, recording)
    assert [row["file"] for row in rows] == ["a.bin", "a.bin", "b.bin"]
    assert float(rows[1]["gap_before_s"]) == pytest.approx(300 / SAMPLING_HZ, abs=1e-6)
    assert rows[2]["gap_before_s"] == ""
