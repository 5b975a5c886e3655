"""Memory and units of chronic recordings: several sessions of one probe, sorted together and split off.

    python benchmarks/sessions.py WORKDIR [--sessions 2 8 32] [--seconds 5]

Makes sessions of a tetrode with the same neuron, louder or softer from one to the next, sorts them as one row of a
batch, each number of sessions in a process of its own, and prints the highest memory, the spikes, and whether all
results have the same unit numbers and together all spikes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from small_files import HZ, spiking, write_raw

OPTIONS = ["--channels", "4", "--gain-uv", "1", "--probe", "linear:4:25", "--row", "1", "--quiet", "--jobs", "1"]


def unit_numbers(result: Path) -> list[str]:
    """Units of a result, silent ones included."""
    return [line.partition(",")[0] for line in (result / "units.csv").read_text().splitlines()[1:]]


def measure(folder: Path, n: int, seconds: float) -> None:
    """Sort n sessions."""
    for number in range(n):
        louder = 1 + 0.02 * (number % 5)
        write_raw(folder, (louder * spiking(seconds)).astype(np.int16), f"day{number}.bin")
    (folder / "plan.csv").write_text("name,files,split\nall,day*.bin,file\n")
    words = ["batch", "plan.csv", "--out", "out", "--sampling-hz", str(HZ), *OPTIONS]
    process = subprocess.Popen([sys.executable, "-m", "spikesieve", *words], cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the sort ended with {os.waitstatus_to_exitcode(status)}")
    whole = folder / "out" / "all"
    parts = [path for path in (folder / "out" / "all-by-file").iterdir() if path.is_dir()]
    spikes = [len(np.load(part / "spike_times.npy")) for part in (whole, *parts)]
    same = all(unit_numbers(part) == unit_numbers(whole) for part in parts) and sum(spikes[1:]) == spikes[0]
    memory, cpu_s = used.ru_maxrss * 1024 / 1e6, used.ru_utime + used.ru_stime
    print(f"| {n} | {n * seconds:.0f} | {spikes[0]} | {memory:.0f} | {cpu_s:.0f} | {len(parts)} | {same} |", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--sessions", type=int, nargs="+", default=[2, 8, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print("| sessions | s | spikes | memory MB | processor s | results | same units, all spikes |")
    for n in given.sessions:
        with TemporaryDirectory(dir=given.workdir) as folder:
            measure(Path(folder), n, given.seconds)


if __name__ == "__main__":
    main()
