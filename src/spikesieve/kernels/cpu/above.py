"""Whether any number of a part of an array exceeds a limit."""

import numpy as np
from numpy.typing import NDArray

from spikesieve.kernels.cpu.vector import LANES, any_above, compiled, load, splat

F32 = NDArray[np.float32]


@compiled
def may_exceed(numbers: F32, first: int, stop: int, limit: float) -> bool:
    """Say whether a number may exceed a limit.

    Parameters
    ----------
    numbers : ndarray of float32, C contiguous
        The numbers.
    first, stop : int
        Index in ``numbers.ravel()`` of the first number that is looked at, and the one after the last.
    limit : float
        The limit. It is lowered by a hundred thousandth, so that no rounding hides a number that reaches it.

    Returns
    -------
    bool
        False only where none of the numbers exceeds the limit. Up to 15 numbers after the last may count as well.
    """
    lowered = np.float32(limit - 1e-5 * (1.0 + abs(limit)))
    for at in range(first, stop, LANES):
        if at + LANES > numbers.size:
            rest = numbers.ravel()[at:stop]
            for x in rest:
                if x > lowered:
                    return True
        elif any_above(load(numbers, at), splat(lowered)):
            return True
    return False
