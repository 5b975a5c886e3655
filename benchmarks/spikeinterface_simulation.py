"""SpikeInterface's own simulation, static and drifting: units well detected and false ones, ours and its own sorters'.

    python benchmarks/spikeinterface_simulation.py WORKDIR --venv VENV [--seeds 1 2 3] [--kinds static drifting]

The recipe is that of Garcia et al. (eLife RP 110588) for 128 contacts, or for theirs with `--units 500
--contacts 384`; the seeds are not theirs. VENV is a virtual environment with SpikeInterface. All sorters read the same
int16 file; Lupin and Tridesclous2 run at their defaults, and with their own motion correction where the tissue moves.
What was made or sorted before is not done again. s: processor seconds, all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from bench import sort

OURS = "sieve"
PEERS = ("lupin", "tridesclous2")
KINDS = "static", "drifting"


def processor_seconds() -> float:
    """Read the processor time of all processes that this one started and that ended, in s."""
    used = os.times()
    return used.children_user + used.children_system


def in_venv(venv: Path, *words: object) -> str:
    """Run `spikeinterface_worker.py`; returns what it prints."""
    worker = Path(__file__).with_name("spikeinterface_worker.py")
    command = [str(venv / "bin" / "python"), str(worker), *(str(word) for word in words)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def sorted_by(sorter: str, folder: Path, args: argparse.Namespace) -> Path:
    """Sort, unless that was done before; returns the result as npz, beside which the processor seconds lie."""
    result = folder / f"{sorter}.npz"
    if not result.exists():
        start = processor_seconds()
        if sorter == OURS:
            out = folder / sorter
            sort(folder, out, args.jobs, ["--set", f"method={OURS}"])
            columns = {name: np.load(out / f"{name}.npy") for name in ("spike_times", "spike_clusters")}
            np.savez(result, **columns)
        else:
            in_venv(args.venv, "sort", sorter, folder, result, args.jobs)
        result.with_suffix(".json").write_text(json.dumps(processor_seconds() - start))
    return result


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--sorters", nargs="+", default=[OURS, *PEERS], choices=[OURS, *PEERS])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--units", type=int, default=170)
    parser.add_argument("--contacts", type=int, default=128)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    print("| recording | sorter | well detected | false | redundant | overmerged | units | s |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for seed in args.seeds:
        folders = [args.workdir / f"{kind}-{seed}" for kind in KINDS]
        if not all((folder / "truth.npz").exists() for folder in folders):
            in_venv(args.venv, "make", seed, args.seconds, args.units, args.contacts, *folders)
        for folder in [args.workdir / f"{kind}-{seed}" for kind in args.kinds]:
            for sorter in args.sorters:
                result = sorted_by(sorter, folder, args)
                row = json.loads(in_venv(args.venv, "score", folder, result).splitlines()[-1])
                seconds = json.loads(result.with_suffix(".json").read_text())
                print(
                    f"| {folder.name} | {sorter} | " + " | ".join(map(str, row.values())) + f" | {seconds:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    sys.exit(main())
