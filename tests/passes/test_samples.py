"""What is learned from samples of a recording costs no more where that is longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny import HZ

from spikesieve.engine.blocks import plan_blocks
from spikesieve.engine.executor import silent
from spikesieve.engine.run import Run
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.passes.clustering import cluster_all
from spikesieve.passes.describe import blocks_to_measure
from spikesieve.passes.passes import SpikeTable
from spikesieve.stages.cluster import ClusterParams
from spikesieve.stages.curate import CurateParams, Trains
from spikesieve.stages.features import Groups
from spikesieve.stages.units import UnitsParams


def run_of(seconds: int, pool: ThreadPoolExecutor) -> Run:
    recording = recording_from_array(np.zeros((round(seconds * HZ), 1), np.int16), HZ, 1.0)
    return Run(recording, plan_blocks(recording.segments, 30_000, 1), pool, Path(), silent)


def spikes_of_two(n: int) -> tuple[SpikeTable, np.ndarray]:
    """n spikes of two neurons in a group and 30 of one in another; the groups."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n + 30, 2, 3)).astype(np.float32)
    features[:n:2, 0, 0] += 12
    features[1:n:2, 1, 0] += 12
    group = np.repeat([0, 1], [n, 30]).astype(np.int32)
    return SpikeTable(np.arange(n + 30), group, np.ones(n + 30, np.float32), features), group


@pytest.mark.parametrize("curate", [None, CurateParams()])
def test_of_a_large_group_some_spikes_stand_for_all_unless_each_is_to_be_labelled(curate):
    spikes, group = spikes_of_two(4000)
    groups = Groups(np.zeros((2, 2)), np.zeros(2, np.int64), np.array([[0, 1], [0, 1]]))
    with ThreadPoolExecutor(2) as pool:
        found = cluster_all(run_of(1, pool), spikes, group, groups, ClusterParams(max_spikes=1000), curate)
    assert (found.unit[:4000] >= 0).sum() == (1000 if curate is None else 4000)
    assert (found.unit[4000:] >= 0).all()
    assert found.means.n_spikes[found.group == 0].sum() == 4000
    assert found.means.n_spikes[found.group == 1].sum() == 30


@pytest.mark.parametrize(("seconds", "most_s", "read"), [(40, 300.0, 40), (40, 10.0, 10), (80, 10.0, 10)])
def test_waveforms_are_measured_from_a_bounded_part(seconds, most_s, read):
    trains = Trains(np.arange(0, seconds * 30_000, 15_000), np.zeros(2 * seconds, np.int64), HZ, float(seconds))
    with ThreadPoolExecutor(1) as pool:
        blocks = blocks_to_measure(run_of(seconds, pool), trains, 1, UnitsParams(waveform_duration_s=most_s))
    assert len(blocks) == read
    assert max(np.diff([0, *(b.start / HZ for b in blocks), seconds])) < 3 * seconds / read


def test_the_waveform_of_a_rare_unit_is_measured_too():
    often, rare = np.arange(0, 80 * 30_000, 15_000), 30_000 * np.arange(5, 80, 9)
    trains = Trains(
        np.concatenate([often, rare]), np.repeat([0, 1], [len(often), len(rare)]).astype(np.int64), HZ, 80.0
    )
    with ThreadPoolExecutor(1) as pool:
        blocks = blocks_to_measure(run_of(80, pool), trains, 2, UnitsParams(waveform_duration_s=10.0))
    assert len(blocks) < 25
    assert all(any(b.start <= t < b.stop for b in blocks) for t in rare)
