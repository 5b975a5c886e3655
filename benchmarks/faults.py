"""Lets the disk fail again and again while a recording is sorted, and compares the bytes of the results.

    python benchmarks/faults.py WORKDIR [--rounds 20] [--methods sieve kilosort4 kilosort2]

A recording is sorted once by each method, undisturbed. Then the same sort is started on a disk on which the n-th write
fails (no space, no permission, or an error of the device), for larger and larger n, until the sort is done: a round.
Each failure must be one sentence with status 2, and the last result must have the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from failing_disk import failing_again_and_again
from killing import unlike
from small_files import of_method, run_sort, spiking, write_raw


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--methods", nargs="+", default=["sieve", "kilosort4", "kilosort2"])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    raw = write_raw(args.folder.resolve(), spiking(2.0))
    print(
        "| method | rounds | failures | without a sentence | files that differ | left over |\n|---|---|---|---|---|---|"
    )
    for method in args.methods:
        whole, out, options = raw.parent / f"{method}-whole", raw.parent / f"{method}-out", of_method(method)
        run_sort(raw, whole, *options, "--overwrite")
        n_failures, wrong, differ, n_left = 0, [], 0, 0
        for seed in range(args.rounds):
            shutil.rmtree(out, ignore_errors=True)
            endings = list(failing_again_and_again(raw, out, options, 1 + seed % 8, seed))
            n_failures += len(endings) - 1
            wrong += [where for ended_well, where in endings if not ended_well]
            differ += len(unlike(whole, out))
            n_left += len(list(raw.parent.glob(f".{out.name}*")))
        print(f"| {method} | {args.rounds} | {n_failures} | {len(wrong)} | {differ} | {n_left} |", flush=True)
        for where in wrong:
            print(where, file=sys.stderr)


if __name__ == "__main__":
    main()
