"""The page of a comparison in a real browser without a screen: its tables sort and filter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import BROWSER, DRIVER, FLAGS
from make_sides import small, write_npz
from needed import missing, needed_module

from spikesieve.api.compare import compare
from spikesieve.settings.compare import CompareOptions

webdriver = needed_module("selenium.webdriver", "browser")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("compare")
    a = write_npz(place / "a.npz", small(n_units=12))
    compare(a, truth=write_npz(place / "truth.npz", small(n_units=12)), out=place / "out", options=CompareOptions())
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={place / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    browser.get((place / "out" / "report.html").as_uri())
    yield browser
    errors = browser.get_log("browser")
    browser.quit()
    assert errors == []


def column(page: Any, index: int) -> list[str]:
    """Cells of a column of the table of true units, from top to bottom, without hidden rows."""
    return page.execute_script(
        "return [...document.querySelectorAll('#units_vs_truth tbody tr:not([hidden])')]"
        ".map(row => row.cells[arguments[0]].textContent)",
        index,
    )


def test_a_heading_sorts_by_number_up_and_then_down(page: Any) -> None:
    button = page.find_elements(By.CSS_SELECTOR, "#units_vs_truth thead button")[1]
    assert button.text == "n_spikes"
    before = [int(cell) for cell in column(page, 1)]
    assert before != sorted(before)
    for falling in (False, True):
        page.execute_script("arguments[0].click()", button)
        assert [int(cell) for cell in column(page, 1)] == sorted(before, reverse=falling)


def test_the_filter_keeps_rows_with_every_word(page: Any) -> None:
    every = column(page, 0)
    box = page.find_element(By.CSS_SELECTOR, "input[data-table='units_vs_truth']")
    box.send_keys("well_det no_such_word")
    assert column(page, 0) == []
    box.clear()
    box.send_keys("WELL_det")
    assert sorted(column(page, 0)) == sorted(every)
    box.clear()
    n_spikes = column(page, 1)[0]
    box.send_keys(f"well_det {n_spikes}")
    assert 0 < len(column(page, 0)) < len(every)
    assert n_spikes in column(page, 1)
