"""Sorts and measures for how long the interpreter was not free: a signal can end the program only when it is.

    python benchmarks/interruptible.py WORKDIR d64 [--seconds 12] [--methods sieve kilosort4 kilosort2]

Folders of WORKDIR are recordings of benchmarks/bench.py. A thread wakes every 5 ms. The longest time between two of its
turns is printed for each stage, in ms of processor time of the process, so that other programs do not count. With one
worker this is how long compiled code, an import or a library held the interpreter.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import spikesieve

EVERY_S = 0.005


class Turns:
    """Notes the longest time between two turns of a thread, by stage."""

    def __init__(self) -> None:
        self.longest_s: dict[str, float] = {}
        self._stage, self._ended = "start", threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Note the stage."""
        self._stage = stage

    def _watch(self) -> None:
        before_s = time.process_time()
        while not self._ended.wait(EVERY_S):
            now_s = time.process_time()
            self.longest_s[self._stage] = max(self.longest_s.get(self._stage, 0.0), now_s - before_s)
            before_s = now_s

    def __enter__(self) -> Turns:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def measured(recording: Path, method: str, seconds: float) -> dict[str, float]:
    """Sort a part of a recording; returns the longest time of each stage in s."""
    meta = json.loads((recording / "meta.json").read_text())
    raw = spikesieve.RawOptions(meta["n_channels"], meta["fs"], gain_uv=meta["gain_uv"], time_range_s=(0.0, seconds))
    with TemporaryDirectory(prefix="spikesieve-") as folder, Turns() as turns:
        settings, probe = spikesieve.Settings(method=method), str(recording / "probe.json")
        job = spikesieve.Job((recording / "recording.bin",), Path(folder) / "out", probe, raw, settings, n_jobs=1)
        spikesieve.sort_files(job, turns.progress)
        return turns.longest_s


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("name")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--methods", nargs="+", default=["sieve", "kilosort4", "kilosort2"])
    args = parser.parse_args()
    print("| method | longest, ms |\n|---|---|", flush=True)
    for method in args.methods:
        found = sorted(measured(args.workdir / args.name, method, args.seconds).items(), key=lambda one: -one[1])
        print(f"| {method} | {', '.join(f'{stage} {1e3 * s:.0f}' for stage, s in found)} |", flush=True)


if __name__ == "__main__":
    main()
