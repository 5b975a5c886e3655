"""Where every true unit is lost, step by step, what false units are made of, and what each step could do at best.

    python benchmarks/accuracy.py FOLDER ... [--method sieve] [--bench ../shared/bench] [--ceilings] [--set NAME=VALUE]

A FOLDER holds recording.bin, probe.json, truth.npz, dprime.npy and meta.json, as benchmarks/bench.py makes them. The
sort keeps its steps, and these are compared with the truth. With --ceilings it runs again with true detections, true
labels, and both (true templates): the difference to the plain run is that step's own loss. Steps that do not depend on
what is replaced are not computed again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench import default_bench, score
from ceilings import substitutes
from losses import FOUND, Labelled, Truth, false_units, missed_spikes, shares, steps_of, where_lost
from steps import INSIDE_STEPS, Reasons, SubstitutedRun, calls_of, labelled_stages, reasons_of

from spikesieve.api.sort import METHODS, Resources, memory_plan, open_run, source_of
from spikesieve.engine.store import Store
from spikesieve.io.recordings.open_input import RawOptions, open_input
from spikesieve.model import Probe, Recording, Sorting
from spikesieve.settings.sort import Settings

SORTABLE = 8.0
"""d' from which on a unit can be expected to be found."""

CEILINGS = {
    "as it is": (False, False),
    "true detections": (True, False),
    "true labels": (False, True),
    "true templates": (True, True),
}
"""Which steps the truth replaces: (detections, labels)."""


@dataclass(frozen=True, eq=False)
class Case:
    """A recording with its truth.

    Attributes
    ----------
    folder : Path
        As `benchmarks/bench.py` made it.
    recording : Recording
        The samples.
    probe : Probe
        The contacts.
    truth : Truth
        The true spikes.
    d_prime : ndarray of float64, shape (n_units,)
        How well each true unit stands out of the noise.
    """

    folder: Path
    recording: Recording
    probe: Probe
    truth: Truth
    d_prime: np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Followed:
    """A sort, and how it came about.

    Attributes
    ----------
    sorting : Sorting
        The result.
    stages : list of Labelled
        What each step made of the spikes; the last one is the result.
    reasons : Reasons
        Why units were left out.
    """

    sorting: Sorting
    stages: list[Labelled]
    reasons: Reasons


def read_case(folder: Path) -> Case:
    """Read a recording that benchmarks/bench.py made."""
    meta = json.loads((folder / "meta.json").read_text())
    raw = RawOptions(n_channels=meta["n_channels"], sampling_hz=meta["fs"], gain_uv=meta["gain_uv"])
    recording, probe, _ = open_input((folder / "recording.bin",), raw, str(folder / "probe.json"))
    z = np.load(folder / "truth.npz")
    position_um = np.stack([z["x"], z["y"]], axis=1).astype(np.float64)
    spikes = z["sample"].astype(np.int64), z["unit"].astype(np.int64), z["amplitude"].astype(np.float32)
    return Case(folder, recording, probe, Truth(*spikes, position_um), np.load(folder / "dprime.npy"))


def sort_and_follow(
    case: Case, settings: Settings, store: Store, true_detections: bool = False, true_labels: bool = False
) -> Followed:
    """Sort a recording and read what its steps made of the spikes."""
    plan = memory_plan(case.recording, case.probe, settings, Resources(n_jobs=1))
    source = source_of(case.recording, case.probe, settings, plan)
    truth = substitutes(case.truth, case.recording.sampling_hz, true_detections, true_labels)
    with open_run(1, store) as run, calls_of(INSIDE_STEPS) as calls:
        sorting = METHODS[settings.method](SubstitutedRun.of(run, truth), source, settings, None)
    part = tuple((block.start, block.stop) for block in source.part(settings.fit.learning_duration_s))
    reasons = reasons_of(calls, settings.refine.min_spikes, settings.refine.min_median_excess_sd)
    return Followed(sorting, labelled_stages(store, calls, part), reasons)


