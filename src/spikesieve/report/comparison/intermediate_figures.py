"""Pictures of the intermediate steps of two runs: traces, matrices, drift, order of the batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from spikesieve.comparison.batch_order import BatchOrder
from spikesieve.comparison.divergence import MatrixDifference, TraceLag
from spikesieve.model import F32, I64
from spikesieve.model.external import DriftTraces
from spikesieve.report.comparison.style import COLOURS, MARKERS, shade, single_axes, write_message

N_SHOWN_CONTACTS = 12
SHOWN_MS = 20.0
COLOUR_QUANTILE = 0.97
"""Quantile of the matrix values at which the colours end. The diagonal of a whitening matrix is far beyond it."""
DASHES = ("-", "--", "-.", ":")
"""Line styles of the shanks."""


@dataclass(frozen=True, eq=False)
class ShownTraces:
    """Part of two preprocessed traces that is drawn.

    Attributes
    ----------
    contacts : ndarray of int64, shape (n_shown,)
        Contacts that are drawn.
    a, b : ndarray of float32, shape (n_samples, n_shown)
        Traces from the start of the recording. NaN beyond the end of b.
    shifted_b : ndarray of float32, shape (n_samples, n_shown)
        Traces of b, shifted by the lag.
    """

    contacts: I64
    a: F32
    b: F32
    shifted_b: F32


def shown_traces(traces: tuple[F32, F32], lag: TraceLag, sampling_hz: float) -> ShownTraces:
    """Cut the part of two preprocessed traces that is drawn.

    Parameters
    ----------
    traces : tuple of ndarray of float32, shape (n_samples, n_contacts)
        Preprocessed traces of both runs.
    lag : TraceLag
        Lag between them.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    ShownTraces
        The first `SHOWN_MS` on `N_SHOWN_CONTACTS` evenly spaced contacts.
    """
    n = min(len(traces[0]), round(SHOWN_MS / 1000 * sampling_hz))
    contacts = np.unique(np.linspace(0, traces[0].shape[1] - 1, N_SHOWN_CONTACTS).astype(np.int64))
    a, b = (trace[:, contacts] for trace in traces)
    return ShownTraces(contacts, a[:n], _shifted(b, 0, n), _shifted(b, lag.lag_samples, n))


def _shifted(trace: F32, shift: int, n: int) -> F32:
    """First n samples of the trace moved `shift` samples earlier, NaN where it has none."""
    out = np.full((n, trace.shape[1]), np.nan, np.float32)
    part = trace[max(0, shift) : n + shift]
    first = max(0, -shift)
    out[first : first + len(part)] = part
    return out


def preprocessed_traces(traces: tuple[F32, F32], lag: TraceLag, names: tuple[str, str], sampling_hz: float) -> Figure:
    """Draw the start of two preprocessed traces, as stored and with B shifted by the lag.

    Parameters
    ----------
    traces : tuple of ndarray of float32, shape (n_samples, n_contacts)
        Preprocessed traces of both runs. Each is drawn on its own scale.
    lag : TraceLag
        Lag between them.
    names : tuple of str
        Names of the sortings.
    sampling_hz : float
        Sampling rate in Hz.

    Returns
    -------
    Figure
        Two panels.
    """
    figure = Figure(figsize=(12.0, 6.5), layout="constrained")
    shown = shown_traces(traces, lag, sampling_hz)
    time_ms = 1000 * np.arange(len(shown.a)) / sampling_hz
    scales = [max(float(trace.std()), 1e-9) * 8 for trace in traces]
    panels = figure.subplots(1, 2, sharey=True)
    for axes, b, title in zip(panels, (shown.b, shown.shifted_b), ("as stored", "B shifted by the lag"), strict=True):
        for values, scale, colour, name in zip((shown.a, b), scales, COLOURS, names, strict=True):
            for k in range(len(shown.contacts)):
                label = name if k == 0 else None
                axes.plot(time_ms, k + values[:, k] / scale, color=colour, linewidth=0.7, alpha=0.8, label=label)
        axes.set(xlabel="time (ms)", title=title)
    panels[0].set_yticks(range(len(shown.contacts)), [str(contact) for contact in shown.contacts])
    panels[0].set_ylabel("contact")
    panels[0].legend(frameon=False, loc="upper right", fontsize=8)
    figure.suptitle(lag.sentence, fontsize=9.5)
    return figure


def matrix_panels(found: MatrixDifference, names: tuple[str, str], quantity: str, axis: str) -> Figure:
    """Draw two matrices and their difference on one colour scale.

    Parameters
    ----------
    found : MatrixDifference
        The matrices and their difference.
    names : tuple of str
        Names of the sortings.
    quantity : str
        Label of the colour bar.
    axis : str
        Label of both axes.

    Returns
    -------
    Figure
        Three panels.
    """
    figure = Figure(figsize=(14.0, 4.6), layout="constrained")
    panels = figure.subplots(1, 3)
    limit = float(np.quantile(np.abs([found.a, found.b]), COLOUR_QUANTILE)) or 1.0
    titles = (names[0], names[1], f"difference (root mean square {found.relative:.2f})")
    for axes, matrix, title in zip(panels, (found.a, found.b, found.difference), titles, strict=True):
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set(title=title, xlabel=axis, ylabel=axis)
    figure.colorbar(image, ax=panels, label=f"{quantity} (root mean square 1)", extend="both")
    return figure


def drift_traces(drifts: Sequence[DriftTraces], names: tuple[str, str]) -> Figure:
    """Draw the displacement over time of two runs, one line for each depth and shank.

    Parameters
    ----------
    drifts : sequence of Drift
        Displacement of both runs. Deeper lines are darker; shanks differ in their dashes.
    names : tuple of str
        Names of the sortings.

    Returns
    -------
    Figure
        Two panels.
    """
    figure = Figure(figsize=(11.0, 4.5), layout="constrained")
    for axes, drift, name in zip(figure.subplots(1, 2, sharey=True), drifts, names, strict=True):
        depths, row = np.unique(drift.depth_um, return_inverse=True)
        shank = np.zeros_like(row) if drift.shank is None else np.unique(drift.shank, return_inverse=True)[1]
        for k, label in enumerate(drift.names):
            colour = shade(0.3 + 0.65 * (1 - row[k] / max(1, len(depths) - 1)))
            dashes = DASHES[shank[k] % 4]
            axes.plot(
                drift.time_s, drift.displacement_um[:, k], linewidth=1, label=label, color=colour, linestyle=dashes
            )
        axes.set(title=name, xlabel="time (s)", ylabel="displacement (µm)")
        if drift.displacement_um.shape[1] <= 12:
            axes.legend(frameon=False, fontsize=7, title="depth", title_fontsize=7)
    return figure


def batch_orders(orders: Sequence[I64], names: tuple[str, str]) -> Figure:
    """Draw the place of each batch in the order of two runs.

    Parameters
    ----------
    orders : sequence of ndarray of int64, shape (n_batches,)
        Batch at each place, for both runs.
    names : tuple of str
        Names of the sortings.

    Returns
    -------
    Figure
        One marker for each batch.
    """
    figure, axes = single_axes((7.5, 4.5))
    for order, name, colour, marker in zip(orders, names, COLOURS, MARKERS, strict=True):
        axes.plot(order, marker, color=colour, markersize=4, alpha=0.7, label=name)
    axes.set(xlabel="place in the order (iorig)", ylabel="batch, in order of time", title="Order of the batches")
    axes.legend(frameon=False)
    return figure


def batch_dissimilarity(found: BatchOrder) -> Figure:
    """Draw the dissimilarity of the batches in order of time (`ccb0`) and as sorted (`ccbsort`).

    Parameters
    ----------
    found : BatchOrder
        Order of the batches of one run.

    Returns
    -------
    Figure
        Two panels on one colour scale.
    """
    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    shown = {"in order of time (ccb0)": found.ccb0, "as sorted (ccbsort)": found.ccbsort}
    known = [np.abs(matrix) for matrix in shown.values() if matrix is not None]
    limit = max((float(np.quantile(matrix, COLOUR_QUANTILE)) for matrix in known), default=1.0) or 1.0
    panels = figure.subplots(1, 2)
    for axes, (title, matrix) in zip(panels, shown.items(), strict=True):
        axes.set(title=title, xlabel="batch", ylabel="batch")
        if matrix is None:
            write_message(axes, "not kept")
            continue
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        figure.colorbar(image, ax=axes, label="dissimilarity (SD of a column)", extend="both")
    panels[1].set(xlabel="place in the order", ylabel="place in the order")
    figure.suptitle(f"Batches of {found.name}", fontsize=11)
    return figure


def batch_places(found: BatchOrder) -> Figure:
    """Draw the place of each batch over time and against the displacement.

    Parameters
    ----------
    found : BatchOrder
        Order of the batches of one run.

    Returns
    -------
    Figure
        Two panels.
    """
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    over_time, against = figure.subplots(1, 2)
    over_time.plot(found.time_s, found.place, MARKERS[0], color=COLOURS[0], markersize=4)
    over_time.set(xlabel="time (s)", ylabel="place in the order")
    figure.suptitle(f"Order of the batches of {found.name}\n{found.sentence}", fontsize=10)
    if found.displacement_um is None:
        write_message(against, "The displacement is not known.")
        return figure
    twin = over_time.twinx()
    twin.plot(found.time_s, found.displacement_um, color=COLOURS[1], linewidth=1.2)
    twin.set_ylabel(f"displacement of {found.displacement_source} (µm)", color=COLOURS[1])
    against.plot(found.displacement_um, found.place, MARKERS[0], color=COLOURS[0], markersize=4)
    against.set(xlabel="displacement (µm)", ylabel="place in the order")
    return figure
