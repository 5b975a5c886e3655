"""Where every true unit is lost, stage by stage, what false units are made of, and what each stage could do at best.

    python benchmarks/accuracy.py FOLDER ... [--method sieve] [--bench ../shared/bench] [--ceilings] [--set NAME=VALUE]

A FOLDER holds recording.bin, probe.json, truth.npz, dprime.npy and meta.json, as benchmarks/bench.py makes them. The
method runs in this process, and what its stages return is looked at on the way. With --ceilings it runs again with
true detections, true labels, and both (true templates): the difference to the plain run is that stage's own loss.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from bench import default_bench, score
from ceilings import in_place, true_detections, true_labels
from losses import Labelled, Spans, Truth, missed_spikes, shares, steps_of, strangers, where_lost

from spikesieve.api.sort import METHODS, memory_plan, open_run
from spikesieve.engine.run import Run
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.model import I64, Probe, Recording, Sorting
from spikesieve.passes import fitting, moving
from spikesieve.settings.refine import RefineParams
from spikesieve.settings.sort import Settings
from spikesieve.stages import curate as curation
from spikesieve.stages.sieve import final_assignment

SORTABLE = 8.0
"""d' from which on a unit can be expected to be found."""

CEILINGS = {
    "as it is": (False, False),
    "true detections": (True, False),
    "true labels": (False, True),
    "true templates": (True, True),
}
"""What is fed in of the truth: (detections, labels)."""


@dataclass(frozen=True, eq=False)
class Case:
    """A recording with its truth."""

    folder: Path
    recording: Recording
    probe: Probe
    truth: Truth
    d_prime: np.ndarray[Any, Any]


def read_case(folder: Path) -> Case:
    """A recording as benchmarks/bench.py makes it."""
    meta = json.loads((folder / "meta.json").read_text())
    raw = RawOptions(n_channels=meta["n_channels"], sampling_hz=meta["fs"], gain_uv=meta["gain_uv"])
    recording, probe = open_input((folder / "recording.bin",), raw, str(folder / "probe.json"))[:2]
    z = np.load(folder / "truth.npz")
    position = np.stack([z["x"], z["y"]], axis=1).astype(np.float64)
    truth = Truth(z["sample"].astype(np.int64), z["unit"].astype(np.int64), z["amplitude"].astype(np.float32), position)
    return Case(folder, recording, probe, truth, np.load(folder / "dprime.npy"))


def run_method(
    case: Case, settings: Settings, feed: tuple[bool, bool] = (False, False)
) -> tuple[Sorting, list[Labelled], Reasons]:
    """The result, what the stages of the method's page made of the spikes, in order, each under its name, and why units
    went.
    """
    page: ModuleType = sys.modules[METHODS[settings.method].__module__]
    watch = Watch()
    fed = {}
    if feed[0]:
        fed["detect_all"] = true_detections(case.truth)
    if feed[1]:
        fed["cluster_all"] = true_labels(case.truth, page.cluster_all)
    with ExitStack() as patches:
        scratch = patches.enter_context(tempfile.TemporaryDirectory())
        for module in (page, moving, fitting):
            patches.enter_context(in_place(module, **{n: f for n, f in fed.items() if hasattr(module, n)}))
            watched = {name: watch.around(name, getattr(module, name)) for name in WATCHED if hasattr(module, name)}
            patches.enter_context(in_place(module, **watched))
        patches.enter_context(in_place(final_assignment, sure_excess=watch.weighing(settings.refine)))
        echoes, merged = watch.echoes(), watch.merging()
        patches.enter_context(in_place(curation, echo_units=echoes, merge_units=merged))
        plan = memory_plan(case.recording, case.probe, settings, n_jobs=1)
        run = patches.enter_context(open_run(case.recording, case.probe, Path(scratch), plan))
        sorting = METHODS[settings.method](run, case.probe, settings)
    result = Labelled("result", sorting.spikes.sample, sorting.spikes.unit.astype(np.int64))
    return sorting, [*watch.stages, result], watch.reasons


WATCHED = (
    "a_part",
    "spikes_at_rest",
    "cluster_all",
    "match_all",
    "fit_all",
    "learn_units",
    "final_assignment",
    "curate",
)
"""Stages by the names that the methods' pages call them by."""


Reasons = dict[str, dict[int, str]]
"""Of the labels of a stage that do not go on: why."""


