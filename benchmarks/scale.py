"""What a batch costs beside its sorts, and how one recording spreads over worker processes.

    python benchmarks/scale.py rows WORKDIR [--rows 10000] [--sort-s 0]
    python benchmarks/scale.py one WORKDIR RECORDING [--seconds 60] [--workers 1 2 4]

`rows` hands out rows whose sort only waits `--sort-s` seconds to two worker processes, and prints the seconds beyond it
for each row, the highest memory of this process, and the longest time between two updates of the table. `one` sorts the
first seconds of a recording (a folder of WORKDIR, see benchmarks/bench.py) with threads and over worker processes of
Dask, compares the spikes, and measures in processor time what this process and the workers do, and how many bytes go to
and fro.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import distributed
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from stub_sorts import need, rows, waits

import spikesieve
from spikesieve.batch.clusters import Workers
from spikesieve.batch.executor import ClusterExecutor
from spikesieve.batch.order import Papers
from spikesieve.batch.pool import open_pool
from spikesieve.batch.run import Batch, Rules, run_batch
from spikesieve.batch.state import Place
from spikesieve.batch.summary import Summary
from spikesieve.cli.batch_table import LiveTable
from spikesieve.engine.machine import peak_memory_mb

N_WORKERS = 2


def measure_rows(workdir: Path, n_rows: int, sort_s: float) -> None:
    """Hand out stubs."""
    with TemporaryDirectory(dir=workdir) as folder:
        place = Place(Path(folder) / "out")
        (place.folder).mkdir()
        batch = Batch(rows(Path(folder), n_rows), place, Rules(N_WORKERS))
        papers, shown_s = Papers(batch, Summary(place)), [time.monotonic()]
        with LiveTable(False) as table, open_pool(Workers("local", N_WORKERS)) as pool:

            def show(batch: Batch) -> None:
                table.show(batch, [])
                papers.write_if_due([])
                shown_s.append(time.monotonic())

            begun_s = time.monotonic()
            run_batch(batch, pool, show, need, partial(waits, sort_s))
        took_s = time.monotonic() - begun_s
        page_mb = (place.folder / "batch.html").stat().st_size / 1e6
    each_s = took_s * N_WORKERS / n_rows - sort_s
    print(f"{n_rows} rows, {batch.counts()}: {took_s:.1f} s, {each_s:.3f} s of a worker for each beyond its sort")
    print(f"peak memory {peak_memory_mb():.0f} MB; longest time between two updates {np.diff(shown_s).max():.1f} s")
    print(f"page of {page_mb:.1f} MB")


class Counted(Executor):
    """Counts the bytes of what workers return."""

    def __init__(self, inner: Executor) -> None:
        self._inner, self.back_bytes, self.n_tasks = inner, 0, 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Count what comes back."""
        future = self._inner.submit(fn, *args, **kwargs)
        self.n_tasks += 1
        future.add_done_callback(self._count)
        return future

    def _count(self, future: Future[Any]) -> None:
        if not future.cancelled() and future.exception() is None:
            self.back_bytes += len(pickle.dumps(future.result()))


def processor_s(pids: list[int]) -> float:
    """Processor time of some processes in s."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def measure_one(folder: Path, seconds: float, numbers: list[int]) -> None:
    """Sort over worker processes."""
    meta = json.loads((folder / "meta.json").read_text())
    recording = spikesieve.read_recording(
        folder / "recording.bin", n_channels=meta["n_channels"], sampling_hz=meta["fs"], gain_uv=meta["gain_uv"]
    )
    recording = spikesieve.select_times(recording, (0.0, seconds), ())
    probe = spikesieve.read_probe(folder / "probe.json")
    threads = spikesieve.sort(recording, probe, resources=spikesieve.Resources(n_jobs=1))
    print("workers | wall s | here s | workers s | serial share | MB sent | MB back | tasks | same")
    for n in numbers:
        with (
            distributed.LocalCluster(n, threads_per_worker=1, dashboard_address=":0", memory_limit=0) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            for _ in range(2 if n == numbers[0] else 1):  # the first time kernels are loaded
                sent: list[int] = []
                executor = Counted(watched(ClusterExecutor(client), sent))
                pids = list(client.run(lambda: psutil.Process().pid).values())
                here_s, there_s, wall_s = time.process_time(), processor_s(pids), time.monotonic()
                resources = spikesieve.Resources(n_jobs=n, executor=executor)
                found = spikesieve.sort(recording, probe, resources=resources)
                here_s, there_s = time.process_time() - here_s, processor_s(pids) - there_s
                wall_s = time.monotonic() - wall_s
        same = np.array_equal(found.spikes.sample, threads.spikes.sample) and np.array_equal(
            found.spikes.features, threads.spikes.features
        )
        print(
            f"{n} | {wall_s:.1f} | {here_s:.1f} | {there_s:.1f} | {here_s / (here_s + there_s):.3f} | "
            f"{sum(sent) * n / 1e6:.1f} | {executor.back_bytes / 1e6:.1f} | {executor.n_tasks} | {same}",
            flush=True,
        )


def watched(executor: ClusterExecutor, sent: list[int]) -> ClusterExecutor:
    """Note the bytes of what is sent to every worker."""
    on_every_worker = executor._on_every_worker

    def note(fn: Any) -> Any:
        sent.append(len(fn.pickled))
        return on_every_worker(fn)

    executor._on_every_worker = note  # type: ignore[method-assign]
    return executor


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rows", "one"])
    parser.add_argument("workdir", type=Path)
    parser.add_argument("recording", nargs="?", default="")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--sort-s", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    if given.what == "rows":
        measure_rows(given.workdir, given.rows, given.sort_s)
    else:
        measure_one(given.workdir / given.recording, given.seconds, given.workers)


if __name__ == "__main__":
    main()
