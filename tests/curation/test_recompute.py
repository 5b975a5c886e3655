"""A corrected sorting is the one that these units would have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_sorting import make_sorting

from spikesieve.curation.actions import Merge, Remove, SetLabel, Split
from spikesieve.curation.recompute import BY_HAND, curated
from spikesieve.model import Label, Sorting


@pytest.fixture(scope="module")
def sorting() -> Sorting:
    return make_sorting(6, 2000)


def row_of(sorting: Sorting, unit: int) -> int:
    return sorting.unit_ids.tolist().index(unit)


def test_without_actions_nothing_changes(sorting: Sorting) -> None:
    same = curated(curated(sorting, []), [])
    assert same.units == curated(sorting, []).units
    for name in ("sample", "unit", "amplitude", "position_um", "features"):
        np.testing.assert_array_equal(getattr(same.spikes, name), getattr(sorting.spikes, name))
    np.testing.assert_array_equal(same.templates.uv, sorting.templates.uv)
    np.testing.assert_array_equal(same.similarity, sorting.similarity)


def test_a_split_that_is_merged_again_is_the_same_sorting(sorting: Sorting) -> None:
    part = np.arange((sorting.spikes.unit == 2).sum()) % 2
    again = curated(sorting, [Split(2, part), Merge((6, 7), 2)])
    assert again.units == curated(sorting, []).units
    np.testing.assert_array_equal(again.templates.uv, sorting.templates.uv)
    np.testing.assert_array_equal(again.spikes.features, sorting.spikes.features)


def test_in_two_steps_it_is_the_same_template(sorting: Sorting) -> None:
    part = (sorting.spikes.amplitude[sorting.spikes.unit == 2] > 1).astype(int)
    halves = curated(sorting, [Split(2, part)])
    again = curated(halves, [Merge((6, 7), 2)])
    peak_uv = np.abs(sorting.templates.uv[2]).max()
    np.testing.assert_allclose(again.templates.uv[2], sorting.templates.uv[2], atol=1e-3 * peak_uv)
    assert again.units[2].n_spikes == sorting.units[2].n_spikes


def test_a_split_by_amplitude_gives_a_small_and_a_large_template(sorting: Sorting) -> None:
    own = sorting.spikes.unit == 2
    amplitude = sorting.spikes.amplitude[own]
    part = (amplitude > 1).astype(int)
    halves = curated(sorting, [Split(2, part)])
    small, large = (halves.templates.uv[row_of(halves, unit)] for unit in (6, 7))
    peak = np.abs(sorting.templates.uv[2]).max()
    assert np.abs(small).max() / peak == pytest.approx(amplitude[part == 0].mean() / amplitude.mean(), abs=0.03)
    assert np.abs(large).max() / peak == pytest.approx(amplitude[part == 1].mean() / amplitude.mean(), abs=0.03)
    # Relative to its own template, each half has a mean amplitude of 1; in uV the spikes are what they were.
    for unit in (6, 7):
        assert halves.spikes.amplitude[halves.spikes.unit == row_of(halves, unit)].mean() == pytest.approx(1, abs=0.02)
    changed_uv = halves.spikes.amplitude_uv[halves.spikes.unit >= row_of(halves, 6)]
    np.testing.assert_allclose(changed_uv, sorting.spikes.amplitude_uv[own], rtol=0.1)


def test_a_merged_unit_has_the_mean_template_and_all_spikes(sorting: Sorting) -> None:
    merged = curated(sorting, [Merge((0, 1))])
    n = np.bincount(sorting.spikes.unit)[:2]
    dense = sorting.templates.dense_uv(sorting.probe.n_contacts)
    row = row_of(merged, 6)
    used = merged.templates.contacts[row][merged.templates.contacts[row] >= 0]
    expected = ((n[0] * dense[0] + n[1] * dense[1]) / n.sum())[:, used]
    got = merged.templates.dense_uv(sorting.probe.n_contacts)[row][:, used]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)
    both = np.sort(np.concatenate([sorting.spike_train(0), sorting.spike_train(1)]))
    np.testing.assert_array_equal(merged.spike_train(6), both)
    assert merged.units[row].n_spikes == n.sum()
    assert merged.units[row].firing_rate_hz == pytest.approx(n.sum() / merged.duration_s)


def test_units_that_are_not_named_keep_their_rows(sorting: Sorting) -> None:
    before, after = curated(sorting, []), curated(sorting, [Merge((0, 1)), Remove(4)])
    neighbours = dict.fromkeys(("nearest_unit", "nearest_similarity", "echo_unit", "echo_share", "echo_lag_ms"))
    for unit in (2, 3, 5):
        rows = before.units[unit], after.units[row_of(after, unit)]
        first, second = (replace(row, **neighbours) for row in rows)
        assert first == second
        np.testing.assert_array_equal(after.acgs[row_of(after, unit)], sorting.acgs[unit])
    assert {unit.nearest_unit for unit in after.units} <= {2, 3, 5, 6}


def test_spikes_of_removed_units_are_gone(sorting: Sorting) -> None:
    after = curated(sorting, [Remove(4)])
    assert len(after.spikes) == len(after.kept) == len(sorting.spikes) - sorting.units[4].n_spikes
    assert 4 not in after.unit_ids
    order = np.lexsort((after.spikes.unit, after.spikes.sample))
    np.testing.assert_array_equal(order, np.arange(len(order)))


def test_a_label_by_hand_says_so(sorting: Sorting) -> None:
    after = curated(sorting, [SetLabel(3, Label.GOOD)])
    assert (after.units[3].label, after.units[3].why) == (Label.GOOD, BY_HAND)


def test_features_of_a_merged_unit_are_on_its_contacts(sorting: Sorting) -> None:
    merged = curated(sorting, [Merge((0, 1))])
    base = 0 if sorting.units[0].n_spikes >= sorting.units[1].n_spikes else 1
    contacts = merged.feature_contacts[row_of(merged, 6)]
    np.testing.assert_array_equal(contacts, sorting.feature_contacts[base])
    moved = merged.spikes.features[merged.spikes.unit == row_of(merged, 6)]
    rows = np.isin(sorting.spikes.unit, (0, 1))
    old_unit = sorting.spikes.unit[rows]
    for k, contact in enumerate(contacts):
        for old in (0, 1):
            at = np.flatnonzero(sorting.feature_contacts[old] == contact)
            expected = sorting.spikes.features[rows][old_unit == old][:, at[0]] if len(at) else 0.0
            np.testing.assert_array_equal(
                moved[old_unit == old][:, k], np.broadcast_to(expected, moved[old_unit == old][:, k].shape)
            )


def test_everything_can_be_removed() -> None:
    nothing = curated(make_sorting(2, 50), [Remove(0), Remove(1)])
    assert (len(nothing.units), len(nothing.spikes), nothing.templates.uv.shape[0]) == (0, 0, 0)


def test_halves_and_sd_of_a_merged_unit_are_those_of_all_its_spikes() -> None:
    """Two units on the same contacts; the second has spikes in the first half only."""
    sorting = make_sorting(2, 2000)
    uv, contacts = sorting.templates.uv, np.repeat(sorting.templates.contacts[:1], 2, axis=0)
    late = sorting.spikes.sample >= sorting.sorted_time.middle
    rows = (sorting.spikes.unit == 0) | ~late
    spikes = {name: getattr(sorting.spikes, name)[rows] for name in type(sorting.spikes).__dataclass_fields__}
    statistics = replace(sorting.waveforms, half_spikes=np.array([[30, 60], [40, 0]]), sd_uv=np.full_like(uv, 5))
    templates = replace(sorting.templates, contacts=contacts)
    before = replace(sorting, spikes=replace(sorting.spikes, **spikes), templates=templates, waveforms=statistics)
    merged = curated(before, [Merge((0, 1))]).waveforms
    used = contacts[0] >= 0
    expected = (30 * statistics.half_uv[0, 0] + 60 * statistics.half_uv[0, 1]) / 90
    np.testing.assert_allclose(merged.half_uv[0, 0][:, used], expected[:, used], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(merged.half_uv[1, 0][:, used], statistics.half_uv[1, 0][:, used], rtol=1e-4, atol=1e-3)
    assert merged.half_spikes.tolist() == [[90], [40]]
    share = (before.spikes.unit == 0).mean()
    apart = share * (1 - share) * (uv[0] - uv[1]).astype(float) ** 2
    np.testing.assert_allclose(merged.sd_uv[0][:, used], np.sqrt(25 + apart)[:, used], rtol=1e-3)


def test_halves_of_parts_differ_as_their_spikes_do(sorting: Sorting) -> None:
    own = sorting.spikes.unit == 2
    part = (sorting.spikes.amplitude[own] > 1).astype(int)
    parts = curated(sorting, [Split(2, part)])
    late = sorting.spikes.sample[own] >= sorting.sorted_time.middle
    amplitude, column = sorting.spikes.amplitude[own], np.ptp(sorting.templates.uv[2], axis=0).argmax()
    for half, k in ((0, 0), (0, 1), (1, 0), (1, 1)):
        other = amplitude[(part == k) & (late == half)].mean() - amplitude[late == half].mean()
        found = np.ptp(parts.waveforms.half_uv[half, row_of(parts, 6 + k)][:, column])
        expected = np.ptp(sorting.waveforms.half_uv[half, 2][:, column]) + other * np.ptp(sorting.templates.uv[2])
        assert found == pytest.approx(expected, rel=0.03)
    assert parts.waveforms.half_spikes[:, -2:].sum(axis=1).tolist() == [50, 50]
    np.testing.assert_array_equal(parts.waveforms.sd_uv[0], sorting.waveforms.sd_uv[0])


def test_a_result_without_halves_has_none_after_a_correction(sorting: Sorting) -> None:
    assert curated(replace(sorting, waveforms=None), [Merge((0, 1))]).waveforms is None
