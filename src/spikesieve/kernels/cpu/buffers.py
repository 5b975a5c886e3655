"""Large arrays that each worker keeps from block to block.

Fresh memory costs a page fault for every 4 kB: for a large array that can be more time than filling it.
"""

from __future__ import annotations

import threading
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


class Buffers:
    """Named float32 arrays of each thread. Pickles without its contents."""

    def __init__(self) -> None:
        self._flat: defaultdict[int, dict[str, F32]] = defaultdict(dict)

    def take(self, name: str, shape: tuple[int, ...]) -> F32:
        """Take an array with arbitrary contents.

        Parameters
        ----------
        name : str
            Name of the array. It is valid until the same thread takes the same name again.
        shape : tuple of int
            Its shape.

        Returns
        -------
        ndarray of float32
            C contiguous.
        """
        size = int(np.prod(shape))
        own = self._flat[threading.get_ident()]
        flat = own.get(name)
        if flat is None or flat.size < size:
            flat = np.empty(size, np.float32)
            own[name] = flat
        return flat[:size].reshape(shape)

    def clear(self) -> None:
        """Give back all memory, of all threads."""
        self._flat.clear()

    def __reduce__(self) -> tuple[type[Buffers], tuple[()]]:
        return Buffers, ()
