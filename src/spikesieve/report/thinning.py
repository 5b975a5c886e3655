"""Some rows of many, so that what is drawn has a bound."""

from __future__ import annotations

import numpy as np

from spikesieve.model import I64


def evenly(n: int, most: int) -> I64:
    """At most `most` of the rows 0..n-1, evenly taken, the first and the last among them: (m,) int64."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)
