"""The traces of a part of a recording: raw, at each stage of preprocessing, and what the units explain of them.

Nothing here needs a result: a recording with its preprocessing is enough. What units explain is in `trace_prediction`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from spikesieve.engine.blocks import Block
from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32, I64, Bool, Probe
from spikesieve.stages.preprocess import Preprocessing

Kind = Literal[
    "raw", "highpassed", "referenced", "whitened", "predicted", "residual", "white_predicted", "white_residual"
]
KINDS: tuple[Kind, ...] = (
    *("raw", "highpassed", "referenced", "whitened"),
    *("predicted", "residual", "white_predicted", "white_residual"),
)
WHITE: frozenset[Kind] = frozenset({"whitened", "white_predicted", "white_residual"})
"""In noise SD; the others are in uV."""
Span = tuple[int, int]


def raw_traces(source: Source, span: Span) -> F32:
    """Read a part as it is in the file.

    Parameters
    ----------
    source : Source
        The recording.
    span : (int, int)
        First sample, and the one after the last. It may lie beyond the recording.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        In uV; NaN beyond the recording.
    """
    start, stop = span
    first, last = max(0, start), min(source.recording.n_samples, stop)
    uv = np.full((source.probe.n_contacts, stop - start), np.nan, np.float32)
    if first < last:
        uv[:, first - start : last - start] = source.recording.read_uv(first, last, source.probe.channels).T
    return uv


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """A part as the sorter sees it.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_contacts, n_samples)
        High-passed and referenced, in uV. 0 where something is blanked, NaN outside of what is sorted.
    white : ndarray of float32, shape (n_contacts, n_samples)
        The same whitened, in noise SD.
    blanked : ndarray of bool, shape (n_contacts, n_samples), or None
        What is blanked; None if nothing is.
    """

    uv: F32
    white: F32
    blanked: Bool | None


def preprocessed_traces(source: Source, span: Span, backend: Backend) -> Preprocessed:
    """Preprocess a part as the sorter does, with the same functions and margins.

    Parameters
    ----------
    source : Source
        The recording and its preprocessing.
    span : (int, int)
        First sample, and the one after the last.
    backend : Backend
        Runs the array operations.

    Returns
    -------
    Preprocessed
        The traces.

    Examples
    --------
    >>> from spikesieve import read_probe, recording_from_array
    >>> from spikesieve.kernels import CpuBackend
    >>> from spikesieve.settings.preprocess import PreprocessParams
    >>> recording = recording_from_array(np.zeros((900, 2), np.int16), 30_000.0)
    >>> source = Source.of(recording, read_probe("linear:2:25"), PreprocessParams(), 900)
    >>> uv = preprocessed_traces(source, (800, 1000), CpuBackend()).uv
    >>> uv.shape, int(np.isnan(uv[0]).sum())
    ((2, 200), 100)
    """
    start, stop = span
    for begin, end in source.recording.segments:
        if begin <= start and stop <= end:
            clean = source.clean(Block(0, start, stop, begin, end, (start + stop) / 2), 0, backend)
            return Preprocessed(clean.uv, clean.white, clean.blanked)
    return _between_segments(source, span, backend)


def _between_segments(source: Source, span: Span, backend: Backend) -> Preprocessed:
    start, stop = span
    shape = source.probe.n_contacts, stop - start
    uv, white, blanked = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32), np.zeros(shape, bool)
    for begin, end in source.recording.segments:
        first, last = max(begin, start), min(end, stop)
        if first < last:
            clean = source.clean(Block(0, first, last, begin, end, (start + stop) / 2), 0, backend)
            inside = slice(first - start, last - start)
            uv[:, inside], white[:, inside] = clean.uv, clean.white
            if clean.blanked is not None:
                blanked[:, inside] = clean.blanked
    return Preprocessed(uv, white, blanked)


def residual(traces: F32, predicted: F32, blanked: Bool | None) -> F32:
    """Take away what the units explain.

    Parameters
    ----------
    traces, predicted : ndarray of float32, shape (n_contacts, n_samples)
        Preprocessed traces, and the prediction of the same kind.
    blanked : ndarray of bool, shape (n_contacts, n_samples), or None
        What is blanked; None if nothing is.

    Returns
    -------
    ndarray of float32, shape (n_contacts, n_samples)
        The rest; 0 where something is blanked.
    """
    rest = traces - predicted
    if blanked is not None:
        rest[blanked] = 0.0
    return rest


def only_filtered(source: Source) -> Source:
    """Leave out all that comes after the high-pass: the reference, filled contacts, the whitening, the drift.

    Parameters
    ----------
    source : Source
        The recording and its preprocessing.

    Returns
    -------
    Source
        Its traces are high-passed, without lines of interference and artifacts.
    """
    fitted, n = source.preprocessing, source.probe.n_contacts
    alone: Preprocessing = replace(
        fitted,
        referenced=np.full(n, -1, np.int64),
        interpolation=None,
        whitening=np.zeros((n, n), np.float32),
    )
    return replace(source, preprocessing=alone, shift=None)


def display_order(probe: Probe, by: Literal["depth", "channel"]) -> I64:
    """Order contacts for the screen, shanks apart.

    Parameters
    ----------
    probe : Probe
        The contacts.
    by : {"depth", "channel"}
        Along the shank, the deepest (largest y) first, or by the channel of the file.

    Returns
    -------
    ndarray of int64, shape (n_contacts,)
        Contacts from the top to the bottom of the screen.

    Examples
    --------
    >>> probe = Probe(np.array([[0.0, 0.0], [0.0, 20.0], [9.0, 0.0]]), np.array([2, 0, 1]), np.array([0, 0, 1]))
    >>> display_order(probe, "depth").tolist(), display_order(probe, "channel").tolist()
    ([1, 0, 2], [1, 0, 2])
    """
    x_um, y_um = probe.positions_um.T
    keys = (probe.channels, x_um, -y_um) if by == "depth" else (probe.channels,)
    return np.lexsort((*keys, probe.shanks)).astype(np.int64)
