"""What a batch costs beside its sorts.

    python benchmarks/scale.py WORKDIR [--rows 10000] [--sort-s 0] [--real] 2>/dev/null

Hands out rows to two worker processes, with the table, the page and the summary. The sort of a row waits `--sort-s`
seconds and leaves the facts of a real result; with `--real` each row is a real sort of 3 s of a tetrode. Prints memory
and what the table and the page take on the way, and the overhead of a row: the time of both workers, from their start
to their end, without that of the sorts. Then the same command again, when all rows are done. One recording over many
workers is in benchmarks/spread.py.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from small_files import HZ, spiking, write_raw
from stub_sorts import timed, waits

from spikesieve.batch.clusters import Workers
from spikesieve.batch.estimate import need_of
from spikesieve.batch.order import Papers, running_now
from spikesieve.batch.pool import open_pool
from spikesieve.batch.rows import Row, make_row
from spikesieve.batch.run import Batch, Rules, Sorter, run_batch
from spikesieve.batch.state import Place, RowState
from spikesieve.batch.summary import Line, Summary
from spikesieve.cli.batch_table import LiveTable
from spikesieve.engine.machine import peak_memory_mb

N_WORKERS, SECONDS, N_LINES = 2, 3.0, 10
RAW = {"channels": "4", "sampling_hz": str(HZ), "gain_uv": "1", "probe": "linear:4:25"}
OPTIONS = [word for name, text in RAW.items() for word in (f"--{name.replace('_', '-')}", text)]


class TimedPapers(Papers):
    """Notes what the page and the summary take."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch, Summary(batch.place))
        self.took_ms: list[float] = []

    def write(self, states: Sequence[tuple[str, RowState]], is_over: bool) -> list[Line]:
        """Write them."""
        begun_s = time.thread_time()
        lines = super().write(states, is_over)
        self.took_ms.append(1e3 * (time.thread_time() - begun_s))
        return lines


class Watch:
    """Does what the command does about once a second, and notes what it takes."""

    def __init__(self, batch: Batch, table: LiveTable) -> None:
        self.table, self.papers = table, TimedPapers(batch)
        self.shown_s = [time.monotonic()]
        self.table_ms: list[float] = []
        self.n_told = 0

    def show(self, batch: Batch) -> None:
        """Show the table, and write the page if it is due."""
        begun_s, states = time.thread_time(), running_now(batch)
        self.table.show(batch, states)
        self.table_ms.append(1e3 * (time.thread_time() - begun_s))
        self.papers.write_if_due(states)
        self.shown_s.append(time.monotonic())
        if len(batch.states) >= self.n_told + len(batch.rows) // N_LINES:
            self.n_told = len(batch.states)
            table_ms, page_ms = float(np.median(self.table_ms[-50:])), self.papers.took_ms[-1]
            say(f"| {self.n_told} | {peak_memory_mb():.0f} | {table_ms:.1f} | {page_ms:.0f} |")


def planned(folder: Path, n: int) -> tuple[Row, ...]:
    """Rows of one recording under many names."""
    write_raw(folder, spiking(SECONDS), "r.bin")
    for number in range(n):
        os.link(folder / "r.bin", folder / f"r{number}.bin")
    return tuple(make_row({"files": f"r{number}.bin", **RAW}, folder, folder / "out") for number in range(n))


def say(line: str) -> None:
    """Print past the table, which takes what is printed while it is shown."""
    sys.__stdout__.write(f"{line}\n")
    sys.__stdout__.flush()


def measure(rows: tuple[Row, ...], place: Place, sorter: Sorter) -> None:
    """Do the rows, and print what that cost."""
    batch = Batch(rows, place, Rules(N_WORKERS))
    begun_s, here_s, all_s = time.monotonic(), time.process_time(), processor_s()
    with LiveTable(False) as table, open_pool(Workers("local", N_WORKERS)) as pool:
        watch = Watch(batch, table)
        say("| rows | peak MB | table ms | page and summary ms |")
        run_batch(batch, pool, watch.show, need_of, sorter)
        watch.papers.write([], is_over=True)
    took_s, here_s, all_s = time.monotonic() - begun_s, time.process_time() - here_s, processor_s() - all_s
    say(f"{batch.counts()}: {took_s:.1f} s; longest time between two updates {np.diff(watch.shown_s).max():.1f} s")
    say(f"processor time: {1e3 * here_s / len(rows):.1f} ms a row here, {all_s / len(rows):.3f} s with the workers")
    sorts = sorts_of(place.folder / "logs")
    if batch.n_sorted:
        pauses_s = [after[1] - before[2] for before, after in pairwise(sorts) if before[0] == after[0]]
        sort_s = sum(ended_s - begun_s for _, begun_s, ended_s in sorts)
        say(f"between two sorts of a worker: median {np.median(pauses_s):.3f} s, longest {max(pauses_s):.2f} s")
        say(f"a sort: {sort_s / len(rows):.2f} s; beyond it: {(N_WORKERS * took_s - sort_s) / len(rows):.3f} s a row")


def processor_s() -> float:
    """Processor time of this process and of those that it started and that have ended, in s."""
    return float(sum(sum(resource.getrusage(of)[:2]) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def sorts_of(logs: Path) -> list[tuple[int, float, float]]:
    """Process, begin and end of each sort, in s, in their order for each process."""
    lines = (path.read_text().split() for path in logs.glob("*.times"))
    return sorted((int(pid), float(begun_s), float(ended_s)) for pid, begun_s, ended_s in lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--sort-s", type=float, default=0.0)
    parser.add_argument("--real", action="store_true")
    given = parser.parse_args()
    os.environ["FORCE_COLOR"] = "1"  # the table is drawn as in a terminal
    with TemporaryDirectory(dir=given.workdir) as temporary:
        folder = Path(temporary)
        (folder / "out").mkdir()
        rows = planned(folder, given.rows)
        words = ["sort", "r.bin", "--out", "example", "--quiet", *OPTIONS]
        subprocess.run([sys.executable, "-m", "spikesieve", *words], cwd=folder, check=True)
        sorter = timed if given.real else partial(waits, given.sort_s, folder / "example")
        for _ in range(2):
            measure(rows, Place(folder / "out"), sorter)


if __name__ == "__main__":
    main()
