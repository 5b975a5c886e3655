"""Sorts recordings with the command line and prints what it planned and what it took: memory, disk, time.

    python benchmarks/footprint.py WORKDIR t16 s64 d384 [--jobs 1] [--set NAME=VALUE] [--full-disk]
    python benchmarks/footprint.py WORKDIR d384 --cost

Folders of WORKDIR are recordings of benchmarks/bench.py. Memory is the resident memory of the process, looked at every
20 ms; "own" is the part of it that the system cannot take back (without pages of mapped files). Disk is all that lies
in the hidden folder of the steps, looked at twice a second. "Features" are those of the spikes that were matched in the
whole recording: the largest single array. With `--full-disk` steps are kept as where the disk has little room. `--cost`
shows the time spent in all that only keeping steps needs: keys, checksums, journals, and waiting for the disk. With
`--time-range 0:20` only a part of each recording is sorted.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from spikesieve.api.sort import Resources, memory_plan, open_run, run_method, source_of
from spikesieve.engine import codec, journal, store
from spikesieve.engine.arrays import GrowingArray
from spikesieve.engine.kept_results import KeptResults
from spikesieve.engine.store import Store
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.settings.sort import Settings

PLANNED = re.compile(r"Memory: about ([\d.]+) of")
LOOK_S, DISK_EVERY = 0.02, 25
ON_FULL_DISK = (
    "from spikesieve.engine import store; store.KEPT_SHARE = 0.0; from spikesieve.cli.app import main; main()"
)
OF_MATCHED = "match-*/match.features.npy"
# Functions that a sort without kept steps does not call.
ONLY_TO_KEEP = (
    (store, "key_of"),
    (store, "flush"),
    (store, "flush_folder"),
    (codec, "checksums_of"),
    (GrowingArray, "flush"),
    (journal._Journal, "append"),
    (KeptResults, "_write"),
)


@dataclass
class Footprint:
    """What a process took at most.

    Attributes
    ----------
    resident_bytes, own_bytes : int
        Resident memory, and the part that does not belong to files.
    disk_bytes : int
        Bytes in the folder of its steps.
    features_bytes : int
        Bytes of the features of matched spikes.
    stage : str
        The last line of the log when memory was highest.
    """

    resident_bytes: int = 0
    own_bytes: int = 0
    disk_bytes: int = 0
    features_bytes: int = 0
    stage: str = ""

    def look_at_memory(self, pid: int, log: Path) -> None:
        """Note the memory of a process."""
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
            kb = {line.split(":")[0]: line.split()[1] for line in lines if "kB" in line}
            now = 1024 * int(kb.get("VmRSS", "0"))
            self.own_bytes = max(self.own_bytes, 1024 * int(kb.get("RssAnon", "0")))
            if now > self.resident_bytes:
                self.resident_bytes = now
                self.stage = (log.read_text().splitlines() or [""])[-1][24:80] if log.exists() else ""

    def look_at_disk(self, folder: Path) -> None:
        """Note the size of the files of a folder, holes left out."""
        sizes = dict(_sizes(folder))
        self.disk_bytes = max(self.disk_bytes, sum(sizes.values()))
        self.features_bytes = max(self.features_bytes, *(sizes.get(p, 0) for p in folder.glob(OF_MATCHED)), 0)


def _sizes(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                yield path, path.stat().st_size


def command_of(folder: Path, out: Path, args: argparse.Namespace, extra: list[str]) -> list[str]:
    """The command line that sorts a recording."""
    meta = json.loads((folder / "meta.json").read_text())
    program = ["-c", ON_FULL_DISK] if args.full_disk else ["-m", "spikesieve"]
    command = [sys.executable, *program, "sort", str(folder / "recording.bin"), "-q", "--overwrite"]
    command += ["--probe", str(folder / "probe.json"), "--channels", str(meta["n_channels"])]
    command += ["--sampling-hz", str(meta["fs"]), "--gain-uv", str(meta["gain_uv"])]
    return [*command, "--out", str(out), "--jobs", str(args.jobs), *extra]


def watch(folder: Path, args: argparse.Namespace, extra: list[str]) -> tuple[float, Footprint]:
    """Sort a recording in another process; returns the planned GB and what it took."""
    with TemporaryDirectory(prefix="spikesieve-") as scratch:
        out, steps, found = Path(scratch) / "result", Path(scratch) / ".result.steps", Footprint()
        process = subprocess.Popen(command_of(folder, out, args, extra))
        n = 0
        while process.poll() is None:
            found.look_at_memory(process.pid, steps / "spikesieve.log")
            if n % DISK_EVERY == 0:
                found.look_at_disk(steps)
            n += 1
            time.sleep(LOOK_S)
        if process.returncode:
            raise SystemExit(f"sorting {folder} failed")
        planned = PLANNED.search((out / "spikesieve.log").read_text())
        return float(planned[1]) if planned else 0.0, found


def cost(folder: Path, jobs: int, settings: Settings, time_range: str | None) -> tuple[float, dict[str, float]]:
    """Sort a recording in this process; returns seconds, and those of each function that only keeping steps needs."""
    meta = json.loads((folder / "meta.json").read_text())
    raw = RawOptions(meta["n_channels"], meta["fs"], gain_uv=meta["gain_uv"])
    recording, _, _ = open_input((folder / "recording.bin",), raw, str(folder / "probe.json"))
    if time_range is not None:
        start_s, stop_s = map(float, time_range.split(":"))
        recording = recording.with_segments(((round(start_s * meta["fs"]), round(stop_s * meta["fs"])),))
    probe = read_probe(str(folder / "probe.json"))
    plan = memory_plan(recording, probe, settings, Resources(jobs))
    spent: dict[str, float] = {}
    with TemporaryDirectory(prefix="spikesieve-") as scratch, ExitStack() as stack:
        for owner, name in ONLY_TO_KEEP:
            stack.enter_context(patch.object(owner, name, _timed(getattr(owner, name), spent)))
        start = time.perf_counter()
        with open_run(plan.n_workers, Store.open(Path(scratch), keeps_all=False)) as run:
            run_method(run, source_of(recording, probe, settings, plan), settings, None)
        return time.perf_counter() - start, spent


def _timed(function: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    """Add up the seconds of a function in `spent`."""

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[function.__qualname__] = spent.get(function.__qualname__, 0.0) + time.perf_counter() - start

    return timed


def print_footprints(args: argparse.Namespace, extra: list[str]) -> None:
    """Sort each recording once and print a row."""
    print("| recording | planned GB | peak GB | planned / peak | own GB | disk MB | features MB | ratio | at |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in args.names:
        planned, found = watch(args.workdir / name, args, extra)
        peak, features = found.resident_bytes / 1e9, max(found.features_bytes, 1)
        print(
            f"| {name} | {planned:.2f} | {peak:.2f} | {planned / peak:.2f} | {found.own_bytes / 1e9:.2f} "
            f"| {found.disk_bytes / 1e6:.1f} | {features / 1e6:.1f} | {found.disk_bytes / features:.2f} "
            f"| {found.stage} |",
            flush=True,
        )


def print_costs(args: argparse.Namespace) -> None:
    """Sort each recording, and print a row with the time that keeping steps takes."""
    print("| recording | s | keeping s | share | functions |")
    print("|---|---|---|---|---|")
    settings = Settings().with_overrides(args.set)
    for name in args.names:
        seconds, spent = cost(args.workdir / name, args.jobs, settings, args.time_range)
        parts = ", ".join(f"{function} {s:.2f}" for function, s in spent.items())
        keeping = sum(spent.values())
        print(f"| {name} | {seconds:.1f} | {keeping:.2f} | {100 * keeping / seconds:.2f} % | {parts} |", flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("names", nargs="*", default=["t16", "s64"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cost", action="store_true", help="show the time that keeping steps takes")
    parser.add_argument("--full-disk", action="store_true", help="remove what only other settings would need")
    parser.add_argument("--time-range", help="sort these seconds only, START:END")
    parser.add_argument("--set", action="append", default=[], help="a setting, as for spikesieve sort")
    args = parser.parse_args()
    if args.cost:
        print_costs(args)
    else:
        extra = [word for pair in args.set for word in ("--set", pair)]
        print_footprints(args, [*extra, *(["--time-range", args.time_range] if args.time_range else [])])


if __name__ == "__main__":
    main()
