"""From a folder that nobody knows to a result, in a real browser, without a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stub_sorts
from browser import BROWSER, DRIVER, FLAGS
from needed import missing, needed_module
from small_files import HZ, spiking, write_raw
from sorting_page import AppProcess
from spikeglx_files import np2_tags, record

from spikesieve.batch.order import FROZEN_PLAN
from spikesieve.batch.plan import write_plan
from spikesieve.batch.state import Place, RowState

webdriver = needed_module("selenium.webdriver", "browser")

from selenium.webdriver import ActionChains  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")

N_CONTACTS = 8


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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What SpikeGLX leaves behind, and a file of plain numbers that say nothing."""
    root = tmp_path / "lab"
    run = root / "mouse_g0" / "mouse_g0_imec0"
    run.mkdir(parents=True)
    traces = np.concatenate([spiking(3.0, N_CONTACTS), np.zeros((3 * HZ, 1), np.int16)], axis=1)
    binary = record(run, np2_tags(N_CONTACTS), 10, "mouse_g0_t0.imec0.ap.bin")
    traces.tofile(binary)
    meta = binary.with_suffix(".meta")
    lines = [line for line in meta.read_text().splitlines() if not line.startswith("fileSizeBytes")]
    meta.write_text("\n".join([f"fileSizeBytes={traces.nbytes}", *lines, ""]))
    slow = np.random.default_rng(0).standard_normal((60_000, 6)).cumsum(axis=0)
    write_raw(root, slow.astype(np.int16), "plain.bin")
    return root


@pytest.fixture
def app(root: Path, tmp_path: Path) -> Iterator[AppProcess]:
    app = AppProcess(root, tmp_path / "state")
    yield app
    app.stop()


class Page:
    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get(url)
        self.wait("return document.documentElement.dataset.ready === 'yes'")

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def wait(self, code: str, most_s: float = 60) -> None:
        WebDriverWait(self.driver, most_s, 0.1).until(lambda _: self.js(code))

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def enter(self, name: str) -> None:
        """Click on a folder or file in the list."""
        path = f'.entry[data-path$="/{name}"] .name'
        self.wait(f"return document.querySelector('{path}')")
        self.find(path).click()

    def fill(self, selector: str, text: str) -> None:
        self.js("const e = document.querySelector(arguments[0]); e.value = arguments[1];", selector, text)
        self.js("document.querySelector(arguments[0]).dispatchEvent(new Event('change'))", selector)

    def button(self, inside: str, text: str) -> None:
        """Click on a button by what it says."""
        found = self.driver.find_elements("css selector", f"{inside} button")
        next(one for one in found if one.text == text).click()

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0]).textContent", selector))

    def no_errors(self) -> None:
        # A refused question, such as one on a file that says nothing, is an entry of the network.
        log = self.driver.get_log("browser")
        assert [one for one in log if one["level"] == "SEVERE" and one["source"] != "network"] == []


