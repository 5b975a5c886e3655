"""Reads the traces of a result in pieces of one length, of any kind. The heavy parts are shared by several kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from spikesieve.engine.source import Source
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32
from spikesieve.views.trace_prediction import FittedSpikes
from spikesieve.views.trace_tiles import TILE_SAMPLES
from spikesieve.views.traces import Kind, Span, only_filtered, preprocessed_traces, raw_traces, residual

Part = Literal["raw", "highpassed", "preprocessed", "predicted"]
Arrays = tuple[NDArray[Any], ...]


def span_of(index: int) -> Span:
    """Say which samples a tile has.

    Parameters
    ----------
    index : int
        Its place in time.

    Returns
    -------
    (int, int)
        First sample, and the one after the last.
    """
    return index * TILE_SAMPLES, (index + 1) * TILE_SAMPLES


@dataclass(frozen=True, eq=False)
class TraceReader:
    """Reads the traces of a recording, and what the units explain of them.

    Attributes
    ----------
    source : Source
        The recording and its preprocessing.
    backend : Backend
        Runs the array operations.
    fitted : FittedSpikes or None
        The spikes of the result; None if there are none, or if it is not known what they explain.
    """

    source: Source
    backend: Backend
    fitted: FittedSpikes | None = None

    def part(self, name: Part, index: int) -> Arrays:
        """Compute what one or several kinds are made of. This is the work worth keeping.

        Parameters
        ----------
        name : {"raw", "highpassed", "preprocessed", "predicted"}
            What to compute.
        index : int
            Place of the tile in time.

        Returns
        -------
        tuple of ndarray, shape (n_contacts, 8192) each
            One array; for "preprocessed" those of `Preprocessed`, two where nothing is blanked.
        """
        span = span_of(index)
        if name == "raw":
            return (raw_traces(self.source, span),)
        if name == "highpassed":
            return (preprocessed_traces(only_filtered(self.source), span, self.backend).uv,)
        if name == "preprocessed":
            found = preprocessed_traces(self.source, span, self.backend)
            return (found.uv, found.white, *(() if found.blanked is None else (found.blanked,)))
        return () if self.fitted is None else (self.fitted.predicted(span, self.backend),)

    def traces(self, kind: Kind, part: Callable[[Part], Arrays]) -> F32:
        """Make traces of a kind from their parts.

        Parameters
        ----------
        kind : Kind
            What is asked for.
        part : callable
            Gives a part by its name: from `part`, or one that was kept.

        Returns
        -------
        ndarray of float32, shape (n_contacts, 8192)
            The traces.
        """
        if kind in ("raw", "highpassed"):
            return part("raw" if kind == "raw" else "highpassed")[0]
        if kind in ("referenced", "whitened"):
            return part("preprocessed")[kind == "whitened"]
        (predicted,) = part("predicted")
        if kind in ("white_predicted", "white_residual"):
            predicted = self.backend.mix(predicted, self.source.preprocessing.whitening)
        if kind in ("predicted", "white_predicted"):
            return predicted
        uv, white, *blanked = part("preprocessed")
        return residual(white if kind == "white_residual" else uv, predicted, blanked[0] if blanked else None)
