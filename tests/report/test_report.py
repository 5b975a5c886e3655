"""The report: its numbers are those of the sorting, its page needs nothing else, its advice fits."""

from __future__ import annotations

import csv
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from make_report import array_in, data_in, make_facts, page_of
from make_sorting import SAMPLING_HZ, make_probe, make_sorting

import spikesieve
from spikesieve.model import Sorting, Spikes, Unit
from spikesieve.report.packing import MISSING
from spikesieve.report.sorting import numbers as numbers_module
from spikesieve.report.sorting import write as write_module
from spikesieve.report.sorting.advice import ADVICE_ON_NOTES, advice
from spikesieve.report.sorting.columns import COLUMNS
from spikesieve.report.sorting.numbers import (
    CORRELOGRAM_MS,
    amplitude_changes,
    ccgs_with_nearest,
    evenly,
    near_templates,
    numbers_of,
    quality_histograms,
    rates_over_time,
    rows_by_unit,
)
from spikesieve.report.sorting.page import duration_text
from spikesieve.report.sorting.write import write_report

SRC = Path(spikesieve.__file__).parent


def with_spikes(sorting: Sorting, sample: np.ndarray, unit: np.ndarray, amplitude_uv: np.ndarray | float) -> Sorting:
    """The sorting with other spikes, in any order."""
    order = np.argsort(sample, kind="stable")
    n = len(sample)
    spikes = Spikes(
        sample=np.asarray(sample, np.int64)[order],
        unit=np.asarray(unit, np.int32)[order],
        detection_template=np.zeros(n, np.int32),
        amplitude=np.ones(n, np.float32),
        amplitude_uv=np.broadcast_to(np.asarray(amplitude_uv, np.float32), n)[order],
        position_um=np.zeros((n, 2), np.float32),
        features=np.empty((n, 0, 6), np.float32),
    )
    return replace(sorting, spikes=spikes)


def with_units(sorting: Sorting, **values: object) -> Sorting:
    return replace(sorting, units=tuple(replace(unit, **values) for unit in sorting.units))


# ---- numbers


@pytest.mark.parametrize(("n", "most", "expected"), [(0, 5, []), (3, 5, [0, 1, 2]), (9, 3, [0, 4, 8])])
def test_evenly_taken_rows_begin_and_end_with_the_first_and_last(n: int, most: int, expected: list[int]) -> None:
    assert evenly(n, most).tolist() == expected


def test_rows_of_each_unit_are_in_order_of_time() -> None:
    rows = rows_by_unit(np.array([2, 0, 2, 0], np.int32), 4)
    assert [r.tolist() for r in rows] == [[1, 3], [], [0, 2], []]


def test_a_template_is_shown_from_its_best_contact_outwards() -> None:
    sorting = make_sorting(4)
    near = near_templates(sorting.templates, sorting.probe, sorting.units)
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


def test_rates_count_every_spike_and_know_the_gaps() -> None:
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


@pytest.mark.parametrize("n_units", [0, 1])
def test_histograms_bear_next_to_nothing(n_units: int) -> None:
    for histogram in quality_histograms(make_sorting(n_units, n_units).units):
        assert sum(counts.sum() for counts in histogram.counts.values()) == n_units
        assert np.isfinite(histogram.edges).all()


# ---- advice


def advice_on(sorting: Sorting, **changes: object) -> str:
    found = advice(sorting, make_facts(sorting, **{"notes": [], **changes}))
    assert all(item.todo for item in found if not changes)
    return " | ".join(f"{item.what} {item.units}" for item in found)


def clean_sorting() -> Sorting:
    sorting = make_sorting(6, 3000)
    return with_units(
        sorting, label="good", contamination=0.01, presence=1.0, snr=8.0, n_spikes=500, nearest_similarity=0.3
    )


def test_a_clean_sorting_gets_no_advice() -> None:
    assert advice_on(clean_sorting()) == ""


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"contamination": 0.2}, "More than 10% of the spikes are probably of other neurons: 6 good units."),
        ({"presence": 0.5}, "Silent in more than 20% of the recording: 6 good units."),
        ({"snr": 3.9}, "SNR below 4, so that some of the spikes are probably missing: 6 good units."),
        ({"n_spikes": 99}, "Fewer than 100 spikes, too few to be sure of a refractory period: 6 good units."),
        ({"label": "mua"}, "Only 0 of 6 units are good."),
        (
            {"nearest_unit": 0, "nearest_similarity": 0.95},
            "pairs of units have templates that are more than 90% alike.",
        ),
    ],
)
def test_what_is_odd_about_units_is_said(values: dict, sentence: str) -> None:
    assert sentence in advice_on(with_units(clean_sorting(), **values))


