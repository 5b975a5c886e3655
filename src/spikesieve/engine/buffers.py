"""Large arrays that each worker keeps from block to block.

Fresh memory costs a page fault for every 4 kB: for a large array that can be more time than filling it.
"""

from __future__ import annotations

import threading
from collections import defaultdict

import numpy as np

from spikesieve.engine.heap import give_back
from spikesieve.model import F32


class Buffers:
    """Named float32 arrays of each thread. A buffer is valid until the same thread takes the same name again."""

    def __init__(self) -> None:
        self._flat: defaultdict[int, dict[str, F32]] = defaultdict(dict)

    def take(self, name: str, shape: tuple[int, ...]) -> F32:
        """An array of this shape with arbitrary contents, C contiguous."""
        size = int(np.prod(shape))
        mine = self._flat[threading.get_ident()]
        flat = mine.get(name)
        if flat is None or flat.size < size:
            flat = np.empty(size, np.float32)
            mine[name] = flat
        return flat[:size].reshape(shape)

    def clear(self) -> None:
        """Give all memory back, of all threads: between two passes nobody needs it."""
        self._flat.clear()
        give_back()
