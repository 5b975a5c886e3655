"""How one recording spreads over worker processes: what is serial, what travels, and what to expect of more workers.

    python benchmarks/spread.py measure WORKDIR MEASURED.json d384:60 [s64:300 ...] [--workers 0 1 2 4]
    python benchmarks/spread.py table MEASURED.json --core-hours 1.15

`measure` sorts the first seconds of recordings of WORKDIR (see benchmarks/bench.py) over worker processes of Dask (0:
in this process, without Dask), report included, and compares the bytes of the results with the first. It measures
processor time, which other programs change little: of the workers; of the thread that hands out, while no worker has
anything to do (alone) and while they work (ordering); of threads beside it, which do what takes longer to send (near);
and of the other threads of this process (dask: scheduler, packing, sockets). Bytes are counted at the sockets and files
of the workers.

`table` prints what was measured, and what to expect of longer recordings, of the rates below, which were read off the
runs in docs/scale.md, and of the work for an hour of 384 channels (--core-hours, see docs/benchmarks/performance.md).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, main_thread
from typing import Any, ClassVar
from unittest.mock import patch

import psutil
from tornado.iostream import IOStream

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from killing import unlike

from spikesieve.api.sort_files import Job, sort_files
from spikesieve.batch.clusters import Workers, open_client
from spikesieve.batch.executor import ClusterExecutor
from spikesieve.io.recordings.open_input import RawOptions

MEASURES = ("workers_s", "alone_s", "near_s", "ordering_s", "dask_s", "to_mb", "from_mb", "files_mb", "tasks")
# What is projected: name, contacts, hours, the recording it is measured on, and workers.
TARGETS = (("1 h x 384 channels", 384, 1.0), ("4 h x 1536 channels", 1536, 4.0))
N_WORKERS = (8, 32, 128)
# Processor time in s: at any length, for a contact, for a second of a contact; for a piece, for a MB that is sent.
ALONE_S, NEAR_S, ORDERING_S, DASK_S = (2.0, 0.02, 1.1e-4), 6.3e-5, 1.2e-4, (0.004, 0.006)
# Pieces: of 384 contacts, beside two passes over blocks of half a second. MB that come back: of a contact, and of a
# second of a contact.
PIECES, FROM_MB = (2000, 4), (8.4, 4.3e-3)


class Watched(Executor):
    """Counts pieces of work, and the processor time of the main thread while none is handed out."""

    def __init__(self, inner: Executor) -> None:
        self._inner, self._lock, self._n_out = inner, Lock(), 0
        self._clock = time.pthread_getcpuclockid(main_thread().ident or 0)
        self.n_tasks, self.alone_s, self._since_s = 0, 0.0, self.now_s()
        self._begun_s = self._since_s

    def now_s(self) -> float:
        """Processor time of the main thread in s."""
        return time.clock_gettime(self._clock)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand out a piece of work."""
        with self._lock:
            if not self._n_out:
                self.alone_s += self.now_s() - self._since_s
            self._n_out += 1
            self.n_tasks += 1
        future = self._inner.submit(fn, *args, **kwargs)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._n_out -= 1
            if not self._n_out:
                self._since_s = self.now_s()

    def end(self) -> float:
        """Count what the main thread did since the last piece of work; returns all that it did, in s."""
        self.alone_s += self.now_s() - self._since_s
        return self.now_s() - self._begun_s


class InTurn(Executor):
    """Does each piece of work as it is handed out."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do a piece of work."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Near(ThreadPoolExecutor):
    """Counts the processor time of its threads."""

    spent_s: ClassVar[list[float]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do a piece of work on a thread."""

        def timed() -> Any:
            begun_s = time.thread_time()
            try:
                return fn(*args, **kwargs)
            finally:
                self.spent_s.append(time.thread_time() - begun_s)

        return super().submit(timed)


def count_traffic() -> None:
    """Count the bytes that pass the sockets of this process."""
    kind: Any = IOStream
    kind.n_in, kind.n_out = 0, 0
    read, write = kind.read_from_fd, kind.write_to_fd

    def counted_read(self: Any, *args: Any) -> Any:
        n = read(self, *args)
        kind.n_in += n or 0
        return n

    def counted_write(self: Any, *args: Any) -> Any:
        n = write(self, *args)
        kind.n_out += n or 0
        return n

    kind.read_from_fd, kind.write_to_fd = counted_read, counted_write


def counters() -> tuple[float, float, float, float]:
    """Processor time in s, and bytes of sockets, in and out, and of files that this process has read."""
    kind: Any = IOStream
    process = psutil.Process()
    return sum(process.cpu_times()[:2]), kind.n_in, kind.n_out, process.io_counters().read_chars


def job_of(folder: Path, seconds: float, out: Path, n_jobs: int) -> Job:
    """The first seconds of a recording."""
    meta = json.loads((folder / "meta.json").read_text())
    raw = RawOptions(meta["n_channels"], meta["fs"], gain_uv=meta["gain_uv"], time_range_s=(0.0, seconds))
    return Job((folder / "recording.bin",), out, str(folder / "probe.json"), raw, n_jobs=n_jobs, overwrite=True)


def watched(job: Job, executor: Executor) -> dict[str, float]:
    """Sort, and measure this process."""
    watch, before_s, begun_s = Watched(executor), time.process_time(), time.monotonic()
    Near.spent_s.clear()
    with patch("spikesieve.api.sort.ThreadPoolExecutor", Near):
        sort_files(job, executor=watch)
    main_s, near_s = watch.end(), sum(Near.spent_s)
    others_s = time.process_time() - before_s - main_s - near_s
    alone = {"alone_s": watch.alone_s, "near_s": near_s, "tasks": watch.n_tasks}
    return alone | {"wall_s": time.monotonic() - begun_s, "handing_s": main_s - watch.alone_s, "others_s": others_s}


