"""The files of a report: all are written, hold what the figures show, and repeat byte for byte."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from make_report import make_facts
from make_sorting import SAMPLING_HZ, make_sorting

from spikesieve.api.report import report_folder
from spikesieve.errors import OutputError
from spikesieve.io.results.folder import made_by_hand
from spikesieve.report.sorting import write as write_module
from spikesieve.report.sorting.write import write_report


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
def test_a_sorting_of_no_unit_or_one_is_reported(tmp_path: Path, n_units: int, n_spikes: int) -> None:
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
    shutil.rmtree(tmp_path / "figures")
    again = write_report(tmp_path, sorting, make_facts(sorting))
    assert [path.read_bytes() for path in (again.page, *again.pictures, *again.tables)] == before


def test_a_failure_leaves_the_older_report_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sorting = make_sorting(1)
    sorting.save(tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    page = Path.write_text

    def full_disk(path: Path, text: str, **options: str) -> None:
        page(path, text[:100], **options)
        if path.name == "report.html":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(write_module.Path, "write_text", full_disk)
        with pytest.raises(OutputError, match="The disk is full"):
            report_folder(tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before

    left = tmp_path / "out" / ".report.html.new" / "figures"  # by a run that was killed
    left.mkdir(parents=True)
    assert made_by_hand(tmp_path / "out") == ""
    assert report_folder(tmp_path / "out") == tmp_path / "out" / "report.html"
    assert f"What an earlier run had left in {left.parent} was removed" in caplog.text
    assert {path for path in (tmp_path / "out").rglob("*") if path.is_file()} == set(before)
