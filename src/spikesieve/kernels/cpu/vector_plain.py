"""The operations of `vector_llvm` in Numba alone: the fallback where llvmlite does not compile those.

A vector is a tuple of four tuples of four float32. The results are those of the LLVM operations to the last bit, but
for the rounding of `times_plus`.

Numba makes scalar instructions of tuples. On an AMD EPYC with AVX-512 (benchmarks/kernels.py, 64 contacts) project,
template_scores and universal_scores take 23 to 30 times as long, butterworth 10 times, subtract_median 6 times: 1.4 s
for a second of recording instead of 0.06 s. With NUMBA_SLP_VECTORIZE=1 in the environment: 16 to 22, 6 and 1 times.
"""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Four = tuple[np.float32, np.float32, np.float32, np.float32]
Sixteen = tuple[Four, Four, Four, Four]

LANES = 16
# Six sums at a time: twelve would not fit into registers.
HAS_AVX512 = False

_inlined = nb.njit(nogil=True, forceinline=True)


@_inlined
def load(array: F32, index: int) -> Sixteen:
    """Read 16 numbers.

    Parameters
    ----------
    array : ndarray of float32, C contiguous
        Any number of dimensions.
    index : int
        Index of the first number in ``array.ravel()``; not checked.

    Returns
    -------
    vector
        ``array.ravel()[index : index + 16]``.

    Examples
    --------
    >>> x = np.arange(32, dtype=np.float32)
    >>> load(x, 3)[0]
    (3.0, 4.0, 5.0, 6.0)
    """
    return (
        _load_four(array, index),
        _load_four(array, index + 4),
        _load_four(array, index + 8),
        _load_four(array, index + 12),
    )


@_inlined
def _load_four(array: F32, index: int) -> Four:
    flat = array.flat
    return flat[index], flat[index + 1], flat[index + 2], flat[index + 3]


@_inlined
def store(array: F32, index: int, values: Sixteen) -> None:
    """Write 16 numbers.

    Parameters
    ----------
    array : ndarray of float32, C contiguous
        Changed in place: ``array.ravel()[index : index + 16] = values``.
    index : int
        Not checked.
    values : vector
        What is written.
    """
    _store_four(array, index, values[0])
    _store_four(array, index + 4, values[1])
    _store_four(array, index + 8, values[2])
    _store_four(array, index + 12, values[3])


@_inlined
def _store_four(array: F32, index: int, values: Four) -> None:
    flat = array.flat
    flat[index], flat[index + 1], flat[index + 2], flat[index + 3] = values


@_inlined
def transpose(source: F32, index: int, step: int, target: F32, at: int, to: int) -> None:
    """Write 16 rows of one array as 16 columns of another.

    Parameters
    ----------
    source : ndarray of float32, C contiguous
        Read: for i, j = 0..15 ``target.ravel()[at + i * to + j] = source.ravel()[index + j * step + i]``.
    index, step : int
        Where the first row starts, and the distance between rows; not checked.
    target : ndarray of float32, C contiguous
        Changed in place.
    at, to : int
        Where the first row of the target starts, and the distance between its rows; not checked.
    """
    read, written = source.flat, target.flat
    for i in range(LANES):
        for j in range(LANES):
            written[at + i * to + j] = read[index + j * step + i]


@_inlined
def splat(value: np.float32) -> Sixteen:
    """Repeat one number.

    Parameters
    ----------
    value : float32
        The number.

    Returns
    -------
    vector
        `value` in all 16 places.
    """
    four = value, value, value, value
    return four, four, four, four


@_inlined
def plus(a: Sixteen, b: Sixteen) -> Sixteen:
    """Add two vectors.

    Parameters
    ----------
    a, b : vector
        The summands.

    Returns
    -------
    vector
        ``a + b``.
    """
    return _plus(a[0], b[0]), _plus(a[1], b[1]), _plus(a[2], b[2]), _plus(a[3], b[3])


@_inlined
def _plus(a: Four, b: Four) -> Four:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@_inlined
def minus(a: Sixteen, b: Sixteen) -> Sixteen:
    """Subtract a vector from another.

    Parameters
    ----------
    a, b : vector
        From which, and what is subtracted.

    Returns
    -------
    vector
        ``a - b``.
    """
    return _minus(a[0], b[0]), _minus(a[1], b[1]), _minus(a[2], b[2]), _minus(a[3], b[3])


@_inlined
def _minus(a: Four, b: Four) -> Four:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]


