"""Where memory runs short: fewer workers, then shorter blocks, the same results, and a line in the log."""

from __future__ import annotations

import errno
import itertools
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from large_samples import FindLarge, run_in, source
from tiny import BACKEND

from spikesieve.engine.economy import Economy, is_shortage
from spikesieve.engine.executor import map_in_order, threads
from spikesieve.engine.machine import MemoryLimit
from spikesieve.engine.run import Core, Run
from spikesieve.engine.store import Store
from spikesieve.errors import OutOfMemoryError
from spikesieve.io.results.run_log import run_log
from spikesieve.stages.preprocess import Clean


def roomy() -> tuple[MemoryLimit, ...]:
    """Limits that are far."""
    return (MemoryLimit("the memory of the machine", 100, 10),)


class Crowded:
    """Fails where more than `n_at_once` calls are at work, as if there were no memory for them."""

    def __init__(self, n_at_once: int) -> None:
        self.n_at_once, self.n_at_work, self.lock = n_at_once, 0, threading.Lock()

    def __call__(self, i: int) -> int:
        with self.lock:
            self.n_at_work += 1
            fits = self.n_at_work <= self.n_at_once
        try:
            time.sleep(0.002)
            if not fits:
                raise MemoryError("Unable to allocate 1 GiB")
            return i * i
        finally:
            with self.lock:
                self.n_at_work -= 1


@pytest.mark.parametrize(("n_at_once", "most_left"), [(1, 1), (2, 2)])
def test_what_found_no_memory_is_done_again_with_fewer_workers(n_at_once, most_left):
    economy = Economy(4, roomy)
    with threads(4) as pool:
        assert list(map_in_order(pool, Crowded(n_at_once), range(60), economy)) == [i * i for i in range(60)]
    assert economy.n_workers == most_left
    assert economy.n_pieces == 1


