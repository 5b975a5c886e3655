"""The preprocessed traces of a sort, read again from its store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesieve.engine.run import BlockTask, Core, Run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.kernels.backend import Backend
from spikesieve.model import F32
from spikesieve.stages.preprocess import Clean

I16 = NDArray[np.int16]

# int16 steps of one noise SD: values to +-163 SD fit, and rounding is far below the noise.
STEPS_PER_SD = 200


@dataclass(frozen=True, eq=False)
class WhiteAsInt16(BlockTask[I16]):
    """Whitened traces of a block as int16."""

    @property
    def margin_samples(self) -> int:
        """None."""
        return 0

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> I16:
        """Return (n_samples, n_contacts) int16."""
        return to_int16(clean.white)


def to_int16(white: F32) -> I16:
    """Convert whitened traces to int16, 200 steps to a noise SD.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        In noise SD.

    Returns
    -------
    ndarray of int16, shape (n_samples, n_contacts)
        Clipped at the limits of int16.

    Examples
    --------
    >>> to_int16(np.array([[1.0, -0.5, 1000.0]], np.float32)).ravel()
    array([  200,  -100, 32767], dtype=int16)
    """
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(white.T * STEPS_PER_SD), limits.min, limits.max).astype(np.int16)


def source_as_sorted(store: Store, source: Source) -> Source:
    """Find out how a recording was preprocessed for the last matching.

    Parameters
    ----------
    store : Store
        Holds the steps of a sort.
    source : Source
        The recording that was sorted.

    Returns
    -------
    Source
        With the preprocessing that was used, and traces moved with the tissue where they were.
    """
    source = source.with_preprocessing(store.read("preprocessing"))
    return source.with_shift(store.read("trace shift")) if "trace shift" in store.index() else source


def white_blocks(run: Run, source: Source) -> Iterator[tuple[int, I16]]:
    """Read the whitened traces of the whole recording.

    Parameters
    ----------
    run : Run
        Resources.
    source : Source
        As it was sorted.

    Yields
    ------
    (int, ndarray of int16)
        First sample, and (n_samples, n_contacts) values of each block, in order of time.
    """
    traces = run.map(WhiteAsInt16(source), source.blocks, "preprocessed traces")
    for block, samples in zip(source.blocks, traces, strict=True):
        yield block.start, samples
