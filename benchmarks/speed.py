"""Time, memory and bytes read of whole sorts, by stage, for sizes of probes and lengths, and beside other sorters.

    python benchmarks/speed.py WORKDIR --channels 16 64 --minutes 1 5 --jobs 1 2 --methods sieve --repeat 3
    python benchmarks/speed.py WORKDIR --folders s64 d384 --peers kilosort4 lupin --venv kilosort4=PATH si=PATH
    python benchmarks/speed.py WORKDIR --only-tables

For each number of channels and each length a recording of a Neuropixels probe is simulated, once, every spike of the
whole time: a minute repeated would be a poor stand-in (what comes again with the same samples is evidence for neurons
that are not there). Folders of WORKDIR are recordings of benchmarks/bench.py. Programs take turns, A B A B;
every run is added to WORKDIR/speed.jsonl, of which the tables show medians, so that it can be done in parts. "Alone":
while the workers wait, because what is done then is not shared out (looked at every 10 ms). A floor is what the
operations and bytes of a stage would take at the rates that the machine was measured to have (see kernels.py); peers
are timed as whole processes. user + sys is processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from kernels import Machine, machine_lines, measure_machine, operations_per_value
from peers import PEERS

from spikesieve.api.sort_files import Job, sort_files
from spikesieve.engine.source import SAMPLE_BLOCK_S, SAMPLE_BLOCKS
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.open_input import RawOptions
from spikesieve.io.simulations.files import write_simulation
from spikesieve.settings.sort import Settings
from spikesieve.simulation import SimulationParams, simulate

# Before the name of a method: ours.
OURS = "spikesieve "
# Bytes of memory that a number of the recording needs at least: read as int16, written and read as float32 before and
# after whitening.
BYTES_CLEAN = 18
# Workers that wait use less than this in a hundredth of a second.
IDLE_S = 0.001


class Recorder:
    """A Progress that notes for each stage: wall and processor time, that spent alone, bytes read, peak memory.

    Alone is what the thread that hands out the work does itself while no worker does anything. Read is what was asked
    for, disk what came from there: `cold` files are dropped from the system's cache before each stage.
    """

    def __init__(self, cold: tuple[Path, ...] = ()) -> None:
        self.cold = cold
        self.stages: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.stage = "start"
        self.last = self._now()
        self.done = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note what was spent, and that a stage is at work."""
        self.note()
        if stage != self.stage:
            self._drop()
        self.stage = stage

    def note(self) -> None:
        """Count what was spent since the last time to the stage that was at work."""
        now = self._now()
        spent = self.stages[self.stage]
        for name, a, b in zip(("wall", "cpu", "read", "disk"), self.last, now, strict=True):
            spent[name] += b - a
        self.last = now

    def _drop(self) -> None:
        for path in self.cold:
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def _now(self) -> tuple[float, float, float, float]:
        counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return time.perf_counter(), time.process_time(), float(counts["rchar"]), float(counts["read_bytes"])

    def _threads(self) -> dict[int, float]:
        """Processor seconds of each thread but the one that asks."""
        found = {}
        for task in Path("/proc/self/task").iterdir():
            if int(task.name) != threading.get_native_id():
                with suppress(OSError):
                    found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
        return found

    def _watch(self) -> None:
        before = self._threads()
        while not self.done.wait(0.01):
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9
            spent, now = self.stages[self.stage], self._threads()
            spent["peak_gb"] = max(spent["peak_gb"], resident)
            used = {thread: seconds - before.get(thread, 0.0) for thread, seconds in now.items()}
            main_s = used.pop(threading.main_thread().native_id or 0, 0.0)
            if sum(used.values()) < IDLE_S:
                spent["alone_cpu"] += main_s
            before = now


def sort_here(case: dict[str, Any]) -> dict[str, Any]:
    """Sort in this process; returns the stages and what the floors need."""
    folder = Path(case["folder"])
    recorder = Recorder((folder / "recording.bin",) if case["cold"] else ())
    facts = facts_of(folder)
    raw = RawOptions(facts["n_channels"], facts["fs"], gain_uv=facts["gain_uv"])
    files = (folder / "recording.bin",)
    settings = Settings().with_overrides([f"method={case['program'].removeprefix(OURS)}"])
    job = Job(files, Path(case["out"]), str(folder / "probe.json"), raw, settings, n_jobs=case["jobs"], overwrite=True)
    sorting = sort_files(job, recorder).sorting
    recorder.note()
    recorder.done.set()
    n_templates = int(sorting.spikes.detection_template.max(initial=0)) + 1
    sizes = {"seconds": sorting.duration_s, "n_templates": n_templates, "units": len(sorting.units)}
    return {"stages": {k: dict(v) for k, v in recorder.stages.items()}, "n_spikes": len(sorting.spikes), **sizes}


