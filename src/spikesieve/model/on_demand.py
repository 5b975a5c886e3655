"""Tables whose rows are computed when they are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesieve.model.types import F32, I64


class RowsOnDemand(ABC):
    """Rows that are computed from other arrays when they are read, so that they are stored nowhere.

    Subclasses are frozen dataclasses of those arrays. A part is read as from an array, `numpy.asarray` computes all.
    """

    dtype = np.dtype(np.float32)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""

    @abstractmethod
    def rows(self, numbers: I64) -> F32:
        """Compute rows.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n,)
            Their numbers.

        Returns
        -------
        ndarray of float32, shape (n, ...)
            The rows.
        """

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> F32:
        """Compute the rows that a slice, number, array of numbers or mask chooses; all of them for several axes."""
        if isinstance(key, tuple):
            return np.asarray(np.asarray(self)[key])
        numbers = np.arange(len(self))[key]
        return self.rows(numbers) if numbers.ndim else self.rows(numbers[None])[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Compute all rows."""
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)
