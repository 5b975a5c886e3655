"""Reads thousands of damaged inputs: each must give a result or a sentence, run no code, and write only its output.

    python benchmarks/fuzz.py WORKDIR [--inputs 10000] [--groups raw probes ...] [--first 0] [--memory-gb 4]

Valid inputs of each kind are damaged in every way that tests/mutations.py knows: bytes, words, values of a tree,
types and shapes of arrays. Each group runs in a process of its own, with a limit on its memory, and on the time of each
input; a process that dies or hangs is noted, and the next one goes on behind that input. The number of an input names
it: the same number gives the same bytes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fuzzing import GROUPS, LIMIT_S, Fuzzer

SHARES = {"raw": 15, "probes": 25, "spikeglx": 15, "settings": 15, "motions": 10, "sortings": 14, "results": 6}
"""Per cent of the inputs."""


def read_here(group: str, first: int, stop: int, memory_gb: float) -> None:
    """Read inputs in this process, and say what was wrong with each."""
    warnings.simplefilter("ignore")
    with TemporaryDirectory(prefix="fuzz-") as folder:
        place = Path(folder) / group
        place.mkdir()
        fuzzer = Fuzzer(group, place)
        resource.setrlimit(resource.RLIMIT_AS, (int(memory_gb * 1e9), int(memory_gb * 1e9)))
        for number in range(first, stop):
            print(number, fuzzer.try_one(number).replace("\n", " ")[:500], flush=True)


def read_group(group: str, first: int, stop: int, args: argparse.Namespace) -> tuple[int, list[str]]:
    """Read the inputs of a group in other processes; returns how many were read, and what was wrong."""
    done, wrong = first, []
    while done < stop:
        words = [sys.executable, __file__, str(args.folder), "--child", group, str(done), str(stop)]
        log = args.folder / f"{group}.log"
        with log.open("w") as said:
            process = subprocess.Popen([*words, "--memory-gb", str(args.memory_gb)], stdout=said, stderr=said)
            size, since = 0, time.monotonic()
            while process.poll() is None:
                time.sleep(0.5)
                if log.stat().st_size != size:
                    size, since = log.stat().st_size, time.monotonic()
                if time.monotonic() - since > 5 * LIMIT_S:
                    process.kill()
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.split(" ", 1)[0].isdigit()]
        wrong += [f"{group} {line}" for line in lines if line.partition(" ")[2].strip()]
        done += len(lines)
        if process.returncode and done < stop:
            wrong.append(f"{group} {done} ended the process with {process.returncode}: {log.read_text()[-800:]}")
            done += 1
    return done - first, wrong


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--groups", nargs="+", default=list(GROUPS))
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--memory-gb", type=float, default=4.0)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        read_here(args.child[0], int(args.child[1]), int(args.child[2]), args.memory_gb)
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    print("| group | inputs | wrong | s |\n|---|---|---|---|", flush=True)
    kinds = Counter[str]()
    for group in args.groups:
        start, n = time.perf_counter(), args.inputs * SHARES[group] // 100
        n_read, wrong = read_group(group, args.first, args.first + n, args)
        kinds.update(wrong)
        print(f"| {group} | {n_read} | {len(wrong)} | {time.perf_counter() - start:.0f} |", flush=True)
        for line in wrong:
            print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
