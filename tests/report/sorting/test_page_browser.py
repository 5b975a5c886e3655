"""The page in a real browser without a screen: it opens, sorts, filters, opens units, prints."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import BROWSER, DRIVER, FLAGS
from make_motion import make_moving_sorting
from make_report import make_facts
from make_sorting import make_probe, make_sorting
from needed import missing, needed_module

from spikesieve.model import Sorting
from spikesieve.report.sorting.numbers import figure_numbers
from spikesieve.report.sorting.page import page_html

webdriver = needed_module("selenium.webdriver", "browser")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield browser
    browser.quit()


def sorting_to_show() -> Sorting:
    """30 units with an empty field in every column that may have one; units 2 and 6 are alike."""
    sorting = make_sorting(30, 3000, make_probe(48, 2))
    units = list(sorting.units)
    units[2] = replace(units[2], nearest_unit=6, nearest_similarity=0.95)
    units[6] = replace(units[6], nearest_unit=2, nearest_similarity=0.95)
    return replace(sorting, units=tuple(units))


SORTING = sorting_to_show()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("page"), SORTING)


def write_page(folder: Path, sorting: Sorting) -> str:
    path = folder / "report.html"
    path.write_text(page_html(sorting, make_facts(sorting), figure_numbers(sorting)), encoding="utf-8")
    return path.as_uri()


class Page:
    """The page as a user sees it."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get(address)
        WebDriverWait(driver, 20).until(lambda d: self.js("return document.documentElement.dataset.ready") == "yes")

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        self.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", self.one(selector))
        self.one(selector).click()

    def units(self) -> list[int]:
        """Units in the table from top to bottom."""
        return self.js(
            "return [...document.querySelectorAll('#table tbody tr:not([hidden])')].map(r => +r.dataset.unit)"
        )

    def filter(self, text: str) -> list[int]:
        box = self.one("#query")
        box.clear()
        box.send_keys(text)
        return self.units()

    def says(self) -> str:
        return self.one("#says").text

    def opened(self) -> str:
        return self.one("#detail-title").text

    def wait(self, code: str) -> None:
        WebDriverWait(self.driver, 10).until(lambda d: self.js(f"return {code}"))

    def colours(self, selector: str) -> int:
        """How many colours a canvas shows: 1 is blank."""
        return self.js(
            "const c = document.querySelector(arguments[0]), d = new Uint32Array("
            "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer); return new Set(d).size",
            selector,
        )

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture
def page(driver: Any, address: str) -> Iterator[Page]:
    page = Page(driver, address)
    yield page
    assert page.errors() == []
    assert page.js("return performance.getEntriesByType('resource').map(e => e.name)") == []


def expected_order(column: str, falling: bool) -> list[int]:
    """Units by a column, those without a value last, ties by number."""
    values = [getattr(unit, column) for unit in SORTING.units]
    known = [k for k, value in enumerate(values) if value is not None]
    sign = -1 if falling else 1
    return [
        *sorted(known, key=lambda k: (sign * values[k], k)),
        *(k for k, value in enumerate(values) if value is None),
    ]


def test_it_opens_and_draws_every_figure(page: Page) -> None:
    assert page.units() == list(range(30))
    for canvas in ("#map", "#raster", "#scatter", *(f".histogram[data-index='{k}']" for k in range(5))):
        assert page.colours(canvas) > 3, canvas


def test_rows_in_view_get_their_thumbnails(page: Page) -> None:
    assert page.js("return document.querySelectorAll('#table canvas').length") < 90
    page.click("tr[data-unit='5'] td.label")
    page.wait("document.querySelectorAll('tr[data-unit=\"5\"] canvas').length === 3")
    for column in (3, 4, 5):
        assert page.colours(f"tr[data-unit='5'] > :nth-child({column}) canvas") > 3


def test_a_heading_sorts_the_largest_first_and_then_the_smallest(page: Page) -> None:
    for column in ("snr", "n_spikes", "contamination", "nearest_unit"):
        for falling in (True, False):
            page.click(f"th[data-column='{column}'] button")
            assert page.units() == expected_order(column, falling), column
            order = "descending" if falling else "ascending"
            assert page.one(f"th[data-column='{column}']").get_attribute("aria-sort") == order


def test_labels_sort_from_good_to_noise(page: Page) -> None:
    page.click("th[data-column='label'] button")
    labels = [SORTING.units[k].label for k in page.units()]
    assert labels == sorted(labels, key=["good", "mua", "noise"].index)


TERMS = {
    "snr>5": lambda u: u.snr > 5,
    "snr > 5 label=good": lambda u: u.snr > 5 and u.label == "good",
    "y_um=100..300": lambda u: 100 <= u.y_um <= 300,
    "unit=3,7,12..15": lambda u: u.unit in {3, 7, 12, 13, 14, 15},
    "contam<5%": lambda u: u.contamination is not None and u.contamination < 0.05,
    "label!=noise shank=1": lambda u: u.label != "noise" and u.shank == 1,
    "17": lambda u: u.unit == 17,
    "unit<8 unit!=3,4": lambda u: u.unit in {0, 1, 2, 5, 6, 7},
    "TOO many": lambda u: "too many" in u.why,
    "spikes>=100": lambda u: u.n_spikes >= 100,
}