@pytest.mark.parametrize("error", [MemoryError("none"), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_without_memory_for_one_item_alone_the_work_ends(error):
    def fail(i: int) -> int:
        raise error

    with threads(2) as pool, pytest.raises(MemoryError):
        list(map_in_order(pool, fail, range(9), Economy(2, roomy)))


def test_what_failed_holds_no_memory_while_it_is_done_again():
    """The traceback of an error holds the arrays of the calls that raised it."""
    alive: weakref.WeakSet[Large] = weakref.WeakSet()
    together, n_calls = threading.Barrier(3), itertools.count()

    def work(i: int) -> int:
        large = Large()
        alive.add(large)
        if next(n_calls) < 3:
            together.wait()
            time.sleep(0.01 * i)
            raise MemoryError("Unable to allocate 1 GiB")
        return len(alive)

    with threads(3) as pool:
        assert list(map_in_order(pool, work, range(3), Economy(3, roomy))) == [1, 1, 1]


class Large:
    """Stands for a large array."""


def test_other_errors_are_no_shortage():
    assert not is_shortage(OSError(errno.EIO, "broken"))
    assert not is_shortage(ZeroDivisionError())


@dataclass(frozen=True, eq=False)
class FindLargeInShortBlocks(FindLarge):
    """Finds no memory for blocks of more than 2600 samples."""

    longest: int = 2600

    def __call__(self, clean: Clean, core: Core, backend):
        if core.block.n_samples > self.longest:
            raise MemoryError("Unable to allocate 1 GiB")
        return super().__call__(clean, core, backend)


LONG = source(40_000, 10_000)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_blocks_that_find_no_memory_are_cut_and_the_log_says_so(tmp_path, kind):
    told: list = []
    with kind(2) as pool, run_log(tmp_path / "log"):
        run = Run(pool, BACKEND, Store.open(tmp_path / "cut"), lambda *now: told.append(now), Economy(2, roomy))
        found, _ = run.collect(FindLargeInShortBlocks(LONG), LONG.blocks, "large")
    assert (run.economy.n_workers, run.economy.n_pieces) == (1, 4)
    assert found.sample.tolist() == list(range(100, 40_000, 250))
    assert found.n_looked_at == 40_000
    assert told == [("large", i, 4) for i in range(5)]
    said = (tmp_path / "log").read_text()
    assert "memory runs short: Unable to allocate 1 GiB; going on with 1 worker" in said
    assert "going on with blocks cut into 4 pieces" in said


def test_a_pass_whose_blocks_were_cut_goes_on_in_whole_blocks(tmp_path):
    """Killed after it had cut blocks, and with memory again: the finished pieces stay as they are."""

    def stop(stage: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool:
        run = Run(pool, BACKEND, Store.open(tmp_path), stop, Economy(1, roomy))
        with pytest.raises(KeyboardInterrupt):
            run.collect(FindLargeInShortBlocks(LONG), LONG.blocks, "large")
        told: list = []
        found, _ = run_in(tmp_path, pool, told).collect(FindLarge(LONG), LONG.blocks, "large")
    assert found.sample.tolist() == list(range(100, 40_000, 250))
    assert found.n_looked_at == 40_000
    assert told[0][1] > 3


def test_pieces_of_a_block_share_its_displacement():
    block = LONG.blocks[1]
    pieces = block.pieces(3)
    assert [piece.stop for piece in pieces[:-1]] == [piece.start for piece in pieces[1:]]
    assert (pieces[0].start, pieces[-1].stop) == (block.start, block.stop)
    assert {piece.middle for piece in pieces} == {block.middle}
    assert len(block.pieces(10**6)) == 10


def test_a_step_without_memory_is_a_sentence(tmp_path):
    def greedy(run: Run) -> int:
        raise MemoryError

    with ThreadPoolExecutor(1) as pool, pytest.raises(OutOfMemoryError, match="not enough memory for the step greedy"):
        run_in(tmp_path, pool).step("greedy", greedy)


@pytest.mark.parametrize(
    ("used", "n_workers", "n_pieces"),
    [([0.5], 4, 1), ([0.95], 2, 1), ([0.95, 0.95, 0.95], 2, 1), ([0.95, 0.96, 0.97], 1, 2), ([0.95, 0.99], 1, 1)],
)
def test_a_limit_that_comes_near_and_nearer_is_heeded_before_it_is_reached(monkeypatch, used, n_workers, n_pieces):
    monkeypatch.setattr("spikesieve.engine.economy.LOOK_S", 0.0)
    now: list[float] = []
    economy = Economy(4, lambda: (MemoryLimit("far", 100, 10), MemoryLimit("near", 1000, round(1000 * now[-1]))))
    for share in used:
        now.append(share)
        economy.look()
    assert (economy.n_workers, economy.n_pieces) == (n_workers, n_pieces)


LIMITED = """
    import resource
    from concurrent.futures import ThreadPoolExecutor
    import numpy as np
    from spikesieve.engine.economy import Economy
    from spikesieve.engine.executor import map_in_order, threads
    from spikesieve.engine.machine import memory_limits

    def work(i):
        room = np.ones(150_000_000 // 8)  # 150 MB
        return float(room[: i + 1].sum())

    with threads(4) as pool:
        list(map_in_order(pool, float, range(8), Economy(4)))  # its threads have started
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.{name}, (size + 400_000_000, resource.RLIM_INFINITY))
        economy = Economy(4, {limits})
        assert list(map_in_order(pool, work, range(20), economy)) == [i + 1.0 for i in range(20)]
    print(economy.n_workers, *(limit.what for limit in memory_limits()[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces these limits")
@pytest.mark.parametrize("limits", ["lambda: (memory_limits()[0],)", "memory_limits"], ids=["failing", "near"])
def test_under_a_limit_of_the_system_the_work_goes_on(limits):
    code = textwrap.dedent(LIMITED).replace("{limits}", limits).replace("{name}", "RLIMIT_AS")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert said.returncode == 0, said.stderr
    assert int(said.stdout.split()[0]) < 4
    assert "the limit of ulimit -v" in said.stdout
