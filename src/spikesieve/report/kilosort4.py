"""The four pictures that Kilosort4 writes into its result folder, under its file names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikesieve.model import F32, F64, Sorting
from spikesieve.report.sorting.numbers import MAX_RASTER_SPIKES
from spikesieve.report.sorting.pictures import COMPRESSION, DOTS_PER_INCH
from spikesieve.report.sorting.spike_figures import spike_raster
from spikesieve.report.sorting.style import write_message
from spikesieve.report.thinning import evenly_spaced_rows


def write_kilosort4_pictures(folder: Path, sorting: Sorting, features: F32, drift: tuple[F64, F64] | None) -> None:
    """Write drift_amount.png, drift_scatter.png, diagnostics.png and spike_positions.png.

    Parameters
    ----------
    folder : Path
        Existing folder.
    sorting : Sorting
        The result.
    features : ndarray of float32, shape (n_units, n_contacts, n_pcs)
        Features of the mean waveforms: Kilosort4's Wall.
    drift : (ndarray of float64 (n_batches,), ndarray of float64 (n_batches, n_blocks)) or None
        Middle of each batch in s, and its shift in um; None without drift correction: there is no first picture then.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    drawn = {
        "drift_scatter": spike_raster(sorting.spikes, sorting.sampling_hz),
        "diagnostics": diagnostics(sorting, features),
        "spike_positions": spike_positions(sorting),
    }
    if drift is not None:
        drawn["drift_amount"] = drift_amount(*drift)
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=DOTS_PER_INCH, pil_kwargs={"compress_level": COMPRESSION})


def drift_amount(time_s: F64, shift_um: F64) -> Figure:
    """Draw the shift that undoes the drift, a line for each block of depths.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n_batches,)
        Middle of each batch in s.
    shift_um : ndarray of float64, shape (n_batches, n_blocks)
        Shift in um.

    Returns
    -------
    Figure
        The picture.
    """
    figure = Figure(figsize=(8.0, 6.0), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(time_s, shift_um, linewidth=1.0)
    axes.set(xlabel="time (s)", ylabel="depth shift (µm)", title="Drift amount per probe section, across batches")
    return figure


def diagnostics(sorting: Sorting, features: F32) -> Figure:
    """Draw the temporal components, the contacts of the units, their amplitudes and numbers of spikes.

    Parameters
    ----------
    sorting : Sorting
        The result.
    features : ndarray of float32, shape (n_units, n_contacts, n_pcs)
        Features of the mean waveforms.

    Returns
    -------
    Figure
        Four panels.
    """
    figure = Figure(figsize=(12.0, 10.0), layout="constrained")
    temporal, spatial, amplitudes, counts = figure.subplots(2, 2).ravel()
    ms = np.arange(sorting.pcs.shape[1]) / sorting.sampling_hz * 1e3
    temporal.plot(ms, sorting.pcs.T, linewidth=1.0)
    temporal.set(xlabel="time (ms)", title="Temporal features")
    spatial.set(xlabel="unit", ylabel="contact", title="Spatial features: norm on each contact")
    amplitudes.set(xlabel="unit", ylabel="amplitude", title="Unit amplitudes")
    counts.set(xlabel="spikes", ylabel="amplitude", title="Amplitude against number of spikes")
    if not sorting.units:
        for axes in (spatial, amplitudes, counts):
            write_message(axes, "No unit was found.")
        return figure
    norm = np.linalg.norm(features, axis=2)
    spatial.imshow(norm.T, aspect="auto", cmap="gray", interpolation="nearest")
    amplitude_uv = [unit.amplitude_uv for unit in sorting.units]
    amplitudes.plot(sorting.unit_ids, amplitude_uv, linewidth=1.0, marker=".")
    counts.scatter([unit.n_spikes for unit in sorting.units], amplitude_uv, s=8)
    counts.set(xscale="log")
    for axis in (spatial.xaxis, spatial.yaxis, amplitudes.xaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure


def spike_positions(sorting: Sorting) -> Figure:
    """Draw the places of the spikes, coloured by unit.

    Parameters
    ----------
    sorting : Sorting
        The result. At most 200 000 spikes are drawn, evenly spaced.

    Returns
    -------
    Figure
        Depth from left to right.
    """
    figure = Figure(figsize=(15.0, 7.0), layout="constrained")
    axes: Axes = figure.add_subplot()
    shown = evenly_spaced_rows(len(sorting.spikes), MAX_RASTER_SPIKES)
    across_um, depth_um = sorting.spikes.position_um[shown].T
    axes.scatter(depth_um, across_um, c=sorting.spikes.unit[shown] % 20, cmap="tab20", s=2, linewidths=0)
    axes.set(xlabel="depth (µm)", ylabel="lateral (µm)", title="Spike position across probe, coloured by unit")
    return figure
