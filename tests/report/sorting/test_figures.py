"""The pictures show the sorting, from no units to more than fit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_sorting import SAMPLING_HZ, make_probe, make_sorting
from matplotlib.figure import Figure
from matplotlib.image import imread

from spikesieve.report.sorting import gallery_figures, spike_figures, unit_figures
from spikesieve.report.sorting.pictures import write_pictures
from spikesieve.report.sorting.style import COLOURS


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


@pytest.mark.parametrize(("n_units", "n_spikes", "n_contacts"), [(0, 0, 24), (1, 1, 1), (12, 600, 24)])
def test_all_pictures_are_written_and_not_blank(tmp_path: Path, n_units: int, n_spikes: int, n_contacts: int) -> None:
    paths = write_pictures(tmp_path, make_sorting(n_units, n_spikes, make_probe(n_contacts)))
    assert len(paths) == 7
    for path in paths:
        assert np.ptp(imread(path)[..., :3]) > 0.5


def test_pictures_repeat_byte_for_byte(tmp_path: Path) -> None:
    sorting = make_sorting(4, 100)
    first = [path.read_bytes() for path in write_pictures(tmp_path, sorting)]
    assert [path.read_bytes() for path in write_pictures(tmp_path, sorting)] == first


def test_empty_results_say_so() -> None:
    empty = make_sorting(0, 0)
    assert "No spikes were found." in texts(spike_figures.spike_raster(empty.spikes, SAMPLING_HZ))
    assert "No units were found." in texts(unit_figures.units_on_probe(empty.probe, ()))
    assert "No units were found." in texts(unit_figures.amplitude_against_rate(()))
    assert "No units were found." in texts(
        gallery_figures.template_gallery(empty.templates, empty.probe, (), SAMPLING_HZ)
    )
    assert "No unit is labelled good." in texts(gallery_figures.acgs_of_good_units(empty.acgs, ()))


def test_raster_is_thinned_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spike_figures, "MAX_RASTER_SPIKES", 100)
    spikes = make_sorting(3, 1000).spikes
    figure = spike_figures.spike_raster(spikes, SAMPLING_HZ)
    points = np.concatenate([level.get_offsets() for level in figure.axes[0].collections])
    assert len(points) == 100
    assert points[:, 0].min() == pytest.approx(spikes.sample[0] / SAMPLING_HZ)
    assert points[:, 0].max() == pytest.approx(spikes.sample[-1] / SAMPLING_HZ)
    assert "100 of 1,000 spikes, evenly spaced" in texts(figure)


def test_raster_draws_each_spike_at_its_time_and_depth_the_large_ones_last() -> None:
    spikes = make_sorting(3, 50).spikes
    levels = spike_figures.spike_raster(spikes, SAMPLING_HZ).axes[0].collections
    assert len(levels) > 5
    drawn = {tuple(np.round(point, 6)): k for k, level in enumerate(levels) for point in level.get_offsets()}
    places = np.stack([spikes.sample / SAMPLING_HZ, spikes.position_um[:, 1].astype(np.float64)], axis=1)
    of_level = np.array([drawn[tuple(np.round(place, 6))] for place in places])
    assert (np.diff(of_level[np.argsort(spikes.amplitude_uv, kind="stable")]) >= 0).all()


def test_raster_draws_amplitudes_of_zero() -> None:
    spikes = make_sorting(2, 20).spikes
    flat = replace(spikes, amplitude_uv=np.zeros(20, np.float32))
    assert "20 spikes" in texts(spike_figures.spike_raster(flat, SAMPLING_HZ))


def test_gallery_goes_from_the_top_of_the_probe_down() -> None:
    sorting = make_sorting(6)
    figure = gallery_figures.template_gallery(sorting.templates, sorting.probe, sorting.units, SAMPLING_HZ)
    titles = [text for text in figure.axes[0].texts if text.get_text().endswith("µV")]
    drawn = [int(text.get_text().split(":")[0]) for text in titles]
    assert drawn == [u.unit for u in sorted(sorting.units, key=lambda u: -u.y_um)]
    assert titles[0].get_color() == COLOURS[sorting.units[drawn[0]].label]


def test_gallery_is_bounded_by_the_largest_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_figures, "MAX_CELLS", 3)
    sorting = make_sorting(6)
    figure = gallery_figures.template_gallery(sorting.templates, sorting.probe, sorting.units, SAMPLING_HZ)
    largest = sorted(sorting.units, key=lambda u: -u.amplitude_uv)[:3]
    drawn = {int(text.get_text().split(":")[0]) for text in figure.axes[0].texts}
    assert drawn == {u.unit for u in largest}
    assert "Templates of the 3 largest of 6 units, top of the probe first" in texts(figure)


def test_only_good_units_show_their_acg() -> None:
    sorting = make_sorting(6)
    figure = gallery_figures.acgs_of_good_units(sorting.acgs, sorting.units)
    drawn = {int(text.get_text().split(":")[0]) for text in figure.axes[0].texts}
    assert drawn == {u.unit for u in sorting.units if u.label == "good"}


def test_an_acg_is_symmetric_and_keeps_its_dip() -> None:
    counts = np.r_[0, 0, np.full(48, 10)].astype(np.int64)
    sorting = make_sorting(1)
    figure = gallery_figures.acgs_of_good_units(counts[None], sorting.units)
    (outline,) = figure.axes[0].collections[0].get_paths()
    x, y = outline.vertices[:-1].T
    middle = (x.min() + x.max()) / 2
    bottom = y.min()
    assert (y[np.abs(x - middle) < 1.5 * np.ptp(x) / 100] == bottom).all()
    assert y[np.abs(x - middle) > 3 * np.ptp(x) / 100].max() == pytest.approx(bottom + 0.85)


def test_unit_numbers_do_not_lie_on_each_other() -> None:
    units = make_sorting(80, 400).units
    figure = unit_figures.amplitude_against_rate(units)
    figure.draw_without_rendering()
    numbers = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    boxes = [text.get_window_extent() for text in numbers]
    assert 10 < len(boxes) < 80
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_drawing_loads_no_pyplot() -> None:
    modules = "spikesieve.report.sorting.pictures, spikesieve.report.comparison.write"
    code = f"import sys, {modules}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
