"""Operations on vectors of 16 float32: those of `vector_llvm`, or of `vector_plain` where these do not compile.

`vector_llvm` asks llvmlite for vector instructions. llvmlite changes between versions, so all operations are compiled
once (then they come from Numba's cache); where that fails there is a warning, and kernels run with `vector_plain`,
slower and with the same results up to rounding. SPIKESIEVE_PLAIN_NUMBA=1 in the environment chooses `vector_plain`; it
is read once, when this module is imported.
"""

import os
import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar, cast

import numba as nb
from numba.core.errors import NumbaError

Function = TypeVar("Function", bound=Callable[..., Any])

PLAIN, LLVM = "spikesieve.kernels.cpu.vector_plain", "spikesieve.kernels.cpu.vector_llvm"
WANTS_PLAIN = os.environ.get("SPIKESIEVE_PLAIN_NUMBA", "0") not in ("", "0")


def _operations() -> ModuleType:
    if not WANTS_PLAIN:
        try:
            operations = import_module(LLVM)
            operations.compile_all()
        except (ImportError, AttributeError, TypeError, ValueError, RuntimeError, NumbaError) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            warnings.warn(
                f"The vector operations do not compile with the installed llvmlite ({reason}). Kernels run with plain "
                "Numba instead: the same results up to rounding, but much slower. Install the versions of numba and "
                "llvmlite that spikesieve asks for.",
                RuntimeWarning,
                stacklevel=2,
            )
        else:
            return operations
    return import_module(PLAIN)


_chosen = _operations()
IS_PLAIN = _chosen.__name__ == PLAIN

LANES: int = _chosen.LANES
HAS_AVX512: bool = _chosen.HAS_AVX512
load: Any = _chosen.load
store: Any = _chosen.store
transpose: Any = _chosen.transpose
splat: Any = _chosen.splat
plus: Any = _chosen.plus
minus: Any = _chosen.minus
times: Any = _chosen.times
times_plus: Any = _chosen.times_plus
magnitude: Any = _chosen.magnitude
where_above: Any = _chosen.where_above
any_above: Any = _chosen.any_above


def compiled(kernel: Function) -> Function:
    """Compile a function that uses these operations, with a cache of its own for each way of doing them.

    Numba keeps compiled code by the name and the bytecode of a function. Both are the same whichever operations it
    calls, so the name tells them apart.

    Parameters
    ----------
    kernel : callable
        Arrays and scalars in and out.

    Returns
    -------
    callable
        The function compiled by ``numba.njit(cache=True, nogil=True)``.
    """
    return _compile(kernel)


def merged(kernel: Function) -> Function:
    """Compile a function as a part of the one place that calls it: as a function of its own it is compiled twice.

    Parameters
    ----------
    kernel : callable
        As in `compiled`.

    Returns
    -------
    callable
        The compiled function.
    """
    return _compile(kernel, inline="always")


def inlined(kernel: Function) -> Function:
    """Compile a small function so that it becomes a part of its callers. Calls hand over ten numbers for an array.

    Parameters
    ----------
    kernel : callable
        As in `compiled`.

    Returns
    -------
    callable
        The compiled function.
    """
    return _compile(kernel, forceinline=True)


def _compile(kernel: Function, **options: Any) -> Function:
    if IS_PLAIN:
        kernel.__qualname__ += "_plain"
    return cast(Function, nb.njit(cache=True, nogil=True, **options)(kernel))
