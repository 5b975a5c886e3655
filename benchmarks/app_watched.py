"""What it costs a sort to be watched, and how long the preview waits for what a changed setting detects.

    python benchmarks/app_watched.py WORKDIR [--pairs 6]

makes a recording of 64 channels (60 s) in WORKDIR, starts `spikesieve app` on it, and has its server sort it in turns:
with no browser, and with the page open in Chromium without a screen. Then it makes a recording of 384 channels, and
changes settings of the detection in the page, which shows half a second of it. Chromium, its chromedriver and selenium
must be installed. On a busy machine time of the processors says more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from app_speed import chromium, server
from app_traces import GAIN_UV, HZ, N_CHANNELS, noise_and_spikes

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from app_server import Client

from spikesieve.api.simulate import simulate

N_SORTED, SORTED_S, SORTED_GAIN_UV, PREVIEW_S, SHOWN_S, N_CHANGES = 64, 60.0, 0.5, 24.0, 0.5, 20
READING = {"sampling_hz": HZ, "n_channels": N_SORTED, "gain_uv": SORTED_GAIN_UV}
LOOK_EVERY_S, SETTLE_S = 0.1, 3.0
# Chooses the recording and opens its traces.
OPEN = """
const [path, reading, seconds] = arguments;
const { choose, read } = await import(new URL("sort/draft.js", document.baseURI).href);
choose([path]);
read(reading);
document.getElementById("preview-open").click();
const field = document.getElementById("preview-seconds");
field.value = seconds;
field.dispatchEvent(new Event("change"));
"""
CHECKED = "document.querySelector('#checks .verdict')"
# Changes a setting as a user does, and waits until the spikes that follow from it are drawn.
CHANGE = """
const [name, value, done] = arguments;
const field = document.querySelector(`[aria-label="${name}"]`), says = document.getElementById("preview-says");
const begin = performance.now();
let began = false, first = 0;
const seen = new MutationObserver(() => {
  if (says.textContent.startsWith("detecting")) began = true;
  else if (began && / spikes in /.test(says.textContent)) {
    const isFinal = !says.textContent.includes("being measured");
    if (isFinal) seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => {
      first ||= performance.now() - begin;
      if (isFinal) done([first, performance.now() - begin, says.textContent]);
    }));
  }
});
seen.observe(says, { childList: true, characterData: true, subtree: true });
field.value = value;
field.dispatchEvent(new Event("change", { bubbles: true }));
"""


@dataclass(frozen=True)
class Cost:
    """What a sort took: time by the clock, and of the processors, in s."""

    wall_s: float
    sort_s: float
    server_s: float
    browser_s: float


def own_s(process: psutil.Process) -> float:
    """Processor time of a process alone: sorts count as children of the server."""
    return float(sum(process.cpu_times()[:2]))


def used_s(process: psutil.Process) -> float:
    """Processor time of a process and of all that it started."""
    return float(sum(sum(one.cpu_times()[:4]) for one in (process, *process.children(recursive=True))))


def sort_once(app: tuple[psutil.Process, Client], folder: Path, browser: psutil.Process | None) -> Cost:
    """Sort the recording by a request of the page, and wait for the end."""
    running, client = app
    out = folder / "sorted"
    shutil.rmtree(out, ignore_errors=True)
    recording = {
        "paths": [str(folder / "day" / "recording.bin")],
        "probe": str(folder / "day" / "probe.json"),
        **READING,
    }
    before_s = own_s(running), used_s(browser) if browser else 0.0
    begin_s, sort_s = time.time(), 0.0
    key = client.ask("POST", "/api/ask/sort", {"recording": recording, "out": str(out)}).json["key"]
    progress = Path(os.environ["XDG_STATE_HOME"]) / "spikesieve" / "sorts" / key / "progress.json"
    while True:
        time.sleep(LOOK_EVERY_S)
        if not progress.exists():
            continue
        facts = json.loads(progress.read_text(encoding="utf-8"))
        if facts["ended"] is not None:
            break
        try:
            sort_s = used_s(psutil.Process(facts["owner"]["pid"]))
        except psutil.NoSuchProcess:
            continue
    if facts["ended"] != 0:
        raise RuntimeError(f"the sort ended with {facts['ended']}: see {progress.parent}")
    after_s = own_s(running), used_s(browser) if browser else 0.0
    client.ask("POST", "/api/ask/forget", {"key": key})
    server_s, browser_s = (after - before for before, after in zip(before_s, after_s, strict=True))
    return Cost(facts["at_s"] - begin_s, sort_s, server_s, browser_s)


def watched_once(app: tuple[psutil.Process, Client], address: str, folder: Path) -> Cost:
    """The same, while the page is open in a browser."""
    with chromium() as driver:
        opened(driver, address)
        time.sleep(SETTLE_S)  # what a browser does after a page has come is not watching
        return sort_once(app, folder, psutil.Process(driver.service.process.pid))


def opened(driver: Any, address: str) -> None:
    """Open the page, and wait until it is there."""
    driver.get(address)
    while not driver.execute_script("return document.documentElement.dataset.ready === 'yes'"):
        time.sleep(0.05)


def compare(app: tuple[psutil.Process, Client], address: str, folder: Path, n_pairs: int) -> None:
    """Sort in turns alone and watched, and print what each took."""
    if not (folder / "day").exists():
        given = ("probe=neuropixels1:64", "n_units=40", f"gain_uv={SORTED_GAIN_UV}")
        simulate("spikeinterface-static", folder / "day", SORTED_S, overrides=given)
    sort_once(app, folder, None)  # so that compiled loops and the file are at hand
    costs: dict[str, list[Cost]] = {"alone": [], "watched": []}
    print("| sort | by the clock s | processors: sort s | server s | Chromium s |\n|---|---|---|---|---|")
    for turn in range(n_pairs):
        for how in ("alone", "watched")[:: 1 if turn % 2 == 0 else -1]:
            watch = how == "watched"
            cost = watched_once(app, address, folder) if watch else sort_once(app, folder, None)
            costs[how].append(cost)
            print(f"| {how} | " + " | ".join(f"{x:.2f}" for x in astuple(cost)) + " |", flush=True)
    alone, watched = (np.array([astuple(one) for one in costs[how]]) for how in ("alone", "watched"))
    for how, each in (("alone", alone), ("watched", watched)):
        print(f"| median, {how} | " + " | ".join(f"{x:.2f}" for x in np.median(each, axis=0)) + " |")
    ratios = watched / np.where(alone > 0, alone, np.nan)
    spread = np.std(ratios[:, 0], ddof=1) / np.sqrt(n_pairs) if n_pairs > 1 else np.nan
    said = f"Watched for alone: {np.mean(ratios[:, 0]):.3f} by the clock (standard error {spread:.3f}), "
    print(said + f"{np.mean(ratios[:, 1]):.3f} in processor time of the sort.")


def changes() -> list[tuple[str, str, str]]:
    """What is changed: a kind, the name of a setting, and a value that was not there before."""
    thresholds = [("threshold", "detect.threshold", f"{8 + 0.1 * k:.1f}") for k in range(N_CHANGES)]
    names = ("exclusion_samples", "min_template_size_um", "nearest_templates", "lateral_pitch_um")
    values = ("22", "11", "90", "30", "24", "12", "80", "28")
    others = [(f"detect.{name}", value) for name, value in zip(2 * names, values, strict=True)]
    follows = [("another, the threshold follows from noise", *each) for each in others]
    return [*thresholds, ("(no threshold)", "detect.threshold", ""), *follows]


def preview(running: psutil.Process, address: str, folder: Path) -> None:
    """Change settings of the detection in the page, and print how long it waits for the spikes."""
    path = folder / "wide.bin"
    if not path.exists():
        noise_and_spikes(np.random.default_rng(0), round(PREVIEW_S * HZ)).tofile(path)
    reading = {"sampling_hz": HZ, "n_channels": N_CHANNELS, "gain_uv": GAIN_UV, "probe": f"neuropixels1:{N_CHANNELS}"}
    with chromium() as driver:
        opened(driver, address)
        driver.execute_script(f"return (async () => {{{OPEN}}})()", str(path), reading, str(SHOWN_S))
        for there in (f"document.getElementById('preview-says').textContent.includes('in {SHOWN_S} s')", CHECKED):
            while not driver.execute_script(f"return {there}"):
                time.sleep(0.2)
        took: dict[str, list[Sequence[float]]] = {}
        for kind, name, value in changes():
            before_s = own_s(running)
            first_ms, final_ms, says = driver.execute_async_script(CHANGE, name, value)
            took.setdefault(kind, []).append((first_ms, final_ms, 1e3 * (own_s(running) - before_s)))
    print(f"\n{SHOWN_S} s of {N_CHANNELS} channels; at the end: {says}")
    print("| changed | n | spikes drawn: median ms | 95 % ms | with the final threshold ms | processors: server ms |")
    print("|---|---|---|---|---|---|")
    for kind, all_ms in took.items():
        first, final, used = np.array(all_ms).T
        numbers = np.median(first), np.percentile(first, 95), np.median(final), np.median(used)
        print(f"| {kind} | {len(first)} | " + " | ".join(f"{x:.0f}" for x in numbers) + " |")


def main() -> None:
    """Make, sort in turns, change settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args()
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} processors, {load:.1f} processes waiting or running when it began")
    with ExitStack() as stack:
        running, address = stack.enter_context(server(folder))
        place, _, token = address.partition("#t=")
        client = Client(int(place.rstrip("/").rpartition(":")[2])).log_in(token)
        compare((running, client), address, folder, options.pairs)
        preview(running, address, folder)


if __name__ == "__main__":
    main()
