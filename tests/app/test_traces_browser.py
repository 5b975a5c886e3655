"""The traces in a real browser: drawn as NumPy would, moved by keys and mouse, with marks that stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_page import ActionChains, Keys, Page, open_browser
from app_server import kept_in_memory, small_result, with_traces

from spikesieve.views.trace_places import next_place, places_of
from spikesieve.views.trace_tiles import tile_of

ALONE = """localStorage.setItem("spikesieve-layout", JSON.stringify({format: "spikesieve layout", version: 1, tree: {
  split: "row", sizes: [0.3, 0.7],
  parts: [{tabs: ["units", "similar"], shown: "units"}, {tabs: ["traces"], shown: "traces"}],
}}))"""
GATHERED = """
const done = arguments[2], {values, step, samples, start, width, heat} = arguments[0];
import(new URL("./traces/window.js", document.baseURI)).then(({gather}) => {
  const [nRows, nColumns] = [values.length, values[0].length], pairs = !heat && step > 1;
  const tile = {index: 0, first: 0, values: Int16Array.from(arguments[1]), nRows, nColumns, pairs, scale: 1};
  const {low, high} = gather([tile], {start, samples}, {first: 0, n: nRows}, width, step, heat);
  done([Array.from(low), Array.from(high)]);
});
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def shown(page: Page, text: str) -> None:
    """Wait until the traces are drawn whole, and say this."""
    page.wait(f"return (document.getElementById('traces')?.dataset.shown ?? '').match(/{text}.* whole$/) !== null")


def said(page: Page, text: str) -> None:
    page.wait(f"return document.getElementById('message').textContent.startsWith('{text}')")


def start_s(page: Page, hz: float) -> float:
    """The first second that is shown."""
    return float(page.js("return document.getElementById('traces').dataset.shown.split(' ')[1]")) / hz


def test_traces_are_moved_through_marked_and_saved(driver: Any, tmp_path: Path) -> None:
    result = with_traces(tmp_path)
    hz = result.time.sampling_hz
    with kept_in_memory(result) as running:
        Page(driver, running).js(ALONE)
        page = Page(driver, running)
        page.press("t")
        shown(page, "highpassed 0")
        for key, kind in (("1", "raw"), ("2", "whitened"), ("3", "predicted"), ("4", "residual")):
            page.press(key)
            shown(page, f"^{kind} ")
        page.press("Alt+Page_down")
        spike = next_place(places_of(result, "spike", [result.units.rows[0]]), 3750, 1)
        assert spike is not None
        said(page, f"Spike {spike.number} of {len(result.units.rows[0])} of unit 0")
        page.wait(f"return document.getElementById('traces').dataset.shown.split(' ')[1] == {spike.sample - 3750}")
        page.press("Space")
        page.wait("return document.getElementById('chosen').textContent.includes('+')")
        units = [int(text) for text in page.chosen.split(" + ")]
        page.press(".")
        found = places_of(result, "violation", [result.units.rows[unit] for unit in units]).sample
        said(page, "Violation" if (found > spike.sample).any() else "No violation")
        page.press("Alt+t")
        driver.switch_to.active_element.send_keys("5" + Keys.ENTER)
        page.wait("return document.getElementById('traces').dataset.shown.split(' ')[1] > 140000")
        assert abs(start_s(page, hz) + 0.125 - 5) < 0.001
        page.press("Alt+Right")
        page.wait("return document.getElementById('traces').dataset.shown.split(' ')[1] >= 147000")
        page.press("f")
        driver.switch_to.active_element.send_keys("looks odd" + Keys.ENTER)
        said(page, "Saved: mark")
        (mark,) = running.client.get("/api/marks")["marks"]
        assert (mark["text"], mark["sample"]) == ("looks odd", round(5.025 * hz))
        page.press("1")
        shown(page, "^raw ")
        check_table(page, result, driver)
        page.no_errors()


def check_table(page: Page, result: Any, browser: Any) -> None:
    """The saved table has the samples of the file."""
    page.js("window.saved = null; URL.createObjectURL = (blob) => (blob.text().then((t) => (window.saved = t)), '#')")
    start = int(page.js("return document.getElementById('traces').dataset.shown.split(' ')[1]"))
    next(b for b in browser.find_elements("css selector", "#traces button") if b.text == "CSV").click()
    page.wait("return window.saved !== null")
    lines = page.js("return window.saved").split("\n")
    channel = int(lines[0].split(",")[2].removeprefix("channel_"))
    row = lines[1 + 100].split(",")
    assert int(row[0]) == start + 100
    assert abs(float(row[2]) - result.recording.read_uv(start + 100, start + 101, np.array([channel]))[0, 0]) < 0.1


