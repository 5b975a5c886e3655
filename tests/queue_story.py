"""A curator in Chromium who takes every suggestion of the queue, by keys."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app_server import Running
from browser import BROWSER, DRIVER, FLAGS
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from spikesieve.app.security import CURATOR

MOST_KEYS = 500
SHOWN = "const e = document.getElementById('evidence'); return [e.dataset.seq, e.hidden ? '' : e.textContent]"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of its own, without a screen."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            yield driver
        finally:
            driver.quit()


def press(driver: Any, key: str) -> None:
    """Press a key; "Alt+m" holds the first one."""
    *held, last = key.split("+")
    chain = ActionChains(driver, duration=0)
    for name in held:
        chain.key_down(getattr(Keys, name.upper()))
    chain.send_keys(last)
    for name in held:
        chain.key_up(getattr(Keys, name.upper()))
    chain.perform()


def take_the_queue(driver: Any, running: Running, key_for: Callable[[dict[str, Any]], str]) -> Counter[str]:
    """Press Q, then the key of each suggestion until none is left. Returns how often each key was pressed."""
    session, keys = running.served.session, Counter[str]()

    def until(look: Callable[[], object]) -> None:
        WebDriverWait(driver, 60, 0.05).until(lambda _: look())

    def settled() -> str | None:
        """What the page shows, once it knows all that is worth a look."""
        seq, said = driver.execute_script(SHOWN)
        return str(said) if seq == str(len(session.history.entries)) else None

    driver.get(f"http://localhost:{running.served.port}/#t={running.served.secrets.tokens[CURATOR]}")
    until(lambda: driver.execute_script("return document.documentElement.dataset.ready === 'yes'"))
    n = len(session.queue.all())
    until(lambda: driver.execute_script("return document.getElementById('queue').textContent") == f"Queue {n}")
    press(driver, "q")
    keys["Q"] += 1
    while keys.total() < MOST_KEYS:
        until(lambda: settled() is not None)
        said = settled()
        if not said:
            return keys
        kind = {"merge": "merge", "split": "split", "look at": "label"}[
            re.findall(r": (merge|split|look at) ", said)[0]
        ]
        key, n_done = key_for({"kind": kind, "evidence": said}), len(session.history.entries)
        press(driver, key)
        keys[key] += 1
        until(lambda n_done=n_done: len(session.history.entries) > n_done)  # type: ignore[misc]
    return keys
