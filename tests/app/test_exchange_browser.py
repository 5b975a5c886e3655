"""In a real browser: what another program changed is said, and files of SpikeInterface are taken in."""

from __future__ import annotations

import json
from pathlib import Path

from app_server import Exchange, in_thread, small_result
from browser import BROWSER, DRIVER
from needed import missing, needed_module

from spikesieve.app.security import CURATOR
from spikesieve.app.session import Session
from spikesieve.curation.actions import Merge
from spikesieve.curation.history import History, Step

needed_module("selenium.webdriver", "browser")
if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")

from queue_story import chromium  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHANGED = "Phy changed it: 1 merge."


def test_the_page_says_what_changed_elsewhere_and_takes_in_files(tmp_path: Path) -> None:
    result = small_result(6, 600)
    session = Session(result, History.of(result.units), lambda entry: None)
    elsewhere = [CHANGED]

    def take_in() -> str:
        session.take(Step("import", (Merge((0, 1), 6),)), "import")
        elsewhere.clear()
        return "Taken in."

    def read_text(name: str, text: str) -> str:
        session.take(Step("import", (Merge(tuple(json.loads(text)), 7),)), "import")
        return f"Taken in from {name}."

    (tmp_path / "mine.json").write_text("[2, 3]")
    exchange = Exchange({"take in": take_in}, read_text, lambda: "".join(elsewhere) or None)
    with in_thread(session, exchange=exchange) as running, chromium() as driver:

        def until(code: str) -> None:
            WebDriverWait(driver, 60, 0.05).until(lambda _: driver.execute_script(f"return {code}"))

        driver.get(f"http://localhost:{running.served.port}/#t={running.served.secrets.tokens[CURATOR]}")
        until(f"document.getElementById('elsewhere').textContent.startsWith('{CHANGED}')")
        driver.find_element("css selector", "#elsewhere button").click()
        until("document.getElementById('message').textContent === 'Taken in.'")
        until("document.getElementById('elsewhere').hidden")
        until("document.getElementById('counts').textContent.startsWith('5 units')")
        until("document.getElementById('chosen').textContent === '2'")
        driver.find_element("id", "export_all").click()
        driver.find_element("css selector", "dialog input[type=file]").send_keys(str(tmp_path / "mine.json"))
        until("document.getElementById('message').textContent === 'Taken in from mine.json.'")
        until("document.getElementById('counts').textContent.startsWith('4 units')")
        until("document.getElementById('chosen').textContent === '4'")
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert session.units.ids == (4, 5, 6, 7)