def spread(folder: Path, seconds: float, n: int, out: Path) -> dict[str, float]:
    """Sort over n worker processes, or in this process."""
    job, warm = job_of(folder, seconds, out, n or 1), job_of(folder, 3.0, out.with_name("warm"), n or 1)
    with ExitStack() as stack:
        # Kernels are loaded before.
        if not n:
            sort_files(warm, executor=InTurn())
            found = watched(job, InTurn())
            return found | dict.fromkeys(MEASURES, 0.0) | {"workers_s": found["handing_s"]} | found
        client, _ = open_client(stack, Workers("local", n), 0)
        client.run(count_traffic)
        sort_files(warm, executor=ClusterExecutor(client))
        before = client.run(counters)
        found = watched(job, ClusterExecutor(client))
        after = client.run(counters)
    workers_s, *moved = [sum(after[each][k] - before[each][k] for each in after) for k in range(4)]
    sizes = dict(zip(("to_mb", "from_mb", "files_mb"), (n_bytes / 1e6 for n_bytes in moved), strict=True))
    return found | sizes | {"workers_s": workers_s, "ordering_s": found["handing_s"], "dask_s": found["others_s"]}


def measure(workdir: Path, kept: Path, wanted: list[str], n_workers: list[int]) -> None:
    """Sort, and keep what was measured."""
    rows = json.loads(kept.read_text()) if kept.exists() else []
    for text in wanted:
        name, _, seconds = text.partition(":")
        folder = workdir / name
        n_contacts = json.loads((folder / "meta.json").read_text())["n_channels"]
        with TemporaryDirectory(dir=workdir) as temporary:
            first = Path(temporary) / str(n_workers[0])
            for n in n_workers:
                out = Path(temporary) / str(n)
                found = spread(folder, float(seconds), n, out)
                facts = {"recording": name, "contacts": n_contacts, "seconds": float(seconds), "n": n}
                rows.append({**facts, **found, "unlike_first": unlike(first, out)})
                print(rows[-1], flush=True)
                kept.write_text(json.dumps(rows, indent=1))


def table(kept: list[Path], core_hours: float, n_near: int) -> None:
    """Print what was measured, and what to expect."""
    rows = [row for path in kept for row in json.loads(path.read_text())]
    columns = ("workers", "alone", "near", "ordering", "dask", "serial", "transfer", "MB to", "MB from", "MB of files")
    print_row("recording", "s", "processes", *columns, "pieces", "same bytes")
    print_row(*["---"] * 15)
    for row in rows:
        times = [row[each] for each in MEASURES[:5]]
        shares = (f"{100 * part / sum(times):.0f} %" for part in (times[1] + times[3], times[4]))
        sizes = [f"{row[each]:.0f}" for each in MEASURES[5:]]
        facts = (row["recording"], f"{row['seconds']:.0f}", str(row["n"]))
        same = "no" if row["unlike_first"] else "yes"
        print_row(*facts, *(f"{each:.1f}" for each in times), *shares, *sizes, same)
    for title, contacts, hours in TARGETS:
        print(f"\n{title}, {core_hours * hours * contacts / 384:.1f} core-hours")
        expect(contacts, 3600 * hours, core_hours * hours * contacts / 384 * 3600, n_near)


def expect(contacts: int, seconds: float, work_s: float, n_near: int) -> None:
    """Print what to expect of more workers; the raw file is read twice."""
    contact_s = contacts * seconds
    pieces = PIECES[0] * contacts / 384 + PIECES[1] * seconds
    from_mb, raw_mb = FROM_MB[0] * contacts + FROM_MB[1] * contact_s, 2 * contact_s * 2 * 30_000 / 1e6
    alone_s, near_s = ALONE_S[0] + ALONE_S[1] * contacts + ALONE_S[2] * contact_s, NEAR_S * contact_s
    handing_s = ORDERING_S * contact_s + DASK_S[0] * pieces + DASK_S[1] * from_mb
    print(f"alone {alone_s:.0f} s, near {near_s:.0f} s, handing out {handing_s:.0f} s")
    print(f"{pieces:.0f} pieces, {from_mb:.0f} MB")
    for n in N_WORKERS:
        passes_s = max(work_s / n, handing_s)
        takes_s = alone_s + near_s / n_near + passes_s
        print_row(
            str(n),
            f"{takes_s / 60:.0f} min",
            f"{(work_s + alone_s + near_s) / takes_s:.1f} times",
            f"files {raw_mb / passes_s / 1e3:.2f} GB/s",
            f"sent {from_mb / passes_s / 1e3:.2f} GB/s",
        )


def print_row(*cells: str) -> None:
    """Print a line of a table."""
    print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="what", required=True)
    measuring = ways.add_parser("measure")
    measuring.add_argument("workdir", type=Path)
    measuring.add_argument("kept", type=Path)
    measuring.add_argument("recordings", nargs="+")
    measuring.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2, 4])
    printing = ways.add_parser("table")
    printing.add_argument("kept", type=Path, nargs="+")
    printing.add_argument("--core-hours", type=float, required=True)
    printing.add_argument("--near", type=int, default=16)
    given = parser.parse_args()
    if given.what == "measure":
        measure(given.workdir, given.kept, given.recordings, given.workers)
    else:
        table(given.kept, given.core_hours, given.near)


if __name__ == "__main__":
    main()
