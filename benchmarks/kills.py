"""Kills sorts with kill -9 at random moments, lets them go on, and compares the bytes of the results.

    python benchmarks/kills.py WORKDIR [--kills 35] [--probe linear:64:25] [--seconds 60]
        [--methods sieve kilosort4 kilosort2] [--workers threads processes] [--jobs 2]

A recording is simulated and sorted once by each method, undisturbed. Then the same sort is started, and its whole
process group is killed after a random time, again and again, until a result is there; and that again, until there were
enough kills. Times between kills are exponential, with a mean of a twentieth of the undisturbed sort, so every moment
is as likely as any other. Sorts are forked from this process, so that a kill costs no start of Python (set
OMP_NUM_THREADS=1: a fork has no threads but its own). With processes, a pool of them is given to `spikesieve.sort` with
a folder of steps; it is killed as well. The last column says in which steps.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from killing import unlike

import spikesieve
from spikesieve.api.kept_steps import steps_folder
from spikesieve.io.finished_folder import NEW
from spikesieve.io.hidden_folder import hidden_path
from spikesieve.simulation import SimulationParams, simulate_array

PARAMS = SimulationParams(seed=3, rate_hz=15.0, amplitude_uv=150.0)
KILLS_PER_SORT, SHORTEST_S = 20, 0.7
POLL_S = 0.01


def recorded(folder: Path, probe: str, seconds: float) -> Path:
    """Simulate the recording."""
    contacts = spikesieve.read_probe(probe)
    params = PARAMS.model_copy(update={"seconds": seconds, "n_units": max(3, contacts.n_contacts // 2)})
    raw = folder / "raw.bin"
    simulate_array(contacts, params)[0].tofile(raw)
    return raw


def warm_up(folder: Path, methods: list[str]) -> None:
    """Import and compile everything in this process, so that what is forked from it need not."""
    params = PARAMS.model_copy(update={"seconds": 2.0, "n_units": 2})
    traces, probe = simulate_array(spikesieve.read_probe("tetrode:1"), params)[0], spikesieve.read_probe("tetrode:1")
    for method in methods:
        resources = spikesieve.Resources(n_jobs=1)
        sorting = spikesieve.sort(
            traces, probe, {"method": method}, sampling_hz=PARAMS.sampling_hz, resources=resources
        )
        sorting.save(folder / "warm", overwrite=True)
    shutil.rmtree(folder / "warm")


def sort_with_threads(args: argparse.Namespace, method: str, raw: Path, out: Path) -> None:
    """Sort as `spikesieve sort` does."""
    n_channels = spikesieve.read_probe(args.probe).n_contacts
    options = spikesieve.RawOptions(n_channels, PARAMS.sampling_hz, gain_uv=PARAMS.gain_uv)
    settings = spikesieve.Settings(method=method)
    spikesieve.sort_files(spikesieve.Job((raw,), out, args.probe, options, settings, n_jobs=args.jobs))


def sort_with_processes(args: argparse.Namespace, method: str, raw: Path, out: Path) -> None:
    """Sort with other processes as workers."""
    n_channels = spikesieve.read_probe(args.probe).n_contacts
    recording = spikesieve.read_recording(raw, n_channels, PARAMS.sampling_hz, gain_uv=PARAMS.gain_uv)
    with ProcessPoolExecutor(args.jobs, mp_context=multiprocessing.get_context("fork")) as pool:
        resources = spikesieve.Resources(n_jobs=args.jobs, executor=pool, folder=steps_folder(out))
        sorting = spikesieve.sort(recording, args.probe, {"method": method}, resources=resources)
        if not out.exists():
            sorting.save(out)
    shutil.rmtree(steps_folder(out))


SORTS: dict[str, Callable[[argparse.Namespace, str, Path, Path], None]] = {
    "threads": sort_with_threads,
    "processes": sort_with_processes,
}


def start(work: Callable[[], None], log: Path) -> int:
    """Fork a process group that does some work; returns its number."""
    sys.stdout.flush()
    pid = os.fork()
    os.setpgid(pid, pid)  # in both: whoever comes first
    if pid:
        return pid
    try:
        with log.open("w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            work()
        os._exit(0)
    except BaseException:  # noqa: BLE001  this process must not go on as its parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def ended_within(pid: int, seconds: float, log: Path) -> bool:
    """Wait for a process; after some time it and its workers are killed. Returns whether it had ended by itself."""
    until = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            # Killed when the result was in its place: the next sort says so, and removes what was left.
            if status and "exists. Choose another" not in (said := log.read_text()):
                raise SystemExit(f"A sort that went on failed:\n{said}")
            return True
        if time.monotonic() > until:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return False
        time.sleep(POLL_S)


def step_in(out: Path) -> str:
    """The step that was in progress when a sort was killed; an earlier one that waits to go on is in progress."""
    unfinished = [path.name for path in steps_folder(out).glob("*.unfinished")]
    if unfinished:
        return unfinished[0].rpartition("-")[0].replace("-", " ")
    if out.exists() or hidden_path(out, NEW).exists():
        return "write"
    return "between steps" if list(steps_folder(out).glob("*-*")) else "before the first step"


def kill_one(args: argparse.Namespace, method: str, workers: str, raw: Path) -> None:
    """Kill the sorts of one method, and print a row."""
    whole, out = (args.folder / f"{method}-{workers}-{name}" for name in ("whole", "killed"))
    log, chance, steps = args.folder / "log", random.Random(f"{args.seed} {method} {workers}"), Counter[str]()
    for path in (whole, out, *args.folder.glob(f".{whole.name}.*"), *args.folder.glob(f".{out.name}.*")):
        shutil.rmtree(path, ignore_errors=True)
    begun = time.monotonic()
    ended_within(start(lambda: SORTS[workers](args, method, raw, whole), log), 1e9, log)
    seconds, n_results, wrong, left = time.monotonic() - begun, 0, [], 0
    while steps.total() < args.kills:
        shutil.rmtree(out, ignore_errors=True)
        while True:
            pid = start(lambda: SORTS[workers](args, method, raw, out), log)
            if ended_within(pid, chance.expovariate(1 / max(SHORTEST_S, seconds / KILLS_PER_SORT)), log):
                break
            steps[step_in(out)] += 1
        n_results += 1
        wrong += unlike(whole, out)
        left += len(list(args.folder.glob(f".{out.name}*")))
    where = ", ".join(f"{name} {n}" for name, n in steps.most_common())
    row = (method, workers, f"{seconds:.0f}", steps.total(), n_results, len(wrong), left, where)
    print(f"| {' | '.join(map(str, row))} |", flush=True)
    for name in wrong:
        print(f"other bytes: {name}", file=sys.stderr)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=35, help="of each method and kind of workers, at least")
    parser.add_argument("--probe", default="linear:64:25")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--methods", nargs="+", default=["sieve", "kilosort4", "kilosort2"])
    parser.add_argument("--workers", nargs="+", default=["threads", "processes"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.folder = args.folder.resolve()
    args.folder.mkdir(parents=True, exist_ok=True)
    raw = recorded(args.folder, args.probe, args.seconds)
    warm_up(args.folder, args.methods)
    print("| method | workers | s undisturbed | kills | results | files with other bytes | left over | killed in |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for method in args.methods:
        for workers in args.workers:
            kill_one(args, method, workers, raw)


if __name__ == "__main__":
    main()