def test_a_pair_of_alike_units_is_named_once() -> None:
    units = list(clean_sorting().units)
    units[1] = replace(units[1], nearest_unit=4, nearest_similarity=0.93)
    units[4] = replace(units[4], nearest_unit=1, nearest_similarity=0.93)
    said = advice_on(replace(clean_sorting(), units=tuple(units)))
    assert "1 pair of units has templates that are more than 90% alike. (1, 4)" in said


def test_a_probe_that_moved_is_told_from_one_unit_that_changed() -> None:
    sample = np.tile(np.arange(1000, 600_000, 1000), 6)
    unit = np.repeat(np.arange(6), 599)
    drifting = np.where(unit < 4, 50 + sample / 1e4, 80)
    moved = with_spikes(clean_sorting(), sample, unit, drifting)
    one = with_spikes(clean_sorting(), sample, unit, np.where(unit == 2, drifting, 80))
    assert "from the first third of the time to the last: 4 units. (0, 1, 2, 3)" in advice_on(moved)
    assert "the probe moved" in advice(moved, {})[0].todo
    assert "1 unit. (2,)" in advice_on(one)
    assert "the probe moved" not in advice(one, {})[0].todo


def test_a_noisy_contact_is_named_by_its_file_channel() -> None:
    sorting = clean_sorting()
    noise = sorting.noise_sd_uv.copy()
    noise[3] *= 4
    said = advice_on(replace(sorting, noise_sd_uv=noise))
    assert f"file channel(s) {sorting.probe.channels[3]}." in said


def test_notes_are_told_once_and_with_what_to_do() -> None:
    note = "No gain is known, so amplitudes are in raw numbers, not uV. Give --gain-uv."
    found = advice(clean_sorting(), {"notes": [note, "One more thing.", note]})
    assert [item.what for item in found] == [note, "One more thing."]
    assert "--gain-uv" in found[0].todo
    assert found[1].todo == ""


@pytest.mark.parametrize("words", ADVICE_ON_NOTES)
def test_the_notes_that_advice_knows_are_still_written_somewhere(words: str) -> None:
    files = [path for path in SRC.rglob("*.py") if path.name != "advice.py"]
    # A note may be put together of parts: "{n} noisy contact(s)".
    parts = words.split(" contact")
    assert any(all(part in path.read_text(encoding="utf-8") for part in parts) for path in files)


# ---- page


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


def test_the_page_tells_the_summary_without_scripts() -> None:
    sorting = make_sorting(4)
    texts = Texts()
    texts.feed(page_of(sorting))
    text = re.sub(r"\s+", " ", texts.text)
    assert "24 contacts, sorted with kilosort4 on 2024-02-03 04:06 in 90 s" in text
    assert "2 good 1 mua 1 noise 400 spikes 20 s sorted" in text
    assert re.search(r"max_peels\s*100", text)
    assert sorting.units[1].why in text


def test_the_part_that_was_sorted_is_said() -> None:
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
    assert sorted(column.name for column in COLUMNS) == sorted(field.name for field in fields(Unit))


def test_unknown_values_are_null_and_a_question_mark() -> None:
    sorting = with_units(make_sorting(1), snr=float("nan"), contamination=None)
    html = page_of(sorting)
    assert data_in(html)["units"]["snr"] == data_in(html)["units"]["contamination"] == [None]
    assert '<td class="number">?</td>' in html


def test_the_numbers_in_the_page_are_those_of_the_sorting() -> None:
    sorting = make_sorting(5)
    data = data_in(page_of(sorting))
    numbers = numbers_of(sorting)
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


def test_spikes_without_a_place_are_marked_and_break_nothing() -> None:
    sorting = make_sorting(2)
    place = sorting.spikes.position_um.copy()
    place[7] = np.nan
    data = data_in(page_of(replace(sorting, spikes=replace(sorting.spikes, position_um=place))))
    assert np.flatnonzero(array_in(data, "raster_depth") == MISSING).tolist() == [7]


