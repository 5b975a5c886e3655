"""The benchmark that says where units are lost: on a few spikes whose fate is known, and on a short recording."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from needed import needed_module
from paths import ROOT
from same_bytes import PARAMS, differing

from spikesieve.api.sort import sort
from spikesieve.engine.store import Store
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.settings.sort import Settings
from spikesieve.simulation import simulate_array

sys.path.insert(0, str(ROOT / "benchmarks"))
losses = needed_module("losses", "benchmarks")
ceilings = needed_module("ceilings", "benchmarks")
accuracy = needed_module("accuracy", "benchmarks")

PROBE = read_probe("linear:12:25")
HZ = 30_000.0
SECOND = 30_000


def train(n: int, phase: int) -> np.ndarray:
    return np.arange(n) * SECOND // 10 + phase


def truth_of(*trains: np.ndarray, amplitude: np.ndarray | None = None, apart_um: float = 50.0):
    sample, unit = np.concatenate(trains), np.repeat(np.arange(len(trains)), [len(t) for t in trains])
    order = np.argsort(sample, kind="stable")
    size = np.ones(len(sample), np.float32) if amplitude is None else amplitude.astype(np.float32)
    position = np.stack([np.zeros(len(trains)), apart_um * np.arange(len(trains))], axis=1)
    return losses.Truth(sample[order], unit[order], size[order], position)


def stage(name: str, *trains: tuple[np.ndarray, int]):
    sample = np.concatenate([t for t, _ in trains])
    return losses.Labelled(name, sample, np.repeat([k for _, k in trains], [len(t) for t, _ in trains]))


def steps(truth, *stages) -> list[dict]:
    rows = {s.name: losses.steps_of(losses.shares(truth, s, HZ)) for s in stages}
    return [{name: row[unit] for name, row in rows.items()} for unit in range(len(truth.position_um))]


A, B = train(100, 100), train(80, 1500)


def test_a_unit_is_followed_through_the_stages():
    truth = truth_of(A, B)
    found = steps(
        truth,
        stage("detected", (A, -1), (B[:4], -1)),
        stage("clustered", (A, 0), (B[:4], 0)),
        stage("result", (A[:90] + 5, 3)),
    )
    assert losses.where_lost(found[0]) == "found"
    assert found[0]["result"].label == 3
    assert found[0]["result"].recall == pytest.approx(0.9)
    assert found[0]["result"].precision == 1.0
    # Of 5 %, so much is more than the 104 detections would meet by chance.
    assert losses.where_lost(found[1]) == "not detected: 4% of its spikes"


def test_merges_splits_and_misses_are_told_apart():
    truth = truth_of(A, B)
    before = stage("detected", (A, -1), (B, -1)), stage("matched", (A, 0), (B, 1))
    merged = steps(truth, *before, stage("result", (A, 0), (B, 0)))
    assert losses.where_lost(merged[1]) == "result: merged with 0 (56%)"
    split = steps(truth, *before, stage("result", (A[::2], 0), (A[1::2], 1), (B, 2)))
    assert losses.where_lost(split[0]) == "result: split, also in 1 (50%)"
    missed = steps(truth, *before, stage("result", (A[:60], 0), (B, 1)))
    assert losses.where_lost(missed[0]) == "result: 40% of its spikes missed, 0% foreign"
    assert losses.where_lost(steps(truth, *before, stage("result", (B, 1)))[0]) == "result: gone"


def test_what_no_stage_had_was_never_found():
    truth = truth_of(A, B)
    detected, merged = stage("detected", (A, -1), (B, -1)), stage("matched", (A, 0), (B, 0))
    found = steps(truth, detected, merged, stage("result", (A[:50], 0)))
    assert losses.where_lost(found[0]) == "never found; 50% of its spikes missed, 0% foreign"
    assert losses.where_lost(found[1]) == "detected, in no unit"


def test_missed_spikes_have_a_cause():
    """Of 100 spikes 60 are found; 10 are another label's, 10 collide with the other unit, 10 are small, 10 are not."""
    other = np.sort(np.concatenate([A[70:80] + 20, B]))
    amplitude = np.ones(len(A) + len(other))
    amplitude[80:90] = 0.6
    truth = truth_of(A, other, amplitude=amplitude)
    result = stage("result", (A[:60], 0), (A[60:70], 1), (other, 2))
    found = losses.missed_spikes(truth, result, losses.shares(truth, result, HZ), HZ)[0]
    assert (found.taken, found.collision, found.small, found.other) == pytest.approx((0.1, 0.1, 0.1, 0.1))


def test_far_units_do_not_collide():
    truth = truth_of(A, A + 10, apart_um=500.0)
    result = stage("result", (A + 10, 1))
    missed = losses.missed_spikes(truth, result, losses.shares(truth, result, HZ), HZ)
    assert (missed[0].collision, missed[0].taken) == (0, 0)


