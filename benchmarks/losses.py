"""Where true units and their spikes are lost between the stages of a sort, and what false units are made of.

Pure functions on spike samples and labels; `benchmarks/accuracy.py` collects those of each stage and prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from spikesieve.comparison.agreement import MATCH_MS, agreement
from spikesieve.model import F32, F64, I64, Bool
from spikesieve.model.external import SpikeTrains

# A share of a unit's or a cluster's spikes that is worth a word.
WORTH = 0.1
Spans = tuple[tuple[int, int], ...]
FOUND, HALF, STRANGER = 0.8, 0.5, 0.2
# A true spike of another unit this near, in time and space, makes a collision; a spike smaller than this is small.
COLLISION_MS, COLLISION_UM, SMALL = 1.0, 100.0, 0.85


@dataclass(frozen=True, eq=False)
class Truth:
    """True spikes by unit 0..n_units-1 in order of time: sample, unit int64, amplitude float32 (n_spikes,); where.

    position_um  (n_units, 2) float64
    """

    sample: I64
    unit: I64
    amplitude: F32
    position_um: F64


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a stage made of the spikes: sample, label int64 (n,), -1 = in no cluster, template or unit.

    inside  the stretches of the recording that the stage was given, in order of time; None for all of it
    """

    name: str
    sample: I64
    label: I64
    inside: Spans | None = None


@dataclass(frozen=True, eq=False)
class Shares:
    """Common spikes of true units and labels of a stage.

    labels  (n_labels,) int64;  counts (n_units, n_labels) int64;  n_truth, n_label int64 spikes of each
    seen    (n_units,) float64, share of a unit's spikes that the stage has, whatever their label, beyond chance
    chance  (n_units,) float64, share of any label's spikes that would meet one of the unit's by chance
    """

    labels: I64
    counts: I64
    n_truth: I64
    n_label: I64
    seen: F64
    chance: F64

    @property
    def accuracy(self) -> F64:
        """(n_units, n_labels) float64: common spikes over those of either."""
        either = self.n_truth[:, None] + self.n_label - self.counts
        return self.counts / np.maximum(either, 1)

    @property
    def best(self) -> I64:
        """(n_units,) int64: the column that agrees best with each true unit, -1 for none."""
        if self.counts.shape[1] == 0:
            return np.full(len(self.counts), -1)
        best = self.accuracy.argmax(axis=1)
        return np.where(self.counts[np.arange(len(best)), best] > 0, best, -1)


def within(truth: Truth, spans: Spans | None) -> Truth:
    """The truth inside some stretches of the recording."""
    if spans is None:
        return truth
    starts, stops = np.array(spans, np.int64).T
    at = np.searchsorted(starts, truth.sample, side="right") - 1
    kept = (at >= 0) & (truth.sample < stops[np.maximum(at, 0)])
    return Truth(truth.sample[kept], truth.unit[kept], truth.amplitude[kept], truth.position_um)


def shares(truth: Truth, stage: Labelled, sampling_hz: float) -> Shares:
    """What the labels of a stage have in common with the true units."""
    n_units = len(truth.position_um)
    truth = within(truth, stage.inside)
    there = stage.label >= 0
    labelled = SpikeTrains.from_spikes(stage.sample[there], stage.label[there])
    whole = SpikeTrains(truth.sample, truth.unit, np.arange(n_units))
    anything = SpikeTrains.from_spikes(stage.sample, np.zeros(len(stage.sample), np.int64))
    n_truth = np.bincount(truth.unit, minlength=n_units)
    n_seen = agreement(whole, anything, sampling_hz).counts()
    seen = (n_seen[:, 0] if n_seen.shape[1] else np.zeros(n_units)) / np.maximum(n_truth, 1)
    counts = agreement(whole, labelled, sampling_hz).counts()
    duration = truth.sample.max(initial=0) if stage.inside is None else sum(b - a for a, b in stage.inside)
    near = 2 * MATCH_MS * 1e-3 * sampling_hz / max(1, int(duration))
    covered = 1 - np.exp(-near * len(stage.sample))
    seen = np.maximum(0.0, (seen - covered) / max(1 - covered, 1e-9))
    return Shares(labelled.units, counts, n_truth, labelled.n_spikes, seen, n_truth * near)


@dataclass(frozen=True)
class Step:
    """One true unit in one stage.

    seen      share of its spikes that the stage has
    label     the label that agrees best with it, None for none
    recall, precision, accuracy  of that label
    split     other labels that hold at least a tenth of its spikes, with the share
    merged    other true units that make up at least a tenth of its label, with the share of the label
    """

    seen: float
    label: int | None
    recall: float
    precision: float
    accuracy: float
    split: tuple[tuple[int, float], ...]
    merged: tuple[tuple[int, float], ...]


def steps_of(found: Shares) -> tuple[Step, ...]:
    """Every true unit in a stage."""
    rows = []
    for unit, best in enumerate(found.best.tolist()):
        n_truth, seen = max(int(found.n_truth[unit]), 1), float(found.seen[unit])
        if best < 0:
            rows.append(Step(seen, None, 0.0, 0.0, 0.0, (), ()))
            continue
        mine, label = found.counts[unit] / n_truth, found.counts[:, best] / int(found.n_label[best])
        split = [(int(found.labels[j]), float(mine[j])) for j in np.argsort(-mine) if j != best and mine[j] >= WORTH]
        merged = [(int(i), float(label[i])) for i in np.argsort(-label) if i != unit and label[i] >= WORTH]
        accuracy = float(found.accuracy[unit, best])
        own = float(mine[best]), float(label[unit]), accuracy
        rows.append(Step(seen, int(found.labels[best]), *own, tuple(split), tuple(merged)))
    return tuple(rows)


