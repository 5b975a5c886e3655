"""Sorts longer and longer recordings, each in a process of its own, and prints the memory that was planned and taken.

    python benchmarks/memory.py [--minutes 1 5 20 60] [--probe neuropixels1:64] [--jobs 2] [--method sieve]

One simulated minute is repeated, with other noise on every repetition, about as large as its own: copies of the same
spikes with the same noise would be neurons of their own (12 copies of 5 minutes gave 542 units instead of 33). It is
made as it is read: nothing but features of spikes lies on disk, and what the minute takes is not counted.
Resident memory counts pages of files that are mapped, libraries too, which the system takes back when it needs them;
"own" is what it cannot take back (Linux only).
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from spikesieve.api import memory_plan, sort
from spikesieve.engine.clock import StageClock
from spikesieve.io.binary import recording_from_array
from spikesieve.io.probes import read_probe
from spikesieve.model import Recording
from spikesieve.settings import Settings
from spikesieve.simulation import SimulationParams, simulate_array

I16 = NDArray[np.int16]
# Half of a megasecond's prime neighbours: the noise never meets the same minute at the same phase again.
NOISE_SAMPLES, NOISE_SD = 499_979, 3.0


class Repeated:
    """A `ReadSamples` that hands out one minute again and again, with noise that repeats much later."""

    def __init__(self, minute: I16) -> None:
        self.minute = minute
        rng = np.random.default_rng(0)
        self.noise = np.clip(rng.normal(0, NOISE_SD, (NOISE_SAMPLES, minute.shape[1])), -127, 127).astype(np.int8)

    @property
    def n_bytes(self) -> int:
        """What it keeps in memory, which a recording in a file does not."""
        return self.minute.nbytes + self.noise.nbytes

    def __call__(self, start: int, stop: int) -> I16:
        """Samples start..stop-1."""
        at = np.arange(start, stop)
        return self.minute[at % len(self.minute)] + self.noise[at % len(self.noise)]


def recording_of(minutes: float, probe_name: str) -> tuple[Recording, int]:
    """The minute, repeated, and what it takes in bytes."""
    probe = read_probe(probe_name)
    params = SimulationParams(n_units=probe.n_contacts // 2, seconds=60.0, seed=1)
    minute = simulate_array(probe, params)[0]
    one = recording_from_array(minute, params.sampling_hz, params.gain_uv)
    n_samples = round(minutes * len(minute))
    read = Repeated(minute)
    return replace(one, read=read, n_samples=n_samples, segments=((0, n_samples),)), read.n_bytes


def sort_one(minutes: float, probe_name: str, jobs: int, method: str) -> dict[str, float]:
    """Sort in this process; what was planned and what it took."""
    (recording, n_bytes), probe = recording_of(minutes, probe_name), read_probe(probe_name)
    settings = Settings(method=method)
    plan = memory_plan(recording, probe, settings, jobs)
    own, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            own[0] = max(own[0], _own_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    clock, start = StageClock(), time.perf_counter()
    with TemporaryDirectory(prefix="spikesieve-") as scratch:
        sorting = sort(recording, probe, settings, memory=plan, scratch=scratch, progress=clock)
        n_spikes = len(sorting.spikes)
        del sorting
    done.set()
    watcher.join()
    return {
        "planned": plan.total_bytes,
        "own": own[0] - n_bytes,
        "resident": 1e6 * max(cost.peak_memory_mb for cost in clock.costs().values()) - n_bytes,
        "seconds": time.perf_counter() - start,
        "n_spikes": n_spikes,
    }


def _own_bytes() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return math.nan
    (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("RssAnon"))
    return 1024.0 * int(line.split()[1])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 20, 60])
    parser.add_argument("--probe", default="neuropixels1:64")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--method", default="sieve")
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        print(json.dumps(sort_one(args.child, args.probe, args.jobs, args.method)))
        return
    print("| minutes | spikes | planned GB | own GB | resident GB | s |")
    print("|---|---|---|---|---|---|")
    for minutes in args.minutes:
        command = [sys.executable, __file__, "--child", str(minutes), "--probe", args.probe, "--jobs", str(args.jobs)]
        command += ["--method", args.method]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        r = json.loads(answer.splitlines()[-1])
        print(
            f"| {minutes:g} | {r['n_spikes']:.0f} | {r['planned'] / 1e9:.2f} | {r['own'] / 1e9:.2f} "
            f"| {r['resident'] / 1e9:.2f} | {r['seconds']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
