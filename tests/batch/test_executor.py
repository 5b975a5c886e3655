"""One recording over the workers of a Dask cluster: the same bytes as with threads."""

from __future__ import annotations

import pickle
from concurrent.futures import Executor, Future

import numpy as np
import pytest
from killing import end_this_process, unlike
from needed import needed_module
from small_files import HZ, run_sort, spiking, write_raw

from spikesieve.api.sort_files import Job, sort_files
from spikesieve.batch.clusters import Workers
from spikesieve.batch.executor import ClusterExecutor, open_executor
from spikesieve.engine.economy import Economy
from spikesieve.engine.executor import map_in_order
from spikesieve.errors import OutOfMemoryError
from spikesieve.io.recordings.open_input import RawOptions

dask, distributed = needed_module("dask", "packages"), needed_module("distributed", "packages")


class Add:
    """Adds a large array's first value."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __call__(self, item: int) -> int:
        return int(self.values[0]) + item


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_what_a_pass_needs_is_sent_once_and_results_come_in_order(client, monkeypatch):
    sent, replicate = [], client.replicate
    monkeypatch.setattr(client, "replicate", lambda *what: (sent.append(what), replicate(*what))[1])
    with ClusterExecutor(client) as executor:
        for number in (1, 2):
            add = Add(np.full(1000, 100 * number))
            found = list(map_in_order(executor, add, range(20), Economy(2)))
            assert found == [100 * number + item for item in range(20)]
    assert len(sent) == 2


def test_two_passes_in_turn_do_not_mix(client):
    with ClusterExecutor(client) as executor:
        one, two = (map_in_order(executor, Add(np.full(10, 100 * n)), range(9), Economy(2)) for n in (1, 2))
        assert list(zip(one, two, strict=True)) == [(100 + n, 200 + n) for n in range(9)]


def test_a_sort_over_worker_processes_has_the_bytes_of_one_with_threads(tmp_path):
    raw = write_raw(tmp_path, spiking(2.0))
    small = ["--set", "engine.block_samples=4000"]
    for name, more in (("threads", ["--jobs", "1"]), ("cluster", ["--jobs", "2", "--cluster", "local"])):
        result = run_sort(raw, tmp_path / name, *small, *more)
        assert result.exit_code == 0, result.output
    assert unlike(tmp_path / "threads", tmp_path / "cluster") == []


def test_work_that_ends_its_workers_is_a_sentence(tmp_path):
    job, once = Job((tmp_path / "raw.bin",), tmp_path / "out"), {"distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(once),
        pytest.raises(OutOfMemoryError, match="more memory"),
        open_executor(Workers("local", 1), job) as executor,
    ):
        list(map_in_order(executor, end_this_process, [3], Economy(1)))


class InTurn(Executor):
    """Does each piece of work at once, and counts the bytes that would have been sent for it beside the function."""

    def __init__(self) -> None:
        self.sent_bytes = 0

    def submit(self, fn, /, *args):
        self.sent_bytes += sum(len(pickle.dumps(each)) for each in args)
        future = Future()
        future.set_result(fn(*args))
        return future


def test_what_takes_longer_to_send_than_to_work_on_stays_here(tmp_path):
    raw, executor = write_raw(tmp_path, spiking(4.0)), InTurn()
    options = RawOptions(4, HZ, gain_uv=1.0)
    sort_files(Job((raw,), tmp_path / "out", "linear:4:25", options, n_jobs=1), executor=executor)
    # Workers read the raw file themselves, and features of spikes stay where they are.
    assert 0 < executor.sent_bytes < raw.stat().st_size / 50, executor.sent_bytes