def test_terms_filter(page: Page) -> None:
    for text, fits in TERMS.items():
        wanted = [unit.unit for unit in SORTING.units if fits(unit)]
        assert 0 < len(wanted) < 30
        assert page.filter(text) == wanted, text
        assert page.says() == f"{len(wanted)} of 30 units"


WRONG_TERMS = {
    "size>5": "There is no column “size”.",
    "refractory<1": "“refractory” can be refractory_ratio or refractory_probability.",
    "snr>big": "“big” is no number.",
    "snr>": "“snr>” ends too early: a value is missing.",
}


def test_a_wrong_term_is_explained_and_left_out(page: Page) -> None:
    for text, sentence in WRONG_TERMS.items():
        assert page.filter(f"unit=1,5 {text}") == [1, 5]
        assert page.says() == sentence


def test_labels_are_switched_off_and_cleared(page: Page) -> None:
    page.click("input[value='good']")
    assert {SORTING.units[k].label for k in page.units()} == {"mua", "noise"}
    page.filter("shank=0")
    page.click("button[type='reset']")
    page.wait("document.querySelectorAll('#table tbody tr:not([hidden])').length === 30")


def test_advice_shows_its_units(page: Page) -> None:
    page.click("button.show[data-units='2,6']")
    assert page.units() == [2, 6]


def test_a_click_opens_a_unit(page: Page) -> None:
    unit = SORTING.units[6]
    page.click("tr[data-unit='6'] td.label")
    assert page.opened() == f"Unit 6: {unit.label}"
    assert unit.why in page.one("#detail-why").text
    assert f"{unit.n_spikes:,}" in page.one("#detail-facts").text
    assert "similarity 0.95" in page.one("#detail-facts").text
    for name in ("template", "acg", "ccg", "amplitude", "rate"):
        assert page.colours(f"#detail-{name}") > 3, name
    page.click("#nearest")
    assert page.opened() == f"Unit 2: {SORTING.units[2].label}"


def test_the_panel_leaves_the_table_free_and_closes(page: Page) -> None:
    page.click("tr[data-unit='2'] button.open")
    box = page.js("return [document.querySelector('.scroll'), document.querySelector('#detail')].map(e => "
                  "[e.getBoundingClientRect().left, e.getBoundingClientRect().right])")  # fmt: skip
    assert box[0][1] <= box[1][0]
    page.click("#close")
    assert not page.one("#detail").is_displayed()


def test_it_works_without_a_mouse(page: Page) -> None:
    page.filter("unit=4,9,11")
    page.js("document.querySelector('tr[data-unit=\"4\"] button.open').focus()")
    keyboard = webdriver.ActionChains(page.driver)
    keyboard.send_keys(Keys.ENTER).perform()
    assert page.opened().startswith("Unit 4:")
    assert page.js("return document.activeElement.id") == "detail-title"
    keyboard.send_keys(Keys.ARROW_RIGHT).send_keys(Keys.ARROW_RIGHT).send_keys(Keys.ARROW_RIGHT).perform()
    assert page.opened().startswith("Unit 11:")
    keyboard.send_keys(Keys.ARROW_LEFT).perform()
    assert page.opened().startswith("Unit 9:")
    keyboard.send_keys(Keys.ESCAPE).perform()
    assert not page.one("#detail").is_displayed()
    assert page.js("return document.activeElement.closest('tr').dataset.unit") == "9"


def test_a_click_on_a_marker_opens_its_unit(page: Page) -> None:
    # The largest unit alone, so that its marker is the only thing in full colour.
    largest = max(SORTING.units, key=lambda unit: unit.amplitude_uv)
    page.js("const c = document.getElementById('map'); window.before = c.toDataURL()")
    x, y = marker(page, largest.unit)
    page.js(
        "document.getElementById('map').dispatchEvent(new MouseEvent('click', {bubbles: true, clientX: arguments[0], "
        "clientY: arguments[1]}))",
        x,
        y,
    )
    assert page.opened().startswith(f"Unit {largest.unit}:")
    assert page.js("return document.getElementById('map').toDataURL() !== window.before")


def marker(page: Page, unit: int) -> tuple[float, float]:
    """Where the marker of a unit is on the screen, found by hovering over the map."""
    found = page.js(
        "const map = document.getElementById('map'), box = map.getBoundingClientRect();"
        "for (let y = box.top; y < box.bottom; y += 3) for (let x = box.left; x < box.right; x += 3) {"
        "  map.dispatchEvent(new MouseEvent('mousemove', {clientX: x, clientY: y}));"
        "  if (map.title.startsWith(`unit ${arguments[0]},`)) return [x, y]; } return null;",
        unit,
    )
    assert found is not None
    return tuple(found)


def test_an_address_names_a_unit(driver: Any, address: str) -> None:
    assert Page(driver, f"{address}#unit-12").opened().startswith("Unit 12:")


