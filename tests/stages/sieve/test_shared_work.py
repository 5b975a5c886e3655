"""Workers may be threads or processes: the bytes are those of work done in turn, and no input is written to."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from drifting_cases import PROBE, actual, matched_by, moving, seconds_of, units_of, wrong_above, wrong_below
from matched_cases import FIT, REFINE, footprint, spikes_of
from threadpoolctl import threadpool_limits

from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.share import Share
from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.final_assignment import final_assignment
from spikesieve.stages.sieve.learning import learn_units, learned_templates, means_after_merging
from spikesieve.stages.sieve.merge_across_drift import merge_across_drift
from spikesieve.stages.sieve.moving_units import MatchedSteps, observe_units
from spikesieve.stages.tissue import Tissue


@pytest.fixture(scope="module", params=["threads", "processes"])
def pool(request) -> Iterator[Executor]:
    """Two workers. A spawned process gets nothing but what is pickled for it."""
    with threadpool_limits(limits=1):
        if request.param == "threads":
            workers = ThreadPoolExecutor(2)
        else:
            spawn = multiprocessing.get_context("spawn")
            workers = ProcessPoolExecutor(2, spawn, initializer=threadpool_limits, initargs=(1,))
        with workers:
            yield workers


def arrays(thing: object) -> list[np.ndarray]:
    """All arrays in a dataclass, however deep."""
    if isinstance(thing, np.ndarray):
        return [thing]
    if isinstance(thing, list | tuple):
        return [array for one in thing for array in arrays(one)]
    if is_dataclass(thing):
        return [array for field in fields(thing) for array in arrays(getattr(thing, field.name))]
    return []


def frozen(matched: DescribedSpikes) -> DescribedSpikes:
    """The same spikes; who writes to them fails."""
    for array in arrays(matched):
        array.setflags(write=False)
    return matched


def assert_same_bytes(one: object, other: object) -> None:
    assert len(arrays(one)) > 0
    for a, b in zip(arrays(one), arrays(other), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()


def test_learning_and_final_assignment_give_the_same_bytes(pool):
    units = [footprint(4, 12, 0), footprint(4, 12, 1), footprint(9, 9, 0)]
    rng = np.random.default_rng(4)
    times = [np.sort(rng.integers(100, 3_000_000, 400)) for _ in units]
    matched = frozen(spikes_of(units, times, [0, 0, 1])[0])

    def units_by(share: Share):
        learned = learn_units(matched, FIT, REFINE, share)
        templates = learned_templates(learned)
        means = means_after_merging(learned, np.arange(len(templates[0])), share)
        return learned, templates, means, final_assignment(matched, means, FIT, REFINE, share)

    in_turn, shared = units_by(map), units_by(pool.map)
    assert len(in_turn[-1].means) == 3
    assert_same_bytes(in_turn, shared)


def test_merging_across_drift_gives_the_same_bytes(pool):
    before = moving([wrong_above, wrong_below])
    matched, step = matched_by(before, actual, lambda d: int(d > 1 or d == -1))
    frozen(matched)

    def merged_by(share: Share):
        units = observe_units(
            matched, units_of(matched, before.rest), MatchedSteps(before, step, seconds_of(before), 2), share
        )
        tissue = Tissue(PROBE, np.eye(8, dtype=np.float32), TissueParams())
        return units, merge_across_drift(units, matched, tissue, REFINE, share)

    in_turn, shared = merged_by(map), merged_by(pool.map)
    assert in_turn[1][0].tolist() == [0, 0]
    assert_same_bytes(in_turn, shared)
