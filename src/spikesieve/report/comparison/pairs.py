"""The picture of one matched pair: templates side by side over channels, rasters, autocorrelograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.kernels import correlogram
from spikesieve.model import F32, F64, I64
from spikesieve.report.comparison.figures import COLOURS

NEAR_CONTACTS = 8
RASTER_S = 10.0
ACG_MS = 50


@dataclass(frozen=True, eq=False)
class PairSide:
    """One unit of a pair.

    title      name of its sorting and its number
    sample     (n_spikes,) int64
    amplitude  (n_spikes,) float32, or None
    waveform   (n_samples, n_contacts) float32 on the contacts that both have, or None
    scale      what the waveform is counted in
    """

    title: str
    sample: I64
    amplitude: F32 | None
    waveform: F32 | None
    scale: str


@dataclass(frozen=True, eq=False)
class PairFacts:
    """What both units of a pair share: agreement, similarity and lag in ms (NaN: not known), peak and places."""

    agreement: float
    similarity: float
    lag_ms: float
    positions_um: F64 | None
    sampling_hz: float


def matched_pair(a: PairSide, b: PairSide, facts: PairFacts) -> Figure:
    """One matched pair of units."""
    figure = Figure(figsize=(9.5, 4.2))  # laid out by hand: the engine takes longer than the drawing
    places = {"left": 0.02, "right": 0.98, "bottom": 0.12, "top": 0.87, "wspace": 0.12, "hspace": 1.6}
    grid = figure.add_gridspec(4, 4, width_ratios=(1, 1, 1.1, 1.1), **places)
    contacts = largest_contacts(a, b, facts.positions_um)
    for column, (side, colour) in enumerate(zip((a, b), COLOURS, strict=True)):
        _waveform(figure.add_subplot(grid[:, column]), side, contacts, facts, colour)
    _raster(figure.add_subplot(grid[0, 2:]), (a, b), facts.sampling_hz)
    for column, (side, colour) in enumerate(zip((a, b), COLOURS, strict=True)):
        _acg(figure.add_subplot(grid[1:, 2 + column]), side, facts.sampling_hz, colour)
    known = np.isfinite(facts.similarity)
    alike = f", similarity {facts.similarity:.2f} at {facts.lag_ms:+.2f} ms" if known else ""
    figure.suptitle(f"{a.title}  =  {b.title}: agreement {facts.agreement:.3f}{alike}", fontsize=10)
    return figure


def largest_contacts(a: PairSide, b: PairSide, positions_um: F64 | None) -> I64:
    """The contacts on which the pair is largest, from the top of the probe down."""
    sizes = [np.ptp(side.waveform, axis=0) for side in (a, b) if side.waveform is not None and side.waveform.size]
    if not sizes:
        return np.empty(0, np.int64)
    total = np.sum([size / max(float(size.max()), 1e-12) for size in sizes], axis=0)
    largest = np.argsort(-total, kind="stable")[:NEAR_CONTACTS].astype(np.int64)
    if positions_um is None:
        return np.sort(largest)
    return np.asarray(largest[np.lexsort((positions_um[largest, 0], -positions_um[largest, 1]))], dtype=np.int64)


def _waveform(axes: Axes, side: PairSide, contacts: I64, facts: PairFacts, colour: str) -> None:
    axes.set_title(side.title, fontsize=9, color=colour)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    if side.waveform is None or not len(contacts):
        axes.text(0.5, 0.5, "no template", transform=axes.transAxes, ha="center", color="#777777")
        return
    shown = side.waveform[:, contacts]
    height = max(float(np.ptp(shown, axis=0).max()), 1e-12)
    time_ms = 1000 * np.arange(len(shown)) / facts.sampling_hz
    for k in range(len(contacts)):
        axes.plot(time_ms, -k + shown[:, k] / height, color=colour, linewidth=1)
        where = (
            str(contacts[k])
            if facts.positions_um is None
            else "{:.0f}, {:.0f}".format(*facts.positions_um[contacts[k]])
        )
        axes.annotate(where, (time_ms[-1], -k), fontsize=6.5, color="#777777", ha="right", va="bottom")
    axes.set_xlabel(f"time (ms); largest: {height:.3g} {side.scale}", fontsize=8)
    axes.tick_params(labelsize=7)


def raster_window(sides: tuple[PairSide, PairSide], sampling_hz: float) -> tuple[int, int]:
    """First sample of the raster and the one after its last: RASTER_S from the first spike of the pair."""
    start = min((int(side.sample[0]) for side in sides if len(side.sample)), default=0)
    return start, start + round(RASTER_S * sampling_hz)


def _raster(axes: Axes, sides: tuple[PairSide, PairSide], sampling_hz: float) -> None:
    start, stop = raster_window(sides, sampling_hz)
    for k, (side, colour) in enumerate(zip(sides, COLOURS, strict=True)):
        inside = side.sample[(side.sample >= start) & (side.sample < stop)] / sampling_hz
        axes.vlines(inside, -k - 0.4, -k + 0.4, color=colour, linewidth=0.7)
    axes.set(yticks=[0, -1], yticklabels=["A", "B"], ylim=(-1.5, 0.5))
    axes.set_xlim(start / sampling_hz, stop / sampling_hz)
    axes.set_xlabel("time (s)", fontsize=8)
    axes.tick_params(labelsize=7)


def autocorrelogram(side: PairSide, sampling_hz: float) -> I64:
    """Pairs of its spikes by lag, -ACG_MS to ACG_MS in steps of 1 ms: (2 ACG_MS + 1,) int64."""
    return correlogram(side.sample, side.sample, sampling_hz / 1000, ACG_MS, True)


def _acg(axes: Axes, side: PairSide, sampling_hz: float, colour: str) -> None:
    counts = autocorrelogram(side, sampling_hz)
    axes.stairs(counts, np.arange(-ACG_MS, ACG_MS + 2) - 0.5, fill=True, color=colour)
    axes.set_title(f"{len(side.sample):,} spikes", fontsize=8)
    axes.set_xlabel("lag (ms)", fontsize=8)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
