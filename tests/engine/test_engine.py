"""Blocks cover every sample once, in their segment; the executor keeps order, passes errors on, stays bounded."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.engine import scratch
from spikesieve.engine.blocks import (
    MAX_VALUES_IN_BLOCK,
    MIN_BLOCK_SAMPLES,
    Block,
    golden_order,
    plan_blocks,
    read_with_halo,
    spread,
)
from spikesieve.engine.buffers import Buffers
from spikesieve.engine.executor import map_in_order, silent, workers
from spikesieve.engine.run import Run
from spikesieve.engine.scratch import GrowingArray
from spikesieve.model import Recording

# Blocks


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000])
def test_any_first_few_of_the_golden_order_are_evenly_spread(n):
    order = golden_order(n)
    assert sorted(order.tolist()) == list(range(n))
    for k in range(2, min(n, 60)):
        gaps = np.diff(np.concatenate([[0], np.sort(order[:k]), [n]]))
        assert gaps.max() <= 3 * n / k + 1


@st.composite
def segments(draw):
    edges = draw(st.lists(st.integers(0, 500), min_size=2, max_size=10, unique=True))
    edges = sorted(edges)[: len(edges) // 2 * 2]
    return tuple((edges[i], edges[i + 1]) for i in range(0, len(edges), 2))


@settings(max_examples=60, deadline=None)
@given(segments(), st.integers(1, 600))
def test_blocks_cover_every_sample_of_the_segments_exactly_once(some, block_samples):
    blocks = plan_blocks(some, block_samples, 4)
    covered = [s for b in blocks for s in range(b.start, b.stop)]
    assert covered == [s for start, stop in some for s in range(start, stop)]
    assert [b.index for b in blocks] == list(range(len(blocks)))
    for block in blocks:
        assert 0 < block.n_samples <= block_samples
        assert (block.segment_start, block.segment_stop) in some
        assert block.segment_start <= block.start < block.stop <= block.segment_stop


def test_blocks_of_a_segment_are_of_equal_length():
    sizes = {b.n_samples for b in plan_blocks(((0, 100_001),), 30_000, 4)}
    assert max(sizes) - min(sizes) <= 1


def test_blocks_of_many_contacts_are_shorter():
    for n_contacts in (10, 64, 1000):
        longest = max(b.n_samples for b in plan_blocks(((0, 200_000),), 60_000, n_contacts))
        assert longest <= max(MIN_BLOCK_SAMPLES, MAX_VALUES_IN_BLOCK // n_contacts)


@given(st.integers(0, 40), st.integers(1, 25))
@settings(max_examples=40, deadline=None)
def test_spread_picks_different_blocks_in_order(n_blocks, n):
    picked = spread(tuple(Block(i, i, i + 1, 0, n_blocks) for i in range(n_blocks)), n)
    assert len(picked) == min(n, n_blocks)
    assert all(a.index < b.index for a, b in pairwise(picked))


def counting_recording(n_samples: int, segments: tuple[tuple[int, int], ...]) -> Recording:
    """Channel 0 holds the sample number, channel 1 its negative; reading beyond the ends is an error."""

    def read(start: int, stop: int) -> np.ndarray:
        assert 0 <= start <= stop <= n_samples
        return np.stack([np.arange(start, stop), -np.arange(start, stop)], axis=1).astype(np.float32)

    return Recording(read, n_samples, 2, 1000.0, segments=segments)


@settings(max_examples=60, deadline=None)
@given(segments(), st.integers(1, 100), st.integers(0, 150))
def test_a_halo_holds_the_neighbouring_samples_and_repeats_the_ends_of_the_segment(some, block_samples, halo):
    recording = counting_recording(501, some)
    for block in plan_blocks(some, block_samples, 2):
        traces = read_with_halo(recording, block, halo, np.array([1, 0]))
        wanted = np.clip(np.arange(block.start - halo, block.stop + halo), block.segment_start, block.segment_stop - 1)
        np.testing.assert_array_equal(traces, np.stack([-wanted, wanted], axis=1))


# Executor


def test_results_come_in_the_order_of_the_items():
    def slow_first(i: int) -> int:
        time.sleep(0.02 if i % 3 == 0 else 0.0)
        return i * i

    with workers(2) as pool:
        assert list(map_in_order(pool, slow_first, range(20), "stage", silent)) == [i * i for i in range(20)]


def test_no_item_gives_no_result():
    with workers(1) as pool:
        assert list(map_in_order(pool, abs, [], "stage", silent)) == []


def test_few_items_are_in_flight_however_slow_the_reader_is():
    started = []
    with workers(2) as pool:
        results = map_in_order(pool, started.append, range(100), "stage", silent)
        for _ in range(10):
            next(results)
        time.sleep(0.02)
        assert 10 <= len(started) <= 10 + 4
        list(results)
    assert sorted(started) == list(range(100))


def test_an_error_reaches_the_caller_and_what_waits_is_not_started():
    started, gate = [], threading.Event()

    def fail_at_three(i: int) -> int:
        started.append(i)
        if i == 3:
            raise ZeroDivisionError("at three")
        if i > 3:
            gate.wait(0.3)
        return i

    def run() -> None:
        with workers(1) as pool:
            for _ in map_in_order(pool, fail_at_three, range(50), "stage", silent):
                pass

    with pytest.raises(ZeroDivisionError, match="at three"):
        run()
    assert started in ([0, 1, 2, 3], [0, 1, 2, 3, 4])


def test_an_interrupt_in_the_caller_stops_the_pool():
    started = []

    def slow(i: int) -> int:
        started.append(i)
        time.sleep(0.01)
        return i

    def run() -> None:
        with workers(1) as pool:
            for i in map_in_order(pool, slow, range(500), "stage", silent):
                if i == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(started) < 10


def test_progress_is_told_from_zero_to_all():
    told = []
    with workers(2) as pool:
        list(map_in_order(pool, abs, [1, 2, 3], "stage", lambda *news: told.append(news)))
    assert told == [("stage", i, 3) for i in range(4)]


def test_workers_leave_one_blas_thread_each():
    from threadpoolctl import threadpool_info

    np.ones((8, 8)) @ np.ones((8, 8))
    with workers(2):
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_a_pass_pairs_each_block_with_its_result(tmp_path):
    recording = counting_recording(100, ((0, 40), (60, 100)))
    blocks = plan_blocks(recording.segments, 15, 2)
    with workers(2) as pool:
        run = Run(recording, blocks, pool, tmp_path, silent)
        found = list(run.over(blocks, first_sample, "stage"))
    assert [(b.start, s) for b, s in found] == [(b.start, b.start) for b in blocks]


def first_sample(run: Run, block: Block) -> int:
    return int(run.read(block, 0, np.array([0]))[0, 0])


# Scratch


def test_a_growing_array_gives_its_rows_back(tmp_path):
    rows = np.random.default_rng(0).standard_normal((23, 4, 2)).astype(np.float32)
    with GrowingArray(tmp_path / "rows", (4, 2), np.float32) as grows:
        for part in (rows[:5], rows[5:5], rows[5:]):
            grows.append(part)
        np.testing.assert_array_equal(grows.finish(), rows)


@pytest.mark.parametrize(
    "key",
    [
        slice(3, 400),
        np.random.default_rng(1).integers(-500, 500, 300),
        np.random.default_rng(2).random(500) > 0.5,
        np.array([], np.int64),
        (np.array([3, 2]), 1),
        (slice(None), 1),
        -1,
    ],
    ids=["slice", "rows", "mask", "none", "entries", "column", "last"],
)
def test_rows_on_disk_are_those_that_were_appended(tmp_path, monkeypatch, key):
    monkeypatch.setattr(scratch, "RESIDENT_BYTES", 1_000)
    rows = np.random.default_rng(0).standard_normal((500, 3, 2)).astype(np.float32)
    with GrowingArray(tmp_path / "rows", (3, 2), np.float32) as grows:
        grows.append(rows[:200])
        grows.append(rows[200:])
        on_disk = grows.finish()
    np.testing.assert_array_equal(on_disk[key], rows[key])
    assert on_disk.max() == rows.max()
    assert type(on_disk > 0) is np.ndarray


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells what is resident")
def test_what_was_read_from_disk_does_not_stay_in_memory(tmp_path):
    with GrowingArray(tmp_path / "rows", (1_000,), np.float32) as grows:
        for _ in range(50):
            grows.append(np.ones((1_000, 1_000), np.float32))
        on_disk = grows.finish()
    before = mapped_bytes()
    for start in range(0, len(on_disk), 5_000):
        assert on_disk[start : start + 5_000].sum() == 5e6
    assert on_disk[np.random.default_rng(0).integers(0, len(on_disk), 1_000)].sum() == 1e6
    column = on_disk[:, 1:3]
    for start in range(0, len(column), 1_000):
        assert column[start : start + 1_000].sum() == 2e3
    assert mapped_bytes() - before < 3 * scratch.RESIDENT_BYTES < on_disk.nbytes


def mapped_bytes() -> int:
    """Resident pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


