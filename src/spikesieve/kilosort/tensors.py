"""Arrays that are asked for as if they were PyTorch's, without PyTorch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


class TensorLike(np.ndarray[Any, np.dtype[Any]]):
    """An array with the calls that scripts use to turn a tensor into an array. They all change nothing."""

    def cpu(self) -> TensorLike:
        """Return the array.

        Returns
        -------
        TensorLike
            The same.
        """
        return self

    def detach(self) -> TensorLike:
        """Return the array.

        Returns
        -------
        TensorLike
            The same.
        """
        return self

    def numpy(self) -> NDArray[Any]:
        """Return the array as NumPy's.

        Returns
        -------
        ndarray
            The same values, not copied.
        """
        return self.view(np.ndarray)


def as_tensor(array: NDArray[Any]) -> Any:
    """Make a tensor of an array, where the script has imported PyTorch; else an array with a tensor's calls.

    Parameters
    ----------
    array : ndarray
        Any array.

    Returns
    -------
    torch.Tensor or TensorLike
        The same values, not copied.

    Examples
    --------
    >>> as_tensor(np.arange(3)).cpu().numpy()
    array([0, 1, 2])
    """
    torch = sys.modules.get("torch")
    return array.view(TensorLike) if torch is None else torch.from_numpy(array)
