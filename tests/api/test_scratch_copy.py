"""A slow source is decoded once where that is faster: the same bytes, kept if the sort is interrupted, then removed."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from same_bytes import differing
from tiny import line_probe

from spikesieve import Resources, recording_from_array, sort
from spikesieve.api import scratch_copy
from spikesieve.api.scratch_copy import ReadingCosts, fast_samples
from spikesieve.api.sort import open_run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.io.recordings.pieces import JoinedSamples
from spikesieve.model import Recording
from spikesieve.passes.decoding import CopiedSamples, decoding_blocks
from spikesieve.settings.sort import Settings
from spikesieve.simulation import SimulationParams, simulate_array

HZ = 30_000.0
SAMPLES = np.random.default_rng(0).integers(-300, 300, (100_000, 4)).astype(np.int16)
SLOW, FAST = ReadingCosts(0.5, 0.01), ReadingCosts(0.01, 0.1)


@dataclass(frozen=True, eq=False)
class Compressed:
    """A source in chunks that counts what is decoded, and can fail."""

    samples: np.ndarray
    decoded: list[tuple[int, int]]
    fails_from: int = 10**9
    bounds: tuple[int, ...] = (*range(0, 100_000, 30_000), 100_000)

    def __call__(self, start: int, stop: int) -> np.ndarray:
        self.decoded.append((start, stop))
        if stop > self.fails_from:
            raise OSError("the drive is gone")
        return self.samples[start:stop]

    def identity(self) -> tuple[object, ...]:
        return ("compressed", self.samples[0].tolist())


def recording_of(read: object, segments: tuple[tuple[int, int], ...] = ()) -> Recording:
    return Recording(read, 100_000, 4, HZ, 0.5, segments=segments)


def source_of(recording: Recording) -> Source:
    return Source.of(recording, line_probe(4), Settings().preprocess, 20_000)


@pytest.fixture
def costs(monkeypatch):
    """Sets what was measured."""

    def choose(found: ReadingCosts) -> None:
        monkeypatch.setattr(scratch_copy, "measured_costs", lambda *_: found)

    choose(SLOW)
    return choose


def read_all(folder: Path, source: Source) -> tuple[np.ndarray, Source, str]:
    """All samples as the passes read them."""
    said: list[str] = []
    with open_run(2, Store.open(folder)) as run, fast_samples(run, source, "sieve", said.append) as fast:
        parts = [fast.recording.read(*segment) for segment in fast.recording.segments]
        return np.concatenate([np.array(part) for part in parts]), fast, "".join(said)


# the decision


@pytest.mark.parametrize(
    ("decode", "write", "n_passes", "is_worth_it"),
    [(0.4, 0.05, 2.5, True), (0.4, 0.3, 2.5, False), (0.01, 0.1, 4, False), (0.4, 0.05, 1, False)],
)
def test_a_copy_is_worth_it_if_decoding_is_slow_and_passes_are_many(decode, write, n_passes, is_worth_it):
    assert (ReadingCosts(decode, write).saved(n_passes) > scratch_copy.MIN_SAVED) == is_worth_it


@pytest.mark.parametrize(("found", "words"), [(SLOW, "decoded once, into"), (FAST, "decoded in each pass: a second")])
def test_the_cheaper_way_is_chosen_and_said(tmp_path, costs, found, words):
    costs(found)
    samples, fast, why = read_all(tmp_path, source_of(recording_of(Compressed(SAMPLES, []))))
    assert np.array_equal(samples, SAMPLES)
    assert isinstance(fast.recording.read, CopiedSamples) == (found is SLOW)
    assert words in why
    assert "ms to decode" in why


def test_without_room_on_the_disk_nothing_is_copied(tmp_path, costs, monkeypatch):
    monkeypatch.setattr(scratch_copy.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    _, fast, why = read_all(tmp_path, source_of(recording_of(Compressed(SAMPLES, []))))
    assert isinstance(fast.recording.read, Compressed)
    assert "a copy needs 0.0 GB, and 0.0 GB are free" in why


def test_arrays_and_plain_files_are_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch_copy, "_decision", None)
    source = source_of(recording_from_array(SAMPLES, HZ, 0.5))
    _, fast, why = read_all(tmp_path, source)
    assert (fast, why) == (source, "")


def test_costs_are_measured_on_a_few_blocks(tmp_path):
    read = Compressed(SAMPLES, [])
    found = scratch_copy.measured_costs(recording_of(read), 1, tmp_path)
    assert found.decode > 0
    assert found.write > 0
    assert len(read.decoded) == 3
    assert not list(tmp_path.iterdir())


def test_a_finished_run_needs_no_copy(tmp_path, costs):
    for name in ("detect", "match"):
        (tmp_path / f"{name}-{'0' * 20}").mkdir()
    read = Compressed(SAMPLES, [])
    assert isinstance(read_all(tmp_path, source_of(recording_of(read)))[1].recording.read, Compressed)


# the copy


def test_only_the_segments_are_copied_each_chunk_once(tmp_path, costs):
    read = Compressed(SAMPLES, [])
    segments = ((10, 40_000), (70_000, 90_500))
    samples, fast, _ = read_all(tmp_path, source_of(recording_of(read, segments)))
    assert np.array_equal(samples, np.concatenate([SAMPLES[a:b] for a, b in segments]))
    assert len(fast.recording.read.raw) == len(samples)
    assert sorted(read.decoded)[1:] == [(10, 30_000), (30_000, 40_000), (70_000, 90_000), (90_000, 90_500)]
    with pytest.raises(ValueError, match="in no segment"):
        fast.recording.read(39_990, 40_010)


def test_joined_files_are_cut_at_their_chunks():
    parts = (Compressed(SAMPLES, []), Compressed(SAMPLES, []))
    joined = JoinedSamples(parts, (0, 100_000, 200_000))
    assert joined.bounds == (0, 30_000, 60_000, 90_000, 100_000, 130_000, 160_000, 190_000, 200_000)
    recording = Recording(joined, 200_000, 4, HZ)
    assert [block.start for block in decoding_blocks(recording)] == list(joined.bounds[:-1])


def test_the_copy_is_removed_at_the_end_and_stays_if_the_sort_fails(tmp_path, costs):
    source = source_of(recording_of(Compressed(SAMPLES, [])))
    with (
        pytest.raises(KeyboardInterrupt),
        open_run(1, Store.open(tmp_path)) as run,
        fast_samples(run, source, "sieve"),
    ):
        raise KeyboardInterrupt
    assert len(list(tmp_path.glob("decoded-samples-*"))) == 1
    again = Compressed(SAMPLES, [])
    _, _, why = read_all(tmp_path, source_of(recording_of(again)))
    assert again.decoded == [(0, 1)]  # one sample tells the type
    assert "an earlier run" in why
    assert not list(tmp_path.glob("decoded-samples*"))


def test_an_interrupted_copy_goes_on(tmp_path, costs):
    with pytest.raises(OSError, match="the drive is gone"):
        read_all(tmp_path, source_of(recording_of(Compressed(SAMPLES, [], 90_000))))
    again = Compressed(SAMPLES, [])
    samples, _, _ = read_all(tmp_path, source_of(recording_of(again)))
    assert np.array_equal(samples, SAMPLES)
    assert (0, 30_000) not in again.decoded
    assert (90_000, 100_000) in again.decoded


def test_a_damaged_copy_is_made_again(tmp_path, costs):
    source = source_of(recording_of(Compressed(SAMPLES, [])))
    with (
        pytest.raises(KeyboardInterrupt),
        open_run(1, Store.open(tmp_path)) as run,
        fast_samples(run, source, "sieve"),
    ):
        raise KeyboardInterrupt
    (path,) = tmp_path.glob("decoded-samples-*/*.npy")
    content = bytearray(path.read_bytes())
    content[5_000] ^= 1
    path.write_bytes(content)
    again = Compressed(SAMPLES, [])
    samples, _, _ = read_all(tmp_path, source_of(recording_of(again)))
    assert np.array_equal(samples, SAMPLES)
    assert (0, 30_000) in again.decoded


# the sort


def simulated() -> np.ndarray:
    params = SimulationParams(n_units=4, seconds=4.0, seed=3, rate_hz=20.0)
    return simulate_array(line_probe(4), params)[0]


class Unpicklable(Compressed):
    """A source that cannot be sent to another process."""

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("it is in memory only")


def test_sorts_with_and_without_a_copy_are_the_same_and_share_their_steps(tmp_path, costs):
    samples = simulated()
    found = []
    for name, cost in (("copied", SLOW), ("decoded", FAST)):
        costs(cost)
        read = Compressed(samples, [], bounds=(0, 50_000, len(samples)))
        recording = Recording(read, len(samples), 4, HZ, 1.0)
        found.append(sort(recording, line_probe(4), resources=Resources(1, folder=tmp_path / name)))
    assert not differing(*found)
    kept = [{path.name for path in (tmp_path / name).iterdir() if path.is_dir()} for name in ("copied", "decoded")]
    assert kept[0] == kept[1]


def test_a_source_that_cannot_travel_is_copied_for_processes(tmp_path, costs):
    costs(FAST)
    source = source_of(recording_of(Unpicklable(SAMPLES, [])))
    said: list[str] = []
    with (
        ProcessPoolExecutor(1) as pool,
        open_run(1, Store.open(tmp_path), executor=pool) as run,
        fast_samples(run, source, "sieve", said.append) as fast,
    ):
        assert np.array_equal(pool.submit(fast.recording.read, 5, 9).result(), SAMPLES[5:9])
    assert "cannot be sent to other processes" in said[0]
