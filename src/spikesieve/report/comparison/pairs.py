"""The picture of one matched pair of units: templates, raster, autocorrelograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.kernels import correlogram
from spikesieve.model import F32, F64, I64, SortedTime
from spikesieve.model.text import counted
from spikesieve.report.comparison.style import COLOURS

N_SHOWN_CONTACTS = 8
"""Contacts on which the templates are drawn."""
RASTER_S = 10.0
"""Length of the raster in s."""
ACG_MS = 50
"""Largest lag of the autocorrelograms in ms."""


@dataclass(frozen=True, eq=False)
class PairUnit:
    """One unit of a matched pair.

    Attributes
    ----------
    title : str
        Name of its sorting and unit number.
    sample : ndarray of int64, shape (n_spikes,)
        Sample of each spike.
    amplitude : ndarray of float32, shape (n_spikes,), or None
        Amplitude of each spike.
    template : ndarray of float32, shape (n_samples, n_contacts), or None
        Mean waveform on the contacts that both sortings have.
    scale : str
        Unit of the template values.
    """

    title: str
    sample: I64
    amplitude: F32 | None
    template: F32 | None
    scale: str


@dataclass(frozen=True, eq=False)
class PairProperties:
    """Properties of a matched pair.

    Attributes
    ----------
    agreement : float
        Agreement of the two spike trains.
    similarity : float
        Similarity of the two templates; NaN where it is not known.
    lag_ms : float
        Lag at which they are most similar, in ms; NaN where it is not known.
    positions_um : ndarray of float64, shape (n_contacts, 2), or None
        Positions of the common contacts in um.
    time : SortedTime
        The time that was sorted, as far as it is known.
    """

    agreement: float
    similarity: float
    lag_ms: float
    positions_um: F64 | None
    time: SortedTime


def matched_pair(a: PairUnit, b: PairUnit, properties: PairProperties) -> Figure:
    """Draw one matched pair of units.

    Parameters
    ----------
    a, b : PairUnit
        The two units.
    properties : PairProperties
        Agreement, similarity and contacts of the pair.

    Returns
    -------
    Figure
        Both templates, the raster of both, both autocorrelograms.
    """
    figure = Figure(figsize=(9.5, 4.2))  # placed by hand: the layout engine takes longer than the drawing
    places = {"left": 0.02, "right": 0.98, "bottom": 0.12, "top": 0.87, "wspace": 0.12, "hspace": 1.6}
    grid = figure.add_gridspec(4, 4, width_ratios=(1, 1, 1.1, 1.1), **places)
    contacts = largest_contacts(a, b, properties.positions_um)
    for column, (unit, colour) in enumerate(zip((a, b), COLOURS, strict=True)):
        _draw_template(figure.add_subplot(grid[:, column]), unit, contacts, properties, colour)
    _draw_raster(figure.add_subplot(grid[0, 2:]), (a, b), properties.time.sampling_hz)
    for column, (unit, colour) in enumerate(zip((a, b), COLOURS, strict=True)):
        _draw_acg(figure.add_subplot(grid[1:, 2 + column]), unit, properties.time, colour)
    known = np.isfinite(properties.similarity)
    alike = f", similarity {properties.similarity:.2f} at {properties.lag_ms:+.2f} ms" if known else ""
    figure.suptitle(f"{a.title}  =  {b.title}: agreement {properties.agreement:.3f}{alike}", fontsize=10)
    return figure


def largest_contacts(a: PairUnit, b: PairUnit, positions_um: F64 | None) -> I64:
    """Find the contacts on which the templates of a pair are largest.

    Parameters
    ----------
    a, b : PairUnit
        The two units.
    positions_um : ndarray of float64, shape (n_contacts, 2), or None
        Positions of the contacts in um.

    Returns
    -------
    ndarray of int64, shape (n_shown,)
        At most `N_SHOWN_CONTACTS` contacts, from the top of the probe down; in ascending order without positions.

    Examples
    --------
    >>> template = np.array([[0, 0, 0], [0, -9, -5]], np.float32)
    >>> unit = PairUnit("A 1", np.array([5]), None, template, "uV")
    >>> largest_contacts(unit, unit, np.array([[0.0, 0.0], [0.0, 20.0], [0.0, 40.0]]))
    array([2, 1, 0])
    """
    sizes = [np.ptp(unit.template, axis=0) for unit in (a, b) if unit.template is not None and unit.template.size]
    if not sizes:
        return np.empty(0, np.int64)
    total = np.sum([size / max(float(size.max()), 1e-12) for size in sizes], axis=0)
    largest = np.argsort(-total, kind="stable")[:N_SHOWN_CONTACTS].astype(np.int64)
    if positions_um is None:
        return np.sort(largest)
    return np.asarray(largest[np.lexsort((positions_um[largest, 0], -positions_um[largest, 1]))], dtype=np.int64)


def _draw_template(axes: Axes, unit: PairUnit, contacts: I64, properties: PairProperties, colour: str) -> None:
    axes.set_title(unit.title, fontsize=9, color=colour)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    if unit.template is None or not len(contacts):
        axes.text(0.5, 0.5, "no template", transform=axes.transAxes, ha="center", color="#777777")
        return
    shown = unit.template[:, contacts]
    height = max(float(np.ptp(shown, axis=0).max()), 1e-12)
    time_ms = 1000 * np.arange(len(shown)) / properties.time.sampling_hz
    for k, contact in enumerate(contacts):
        axes.plot(time_ms, -k + shown[:, k] / height, color=colour, linewidth=1)
        label = _contact_label(contact, properties.positions_um)
        axes.annotate(label, (time_ms[-1], -k), fontsize=6.5, color="#777777", ha="right", va="bottom")
    axes.set_xlabel(f"time (ms); largest: {height:.3g} {unit.scale}", fontsize=8)
    axes.tick_params(labelsize=7)


def _contact_label(contact: np.int64, positions_um: F64 | None) -> str:
    return str(contact) if positions_um is None else "{:.0f}, {:.0f}".format(*positions_um[contact])


def raster_window(units: tuple[PairUnit, PairUnit], sampling_hz: float) -> tuple[int, int]:
    """Choose the samples that the raster of a pair shows.

    Parameters
    ----------
    units : tuple of PairUnit
        The two units.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    tuple of int
        First sample, and the one after the last: `RASTER_S` from the first spike of the pair.
    """
    start = min((int(unit.sample[0]) for unit in units if len(unit.sample)), default=0)
    return start, start + round(RASTER_S * sampling_hz)


def _draw_raster(axes: Axes, units: tuple[PairUnit, PairUnit], sampling_hz: float) -> None:
    start, stop = raster_window(units, sampling_hz)
    for k, (unit, colour) in enumerate(zip(units, COLOURS, strict=True)):
        time_s = unit.sample[(unit.sample >= start) & (unit.sample < stop)] / sampling_hz
        axes.vlines(time_s, -k - 0.4, -k + 0.4, color=colour, linewidth=0.7)
    axes.set(yticks=[0, -1], yticklabels=["A", "B"], ylim=(-1.5, 0.5))
    axes.set_xlim(start / sampling_hz, stop / sampling_hz)
    axes.set_xlabel("time (s)", fontsize=8)
    axes.tick_params(labelsize=7)


def autocorrelogram(unit: PairUnit, time: SortedTime) -> I64:
    """Count the pairs of spikes of a unit by lag. Spikes of two segments are no pair.

    Parameters
    ----------
    unit : PairUnit
        The unit.
    time : SortedTime
        The time that was sorted.

    Returns
    -------
    ndarray of int64, shape (2 * ACG_MS + 1,)
        Counts at lags from -ACG_MS to ACG_MS in bins of 1 ms.
    """
    sample = time.apart(unit.sample)
    return correlogram(sample, sample, time.sampling_hz / 1000, ACG_MS, True)


def _draw_acg(axes: Axes, unit: PairUnit, time: SortedTime, colour: str) -> None:
    counts = autocorrelogram(unit, time)
    axes.stairs(counts, np.arange(-ACG_MS, ACG_MS + 2) - 0.5, fill=True, color=colour)
    axes.set_title(counted(len(unit.sample), "spike"), fontsize=8)
    axes.set_xlabel("lag (ms)", fontsize=8)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
