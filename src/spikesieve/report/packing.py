"""Pack arrays into the page: as codes of 16 bits, as base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = 65_535
"""Code of a value that is not a number. The codes 0 to 65534 are values."""


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """Pack an array for the scripts of the page.

    Parameters
    ----------
    array : ndarray
        Numbers of any type and shape.

    Returns
    -------
    dict
        `dtype`, `shape` and the little-endian bytes as `base64`.

    Examples
    --------
    >>> packed(np.array([1, 2], np.uint8))
    {'dtype': 'uint8', 'shape': (2,), 'base64': 'AQI='}
    """
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.name,
        "shape": array.shape,
        "base64": base64.b64encode(little.tobytes()).decode("ascii"),
    }


def codes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint16]:
    """Code values in 16 bits.

    Parameters
    ----------
    values : ndarray of float
        Values of any shape.
    low, high : float
        Values with the codes 0 and 65534. Values beyond are clipped.

    Returns
    -------
    ndarray of uint16, shape of `values`
        The codes; `MISSING` for NaN and infinity.

    Examples
    --------
    >>> codes(np.array([0.0, 5.0, 20.0, np.nan]), 0.0, 10.0)
    array([    0, 32767, 65534, 65535], dtype=uint16)
    """
    share = (values.astype(np.float64) - low) / max(high - low, 1e-12)
    known = np.isfinite(share)
    scaled = np.clip(np.where(known, share, 0), 0, 1) * (MISSING - 1)
    return np.where(known, np.round(scaled), MISSING).astype(np.uint16)
