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

from queue_story import chromium, take_the_queue  # noqa: E402

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
