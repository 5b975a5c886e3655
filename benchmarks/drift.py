"""How well the movement of the tissue is estimated, where it is known: prints one table, a row a recording.

    python benchmarks/drift.py [none zigzag ...] [--seconds 120] [--seeds 0 1] [--probe neuropixels1:64]
    python benchmarks/drift.py --folders WORKDIR/d64 WORKDIR/s64

Recordings come from the package's own simulator, in memory; folders hold those of an independent one, such as
benchmarks/bench.py makes. Each goes through the first pass of a sort, then through both estimators: once as it is and
once with every other spike of the first half left out, so that all rates double half-way.

RMS and largest error are of the displacement that is used, over times and depths, in um; within: how often the truth
lies in the 95 % band; s: processor seconds of the estimate.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spikesieve import read_probe, read_recording, recording_from_array
from spikesieve.api.sort import Resources, memory_plan, open_run, source_of
from spikesieve.engine.store import Store
from spikesieve.model import F64, Motion, Probe, Recording
from spikesieve.passes.detection import detect_spikes
from spikesieve.passes.drift import located_spikes
from spikesieve.passes.preprocessing import fit_preprocessing
from spikesieve.passes.shapes import learn_shapes
from spikesieve.settings.motion import MotionParams
from spikesieve.settings.sort import Settings
from spikesieve.simulation import SimulationParams, simulate_array
from spikesieve.stages.motion.estimate import MotionSpikes, estimate

KINDS: dict[str, dict[str, Any]] = {
    "none": {},
    "zigzag": {"drift_zigzag_um": 20.0, "drift_zigzag_period_s": 60.0},
    "walk": {"drift_walk_um": 20.0},
    "jump": {"drift_step_um": 20.0, "drift_smooth_um": 5.0, "drift_smooth_s": 20.0},
    "leaning": {"drift_zigzag_um": 25.0, "drift_zigzag_period_s": 80.0, "nonrigid": 0.5},
    "nonrigid": {"drift_walk_um": 25.0, "nonrigid": 0.5},
}
ESTIMATORS = {"decentralized": {}, "kilosort": {"n_sections": 5}}


@dataclass(frozen=True, eq=False)
class Known:
    """A recording whose displacement is known.

    Attributes
    ----------
    name : str
        For the table.
    recording : Recording
        The samples.
    probe : Probe
        The contacts.
    depth_um : ndarray of float64, shape (n_depths,)
        Depths at rest.
    time_s : ndarray of float64, shape (n_times,)
        When.
    um : ndarray of float64, shape (n_times, n_depths)
        The displacement.
    """

    name: str
    recording: Recording
    probe: Probe
    depth_um: F64
    time_s: F64
    um: F64

    def at(self, time_s: F64, depth_um: float) -> F64:
        """Compute the displacement of what rests at a depth: (n_times,) float64."""
        course = (
            [np.interp(depth_um, self.depth_um, row) for row in self.um] if len(self.depth_um) > 1 else self.um[:, 0]
        )
        return np.interp(time_s, self.time_s, course)


def simulated(kind: str, probe_name: str, seconds: float, seed: int) -> Known:
    """Simulate a recording with the package's own simulator."""
    probe = read_probe(probe_name)
    params = SimulationParams(seconds=seconds, seed=seed, n_units=round(0.6 * probe.n_contacts), **KINDS[kind])
    raw, truth = simulate_array(probe, params)
    recording = recording_from_array(raw, params.sampling_hz, gain_uv=params.gain_uv)
    um = truth.displacement_um[0].astype(np.float64)
    return Known(f"{kind} {seed}", recording, probe, truth.displacement_depth_um, truth.displacement_time_s, um)


def from_folder(folder: Path) -> Known:
    """Read a recording of the independent generator: its displacement is known each second at either end."""
    meta = json.loads((folder / "meta.json").read_text())
    probe = read_probe(str(folder / "probe.json"))
    recording = read_recording(folder / "recording.bin", meta["n_channels"], meta["fs"], gain_uv=meta["gain_uv"])
    um = np.load(folder / "truth.npz")["drift"]
    ends_um = np.array([probe.positions_um[:, 1].min(), probe.positions_um[:, 1].max()])
    return Known(folder.name, recording, probe, ends_um, np.arange(len(um), dtype=np.float64), um)


def spikes_of(known: Known) -> MotionSpikes:
    """Detect and locate spikes, as the first steps of a sort do."""
    settings = Settings()
    plan = memory_plan(known.recording, known.probe, settings, Resources(n_jobs=1))
    source = source_of(known.recording, known.probe, settings, plan)
    with TemporaryDirectory() as scratch, open_run(1, Store.open(Path(scratch), reuse=False)) as run:
        source = source.with_preprocessing(run.step("preprocessing", fit_preprocessing, source, settings.preprocess))
        shapes = run.step("shapes", learn_shapes, source, settings.shapes, True)
        return located_spikes(run.step("detect", detect_spikes, source, shapes, settings.detect, settings.features))


def thinned(spikes: MotionSpikes, n_samples: int) -> MotionSpikes:
    """Leave out every other spike of the first half."""
    keep = (spikes.sample >= n_samples // 2) | (np.random.default_rng(0).random(len(spikes)) < 0.5)
    columns = {name: getattr(spikes, name)[keep] for name in MotionSpikes.__dataclass_fields__}
    return replace(spikes, **columns)


def row(known: Known, motion: Motion) -> str:
    """Write the errors of the displacement, each depth's without its median: where rest is cannot be known."""
    off, within = [], []
    for k, depth_um in enumerate(motion.depth_um):
        error = motion.um[0, :, k] - known.at(motion.time_s, float(depth_um))
        off.append(error - np.median(error))
        within.append(np.abs(off[-1]) <= 1.96 * motion.se_um[0, :, k] + 1e-3)
    rms, largest = np.sqrt(np.mean(np.square(off))), np.abs(off).max()
    return f"{rms:.2f} | {largest:.1f} | {100 * np.mean(within):.0f} % | {motion.decisions[0]}"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--probe", default="neuropixels1:64")
    parser.add_argument("--folders", type=Path, nargs="+", default=[])
    args = parser.parse_args()
    jobs = [lambda folder=folder: from_folder(folder) for folder in args.folders] or [
        lambda kind=kind, seed=seed: simulated(kind, args.probe, args.seconds, seed)
        for kind in args.kinds
        for seed in args.seeds
    ]
    print("| recording | rates | estimator | located spikes | RMS | largest | within | decision | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for make in jobs:
        known = make()
        spikes = spikes_of(known)
        n_samples = known.recording.n_samples
        for rates, selected in (("steady", spikes), ("doubling", thinned(spikes, n_samples))):
            for name, changes in ESTIMATORS.items():
                start = time.process_time()
                params = MotionParams(estimator=name, **changes)
                motion = estimate(selected, known.probe, ((0, n_samples),), known.recording.sampling_hz, params)
                seconds = time.process_time() - start
                line = row(known, motion)
                print(f"| {known.name} | {rates} | {name} | {len(selected)} | {line} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
