"""Drift: all spikes of a shank, the displacement, and units that stay in the tissue and move on the probe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from make_motion import make_moving_sorting

from spikesieve.api.result_to_show import of_sorting
from spikesieve.geometry import places_on_probe_um
from spikesieve.views import drift
from spikesieve.views.drift import depth_over_time, displacement, shank_of_templates, spikes_by_depth
from spikesieve.views.scatter import Frame

SORTING = make_moving_sorting(2, 8, 3000)
RESULT = of_sorting(SORTING, "made-up")
ALL = Frame((0.0, 20.0), (-1000.0, 2000.0), 30, 40)


def test_every_spike_is_on_one_shank() -> None:
    assert shank_of_templates(RESULT).tolist() == [unit.shank for unit in SORTING.units]
    for where in ("probe", "tissue"):
        total = sum(int(spikes_by_depth(RESULT, ALL, where, shank).sum()) for shank in (0, 2))
        assert total == len(SORTING.spikes)


def test_blocks_do_not_show(monkeypatch) -> None:
    whole = spikes_by_depth(RESULT, ALL, "probe", 0)
    monkeypatch.setattr(drift, "SPIKES_AT_ONCE", 100)
    np.testing.assert_array_equal(spikes_by_depth(RESULT, ALL, "probe", 0), whole)


def test_only_the_time_that_is_shown_counts() -> None:
    frame = replace(ALL, x=(5.0, 10.0))
    time_s = SORTING.spikes.sample / SORTING.sampling_hz
    own = np.isin(SORTING.spikes.unit, np.flatnonzero(shank_of_templates(RESULT) == 0))
    expected = int((own & (time_s >= 5) & (time_s <= 10)).sum())
    assert spikes_by_depth(RESULT, frame, "tissue", 0).sum() == expected


def test_displacement_is_that_of_the_shank() -> None:
    for row, shank in enumerate((0, 2)):
        found = displacement(RESULT, shank)
        assert found is not None
        np.testing.assert_array_equal(found.um, SORTING.motion.estimated_um[row])
        assert found.is_used
        assert found.said == SORTING.motion.why[row]
    refused = of_sorting(make_moving_sorting(1, decisions=("refuse",)), "made-up")
    found = displacement(refused, 0)
    assert found is not None
    assert not found.is_used
    assert displacement(RESULT, 7) is None
    assert displacement(of_sorting(replace(SORTING, motion=None), "made-up"), 0) is None


def test_long_motion_is_thinned(monkeypatch) -> None:
    monkeypatch.setattr(drift, "MOST_TIMES", 5)
    monkeypatch.setattr(drift, "MOST_DEPTHS", 2)
    found = displacement(RESULT, 0)
    assert found is not None
    assert found.um.shape == (len(found.time_s), len(found.depth_um)) == (5, 2)
    assert found.time_s[[0, -1]].tolist() == SORTING.motion.time_s[[0, -1]].tolist()


def test_a_unit_moves_on_the_probe_by_the_displacement() -> None:
    rows = RESULT.units.rows[0]
    on_probe, in_tissue = (depth_over_time(RESULT, rows, where) for where in ("probe", "tissue"))
    part = ((SORTING.spikes.sample[rows] / SORTING.sampling_hz) / 20 * 60).astype(int)
    expected = places_on_probe_um(SORTING, rows.astype(np.int64))[:, 1]
    for k in np.unique(part):
        assert np.isclose(on_probe[k], np.median(expected[part == k]), atol=1e-3)
    assert np.nanstd(in_tissue) < np.nanstd(on_probe)


def test_a_silent_time_is_not_known() -> None:
    rows = RESULT.units.rows[0]
    late = rows[SORTING.spikes.sample[rows] > 10 * SORTING.sampling_hz]
    assert np.isnan(depth_over_time(RESULT, late, "tissue")[:30]).all()
    assert np.isnan(depth_over_time(RESULT, rows[:0], "tissue")).all()
    without = replace(RESULT, position_um=None)
    assert np.isnan(depth_over_time(without, rows, "probe")).all()
    assert not spikes_by_depth(without, ALL, "probe", 0).any()
