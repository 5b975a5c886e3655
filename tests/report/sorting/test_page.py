"""The page needs nothing else, tells what the sorting is without scripts, and holds its numbers."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from make_report import array_in, data_in, make_facts, page_of, with_spikes, with_units
from make_sorting import SAMPLING_HZ, make_probe, make_sorting

import spikesieve
from spikesieve.model import Unit
from spikesieve.model.text import duration_text
from spikesieve.report.packing import MISSING
from spikesieve.report.sorting import numbers as numbers_module
from spikesieve.report.sorting.columns import COLUMNS, OF_METRICS
from spikesieve.report.sorting.numbers import CORRELOGRAM_MS, figure_numbers
from spikesieve.stages.unit_metrics import unit_metrics

SRC = Path(spikesieve.__file__).parent


@pytest.mark.parametrize(("n_units", "n_spikes", "n_contacts"), [(0, 0, 24), (1, 1, 1), (12, 600, 24)])
def test_the_page_asks_the_network_for_nothing(n_units: int, n_spikes: int, n_contacts: int) -> None:
    html = page_of(make_sorting(n_units, n_spikes, make_probe(n_contacts)))
    assert "default-src 'none'" in html
    assert not re.search(r"https?://|@import|\burl\(|\ssrc\s*=|\bimport\s*\(|XMLHttpRequest|\bfetch\(", html)
    assert set(re.findall(r'href="([^"#]*)', html)) <= {"", "data:,"} | set(
        re.findall(r"figures/\w+\.(?:png|csv)", html)
    )


class Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_text_from_outside_stays_text() -> None:
    nasty = "</script><script>alert('x')</script><img src=x>"
    sorting = with_units(make_sorting(2), why=nasty)
    html = page_of(sorting, notes=[nasty], recording={**make_facts(sorting)["recording"], "name": nasty})
    plain, told = Texts(), Texts()
    plain.feed(page_of(make_sorting(2), notes=["one note"]))
    told.feed(html)
    assert told.tags == plain.tags
    assert nasty in told.text
    assert data_in(html)["units"]["why"] == [nasty, nasty]


def test_the_page_shows_the_summary_without_scripts() -> None:
    sorting = make_sorting(4)
    texts = Texts()
    texts.feed(page_of(sorting))
    text = re.sub(r"\s+", " ", texts.text)
    assert (
        "24 contacts, sorted with kilosort4 on 2024-02-03 04:06: 90 s for 20 s of recording, 4.5 times as long" in text
    )
    assert "2 good 1 mua 1 noise 400 spikes 20 s sorted" in text
    assert re.search(r"max_peels\s*100", text)
    assert sorting.units[1].why in text


def test_the_page_shows_which_part_was_sorted() -> None:
    sorting = make_sorting(1)
    recording = {**make_facts(sorting)["recording"], "n_samples": 30_000 * 130}
    assert "sorted of 2 min 10 s" in page_of(sorting, recording=recording)


def test_without_a_gain_no_voltage_is_claimed() -> None:
    sorting = make_sorting(1)
    html = page_of(sorting, recording={**make_facts(sorting)["recording"], "gain_is_known": False})
    assert data_in(html)["uv"] == "raw"
    assert "ampl. raw" in html
    assert "ampl. µV" not in html


def test_every_field_of_a_unit_is_a_column() -> None:
    names = [column.name for column in COLUMNS if column.name not in OF_METRICS]
    assert sorted(names) == sorted(field.name for field in fields(Unit))


def test_unknown_values_are_null_and_a_question_mark() -> None:
    sorting = with_units(make_sorting(1), snr=float("nan"), contamination=None)
    html = page_of(sorting)
    assert data_in(html)["units"]["snr"] == data_in(html)["units"]["contamination"] == [None]
    assert '<td class="number">?</td>' in html


def test_the_numbers_in_the_page_are_those_of_the_sorting() -> None:
    sorting = make_sorting(5)
    data = data_in(page_of(sorting))
    numbers = figure_numbers(sorting)
    low, high = data["span_s"]
    time = low + array_in(data, "raster_time") / 65_534 * (high - low)
    np.testing.assert_allclose(time, sorting.spikes.sample / SAMPLING_HZ, atol=20 / 65_534)
    low, high = data["depth_um"]
    depth = low + array_in(data, "raster_depth") / 65_534 * (high - low)
    np.testing.assert_allclose(depth, np.clip(sorting.spikes.position_um[:, 1], low, high), atol=0.01)
    np.testing.assert_array_equal(array_in(data, "raster_unit"), sorting.spikes.unit)
    peak = np.array(data["template_peak_uv"])[:, None, None]
    np.testing.assert_allclose(
        array_in(data, "template_uv") / 32_767 * peak, numbers.templates.uv, atol=peak.max() / 6e4
    )
    np.testing.assert_array_equal(array_in(data, "acgs"), sorting.acgs[:, :CORRELOGRAM_MS])
    start, stop = data["amplitude_offsets"][2:4]
    low, high = data["amplitude_ranges_uv"][2]
    shown = low + array_in(data, "amplitude_uv")[start:stop] / 65_534 * (high - low)
    np.testing.assert_allclose(shown, sorting.spikes.amplitude_uv[sorting.spikes.unit == 2], atol=(high - low) / 6e4)


def test_spikes_without_a_position_are_coded_as_missing() -> None:
    sorting = make_sorting(2)
    place = sorting.spikes.position_um.copy()
    place[7] = np.nan
    data = data_in(page_of(replace(sorting, spikes=replace(sorting.spikes, position_um=place))))
    assert np.flatnonzero(array_in(data, "raster_depth") == MISSING).tolist() == [7]


def test_five_hundred_units_and_many_spikes_stay_under_ten_megabytes() -> None:
    n, rng = 700_000, np.random.default_rng(0)
    sorting = make_sorting(500, 1000, make_probe(384), duration_s=600.0)
    assert n > 2 * max(numbers_module.MAX_RASTER_SPIKES, numbers_module.MAX_AMPLITUDES)
    sorting = with_spikes(sorting, rng.integers(0, 18_000_000, n), rng.integers(0, 500, n), rng.random(n) * 99)
    html = page_of(sorting)
    assert len(html.encode()) < 7_000_000
    data = data_in(html)
    assert len(array_in(data, "raster_time")) == numbers_module.MAX_RASTER_SPIKES
    assert len(array_in(data, "amplitude_time")) <= numbers_module.MAX_AMPLITUDES
    assert data["n_spikes"] == n


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.34, "12.3 s"), (90, "90 s"), (245.9, "4 min 05 s"), (7650, "2 h 07 min")]
)
def test_durations_are_written_in_plain_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours #rrggbb."""

    def luminance(colour: str) -> float:
        share = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(share <= 0.03928, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out_from_its_background(theme: str) -> None:
    style = (SRC / "report" / "assets" / "page.css").read_text(encoding="utf-8")
    block = style.split("}")[0] if theme == "light" else style.split("}")[1]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for text in ("ink", "soft", "link", "good-text", "mua-text", "noise-text"):
        for background in ("paper", "raised", "shade"):
            assert contrast(colours[text], colours[background]) >= 4.5, (text, background)
    for shape in ("good", "mua", "noise", "select"):
        assert contrast(colours[shape], colours["paper"]) >= 3, shape


def test_one_contact_shows_the_amplitudes_of_its_spikes() -> None:
    sorting = make_sorting(2, 100, make_probe(1))
    html = page_of(sorting)
    data = data_in(html)
    assert data["raster_label"] == "amplitude (µV)"
    assert "Spikes by time and amplitude" in html
    low, high = data["depth_um"]
    shown = low + array_in(data, "raster_depth") / 65_534 * (high - low)
    np.testing.assert_allclose(shown, sorting.spikes.amplitude_uv, atol=(high - low) / 65_000)
    assert data_in(page_of(make_sorting(2, 100)))["raster_label"] == "depth (µm)"


def test_the_kind_of_cell_and_the_label_of_bombcell_are_columns_where_they_are_known() -> None:
    sorting = make_sorting(3)
    assert data_in(page_of(sorting))["units"]["cell_type"] == [None] * 3
    measured = replace(sorting, metrics=unit_metrics(sorting))
    columns = data_in(page_of(measured))["units"]
    assert columns["cell_type"] == [row.cell_type for row in measured.metrics]
    assert columns["bombcell_label"] == [row.bombcell_label for row in measured.metrics]