def where_lost(steps: dict[str, Step]) -> str:
    """A sentence: after which stage a true unit is no longer found. `steps` in order: detection first, the result last.

    A unit that some stage has with an accuracy above 0.8 is lost where it falls below that for good; any other was
    lost from the start, and is described as the result has it.
    """
    names = list(steps)
    last = steps[names[-1]]
    if last.accuracy > FOUND:
        return "found"
    if steps[names[0]].seen < WORTH:
        return f"not detected: {steps[names[0]].seen:.0%} of its spikes"
    had = [i for i, name in enumerate(names) if steps[name].accuracy > FOUND]
    place = names[had[-1] + 1] if had else names[-1]
    step = steps[place]
    if step.label is None:
        return f"{place}: gone" if had else "detected, in no unit"
    what = f"{1 - step.recall:.0%} of its spikes missed, {1 - step.precision:.0%} foreign"
    if step.merged and step.precision < step.recall:
        others = ", ".join(f"{unit} ({share:.0%})" for unit, share in step.merged)
        what = f"merged with {others}"
    elif step.split:
        others = ", ".join(f"{label} ({share:.0%})" for label, share in step.split)
        what = f"split, also in {others}"
    return f"{place}: {what}" if had else f"never found; {what}"


@dataclass(frozen=True)
class Missed:
    """Why the spikes of a true unit that its label does not have are missing: shares of its spikes, first cause wins.

    taken      another label nearby has a spike there that is no spike of another true unit
    collision  a spike of another true unit nearby in time and space
    small      amplitude below 0.85 of the unit's median
    other      none of these
    """

    taken: float
    collision: float
    small: float
    other: float


def missed_spikes(truth: Truth, stage: Labelled, found: Shares, sampling_hz: float) -> tuple[Missed, ...]:
    """Why spikes are missing in a stage, a row a true unit. A label is where the unit is that most of it belongs to."""
    window, near = round(MATCH_MS * 1e-3 * sampling_hz), round(COLLISION_MS * 1e-3 * sampling_hz)
    order = np.argsort(stage.sample, kind="stable")
    sample, label = stage.sample[order], stage.label[order]
    owner = found.counts.argmax(axis=0) if len(found.labels) else np.empty(0, np.int64)
    rows = []
    for unit, step in enumerate(steps_of(found)):
        mine = np.flatnonzero(truth.unit == unit)
        own = sample[label == step.label] if step.label is not None else sample[:0]
        close = np.hypot(*(truth.position_um - truth.position_um[unit]).T) <= COLLISION_UM
        others = sample[np.isin(label, found.labels[close[owner] & (found.labels != step.label)])]
        neighbours = truth.sample[close[truth.unit] & (truth.unit != unit)]
        lost = ~has_near(truth.sample[mine], own, window)
        at, amplitude = truth.sample[mine][lost], truth.amplitude[mine]
        collision = has_near(at, neighbours, near)
        taken = has_near(at, others, window) & ~has_near(at, neighbours, window)
        small = amplitude[lost] < SMALL * (np.median(amplitude) if len(amplitude) else 1.0)
        causes = (taken, collision & ~taken, small & ~taken & ~collision, ~(taken | collision | small))
        rows.append(Missed(*(float(cause.sum()) / max(1, len(mine)) for cause in causes)))
    return tuple(rows)


def has_near(a: I64, b: I64, reach: int) -> Bool:
    """Which of the samples a have one of b (sorted) within reach: (len(a),) bool."""
    return np.searchsorted(b, a + reach, side="right") > np.searchsorted(b, a - reach)


@dataclass(frozen=True)
class Stranger:
    """A label that agrees with no true unit: its spikes, the true units that hold a tenth of it, the share of none."""

    label: int
    n_spikes: int
    made_of: tuple[tuple[int, float], ...]
    background: float

    @property
    def kind(self) -> str:
        """What it is."""
        if self.background > HALF:
            return "background"
        if self.made_of and self.made_of[0][1] > HALF:
            return f"part of {self.made_of[0][0]}"
        return "mixture"


def strangers(found: Shares, smallest_agreement: float = STRANGER) -> tuple[Stranger, ...]:
    """Labels that agree with no true unit by as much."""
    best = found.accuracy.max(axis=0, initial=0.0)
    rows = []
    for j in np.flatnonzero(best < smallest_agreement):
        share = found.counts[:, j] / int(found.n_label[j])
        made_of = tuple((int(i), float(share[i])) for i in np.argsort(-share) if share[i] >= WORTH)
        rows.append(
            Stranger(
                int(found.labels[j]),
                int(found.n_label[j]),
                made_of,
                float(np.clip(1 - (share - found.chance).sum(), 0.0, 1.0)),
            )
        )
    return tuple(rows)


@dataclass(frozen=True)
class Marks:
    """Units found with an accuracy above 0.8 and the mean accuracy, of those that count; false and redundant labels."""

    n_found: int
    mean: float
    n_wrong: int


def marks(truth: Truth, stage: Labelled, counts: Bool, sampling_hz: float) -> Marks:
    """What the bench's scorer says of a result, but for the constant delay that it allows.

    counts  (n_units,) bool, the true units that can be expected to be found
    """
    accuracy = shares(truth, stage, sampling_hz).accuracy
    row, column = linear_sum_assignment(accuracy, maximize=True)
    best = np.zeros(len(accuracy))
    best[row] = accuracy[row, column]
    mean = float(best[counts].mean()) if counts.any() else 0.0
    return Marks(int((best[counts] > FOUND).sum()), mean, accuracy.shape[1] - int((best > STRANGER).sum()))
