"""Where true units and their spikes are lost between the steps of a sort, and what false units are made of.

Pure functions on spike samples and labels; `benchmarks/accuracy.py` collects those of each step and prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from spikesieve.comparison.agreement import MATCH_MS, agreement
from spikesieve.model import F32, F64, I64, Bool
from spikesieve.model.external import SpikeTrains

Spans = tuple[tuple[int, int], ...]
# Accuracy above which a true unit is found, and below which a label agrees with no true unit.
FOUND, FALSE = 0.8, 0.2
# Smallest share of the spikes of a unit or a label that is reported, and the share that says what a false unit is.
MIN_SHARE, MOST = 0.1, 0.5
# A true spike of another unit this near, in time and space, makes a collision; a spike below this times its unit's
# median amplitude is small.
COLLISION_MS, COLLISION_UM, SMALL = 1.0, 100.0, 0.85


@dataclass(frozen=True, eq=False)
class Truth:
    """True spikes, in order of time.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_spikes,)
        Sample of each spike.
    unit : ndarray of int64, shape (n_spikes,)
        0 to n_units - 1.
    amplitude : ndarray of float32, shape (n_spikes,)
        Relative to the unit's template.
    position_um : ndarray of float64, shape (n_units, 2)
        x and depth of each unit at rest.
    """

    sample: I64
    unit: I64
    amplitude: F32
    position_um: F64


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a step made of the spikes.

    Attributes
    ----------
    name : str
        Name of the stage.
    sample : ndarray of int64, shape (n,)
        Sample of each spike.
    label : ndarray of int64, shape (n,)
        Its cluster, template or unit; -1 = none.
    spans : tuple of (int, int) or None
        First sample and end of each part of the recording that the step was given, in order of time; None: all of it.
    """

    name: str
    sample: I64
    label: I64
    spans: Spans | None = None


@dataclass(frozen=True, eq=False)
class Shares:
    """Spikes that true units and the labels of a stage have in common.

    Attributes
    ----------
    labels : ndarray of int64, shape (n_labels,)
        The labels.
    counts : ndarray of int64, shape (n_units, n_labels)
        Common spikes.
    n_truth, n_label : ndarray of int64
        Spikes of each unit, and of each label.
    seen : ndarray of float64, shape (n_units,)
        Share of a unit's spikes that the stage has under any label, beyond chance.
    chance : ndarray of float64, shape (n_units,)
        Share of any label's spikes that would match one of the unit's by chance.
    """

    labels: I64
    counts: I64
    n_truth: I64
    n_label: I64
    seen: F64
    chance: F64

    @property
    def accuracy(self) -> F64:
        """Common spikes over those of either: (n_units, n_labels) float64."""
        either = self.n_truth[:, None] + self.n_label - self.counts
        return self.counts / np.maximum(either, 1)

    @property
    def best(self) -> I64:
        """The column that agrees best with each true unit, -1 for none: (n_units,) int64."""
        if self.counts.shape[1] == 0:
            return np.full(len(self.counts), -1)
        best = self.accuracy.argmax(axis=1)
        return np.where(self.counts[np.arange(len(best)), best] > 0, best, -1)


def within(truth: Truth, spans: Spans | None) -> Truth:
    """Select the true spikes in some parts of the recording.

    Parameters
    ----------
    truth : Truth
        All true spikes.
    spans : tuple of (int, int) or None
        First sample and end of each part, in order of time; None: all of the recording.

    Returns
    -------
    Truth
        With the same units.
    """
    if spans is None:
        return truth
    starts, stops = np.array(spans, np.int64).T
    span = np.searchsorted(starts, truth.sample, side="right") - 1
    kept = (span >= 0) & (truth.sample < stops[np.maximum(span, 0)])
    return Truth(truth.sample[kept], truth.unit[kept], truth.amplitude[kept], truth.position_um)


def shares(truth: Truth, stage: Labelled, sampling_hz: float) -> Shares:
    """Count the spikes that true units and the labels of a stage have in common.

    Parameters
    ----------
    truth : Truth
        The true spikes.
    stage : Labelled
        The spikes of the stage.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Shares
        Of the part of the recording that the stage was given.
    """
    n_units = len(truth.position_um)
    truth = within(truth, stage.spans)
    has_label = stage.label >= 0
    labelled = SpikeTrains.from_spikes(stage.sample[has_label], stage.label[has_label])
    true_trains = SpikeTrains(truth.sample, truth.unit, np.arange(n_units))
    any_label = SpikeTrains.from_spikes(stage.sample, np.zeros(len(stage.sample), np.int64))
    n_truth = np.bincount(truth.unit, minlength=n_units)
    n_seen = agreement(true_trains, any_label, sampling_hz).counts()
    seen = (n_seen[:, 0] if n_seen.shape[1] else np.zeros(n_units)) / np.maximum(n_truth, 1)
    counts = agreement(true_trains, labelled, sampling_hz).counts()
    n_samples = truth.sample.max(initial=0) if stage.spans is None else sum(b - a for a, b in stage.spans)
    near = 2 * MATCH_MS * 1e-3 * sampling_hz / max(1, int(n_samples))
    covered = 1 - np.exp(-near * len(stage.sample))
    seen = np.maximum(0.0, (seen - covered) / max(1 - covered, 1e-9))
    return Shares(labelled.units, counts, n_truth, labelled.n_spikes, seen, n_truth * near)