def print_losses(case: Case, followed: Followed) -> None:
    """Print a line for each true unit, and one for each false one."""
    hz, stages = case.recording.sampling_hz, followed.stages
    found = {stage.name: shares(case.truth, stage, hz) for stage in stages}
    steps = {name: steps_of(one) for name, one in found.items()}
    missed = missed_spikes(case.truth, stages[-1], found["result"], hz)
    print(f"\n{case.folder.name}: accuracy by stage (share of the unit's spikes that the stage has at all)")
    for unit in np.argsort(-case.d_prime):
        course = "  ".join(f"{name} {rows[unit].accuracy:.2f} ({rows[unit].seen:.2f})" for name, rows in steps.items())
        lost = where_lost({name: rows[unit] for name, rows in steps.items()})
        m = missed[unit]
        causes = f"missed: taken {m.taken:.2f} collision {m.collision:.2f} small {m.small:.2f} other {m.other:.2f}"
        reasons = [why.get(steps[name][unit].label) for name, why in followed.reasons.items() if name in steps]
        left_out = "".join(f" | {reason}" for reason in reasons if reason)
        print(f"  unit {unit} d' {case.d_prime[unit]:.1f}: {lost} | {course} | {causes}{left_out}")
    for false in false_units(found["result"]):
        label = followed.sorting.units[false.label].label
        parts = ", ".join(f"{unit} ({share:.0%})" for unit, share in false.parts)
        print(f"  false {false.label} ({label}, {false.n_spikes} spikes): {false.kind}; {parts}")


@dataclass(frozen=True)
class LabelScore:
    """What the labels and the contamination in the unit table are worth.

    Attributes
    ----------
    n_good, n_accurate : int
        Units labelled good, and those of them with an accuracy above 0.8.
    n_interval, n_covered : int
        Units, and those whose interval of contamination holds the true share of foreign spikes.
    """

    n_good: int
    n_accurate: int
    n_interval: int
    n_covered: int


def label_score(case: Case, followed: Followed) -> LabelScore:
    """Compare labels and contamination with the truth. Contamination is that by other true spikes."""
    found = shares(case.truth, followed.stages[-1], case.recording.sampling_hz)
    units = followed.sorting.units
    best = found.accuracy.max(axis=0, initial=0.0)
    foreign = 1 - found.counts.max(axis=0, initial=0) / np.maximum(found.n_label, 1)
    good = np.array([unit.label == "good" for unit in units], np.bool_)
    low = np.array([unit.contamination_low if unit.contamination_low is not None else 0.0 for unit in units])
    high = np.array([unit.contamination_high if unit.contamination_high is not None else 1.0 for unit in units])
    covered = (foreign >= low) & (foreign <= high)
    return LabelScore(int(good.sum()), int((best[good] > FOUND).sum()), len(covered), int(covered.sum()))


def table_row(case: Case, name: str, followed: Followed, bench: Path) -> str:
    """Have the bench's scorer judge a result, and write the row of the table."""
    spikes, labels = followed.sorting.spikes, label_score(case, followed)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.npz"
        np.savez(result, spike_times=spikes.sample, spike_clusters=spikes.unit)
        r = score(case.folder, result, bench)
    return (
        f"| {case.folder.name} | {name} | {r['sortable_gt80']} / {r['sortable_n']} | {r['sortable_mean']:.3f} "
        f"| {r['acc_mean']:.3f} | {r['false_pos'] + r['redundant']} | {labels.n_accurate} / {labels.n_good} "
        f"| {labels.n_covered} / {labels.n_interval} |"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--method", default="sieve")
    parser.add_argument("--bench", type=Path, default=default_bench())
    parser.add_argument("--ceilings", action="store_true", help="also with the truth in place of each step")
    parser.add_argument("--set", action="append", default=[], help="a setting, as for spikesieve sort")
    args = parser.parse_args()
    settings = Settings().with_overrides([f"method={args.method}", *args.set])
    rows = []
    for folder in args.folders:
        case = read_case(folder)
        with tempfile.TemporaryDirectory() as scratch:
            store = Store.open(Path(scratch))
            for name, truth in CEILINGS.items():
                if any(truth) and not args.ceilings:
                    continue
                followed = sort_and_follow(case, settings, store, *truth)
                if not any(truth):
                    print_losses(case, followed)
                rows.append(table_row(case, name, followed, args.bench))
    columns = "recording", "truth", "found / sortable", "mean", "mean of all", "false", "accurate / good", "covered"
    print("\n| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
