"""Draws methods.svg, price.png and batches.png, for the pages of the methods: `python docs/figures/methods.py`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from architecture import CODE, DATA, arrow, box, label

import spikesieve
from spikesieve.engine.store import Store
from spikesieve.methods import kilosort2, kilosort4, sieve
from spikesieve.settings.fit import FitParams
from spikesieve.simulation import SimulationParams, simulate_array
from spikesieve.stages.sieve.fit import least_score

HERE = Path(__file__).parent
BLUE, RED = "#2f6db3", "#c0392b"
METHODS = (sieve, kilosort4, kilosort2)
# The steps in the text of a method; find_drift is two of them.
STEP = re.compile(r'run\.step\("([\w ]+)"|(find_drift\()')
KILOSORT4_THRESHOLD = 8.0


def steps_of(method: object) -> list[str]:
    """The names of the steps in the source of a method, in order."""
    found = STEP.findall(inspect.getsource(method.sort))
    return [name for step, _ in found for name in ([step] if step else ["detect", "motion"])]


def methods() -> None:
    """The steps of each method in a row; what only one of them does is in another colour."""
    rows = [steps_of(method) for method in METHODS]
    width, height, gap = 88, 46, 12
    parts = []
    for row, (method, steps) in enumerate(zip(METHODS, rows, strict=True)):
        y = 34 + row * 92
        parts.append(label(8, y - 10, method.__name__.rpartition(".")[2], "start"))
        for i, step in enumerate(steps):
            x = 8 + i * (width + gap)
            shared = sum(step in others for others in rows) > 1
            parts.append(box((x, y, width, height), two_lines(step), CODE if shared else DATA))
            if i:
                parts.append(arrow((x - gap, y + height / 2), (x - 1, y + height / 2)))
    wide = 8 + max(map(len, rows)) * (width + gap)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} 276" width="{wide}" height="276" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" text-anchor="middle">\n'
        "<title>The steps of the three methods</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#444"/></marker></defs>\n'
        f'<rect width="{wide}" height="276" fill="white"/>\n'
    )
    (HERE / "methods.svg").write_text(head + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")


def two_lines(name: str) -> str:
    """A name broken in the middle where it is long."""
    first, _, second = name.partition(" ")
    return f"{first}\n{second}" if second else name


def price() -> None:
    """The smallest score at which a spike is accepted, by the size of its template and the rate of its unit."""
    params = FitParams()
    norm = np.linspace(4, 30, 200)
    precision = np.full(len(norm), params.amplitude_cv**-2.0)
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for rate_hz, alpha in ((0.1, 1.0), (1.0, 0.75), (10.0, 0.5), (100.0, 0.3)):
        cost = np.full(len(norm), 2 * (np.log(30_000 / rate_hz) + params.final_log_odds))
        score = least_score(norm, cost, precision, params)
        axes.plot(norm, score, color=BLUE, alpha=alpha, label=f"sieve, a unit of {rate_hz:g} Hz")
    axes.axhline(KILOSORT4_THRESHOLD, color=RED, ls="--", label="kilosort4: 8 for every unit")
    axes.set(xlabel="size of the template (noise SD)", ylabel="smallest score of a spike\n(noise SD)", xlim=(4, 30))
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "price.png", dpi=100)
    plt.close(figure)


def batches() -> None:
    """How much the batches of a recording that moves differ: in the order of time, in that found, and the places."""
    made = SimulationParams(
        n_units=30,
        seconds=60.0,
        seed=3,
        rate_hz=12.0,
        amplitude_uv=140.0,
        drift_sine_um=14.0,
        drift_sine_period_s=25.0,
        drift_relaxation_um=0.0,
    )
    probe = spikesieve.read_probe("neuropixels1:48")
    raw, truth = simulate_array(probe, made)
    recording = spikesieve.recording_from_array(raw, made.sampling_hz, made.gain_uv)
    with TemporaryDirectory() as folder:
        resources = spikesieve.Resources(folder=Path(folder))
        spikesieve.sort(recording, probe, {"method": "kilosort2"}, resources=resources)
        order = Store.open(Path(folder)).read("order")
    n = len(order.iorig)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    panels = (
        (order.ccb0, "in the order of time"),
        (order.ccb0[np.ix_(order.iorig, order.iorig)], "in the order found"),
    )
    for axis, (values, title) in zip(axes, panels, strict=False):
        axis.imshow(values, cmap="viridis", vmin=np.quantile(values, 0.02), vmax=np.quantile(values, 0.98))
        axis.set(title=title, xlabel="batch", ylabel="batch")
    at_s = (np.arange(n) + 0.5) * 65_600 / made.sampling_hz
    true_um = np.interp(at_s, truth.displacement_time_s, np.asarray(truth.displacement_um)[0].mean(axis=1))
    axes[2].plot(true_um, np.argsort(order.iorig), ".", color=BLUE)
    axes[2].set(
        title="a batch's place is the displacement", xlabel="true displacement (µm)", ylabel="place in the order"
    )
    figure.savefig(HERE / "batches.png", dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    methods()
    price()
    batches()