def test_from_an_unknown_folder_to_a_result(driver: Any, app: AppProcess, root: Path) -> None:
    page = Page(driver, app.url)
    page.enter("mouse_g0")
    page.wait("return document.getElementById('crumbs').textContent.includes('mouse_g0')")
    page.find("#look").click()
    page.wait("return document.getElementById('verdict').textContent.includes('It can be sorted.')")
    assert "SpikeGLX" in page.text("#verdict")
    page.wait(f"return document.querySelector('#probe canvas').dataset.contacts === '{N_CONTACTS}'")

    page.find("#preview-open").click()
    page.wait("return Number(document.getElementById('preview').dataset.spikes) > 3", 120)
    page.wait("return document.querySelector('#checks .verdict')", 120)

    page.wait("return document.getElementById('overview').dataset.shown === 'rms'", 120)
    overview = page.find("#overview")
    chain = ActionChains(driver, duration=0).move_to_element(overview).click_and_hold()
    chain.move_by_offset(overview.size["width"] // 4, 0).release().perform()
    page.button("#overview-bar", "Leave this out")
    page.wait("return document.getElementById('command-line').textContent.includes('--exclude=1.')")
    assert page.js("return document.getElementById('read-exclude_s').value").startswith("1.")
    page.button("#overview-bar", "Sort all of it")
    page.wait("return !document.getElementById('command-line').textContent.includes('--exclude')")
    page.wait("return document.getElementById('verdict').textContent.includes('It can be sorted.')")

    page.fill('[aria-label="engine.block_samples"]', "100")
    page.wait("return document.querySelector('.field.wrong .says-wrong')?.textContent.includes('at least 1000')")
    page.fill('[aria-label="engine.block_samples"]', "50000")
    page.wait("return document.getElementById('command-line').textContent.includes('--set=engine.block_samples=50000')")
    assert page.js("return document.querySelectorAll('.field.changed').length") == 1

    page.find("#go").click()
    page.wait("return document.querySelector('.sort.running, .sort.done')")
    driver.get("about:blank")  # the page is closed
    again = Page(driver, app.url)
    again.wait("return document.querySelector('.sort.done, .sort.failed')", 300)
    command = app.sorts()[0]["command"]
    assert app.sorts()[0]["state"] == "done", command
    assert command.startswith(f"spikesieve sort {root}/mouse_g0 ")
    first = driver.current_window_handle
    again.button(".sort.done", "Pictures")
    again.wait("return document.querySelector('#dialog canvas.pictures')?.dataset.shown.startsWith('rms,spikes')")
    again.js("document.getElementById('dialog').close()")
    again.button(".sort.done", "Open")
    WebDriverWait(driver, 30).until(lambda _: len(driver.window_handles) == 2)
    driver.switch_to.window(driver.window_handles[-1])
    again.wait("return document.documentElement.dataset.ready === 'yes'")
    assert again.js("return document.querySelectorAll('#units .body .row').length") >= 1
    driver.close()
    driver.switch_to.window(first)
    again.no_errors()


def test_what_a_plain_file_does_not_say_is_asked_for_and_checked(driver: Any, app: AppProcess) -> None:
    page = Page(driver, app.url)
    page.enter("plain.bin")
    page.wait("return document.getElementById('verdict').textContent.includes('number of channels')")
    assert page.js("return document.getElementById('go').disabled")
    page.fill("#read-n_channels", "8")
    page.fill("#read-sampling_hz", str(HZ))
    page.fill("#read-gain_uv", "0.2")
    page.fill("#probe-kind", "linear")
    page.fill("#probe-rest input", "8")
    page.wait("return document.getElementById('verdict').textContent.includes('it seems to have 6 channels')")
    assert page.js("return document.getElementById('go').disabled")
    page.fill("#read-n_channels", "6")
    page.fill("#probe-rest input", "6")
    page.wait("return document.getElementById('verdict').textContent.includes('It can be sorted.')")
    page.js(
        "const c = document.querySelector('#probe canvas'), r = c.getBoundingClientRect();"
        "const isOff = () => document.querySelector('#probe-says').textContent.includes('off');"
        "for (let y = 0; y < r.height && !isOff(); y += 2)"
        "  c.dispatchEvent(new MouseEvent('click', { clientX: r.left + r.width / 2 + 15, clientY: r.top + y }));"
    )
    page.wait("return document.getElementById('probe-says').textContent === '6 contacts, 1 switched off'")
    page.wait("return document.getElementById('command-line').textContent.includes('input.bad_channels=')")
    # Where a table and the traces leave no room, the scale of the probe was negative, and its bar had no end.
    scale = driver.execute_async_script(
        "const [contacts, done] = arguments, view = { zoom: 1, down: 1, across: 0.5 };"
        "import(new URL('sort/probe_drawing.js', document.baseURI).href)"
        "  .then(({ layout }) => done(layout(contacts, { width: 60, height: 8 }, view).scale));",
        {"x": [0, 0], "y": [0, 20], "channel": [0, 1], "shank": [0, 0]},
    )
    assert scale > 0
    page.no_errors()


def test_a_batch_is_watched(driver: Any, root: Path, tmp_path: Path) -> None:
    folder = root / "week"
    planned, place = stub_sorts.rows(root, 3, folder), Place(folder)
    write_plan(planned, folder / FROZEN_PLAN)
    place.write_state(planned[1], RowState("refused", "It has no channels."))
    place.write_state(planned[2], RowState("running", step="match", n_done=1, n_total=4, left_s=40.0, host="far"))
    app = AppProcess(folder, tmp_path / "state")
    try:
        page = Page(driver, app.url)
        page.wait("return document.getElementById('dialog').dataset.shown === '3 rows'")
        assert page.find(".batch tbody tr.running").text.split("	")[0] == "r2 running match, 1 of 4 about 40 s far"
        assert "It has no channels." in page.text(".batch tbody tr.refused")
        place.write_state(planned[2], RowState("done", spent_s=60.0))
        page.wait("return document.querySelector('.batch tr.done button')?.textContent === 'Open'")
        page.no_errors()
    finally:
        app.stop()
