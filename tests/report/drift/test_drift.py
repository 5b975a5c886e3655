"""What the report shows of drift is what the sorting holds, and nothing where drift was not estimated."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_motion import make_motion, make_moving_sorting
from make_report import array_in, data_in, make_facts, page_of
from make_sorting import SAMPLING_HZ, make_probe, make_sorting
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from spikesieve.geometry import places_on_probe_um
from spikesieve.model import Motion, Sorting
from spikesieve.report.drift import figures as drift_figures
from spikesieve.report.drift import numbers as drift_numbers_module
from spikesieve.report.drift.numbers import DriftNumbers, MovedUnit, depth_window_um
from spikesieve.report.sorting.numbers import FigureNumbers, figure_numbers
from spikesieve.report.sorting.write import write_report


def drift_of(sorting: Sorting) -> tuple[FigureNumbers, DriftNumbers, Motion]:
    numbers = figure_numbers(sorting)
    assert numbers.drift is not None
    assert sorting.motion is not None
    return numbers, numbers.drift, sorting.motion


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def texts(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


# ---- numbers


def test_displacement_that_is_drawn_is_that_of_the_motion() -> None:
    _, drift, motion = drift_of(make_moving_sorting(2, decisions=("rigid", "refuse")))
    np.testing.assert_array_equal(drift.estimated_um, motion.estimated_um)
    np.testing.assert_array_equal(drift.used_um, motion.um)
    assert drift.sentences[0] == f"Shank 0: drift corrected with one displacement for the whole shank. {motion.why[0]}"
    assert drift.sentences[1] == f"Shank 2: drift not corrected. {motion.why[1]}"
    assert drift_of(make_moving_sorting())[1].sentences[0].startswith("Drift corrected. Measured")


def test_many_times_and_depths_are_thinned_to_a_bound() -> None:
    um = np.random.default_rng(0).normal(0, 3, (1, 9000, 30)).astype(np.float32)
    um -= np.median(um, axis=1, keepdims=True)
    time_s, depth_um = np.linspace(0, 20, 9000), np.linspace(0, 460, 30)
    motion = Motion(time_s, depth_um, np.array([0]), um, np.ones_like(um), ("use",), ("",))
    _, drift, _ = drift_of(replace(make_sorting(), motion=motion))
    assert drift.estimated_um.shape == drift.se_um.shape == (1, 1500, 8)
    assert (drift.time_s[0], drift.time_s[-1], drift.depth_um[-1]) == (0, 20, 460)


def test_the_raster_has_every_spike_on_the_probe_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    sorting = make_moving_sorting(2)
    _, drift, _ = drift_of(sorting)
    np.testing.assert_array_equal(drift.depth_on_probe_um, places_on_probe_um(sorting, slice(None))[:, 1])
    monkeypatch.setattr(drift_numbers_module, "MAX_SPIKES", 700)
    _, some, _ = drift_of(sorting)
    assert some.step == 3
    np.testing.assert_array_equal(some.depth_on_probe_um, drift.depth_on_probe_um[::3])


def test_units_are_ranked_by_how_far_they_moved() -> None:
    sorting = make_moving_sorting(2, n_units=20)
    _, drift, motion = drift_of(sorting)
    moved = [unit.moved_um for unit in drift.moved]
    assert moved == sorted(moved, reverse=True)
    assert {unit.unit for unit in drift.moved} == set(range(20))
    first = drift.moved[0]
    course = motion.at(
        motion.time_s, np.full(20, sorting.units[first.unit].y_um), np.full(20, sorting.units[first.unit].shank)
    )
    assert first.moved_um == pytest.approx(np.ptp(course))
    assert max(unit.moved_um for unit in drift_of(make_moving_sorting(decisions=("refuse",)))[1].moved) == 0


def test_the_amplitude_ratio_is_that_of_up_over_down() -> None:
    sorting = make_moving_sorting(n_units=2)
    _, _, motion = drift_of(sorting)
    spikes, unit = sorting.spikes, sorting.units[0]
    time_s = spikes.sample / SAMPLING_HZ
    seen = motion.at(time_s, np.full(len(spikes), unit.y_um), np.full(len(spikes), unit.shank))
    followed = np.where(seen > 0, 60, 40).astype(np.float32)

    def first(other: Sorting) -> MovedUnit:
        return next(row for row in drift_of(other)[1].moved if row.unit == 0)

    assert first(replace(sorting, spikes=replace(spikes, amplitude_uv=followed))).amplitude_ratio == pytest.approx(1.5)
    refused = replace(sorting, motion=make_motion(decisions=("refuse",)))
    assert np.isnan(first(refused).amplitude_ratio)


def test_the_raster_is_cut_to_where_movement_can_be_seen() -> None:
    depth_um = np.r_[np.full(100, 900.0), np.full(300, 2500.0), np.nan].astype(np.float32)
    low, high = depth_window_um(depth_um, (0.0, 3840.0), 15.0)
    assert high - low == 300
    assert low <= 2500 <= high
    assert depth_window_um(depth_um, (0.0, 3840.0), 300.0) == (0.0, 3840.0)
    assert depth_window_um(depth_um[:0], (0.0, 60.0), 1.0) == (0.0, 60.0)


# ---- pictures and tables


@pytest.mark.parametrize(
    ("decisions", "n_spikes"), [(("use",), 0), (("refuse",), 1), (("rigid", "refuse", "use"), 500)]
)
def test_the_pictures_are_drawn(tmp_path: Path, decisions: tuple[str, ...], n_spikes: int) -> None:
    n_units = min(8, n_spikes)
    sorting = make_moving_sorting(len(decisions), n_units, n_spikes, decisions)
    report = write_report(tmp_path, sorting, make_facts(sorting))
    for name in ("drift.png", "drift_raster.png"):
        assert np.ptp(imread(tmp_path / "figures" / name)[..., :3]) > 0.5
    named = set(re.findall(r'href="(figures/[^"]+)"', report.page.read_text(encoding="utf-8")))
    written = {path.relative_to(tmp_path).as_posix() for path in (*report.pictures, *report.tables)}
    assert named <= written
    assert {"figures/drift.png", "figures/drift_raster.csv"} <= named
    assert ("figures/units_moved.csv" in named) == (n_spikes == 500)


def test_the_picture_of_displacement_has_a_band_and_the_decision() -> None:
    _, drift, motion = drift_of(make_moving_sorting(2, decisions=("rigid", "refuse")))
    figure = drift_figures.displacement(drift)
    assert "Shank 0: drift corrected with one displacement for the whole shank." in texts(figure)
    assert "Dashed: the mean over depths, which was used." in texts(figure)
    top, bottom = figure.axes[:2]
    assert len(top.collections) == len(bottom.collections) == len(motion.depth_um)
    low, high = top.collections[0].get_paths()[0].vertices[:, 1].min(), top.collections[0].get_paths()[0].vertices
    um, se = motion.estimated_um[0, :, 0], motion.se_um[0, :, 0]
    assert low == pytest.approx((um - 1.96 * se).min(), abs=1e-4)
    assert high[:, 1].max() == pytest.approx((um + 1.96 * se).max(), abs=1e-4)
    unknown = replace(drift, se_um=np.full_like(drift.se_um, np.inf))
    assert not drift_figures.displacement(unknown).axes[0].collections


def test_long_reasons_stay_in_the_picture() -> None:
    _, drift, _ = drift_of(make_moving_sorting(2, decisions=("rigid", "refuse")))
    figure = drift_figures.displacement(replace(drift, sentences=tuple("A reason in words. " * 15 for _ in range(2))))
    figure.draw_without_rendering()
    titles = [text.get_window_extent() for text in figure.findobj(Text) if "A reason" in text.get_text()]
    assert len(titles) == 2
    for title, above in zip(titles, (figure.bbox.y1, figure.axes[0].bbox.y0), strict=True):
        assert figure.bbox.x0 <= title.x0 < title.x1 <= figure.bbox.x1
        assert title.y1 <= above


def test_before_and_after_are_side_by_side_on_each_shank() -> None:
    sorting = make_moving_sorting(2, decisions=("use", "refuse"))
    numbers, drift, _ = drift_of(sorting)
    shanks = np.array([unit.shank for unit in sorting.units])
    figure = drift_figures.raster_before_and_after(drift, numbers.raster, shanks)
    before, after, before_second, after_second = (
        np.concatenate([level.get_offsets() for level in axes.collections]) for axes in figure.axes[:4]
    )
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.ptp(before[:, 1] - after[:, 1]) > 5
    np.testing.assert_array_equal(before_second, after_second)
    assert len(before) + len(before_second) == len(sorting.spikes)
    assert "shank 2, not corrected: the drift estimate was not used" in texts(figure)


def test_the_tables_hold_what_the_pictures_show(tmp_path: Path) -> None:
    sorting = make_moving_sorting(2)
    _, drift, motion = drift_of(sorting)
    write_report(tmp_path, sorting, make_facts(sorting))
    table = rows_of(tmp_path / "figures" / "drift.csv")
    assert len(table) == motion.estimated_um.size
    found = np.reshape([float(row["displacement_um"]) for row in table], motion.estimated_um.shape)
    np.testing.assert_allclose(found, motion.estimated_um, rtol=1e-4, atol=1e-4)
    assert [row["se_um"] == "" for row in table] == np.isinf(motion.se_um).ravel().tolist()
    raster = rows_of(tmp_path / "figures" / "drift_raster.csv")
    np.testing.assert_allclose([float(row["depth_on_probe_um"]) for row in raster], drift.depth_on_probe_um, atol=0.006)
    moved = rows_of(tmp_path / "figures" / "units_moved.csv")
    assert [int(row["unit"]) for row in moved] == [unit.unit for unit in drift.moved]


# ---- page


def test_the_page_shows_the_drift() -> None:
    sorting = make_moving_sorting(2, decisions=("use", "refuse"))
    _, drift, motion = drift_of(sorting)
    html = page_of(sorting)
    assert '<section id="drift"' in html
    for sentence in drift.sentences:
        assert sentence.replace('"', "&#34;") in html
    data = data_in(html)
    reach_um = data["drift"]["reach_um"]
    shown = array_in(data, "drift_estimated") / 65_534 * 2 * reach_um - reach_um
    np.testing.assert_allclose(shown, motion.estimated_um, atol=reach_um / 3e4)
    half = array_in(data, "drift_half_band") / 65_534 * 2 * reach_um
    np.testing.assert_allclose(half, np.minimum(1.96 * motion.se_um, 2 * reach_um), atol=reach_um / 3e4)
    low, high = data["depth_um"]
    on_probe = low + array_in(data, "drift_on_probe") / 65_534 * (high - low)
    np.testing.assert_allclose(on_probe, np.clip(drift.depth_on_probe_um, low, high), atol=0.01)


def test_a_page_without_motion_has_no_drift() -> None:
    html = page_of(make_sorting())
    assert 'id="drift"' not in html
    assert data_in(html)["drift"] is None
    assert not [name for name in data_in(html)["arrays"] if name.startswith("drift")]


def test_an_estimate_that_was_refused_moves_no_unit_on_the_page() -> None:
    assert "Units that moved most" not in page_of(make_moving_sorting(decisions=("refuse",)))


def test_drift_costs_the_page_little() -> None:
    n = 150_000
    sorting = make_sorting(100, n, make_probe(96, 4), duration_s=600.0)
    um = np.random.default_rng(0).normal(0, 3, (4, 7200, 12)).astype(np.float32)
    time_s, depth_um = np.linspace(0, 600, 7200), np.linspace(0, 460, 12)
    motion = Motion(time_s, depth_um, np.arange(4), um, np.ones_like(um), ("use",) * 4, ("",) * 4)
    more = len(page_of(replace(sorting, motion=motion))) - len(page_of(sorting))
    assert more < 700_000
