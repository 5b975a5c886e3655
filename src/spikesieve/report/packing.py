"""Arrays on their way into the page: as codes of 16 bits, as base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = 65_535
"""The code of a value that is not a number; 0..65534 are values."""


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array for the scripts: type, shape, little-endian bytes in base64."""
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": array.dtype.name,
        "shape": array.shape,
        "base64": base64.b64encode(little.tobytes()).decode("ascii"),
    }


def codes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint16]:
    """Values as 0..65534 between low and high, those beyond at the border; 65535 is no number."""
    share = (values.astype(np.float64) - low) / max(high - low, 1e-12)
    known = np.isfinite(share)
    codes = np.clip(np.where(known, share, 0), 0, 1) * (MISSING - 1)
    return np.where(known, np.round(codes), MISSING).astype(np.uint16)
