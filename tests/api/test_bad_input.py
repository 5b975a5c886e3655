"""Bad input: a sentence, status 2, nothing half-written. Odd but valid input: a valid result, the reason if empty."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from small_files import HZ, METHODS, facts, noise, of_method, refused, run_sort, spiking, with_spikes, write_raw

from spikesieve import sort
from spikesieve.cli.interruption import stoppable
from spikesieve.cli.sort import Stop

PATIENCE_S = 300
"""How long a slow, busy machine may take to start a sort, or to end it."""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_raw(tmp_path, noise(0.2, 4).astype(np.int16))


def test_missing_file(tmp_path):
    refused(run_sort(tmp_path / "gone.bin", tmp_path / "out"), tmp_path, "gone.bin does not exist")


def test_empty_file(tmp_path):
    empty = write_raw(tmp_path, np.empty((0, 4), np.int16))
    refused(run_sort(empty, tmp_path / "out"), tmp_path, "raw.bin is empty")


def test_truncated_file(tmp_path, raw):
    raw.write_bytes(raw.read_bytes()[:-3])
    refused(run_sort(raw, tmp_path / "out"), tmp_path, "not a multiple of 4 channels x 2 bytes", "cut short")


def test_size_that_does_not_fit_the_channels(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--channels", "7")
    refused(result, tmp_path, "not a multiple of 7 channels", "--channels")


def test_second_file_missing(tmp_path, raw):
    refused(run_sort([raw, tmp_path / "gone.bin"], tmp_path / "out"), tmp_path, "gone.bin does not exist")


def test_probe_with_more_contacts_than_the_file_has_channels(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--probe", "linear:9:25")
    refused(result, tmp_path, "9 contacts, more than the 4 channels")


@pytest.mark.parametrize("limit", ["much", "0GB", "-1GB", "4 gigs"])
def test_no_amount_of_memory(tmp_path, raw, limit):
    refused(run_sort(raw, tmp_path / "out", "--memory", limit), tmp_path, f"{limit!r} is no amount of memory", "4GB")


def test_too_little_memory(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--memory", "100MB")
    refused(
        result, tmp_path, "4 contacts and 0 minutes need about", "the limit is 0.10 GB", "Give at least --memory 0."
    )
    assert "worker" not in result.stderr


@pytest.mark.parametrize(
    ("y", "words"), [([0, 0, 25, 50], "same position"), ([0, float("nan"), 25, 50], "not a number")]
)
def test_probe_with_impossible_positions(tmp_path, raw, y, words):
    probe = {"chanMap": [0, 1, 2, 3], "xc": [0, 0, 0, 0], "yc": y, "kcoords": [0, 0, 0, 0], "n_chan": 4}
    path = tmp_path / "probe.json"
    path.write_text(json.dumps(probe))
    refused(
        run_sort(raw, tmp_path / "out", "--probe", str(path)),
        tmp_path,
        words,
        "[0, 1]" if y[1] == 0 else "at contact 1.",
    )


def test_no_probe(tmp_path, raw):
    result = run_sort(raw, tmp_path / "out", "--probe", str(tmp_path / "gone.json"))
    refused(result, tmp_path, "gone.json does not exist")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("match.treshold=8", "Did you mean match.threshold"),
        ("Th_lerned=8", "Did you mean match.threshold"),
        ("match.threshold=1", "above 2 and at most 100"),
        ("match.threshold=high", "must be a number"),
        ("method=kilosort3", "must be one of 'sieve', 'kilosort4', 'kilosort2'"),
        ("kilosort2.drift=ordered", "must be one of 'order', 'register'"),
    ],
)
def test_wrong_setting(tmp_path, raw, override, words):
    refused(run_sort(raw, tmp_path / "out", "--set", override), tmp_path, words, override.partition("=")[0])


def test_wrong_setting_in_a_file(tmp_path, raw):
    path = tmp_path / "s.toml"
    path.write_text("[match]\nthreshold = \n")
    refused(run_sort(raw, tmp_path / "out", "--settings", str(path)), tmp_path, "s.toml", "line 2")


def test_out_that_exists_is_left_alone(tmp_path, raw):
    out = tmp_path / "results"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    refused(run_sort(raw, out), tmp_path, "results exists", "--overwrite")
    refused(run_sort(raw, out, "--overwrite"), tmp_path, "not a result of spikesieve")
    assert (out / "thesis.txt").read_text() == "years of work"


def test_unwritable_folder(tmp_path, raw, monkeypatch):
    def denied(*_args, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    refused(run_sort(raw, tmp_path / "out"), tmp_path, "Permission denied", "--out")


@pytest.mark.parametrize(
    "where", ["spikesieve.engine.arrays.GrowingArray.append", "spikesieve.report.sorting.write.write_report"]
)
def test_a_full_disk_is_a_sentence_and_the_sort_goes_on_when_there_is_room(tmp_path, monkeypatch, where):
    raw = write_raw(tmp_path, spiking(1.0))

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        said = run_sort(raw, tmp_path / "out")
    assert said.exit_code == 2
    for words in ("The disk is full", str(tmp_path), "another disk", "give the same command again"):
        assert words in said.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.steps", "raw.bin"]
    result = run_sort(raw, tmp_path / "out")
    valid(result, tmp_path / "out")
    assert "Goes on at" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals for one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "a scheduler's SIGTERM"])
def test_a_signal_ends_a_sort_within_a_second_and_says_how_it_goes_on(tmp_path, number):
    long = tmp_path / "raw.bin"
    with long.open("wb") as file:
        file.truncate(2 * 16 * HZ * 3600)  # an hour of zeros that takes no room on the disk
    options = ["--probe", "linear:16:25", "--channels", "16", "--sampling-hz", str(HZ), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "spikesieve", "sort", str(long), *options]
    # A process that a shell started in the background would hand down that it ignores SIGINT.
    normal = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **normal)
    patience = time.monotonic() + PATIENCE_S
    while not list(tmp_path.glob(".out.steps/noise-*")) and time.monotonic() < patience:
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert "Interrupted" in said
    assert f"kept in {tmp_path / '.out.steps'}: give the same command again" in said
    assert "Traceback" not in said


def test_the_sentence_after_an_interruption_says_where_it_was(tmp_path):
    assert Stop().sentence() == "Interrupted. Nothing was written."
    stop = Stop(tmp_path / ".out.steps")
    assert stop.sentence() == "Interrupted. Nothing was written."
    (tmp_path / ".out.steps").mkdir()
    assert stop.sentence().startswith("Interrupted. What is finished is kept in")
    stop.watched(lambda *_piece: None)("match", 812, 2400)
    assert stop.sentence().startswith(f"Interrupted at match, 812 of 2400. What is finished is kept in {tmp_path}")


def test_a_loop_that_ignores_a_signal_is_ended_after_a_moment():
    ended: list[int] = []
    done = threading.Event()

    def end(number: int) -> None:
        ended.append(number)
        done.set()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stoppable(lambda *_piece: None, end):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            assert done.wait(PATIENCE_S)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == [signal.SIGINT]


def test_a_signal_that_python_swallowed_stops_the_next_piece_of_work():
    told = []
    # A suite that is started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, handler := signal.default_int_handler)
    with stoppable(lambda *piece: told.append(piece)) as progress:
        progress("stage", 0, 2)
        with contextlib.suppress(KeyboardInterrupt):  # as Python does inside a callback from C
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress("stage", 1, 2)
    assert told == [("stage", 0, 2)]
    assert signal.signal(signal.SIGINT, before) is handler


def test_a_signal_that_the_process_ignores_stays_ignored():
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable(lambda *_piece: None) as progress:
            signal.raise_signal(signal.SIGINT)
            progress("stage", 0, 2)
    finally:
        signal.signal(signal.SIGINT, handler)


def valid(result, out: Path) -> dict:
    """The result is complete and its files agree; returns its provenance."""
    assert result.exit_code == 0, result.output
    found = facts(out)
    n_spikes = found["result"]["n_spikes"]
    times, units = np.load(out / "spike_times.npy")[:n_spikes], np.load(out / "spike_clusters.npy")[:n_spikes]
    assert (np.diff(times) >= 0).all()
    assert ((times >= 0) & (times < found["recording"]["n_samples"])).all()
    with (out / "units.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["n_spikes"]) for row in rows] == np.bincount(units, minlength=len(rows)).tolist()
    assert bool(rows) or any("No unit was found" in note for note in found["notes"])
    return found


def with_odd_floats(seconds: float) -> np.ndarray:
    traces = noise(seconds, 4).astype(np.float32)
    traces[100:200, 3], traces[5000, 2], traces[9000:, 0] = np.nan, np.inf, -np.inf
    return traces


EMPTY = {
    "all zeros": (np.zeros((HZ, 4), np.int16), "no signal"),
    "constant": (np.full((HZ, 4), 123, np.int16), "no signal"),
    "not one number": (np.full((HZ, 4), np.nan, np.float32), "NaN"),
    "NaN and Inf": (with_odd_floats(1.0), "NaN or infinite"),
    "half a second": (noise(0.5, 4).astype(np.int16), "No unit"),
    "one sample": (np.ones((1, 4), np.int16), "No unit"),
    "no spikes": (noise(1.0, 4).astype(np.int16), "No unit"),
    "one spike": (with_spikes(noise(1.0, 4), np.array([HZ // 2]), 1, 600.0).astype(np.int16), "No unit"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", EMPTY)
def test_empty_result_with_the_reason(tmp_path, name, method):
    traces, reason = EMPTY[name]
    options = ["--dtype", str(traces.dtype), *of_method(method)]
    result = run_sort(write_raw(tmp_path, traces), tmp_path / "out", *options)
    notes = " ".join(valid(result, tmp_path / "out")["notes"])
    assert reason in notes
    assert "No unit was found" in " ".join(result.stdout.split())


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_silence_is_sorted_without_a_warning_of_numpy(dtype):
    assert not sort(np.zeros((2 * HZ, 16), dtype), "linear:16:25", sampling_hz=HZ).units


def test_an_empty_result_says_that_no_spike_was_seen_whole(tmp_path):
    traces = spiking(8.0)
    for channel in range(4):  # of a second each has no signal for a quarter, in turns
        traces.reshape(-1, HZ // 4, 4)[channel::4, :, channel] = 0
    found = valid(run_sort(write_raw(tmp_path, traces), tmp_path / "out"), tmp_path / "out")
    notes = " ".join(found["notes"])
    assert found["result"]["n_units"] == 0
    assert "almost no spike is seen whole" in notes
    assert "No unit was found: no whole spike" in notes


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("value", "fault"), [(0, "dead"), (32767, "at the limit of the converter")])
def test_dead_or_saturated_channel_is_left_out_and_named(tmp_path, value, fault, method):
    traces = spiking()
    traces[:, 3] = value
    result = run_sort(write_raw(tmp_path, traces), tmp_path / "out", *of_method(method))
    found = valid(result, tmp_path / "out")
    assert found["result"]["n_units"] == 1
    assert np.load(tmp_path / "out" / "channel_map.npy").tolist() == [0, 1, 2]
    assert any(f"File channel 3 was left out: {fault}" in note for note in found["notes"])


@pytest.mark.parametrize("method", METHODS)
def test_one_channel(tmp_path, method):
    traces = spiking(6.0)[:, 1:2]
    result = run_sort(write_raw(tmp_path, traces), tmp_path / "out", *of_method(method), n_channels=1)
    found = valid(result, tmp_path / "out")
    assert found["result"]["n_units"] == 1


@pytest.mark.parametrize("method", METHODS)
def test_ten_thousand_spikes_per_second(tmp_path, method):
    traces = noise(1.0, 16)
    rng = np.random.default_rng(1)
    for channel in range(16):
        traces = with_spikes(traces, np.sort(rng.integers(50, HZ - 50, 625)), channel, 150.0 + 10 * channel)
    raw = write_raw(tmp_path, traces.astype(np.int16))
    result = run_sort(raw, tmp_path / "out", *of_method(method), n_channels=16)
    assert valid(result, tmp_path / "out")["result"]["n_spikes"] > 500
