"""Features of single spikes: those of the result, on the contacts that are asked for, and of any folder for Phy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_sorting import make_sorting

from spikesieve.api.result_to_show import of_sorting, read_result_to_show
from spikesieve.errors import InputError
from spikesieve.views import features
from spikesieve.views.features import axis_values, feature_coordinates, feature_plots

SORTING = make_sorting(6, 2000)
RESULT = of_sorting(SORTING, "made-up")


def test_each_spike_has_the_score_of_its_own_unit_on_the_contact() -> None:
    """Two units together, whose features have the same contact in different columns."""
    rows = np.sort(np.concatenate([RESULT.units.rows[0], RESULT.units.rows[1]]))
    contact = int(SORTING.feature_contacts[0, 2])
    found = axis_values(RESULT, rows, f"{contact}.1")
    for row, value in zip(rows.tolist(), found.tolist(), strict=True):
        column = np.flatnonzero(SORTING.feature_contacts[SORTING.spikes.unit[row]] == contact)
        if len(column):
            assert value == SORTING.spikes.features[row, column[0], 1]
        else:
            assert np.isnan(value)


def test_time_is_an_axis() -> None:
    rows = RESULT.units.rows[2]
    x, y = feature_coordinates(RESULT, rows, ("t", f"{SORTING.feature_contacts[2, 0]}.0"))
    np.testing.assert_allclose(x, SORTING.spikes.sample[rows] / 30_000, rtol=1e-6)
    assert np.isfinite(y).all()


@pytest.mark.parametrize("axis", ["x", "3", "3.1.2", "-1.0", "t1", ""])
def test_what_is_no_axis_is_told(axis: str) -> None:
    with pytest.raises(InputError, match="is no axis"):
        axis_values(RESULT, RESULT.units.rows[0], axis)


def test_a_contact_or_component_that_has_none_is_unknown() -> None:
    rows = RESULT.units.rows[0]
    for axis in ("999.0", f"{SORTING.feature_contacts[0, 0]}.99"):
        assert np.isnan(axis_values(RESULT, rows, axis)).all()


def test_a_large_unit_is_shown_as_density_of_all_its_spikes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, contacts = RESULT.units.rows[0], SORTING.feature_contacts[0, :2]
    pair = (f"{contacts[0]}.0", f"{contacts[1]}.0")
    (few,) = feature_plots(RESULT, rows, [pair])
    assert few.points is not None
    assert few.points.shape == (2, len(rows))
    monkeypatch.setattr(features, "MAX_POINTS", 10)
    (many,) = feature_plots(RESULT, rows, [pair])
    assert many.density is not None
    assert many.density.sum() == len(rows)
    assert many.frame.x == (few.points[0].min(), few.points[0].max())


def test_a_unit_without_spikes_there_has_an_empty_plot() -> None:
    (plot,) = feature_plots(RESULT, RESULT.units.rows[0], [("999.0", "t")])
    assert plot.points is not None
    assert plot.points.shape == (2, 0)


def phy_folder(folder: Path, stored: np.ndarray | None = None) -> Path:
    """What a sorter writes for Phy: spikes are not in order of time, and the third template has no spike."""
    rng = np.random.default_rng(0)
    template = rng.choice([0, 1, 3], 50)
    np.save(folder / "spike_times.npy", rng.permutation(5000)[:50] * 20)
    np.save(folder / "spike_templates.npy", template)
    np.save(folder / "channel_positions.npy", np.stack([np.zeros(6), 20.0 * np.arange(6)], axis=1))
    np.save(
        folder / "pc_features.npy",
        np.arange(50 * 3 * 4, dtype=np.float32).reshape(50, 3, 4)[... if stored is None else stored],
    )
    np.save(
        folder / "pc_feature_ind.npy", np.array([[0, 1, 2, 3], [1, 2, 3, 4], [0, 0, 0, 0], [2, 3, 4, 5]], np.uint32)
    )
    (folder / "params.py").write_text("sample_rate = 30000.0\n", encoding="utf-8")
    if stored is not None:
        np.save(folder / "pc_feature_spike_ids.npy", stored)
    return folder


def test_those_of_a_folder_for_phy_are_found_whatever_its_order(tmp_path: Path) -> None:
    result = read_result_to_show(phy_folder(tmp_path, np.arange(50)))
    times, raw = np.load(tmp_path / "spike_times.npy"), np.load(tmp_path / "pc_features.npy")
    rows = result.units.rows[3]
    found = axis_values(result, rows, "4.2")
    in_file = [int(np.flatnonzero(times == sample)[0]) for sample in result.sample[rows]]
    np.testing.assert_array_equal(found, raw[in_file, 2, 2])
    assert isinstance(result.features.scores.base, np.memmap) if result.features else False


def test_features_of_some_spikes_only_are_told(tmp_path: Path) -> None:
    result = read_result_to_show(phy_folder(tmp_path, np.arange(10, 40)))
    assert "Features are stored of 30 of 50 spikes only." in result.missing
    every = np.arange(50, dtype=np.int32)
    known = np.isfinite(axis_values(result, every, "2.0")) | np.isfinite(axis_values(result, every, "1.0"))
    assert known.sum() == 30


@pytest.mark.parametrize("name", ["pc_features", "pc_feature_ind"])
def test_a_folder_without_them_says_so(tmp_path: Path, name: str) -> None:
    (phy_folder(tmp_path) / f"{name}.npy").unlink()
    result = read_result_to_show(tmp_path)
    assert result.features is None
    assert any("features are not shown" in sentence for sentence in result.missing)
    assert np.isnan(axis_values(result, np.arange(5, dtype=np.int32), "1.0")).all()


def test_a_table_of_contacts_that_does_not_fit_switches_them_off(tmp_path: Path) -> None:
    np.save(phy_folder(tmp_path) / "pc_feature_ind.npy", np.zeros((2, 4), np.int64))
    result = read_result_to_show(tmp_path)
    assert result.features is None
    assert any("do not fit the units" in sentence for sentence in result.missing)


def test_rows_on_demand_are_read_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    from spikesieve.model import RowsOnDemand

    class Rows(RowsOnDemand):
        shape = SORTING.spikes.features.shape

        def rows(self, numbers: np.ndarray) -> np.ndarray:
            return np.asarray(SORTING.spikes.features)[numbers]

    assert RESULT.features is not None
    other = replace(RESULT, features=replace(RESULT.features, scores=Rows()))
    rows, axis = RESULT.units.rows[0], f"{SORTING.feature_contacts[0, 0]}.0"
    np.testing.assert_array_equal(axis_values(other, rows, axis), axis_values(RESULT, rows, axis))
