"""The page in a real browser without a screen, by keys and mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_page import ActionChains, Keys, Page, WebDriverWait, open_browser
from app_server import Running, kept_in_memory, small_result
from make_sorting import make_sorting, write_raw

from spikesieve.api.result_to_show import of_sorting
from spikesieve.app.security import VIEWER
from spikesieve.views.result import Result


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def result() -> Result:
    return small_result(12, 3000)


@pytest.fixture
def running(result: Result) -> Iterator[Running]:
    with kept_in_memory(result) as running:
        yield running


def colours_on(page: Page, panel: str) -> int:
    """Number of different colours on the canvas of a panel."""
    return int(
        page.js(
            "const c = document.querySelector(`#${arguments[0]} canvas`);"
            "const d = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);"
            "return new Set(d).size",
            panel,
        )
    )


def test_two_units_are_merged_and_parted_again_by_keys(driver: Any, running: Running) -> None:
    page = Page(driver, running)
    page.choose("0")
    page.press("Down", "Down")
    page.choose("2")
    page.wait("return document.querySelector('#similar-to').textContent === '2'")
    page.wait("return document.querySelectorAll('#similar .body .row').length > 0")
    page.press("Space")
    page.wait("return /^2 [+] \\d+$/.test(document.getElementById('chosen').textContent)")
    other = int(page.chosen.split(" + ")[1])
    page.shown(page.chosen)
    page.press("g")
    page.saved("merge")
    page.choose("12")
    assert {2, other} & set(page.table()) == set()
    session = running.served.session
    both = sorted([*session.rows(2).tolist(), *session.rows(other).tolist()])
    assert session.units.rows[12].tolist() == both
    page.press("Alt+g")
    page.saved("label 12")
    assert page.table()[12] == "good"
    page.press("Ctrl+z", "Ctrl+z")
    page.saved("undo")
    page.wait("return [...document.querySelectorAll('#units .body .row')].every((r) => r.dataset.unit !== '12')")
    assert {2, other} <= set(page.table())
    page.press("Ctrl+Shift+z")
    page.saved("redo")
    page.wait("return [...document.querySelectorAll('#units .body .row')].some((r) => r.dataset.unit === '12')")
    page.no_errors()


def test_a_unit_is_split_by_a_lasso_on_all_its_spikes(driver: Any, running: Running, result: Result) -> None:
    page = Page(driver, running)
    page.choose("0")
    lasso = page.js(
        "const r = document.querySelector('#scatter .lasso').getBoundingClientRect(); return [r.width, r.height]"
    )
    canvas = driver.find_element("css selector", "#scatter .lasso")
    chain = ActionChains(driver, duration=0)
    left, right, top, bottom = -lasso[0] / 2 + 57, lasso[0] / 2 - 12, -lasso[1] / 2 + 5, lasso[1] * 0
    chain.move_to_element_with_offset(canvas, int(left), int(top)).click_and_hold()
    for x, y in ((0, top), (right, top), (right, bottom - 20), (0, bottom - 20), (left, bottom - 20)):
        chain.move_to_element_with_offset(canvas, int(x), int(y))
    chain.release().perform()
    page.wait("return document.getElementById('message').textContent.startsWith('In the lasso')")
    said = page.js("return document.getElementById('message').textContent")
    n_inside, n_all = (int(word.replace(",", "")) for word in said.split(": ")[1].split()[:3:2])
    assert 0 < n_inside < n_all == len(result.units.rows[0])
    page.press("k")
    page.saved("split 0")
    page.choose("12 + 13")
    units = running.served.session.units.rows
    assert sorted([len(units[12]), len(units[13])]) == sorted([n_inside, n_all - n_inside])
    assert result.amplitude is not None
    assert min(map(np.min, [result.amplitude[units[13]]])) > 0
    page.no_errors()


def test_whoever_looks_on_sees_it_at_once_and_cannot_act(driver: Any, running: Running) -> None:
    page = Page(driver, running, VIEWER)
    page.choose("0")
    assert running.client.act("merge", 0, "elsewhere", units=[0, 1]).status == 200
    page.choose("12")
    page.press("Alt+n")
    page.wait("return document.getElementById('message').classList.contains('wrong')")
    assert not running.served.session.units.labels


def test_filter_note_help_history_and_theme(driver: Any, running: Running) -> None:
    page = Page(driver, running)
    page.choose("0")
    page.press("/")
    driver.switch_to.active_element.send_keys("unit=3,5,7 noise")
    page.wait("return document.getElementById('filter-says').textContent.startsWith('2 of 12')")
    field = driver.switch_to.active_element
    field.clear()
    field.send_keys("group != 'noise' && depth >= 0 && id = 2..4")
    page.wait("return document.getElementById('filter-says').textContent.startsWith('2 of 12')")
    field.send_keys(Keys.ENTER)
    page.press("Ctrl+a")
    page.wait("return /^\\d+ \\+ \\d+$/.test(document.getElementById('chosen').textContent)")
    page.press("/")
    field.clear()
    field.send_keys("nothing > 3")
    page.wait("return document.getElementById('filter-says').textContent.includes('no column')")
    page.press("Escape", "Escape")
    page.wait("return document.getElementById('filter-says').textContent === ''")
    page.press("Home", "n")
    driver.switch_to.active_element.send_keys("looks odd" + Keys.ENTER)
    page.saved("text 0")
    assert running.served.session.units.texts == {(0, "note"): "looks odd"}
    page.press("h")
    page.wait("return document.querySelector('dialog').open")
    assert "merge the selected units" in page.js("return document.querySelector('dialog').textContent")
    page.press("Escape", "Shift+h")
    page.wait("return document.querySelector('dialog').textContent.includes('History: 1')")
    driver.find_elements("css selector", "dialog td button")[-1].click()
    page.wait("return document.querySelector('dialog').textContent.includes('go back to the beginning')")
    assert running.served.session.units.texts == {}
    page.press("Escape")
    before = page.js("return document.documentElement.dataset.theme")
    page.press("Shift+d")
    assert page.js("return document.documentElement.dataset.theme") != before
    page.no_errors()


def test_single_spikes_a_range_of_time_and_intervals(driver: Any, tmp_path: Path) -> None:
    sorting = make_sorting(4, 600)
    recording = write_raw(tmp_path / "raw.bin", sorting)
    with kept_in_memory(of_sorting(sorting, "with samples", recording=recording)) as running:
        page = Page(driver, running)
        page.choose("0")
        says = "return document.querySelector('#{} .says').textContent.{}"
        page.press("w")
        page.wait(says.format("waveforms", "startsWith('40 single spikes')"))
        page.press(":")
        driver.switch_to.active_element.send_keys("tr 5 10" + Keys.ENTER)
        page.wait(says.format("rate", "startsWith('only 5.0 to 10.0 s')"))
        times_s = sorting.spike_train(0, "s")
        n = int(((times_s >= 5) & (times_s <= 10)).sum())
        page.press("w")
        page.wait(says.format("waveforms", f"startsWith('mean of {n} spikes')"))
        page.wait(says.format("intervals", "includes('intervals')"))
        page.no_errors()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_is_drawn_in_both_themes(driver: Any, running: Running, theme: str) -> None:
    page = Page(driver, running)
    page.choose("0")
    if page.js("return document.documentElement.dataset.theme") != theme:
        page.press("Shift+d")
    for panel in ("waveforms", "correlograms", "rate", "scatter"):
        assert colours_on(page, panel) > 3, panel
    page.no_errors()


def test_without_the_token_the_page_says_what_to_do(driver: Any, running: Running) -> None:
    driver.delete_all_cookies()
    driver.get(f"http://localhost:{running.served.port}/")
    WebDriverWait(driver, 20).until(lambda d: "token" in d.find_element("tag name", "body").text)
