"""The numbers behind the figures are those of the sorting, and of limited size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from make_report import with_spikes
from make_sorting import SAMPLING_HZ, make_sorting

from spikesieve.report.sorting.histograms import quality_histograms
from spikesieve.report.sorting.numbers import (
    CORRELOGRAM_MS,
    amplitude_changes,
    ccgs_with_nearest,
    local_templates,
    rates_over_time,
    rows_by_unit,
)


def test_rows_of_each_unit_are_in_order_of_time() -> None:
    rows = rows_by_unit(np.array([2, 0, 2, 0], np.int32), 4)
    assert [r.tolist() for r in rows] == [[1, 3], [], [0, 2], []]


def test_a_template_is_cut_to_the_contacts_nearest_to_its_best_one() -> None:
    sorting = make_sorting(4)
    near = local_templates(sorting.templates, sorting.probe, sorting.units)
    dense = sorting.templates.dense_uv(sorting.probe.n_contacts)
    for row, unit in enumerate(sorting.units):
        used = near.contacts[row] >= 0
        assert near.contacts[row, 0] == unit.chan_best
        assert used.sum() == (sorting.templates.contacts[row] >= 0).sum()
        np.testing.assert_array_equal(near.uv[row, used], dense[row][:, near.contacts[row, used]].T)
        far = np.linalg.norm(sorting.probe.positions_um[near.contacts[row, used]] - [unit.x_um, unit.y_um], axis=1)
        assert far[0] < far.max()


def test_the_ccg_shows_which_unit_fires_later() -> None:
    first = np.arange(1000, 400_000, 4000)
    later = first + round(0.007 * SAMPLING_HZ)
    sorting = make_sorting(2)
    units = (replace(sorting.units[0], nearest_unit=1), replace(sorting.units[1], nearest_unit=0))
    sorting = with_spikes(replace(sorting, units=units), np.r_[first, later], np.repeat([0, 1], len(first)), 50.0)
    ccgs = ccgs_with_nearest(sorting, rows_by_unit(sorting.spikes.unit, 2))
    assert ccgs[0, CORRELOGRAM_MS + 7] == ccgs[1, CORRELOGRAM_MS - 7] == len(first)
    assert ccgs.sum() == 2 * len(first)


def test_a_unit_without_a_nearest_one_has_an_empty_ccg() -> None:
    sorting = make_sorting(1)
    assert not ccgs_with_nearest(sorting, rows_by_unit(sorting.spikes.unit, 1)).any()


def test_rates_count_every_spike_and_leave_out_gaps() -> None:
    sorting = replace(make_sorting(2), segments=((0, 150_000), (450_000, 600_000)))
    sample = np.r_[np.arange(100, 150_000, 300), np.arange(450_000, 600_000, 150)]
    sorting = with_spikes(sorting, sample, np.zeros(len(sample)), 50.0)
    edges, rates = rates_over_time(sorting, rows_by_unit(sorting.spikes.unit, 2))
    assert np.isnan(rates[0, 15:45]).all()
    np.testing.assert_allclose(rates[0, :15], 100, atol=3)
    np.testing.assert_allclose(rates[0, 45:], 200, atol=6)
    assert np.nansum(rates[0]) * (edges[1] - edges[0]) == pytest.approx(len(sample), rel=1e-5)


def test_amplitude_changes_are_last_over_first_third() -> None:
    sample = np.arange(0, 600_000, 1000)
    sorting = with_spikes(
        make_sorting(3), np.r_[sample, [5, 6]], np.r_[np.zeros(600), [1, 1]], np.r_[80 + sample / 1e4, 9, 9]
    )
    changes = amplitude_changes(sorting)
    assert changes[0] == pytest.approx(130 / 90, rel=0.01)
    assert np.isnan(changes[1:]).all()


def test_histograms_hold_every_known_unit() -> None:
    sorting = make_sorting(40, 4000)
    units = (replace(sorting.units[0], contamination=0.9), *sorting.units[1:])
    for histogram in quality_histograms(units):
        known = [unit for unit in units if getattr(unit, histogram.name) is not None]
        assert histogram.unknown == len(units) - len(known)
        for label, counts in histogram.counts.items():
            assert counts.sum() == sum(unit.label == label for unit in known)
        assert (np.diff(histogram.edges) > 0).all()
    assert len({histogram.unknown for histogram in quality_histograms(units)}) == 2


@pytest.mark.parametrize("amplitude_uv", [1e-320, 1e300, float("inf"), -1.0])
def test_what_no_amplifier_measures_is_unknown_in_a_histogram(amplitude_uv: float) -> None:
    units = make_sorting(3).units
    strange = (replace(units[0], amplitude_uv=amplitude_uv), *units[1:])
    (histogram,) = (each for each in quality_histograms(strange) if each.name == "amplitude_uv")
    assert histogram.unknown == 1
    assert sum(counts.sum() for counts in histogram.counts.values()) == 2


@pytest.mark.parametrize("n_units", [0, 1])
def test_histograms_of_no_unit_or_one(n_units: int) -> None:
    for histogram in quality_histograms(make_sorting(n_units, n_units).units):
        assert sum(counts.sum() for counts in histogram.counts.values()) == n_units
        assert np.isfinite(histogram.edges).all()
