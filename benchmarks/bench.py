"""Sorts independent ground-truth recordings and prints one table: units found, false units, seconds, memory.

    python benchmarks/bench.py WORKDIR [s64 t16 ...] [--bench ../shared/bench] [--jobs 2]

Recordings are made once by the bench's own simulate.py and judged by its own score.py; both are outside the project.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

RECORDINGS = {
    "s64": ("np1-64-static", 300, 12),
    "t16": ("tetrodes-16", 300, 13),
    "s64-101": ("np1-64-static", 300, 101),
    "t16-102": ("tetrodes-16", 300, 102),
    "l32-103": ("linear-32", 300, 103),
    "d64": ("np1-64-drift", 300, 11),
    "d64-111": ("np1-64-drift", 300, 111),
    "d384": ("np1-384-drift", 120, 14),
    "j96": ("np2-96-jump", 300, 201),
    "m256": ("mea-256", 120, 202),
}


def make(name: str, folder: Path, bench: Path) -> None:
    """Simulate the recording `name`, unless it is there."""
    if (folder / "truth.npz").exists():
        return
    profile, seconds, seed = RECORDINGS[name]
    what = [profile, str(folder), "--seconds", str(seconds), "--seed", str(seed)]
    what += ["--lib", str(bench / "footprints_real.npz")]
    subprocess.run([sys.executable, str(bench / "simulate.py"), *what], check=True, capture_output=True)


def sort(folder: Path, out: Path, jobs: int, extra: list[str]) -> tuple[float, float]:
    """Sort with the command line; returns wall-clock seconds and peak resident memory in GB of the whole process."""
    meta = json.loads((folder / "meta.json").read_text())
    command = [sys.executable, "-m", "spikesieve", "sort", str(folder / "recording.bin")]
    command += ["--probe", str(folder / "probe.json"), "--channels", str(meta["n_channels"])]
    command += ["--sampling-hz", str(meta["fs"]), "--gain-uv", str(meta["gain_uv"])]
    start = time.perf_counter()
    process = subprocess.Popen([*command, "--out", str(out), "--overwrite", "--jobs", str(jobs), "-q", *extra])
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"sorting {folder} failed")
    return time.perf_counter() - start, used.ru_maxrss / 1e6


def score(folder: Path, out: Path, bench: Path) -> dict[str, float]:
    """Have the bench's scorer judge a result."""
    command = [sys.executable, str(bench / "score.py"), str(folder / "truth.npz"), str(out)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def default_bench() -> Path:
    """Find the folder of the scorer, beside the checkout."""
    return Path(__file__).resolve().parents[2] / "shared" / "bench"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("names", nargs="*", default=["s64", "t16"])
    parser.add_argument("--bench", type=Path, default=default_bench())
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="a setting, as for spikesieve sort")
    args = parser.parse_args()
    extra = [word for pair in args.set for word in ("--set", pair)]
    print("| recording | found / sortable | mean accuracy | false + redundant | units | s | peak GB |")
    print("|---|---|---|---|---|---|---|")
    for name in args.names:
        folder = args.workdir / name
        make(name, folder, args.bench)
        seconds, gigabytes = sort(folder, args.workdir / f"{name}-spikesieve", args.jobs, extra)
        r = score(folder, args.workdir / f"{name}-spikesieve", args.bench)
        wrong = r["false_pos"] + r["redundant"]
        print(
            f"| {name} | {r['sortable_gt80']} / {r['sortable_n']} | {r['sortable_mean']:.3f} | {wrong} "
            f"| {r['n_sorted']} | {seconds:.0f} | {gigabytes:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
