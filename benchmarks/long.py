"""Sorts a recording of many hours that is made as it is read, kills the sort on the way, and lets it go on.

    python benchmarks/long.py WORKDIR [--hours 13] [--probe neuropixels1:64] [--units 16] [--hz 30000] [--method sieve]
        [--kills detect:0.5 match:0.3 match:0.9] [--jobs 1] [--memory 4GB]

Only steps and the result lie in WORKDIR. Each kill is a kill -9 when a pass has come to that share of its blocks; the
next process goes on. Memory is that of the process less what the simulation takes in it: "own" is what the system
cannot take back, "resident" counts pages of mapped files as well (Linux only).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from memory import I16, Simulated

import spikesieve
from spikesieve.api.sort import memory_plan
from spikesieve.comparison import score_against_truth
from spikesieve.engine.heap import give_back
from spikesieve.model.external import SpikeTrains
from spikesieve.simulation import Simulation, SimulationParams, simulate
from spikesieve.simulation.recording import add_all_spikes

# The tissue moves up and down once in three hours.
DRIFT_UM, DRIFT_PERIOD_S = 5.0, 10_800.0
PEAKS = {"own": "RssAnon", "resident": "VmHWM"}


class Endless(Simulated):
    """A `ReadSamples` of a simulation that is made as it is read, and that says which one it is."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        self.noise = [np.rint(each.T / np.sqrt(2)).astype(np.int16, order="C") for each in self.noise]

    def identity(self) -> tuple[object, ...]:
        """The probe and all parameters."""
        return "simulated", self.simulation.probe.name, repr(self.simulation.params)

    def __call__(self, start: int, stop: int) -> I16:
        """Return the samples from start to stop: (stop - start, n_contacts) int16."""
        place = np.arange(start, stop)
        raw: I16 = np.add(*(noise.take(place, axis=0, mode="wrap") for noise in self.noise))
        spikes_uv = np.zeros(raw.shape[::-1], np.float32)
        add_all_spikes(self.simulation, spikes_uv, start)
        raw += np.rint(spikes_uv / np.float32(self.simulation.params.gain_uv)).astype(np.int16).T
        return raw


def say(**facts: object) -> None:
    """Tell the parent process something."""
    print(json.dumps(facts), flush=True)


def sort_here(args: argparse.Namespace) -> None:
    """Sort in this process, or go on, and tell the parent how far it is."""
    probe = spikesieve.read_probe(args.probe)
    params = SimulationParams(
        n_units=args.units, background_per_unit=0.5, seconds=3600 * args.hours, seed=1,
        drift_sine_um=DRIFT_UM, drift_sine_period_s=DRIFT_PERIOD_S, sampling_hz=args.hz,
    )  # fmt: skip
    read = Endless(simulate(probe, params))
    give_back()
    recording = spikesieve.Recording(
        read, params.n_samples, probe.n_contacts, params.sampling_hz, params.gain_uv, range_raw=(-32768, 32767)
    )
    resources = spikesieve.Resources(
        n_jobs=args.jobs, memory=args.memory, folder=args.folder / "steps",
        progress=lambda stage, done, total: say(stage=stage, done=done, total=total),
    )  # fmt: skip
    settings = spikesieve.Settings(method=args.method)
    say(planned=memory_plan(recording, probe, settings, resources).total_bytes, simulation=read.n_bytes)
    sorting = spikesieve.sort(recording, probe, settings, resources=resources)
    sorting.save(args.folder / "result", recording)
    truth, spikes = read.simulation.truth, sorting.spikes
    score = score_against_truth(
        SpikeTrains.from_spikes(truth.sample, truth.unit, "truth"),
        SpikeTrains.from_spikes(spikes.sample, spikes.unit),
        params.sampling_hz,
    )
    say(
        spikes=len(spikes.sample), true_spikes=len(truth.sample), units=score.n_sorted, found=len(score.well_detected),
        true_units=len(score.units), accuracy=score.mean_accuracy, false=len(score.false_positive),
        redundant=len(score.redundant),
    )  # fmt: skip


def peaks_gb(pid: int) -> dict[str, float]:
    """Memory of a process now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {k: int(line.split()[1]) * 1024 / 1e9 for k, name in PEAKS.items() for line in lines if name in line}


def run_until(words: list[str], kill_at: tuple[str, float] | None, facts: dict[str, float]) -> None:
    """Run a child to its end, or kill it at a place; what it says of itself is added to `facts`."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        stage = ""
        for line in process.stdout or ():
            said = json.loads(line)
            for name, gb in peaks_gb(process.pid).items() if "stage" in said else ():
                facts[name] = max(facts.get(name, 0.0), gb)
            if "stage" not in said:
                facts |= said
                continue
            if said["stage"] != stage:
                stage = said["stage"]
                print(f"{time.strftime('%H:%M:%S')} {stage}, {said['done']} of {said['total']}", flush=True)
            if kill_at is not None and stage == kill_at[0] and said["done"] >= kill_at[1] * said["total"]:
                print(f"{time.strftime('%H:%M:%S')} kill -9 at {stage}, {said['done']} of {said['total']}", flush=True)
                process.kill()
    if process.returncode not in (0, -9):
        raise SystemExit(f"It ended with status {process.returncode}.")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hours", type=float, default=13.0)
    parser.add_argument("--probe", default="neuropixels1:64")
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--hz", type=float, default=30_000.0)
    parser.add_argument("--method", default="sieve")
    parser.add_argument("--kills", nargs="*", default=["detect:0.5", "match:0.3", "match:0.9"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--memory")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        sort_here(args)
        return
    for name in ("steps", "result"):
        shutil.rmtree(args.folder / name, ignore_errors=True)
    args.folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, float] = {}
    start = time.perf_counter()
    for kill in (*args.kills, None):
        place = kill and (kill.partition(":")[0], float(kill.partition(":")[2]))
        run_until([sys.executable, __file__, *sys.argv[1:], "--child"], place or None, facts)
    simulation = facts["simulation"] / 1e9
    print(f"{args.hours:g} h, {args.probe}, {args.method}, killed {len(args.kills)} times:")
    print(f"{(time.perf_counter() - start) / 60:.0f} min; planned {facts['planned'] / 1e9:.2f} GB, own "
          f"{facts['own'] - simulation:.2f} GB, resident {facts['resident'] - simulation:.2f} GB")  # fmt: skip
    print(f"{facts['spikes']:.0f} spikes ({facts['true_spikes']:.0f} true); {facts['found']:.0f} of "
          f"{facts['true_units']:.0f} units found, mean accuracy {facts['accuracy']:.3f}; {facts['units']:.0f} units, "
          f"{facts['false']:.0f} false, {facts['redundant']:.0f} redundant")  # fmt: skip


if __name__ == "__main__":
    main()