class Watch:
    """Notes what stages return as they are called: spikes and their labels; and why units do not go on."""

    def __init__(self) -> None:
        self.stages: list[Labelled] = []
        self.reasons: Reasons = {"units": {}, "kept": {}}
        self.part: Run | None = None
        self.sample = np.empty(0, np.int64)
        self.inside: Spans | None = None

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its result noted."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self._note(name, args, result)
            return result

        return watched

    def weighing(self, params: RefineParams) -> Callable[..., Any]:
        """`final_assignment.sure_excess`, with what it means for units that are not kept."""
        weigh = final_assignment.sure_excess

        def watched(excess: Any, unit: I64, n_units: int) -> Any:
            found, counts = weigh(excess, unit, n_units), np.bincount(unit[unit >= 0], minlength=n_units)
            for k in range(n_units):
                if counts[k] < params.min_spikes:
                    self.reasons["units"][k] = f"{counts[k]} spikes are left to it"
                elif found[k] < params.min_median_excess_sd:
                    self.reasons["units"][k] = f"exceeds noise by {found[k]:.2f} SD"
            return found

        return watched

    def echoes(self) -> Callable[..., Any]:
        """`curate.echo_units`, noted."""
        find = curation.echo_units

        def watched(*args: Any) -> Any:
            found = find(*args)
            self.reasons["kept"] |= {int(k): "echo of a larger neighbour" for k in found}
            return found

        return watched

    def merging(self) -> Callable[..., Any]:
        """`curate.merge_units`, noted."""
        merge = curation.merge_units

        def watched(*args: Any) -> Any:
            trains, became = merge(*args)
            self.reasons["kept"] |= {k: f"merged into {j}" for k, j in enumerate(became.tolist()) if k != j}
            return trains, became

        return watched

    def _note(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        if name == "a_part":
            self.part = result
        elif name == "spikes_at_rest":
            self.sample = result.spikes.sample
            self._add("detected", np.full(len(self.sample), -1))
        elif name == "cluster_all":
            self._add("clustered", result.unit)
        elif name in ("match_all", "fit_all"):
            spikes = result[0] if isinstance(result, tuple) else result
            self.sample = spikes.sample
            part = args[0] is self.part
            self.inside = tuple((b.start, b.stop) for b in args[0].blocks) if part else None
            self._add("matched a part" if part else "matched", spikes.source.astype(np.int64))
        elif name == "learn_units":
            self._add("units of a part" if self.inside else "units", result.assignment.accepted_unit)
        else:
            spikes = result if name == "final_assignment" else result[0]
            self.sample = spikes.sample
            self._add("kept" if name == "final_assignment" else "curated", spikes.unit)

    def _add(self, name: str, label: I64) -> None:
        self.stages.append(Labelled(name, self.sample, label, self.inside))


def print_losses(case: Case, stages: list[Labelled], sorting: Sorting, reasons: Reasons) -> None:
    """One line a true unit, one a false one."""
    hz = case.recording.sampling_hz
    found = {stage.name: shares(case.truth, stage, hz) for stage in stages}
    steps = {name: steps_of(one) for name, one in found.items()}
    missed = missed_spikes(case.truth, stages[-1], found["result"], hz)
    print(f"\n{case.folder.name}: accuracy by stage (share of spikes that the stage has at all)")
    for unit in np.argsort(-case.d_prime):
        course = "  ".join(f"{name} {rows[unit].accuracy:.2f} ({rows[unit].seen:.2f})" for name, rows in steps.items())
        lost = where_lost({name: rows[unit] for name, rows in steps.items()})
        m = missed[unit]
        why = f"missed: taken {m.taken:.2f} collision {m.collision:.2f} small {m.small:.2f} other {m.other:.2f}"
        gone = [of.get(steps[name][unit].label) for name, of in reasons.items() if name in steps]
        went = "".join(f" | {reason}" for reason in gone if reason)
        print(f"  unit {unit} d' {case.d_prime[unit]:.1f}: {lost} | {course} | {why}{went}")
    for stranger in strangers(found["result"]):
        label = sorting.units[stranger.label].label
        parts = ", ".join(f"{unit} ({share:.0%})" for unit, share in stranger.made_of)
        print(f"  false {stranger.label} ({label}, {stranger.n_spikes} spikes): {stranger.kind}; {parts}")


@dataclass(frozen=True)
class LabelScore:
    """Units labelled good, how many of them are accurate, and how often the contamination lies in its interval."""

    n_good: int
    n_accurate: int
    n_interval: int
    n_covered: int


def label_score(case: Case, sorting: Sorting) -> LabelScore:
    """What the labels and the contamination of the unit table are worth; contamination is that by true other spikes."""
    found = shares(case.truth, Labelled("result", sorting.spikes.sample, sorting.spikes.unit.astype(np.int64)), 30000.0)
    best = found.accuracy.max(axis=0, initial=0.0)
    whose = found.counts.max(axis=0, initial=0) / np.maximum(found.n_label, 1)
    good = np.array([unit.label == "good" for unit in sorting.units])
    low = np.array([u.contamination_low if u.contamination_low is not None else 0.0 for u in sorting.units])
    high = np.array([u.contamination_high if u.contamination_high is not None else 1.0 for u in sorting.units])
    covered = (1 - whose >= low) & (1 - whose <= high)
    return LabelScore(int(good.sum()), int((best[good] > 0.8).sum()), len(covered), int(covered.sum()))


def summary(case: Case, sorting: Sorting, bench: Path) -> dict[str, float]:
    """What the bench's scorer says."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.npz"
        np.savez(result, spike_times=sorting.spikes.sample, spike_clusters=sorting.spikes.unit)
        return score(case.folder, result, bench)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--method", default="sieve")
    parser.add_argument("--bench", type=Path, default=default_bench())
    parser.add_argument("--ceilings", action="store_true", help="also with the truth fed in up to each stage")
    parser.add_argument("--set", action="append", default=[], help="a setting, as for spikesieve sort")
    args = parser.parse_args()
    values = [("method", args.method), *(tuple(pair.split("=", 1)) for pair in args.set)]
    settings = Settings().with_values(values)
    rows = []
    for folder in args.folders:
        case = read_case(folder)
        for name, feed in CEILINGS.items() if args.ceilings else [("as it is", (False, False))]:
            sorting, stages, reasons = run_method(case, settings, feed)
            if feed == (False, False):
                print_losses(case, stages, sorting, reasons)
            r, labels = summary(case, sorting, args.bench), label_score(case, sorting)
            rows.append(
                f"| {folder.name} | {name} | {r['sortable_gt80']} / {r['sortable_n']} | {r['sortable_mean']:.3f} "
                f"| {r['acc_mean']:.3f} | {r['false_pos'] + r['redundant']} | {labels.n_accurate} / {labels.n_good} "
                f"| {labels.n_covered} / {labels.n_interval} |"
            )
    columns = "recording", "truth", "found / sortable", "mean", "mean of all", "false", "accurate / good", "covered"
    print("\n| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
