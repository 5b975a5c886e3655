"""The page of the app in a real browser without a screen, as a user sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app_server import Running
from browser import BROWSER, DRIVER, FLAGS
from needed import missing, needed_module

from spikesieve.app.security import CURATOR

webdriver = needed_module("selenium.webdriver", "browser")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")


@contextmanager
def open_browser(profile: Path, downloads: Path | None = None) -> Iterator[Any]:
    """Chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield browser
    finally:
        browser.quit()


class Page:
    """The page as a user sees it."""

    def __init__(self, driver: Any, running: Running, role: str = CURATOR) -> None:
        self.driver = driver
        driver.get("about:blank")
        driver.get_log("browser")
        driver.get(f"http://localhost:{running.served.port}/#t={running.served.secrets.tokens[role]}")
        self.wait("return document.documentElement.dataset.ready === 'yes'")

    def js(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def wait(self, code: str) -> None:
        WebDriverWait(self.driver, 30, 0.05).until(lambda _: self.js(code))

    def press(self, *keys: str) -> None:
        """Press keys one after the other; "Ctrl+z" holds the first one."""
        for key in keys:
            *held, last = key.split("+") if len(key) > 1 else [key]
            names = [getattr(Keys, {"Ctrl": "CONTROL"}.get(name, name.upper())) for name in held]
            chain = ActionChains(self.driver, duration=0)
            for name in names:
                chain.key_down(name)
            chain.send_keys(getattr(Keys, last.upper()) if len(last) > 1 else last)
            for name in reversed(names):
                chain.key_up(name)
            chain.perform()

    @property
    def chosen(self) -> str:
        return str(self.js("return document.getElementById('chosen').textContent"))

    def choose(self, chosen: str) -> None:
        self.wait(f"return document.getElementById('chosen').textContent === '{chosen}'")
        self.shown(chosen)

    def shown(self, chosen: str) -> None:
        """Wait until every view shows these units."""
        units = chosen.replace(" + ", ",")
        self.wait(
            "return ['waveforms', 'correlograms', 'rate', 'scatter'].every("
            f"(id) => document.getElementById(id).dataset.shown === '{units}')"
        )

    def table(self) -> dict[int, str]:
        """Labels of the units in the table, which is drawn with the next frame."""
        rows = self.driver.execute_async_script(
            "const done = arguments[0], shown = () => [...document.querySelectorAll('#units .body .row')]"
            ".map((row) => [Number(row.dataset.unit), row.querySelector('.label').textContent]);"
            "requestAnimationFrame(() => setTimeout(() => done(shown())))"
        )
        return dict(rows)

    def saved(self, what: str) -> None:
        self.wait(f"return document.getElementById('message').textContent.startsWith('Saved: {what}')")

    def no_errors(self) -> None:
        assert [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"] == []
