"""How long the page waits on large results: through the real server, and in Chromium until every view shows it.

    python benchmarks/app_speed.py FOLDER --write docs/benchmarks/app.md

makes results in FOLDER (500 units and 10 million spikes, 1000 units and 50 million; each as spikesieve and as other
sorters write it), starts `spikesieve app` on each, and prints a table. It needs
Chromium, its chromedriver and selenium.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from made_results import OURS, THEIRS, make_results

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import BROWSER, DRIVER, FLAGS

SIZES = ((500, 10_000_000, 2.0), (1000, 50_000_000, 4.0))
N_TIMES, N_DECISIONS = 25, 20
LIMITS = {
    "open, first time": 5000,
    "open again": 2000,
    "next unit, got ahead": 50,
    "any unit, not got ahead": 120,
    "merge": 100,
    "undo": 100,
    "label": 100,
    "split of 500,000 spikes by a lasso": 200,
    "memory beside mapped files (MB)": 1024,
}
# In the page: does something, and waits until it is saved and every open view shows the selection, drawn.
WATCH = """
const [saved, done] = arguments;
import(new URL("store.js", document.baseURI).href).then(async (store) => {
  const says = () => document.getElementById("message").textContent;
  const views = [...document.querySelectorAll("section")].filter((s) => s.dataset.shown !== undefined && s.clientWidth);
  const press = (key, more = {}) => {
    const what = { key, code: `Key${key.toUpperCase()}`, bubbles: true, ...more };
    document.dispatchEvent(new KeyboardEvent("keydown", what));
  };
  document.getElementById("message").textContent = "";
  const begin = performance.now();
  const until = () => {
    const wanted = store.selected().slice(0, 8).join(",");
    const all = says().startsWith(saved) && views.every((s) => s.dataset.shown === wanted);
    if (all) requestAnimationFrame(() => done([performance.now() - begin, says()]));
    else if (performance.now() - begin > 60000) done([NaN, says()]);
    else setTimeout(until, 1);
  };
  WORK;
  until();
}).catch((error) => done([NaN, String(error)]));
"""

# The upper half of a unit in amplitude over time, by 62 corners.
HEAD = ("| result | what | n | median (ms) | 95 % (ms) | processor of the server (ms) | at most |", "|" + 7 * "---|")
LASSO = """
const { state } = store, middle = state.start.kind === "spikesieve" ? state.rows.get(state.best[0]).amplitude_uv : 1;
const wave = Array.from({ length: 60 }, (_, i) => [END * i / 59, middle * (1 + 0.05 * Math.sin(i))]);
const corners = [...wave, [END, 9 * middle], [0, 9 * middle]];
state.lasso = { where: { kind: "amplitude" }, corners, closed: true, counts: null };
"""


@dataclass
class Measured:
    """Times of one result in ms, and processor time of the server beside them."""

    name: str
    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, wall_ms: float, cpu_ms: float = float("nan")) -> None:
        """Add a time."""
        self.wall.setdefault(what, []).append(wall_ms)
        self.cpu.setdefault(what, []).append(cpu_ms)

    def rows(self) -> Iterator[str]:
        """Lines of the table."""
        for what, times in self.wall.items():
            n = len(times)
            numbers = [np.median(times), np.percentile(times, 95), np.median(self.cpu[what])]
            shown = " | ".join("" if np.isnan(x) else f"{x:,.0f}" for x in numbers)
            yield f"| {self.name} | {what} | {n} | {shown} | {LIMITS.get(what, '')} |"


@contextmanager
def server(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Run `spikesieve app`; gives the process and the address."""
    words = [sys.executable, "-m", "spikesieve", "app", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        address = next(line.split()[1] for line in process.stdout or () if line.startswith("Open: "))
        yield psutil.Process(process.pid), address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a screen."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(90)
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page in the browser, and the process that serves it."""

    def __init__(self, driver: Any, process: psutil.Process, found: Measured) -> None:
        self.driver, self.process, self.found = driver, process, found

    def cpu_ms(self) -> float:
        """Processor time of the server so far."""
        times = self.process.cpu_times()
        return 1e3 * (times.user + times.system)

    def do(self, what: str, work: str, saved: str = "") -> None:
        """Do something in the page, and note how long it took."""
        before = self.cpu_ms()
        took, says = self.driver.execute_async_script(WATCH.replace("WORK", work), saved)
        if took is None:
            raise RuntimeError(f"{what}: the page says {says!r}")
        if what:
            self.found.add(what, took, self.cpu_ms() - before)

    def settle(self, seconds: float = 0.5) -> None:
        """Let the page get ahead."""
        time.sleep(seconds)

    def wait(self, code: str) -> None:
        """Wait until something holds in the page."""
        while not self.driver.execute_script(code):
            time.sleep(0.005)


def opened(driver: Any, folder: Path, found: Measured, what: str) -> Any:
    """Time from the command to the first unit on the page."""
    begin = time.perf_counter()
    running = server(folder)
    process, address = running.__enter__()
    driver.get(address)
    page = Page(driver, process, found)
    page.wait(
        "return document.documentElement.dataset.ready === 'yes' && document.querySelector('section[data-shown]')"
    )
    found.add(what, 1e3 * (time.perf_counter() - begin), page.cpu_ms())
    return running, page


def measure(driver: Any, folder: Path, found: Measured, n_units: int) -> None:
    """Open a result twice, and use it."""
    shutil.rmtree(folder / "curation", ignore_errors=True)
    running, page = opened(driver, folder, found, "open, first time")
    # Everything is described and looked at once, so that the rest is measured on a server that has nothing else to do.
    idle = 0.0
    while idle < 3.0:
        before = page.cpu_ms()
        time.sleep(1.0)
        idle = idle + 1.0 if page.cpu_ms() - before < 100 else 0.0
    found.add("processor time until all is described and looked at (ms)", page.cpu_ms())
    running.__exit__(None, None, None)
    running, page = opened(driver, folder, found, "open again")
    try:
        use(page, n_units, np.random.default_rng(0))
        memory = page.process.memory_info()
        found.add("memory beside mapped files (MB)", (memory.rss - memory.shared) / 2**20)
    finally:
        running.__exit__(None, None, None)


def use(page: Page, n_units: int, rng: np.random.Generator) -> None:
    """What a curator does."""
    for _ in range(N_TIMES):
        page.settle()
        page.do("next unit, got ahead", "press('ArrowDown')")
    for unit in rng.permutation(np.arange(50, n_units))[:N_TIMES].tolist():
        page.settle(0.1)
        page.do("any unit, not got ahead", f"store.select([{unit}])")
    for unit in rng.permutation(np.arange(60, n_units - 1, 2))[:N_DECISIONS].tolist():
        page.do("", f"store.select([{unit}], [{unit + 1}])")
        page.settle()
        page.do("merge", "press('g')", "Saved: merge")
        page.settle()
        page.do("undo", "press('z', {ctrlKey: true})", "Saved: undo")
    for unit in range(30, 30 + N_DECISIONS):
        page.do("", f"store.select([{unit}])")
        page.settle()
        page.do("label", "press('g', {altKey: true})", "Saved: label")
    large, hours = n_units // 2, 2.0 if n_units == 500 else 4.0
    page.do("any unit of 500,000 spikes", f"store.select([{large}])")
    for _ in range(N_DECISIONS):
        page.do("", f"store.select([{large}])")
        page.settle(1.0)
        lasso = LASSO.replace("END", str(3600 * hours))
        page.do("split of 500,000 spikes by a lasso", lasso + "press('k')", "Saved: split")
        page.settle()
        page.do("undo of a split", "press('z', {ctrlKey: true})", "Saved: undo")


def main() -> None:
    """Make, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a part of the name of the results to measure")
    parser.add_argument("--write", type=Path, help="a page with the marks of the table")
    options = parser.parse_args()
    lines = [
        "| result | what | n | median (ms) | 95 % (ms) | server's processor (ms) | at most |",
        "|---|---|---|---|---|---|---|",
    ]
    for n_units, n_spikes, hours in SIZES:
        made = options.folder / f"{n_units}"
        for kind in (OURS, THEIRS):
            name = f"{n_units} units, {n_spikes // 10**6} M spikes, {kind}"
            if options.only not in name:
                continue
            if not made.exists():
                make_results(made, n_units, n_spikes, hours)
            found = Measured(name)
            with chromium() as driver:
                measure(driver, made / kind, found, n_units)
            lines += found.rows()
            print("\n".join(found.rows()), flush=True)
    load = os.getloadavg()[0]
    lines.append(f"\nLoad of the machine ({os.cpu_count()} processors) when this was measured: {load:.1f}.")
    if options.write:
        text = options.write.read_text(encoding="utf-8")
        table = "<!-- app_speed -->\n" + "\n".join(lines) + "\n<!-- end -->"
        options.write.write_text(
            re.sub(r"<!-- app_speed -->.*?<!-- end -->", table, text, flags=re.S), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
