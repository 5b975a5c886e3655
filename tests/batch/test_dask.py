"""Rows on real workers of Dask: processes of this machine."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import stub_sorts
from killing import unlike
from needed import needed_module
from small_files import HZ, facts, spiking, write_raw
from stub_sorts import need, rows

from spikesieve.batch import pool as pool_module
from spikesieve.batch.clusters import Workers
from spikesieve.batch.pool import DaskPool, Task, open_pool
from spikesieve.batch.rows import Row
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.state import Place
from spikesieve.batch.work import Ended
from spikesieve.errors import SettingsError

distributed = needed_module("distributed", "packages")


def test_a_worker_that_is_killed_is_replaced_and_its_row_is_tried_again(tmp_path):
    batch = Batch(rows(tmp_path, 4), Place(tmp_path / "out"), Rules(2))
    with open_pool(Workers("local", 2)) as pool:
        run_batch(batch, pool, lambda _: None, need, stub_sorts.kills_its_worker)
    assert set(batch.states.values()) == {"done"}, batch.reasons
    assert batch.rows[1].out.with_suffix(".tries").stat().st_size == 2


def test_nothing_of_a_row_is_kept_after_it_has_ended(tmp_path):
    batch = Batch(rows(tmp_path, 200), Place(tmp_path / "out"), Rules(2))
    with open_pool(Workers("local", 2)) as pool:
        run_batch(batch, pool, lambda _: None, need, stub_sorts.nothing)
        n_kept = sum(type(each) is Row for each in gc.get_objects()) - len(batch.rows)
        client = pool.open_cluster(1)[0]
        levels = set(client.run(stub_sorts.level_of_tracebacks).values())
        mapped_from_bytes = set(client.run(os.getenv, "MALLOC_MMAP_THRESHOLD_").values())
    assert n_kept < 100
    assert mapped_from_bytes == {"33554432"}
    # At their end workers would print what their heartbeat met.
    assert levels == {logging.CRITICAL}


@pytest.fixture
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.wait_for_workers(2)
        yield client


def waited(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_row_whose_only_worker_has_ended_is_taken_by_another(client, monkeypatch):
    monkeypatch.setattr(pool_module, "_workers_elsewhere", lambda client, avoid: ["inproc://127.0.0.1/1/1"])
    pool = DaskPool(lambda memory_gb: (client, None), 2)
    pool.submit(Task("r0", Ended, ("r0", "done"), avoid=frozenset({"blind"})))
    assert pool.ended(60.0) == [Ended("r0", "done")]


def test_a_worker_with_a_result_to_be_fetched_is_not_idle(client):
    pool = DaskPool(lambda memory_gb: (client, None), 2)
    pool.submit(Task("r0", Ended, ("r0", "done")))
    (future,) = pool._running
    waited(future.done)
    del future
    assert len(pool_module._idle(client, pool._keys(client))) == 1
    assert pool.ended(60.0) == [Ended("r0", "done")]
    waited(lambda: len(pool_module._idle(client, pool._keys(client))) == 2)


class JobsOfScheduler:
    """Two jobs of a scheduler, of which one may be let go."""

    def __init__(self) -> None:
        self.worker_spec = {0: {}, 1: {}}
        self.let_go: list[int] = []

    def sync(self, function: Callable[[list[int]], None], workers: list[int]) -> None:
        function(workers)

    def scale_down(self, workers: list[int]) -> None:
        self.let_go += workers
        for worker in workers:
            del self.worker_spec[worker]

    def scale(self, n: int) -> None:
        assert n <= len(self.worker_spec)


@pytest.mark.parametrize("repeat", range(3))
def test_a_worker_to_which_a_row_is_on_its_way_is_not_let_go(client, repeat):
    jobs, pool = JobsOfScheduler(), DaskPool(lambda memory_gb: (client, jobs), 2)
    pool.submit(Task("r0", time.sleep, (1.0,)))
    waited(lambda: any(client.processing().values()))
    (busy,) = [at for at, keys in client.processing().items() if keys]
    waited(lambda: bool(pool._scale() or jobs.let_go))
    assert jobs.let_go == [1 - client.scheduler_info()["workers"][busy]["name"]]


class Ending:
    """A client of a worker whose row ends after some questions."""

    def __init__(self, after: int) -> None:
        self.after, self.n_asked = after, 0

    def _said(self, before: list[str], after: list[str]) -> dict[str, list[str]]:
        self.n_asked += 1
        return {"w": before if self.n_asked <= self.after else after}

    def processing(self) -> dict[str, list[str]]:
        return self._said(["r0"], [])

    def has_what(self) -> dict[str, list[str]]:
        return self._said([], ["r0"])

    def scheduler_info(self, n_workers: int) -> dict[str, dict[str, dict[str, int]]]:
        self.n_asked += 1
        return {"workers": {"w": {"name": 0}}}


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_worker_whose_row_ends_while_it_is_asked_is_not_idle(after):
    assert pool_module._idle(Ending(after), {"r0"}) == []


def hand_out_to_one(cluster, client, monkeypatch, task: Task) -> tuple[DaskPool, str]:
    """A row that is meant for one worker of a cluster; the address of the worker."""
    worker = cluster.workers[0].worker_address
    monkeypatch.setattr(pool_module, "_workers_elsewhere", lambda client, avoid: [worker])
    pool = DaskPool(lambda memory_gb: (client, None), 2)
    pool.submit(replace(task, avoid=frozenset({"blind"})))
    return pool, worker


@pytest.fixture
def process():
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.wait_for_workers(1)
        yield cluster, client


def test_a_row_whose_worker_ends_with_its_result_is_given_back(process, monkeypatch):
    cluster, client = process
    monkeypatch.setattr(pool_module, "PATIENCE_S", 2.0)
    pool, _ = hand_out_to_one(cluster, client, monkeypatch, Task("r0", Ended, ("r0", "done")))
    (future,) = pool._running
    waited(future.done)
    # Before the client hears of it.
    psutil.Process(cluster.workers[0].pid).kill()
    (ended,) = pool.ended(60.0)
    assert (ended.name, ended.state) == ("r0", "killed")


def test_a_row_whose_workers_were_taken_from_it_is_given_back(process, monkeypatch):
    cluster, client = process
    monkeypatch.setattr(pool_module, "PATIENCE_S", 1.0)
    pool, worker = hand_out_to_one(cluster, client, monkeypatch, Task("r0", time.sleep, (600.0,)))
    waited(lambda: any(client.processing().values()))
    client.retire_workers([worker])
    cluster.scale(2)
    found: list[Ended] = []
    waited(lambda: bool(found.extend(pool.ended(0.1)) or found))
    assert (found[0].name, found[0].state) == ("r0", "killed")


class Pods:
    """A cluster of Kubernetes, which has no more than this."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def scale(self, n: int) -> None:
        self.asked.append(n)


