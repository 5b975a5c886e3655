"""Writes docs/figures/app_*.png, on recordings made for it; `app_screenshots.py --docs` runs this."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from app_speed import chromium, server

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from app_server import Client
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys
from spikeglx_files import np2_tags, record

from spikesieve import Probe
from spikesieve.simulation import SimulationParams, simulate_array

N_CHANNELS, GAIN_UV = 64, 0.5 / 8192 / 80 * 1e6
RUNS = {"mouse7_g0": 90.0, "mouse7_g1": 40.0, "mouse7_g2": 40.0, "mouse7_g3": 25.0}
CUT = "mouse7_g4"
POSITIONS_UM = [(27 + 32 * (c % 2), 15 * (c // 2)) for c in range(N_CHANNELS)]
LONGEST_S = 900.0
RUNNING = "document.querySelector('.so-far canvas')?.dataset.shown?.includes('units')"
MATCHING = "/match, [1-9]/.test(document.querySelector('.sort.running .how')?.textContent)"
IN_BATCH = (
    "document.querySelector('.batch .done') && document.querySelector('.batch .running')?.innerText.includes('about')"
)


def make_runs(folder: Path) -> None:
    """Recordings as SpikeGLX leaves them, with tissue that moves."""
    probe = Probe(np.array(POSITIONS_UM, np.float64), np.arange(N_CHANNELS), np.zeros(N_CHANNELS, np.int64), "np2")
    for seed, (name, seconds) in enumerate(RUNS.items()):
        run = folder / name / f"{name}_imec0"
        if run.exists():
            continue
        params = SimulationParams(
            n_units=32, seconds=seconds, seed=seed, gain_uv=GAIN_UV, drift_sine_um=15.0, drift_sine_period_s=60.0
        )
        samples = simulate_array(probe, params)[0]
        run.mkdir(parents=True)
        sites = "".join(f"(0:{x}:{y}:1)" for x, y in POSITIONS_UM)
        table = "".join(f"({c} 0 0 0 {c})" for c in range(N_CHANNELS))
        places = {"~snsGeomMap": f"(NP2010,4,250,70){sites}", "~imroTbl": f"(24,{N_CHANNELS}){table}"}
        synchronous = np.zeros((len(samples), 1), np.int16)
        file = np.concatenate([samples, synchronous], axis=1)
        tags = {**np2_tags(N_CHANNELS), **places, "fileSizeBytes": str(file.nbytes)}
        file.tofile(record(run, tags, 1, f"{name}_t0.imec0.ap.bin"))


class Screen:
    """The page in a browser without a screen."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def show(self, address: str, size: tuple[int, int]) -> None:
        """Open a page in a window of this size, in light colours."""
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get("about:blank")
        self.driver.get(address)
        self.wait("document.documentElement.dataset.ready === 'yes'")

    def wait(self, code: str) -> None:
        """Wait until something holds in the page."""
        end = time.monotonic() + LONGEST_S
        while not self.driver.execute_script(f"return {code}"):
            if time.monotonic() > end:
                raise TimeoutError(code)
            time.sleep(0.05)

    def js(self, code: str, *arguments: Any) -> Any:
        """Run code in the page."""
        return self.driver.execute_script(code, *arguments)

    def click(self, selector: str) -> None:
        """Wait for an element, and click on it."""
        self.wait(f"document.querySelector({selector!r})")
        self.js("document.querySelector(arguments[0]).click()", selector)

    def fill(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.js("const e = document.querySelector(arguments[0]); e.value = arguments[1];", selector, text)
        self.js("document.querySelector(arguments[0]).dispatchEvent(new Event('change'))", selector)

    def press(self, *keys: str) -> None:
        """Press keys one after the other; "alt+s" holds Alt."""
        for key in keys:
            chain = ActionChains(self.driver, duration=0)
            if key.startswith("alt+"):
                chain.key_down(Keys.ALT).send_keys(key[4:]).key_up(Keys.ALT)
            else:
                chain.send_keys(key)
            chain.perform()

    def take(self, name: str, selector: str = "", settle_s: float = 1.0) -> None:
        """Write the window, or an element of it, into the folder of the figures."""
        time.sleep(settle_s)
        of = self.driver.find_element("css selector", selector) if selector else self.driver
        (of.screenshot if selector else of.save_screenshot)(str(self.folder / f"{name}.png"))


def wait_for_sorts(client: Client) -> None:
    """Wait until no sort runs or waits."""
    while any(one["state"] in ("running", "waiting") for one in client.get("/api/show/sorts")["sorts"]):
        time.sleep(0.5)


def sorting_figures(screen: Screen, folder: Path) -> None:
    """Sort one run, then show the page while the next one is sorted; and runs and the result side by side."""
    with server(folder) as (_, address):
        place, _, token = address.partition("#t=")
        client = Client(int(place.rstrip("/").rpartition(":")[2])).log_in(token)
        first, second = list(RUNS)[:2]
        if not (folder / f"{first}_sorted").exists():
            asked = {"recording": {"paths": [str(folder / first)]}, "out": str(folder / f"{first}_sorted")}
            client.ask("POST", "/api/ask/sort", asked)
        wait_for_sorts(client)
        screen.show(address, (1600, 1000))
        screen.click(f".entry[data-path$='/{second}'] .name")
        screen.wait(f"document.getElementById('crumbs').textContent.includes('{second}')")
        screen.click("#look")
        screen.wait("document.getElementById('verdict').textContent.includes('It can be sorted.')")
        screen.click("#preview-open")
        screen.wait("document.querySelector('#checks .verdict')")
        screen.js("document.querySelectorAll('#preview-bar input[type=checkbox]')[3].click()")
        screen.fill("#preview-seconds", "0.05")
        screen.click("#go")
        screen.wait(f"{RUNNING} && {MATCHING}")
        screen.take("app_sort")
        wait_for_sorts(client)
        screen.click("#crumbs button")
        for name in (first, second, f"{first}_sorted"):
            screen.click(f".entry[data-path$='/{name}'] input.beside")
        screen.click("#together button")
        screen.wait("document.getElementById('dialog').dataset.shown === '3 columns'")
        screen.take("app_sort_beside", "#dialog")


@contextmanager
def batch(folder: Path) -> Iterator[Path]:
    """A batch of the runs, one of which was cut short."""
    cut = folder / CUT / f"{CUT}_imec0"
    cut.mkdir(parents=True, exist_ok=True)
    record(cut, np2_tags(N_CHANNELS), 1, f"{CUT}_t0.imec0.ap.bin").write_bytes(b"x" * 1001)
    out = folder / "week"
    shutil.rmtree(out, ignore_errors=True)
    words = [sys.executable, "-m", "spikesieve", "batch", *(str(folder / name) for name in (*RUNS, CUT))]
    words += [f"--out={out}", "--workers=2"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (out / "plan.csv").exists() and process.poll() is None:
            time.sleep(0.2)
        yield out
    finally:
        process.terminate()
        process.wait()


def batch_figure(screen: Screen, folder: Path) -> None:
    """Show a batch while it runs."""
    with batch(folder) as out, server(out) as (_, address):
        screen.show(address, (1280, 720))
        screen.wait(IN_BATCH)
        screen.take("app_batch", "#dialog", settle_s=0.0)


def result_figures(screen: Screen, result: Path, arrange: Callable[[Any, str], None]) -> None:
    """Show a result: two units that are alike, the overview, and traces."""
    with server(result) as (_, address):
        screen.show(address, (1280, 720))
        arrange(screen.driver, "curation")
        screen.take("app_curation", settle_s=4.0)
        arrange(screen.driver, "overview")
        screen.fill("select[aria-label='Colour of the units']", "contamination")
        screen.take("app_overview", settle_s=4.0)
        screen.fill("select[aria-label='Colour of the units']", "label")
        arrange(screen.driver, "traces")
        screen.press("2", "alt+s", "alt+p", "alt+" + Keys.PAGE_DOWN)
        wheel = "document.querySelector('canvas.traces').dispatchEvent(new WheelEvent('wheel', {deltaY: %d, %s: true, "
        for turn in (*4 * ((-100, "ctrlKey"),), *6 * ((-100, "shiftKey"),), *2 * ((100, "altKey"),)):
            screen.js(wheel % turn + "cancelable: true}))")
        screen.take("app_traces", settle_s=4.0)


def write_figures(folder: Path, figures: Path, arrange: Callable[[Any, str], None]) -> None:
    """Make the recordings, sort them, and write the figures.

    Parameters
    ----------
    folder : Path
        For recordings and results. Its path is seen in the figures.
    figures : Path
        Folder of the figures.
    arrange : callable
        Arranges the panels of a result: called with the driver and the name of an arrangement.
    """
    make_runs(folder)
    with chromium() as driver:
        screen = Screen(driver, figures)
        sorting_figures(screen, folder)
        batch_figure(screen, folder)
        result_figures(screen, folder / f"{next(iter(RUNS))}_sorted", arrange)
