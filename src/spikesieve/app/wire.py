"""Arrays on their way to the page: a short JSON text about them, and their bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x76535331
"""First four bytes of every message."""
ALIGN = 64
"""Arrays begin at multiples of this, so that the page can look at them without copying."""

AS_THEY_ARE = frozenset({str, int, bool, type(None)})
"""Types that JSON has."""


def message(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any] | None = None) -> bytes:
    """Put arrays and facts into one message.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The arrays; 64-bit ones are sent with 32 bits, which is what the page draws with.
    facts : mapping, optional
        Anything for JSON.

    Returns
    -------
    bytes
        Magic number and length of the JSON text (uint32 each), the text, the arrays (little-endian, aligned).

    Examples
    --------
    >>> len(message({"counts": np.arange(3)})) % 4
    0
    """
    blocks, described, offset = [], [], 0
    for name, array in arrays.items():
        small = array.astype(_small(array.dtype)) if array.dtype.itemsize == 8 else array
        content = np.ascontiguousarray(small, small.dtype.newbyteorder("<")).tobytes()
        described.append({"name": name, "dtype": small.dtype.name, "shape": list(array.shape), "offset": offset})
        blocks.append(content + bytes(-len(content) % ALIGN))
        offset += len(blocks[-1])
    text = json.dumps({"arrays": described, "facts": plain(facts or {})}).encode()
    text += b" " * (-(len(text) + 8) % ALIGN)
    head = np.array([MAGIC, len(text)], "<u4").tobytes()
    return b"".join([head, text, *blocks])


def _small(dtype: np.dtype[Any]) -> str:
    return {"f": "float32", "i": "int32", "u": "uint32"}[dtype.kind]


def plain(value: Any) -> Any:
    """Turn a value into what JSON can say.

    Parameters
    ----------
    value : object
        Numbers of NumPy, mappings and sequences among others.

    Returns
    -------
    object
        The same; None for a number that is not finite.

    Examples
    --------
    >>> plain({"a": np.float32(0.5), "b": [float("nan"), np.int64(3)]})
    {'a': 0.5, 'b': [None, 3]}
    """
    if type(value) in AS_THEY_ARE:  # most values, so that tables of a thousand units are quick
        return value
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
