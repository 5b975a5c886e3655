"""The spike raster: spikes by time and depth, coloured by amplitude. Its colour bar has axes of its own."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from spikesieve.model import F32, F64, Spikes
from spikesieve.model.text import counted
from spikesieve.report.sorting.numbers import MAX_RASTER_SPIKES
from spikesieve.report.sorting.style import plain_log_ticks, set_margins, write_message
from spikesieve.report.thinning import evenly_spaced_rows

N_COLOURS = 32
"""Colours of the amplitudes."""
MIN_AMPLITUDE_UV = 1e-3
"""Smaller amplitudes have no logarithm."""
AMPLITUDE_LABEL = "peak-to-peak amplitude (µV)"
BAR_MARGIN_IN, BAR_WIDTH_IN, MAX_BAR_IN = 1.15, 0.16, 5.9
"""Right margin of a figure with a colour bar, width and largest height of the bar, in inches."""


def spike_raster(spikes: Spikes, sampling_hz: float) -> Figure:
    """Draw the spikes by time and depth, coloured by amplitude; by time and amplitude where all have one depth.

    Parameters
    ----------
    spikes : Spikes
        Spikes of a sorting. At most 200 000 are drawn, evenly spaced.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Figure
        The raster.
    """
    figure = Figure(figsize=(12.0, 7.0))
    set_margins(figure, left_in=0.8, right_in=BAR_MARGIN_IN)
    axes = figure.add_subplot()
    n = len(spikes)
    axes.set(xlabel="time (s)", ylabel="depth (µm)")
    if n == 0:
        axes.set(xticks=[], yticks=[])
        write_message(axes, "No spikes were found.")
        return figure
    shown = evenly_spaced_rows(n, MAX_RASTER_SPIKES)
    time_s, amplitude_uv = spikes.sample[shown] / sampling_hz, spikes.amplitude_uv[shown]
    height = spikes.position_um[shown, 1]
    if n > 1 and np.ptp(height) == 0:
        height = amplitude_uv
        axes.set(ylabel=AMPLITUDE_LABEL)
    points = scatter_spikes(axes, time_s, height, amplitude_uv, amplitude_scale(amplitude_uv))
    add_amplitude_bar(points, figure)
    axes.set_title(counted(n, "spike") if len(shown) == n else f"{len(shown):,} of {n:,} spikes, evenly spaced")
    return figure


def amplitude_scale(amplitude_uv: F32) -> LogNorm:
    """Choose the colour scale of amplitudes.

    Parameters
    ----------
    amplitude_uv : ndarray of float32, shape (n_spikes,)
        Amplitudes in uV, at least one.

    Returns
    -------
    LogNorm
        Logarithmic between the 1st and the 99th percentile.
    """
    low, high = np.percentile(np.maximum(amplitude_uv, MIN_AMPLITUDE_UV), [1, 99])
    return LogNorm(low, max(high, low * 1.1))


def scatter_spikes(axes: Axes, time_s: F64, depth_um: F32, amplitude_uv: F32, scale: LogNorm) -> ScalarMappable:
    """Draw spikes as points, coloured by amplitude, large amplitudes on top.

    Points of one colour are drawn together: matplotlib takes five times as long if each point has its own colour.

    Parameters
    ----------
    axes : Axes
        Axes to draw on.
    time_s : ndarray of float64, shape (n_spikes,)
        Times in s.
    depth_um : ndarray of float32, shape (n_spikes,)
        Depths in um.
    amplitude_uv : ndarray of float32, shape (n_spikes,)
        Amplitudes in uV.
    scale : LogNorm
        Colour scale.

    Returns
    -------
    ScalarMappable
        The colours, for `add_amplitude_bar`.
    """
    colours = ScalarMappable(scale, "viridis_r")
    share = np.asarray(scale(np.maximum(amplitude_uv, MIN_AMPLITUDE_UV)).filled(0.0))
    level = np.clip(share * N_COLOURS, 0, N_COLOURS - 1).astype(np.int64)
    size_pt2 = float(np.clip(100_000 / max(1, len(time_s)), 1, 12))
    for k in np.unique(level):
        colour = colours.get_cmap()((k + 0.5) / N_COLOURS)
        has_level = level == k
        axes.scatter(time_s[has_level], depth_um[has_level], color=colour, s=size_pt2, linewidths=0, rasterized=True)
    axes.margins(x=0.01)
    return colours


def add_amplitude_bar(points: ScalarMappable, figure: Figure) -> None:
    """Draw the colour bar of `scatter_spikes` into the right margin, which must be `BAR_MARGIN_IN` wide.

    Parameters
    ----------
    points : ScalarMappable
        Colours of the spikes.
    figure : Figure
        The figure.
    """
    width_in, height_in = figure.get_size_inches()
    top, bottom = figure.subplotpars.top, figure.subplotpars.bottom
    height = min(top - bottom, MAX_BAR_IN / height_in)
    left = 1 - (BAR_MARGIN_IN - BAR_WIDTH_IN) / width_in
    bar_axes = figure.add_axes((left, top - height, BAR_WIDTH_IN / width_in, height))
    bar = figure.colorbar(points, cax=bar_axes, label=AMPLITUDE_LABEL, extend="both")
    plain_log_ticks(bar.ax.yaxis)
