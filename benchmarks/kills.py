"""Kills sorts with kill -9 at random moments, lets them go on, and compares the bytes of the results.

    python benchmarks/kills.py WORKDIR [--kills 200] [--probe linear:64:25] [--seconds 60]
        [--methods sieve kilosort4 kilosort2] [--workers threads processes] [--jobs 1]

A recording is simulated and sorted once by each method, undisturbed. Then the same sort is started, and its whole
process group is killed after a random time, again and again, until a result is there. That is repeated until there were
enough kills. With processes, a pool of them is given to `spikesieve.sort` with a folder of steps; it is killed as well.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from killing import duration_s, kill_until_done, unlike

import spikesieve
from spikesieve.simulation import SimulationParams, simulate_array

PARAMS = SimulationParams(seed=3, rate_hz=15.0, amplitude_uv=150.0)


def recorded(folder: Path, probe: str, seconds: float) -> Path:
    """Simulate the recording."""
    contacts = spikesieve.read_probe(probe)
    params = PARAMS.model_copy(update={"seconds": seconds, "n_units": max(3, contacts.n_contacts // 2)})
    raw = folder / "raw.bin"
    simulate_array(contacts, params)[0].tofile(raw)
    return raw


def words(args: argparse.Namespace, method: str, workers: str, raw: Path, out: Path) -> list[str]:
    """The command that sorts."""
    if workers == "processes":
        return [sys.executable, __file__, str(raw), "--child", str(out), "--probe", args.probe, "--methods", method]
    n_channels = str(spikesieve.read_probe(args.probe).n_contacts)
    command = [sys.executable, "-m", "spikesieve", "sort", str(raw), "--probe", args.probe, "--channels", n_channels]
    command += ["--sampling-hz", str(PARAMS.sampling_hz), "--gain-uv", str(PARAMS.gain_uv), "--out", str(out), "-q"]
    return [*command, "--jobs", str(args.jobs), "--set", f"method={method}"]


def sort_with_processes(raw: Path, out: Path, probe: str, method: str) -> None:
    """Sort in this process, with two others as workers."""
    n_channels = spikesieve.read_probe(probe).n_contacts
    recording = spikesieve.read_recording(raw, n_channels, PARAMS.sampling_hz, gain_uv=PARAMS.gain_uv)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        resources = spikesieve.Resources(executor=pool, folder=out.with_name(f"{out.name}-steps"))
        spikesieve.sort(recording, probe, {"method": method}, resources=resources).save(out)


def kill_one(args: argparse.Namespace, method: str, workers: str, raw: Path) -> None:
    """Kill the sorts of one method, and print a row."""
    whole, out = (args.folder / f"{method}-{workers}-{name}" for name in ("whole", "killed"))
    seconds = duration_s(words(args, method, workers, raw, whole))
    chance, n_kills, n_results, wrong, left = random.Random(args.seed), 0, 0, [], 0
    while n_kills < args.kills:
        for folder in (out, out.with_name(f"{out.name}-steps")):
            shutil.rmtree(folder, ignore_errors=True)
        n_kills += len(list(kill_until_done(words(args, method, workers, raw, out), out, seconds, chance)))
        n_results += 1
        wrong += unlike(whole, out)
        left += len(list(args.folder.glob(f".{out.name}*")))
    print(f"| {method} | {workers} | {seconds:.0f} | {n_kills} | {n_results} | {len(wrong)} | {left} |", flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--probe", default="linear:64:25")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--methods", nargs="+", default=["sieve", "kilosort4", "kilosort2"])
    parser.add_argument("--workers", nargs="+", default=["threads", "processes"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        sort_with_processes(args.folder, args.child, args.probe, args.methods[0])
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    raw = recorded(args.folder, args.probe, args.seconds)
    print("| method | workers | s undisturbed | kills | results | files with other bytes | hidden folders left |")
    print("|---|---|---|---|---|---|---|")
    for method in args.methods:
        for workers in args.workers:
            kill_one(args, method, workers, raw)


if __name__ == "__main__":
    main()