@_inlined
def times(a: Sixteen, b: Sixteen) -> Sixteen:
    """Multiply two vectors, place by place.

    Parameters
    ----------
    a, b : vector
        The factors.

    Returns
    -------
    vector
        ``a * b``.
    """
    return _times(a[0], b[0]), _times(a[1], b[1]), _times(a[2], b[2]), _times(a[3], b[3])


@_inlined
def _times(a: Four, b: Four) -> Four:
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]


@_inlined
def magnitude(a: Sixteen) -> Sixteen:
    """Drop the signs.

    Parameters
    ----------
    a : vector
        Numbers of either sign.

    Returns
    -------
    vector
        ``|a|``.
    """
    return _magnitude(a[0]), _magnitude(a[1]), _magnitude(a[2]), _magnitude(a[3])


@_inlined
def _magnitude(a: Four) -> Four:
    return abs(a[0]), abs(a[1]), abs(a[2]), abs(a[3])


@_inlined
def where_above(a: Sixteen, b: Sixteen, yes: Sixteen, no: Sixteen) -> Sixteen:
    """Choose between two vectors, place by place.

    Parameters
    ----------
    a, b : vector
        What is compared.
    yes, no : vector
        Taken where ``a > b``, and elsewhere (also where a number is NaN).

    Returns
    -------
    vector
        The chosen numbers.
    """
    return (
        _where_above(a[0], b[0], yes[0], no[0]),
        _where_above(a[1], b[1], yes[1], no[1]),
        _where_above(a[2], b[2], yes[2], no[2]),
        _where_above(a[3], b[3], yes[3], no[3]),
    )


@_inlined
def _where_above(a: Four, b: Four, yes: Four, no: Four) -> Four:
    return (
        yes[0] if a[0] > b[0] else no[0],
        yes[1] if a[1] > b[1] else no[1],
        yes[2] if a[2] > b[2] else no[2],
        yes[3] if a[3] > b[3] else no[3],
    )


@_inlined
def any_above(a: Sixteen, b: Sixteen) -> np.bool_:
    """Say whether a vector exceeds another anywhere.

    Parameters
    ----------
    a, b : vector
        What is compared.

    Returns
    -------
    bool
        True where ``a > b`` in at least one of the 16 places.

    Examples
    --------
    >>> x = np.arange(16, dtype=np.float32)
    >>> any_above(load(x, 0), splat(np.float32(14.5)))
    True
    """
    return _any_above(a[0], b[0]) | _any_above(a[1], b[1]) | _any_above(a[2], b[2]) | _any_above(a[3], b[3])


@_inlined
def _any_above(a: Four, b: Four) -> np.bool_:
    return (a[0] > b[0]) | (a[1] > b[1]) | (a[2] > b[2]) | (a[3] > b[3])


def times_plus(a: Any, b: Any, c: Any) -> Any:
    """Multiply and add, for vectors and for single numbers; only compiled functions can call it.

    Parameters
    ----------
    a, b, c : vector or float32
        All three of one kind.

    Returns
    -------
    vector or float32
        ``a * b + c``. The product is exact in float64, so the result is rounded twice: to float64, then to float32.
        It differs from the single rounding of `vector_llvm` in about one of 10^8 cases, by the last bit. In float32
        alone the compiler could round the product or not, and then not always alike.
    """
    raise NotImplementedError("times_plus can only be called from compiled functions.")


@overload(times_plus, jit_options={"nogil": True, "forceinline": True})
def _times_plus(a: Any, b: Any, c: Any) -> Any:
    return _times_plus_sixteen if isinstance(a, types.BaseTuple) else _times_plus_one


def _times_plus_sixteen(a: Any, b: Any, c: Any) -> Any:
    return (
        _four_times_plus(a[0], b[0], c[0]),
        _four_times_plus(a[1], b[1], c[1]),
        _four_times_plus(a[2], b[2], c[2]),
        _four_times_plus(a[3], b[3], c[3]),
    )


@_inlined
def _four_times_plus(a: Four, b: Four, c: Four) -> Four:
    return (
        _one_times_plus(a[0], b[0], c[0]),
        _one_times_plus(a[1], b[1], c[1]),
        _one_times_plus(a[2], b[2], c[2]),
        _one_times_plus(a[3], b[3], c[3]),
    )


def _times_plus_one(a: Any, b: Any, c: Any) -> Any:
    return _one_times_plus(a, b, c)


@_inlined
def _one_times_plus(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))
