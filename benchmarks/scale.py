"""What a batch costs beside its sorts.

    python benchmarks/scale.py WORKDIR [--rows 10000] [--sort-s 0]

Hands out rows whose sort only waits `--sort-s` seconds to two worker processes. Prints the time between two sorts of a
worker, the processor time and the highest memory of this process, and the longest time between two updates of the
table. One recording over many workers is in benchmarks/spread.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from stub_sorts import need, rows, waits

from spikesieve.batch.clusters import Workers
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

            begun_s, here_s = time.monotonic(), time.process_time()
            run_batch(batch, pool, show, need, partial(waits, sort_s))
            here_s = time.process_time() - here_s
        took_s = time.monotonic() - begun_s
        page_mb = (place.folder / "batch.html").stat().st_size / 1e6
        between_s = pauses_s(place.folder / "logs")
    print(f"{n_rows} rows, {batch.counts()}: {took_s:.1f} s")
    middle_s, most_s = np.quantile(between_s, [0.5, 0.9])
    print(f"between two sorts of a worker: median {middle_s:.3f} s, 90 % below {most_s:.3f} s")
    print(f"processor time of this process for each row: {1e3 * here_s / n_rows:.1f} ms")
    print(f"peak memory {peak_memory_mb():.0f} MB; longest time between two updates {np.diff(shown_s).max():.1f} s")
    print(f"page of {page_mb:.1f} MB")


def pauses_s(logs: Path) -> list[float]:
    """Time between the end of a sort and the begin of the next one of the same worker."""
    lines = (path.with_suffix(".times").read_text().split() for path in logs.glob("*.log"))
    sorts = sorted((int(pid), float(begun_s), float(ended_s)) for pid, begun_s, ended_s in lines)
    return [after[1] - before[2] for before, after in pairwise(sorts) if before[0] == after[0]]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--sort-s", type=float, default=0.0)
    given = parser.parse_args()
    measure_rows(given.workdir, given.rows, given.sort_s)


if __name__ == "__main__":
    main()
