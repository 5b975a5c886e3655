"""How long the page waits for traces: 384 channels at 30 kHz, an hour, in a file of which only some parts hold samples.

    python benchmarks/app_traces.py WORKDIR [--browser]

makes the file (sparse: about 1 GB on the disk), prints how long tiles take, and with --browser how many frames a second
a held key draws of tiles that are there (Chromium without a screen and its driver must be installed). On a busy machine
time of the processor says more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made_results import make_results
from numpy.typing import NDArray

from spikesieve import read_probe, read_recording
from spikesieve.api.result_to_show import read_result_to_show
from spikesieve.api.traces import fitted_source, unfitted_source
from spikesieve.app import trace_answers
from spikesieve.app.session import Session
from spikesieve.app.traces import Traces
from spikesieve.curation.history import History
from spikesieve.kernels import CpuBackend
from spikesieve.model import Motion, Recording
from spikesieve.settings.sort import Settings
from spikesieve.settings.tissue import TissueParams
from spikesieve.views.result import Result
from spikesieve.views.sampled_overview import sampled_overview
from spikesieve.views.trace_prediction import FittedSpikes, FollowedTissue
from spikesieve.views.trace_reader import TraceReader
from spikesieve.views.trace_tiles import TILE_SAMPLES

HZ, N_CHANNELS, HOURS, N_UNITS, N_SPIKES, GAIN_UV = 30_000.0, 384, 1.0, 500, 6_000_000, 0.5
N_JUMPS, SCROLL_TILES, N_FRAMES = 24, 24, 200
ALONE = """localStorage.setItem("spikesieve-layout", JSON.stringify({format: "spikesieve layout", version: 1,
  tree: {tabs: ["traces"], shown: "traces"}}))"""
FRAMES = """
const [n, done] = arguments, took = [];
let left = n, last = performance.now(), by = 1;
const frame = () => {
  const now = performance.now();
  took.push(now - last);
  last = now;
  if (!left--) return done(took.slice(1));
  if (left % 20 === 0) by = -by;
  const event = {key: by > 0 ? "ArrowRight" : "ArrowLeft", code: "", altKey: true, bubbles: true, cancelable: true};
  document.dispatchEvent(new KeyboardEvent("keydown", event));
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
"""


def places(n_samples: int) -> tuple[list[int], int]:
    """Tiles that are jumped to, and the first of those that are scrolled through."""
    all_tiles = n_samples // TILE_SAMPLES
    return [int(x) for x in np.linspace(0.03, 0.97, N_JUMPS) * all_tiles], all_tiles // 2 + 40


def noise_and_spikes(rng: np.random.Generator, n_samples: int) -> NDArray[np.int16]:
    """Samples of all channels: noise, and 1500 spikes in four tiles."""
    course = -300 / GAIN_UV * np.hanning(30)[:, None]
    made = rng.standard_normal((n_samples, N_CHANNELS), np.float32) * np.float32(10 / GAIN_UV)
    for at in rng.integers(100, n_samples - 100, 1500 * n_samples // (4 * TILE_SAMPLES)):
        depth = rng.integers(0, N_CHANNELS)
        made[at : at + 30] += course * np.exp(-(((np.arange(N_CHANNELS) - depth) / 3) ** 2))
    return made.astype(np.int16)


def made_file(path: Path, n_samples: int) -> Recording:
    """A sparse file with noise and spikes where it is read."""
    rng = np.random.default_rng(0)
    bytes_of = N_CHANNELS * 2
    with path.open("wb") as file:
        file.truncate(n_samples * bytes_of)
        jumps, scrolled = places(n_samples)
        starts = [tile - 1 for tile in jumps] + list(range(scrolled - 2, scrolled + SCROLL_TILES + 4, 4))
        empty = read_recording(path, N_CHANNELS, HZ, gain_uv=GAIN_UV)
        source = unfitted_source(empty, read_probe("neuropixels1:384"), Settings())
        firsts = [tile * TILE_SAMPLES for tile in starts] + [block.start - 3000 for block in source.sample_blocks]
        for first in firsts:
            file.seek(max(0, first) * bytes_of)
            # New noise each time: noise that came again would be taken for lines of interference.
            file.write(noise_and_spikes(rng, 4 * TILE_SAMPLES)[: max(0, n_samples - first)].tobytes())
    return read_recording(path, N_CHANNELS, HZ, gain_uv=GAIN_UV)


def opened(result: Result, recording: Recording) -> Traces:
    """The traces, with drift that templates follow. The spikes are not those of the file: it takes as long."""
    backend, settings = CpuBackend(), Settings()
    time_s, depth_um = np.linspace(0, 3600, 400), np.linspace(0, 3840, 6)
    um = (20 * np.sin(time_s / 300)[:, None] + depth_um / 1000)[None].astype(np.float32)
    motion = Motion(time_s, depth_um, np.array([0]), um, um * 0, ("use",), ("made up",))
    tissue = FollowedTissue(motion, TissueParams(), 8.0)
    size = np.ones(len(result.sample), np.float32)
    fitted = FittedSpikes(result.sample, result.template, size, result.templates, result.probe, HZ, tissue)

    def learn() -> TraceReader:
        return TraceReader(fitted_source(recording, result.probe, settings), backend, fitted)

    plain = TraceReader(unfitted_source(recording, result.probe, settings), backend)
    return Traces(lambda: plain, learn, lambda: sampled_overview(plain.source, backend), True)


def timed(name: str, work: Callable[[int], object], each: list[int]) -> None:
    """Print the times of some calls."""
    took, used = [], []
    for place in each:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        work(place)
        took.append(1e3 * (time.perf_counter() - begin))
        used.append(1e3 * (time.process_time() - begin_cpu))
    print(
        f"| {name} | {np.median(took):.0f} | {np.percentile(took, 95):.0f} | {np.median(used):.0f} |",
        flush=True,
    )


def measure(traces: Traces, session: Session, n_samples: int) -> None:
    """Ask as the page does, for tiles that were not asked for before."""
    jumps, scrolled = places(n_samples)

    def ask(kind: str, shape: str, n: int) -> Callable[[int], object]:
        asked = {"step": "4", "shape": shape, "first": "160", "n": str(n)} | ({"first": "0"} if n == N_CHANNELS else {})
        return lambda index: trace_answers.tile(traces, session, asked, kind, str(index))

    def jumped(index: int) -> None:
        for one in (index, index + 1):
            ask("whitened", "heat", N_CHANNELS)(one)

    print("| tile | median ms | 95 % ms | median ms of processors |\n|---|---|---|---|")
    timed("noise and whitening are learned, once", ask("whitened", "heat", N_CHANNELS), [jumps[0] + 1])
    ahead = list(range(scrolled, scrolled + SCROLL_TILES))
    timed("a new quarter second, whitened, heatmap of 384", ask("whitened", "heat", N_CHANNELS), ahead[:12])
    timed("the same, lines of 64", ask("whitened", "lines", 64), ahead[12:])
    timed("again (kept)", ask("whitened", "heat", N_CHANNELS), ahead[20:])
    timed("jump anywhere: two tiles", jumped, jumps[1:8])
    timed("prediction, tissue elsewhere than before", ask("predicted", "heat", N_CHANNELS), jumps[8:16])
    timed("residual where nothing is known", ask("white_residual", "heat", N_CHANNELS), jumps[16:])
    timed("raw", ask("raw", "heat", N_CHANNELS), jumps[:8])
    timed("spikes of all units", lambda index: trace_answers.spikes(traces, session, {}, str(index)), jumps[:8])


def script_s(driver: Any) -> float:
    """Processor time that the page's thread has used."""
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def frames(traces: Traces, session: Session, first_s: float) -> None:
    """Hold a key in Chromium, over tiles that are there."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from app_page import Keys, Page, open_browser
    from app_server import in_thread

    with tempfile.TemporaryDirectory() as profile, open_browser(Path(profile)) as driver:
        driver.set_script_timeout(120)
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        with in_thread(session, (traces, None)) as running:
            Page(driver, running).js(ALONE)
            page = Page(driver, running)
            page.press("2", "Alt+t")
            driver.switch_to.active_element.send_keys(f"{first_s}" + Keys.ENTER)
            zoom = "document.querySelector('canvas.traces').dispatchEvent(new WheelEvent('wheel', {deltaY: -100,"
            zoom += " ctrlKey: true, cancelable: true}))"
            for what, turns in (("heatmap of 384", 0), ("lines of 64", 9)):
                for _ in range(turns):
                    page.js(zoom)
                driver.execute_async_script(FRAMES, 60)  # so that the tiles are there
                page.wait("return document.getElementById('traces').dataset.shown.endsWith('whole')")
                before = script_s(driver)
                took = np.array(driver.execute_async_script(FRAMES, N_FRAMES))
                used_ms = 1e3 * (script_s(driver) - before) / N_FRAMES
                shown = page.js("return document.querySelector('canvas.traces').getAttribute('aria-label')")
                size = page.js("const c = document.querySelector('canvas.traces'); return [c.width, c.height]")
                said = f"median {1e3 / np.median(took):.0f}, slowest twentieth {1e3 / np.percentile(took, 95):.0f}"
                said += f"; {used_ms:.1f} ms of a processor a frame"
                print(f"Frames a second while a key is held, {what} ({shown}; {size[0]} x {size[1]} pixels): {said}")


def main() -> None:
    """Make, open, ask, hold a key."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    n_samples = int(HOURS * 3600 * HZ)
    recording = made_file(options.folder / "traces.bin", n_samples)
    made = options.folder / "made"
    if not made.is_dir():
        make_results(made, N_UNITS, N_SPIKES, HOURS)
    result = replace(read_result_to_show(made / "spikesieve"), recording=recording)
    traces, session = opened(result, recording), Session(result, History.of(result.units))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} processors, {load:.1f} processes waiting or running when it began")
    measure(traces, session, n_samples)
    if options.browser:
        frames(traces, session, (places(n_samples)[1] + 4) * TILE_SAMPLES / HZ)
    (options.folder / "traces.bin").unlink()


if __name__ == "__main__":
    main()