def test_the_mouse_zooms_and_reads(driver: Any, tmp_path: Path) -> None:
    with kept_in_memory(with_traces(tmp_path, 200)) as running:
        Page(driver, running).js(ALONE)
        page = Page(driver, running)
        shown(page, "highpassed 0")
        canvas = driver.find_element("css selector", "canvas.traces")
        ActionChains(driver, duration=0).move_to_element(canvas).perform()
        page.wait("return document.querySelector('#traces .says').textContent.includes('µV')")
        assert "channel" in page.js("return document.querySelector('#traces .says').textContent")
        turn = "document.querySelector('canvas.traces').dispatchEvent(new WheelEvent('wheel', Object.assign("
        page.js(turn + "{deltaY: 100, cancelable: true}, arguments[0])))", {})
        shown(page, "highpassed 750")
        page.js(turn + "{deltaY: -100, shiftKey: true, cancelable: true}, arguments[0])))", {})
        page.js(turn + "{deltaY: -100, ctrlKey: true, cancelable: true}, arguments[0])))", {})
        page.wait("return document.querySelector('canvas.traces').getAttribute('aria-label').includes('19 contacts')")
        chain = ActionChains(driver, duration=0).move_to_element(canvas).click_and_hold()
        chain.move_by_offset(-150, 0).release().perform()
        page.wait("return document.getElementById('traces').dataset.shown.split(' ')[1] > 1300")
        page.no_errors()


def test_the_strip_and_the_keys_of_neuroscope_lead_somewhere_and_back(driver: Any, tmp_path: Path) -> None:
    result = with_traces(tmp_path, 200)
    n = result.time.segments[-1][1]
    with kept_in_memory(result) as running:
        Page(driver, running).js(ALONE)
        page = Page(driver, running)
        shown(page, "highpassed 0")
        focus = "document.querySelector('canvas.traces').focus()"
        for keys, start in (("Right", 1875), ("Shift+Right", 9375), ("Left", 7500)):
            page.js(focus)
            page.press(keys)
            shown(page, f"highpassed {start}")
        page.wait("return document.querySelector('canvas.timeline').dataset.shown === 'spikes'")
        strip = driver.find_element("css selector", "canvas.timeline")
        ActionChains(driver, duration=0).move_to_element(strip).click().perform()
        page.wait(
            f"return Math.abs(document.getElementById('traces').dataset.shown.split(' ')[1] - {n / 2 - 3750}) < {n / 200}"
        )
        page.js(focus)
        page.press("Backspace")
        shown(page, "highpassed 7500")
        for what in ("rms", "drift", "none"):
            page.js(
                "const e = document.querySelector('#traces select[aria-label^=\"What the strip\"]');"
                "e.value = arguments[0]; e.dispatchEvent(new Event('change'))",
                what,
            )
            page.wait(f"return document.querySelector('canvas.timeline').dataset.shown === '{what}'")
        page.no_errors()


def test_columns_of_pixels_are_those_of_numpy(driver: Any) -> None:
    rng = np.random.default_rng(0)
    traces = rng.integers(-100, 100, (3, 256)).astype(np.float32)
    with kept_in_memory(small_result()) as running:
        page = Page(driver, running)
        for step, heat in ((1, False), (4, False), (4, True)):
            tile = tile_of(traces, step, "heat" if heat else "lines")
            values = np.rint(tile.values * tile.scale).astype(int)
            asked = {"step": step, "samples": 128, "start": 64, "width": 16, "heat": heat}
            asked["values"] = np.zeros((3, 256 // step)).tolist()
            low, high = driver.execute_async_script(GATHERED, asked, values.ravel().tolist())
            pixels = traces[:, 64:192].reshape(3, 16, 8)
            if heat:
                assert np.abs(np.reshape(low, (3, 16))).tolist() == np.abs(pixels).max(axis=2).tolist()
            else:
                assert np.reshape(low, (3, 16)).tolist() == pixels.min(axis=2).tolist()
                assert np.reshape(high, (3, 16)).tolist() == pixels.max(axis=2).tolist()
        page.no_errors()


def test_without_the_raw_file_the_panel_says_so(driver: Any) -> None:
    with kept_in_memory(small_result()) as running:
        Page(driver, running).js(ALONE)
        page = Page(driver, running)
        page.press("t", "Alt+Right")
        said(page, "The raw file is not there")
        page.no_errors()
