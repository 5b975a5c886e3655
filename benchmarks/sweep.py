"""What each constant of the method sieve's matching and refining is worth: found, mean accuracy and wrong units.

    python benchmarks/sweep.py FOLDER ... [--only refine.split_log_likelihood_gain ...]

A FOLDER is one of benchmarks/bench.py. Each constant takes a smaller and a larger value while the others stay. The
steps of the sort with default settings are kept, and those that a constant does not change are loaded. Wrong: false
and redundant units. Spikes are not moved to their trough.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from accuracy import SORTABLE, Case, read_case
from losses import Labelled, marks
from steps import SubstitutedRun

from spikesieve.api.sort import Resources, memory_plan, open_run, source_of
from spikesieve.engine.run import Run, versioned
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.methods import sieve
from spikesieve.passes.description import DescriptionParams, SortedSpikes
from spikesieve.settings.sort import Settings
from spikesieve.stages.curate import UnitSpikes

VALUES: dict[str, tuple[float, ...]] = {
    "fit.false_detections_hz": (0.001, 0.1),
    "fit.amplitude_cv": (0.075, 0.3),
    "fit.min_amplitude_ratio": (0.25, 0.7),
    "fit.min_log_odds": (-5.0, 0.0),
    "fit.final_log_odds": (-2.5, 1.5),
    "fit.min_membership_odds": (0.3, 0.7),
    "fit.learning_duration_s": (40.0, 150.0),
    "fit.max_rounds": (50, 200),
    "refine.rounds": (1, 3),
    "refine.max_spikes": (1500, 6000),
    "refine.split_log_likelihood_gain": (12.5, 50.0),
    "refine.split_separation": (2.4, 3.0),
    "refine.merge_distance_sd": (2.0, 4.5),
    "refine.merge_distance_across_drift_sd": (3.0, 9.0),
    "refine.merge_similarity_across_drift": (0.8, 0.95),
    "refine.refractory_log_odds": (1.5, 6.0),
    "refine.min_median_excess_sd": (0.5, 1.5),
    "refine.phase_fragment_similarity": (0.8, 0.95),
    "refine.min_spikes": (10, 40),
}


def sweep(case: Case, names: list[str]) -> dict[tuple[str, float | None], str]:
    """Sort with every value of some settings; returns the marks by setting and value, None for the defaults."""
    found: dict[tuple[str, float | None], str] = {}
    plan = memory_plan(case.recording, case.probe, resources=Resources(n_jobs=1))
    counts, hz = case.d_prime >= SORTABLE, case.recording.sampling_hz
    with TemporaryDirectory() as scratch:
        store = Store.open(Path(scratch))
        changes = [("default", None), *((name, value) for name in names for value in VALUES[name])]
        for name, value in changes:
            settings = Settings() if value is None else Settings().with_values([(name, value)])
            source = source_of(case.recording, case.probe, settings, plan)
            with open_run(1, store) as run:
                trains: Any = sieve.sort(SubstitutedRun.of(run, {"sorting": only_trains}), source, settings)
            got = marks(case.truth, Labelled("result", trains.sample, trains.unit), counts, hz)
            found[name, value] = f"{got.n_found} / {got.mean:.3f} / {got.n_wrong}"
            print(f"{case.folder.name} {name} {value}: {found[name, value]}", flush=True)
            if value is None:
                of_defaults = set(store.index().values())
            remove_other_steps(store, of_defaults)
    return found


@versioned(-1)
def only_trains(run: Run, source: Source, spikes: SortedSpikes, params: DescriptionParams) -> UnitSpikes:
    """Stand in for the description of the result, which costs time and changes no spike."""
    return spikes.final.trains


def remove_other_steps(store: Store, kept: set[str]) -> None:
    """Remove all steps from a store but some, so that it does not grow with every value."""
    for folder in store.root.iterdir():
        if folder.is_dir() and folder.name not in kept:
            shutil.rmtree(folder)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--only", nargs="+", default=list(VALUES), choices=list(VALUES))
    args = parser.parse_args()
    columns = {folder.name: sweep(read_case(folder), args.only) for folder in args.folders}
    print("\n| setting | value | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 2) + "|")
    for name, value in next(iter(columns.values())):
        row = " | ".join(column[name, value] for column in columns.values())
        print(f"| `{name}` | {'' if value is None else value} | {row} |")


if __name__ == "__main__":
    main()