def test_buffers_are_kept_until_they_are_cleared():
    buffers = Buffers()
    first = buffers.take("a", (10, 10))
    first[:] = 7.0
    assert buffers.take("a", (5, 10)).base is first.base
    assert buffers.take("b", (5,)).base is not first.base
    with workers(1) as pool:
        assert pool.submit(buffers.take, "a", (10, 10)).result().base is not first.base
    buffers.clear()
    assert buffers.take("a", (10, 10)).base is not first.base


def test_a_growing_array_without_rows_is_empty(tmp_path):
    with GrowingArray(tmp_path / "rows", (4, 2), np.float32) as grows:
        assert grows.finish().shape == (0, 4, 2)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "malloc_trim"), reason="glibc")
def test_what_a_worker_freed_goes_back_to_the_system():
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def work() -> np.ndarray:
        """80 MB, of which the last piece stays and would hold all before it."""
        return [np.ones(100_000, np.uint8) for _ in range(800)][-1]

    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(work).result()
        before = resident()
        Buffers().clear()
        assert resident() < before - 40e6
    assert last.all()


ARENAS = """
import ctypes, sys
from spikesieve.engine.executor import workers

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with workers(4) as pool:
    list(pool.map(lambda n: bytearray(n), [100_000] * 40))
    file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "malloc_info"), reason="glibc")
def test_workers_share_one_heap(tmp_path):
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", ARENAS, str(tmp_path / "heaps.xml")], check=True, env=alone)
    assert (tmp_path / "heaps.xml").read_text().count("<heap nr=") == 1