@dataclass(frozen=True)
class Step:
    """One true unit in one stage.

    Attributes
    ----------
    seen : float
        Share of its spikes that the stage has.
    label : int or None
        The label that agrees best with it; None: none has a spike of it.
    recall, precision, accuracy : float
        Of that label.
    split : tuple of (int, float)
        Other labels that hold at least a tenth of its spikes, and the share.
    merged : tuple of (int, float)
        Other true units that make up at least a tenth of its label, and the share of the label.
    """

    seen: float
    label: int | None
    recall: float
    precision: float
    accuracy: float
    split: tuple[tuple[int, float], ...]
    merged: tuple[tuple[int, float], ...]


def steps_of(found: Shares) -> tuple[Step, ...]:
    """Describe every true unit in a stage.

    Parameters
    ----------
    found : Shares
        Of the stage.

    Returns
    -------
    tuple of Step
        One for each true unit.
    """
    rows = []
    for unit, best in enumerate(found.best.tolist()):
        n_truth, seen = max(int(found.n_truth[unit]), 1), float(found.seen[unit])
        if best < 0:
            rows.append(Step(seen, None, 0.0, 0.0, 0.0, (), ()))
            continue
        of_unit, of_label = found.counts[unit] / n_truth, found.counts[:, best] / int(found.n_label[best])
        in_labels = [(j, share) for j, share in _largest_first(of_unit) if j != best]
        split = tuple((int(found.labels[j]), share) for j, share in in_labels)
        merged = tuple((i, share) for i, share in _largest_first(of_label) if i != unit)
        scores = float(of_unit[best]), float(of_label[unit]), float(found.accuracy[unit, best])
        rows.append(Step(seen, int(found.labels[best]), *scores, split, merged))
    return tuple(rows)


def _largest_first(share: F64) -> list[tuple[int, float]]:
    """Index and share of those that are worth reporting."""
    return [(int(i), float(share[i])) for i in np.argsort(-share) if share[i] >= MIN_SHARE]


def where_lost(steps: dict[str, Step]) -> str:
    """Say after which stage a true unit is no longer found.

    A unit that some stage has with an accuracy above 0.8 is lost where it falls below that for good. Any other was
    never found, and is described as the result has it.

    Parameters
    ----------
    steps : dict of str to Step
        The unit in each stage, in order: detection first, the result last.

    Returns
    -------
    str
        For example "found", or "curated: merged with 3 (40%)".
    """
    names = list(steps)
    last = steps[names[-1]]
    if last.accuracy > FOUND:
        return "found"
    if steps[names[0]].seen < MIN_SHARE:
        return f"not detected: {steps[names[0]].seen:.0%} of its spikes"
    found_in = [i for i, name in enumerate(names) if steps[name].accuracy > FOUND]
    stage = names[found_in[-1] + 1] if found_in else names[-1]
    step = steps[stage]
    if step.label is None:
        return f"{stage}: gone" if found_in else "detected, in no unit"
    what = f"{1 - step.recall:.0%} of its spikes missed, {1 - step.precision:.0%} foreign"
    if step.merged and step.precision < step.recall:
        others = ", ".join(f"{unit} ({share:.0%})" for unit, share in step.merged)
        what = f"merged with {others}"
    elif step.split:
        others = ", ".join(f"{label} ({share:.0%})" for label, share in step.split)
        what = f"split, also in {others}"
    return f"{stage}: {what}" if found_in else f"never found; {what}"


@dataclass(frozen=True)
class Missed:
    """Why the spikes of a true unit that its label does not have are missing: shares of its spikes, first cause wins.

    Attributes
    ----------
    taken : float
        Another label nearby has a spike there that is no spike of another true unit.
    collision : float
        A true spike of another unit is near in time and space.
    small : float
        The amplitude is below 0.85 of the unit's median.
    other : float
        None of these.
    """

    taken: float
    collision: float
    small: float
    other: float


