"""Nothing in a picture is cut off, lies on something else or leaves a large blank, on every kind of probe."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from make_motion import make_moving_sorting
from make_sorting import SAMPLING_HZ, make_probe, make_sorting
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from spikesieve.model import Probe, Sorting
from spikesieve.report.drift import figures as drift_figures
from spikesieve.report.drift.numbers import DriftNumbers
from spikesieve.report.sorting.gallery_figures import TEMPLATE_HEIGHT, template_gallery
from spikesieve.report.sorting.numbers import figure_numbers
from spikesieve.report.sorting.pictures import figures_of


def tetrodes() -> Probe:
    places = np.array([[0.0, 0.0], [12.5, 0.0], [0.0, 12.5], [12.5, 12.5]])
    xy = np.concatenate([places + np.array([300.0 * k, 0.0]) for k in range(4)])
    return Probe(xy, np.arange(16), np.repeat(np.arange(4), 4), "four tetrodes")


def one_wire() -> Sorting:
    sorting = make_sorting(3, 300, Probe(np.zeros((1, 2)), np.array([0]), np.array([0]), "wire"))
    spikes = replace(sorting.spikes, position_um=np.zeros((300, 2), np.float32))
    return replace(sorting, spikes=spikes)


SORTINGS = {
    "one wire": one_wire,
    "tetrodes": lambda: make_sorting(30, 1000, tetrodes()),
    "a column": lambda: make_sorting(2, 300, make_probe(16)),
    "drift": lambda: make_moving_sorting(1, 24),
    "shanks": lambda: make_moving_sorting(4, 60),
    "nine shanks": lambda: make_sorting(20, 500, make_probe(90, 9)),
    "nothing found": lambda: make_sorting(0, 0),
}


@cache
def sorting_of(kind: str) -> Sorting:
    return SORTINGS[kind]()


@cache
def figures(kind: str) -> dict[str, Figure]:
    """All pictures of a sorting, drawn."""
    sorting = sorting_of(kind)
    drawn = figures_of(sorting, figure_numbers(sorting))
    for figure in drawn.values():
        FigureCanvasAgg(figure).draw()
    return drawn


def written(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


PICTURES = [(kind, name) for kind in SORTINGS for name in figures(kind)]
CELLS = ("template_gallery", "acgs_of_good_units", "amplitudes_over_time")
"""Their last row of cells may end early."""
FULL = [(kind, name) for kind, name in PICTURES if name not in CELLS and kind != "nothing found"]


@pytest.mark.parametrize(("kind", "name"), PICTURES)
def test_nothing_is_cut_off(kind: str, name: str) -> None:
    figure = figures(kind)[name]
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0) >= 0
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.mark.parametrize(("kind", "name"), FULL)
def test_a_picture_fills_its_page(kind: str, name: str) -> None:
    figure = figures(kind)[name]
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 < 0.1 * width
    assert box.x1 > 0.9 * width
    assert box.y0 < 0.15 * height
    assert box.y1 > 0.85 * height


def large(sorting: Sorting, sign: float) -> Sorting:
    """Units that are as large on every contact, upwards or downwards."""
    uv = sorting.templates.uv
    most = np.abs(uv).max(axis=(1, 2), keepdims=True)
    shape = np.hanning(uv.shape[1])[:, None] * np.ones(uv.shape[2])
    return replace(sorting, templates=replace(sorting.templates, uv=(sign * most * shape).astype(np.float32)))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("kind", ["one wire", "tetrodes", "a column", "shanks"])
def test_templates_stay_in_their_cells(kind: str, sign: float) -> None:
    for sorting in (sorting_of(kind), large(sorting_of(kind), sign)):
        figure = template_gallery(sorting.templates, sorting.probe, sorting.units, SAMPLING_HZ)
        (axes,) = figure.axes
        titles = np.array([text.get_position() for text in axes.texts])
        corners = titles - [0.5, 0.92]
        traces = axes.collections[0].get_segments()
        cells = [_cell_of(trace, corners) for trace in traces]
        assert set(cells) == set(range(len(sorting.units)))
        for trace, cell in zip(traces, cells, strict=True):
            low, high = trace[:, 1].min() - corners[cell, 1], trace[:, 1].max() - corners[cell, 1]
            assert -1e-6 <= low <= high <= TEMPLATE_HEIGHT + 1e-6
        # Rows are farther apart than a cell with its title is high.
        FigureCanvasAgg(figure).draw()
        boxes = [text.get_window_extent().transformed(axes.transData.inverted()) for text in axes.texts]
        for box in boxes:
            assert all(box.y1 < corner[1] or box.y0 > corner[1] + TEMPLATE_HEIGHT for corner in corners)


def _cell_of(trace: np.ndarray, corners: np.ndarray) -> int:
    middle = (trace.min(axis=0) + trace.max(axis=0)) / 2
    return int(np.linalg.norm(corners + 0.5 - middle, axis=1).argmin())


# ---- what a picture says of what it leaves out


def drift_numbers(kind: str) -> DriftNumbers:
    found = figure_numbers(sorting_of(kind)).drift
    assert found is not None
    return found


def raster_texts(drift: DriftNumbers) -> list[str]:
    sorting = sorting_of("drift")
    shank_of_unit = np.array([unit.shank for unit in sorting.units])
    raster = figure_numbers(sorting).raster
    return [text.get_text() for text in written(drift_figures.raster_before_and_after(drift, raster, shank_of_unit))]


def test_a_drift_raster_says_which_part_of_the_probe_it_shows() -> None:
    drift = drift_numbers("drift")
    part = replace(drift, depth_windows_um=np.array([[100.0, 220.0]]))
    whole = replace(drift, depth_windows_um=np.array([[-20.0, 480.0]]))
    assert "as seen on the probe (100 to 220 of 0 to 460 µm)" in raster_texts(part)
    assert drift_figures.PART_SENTENCE in raster_texts(part)
    assert "as seen on the probe" in raster_texts(whole)
    assert drift_figures.PART_SENTENCE not in raster_texts(whole)
    assert (part.depths_text(0), whole.depths_text(0)) == ("100 to 220 of 0 to 460 µm", "")


def test_one_contact_shows_amplitudes_instead_of_places() -> None:
    sorting, drawn = sorting_of("one wire"), figures("one wire")
    (map_axes,) = drawn["units_on_probe"].axes
    heights = np.concatenate([marks.get_offsets()[:, 1] for marks in map_axes.collections])
    np.testing.assert_allclose(sorted(heights), sorted(unit.amplitude_uv for unit in sorting.units))
    assert len({tuple(place) for marks in map_axes.collections for place in marks.get_offsets()}) == 3
    raster_axes = drawn["spike_raster"].axes[0]
    assert raster_axes.get_ylabel() == "peak-to-peak amplitude (µV)"
    assert np.ptp(raster_axes.get_ylim()) > 1


def test_drift_that_could_not_be_measured_is_not_drawn() -> None:
    moving = sorting_of("drift")
    motion = moving.motion
    assert motion is not None
    nothing = replace(motion, estimated_um=0 * motion.estimated_um, se_um=np.full_like(motion.se_um, np.inf))
    numbers = figure_numbers(replace(moving, motion=nothing))
    assert numbers.drift is not None
    assert numbers.measured_drift is None
    assert "drift" not in figures_of(replace(moving, motion=nothing), numbers)
    assert "drift" in figures("drift")