def test_five_hundred_units_and_many_spikes_stay_under_ten_megabytes() -> None:
    n, rng = 700_000, np.random.default_rng(0)
    sorting = make_sorting(500, 1000, make_probe(384), duration_s=600.0)
    assert n > 2 * max(numbers_module.MOST_POINTS, numbers_module.MOST_AMPLITUDES)
    sorting = with_spikes(sorting, rng.integers(0, 18_000_000, n), rng.integers(0, 500, n), rng.random(n) * 99)
    html = page_of(sorting)
    assert len(html.encode()) < 7_000_000
    data = data_in(html)
    assert len(array_in(data, "raster_time")) == numbers_module.MOST_POINTS
    assert len(array_in(data, "amplitude_time")) <= numbers_module.MOST_AMPLITUDES
    assert data["n_spikes"] == n


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.34, "12.3 s"), (90, "90 s"), (245.9, "4 min 05 s"), (7650, "2 h 07 min")]
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
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


# ---- files


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_and_table_that_the_page_names_is_there(tmp_path: Path) -> None:
    sorting = make_sorting(3)
    report = write_report(tmp_path, sorting, make_facts(sorting))
    assert report.page == tmp_path / "report.html"
    named = set(re.findall(r'href="(figures/[^"]+)"', report.page.read_text(encoding="utf-8")))
    written = {path.relative_to(tmp_path).as_posix() for path in (*report.pictures, *report.tables)}
    assert len(named) == 14
    assert named <= written
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "figures"}


@pytest.mark.parametrize(("n_units", "n_spikes"), [(0, 0), (1, 1)])
def test_next_to_nothing_is_reported_too(tmp_path: Path, n_units: int, n_spikes: int) -> None:
    sorting = make_sorting(n_units, n_spikes)
    report = write_report(tmp_path, sorting, make_facts(sorting))
    assert len(rows_of(tmp_path / "figures" / "spike_raster.csv")) == n_spikes
    assert ("<p>No units were found.</p>" in report.page.read_text(encoding="utf-8")) == (n_units == 0)


def test_the_tables_hold_what_the_figures_show(tmp_path: Path) -> None:
    sorting = make_sorting(5)
    write_report(tmp_path, sorting, make_facts(sorting))
    tables = {path.stem: rows_of(path) for path in (tmp_path / "figures").glob("*.csv")}
    spikes = tables["spike_raster"]
    np.testing.assert_allclose([float(r["time_s"]) for r in spikes], sorting.spikes.sample / SAMPLING_HZ, atol=1e-6)
    np.testing.assert_allclose([float(r["depth_um"]) for r in spikes], sorting.spikes.position_um[:, 1], atol=0.006)
    assert [r["label"] for r in tables["units_on_probe"]] == [u.label for u in sorting.units]
    assert [int(tables["acgs"][2][f"{lag}_ms"]) for lag in (1, 50)] == sorting.acgs[2, [0, 49]].tolist()
    assert len(tables["template_gallery"]) == (sorting.templates.contacts >= 0).sum()
    best = next(r for r in tables["template_gallery"] if r["unit"] == "3")
    assert int(best["file_channel"]) == sorting.units[3].file_channel
    dense = sorting.templates.dense_uv(24)
    assert float(best["0.000_ms"]) == pytest.approx(
        dense[3, sorting.templates.peak_index, int(best["contact"])], abs=1e-3
    )
    presence = [r for r in tables["quality_histograms"] if r["quantity"] == "presence"]
    assert sum(int(r["good"]) + int(r["mua"]) + int(r["noise"]) for r in presence) == 5
    assert len(tables["contacts"]) == 24
    assert "-50_ms" in tables["ccgs_with_nearest"][0]


def test_the_report_repeats_byte_for_byte(tmp_path: Path) -> None:
    sorting = make_sorting(4)
    first = write_report(tmp_path, sorting, make_facts(sorting))
    before = [path.read_bytes() for path in (first.page, *first.pictures, *first.tables)]
    again = write_report(tmp_path, sorting, make_facts(sorting))
    assert [path.read_bytes() for path in (again.page, *again.pictures, *again.tables)] == before


def test_a_failure_leaves_the_older_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("older")
    page = Path.write_text

    def full_disk(path: Path, text: str, **options: str) -> None:
        page(path, text[:100], **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_module.Path, "write_text", full_disk)
    sorting = make_sorting(1)
    with pytest.raises(OSError, match="No space"):
        write_report(tmp_path, sorting, make_facts(sorting))
    assert (tmp_path / "report.html").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "report.html"]
