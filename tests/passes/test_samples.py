"""What is learned from samples of a recording costs no more where that is longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny import BACKEND, HZ, line_probe

from spikesieve.engine.run import Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.passes.clustering import TimedClusterParams, cluster_detected, cluster_matched
from spikesieve.passes.drift import SpikesAtRest
from spikesieve.passes.waveforms import blocks_to_measure
from spikesieve.settings.cluster import ClusterParams
from spikesieve.settings.curate import CurateParams
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.settings.units import UnitsParams
from spikesieve.stages.features import Groups
from spikesieve.stages.match import MatchedSpikes


def source_of(seconds: int) -> Source:
    recording = recording_from_array(np.zeros((round(seconds * HZ), 1), np.int16), HZ, 1.0)
    return Source.of(recording, line_probe(1), PreprocessParams(), 30_000)


def spikes_of_two(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of n spikes of two neurons in a group and of 30 of one in another; the groups."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n + 30, 2, 3)).astype(np.float32)
    features[:n:2, 0, 0] += 12
    features[1:n:2, 1, 0] += 12
    group = np.repeat([0, 1], [n, 30]).astype(np.int32)
    return features, group


@pytest.mark.parametrize("curate", [None, CurateParams()])
def test_of_a_large_group_some_spikes_stand_for_all_unless_each_is_to_be_labelled(tmp_path, curate):
    features, group = spikes_of_two(4000)
    groups = Groups(np.zeros((2, 2)), np.zeros(2, np.int64), np.array([[0, 1], [0, 1]]))
    sample, params, each = np.arange(len(group)), ClusterParams(max_spikes=1000), np.ones(len(group), np.float32)
    with ThreadPoolExecutor(2) as pool:
        run = Run(pool, BACKEND, Store.open(tmp_path))
        if curate is None:
            spikes = SpikesAtRest(sample, group, features, np.zeros(len(group)))
            found = cluster_detected(run, spikes, groups, params)
        else:
            matched = MatchedSpikes(sample, group, each, each, each, each, features, 0)
            timed = TimedClusterParams(params, curate)
            found = cluster_matched(run, source_of(1).recording, matched, np.arange(2), groups, timed)
    assert (found.unit[:4000] >= 0).sum() == (1000 if curate is None else 4000)
    assert (found.unit[4000:] >= 0).all()
    assert found.means.n_spikes[found.group == 0].sum() == 4000
    assert found.means.n_spikes[found.group == 1].sum() == 30


@pytest.mark.parametrize(("seconds", "most_s", "read"), [(40, 300.0, 40), (40, 10.0, 10), (80, 10.0, 10)])
def test_waveforms_are_measured_from_a_bounded_part(seconds, most_s, read):
    sample, unit = np.arange(0, seconds * 30_000, 15_000), np.zeros(2 * seconds, np.int64)
    blocks = blocks_to_measure(source_of(seconds), sample, unit, 1, UnitsParams(waveform_duration_s=most_s))
    assert len(blocks) == read
    assert max(np.diff([0, *(b.start / HZ for b in blocks), seconds])) < 3 * seconds / read


def test_the_waveform_of_a_rare_unit_is_measured_too():
    often, rare = np.arange(0, 80 * 30_000, 15_000), 30_000 * np.arange(5, 80, 9)
    sample, unit = np.concatenate([often, rare]), np.repeat([0, 1], [len(often), len(rare)]).astype(np.int64)
    blocks = blocks_to_measure(source_of(80), sample, unit, 2, UnitsParams(waveform_duration_s=10.0))
    assert len(blocks) < 25
    assert all(any(b.start <= t < b.stop for b in blocks) for t in rare)


def test_blocks_hold_spikes_of_either_half_even_where_those_at_rest_are_in_one():
    """A unit at rest for 40 s, then displaced: its later spikes count for the second half only."""
    sample = np.arange(0, 80 * 30_000, 15_000)
    row = (sample >= 40 * 30_000).astype(np.int64)
    blocks = blocks_to_measure(source_of(80), sample, row, 1, UnitsParams(waveform_duration_s=10.0))
    late = [b for b in blocks if b.start >= 40 * 30_000]
    assert len(late) == 3  # 5 spikes, two in each
    early = blocks_to_measure(source_of(80), sample[row == 0], row[row == 0], 1, UnitsParams(waveform_duration_s=10.0))
    assert [b for b in blocks if b not in late] == list(early)