def test_pods_are_asked_for_as_rows_come_and_not_taken_away_from_them(client):
    pods = Pods()
    pool = DaskPool(lambda memory_gb: (client, pods), 2)
    for name in ("r0", "r1", "r2"):
        pool.submit(Task(name, Ended, (name, "done")))
    found: set[str] = set()
    while len(found) < 3:
        found |= {ended.name for ended in pool.ended(60.0)}
    assert pods.asked == [1, 2]


@pytest.mark.parametrize("cluster", ["lcoal", "kubernetes"])
def test_a_cluster_that_cannot_be_is_a_sentence(cluster):
    with pytest.raises(SettingsError), open_pool(Workers(cluster)) as pool:
        pool.open_cluster(2)


def command(data: Path, out: Path, *more: str) -> list[str]:
    words = [str(data / "*.bin"), "--out", str(out), "--channels", "4", "--sampling-hz", str(HZ), "--gain-uv", "1"]
    return [sys.executable, "-m", "spikesieve", "batch", *words, "--probe", "linear:4:25", "--workers", "2", *more]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to kill")
def test_a_batch_that_is_killed_goes_on_with_the_same_command_and_gives_the_same_bytes(tmp_path):
    data, whole, out = tmp_path / "data", tmp_path / "whole", tmp_path / "out"
    data.mkdir()
    for number in (0, 1):
        write_raw(data, spiking(2.0 + number), f"r{number}.bin")
    (data / "bad.bin").write_bytes(b"12345")
    done = subprocess.run(command(data, whole, "--price-core-hour", "0.05"), capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "refused: bad: " in done.stderr
    assert facts(whole / "r0")["result"]["n_units"] == 1
    first = subprocess.Popen(command(data, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    while "done" not in first.stderr.readline():
        assert first.poll() is None
    first.kill()
    first.wait()
    first.stderr.close()
    again = subprocess.run(command(data, out), capture_output=True, text=True)
    assert again.returncode == 2, again.stderr
    assert [unlike(whole / name, out / name) for name in ("r0", "r1")] == [["batch.json"], ["batch.json"]]
    # Prices have columns where a price was given only.
    assert ["per probe-hour" in (folder / "batch.html").read_text() for folder in (whole, out)] == [True, False]
    summary = (out / "summary.csv").read_text()
    assert "refused" in summary
    assert summary.count(",done,") == 2
