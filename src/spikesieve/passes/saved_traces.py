"""The preprocessed traces of a sort, computed again from its stored steps."""

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

# int16 steps per noise SD. Values up to 163 SD fit, and rounding errors are far below the noise.
STEPS_PER_SD = 200


@dataclass(frozen=True, eq=False)
class WhiteAsInt16(BlockTask[I16]):
    """Convert the whitened traces of a block to int16."""

    @property
    def margin_samples(self) -> int:
        """0: no margin."""
        return 0

    def __call__(self, clean: Clean, core: Core, backend: Backend) -> I16:
        """Return (n_samples, n_contacts) int16."""
        return to_int16(clean.white)


def to_int16(white: F32) -> I16:
    """Convert whitened traces to int16, with 200 steps per noise SD.

    Parameters
    ----------
    white : ndarray of float32, shape (n_contacts, n_samples)
        Whitened traces in noise SD.

    Returns
    -------
    ndarray of int16, shape (n_samples, n_contacts)
        The same, clipped at the limits of int16.

    Examples
    --------
    >>> to_int16(np.array([[1.0, -0.5, 1000.0]], np.float32)).ravel()
    array([  200,  -100, 32767], dtype=int16)
    """
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(white.T * STEPS_PER_SD), limits.min, limits.max).astype(np.int16)


def source_as_sorted(store: Store, source: Source) -> Source:
    """Restore the preprocessing that a sort used for template matching.

    Parameters
    ----------
    store : Store
        Steps of the sort.
    source : Source
        The recording that was sorted.

    Returns
    -------
    Source
        The recording with this preprocessing, and with drift correction of the traces if the sort used it.
    """
    source = source.with_preprocessing(store.read("preprocessing"))
    return source.with_shift(store.read("trace shift")) if "trace shift" in store.index() else source


def white_blocks(run: Run, source: Source) -> Iterator[tuple[int, I16]]:
    """Read the whitened traces of the whole recording.

    Parameters
    ----------
    run : Run
        Executor, backend, store and progress.
    source : Source
        The recording, from `source_as_sorted`.

    Yields
    ------
    (int, ndarray of int16, shape (n_samples, n_contacts))
        First sample and traces of each block, in order of time.
    """
    traces = run.map(WhiteAsInt16(source), source.blocks, "preprocessed traces")
    for block, samples in zip(source.blocks, traces, strict=True):
        yield block.start, samples
