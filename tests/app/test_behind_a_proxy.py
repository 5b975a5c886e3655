"""The page behind a proxy with a prefix: all its addresses are relative, the WebSocket's too."""

from __future__ import annotations

from app_server import kept_in_memory, small_result
from browser import BROWSER, DRIVER
from needed import missing, needed_module
from prefixing_proxy import behind

from spikesieve.app.security import CURATOR

needed_module("selenium.webdriver", "browser")
if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")

from queue_story import chromium, press  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

PREFIX = "/user/anna/proxy/8931"


def test_decisions_and_what_others_do_go_through_the_prefix() -> None:
    with (
        kept_in_memory(small_result(6, 600)) as running,
        behind(PREFIX, running.served.port) as port,
        chromium() as driver,
    ):

        def until(code: str) -> None:
            WebDriverWait(driver, 60, 0.05).until(lambda _: driver.execute_script(f"return {code}"))

        driver.get(f"http://localhost:{port}{PREFIX}/#t={running.served.secrets.tokens[CURATOR]}")
        until("document.documentElement.dataset.ready === 'yes'")
        press(driver, "Alt+n")
        until("document.getElementById('message').textContent.startsWith('Saved: label 0')")
        until("document.getElementById('saved').textContent === ''")
        # The WebSocket tells what somebody else does.
        assert running.client.act("merge", 1, "elsewhere", units=[1, 2]).status == 200
        until("document.getElementById('counts').textContent.startsWith('5 units')")
        errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
    assert running.served.session.units.labels == {0: "noise"}
