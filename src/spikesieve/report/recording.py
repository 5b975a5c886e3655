"""The picture of a recording before it is sorted: its probe, and some traces, raw and high-passed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spikesieve.model import F32, F64, I64, Probe

# Labels of more contacts would lie over each other.
MAX_LABELS = 64
# Distance of the traces, in their SD: neighbours touch but do not cover one another.
SPREAD_APART = 8.0
MAD_TO_SD = 1.4826


@dataclass(frozen=True, eq=False)
class TracesShown:
    """What the picture shows.

    Attributes
    ----------
    probe : Probe
        All contacts.
    contacts : ndarray of int64, shape (n_shown,)
        Contacts whose traces are shown, from the lowest to the highest.
    raw_uv, filtered_uv : ndarray of float32, shape (n_shown, n_samples)
        Their traces, as recorded and high-passed.
    sampling_hz : float
        Sampling rate in Hz.
    start_s : float
        Time of the first sample in s.
    unit : str
        Unit of the traces.
    name : str
        Name of the recording.
    has_places : bool
        False if the probe is not known, so that contacts only stand for the channels in the order of the file.
    """

    probe: Probe
    contacts: I64
    raw_uv: F32
    filtered_uv: F32
    sampling_hz: float
    start_s: float
    unit: str
    name: str
    has_places: bool = True


def draw_recording(shown: TracesShown) -> Figure:
    """Draw the probe and the traces. Channels in a wrong number or order are seen as diagonals or unlike neighbours.

    Parameters
    ----------
    shown : TracesShown
        Probe and traces.

    Returns
    -------
    Figure
        Three panels: the contacts with their channels, raw traces, high-passed traces.
    """
    figure = Figure(figsize=(15.0, 8.0), layout="constrained")
    unknown = "" if shown.has_places else ". The probe is not known: channels are in the order of the file"
    figure.suptitle(f"{shown.name}{unknown}", fontsize=11)
    probe_axes, raw_axes, filtered_axes = figure.subplots(1, 3, width_ratios=(1.0, 2.2, 2.2))
    _draw_probe(probe_axes, shown)
    offsets = np.median(shown.raw_uv, axis=1, keepdims=True)
    _draw_traces(raw_axes, shown, shown.raw_uv - offsets, "raw, without offsets")
    _draw_traces(filtered_axes, shown, shown.filtered_uv, "high-passed")
    return figure


def _draw_probe(axes: Axes, shown: TracesShown) -> None:
    x, y = shown.probe.positions_um.T
    axes.scatter(x, y, s=12, c=shown.probe.shanks % 10, cmap="tab10", vmin=0, vmax=9, marker="s")
    labelled = shown.contacts if shown.probe.n_contacts > MAX_LABELS else np.arange(shown.probe.n_contacts)
    for contact in labelled:
        text = str(shown.probe.channels[contact])
        axes.annotate(text, (x[contact], y[contact]), (4, 0), textcoords="offset points", fontsize=6, va="center")
    axes.margins(x=0.25)
    if shown.has_places:
        axes.set(title="contacts, with their channels", xlabel="x (µm)", ylabel="y (µm)")
    else:
        axes.set(title="channels of the file", xticks=[], yticks=[])


def _draw_traces(axes: Axes, shown: TracesShown, traces: F32, title: str) -> None:
    spread = MAD_TO_SD * np.median(np.abs(traces - np.median(traces, axis=1, keepdims=True)), axis=1)
    spacing = SPREAD_APART * float(np.median(spread)) or 1.0
    seconds: F64 = shown.start_s + np.arange(traces.shape[1]) / shown.sampling_hz
    rows = np.arange(len(traces)) * spacing
    for row, trace in zip(rows, traces, strict=True):
        axes.plot(seconds, trace + row, linewidth=0.4, color="#0072B2")
    axes.set_yticks(rows, [str(channel) for channel in shown.probe.channels[shown.contacts]], fontsize=7)
    axes.set(title=f"{title}; traces {spacing:.3g} {shown.unit} apart", xlabel="time (s)", ylabel="channel")
    axes.set_ylim(rows[0] - 1.5 * spacing, rows[-1] + 1.5 * spacing)
    axes.margins(x=0)