def test_false_units_are_named_by_what_they_are_parts():
    truth = truth_of(A, B)
    noise = train(50, 2500)
    result = stage("result", (A[10:], 0), (A[:10], 1), (noise, 2), (np.concatenate([A[:6], B[:6]]), 3))
    found = {s.label: s for s in losses.false_units(losses.shares(truth, result, HZ))}
    assert {label: s.kind for label, s in found.items()} == {1: "part of 0", 2: "background", 3: "mixture"}
    assert found[2].parts == ()


def test_marks_count_found_false_and_redundant():
    truth = truth_of(A, B)
    noise = train(50, 2500)
    result = stage("result", (A[:60], 0), (A[60:], 1), (noise, 2), (B, 3))
    got = losses.marks(truth, result, np.array([True, True]), HZ)
    assert (got.n_found, got.n_wrong) == (1, 2)
    assert got.mean == pytest.approx(0.8)
    only = losses.marks(truth, result, np.array([False, True]), HZ)
    assert (only.n_found, only.mean, only.n_wrong) == (1, 1.0, 2)


def test_a_stage_is_judged_by_the_parts_of_the_recording_that_it_was_given():
    truth = truth_of(A)
    half = losses.Labelled("part", A[:50], np.zeros(50, np.int64), ((0, int(A[50])),))
    assert losses.steps_of(losses.shares(truth, half, HZ))[0].accuracy == 1.0


def test_labels_are_those_of_the_nearest_true_spike():
    truth = truth_of(np.array([100, 500]), np.array([104]))
    np.testing.assert_array_equal(ceilings.labels_of(truth, np.array([101, 103, 300, 508]), 12), [0, 1, -1, 0])
    np.testing.assert_array_equal(ceilings.labels_of(truth_of(A[:0]), np.array([5]), 12), [-1])


@pytest.fixture(scope="module")
def case():
    raw, found = simulate_array(PROBE, PARAMS)
    truth = losses.Truth(found.sample, found.unit.astype(np.int64), found.amplitude, found.position_um[:, :2])
    d_prime = np.full(len(found.position_um), 10.0)
    return accuracy.Case(ROOT, recording_from_array(raw, HZ, PARAMS.gain_uv), PROBE, truth, d_prime)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return Store.open(tmp_path_factory.mktemp("steps"))


SIEVE = "detected, clustered, matched a part, units of a part, matched, units, kept, curated, result"
KILOSORT4 = "detected, clustered, matched, clustered again, curated, result"


@pytest.mark.parametrize(
    ("method", "stages"),
    [("sieve", SIEVE), ("kilosort4", KILOSORT4), ("kilosort2", "extracted, curated, result")],
)
def test_a_sort_that_is_followed_is_the_same_and_shows_its_stages(case, store, method, stages):
    settings = Settings().with_overrides([f"method={method}"])
    followed = accuracy.sort_and_follow(case, settings, store)
    assert differing(followed.sorting, sort(case.recording, case.probe, settings)) == []
    assert ", ".join(stage.name for stage in followed.stages) == stages
    for stage in followed.stages:
        assert len(stage.sample) == len(stage.label) > 0
    np.testing.assert_array_equal(followed.stages[-1].label, followed.sorting.spikes.unit)


def test_the_truth_takes_the_place_of_detections_and_labels(case, store):
    followed = accuracy.sort_and_follow(case, Settings(), store, true_detections=True, true_labels=True)
    detected, clustered = followed.stages[:2]
    np.testing.assert_array_equal(detected.sample, case.truth.sample)
    assert min(step.accuracy for step in losses.steps_of(losses.shares(case.truth, clustered, HZ))) > 0.95
    as_it_is = accuracy.sort_and_follow(case, Settings(), store)
    assert len(as_it_is.stages[0].sample) != len(case.truth.sample)


def test_losses_are_printed_for_every_unit(case, store, capsys):
    accuracy.print_losses(case, accuracy.sort_and_follow(case, Settings(), store))
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[1] for line in lines if line.startswith("  unit")) == list("012345")
    assert sum(": found |" in line for line in lines) >= 4


def test_labels_and_contamination_are_compared_with_the_truth(case, store):
    followed = accuracy.sort_and_follow(case, Settings(), store)
    labels = accuracy.label_score(case, followed)
    assert labels.n_good == sum(unit.label == "good" for unit in followed.sorting.units) >= labels.n_accurate > 0
    assert labels.n_interval == len(followed.sorting.units) >= labels.n_covered > 0


def test_reasons_are_of_the_labels_that_are_left_out():
    excess = np.array([5.0, 0.4, 3.0]), np.array([0, 0, 0, 1, 1, 2, -1])
    calls = {
        "sure_excess": [((None, excess[1], 3), excess[0])],
        "merge_units": [((), (None, np.array([0, 0, 2])))],
        "echo_units": [((), np.array([2]))],
    }
    found = accuracy.reasons_of(calls, min_spikes=2, min_excess_sd=1.0)
    assert found["units"] == {1: "exceeds noise by 0.40 SD", 2: "1 spikes are left to it"}
    assert found["kept"] == {1: "merged into 0", 2: "echo of a larger neighbour"}
