"""What each constant of the method sieve's matching and refining is worth: found, mean accuracy and wrong units.

    python benchmarks/sweep.py FOLDER ... [--only refine.split_log_likelihood_gain ...]

A FOLDER is one of benchmarks/bench.py. Each constant takes a smaller and a larger value while the others stay; what
comes before the first matching is done once. Wrong: false and redundant units. Spikes are not moved to their trough.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import SORTABLE, Case, read_case
from ceilings import in_place
from losses import Labelled, marks
from spikesieve.passes.fitting import seconds_of

from spikesieve.api.sort import memory_plan, open_run
from spikesieve.methods import sieve
from spikesieve.settings.sort import Settings

VALUES: dict[str, tuple[float, ...]] = {
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
ONCE = (
    "fit_preprocessing",
    "learn_shapes",
    "with_unit_noise",
    "follow",
    "spikes_at_rest",
    "cluster_all",
    "learn_templates",
    "moving_templates",
)
"""Steps of the method's page that do not depend on what is swept."""


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called the first time only."""
    results: list[Any] = []

    def remembered(*args: Any, **kwargs: Any) -> Any:
        if not results:
            results.append(function(*args, **kwargs))
        return results[0]

    return remembered


def once_for_a_part() -> Callable[..., Any]:
    """`fit_all`, remembered by its settings where it is given a part of the recording: only there it finds the spikes
    of templates that do not depend on what is swept.
    """
    known: dict[tuple[Any, ...], Any] = {}
    fit_all = sieve.fit_all

    def remembered(run: Any, fitted: Any, shapes: Any, matcher_of: Any, params: Any) -> Any:
        key = params.model_dump_json(), run.blocks
        if key in known:
            return known[key]
        spikes, how = fit_all(run, fitted, shapes, matcher_of, params)
        if seconds_of(run) < run.recording.duration_s:
            # The next pass writes into the same files.
            known[key] = replace(spikes, features=np.array(spikes.features)), np.array(how)
        return spikes, how

    return remembered


def sweep(case: Case, only: list[str]) -> dict[tuple[str, float | None], str]:
    """Marks by setting and value; None for the defaults."""
    found = {}
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(in_place(sieve, **{name: once(getattr(sieve, name)) for name in ONCE}))
        stack.enter_context(in_place(sieve, fit_all=once_for_a_part(), describe=lambda *args: args[4].trains))
        plan = memory_plan(case.recording, case.probe, Settings(), n_jobs=1)
        run = stack.enter_context(open_run(case.recording, case.probe, Path(scratch), plan))
        todo = [("default", None), *((name, value) for name in only for value in VALUES[name])]
        for name, value in todo:
            changed = [] if value is None else [(name, value)]
            trains = sieve.sort(run, case.probe, Settings().with_values([("method", "sieve"), *changed]))
            stage = Labelled("result", trains.sample, trains.unit)
            got = marks(case.truth, stage, case.d_prime >= SORTABLE, case.recording.sampling_hz)
            found[name, value] = f"{got.n_found} / {got.mean:.3f} / {got.n_wrong}"
            print(f"{case.folder.name} {name} {value}: {found[name, value]}", flush=True)
    return found


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
