"""Sorts longer and longer recordings, each in a process of its own, and prints the memory that was planned and taken.

    python benchmarks/memory.py [--minutes 1 5 20 60] [--probe neuropixels1:64] [--jobs 2] [--method sieve]

The whole of it is simulated, every spike at its own time, but made only as it is read: nothing but features of spikes
lies on disk, and what the simulation takes is not counted. Its noise is the sum of two pieces that repeat after
times without a common measure: what comes again and again with the same samples would be neurons of their own
(5 minutes twelve times over gave 542 units instead of 33, one minute sixty times over 767 templates).
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

from spikesieve.api.sort import Resources, memory_plan, open_run, run_method, source_of
from spikesieve.engine.clock import StageClock
from spikesieve.engine.heap import give_back
from spikesieve.engine.store import Store
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Recording
from spikesieve.settings.sort import Settings
from spikesieve.simulation import SimulationParams, simulate
from spikesieve.simulation.recording import Simulation, add_all_spikes, iter_blocks

I16 = NDArray[np.int16]
# Two primes: the two noises meet at the same phases again after a hundred days.
NOISE_SAMPLES = 600_011, 607_991


class Simulated:
    """A `ReadSamples` of a simulation that is made as it is read.

    Parameters
    ----------
    simulation : Simulation
        Units, spikes, and the model of the noise.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.noise = [_noise_of(simulation, n, seed) for seed, n in enumerate(NOISE_SAMPLES)]

    @property
    def n_bytes(self) -> int:
        """Bytes that it keeps in memory; a recording in a file keeps none."""
        parts = (*self.simulation.units, *self.simulation.background, self.simulation.truth)
        columns = [column for part in parts for column in vars(part).values() if isinstance(column, np.ndarray)]
        return sum(array.nbytes for array in (*self.noise, *columns))

    def __call__(self, start: int, stop: int) -> I16:
        """Return the samples from start to stop: (stop - start, n_contacts) int16."""
        one, other = (_repeated(noise, start, stop) for noise in self.noise)
        traces = (one + other) * np.float32(self.simulation.params.gain_uv / np.sqrt(2))
        add_all_spikes(self.simulation, traces, start)
        return np.rint(traces.T / np.float32(self.simulation.params.gain_uv)).astype(np.int16)


def _repeated(noise: I16, start: int, stop: int) -> I16:
    """(n_contacts, stop - start) int16: the noise repeated without end."""
    n = noise.shape[1]
    pieces = [noise[:, max(start - k, 0) : stop - k] for k in range(start // n * n, stop, n)]
    return np.concatenate(pieces, axis=1)


def _noise_of(simulation: Simulation, n_samples: int, seed: int) -> I16:
    """(n_contacts, n_samples) int16: the noise of a simulation alone."""
    params = simulation.params.model_copy(update={"seconds": n_samples / simulation.params.sampling_hz, "seed": seed})
    alone = replace(simulate(simulation.probe, params), units=(), background=())
    return np.ascontiguousarray(np.concatenate(list(iter_blocks(alone))).T)


def recording_of(minutes: float, probe_name: str) -> tuple[Recording, int]:
    """Simulate a recording; returns it, and the bytes of memory that it takes."""
    probe = read_probe(probe_name)
    params = SimulationParams(n_units=probe.n_contacts // 2, seconds=60.0 * minutes, seed=1)
    read = Simulated(simulate(probe, params))
    give_back()
    one = recording_from_array(np.zeros((1, probe.n_contacts), np.int16), params.sampling_hz, params.gain_uv)
    return replace(one, read=read, n_samples=params.n_samples, segments=((0, params.n_samples),)), read.n_bytes


def sort_one(minutes: float, probe_name: str, jobs: int, method: str) -> dict[str, float]:
    """Sort in this process; returns what was planned and what it took."""
    (recording, n_bytes), probe = recording_of(minutes, probe_name), read_probe(probe_name)
    settings = Settings(method=method)
    plan = memory_plan(recording, probe, settings, Resources(n_jobs=jobs))
    own, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            own[0] = max(own[0], _own_bytes())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    clock, start = StageClock(), time.perf_counter()
    with TemporaryDirectory(prefix="spikesieve-") as scratch:
        store, source = Store.open(Path(scratch), reuse=False), source_of(recording, probe, settings, plan)
        with open_run(plan.n_workers, store, clock) as run:
            n_spikes = len(run_method(run, source, settings, None).spikes)
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
