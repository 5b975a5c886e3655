"""Draws a picture for each step of a sort, all of one small recording that moves: `python docs/figures/steps.py`.

It writes the PNG of preprocess, shapes, motion, tissue, features, cluster, templates, match and curate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import spikesieve
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.kernels import CpuBackend
from spikesieve.simulation import SimulationParams, Truth, simulate_array

HERE = Path(__file__).parent
BLUE, RED, GREY = "#2f6db3", "#c0392b", "#888888"
COLOURS = plt.get_cmap("tab20").colors
MADE = SimulationParams(
    n_units=16,
    seconds=40.0,
    seed=7,
    rate_hz=15.0,
    amplitude_uv=140.0,
    drift_sine_um=12.0,
    drift_sine_period_s=25.0,
)


@dataclass(frozen=True)
class Sorted:
    """A recording, its truth, its sorting, and the store with the steps of the sort."""

    raw: np.ndarray
    truth: Truth
    source: Source
    sorting: spikesieve.Sorting
    steps: Store


def sorted_in(folder: Path) -> Sorted:
    """Simulate and sort, and keep the steps in the folder."""
    probe = spikesieve.read_probe("linear:24:20")
    raw, truth = simulate_array(probe, MADE)
    recording = spikesieve.recording_from_array(raw, MADE.sampling_hz, MADE.gain_uv)
    sorting = spikesieve.sort(recording, probe, resources=spikesieve.Resources(folder=folder))
    steps = Store.open(folder)
    source = Source.of(recording, probe, spikesieve.Settings().preprocess, 60_000)
    return Sorted(raw, truth, source.with_preprocessing(steps.read("detection threshold")), sorting, steps)


def save(figure: Figure, name: str) -> None:
    """Write a picture beside this script."""
    figure.savefig(HERE / f"{name}.png", dpi=100)
    plt.close(figure)


def preprocess(what: Sorted) -> None:
    """Thirty milliseconds of eight contacts: raw, high-passed with the median taken away, whitened."""
    block, n = what.source.blocks[3], 900
    clean = what.source.clean(block, 0, CpuBackend())
    raw_uv = what.raw[block.start : block.start + n, 4:12].T * MADE.gain_uv
    panels = (
        ("raw", raw_uv - raw_uv.mean(axis=1, keepdims=True), 200.0, "200 µV"),
        ("high-pass and median reference", clean.uv[4:12, :n], 200.0, "200 µV"),
        ("whitened", clean.white[4:12, :n], 16.0, "16 noise SD"),
    )
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (title, traces, step, size) in zip(axes, panels, strict=True):
        axis.plot(np.arange(n) / 30, (traces / step + np.arange(8)[:, None]).T, lw=0.6, color=BLUE)
        axis.set(title=f"{title}\n(one row: {size})", xlabel="ms", yticks=range(8), yticklabels=range(4, 12))
    axes[0].set_ylabel("contact")
    save(figure, "preprocess")


def shapes(what: Sorted) -> None:
    """Large spikes on one contact, the components learned from them, and the typical shapes."""
    learned, rng = what.steps.read("shapes"), np.random.default_rng(0)
    n = learned.pcs.shape[1]
    clips = []
    for block in what.source.blocks[:6]:
        white = what.source.clean(block, 0, CpuBackend()).white
        contact, sample = np.nonzero(white[:, n:-n] < -8.0)
        for c, s in zip(contact, sample + n, strict=True):
            around = white[c, s - 20 : s - 20 + n]
            if around[20] == around.min():
                clips.append(around / np.linalg.norm(around))
    some = np.array(clips)[rng.permutation(len(clips))[:80]]
    ms = (np.arange(n) - learned.peak_index) / 30
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    axes[0].plot((np.arange(n) - 20) / 30, some.T, lw=0.4, color=GREY)
    axes[0].set(title="large spikes on one contact, all of norm 1", xlabel="ms", yticks=[])
    axes[1].plot(ms, (learned.pcs + 0.8 * np.arange(len(learned.pcs))[:, None]).T, color=BLUE)
    axes[1].set(title="components", xlabel="ms", yticks=[])
    axes[2].plot(ms, (learned.waveforms).T, lw=1.2)
    axes[2].set(title="typical shapes", xlabel="ms", yticks=[])
    save(figure, "shapes")


def motion(what: Sorted) -> None:
    """Detections by time and depth, and the displacement: measured, with its error, and true."""
    spikes, found = what.steps.read("detect"), what.steps.read("motion")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    order = np.argsort(spikes.amplitude_uv)
    at_s, depth_um = np.asarray(spikes.sample)[order] / 30_000, np.asarray(spikes.position_um)[order, 1]
    left.scatter(at_s, depth_um, c=np.asarray(spikes.amplitude_uv)[order], s=1.5, cmap="viridis_r", vmax=250)
    left.set(title="detected spikes, dark: large", xlabel="s", ylabel="depth on the probe (µm)")
    um, se = found.estimated_um[0].mean(axis=1), found.se_um[0].mean(axis=1)
    right.fill_between(found.time_s, um - 1.96 * se, um + 1.96 * se, color=BLUE, alpha=0.25, lw=0)
    right.plot(found.time_s, um, color=BLUE, label="measured, with its 95 % band")
    true_um = np.asarray(what.truth.displacement_um)[0].mean(axis=1)
    right.plot(what.truth.displacement_time_s, true_um - np.median(true_um), "--", color=RED, label="true")
    right.set(title="displacement", xlabel="s", ylabel="µm")
    right.legend(frameon=False)
    save(figure, "motion")


def tissue(what: Sorted) -> None:
    """One template where the tissue is low, at rest and high."""
    moving, shapes = what.steps.read("first templates"), what.steps.read("shapes")
    unit = int(np.linalg.norm(moving.rest.scores, axis=(1, 2)).argmax())
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True, layout="constrained")
    for axis, at_um in zip(axes, (-12.0, 0.0, 12.0), strict=True):
        step = int(np.abs(moving.steps_um - at_um).argmin())
        waveforms = moving.scores[step, unit] @ shapes.pcs
        contacts = moving.contacts[step, unit]
        depth_um = what.sorting.probe.positions_um[contacts, 1]
        for waveform, depth, contact in zip(waveforms, depth_um, contacts, strict=True):
            if contact >= 0:
                axis.plot(np.arange(len(waveform)) / 30, depth + 2 * waveform, color=BLUE, lw=1)
        axis.set(title=f"tissue at {moving.steps_um[step]:+.0f} µm", xlabel="ms")
    axes[0].set_ylabel("depth of the contact (µm)")
    save(figure, "tissue")


def one_group(what: Sorted) -> tuple[np.ndarray, np.ndarray]:
    """Features and clusters of the group with most spikes."""
    rest, clusters = what.steps.read("spikes at rest"), what.steps.read("clusters")
    group = np.bincount(rest.group).argmax()
    rows = np.flatnonzero(rest.group == group)
    return np.asarray(rest.features[rows]), np.asarray(clusters.unit)[rows]


def features(what: Sorted) -> None:
    """The six components, and the spikes of a group by the first of them on pairs of contacts."""
    values, _ = one_group(what)
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
    pcs = what.steps.read("shapes").pcs
    axes[0].plot(np.arange(pcs.shape[1]) / 30, (pcs + 0.8 * np.arange(6)[:, None]).T, color=BLUE)
    axes[0].set(title="temporal components", xlabel="ms", yticks=[])
    size = np.argsort(-values[:, :, 0].var(axis=0))[:4]
    for axis, (a, b) in zip(axes[1:], ((0, 1), (0, 2), (1, 3)), strict=True):
        axis.scatter(values[:, size[a], 0], values[:, size[b], 0], s=2, color=GREY)
        axis.set(xlabel=f"contact {size[a]} of the group (noise SD)", ylabel=f"contact {size[b]}")
    save(figure, "features")


def cluster(what: Sorted) -> None:
    """The spikes of a group before and after, along the two directions of largest variance."""
    values, unit = one_group(what)
    flat = values.reshape(len(values), -1)
    flat = flat - flat.mean(axis=0)
    along = flat @ np.linalg.svd(flat, full_matrices=False)[2][:2].T
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharex=True, sharey=True, layout="constrained")
    axes[0].scatter(*along.T, s=3, color=GREY)
    axes[0].set(title="spikes of one group", xlabel="direction 1 (noise SD)", ylabel="direction 2 (noise SD)")
    order = np.unique(unit, return_inverse=True)[1]
    axes[1].scatter(*along.T, s=3, color=[COLOURS[k % 20] for k in order])
    axes[1].set(title=f"{order.max() + 1} clusters", xlabel="direction 1 (noise SD)")
    save(figure, "cluster")


def templates(what: Sorted) -> None:
    """Six learned templates: contacts by time, in noise SD."""
    learned, shapes = what.steps.read("first templates").rest, what.steps.read("shapes")
    order = np.argsort(-np.linalg.norm(learned.scores, axis=(1, 2)))[:6]
    figure, axes = plt.subplots(1, 6, figsize=(12, 3.2), layout="constrained")
    for axis, unit in zip(axes, order, strict=True):
        by_depth = np.argsort(learned.contacts[unit])
        waveforms = (learned.scores[unit] @ shapes.pcs)[by_depth]
        most = np.abs(waveforms).max()
        axis.imshow(
            waveforms, aspect="auto", origin="lower", cmap="RdBu", vmin=-most, vmax=most, extent=(0, 2.5, -0.5, 15.5)
        )
        axis.set(title=f"{learned.n_spikes[unit]} spikes", xlabel="ms", yticks=[])
    axes[0].set_ylabel("contacts by depth")
    save(figure, "templates")


def explained_uv(what: Sorted, start: int, n: int) -> np.ndarray:
    """What the units explain of n samples: the sum of their templates, (n_contacts, n)."""
    sorting = what.sorting
    dense = sorting.templates.dense_uv(sorting.probe.n_contacts)
    total = np.zeros((n + 400, sorting.probe.n_contacts), np.float32)
    for spike in np.flatnonzero((sorting.spikes.sample >= start - 100) & (sorting.spikes.sample < start + n + 100)):
        at = int(sorting.spikes.sample[spike]) - start - sorting.templates.peak_index + 200
        total[at : at + dense.shape[1]] += sorting.spikes.amplitude[spike] * dense[sorting.spikes.unit[spike]]
    return total[200 : 200 + n].T


def match(what: Sorted) -> None:
    """Traces, what the templates explain of them, and what is left, where the tissue is at rest."""
    found = what.steps.read("motion")
    block = what.source.blocks[0]
    n = 600
    settings = spikesieve.Settings().with_overrides(["preprocess.reference=none"]).preprocess
    plain = Source.of(what.source.recording, what.sorting.probe, settings, 60_000)
    uv_of = [
        (start, b)
        for b in plain.blocks
        for start in range(b.start + 3000, b.stop - 3000, n)
        if abs(np.interp(start / 30_000, found.time_s, found.estimated_um[0].mean(axis=1))) < 1.0
    ]
    n_spikes = [np.sum((what.sorting.spikes.sample >= s) & (what.sorting.spikes.sample < s + n)) for s, _ in uv_of]
    start, block = uv_of[int(np.argmax(n_spikes))]
    uv = plain.clean(block, 0, CpuBackend()).uv[:, start - block.start :][:, :n]
    model = explained_uv(what, start, n)
    shown = np.argsort(-np.ptp(model, axis=1))[:1]
    lowest = max(0, min(int(shown[0]) - 4, 24 - 9))
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
    for axis, (title, traces) in zip(
        axes, (("traces", uv), ("explained by templates", model), ("left", uv - model)), strict=True
    ):
        axis.plot(np.arange(n) / 30, (traces[lowest : lowest + 9] / 200 + np.arange(9)[:, None]).T, lw=0.7, color=BLUE)
        axis.set(title=title, xlabel="ms", yticks=range(9), yticklabels=range(lowest, lowest + 9))
    axes[0].set_ylabel("contact (one row: 200 µV)")
    save(figure, "match")


def curate(what: Sorted) -> None:
    """The autocorrelogram of a unit with its shoulders, and that of two units taken together."""
    spikes = what.sorting.spikes
    first, second = np.argsort(-np.bincount(spikes.unit))[:2]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for axis, units, title in zip(axes, ([first], [first, second]), ("one unit", "two units as one"), strict=True):
        sample = spikes.sample[np.isin(spikes.unit, units)]
        apart_ms = (sample[None, :] - sample[:, None])[np.triu_indices(len(sample), 1)] / 30
        n, edges = np.histogram(apart_ms, np.arange(0.5, 51.5))
        axis.bar(edges[:-1] + 0.5, n, width=1, color=BLUE)
        shoulder = n[9:49].mean()
        ratio = min(n[:i].sum() / (i * shoulder) for i in range(1, 11))
        axis.axhline(shoulder, color=RED, lw=1)
        axis.axvspan(0, 10.5, color=GREY, alpha=0.2, lw=0)
        axis.set(title=f"{title}: R = {ratio:.2f}", xlabel="lag (ms)", ylabel="pairs of spikes")
    save(figure, "curate")


def main() -> None:
    """Draw them all."""
    with TemporaryDirectory() as folder:
        what = sorted_in(Path(folder))
        for draw in (preprocess, shapes, motion, tissue, features, cluster, templates, match, curate):
            draw(what)


if __name__ == "__main__":
    main()