def facts_of(folder: Path) -> dict[str, Any]:
    """Read channels, rate and gain of a recording."""
    if (folder / "meta.json").exists():
        return dict(json.loads((folder / "meta.json").read_text()))
    return {"n_channels": int(folder.name.split("-")[1]), "fs": 30_000.0, "gain_uv": SimulationParams().gain_uv}


def simulated(workdir: Path, n_channels: int, minutes: int) -> Path:
    """Simulate a recording, unless it is there, with half as many neurons as channels; returns its folder."""
    folder = workdir / f"simulated-{n_channels}-{minutes}"
    if not (folder / "truth.npz").exists():
        params = SimulationParams(n_units=max(2, n_channels // 2), seconds=60.0 * minutes, seed=1)
        write_simulation(folder, simulate(read_probe(f"neuropixels1:{n_channels}"), params))
    return folder


def run(case: dict[str, Any], venvs: dict[str, Path]) -> dict[str, Any]:
    """Run a sort as a whole process: wall and processor time, peak memory, and our own stages."""
    peer, folder = PEERS.get(case["program"]), Path(case["folder"])
    if peer is None:
        command = [sys.executable, __file__, "--child", json.dumps(case)]
    else:
        facts = facts_of(folder)
        words = [str(folder / name) for name in ("recording.bin", "probe.json")]
        words += [str(facts["n_channels"]), str(facts["fs"])]
        words += [str(facts["gain_uv"]), f"{case['out']}-{case['program']}", str(case["jobs"])]
        # A file, not -c: worker processes of some sorters start from it.
        script = Path(f"{case['out']}-{case['program']}.py")
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(peer.script)
        command = [str(venvs[peer.venv] / "bin" / "python"), str(script), *words]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    result = {**case, "wall": time.perf_counter() - start, "cpu": used.ru_utime + used.ru_stime}
    result |= {"peak_gb": used.ru_maxrss * 1024 / 1e9, "status": status}
    return result | (json.loads(said.splitlines()[-1]) if status == 0 and peer is None else {})


def medians(runs: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Reduce runs, by folder, jobs and program, to medians and the stages of the run with the median processor time."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for one in runs:
        if one["status"] == 0:
            groups[Path(one["folder"]).name, one["jobs"], one["program"]].append(one)
    found = {}
    for key, some in groups.items():
        middle = sorted(some, key=lambda r: r["cpu"])[(len(some) - 1) // 2]
        numbers = {name: float(np.median([r[name] for r in some])) for name in ("wall", "cpu", "peak_gb")}
        found[key] = {**middle, **numbers, "n_runs": len(some)}
    return dict(sorted(found.items()))


def case_table(found: dict[tuple[Any, ...], dict[str, Any]]) -> list[str]:
    """Write a row for each case."""
    columns = ("recording", "s", "workers", "program", "runs", "wall s", "user + sys s", "wall / length")
    columns += ("user + sys / workers / length", "peak GB", "read GB")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    length = {key[0]: one["seconds"] for key, one in found.items() if "seconds" in one}
    for key, one in found.items():
        folder, jobs, program = key
        s = length.get(folder, np.nan)
        read = sum(v.get("read", 0.0) for v in one.get("stages", {}).values()) / 1e9
        last = f"{read:.1f}" if read else ""
        lines.append(
            f"| {folder} | {s:.0f} | {jobs} | {program} | {one['n_runs']} | {one['wall']:.0f} | {one['cpu']:.0f} "
            f"| {one['wall'] / s:.2f} | {one['cpu'] / jobs / s:.2f} | {one['peak_gb']:.2f} | {last} |"
        )
    return lines


def floors_s(one: dict[str, Any], machine: Machine) -> dict[str, tuple[float, float]]:
    """Compute the least seconds that the operations, and the bytes, of each stage that reads traces take."""
    facts, jobs = facts_of(Path(one["folder"])), one["jobs"]
    n, hz = facts["n_channels"], facts["fs"]
    each = operations_per_value(n, one["n_templates"])
    clean = each["butterworth"] + each["subtract_median"] + each["whitening"]
    sampled, whole = SAMPLE_BLOCKS * SAMPLE_BLOCK_S * n * hz, one["seconds"] * n * hz
    matched = clean + each["template_scores"]
    learned = (
        min(Settings().fit.learning_duration_s, one["seconds"]) * n * hz if one["program"] == OURS + "sieve" else 0.0
    )
    work = {
        "noise and whitening": (2 * sampled, clean + 2 * n, BYTES_CLEAN),
        "shapes": (sampled, clean, BYTES_CLEAN),
        "noise of scores": (sampled, clean + each["project"], BYTES_CLEAN),
        "detect": (whole, clean + each["project"] / 2, BYTES_CLEAN),
        "match": (whole + learned, matched, BYTES_CLEAN + 8 * one["n_templates"] / n),
    }
    together = min(machine.all_bytes_per_s, jobs * machine.bytes_per_s)
    return {
        name: (values * operations / machine.flops / jobs, values * size / together)
        for name, (values, operations, size) in work.items()
    }


def stage_table(key: tuple[Any, ...], one: dict[str, Any], machine: Machine) -> list[str]:
    """Write a row for each stage."""
    folder, jobs, program = key
    lines = [f"\n{folder}, {program}, {jobs} worker(s), {one['n_templates']} templates, {one['units']} units:\n"]
    columns = ("stage", "wall s", "user + sys s", "alone s", "floor: operations s", "floor: bytes s", "peak GB")
    columns += ("read GB", "disk GB")
    lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    floors = floors_s(one, machine)
    for name, spent in one["stages"].items():
        floor = [f"{s:.2f}" for s in floors[name]] if name in floors else ["", ""]
        read, disk = (spent.get(what, 0.0) / 1e9 for what in ("read", "disk"))
        lines.append(
            f"| {name} | {spent['wall']:.1f} | {spent['cpu']:.1f} | {spent.get('alone_cpu', 0.0):.1f} | {floor[0]} "
            f"| {floor[1]} | {spent.get('peak_gb', 0.0):.2f} | {read:.2f} | {disk:.2f} |"
        )
    cpu, alone = (sum(s.get(name, 0.0) for s in one["stages"].values()) for name in ("cpu", "alone_cpu"))
    share = alone / (alone + (cpu - alone) / jobs)
    lines.append(f"\nAlone: {alone:.1f} of {cpu:.1f} s, so {share:.0%} of the time on {jobs} undisturbed worker(s).")
    return lines


def exponent_lines(found: dict[tuple[Any, ...], dict[str, Any]]) -> list[str]:
    """Fit exponents of processor time in duration and in channels, where at least two of either were measured."""
    lines = []
    by: dict[tuple[Any, ...], list[tuple[float, float]]] = defaultdict(list)
    for (folder, jobs, program), one in found.items():
        if folder.startswith("simulated-"):
            n_channels, minutes = (int(number) for number in folder.split("-")[1:])
            by["duration", f"{n_channels} channels", jobs, program].append((minutes, one["cpu"]))
            by["channels", f"{minutes} min", jobs, program].append((n_channels, one["cpu"]))
    for (what, at, jobs, program), points in sorted(by.items()):
        if len(points) > 1:
            x, y = np.log(np.array(points)).T
            lines.append(f"- {program}, {at}, {jobs} worker(s): time ~ {what} ^ {np.polyfit(x, y, 1)[0]:.2f}")
    return lines


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path, nargs="?")
    parser.add_argument("--channels", type=int, nargs="*", default=[])
    parser.add_argument("--minutes", type=int, nargs="+", default=[1])
    parser.add_argument("--folders", nargs="*", default=[], help="recordings of bench.py in WORKDIR")
    parser.add_argument("--jobs", type=int, nargs="+", default=[2])
    parser.add_argument("--methods", nargs="*", default=["sieve"])
    parser.add_argument("--peers", nargs="*", default=[], choices=sorted(PEERS))
    parser.add_argument(
        "--venv", nargs="*", default=[], help="NAME=PATH of " + ", ".join({p.venv for p in PEERS.values()})
    )
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="every stage of ours reads from the disk, not from a cache")
    parser.add_argument("--only-tables", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Run and print."""
    args = arguments()
    if args.child:
        print(json.dumps(sort_here(json.loads(args.child))))
        return
    venvs = {name: Path(path) for name, path in (pair.split("=", 1) for pair in args.venv)}
    log = args.workdir / "speed.jsonl"
    places = [simulated(args.workdir, n, m) for n in args.channels for m in args.minutes]
    places += [args.workdir / name for name in args.folders]
    for _ in range(0 if args.only_tables else args.repeat):
        for folder in places:
            for jobs in args.jobs:
                for program in (*(OURS + method for method in args.methods), *args.peers):
                    case = {"folder": str(folder), "jobs": jobs, "program": program, "cold": args.cold}
                    result = run({**case, "out": str(args.workdir / "speed-result")}, venvs)
                    with log.open("a") as lines:
                        lines.write(json.dumps(result) + "\n")
    machine = measure_machine(2)
    print("\n".join(machine_lines(machine, 2)), "\n")
    found = medians([json.loads(line) for line in log.read_text().splitlines()])
    print("\n".join(case_table(found)), "\n")
    print("\n".join(exponent_lines(found)))
    for key, one in found.items():
        if "stages" in one:
            print("\n".join(stage_table(key, one, machine)))


if __name__ == "__main__":
    main()
