"""The queue in a real browser: joined and parted neurons are put right by its suggestions alone."""

from __future__ import annotations

import numpy as np
import pytest
from app_server import kept_in_memory
from browser import BROWSER, DRIVER
from needed import missing, needed_module
from refractory_neurons import neurons

needed_module("selenium.webdriver", "browser")
if not (BROWSER and DRIVER):
    missing("browser", "Chromium or its chromedriver is not installed")

from queue_story import chromium, press, take_the_queue  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

KEYS = {"merge": "g", "split": "k", "label": "Alt+m"}


@pytest.mark.parametrize("halves", [False, True], ids=["two neurons in a unit", "a neuron in two units"])
def test_the_suggestions_lead_to_the_neurons(halves: bool) -> None:
    result = neurons([0, 1, 2], halves=True) if halves else neurons([0, 0, 1])
    assert result.amplitude is not None
    with kept_in_memory(result) as running, chromium() as driver:
        keys = take_the_queue(driver, running, lambda one: KEYS[one["kind"]])
        errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        units = running.served.session.units
    assert errors == []
    assert keys == {"Q": 1, "g" if halves else "k": 1}
    sizes = [
        np.unique(np.round((result.amplitude[rows] - 60) / 60), return_counts=True)[1] for rows in units.rows.values()
    ]
    assert len(sizes) == 3
    assert all(counts.max() > 0.99 * counts.sum() for counts in sizes)


SLOW = """
const real = window.fetch, late = () => new Promise((done) => setTimeout(done, 700));
window.fetch = async (...asked) => {
  const found = await real(...asked);
  if (asked[0] === "api/act") window.answered = await late().then(() => true);
  return found;
};
"""


def test_an_answer_that_comes_late_does_not_leave_the_queue() -> None:
    with kept_in_memory(neurons([0, 1, 1], halves=True)) as running, chromium() as driver:

        def until(code: str) -> None:
            WebDriverWait(driver, 60, 0.05).until(lambda _: driver.execute_script(f"return {code}"))

        chosen = "document.getElementById('chosen').textContent"
        assert {one.kind: one.units for one in running.served.session.queue.all()} == {"merge": (0, 1), "split": (2,)}
        driver.get(f"http://localhost:{running.served.port}/#t={running.served.secrets.tokens['curator']}")
        until("document.documentElement.dataset.ready === 'yes'")
        driver.execute_script(SLOW)
        until("document.getElementById('queue').textContent === 'Queue 2'")
        press(driver, "q")
        first = driver.execute_script(f"return {chosen}")
        press(driver, {"0 + 1": "g", "2": "k"}[first])
        other = "2" if first == "0 + 1" else "0 + 1"
        until(f"window.answered && {chosen} === '{other}'")
        until("document.getElementById('message').textContent.startsWith('Saved')")
        assert driver.execute_script(f"return {chosen}") == other