def missed_spikes(truth: Truth, stage: Labelled, found: Shares, sampling_hz: float) -> tuple[Missed, ...]:
    """Say why spikes are missing in a stage.

    Parameters
    ----------
    truth : Truth
        The true spikes.
    stage : Labelled
        The spikes of the stage. A label is at the place of the true unit that most of its spikes belong to.
    found : Shares
        What they have in common.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    tuple of Missed
        One for each true unit.
    """
    window, near = round(MATCH_MS * 1e-3 * sampling_hz), round(COLLISION_MS * 1e-3 * sampling_hz)
    order = np.argsort(stage.sample, kind="stable")
    sample, label = stage.sample[order], stage.label[order]
    owner = found.counts.argmax(axis=0) if len(found.labels) else np.empty(0, np.int64)
    rows = []
    for unit, step in enumerate(steps_of(found)):
        of_unit = truth.unit == unit
        found_sample = sample[label == step.label] if step.label is not None else sample[:0]
        close = np.hypot(*(truth.position_um - truth.position_um[unit]).T) <= COLLISION_UM
        others = sample[np.isin(label, found.labels[close[owner] & (found.labels != step.label)])]
        neighbours = truth.sample[close[truth.unit] & (truth.unit != unit)]
        lost = ~has_near(truth.sample[of_unit], found_sample, window)
        lost_sample, amplitude = truth.sample[of_unit][lost], truth.amplitude[of_unit]
        collision = has_near(lost_sample, neighbours, near)
        taken = has_near(lost_sample, others, window) & ~has_near(lost_sample, neighbours, window)
        small = amplitude[lost] < SMALL * (np.median(amplitude) if len(amplitude) else 1.0)
        causes = (taken, collision & ~taken, small & ~taken & ~collision, ~(taken | collision | small))
        rows.append(Missed(*(float(cause.sum()) / max(1, len(amplitude)) for cause in causes)))
    return tuple(rows)


def has_near(a: I64, b: I64, reach_samples: int) -> Bool:
    """Find the samples that have another train's spike within reach.

    Parameters
    ----------
    a : ndarray of int64, shape (n,)
        Samples.
    b : ndarray of int64
        Samples of the other train, ascending.
    reach_samples : int
        Largest distance.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for each of `a` that has one of `b` within reach.
    """
    return np.searchsorted(b, a + reach_samples, side="right") > np.searchsorted(b, a - reach_samples)


@dataclass(frozen=True)
class FalseUnit:
    """A label that agrees with no true unit.

    Attributes
    ----------
    label : int
        The label.
    n_spikes : int
        Number of its spikes.
    parts : tuple of (int, float)
        True units that hold at least a tenth of its spikes, and the share.
    background : float
        Share of its spikes that belong to no true unit.
    """

    label: int
    n_spikes: int
    parts: tuple[tuple[int, float], ...]
    background: float

    @property
    def kind(self) -> str:
        """What it is: background, part of a true unit, or a mixture."""
        if self.background > MOST:
            return "background"
        if self.parts and self.parts[0][1] > MOST:
            return f"part of {self.parts[0][0]}"
        return "mixture"


def false_units(found: Shares, min_accuracy: float = FALSE) -> tuple[FalseUnit, ...]:
    """List the labels that agree with no true unit.

    Parameters
    ----------
    found : Shares
        Of a stage.
    min_accuracy : float, optional
        A label with a larger accuracy agrees with a true unit.

    Returns
    -------
    tuple of FalseUnit
        In order of the labels.
    """
    rows = []
    for j in np.flatnonzero(found.accuracy.max(axis=0, initial=0.0) < min_accuracy):
        share = found.counts[:, j] / int(found.n_label[j])
        background = float(np.clip(1 - (share - found.chance).sum(), 0.0, 1.0))
        rows.append(FalseUnit(int(found.labels[j]), int(found.n_label[j]), tuple(_largest_first(share)), background))
    return tuple(rows)


@dataclass(frozen=True)
class Marks:
    """How good a result is.

    Attributes
    ----------
    n_found : int
        True units with an accuracy above 0.8, of those that count.
    mean : float
        Mean accuracy of those that count.
    n_wrong : int
        False and redundant labels.
    """

    n_found: int
    mean: float
    n_wrong: int


def marks(truth: Truth, stage: Labelled, counts: Bool, sampling_hz: float) -> Marks:
    """Judge a result as the bench's scorer does, but for the constant delay that it allows.

    Parameters
    ----------
    truth : Truth
        The true spikes.
    stage : Labelled
        The result.
    counts : ndarray of bool, shape (n_units,)
        True units that can be expected to be found.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Marks
        Of the result.
    """
    accuracy = shares(truth, stage, sampling_hz).accuracy
    row, column = linear_sum_assignment(accuracy, maximize=True)
    best = np.zeros(len(accuracy))
    best[row] = accuracy[row, column]
    mean = float(best[counts].mean()) if counts.any() else 0.0
    return Marks(int((best[counts] > FOUND).sum()), mean, accuracy.shape[1] - int((best > FALSE).sum()))
