"""Does our `kilosort4` find the units that Kilosort4 finds? Runs both on one recording; a row for each true unit.

    python benchmarks/faith.py FOLDER --kilosort-python VENV/bin/python

FOLDER is a recording of the bench (see bench.py). Kilosort 4.1.x lives in a virtual environment of its own (CPU PyTorch
will do); it runs with nblocks=0 and otherwise its defaults. Its result is kept in FOLDER/kilosort4 and not made again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from spikesieve.comparison.agreement import agreement
from spikesieve.model.external import SpikeTrains

KILOSORT = """
import json, sys
from pathlib import Path
import numpy as np
from kilosort import run_kilosort

folder, out = Path(sys.argv[1]), sys.argv[2]
meta = json.loads((folder / "meta.json").read_text())
z = np.load(folder / "probe.npz")
probe = dict(chanMap=z["chanMap"].astype(int), xc=z["xc"].astype("f4"), yc=z["yc"].astype("f4"),
             kcoords=z["kcoords"].astype("f4"), n_chan=int(meta["n_channels"]))
settings = dict(n_chan_bin=meta["n_channels"], fs=meta["fs"], nblocks=0)
if meta["n_channels"] <= 16:
    settings["batch_size"] = 300000
recording = str(folder / "recording.bin")
run_kilosort(settings=settings, probe=probe, filename=recording, results_dir=out, data_dtype="int16")
"""


def run_kilosort4(folder: Path, python: Path) -> Path:
    """Sort with Kilosort4, unless its result is there; returns the folder of the result."""
    out = folder / "kilosort4"
    if not (out / "spike_times.npy").exists():
        start = time.perf_counter()
        subprocess.run([str(python), "-c", KILOSORT, str(folder), str(out)], check=True, capture_output=True)
        print(f"Kilosort4 took {time.perf_counter() - start:.0f} s")
    return out


def run_ours(folder: Path) -> Path:
    """Sort the same files with spikesieve; returns the folder of the result."""
    out, meta = folder / "spikesieve", json.loads((folder / "meta.json").read_text())
    command = [sys.executable, "-m", "spikesieve", "sort", str(folder / "recording.bin")]
    command += ["--probe", str(folder / "probe.json"), "--channels", str(meta["n_channels"])]
    command += ["--sampling-hz", str(meta["fs"]), "--gain-uv", str(meta["gain_uv"])]
    start = time.perf_counter()
    subprocess.run([*command, "--out", str(out), "--overwrite", "-q"], check=True)
    print(f"spikesieve took {time.perf_counter() - start:.0f} s")
    return out


def best_accuracy(folder: Path, result: Path) -> np.ndarray:
    """Compute the best accuracy of any sorted unit for each true one."""
    truth = np.load(folder / "truth.npz")
    meta = json.loads((folder / "meta.json").read_text())
    true = SpikeTrains.from_spikes(truth["sample"], truth["unit"], "truth")
    found = SpikeTrains.from_spikes(
        np.load(result / "spike_times.npy"), np.load(result / "spike_clusters.npy"), result.name
    )
    return np.asarray(agreement(true, found, meta["fs"]).scores().max(axis=1))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kilosort-python", type=Path, required=True)
    args = parser.parse_args()
    theirs = best_accuracy(args.folder, run_kilosort4(args.folder, args.kilosort_python))
    ours = best_accuracy(args.folder, run_ours(args.folder))
    separability = np.load(args.folder / "dprime.npy")
    print("| true unit | d' | Kilosort4 | spikesieve |\n|---|---|---|---|")
    for unit in np.argsort(-separability):
        mark = " (lost)" if theirs[unit] > 0.8 >= ours[unit] else ""
        print(f"| {unit} | {separability[unit]:.1f} | {theirs[unit]:.3f} | {ours[unit]:.3f}{mark} |")
    found, both = theirs > 0.8, (theirs > 0.8) & (ours > 0.8)
    print(f"\nKilosort4 finds {found.sum()}, spikesieve {(ours > 0.8).sum()}, of Kilosort4's {both.sum()}.")


if __name__ == "__main__":
    main()
