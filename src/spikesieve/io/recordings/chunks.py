"""Decoded pieces of a compressed source, kept for a short while: blocks overlap, and several begin in one piece."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Cached(Protocol):
    """A frozen dataclass of samples that keeps chunks in a field `cache`."""

    cache: ChunkCache

    @property
    def held_bytes(self) -> int:
        """Bytes of the chunks that are kept at most."""


class ChunkCache:
    """The chunks that were asked for last. Threads that ask for one at the same time wait for one decoding.

    It pickles empty.

    Parameters
    ----------
    n_kept : int
        Chunks to keep.

    Examples
    --------
    >>> cache = ChunkCache(2)
    >>> cache.get(7, lambda: np.zeros((3, 1))).shape
    (3, 1)
    """

    def __init__(self, n_kept: int) -> None:
        self.n_kept = n_kept
        self._lock = Lock()
        self._chunks: OrderedDict[Hashable, Future[NDArray[np.generic]]] = OrderedDict()

    def __reduce__(self) -> tuple[type[ChunkCache], tuple[int]]:
        return ChunkCache, (self.n_kept,)

    def get(self, key: Hashable, decode: Callable[[], NDArray[np.generic]]) -> NDArray[np.generic]:
        """Return a chunk, decoded now or kept from before.

        Parameters
        ----------
        key : Hashable
            Which chunk of which source: one cache serves all files of a recording.
        decode : callable
            Decodes it.

        Returns
        -------
        ndarray
            The chunk, shared by all who ask for it: not to be written to.
        """
        with self._lock:
            chunk = self._chunks.get(key)
            is_new = chunk is None
            if chunk is None:
                chunk = self._chunks[key] = Future()
            self._chunks.move_to_end(key)
            while len(self._chunks) > self.n_kept:
                self._chunks.popitem(last=False)
        if is_new:
            try:
                chunk.set_result(decode())
            except BaseException as error:
                with self._lock:
                    self._chunks.pop(key, None)
                chunk.set_exception(error)
                raise
        return chunk.result()
