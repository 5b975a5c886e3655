"""Views show all spikes of a unit, whatever unit a curator made of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_sorting import make_sorting, write_raw

from spikesieve.api.result_to_show import of_sorting
from spikesieve.curation.actions import Merge, Split, after
from spikesieve.curation.recompute import curated
from spikesieve.views.raw_waveforms import raw_waveforms
from spikesieve.views.scatter import Frame, coordinates, density, inside
from spikesieve.views.trains import (
    interval_counts,
    log_edges_ms,
    log_lags,
    log_pair_counts,
    pair_counts,
    rate_over_time,
)
from spikesieve.views.unit_rows import unit_row
from spikesieve.views.waveforms import are_near, mean_waveform, similarity

SORTING = make_sorting(6, 2000)
RESULT = of_sorting(SORTING, "made-up")


def test_a_unit_of_the_result_has_its_template() -> None:
    for unit in SORTING.units:
        waveform = mean_waveform(RESULT, RESULT.units.rows[unit.unit])
        np.testing.assert_allclose(waveform.uv.T, SORTING.templates.dense_uv(24)[unit.unit], atol=1e-4)


@pytest.mark.parametrize("action", [Merge((0, 1), 6), Split(2, np.arange(len(RESULT.units.rows[2])) % 2, (6, 7))])
def test_a_new_unit_is_described_as_in_the_new_result(action: Merge | Split) -> None:
    units = after(RESULT.units, [action])
    whole = curated(SORTING, [action])
    rows = units.rows[6]
    place = whole.unit_ids.tolist().index(6)
    waveform = mean_waveform(RESULT, rows)
    used = whole.templates.contacts[place][whole.templates.contacts[place] >= 0]
    expected = whole.templates.dense_uv(24)[place][:, used]
    np.testing.assert_allclose(waveform.uv[used].T, expected, atol=1e-3)
    ours, theirs = unit_row(RESULT, 6, rows, waveform), whole.units[place]
    for name in ("label", "n_spikes", "firing_rate_hz", "contamination", "refractory_ratio", "presence", "chan_best"):
        assert getattr(ours, name) == getattr(theirs, name), name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(1, 40), st.integers(1, 40))
def test_density_has_all_spikes_of_the_frame(unit: int, width: int, height: int) -> None:
    x, y = coordinates(RESULT, RESULT.units.rows[unit], "amplitude")
    frame = Frame((0.0, 20.0), (float(y.min()), float(y.max())), width, height)
    assert density(x, y, frame).sum() == len(x)
    assert density(x, y, frame).shape == (height, width)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 300)), min_size=3, max_size=3))
def test_a_lasso_holds_what_a_ray_says(corners: list[tuple[float, float]]) -> None:
    x, y = coordinates(RESULT, RESULT.units.rows[1], "amplitude")
    outline = np.array(corners)
    found = inside(x, y, outline)
    expected = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            expected ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    # On its edge both are right.
    assert (found != expected).sum() <= 1


def test_correlograms_are_mirrored_and_leave_a_spike_alone_out() -> None:
    a, b = RESULT.units.rows[0], RESULT.units.rows[1]
    # A bin of 31 samples has no lag on its edge.
    ours, theirs = (pair_counts(RESULT, *pair, 31 / 30, 50) for pair in ((a, b), (b, a)))
    np.testing.assert_array_equal(ours, theirs[::-1])
    wide = pair_counts(RESULT, a, a, 1e5, 1)
    assert wide.sum() == len(a) * (len(a) - 1)


def test_intervals_and_rates_count_every_spike() -> None:
    rows = RESULT.units.rows[3]
    assert interval_counts(RESULT, rows, np.array([0.0, 1e9]))[0].sum() == len(rows) - 1
    assert rate_over_time(RESULT, rows).sum() * 20 / 100 == pytest.approx(len(rows))


def test_a_waveform_is_like_itself_also_when_it_is_late() -> None:
    one = mean_waveform(RESULT, RESULT.units.rows[0])
    late = type(one)(np.roll(one.uv, 3, axis=1), one.contacts, one.peak_index)
    assert are_near(one, late)
    assert similarity(one, one) == pytest.approx(1)
    assert similarity(one, late) > 0.99


def test_no_spikes_are_no_fault() -> None:
    nothing = np.empty(0, np.int32)
    assert not mean_waveform(RESULT, nothing).uv.any()
    assert not pair_counts(RESULT, nothing, nothing, 1.0, 5).any()
    assert unit_row(RESULT, 99, nothing, mean_waveform(RESULT, nothing)).n_spikes == 0


def test_raw_waveforms_are_those_of_the_file(tmp_path: Path) -> None:
    sorting = make_sorting(3, 60)
    recording = write_raw(tmp_path / "raw.bin", sorting)
    result = of_sorting(sorting, "made-up", recording=recording)
    rows = result.units.rows[0]
    waveform = mean_waveform(result, rows)
    found = raw_waveforms(result, rows, waveform)
    assert found.shape == (min(len(rows), 40), len(waveform.contacts), 61)
    mean = found.mean(axis=0)[0]
    own = waveform.shown_uv[0]
    assert np.corrcoef(mean, own)[0, 1] > 0.9
    assert abs(int(mean.argmin()) - int(own.argmin())) <= 1
    assert len(raw_waveforms(RESULT, RESULT.units.rows[0], waveform)) == 0


def test_lags_in_logarithmic_time_count_every_pair_once() -> None:
    a, b = RESULT.units.rows[0], RESULT.units.rows[1]
    lags = log_lags(RESULT)
    assert lags[0] == 9
    assert lags[-1] == 30_000
    lag = RESULT.sample[b][None] - RESULT.sample[a][:, None]
    before, after = log_pair_counts(RESULT, a, b, lags)
    for k, (low, high) in enumerate(pairwise(lags)):
        assert after[k] == ((lag >= low) & (lag < high)).sum(), k
        assert before[k] == ((-lag >= low) & (-lag < high)).sum(), k
    own = log_pair_counts(RESULT, a, a, lags)
    np.testing.assert_array_equal(own[0], own[1])


def test_intervals_in_logarithmic_time_count_every_spike() -> None:
    rows = RESULT.units.rows[3]
    assert interval_counts(RESULT, rows, log_edges_ms(1e-3, 1e6))[0].sum() == len(rows) - 1


def test_a_changed_unit_misses_as_many_spikes_as_in_the_curated_result() -> None:
    sorting = replace(SORTING, threshold_sd=5.0)
    result, halves = of_sorting(sorting, "made-up"), np.arange(len(RESULT.units.rows[2])) % 2
    actions = [Merge((0, 1), 6), Split(2, halves, (7, 8))]
    units, rows = after(result.units, actions).rows, {one.unit: one for one in curated(sorting, actions).units}
    shares = []
    for number in (6, 7, 8):
        shown = unit_row(result, number, units[number], mean_waveform(result, units[number]))
        assert (shown.missed is None) == (rows[number].missed is None)
        shares.append((shown.missed or 0.0, rows[number].missed or 0.0))
    np.testing.assert_allclose(*zip(*shares, strict=True), rtol=1e-3, atol=1e-6)
    assert any(share for share, _ in shares)


def test_units_that_nobody_changed_are_recognised() -> None:
    assert RESULT.are_its_units(RESULT.units.unit)
    assert not RESULT.are_its_units(RESULT.units.unit[1:])
    assert not RESULT.are_its_units(after(RESULT.units, [Merge((0, 1), 6)]).unit)


def test_values_of_spikes_are_those_of_their_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikesieve.views.columns.MOST_BYTES", 3000)
    for _ in range(3):
        for rows in (*RESULT.units.rows.values(), RESULT.units.rows[0][5:9].copy()):
            np.testing.assert_array_equal(RESULT.samples_of(rows), RESULT.sample[rows])
            np.testing.assert_array_equal(RESULT.amplitudes_of(rows), SORTING.spikes.amplitude_uv[rows])
            np.testing.assert_array_equal(RESULT.positions_um_of(rows), SORTING.spikes.position_um[rows])
