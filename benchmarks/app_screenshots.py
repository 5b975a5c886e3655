"""Pictures of every view of the app, to look at: at two sizes of the window, light and dark.

    python benchmarks/app_screenshots.py RESULT FOLDER

shows RESULT in Chromium, with two similar units selected, and writes FOLDER/SIZE-THEME-VIEW.png: each arrangement of
panels, each panel over the whole window, and each dialog. RESULT should have its raw file.

    python benchmarks/app_screenshots.py /tmp/day docs/figures --docs

makes recordings in /tmp/day, sorts them from the page, and writes all figures of the app that docs/ shows.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from app_figures import write_figures
from app_speed import chromium, server

SIZES = ((1280, 720), (2560, 1440))
PANELS = (
    *("units", "similar", "waveforms", "correlograms", "rate", "intervals", "scatter", "features", "probe", "drift"),
    *("metrics", "unit_scatter", "traces"),
)
LOOKS = {
    "log": "state.logLags = state.logIntervals = true",
    "raw": "state.raw = true",
    "beside": "state.overlap = false",
}
DIALOGS = {
    "help": ("dialogs.js", "showHelp"),
    "history": ("dialogs.js", "showHistory"),
    "exports": ("dialogs.js", "showExports"),
    "layout": ("layout/dialog.js", "showLayout"),
    "columns": ("columns_dialog.js", "showColumns"),
}
SHOWN = """
const views = [...document.querySelectorAll("#panels section:has(canvas[role=img])")];
return views.every((one) => one.dataset.shown !== undefined);
"""


def run(driver: Any, module: str, code: str) -> None:
    """Run code with the names of a module of the page, and wait for it."""
    text = f"import(new URL('{module}', document.baseURI).href).then(async (m) => {{ {code} }})"
    failed = driver.execute_async_script(f"{text}.then(() => arguments[0](''), (e) => arguments[0](String(e)));")
    if failed:
        raise RuntimeError(f"{module}: {failed}")


def take(driver: Any, path: Path) -> None:
    """Wait until everything is drawn, and write what is seen."""
    end = time.monotonic() + 60
    time.sleep(0.4)
    while not driver.execute_script(SHOWN) and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(0.8)
    driver.save_screenshot(str(path))


def pictures(driver: Any, name: Callable[[str], Path]) -> None:
    """Take all pictures at one size and in one theme."""
    for preset in ("curation", "wide", "phy", "overview", "traces", "split"):
        run(driver, "layout/layout.js", f"m.arrange((await import('./layout/presets.js')).PRESETS.{preset}.tree)")
        take(driver, name(f"layout-{preset}"))
    run(driver, "layout/layout.js", "m.arrange((await import('./layout/presets.js')).PRESETS.curation.tree)")
    for look, code in LOOKS.items():
        run(driver, "store.js", f"const {{ state }} = m; {code}; m.changed('look')")
        take(driver, name(f"look-{look}"))
    run(
        driver,
        "store.js",
        "m.state.logLags = m.state.logIntervals = m.state.raw = false; m.state.overlap = true; m.changed('look')",
    )
    for panel in PANELS:
        run(driver, "layout/layout.js", f"m.arrange((await import('./layout/tree.js')).group('{panel}'))")
        take(driver, name(f"panel-{panel}"))
    run(driver, "layout/layout.js", "m.arrange((await import('./layout/presets.js')).PRESETS.curation.tree)")
    run(driver, "queue.js", "m.stepQueue(1)")
    take(driver, name("queue"))
    for dialog, (module, function) in DIALOGS.items():
        run(driver, module, f"m.{function}()")
        take(driver, name(f"dialog-{dialog}"))
        driver.execute_script("document.querySelector('dialog[open]')?.close()")


def start(driver: Any, address: str, theme: str, unit: int | None) -> None:
    """Open the page in a theme, and select a unit and the one that is most like it."""
    for code in ("localStorage.clear()", f"localStorage.setItem('spikesieve-theme', '{theme}')"):
        driver.get("about:blank")
        driver.get(address)
        driver.execute_script(code)
    driver.get("about:blank")
    driver.get(address)
    while not driver.execute_script("return document.documentElement.dataset.ready === 'yes'"):
        time.sleep(0.1)
    select(driver, unit)


def select(driver: Any, unit: int | None) -> None:
    """Select a unit and the one that is most like it."""
    most = "[...m.state.rows.values()].sort((a, b) => b.n_spikes - a.n_spikes)[0].unit"
    run(driver, "store.js", f"m.select([{most if unit is None else unit}])")
    time.sleep(1.0)
    run(driver, "store.js", "m.select(m.state.best, m.state.similarOrder.slice(0, 1))")


def arrange(driver: Any, preset: str) -> None:
    """Arrange the panels, with two units that are alike."""
    run(driver, "layout/layout.js", f"m.arrange((await import('./layout/presets.js')).PRESETS.{preset}.tree)")
    select(driver, None)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unit", type=int, help="the unit that is shown; default: the one with most spikes")
    parser.add_argument("--only", default="", help="how the names of the pictures begin, such as 1280x720-dark")
    parser.add_argument("--docs", action="store_true", help="write the figures of docs/ instead")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.docs:
        os.environ["XDG_STATE_HOME"] = str(options.result / ".state")
        write_figures(options.result.absolute(), options.folder, arrange)
        return
    with chromium() as driver, server(options.result) as (_, address):
        for (width, height), theme in product(SIZES, ("light", "dark")):
            size = f"{width}x{height}-{theme}"
            if not size.startswith(options.only):
                continue
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            start(driver, address, theme, options.unit)
            pictures(driver, lambda view, size=size: options.folder / f"{size}-{view}.png")  # type: ignore[misc]


if __name__ == "__main__":
    main()
