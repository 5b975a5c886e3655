"""The table of metrics holds for hostile sortings, and follows from spikes, templates and features alone."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from make_sorting import make_probe, make_sorting

from spikesieve.curation.actions import Merge
from spikesieve.curation.recompute import curated
from spikesieve.model import Sorting, Spikes, UnitMetrics
from spikesieve.stages.part import part_of
from spikesieve.stages.unit_metrics import unit_metrics


def without_spikes(sorting: Sorting) -> Sorting:
    none = {column.name: getattr(sorting.spikes, column.name)[:0] for column in fields(Spikes)}
    return replace(sorting, spikes=Spikes(**none))


def test_no_unit_no_spike_and_one_contact_are_fine() -> None:
    assert unit_metrics(make_sorting(n_units=0)) == ()
    empty = unit_metrics(without_spikes(make_sorting()))
    assert [row.num_spikes for row in empty] == [0] * 5
    assert {row.presence_ratio for row in empty} == {row.nn_hit_rate for row in empty} == {None}
    (alone,) = unit_metrics(make_sorting(n_units=1, probe=make_probe(1)))
    assert alone.nn_hit_rate == 1.0
    assert alone.spread is None
    assert alone.exp_decay is None


def test_a_unit_without_waveform_is_fine() -> None:
    sorting = make_sorting(n_spikes=2000)
    silent = replace(sorting.templates, uv=np.zeros_like(sorting.templates.uv))
    units = tuple(replace(unit, snr=float("nan"), amplitude_uv=0.0) for unit in sorting.units)
    rows = unit_metrics(replace(sorting, templates=silent, units=units))
    assert (
        {row.snr for row in rows} == {row.exp_decay for row in rows} == {row.velocity_above for row in rows} == {None}
    )
    assert {row.num_positive_peaks for row in rows} == {0}
    assert {row.bombcell_label for row in rows} <= {"noise", "mua"}


def test_every_value_is_a_plain_number() -> None:
    for row in unit_metrics(make_sorting(n_spikes=3000)):
        kinds = {type(getattr(row, column.name)) for column in fields(UnitMetrics)}
        assert kinds <= {int, float, str, bool, type(None)}
        assert not any(value != value for value in vars(row).values())


def test_the_same_sorting_gives_the_same_table() -> None:
    assert unit_metrics(make_sorting(n_spikes=4000)) == unit_metrics(make_sorting(n_spikes=4000))


def test_units_far_apart_are_isolated() -> None:
    sorting = make_sorting(n_units=4, n_spikes=2000, seed=3)
    rows = unit_metrics(sorting)
    assert all(row.nn_hit_rate == 1.0 or row.nn_hit_rate > 0.9 for row in rows)
    mixed = np.random.default_rng(0).permutation(len(sorting.spikes))
    spikes = replace(sorting.spikes, features=sorting.spikes.features[mixed])
    shared = np.broadcast_to(sorting.feature_contacts[:1], sorting.feature_contacts.shape)
    same_place = tuple(replace(unit, chan_best=int(shared[0, 0])) for unit in sorting.units)
    lost = unit_metrics(replace(sorting, spikes=spikes, feature_contacts=shared, units=same_place))
    assert all(row.nn_hit_rate < 0.6 and row.d_prime < 3 for row in lost)


def test_a_contact_where_nothing_was_measured_does_not_count() -> None:
    sorting = make_sorting(n_units=3, n_spikes=2000, probe=make_probe(8))
    shape = sorting.spikes.features.shape
    # The made-up features follow from each other: noise makes their covariance one that has an inverse.
    features = sorting.spikes.features + np.random.default_rng(0).normal(size=shape).astype(np.float32)
    features[:, -1] = 0.0
    spikes = replace(sorting.spikes, features=features)
    unused = sorting.feature_contacts.copy()
    unused[:, -1] = -1
    named = unit_metrics(replace(sorting, spikes=spikes))
    assert named == unit_metrics(replace(sorting, spikes=spikes, feature_contacts=unused))
    assert all(row.isolation_distance is not None for row in named)


def test_half_a_recording_has_metrics_of_its_own() -> None:
    sorting = make_sorting(n_spikes=2000)
    half = part_of(sorting, 0, 300_000)
    assert half.metrics == unit_metrics(half)
    assert sum(row.num_spikes for row in half.metrics) == len(half.spikes) < len(sorting.spikes)
    assert [row.trough_half_width for row in half.metrics] == [row.trough_half_width for row in unit_metrics(sorting)]


def test_merged_units_have_new_metrics() -> None:
    sorting = make_sorting(n_spikes=2000)
    new = curated(sorting, [Merge((0, 1), 5)])
    assert [row.unit for row in new.metrics] == [2, 3, 4, 5]
    assert new.metrics == unit_metrics(new)
    assert new.metrics[-1].num_spikes == sum(row.num_spikes for row in unit_metrics(sorting)[:2])


@pytest.mark.parametrize("pause", [False, True])
def test_blanked_time_counts_in_no_rate(pause: bool) -> None:
    sorting = make_sorting(n_spikes=2000, duration_s=20.0)
    late = sorting.spikes.sample >= 300_000
    kept = {column.name: getattr(sorting.spikes, column.name)[late] for column in fields(Spikes)}
    segments = ((300_000, 600_000),) if pause else ((0, 600_000),)
    rows = unit_metrics(replace(sorting, spikes=Spikes(**kept), segments=segments))
    assert sum(row.firing_rate for row in rows) == pytest.approx(late.sum() / (10 if pause else 20))