def test_numbers_of_units_need_not_be_their_rows(driver: Any, tmp_path: Path) -> None:
    """After corrections by hand, numbers of merged and split units are missing."""
    units = [replace(unit, unit=unit.unit + 5, nearest_unit=(unit.nearest_unit or 0) + 5) for unit in SORTING.units]
    page = Page(driver, write_page(tmp_path, replace(SORTING, units=tuple(units))) + "#unit-7")
    assert page.opened() == f"Unit 7: {SORTING.units[2].label}"
    page.click("#nearest")
    assert page.opened() == f"Unit 11: {SORTING.units[6].label}"


def test_all_columns_can_be_shown(page: Page) -> None:
    assert not page.one("th[data-column='refractory_ratio']").is_displayed()
    assert page.one("th[data-column='shank']").is_displayed()
    page.click("#all-columns")
    assert page.one("th[data-column='refractory_ratio']").is_displayed()


def test_the_theme_changes_page_and_figures(page: Page) -> None:
    pictures = "...['raster', 'map', 'scatter'].map(id => document.getElementById(id).toDataURL())"
    state = f"return [getComputedStyle(document.body).backgroundColor, {pictures}]"
    before = page.js(state)
    page.click("#theme")
    assert all(old != new for old, new in zip(before, page.js(state), strict=True))
    assert page.one("#theme").text in ("Light", "Dark")


def test_printing_draws_every_thumbnail_and_keeps_the_theme(page: Page) -> None:
    theme = page.js("return document.documentElement.dataset.theme")
    pdf = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF")
    assert page.js("return document.querySelectorAll('#table canvas').length") == 90
    assert page.js("return document.documentElement.dataset.theme") == theme


def test_a_phone_does_not_scroll_sideways(page: Page) -> None:
    size = {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.driver.refresh()
        page.wait("document.documentElement.dataset.ready === 'yes'")
        page.js("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert page.js("return document.documentElement.scrollWidth") <= 390
        page.click("tr[data-unit='1'] button.open")
        assert page.js("return document.getElementById('detail').getBoundingClientRect().width") <= 390
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(("n_units", "n_spikes", "n_contacts"), [(0, 0, 24), (1, 1, 1), (1, 40, 4), (3, 3, 24)])
def test_a_sorting_of_few_spikes_opens(
    driver: Any, tmp_path: Path, n_units: int, n_spikes: int, n_contacts: int
) -> None:
    page = Page(driver, write_page(tmp_path, make_sorting(n_units, n_spikes, make_probe(n_contacts))))
    if n_units:
        page.click("tr[data-unit='0'] button.open")
        assert page.opened().startswith("Unit 0:")
    else:
        assert "No units were found." in page.one("#units").text
    assert page.errors() == []


def test_gaps_and_unknown_positions_open(driver: Any, tmp_path: Path) -> None:
    sorting = make_sorting(3)
    place = sorting.spikes.position_um.copy()
    place[sorting.spikes.unit == 1] = np.nan
    units = (replace(sorting.units[1], unit=0), replace(sorting.units[1], x_um=np.nan, y_um=np.nan), sorting.units[2])
    sorting = replace(
        sorting,
        spikes=replace(sorting.spikes, position_um=place),
        units=units,
        segments=((0, 200_000), (400_000, 600_000)),
    )
    page = Page(driver, write_page(tmp_path, sorting))
    page.click("tr[data-unit='1'] button.open")
    assert page.errors() == []


def test_drift_is_drawn_for_each_shank(driver: Any, tmp_path: Path) -> None:
    sorting = make_moving_sorting(2, decisions=("rigid", "refuse"))
    page = Page(driver, write_page(tmp_path, sorting))
    for canvas in (".displacement[data-index='0']", ".displacement[data-index='1']", "#drift-before", "#drift-after"):
        assert page.colours(canvas) > 3, canvas
    picture = "return document.getElementById(arguments[0]).toDataURL()"
    assert page.js(picture, "drift-before") != page.js(picture, "drift-after")
    page.js("const s = document.getElementById('drift-shank'); s.value = '2'; s.dispatchEvent(new Event('change'))")
    assert page.one("#drift-after-says").text == "Spikes not corrected: the drift estimate was not used"
    assert page.js(picture, "drift-before") == page.js(picture, "drift-after")
    button = "#drift button.open"
    unit = int(page.one(button).get_attribute("data-unit"))
    page.click(button)
    assert page.opened().startswith(f"Unit {unit}:")
    assert page.js("return document.documentElement.scrollWidth <= window.innerWidth")
    assert page.errors() == []


def test_one_depth_without_a_band_opens(driver: Any, tmp_path: Path) -> None:
    sorting = make_moving_sorting()
    assert sorting.motion is not None
    um = sorting.motion.estimated_um[:, :, :1]
    rigid = replace(sorting.motion, depth_um=np.array([200.0]), estimated_um=um, se_um=np.full_like(um, np.inf))
    page = Page(driver, write_page(tmp_path, replace(sorting, motion=rigid)))
    assert page.colours(".displacement") > 3
    assert "band" not in page.one("#drift").text
    assert page.errors() == []
