"""Whether the bytes of integers were read in the wrong order: signals are then noise over the whole range."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# Steps from sample to sample are smaller in the right order than in the wrong one, in which the byte that counts 256
# times as much has become the one that changes: by a factor of 256 for small signals, and never by less than 2.
MIN_RATIO = 2.0


def is_byte_swapped(pieces: Iterable[NDArray[np.generic]]) -> bool:
    """Tell whether raw integers are smoother with their bytes swapped.

    Parameters
    ----------
    pieces : iterable of ndarray of any number, shape (n_samples, n_channels)
        Raw samples of some parts of a file.

    Returns
    -------
    bool
        True if steps from one sample to the next are clearly smaller with swapped bytes; False for floats.

    Examples
    --------
    >>> samples = np.arange(60, dtype=np.int16).reshape(30, 2)
    >>> is_byte_swapped([samples]), is_byte_swapped([samples.byteswap()])
    (False, True)
    """
    integers = [piece for piece in pieces if piece.dtype.kind in "iu" and len(piece) > 1]
    if not integers:
        return False
    as_read, swapped = (
        np.mean([_step(piece) for piece in group]) for group in (integers, [each.byteswap() for each in integers])
    )
    return bool(as_read > MIN_RATIO * swapped)


def _step(piece: NDArray[np.generic]) -> float:
    """Mean size of the steps from one sample to the next."""
    return float(np.abs(np.diff(piece.astype(np.float64), axis=0)).mean())
