"""Operations on vectors of 16 float32, written for LLVM: loops too short for the compiler to vectorise need them.

LLVM cuts the vectors to the registers of the processor: one of AVX-512, two of AVX2, four of SSE or NEON.
Kernels import the operations from `vector`, which takes `vector_plain` where these do not compile.
"""

from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba as nb
import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

LANES = 16


def _has_avx512() -> bool:
    try:
        return bool(get_host_cpu_features().get("avx512f", False))
    except RuntimeError:  # LLVM cannot tell on this system
        return False


HAS_AVX512 = _has_avx512()

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
# Its stub takes `typing`, which numba passes itself, for an argument of the caller.
_operation: Any = intrinsic


class _Float32x16(types.Type):
    def __init__(self) -> None:
        super().__init__(name="float32x16")


float32x16 = _Float32x16()


@register_model(_Float32x16)
class _Float32x16Model(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)  # type: ignore[no-untyped-call]


def _is_flat(array: Any) -> bool:
    return isinstance(array, types.Array) and array.dtype == types.float32 and array.layout == "C"


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@_operation
def load(typing: Any, array: Any, index: Any) -> Any:
    """Read 16 numbers.

    Parameters
    ----------
    array : C-contiguous array of float32
        Any number of dimensions.
    index : int
        Index of the first number in ``array.ravel()``; not checked.

    Returns
    -------
    float32x16
        ``array.ravel()[index : index + 16]``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *args), align=4)

    return (float32x16(array, types.intp), generate) if _is_flat(array) else None


@_operation
def store(typing: Any, array: Any, index: Any, values: Any) -> Any:
    """Write 16 numbers: ``array.ravel()[index : index + 16] = values``.

    Parameters
    ----------
    array : C-contiguous array of float32
        Changed in place.
    index : int
        Not checked.
    values : float32x16
        What is written.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return (types.none(array, types.intp, float32x16), generate) if _is_flat(array) else None


@_operation
def transpose(typing: Any, source: Any, index: Any, step: Any, target: Any, at: Any, to: Any) -> Any:
    """Write 16 rows of one array as 16 columns of another.

    Parameters
    ----------
    source : C-contiguous array of float32
        Read: for i, j = 0..15 ``target.ravel()[at + i * to + j] = source.ravel()[index + j * step + i]``.
    index, step : int
        Where the first row starts, and the distance between rows; not checked.
    target : C-contiguous array of float32
        Changed in place.
    at, to : int
        Where the first row of the target starts, and the distance between its rows; not checked.

    Notes
    -----
    Blocks of 8, 4, 2 and 1 numbers change places in turn.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def row(array: int, first: int, apart: int, k: int) -> Any:
            place = builder.add(args[first], builder.mul(args[apart], ir.Constant(args[apart].type, k)))
            return _pointer(context, builder, signature.args[array], args[array], place)

        rows = [builder.load(row(0, 1, 2, k), align=4) for k in range(LANES)]
        for d in (8, 4, 2, 1):
            upper = ir.Constant(_BITS, [j if not j & d else LANES + j - d for j in range(LANES)])
            lower = ir.Constant(_BITS, [j + d if not j & d else LANES + j for j in range(LANES)])
            for i in (i for i in range(LANES) if not i & d):
                a, b = rows[i], rows[i + d]
                rows[i], rows[i + d] = (builder.shuffle_vector(a, b, lanes) for lanes in (upper, lower))
        for k in range(LANES):
            builder.store(rows[k], row(3, 4, 5, k), align=4)
        return context.get_dummy_value()

    number = types.intp
    flat = _is_flat(source) and _is_flat(target)
    return (types.none(source, number, number, target, number, number), generate) if flat else None


@_operation
def splat(typing: Any, value: Any) -> Any:
    """Repeat one number.

    Parameters
    ----------
    value : float32
        The number.

    Returns
    -------
    float32x16
        `value` in every lane.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(_BITS, [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), lanes)

    return float32x16(types.float32), generate


@_operation
def plus(typing: Any, a: Any, b: Any) -> Any:
    """Add two vectors.

    Parameters
    ----------
    a, b : float32x16
        The summands.

    Returns
    -------
    float32x16
        ``a + b``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args)

    return float32x16(float32x16, float32x16), generate


@_operation
def minus(typing: Any, a: Any, b: Any) -> Any:
    """Subtract `b` from `a`.

    Parameters
    ----------
    a, b : float32x16
        Two vectors.

    Returns
    -------
    float32x16
        ``a - b``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fsub(*args)

    return float32x16(float32x16, float32x16), generate


@_operation
def times(typing: Any, a: Any, b: Any) -> Any:
    """Multiply two vectors lane by lane.

    Parameters
    ----------
    a, b : float32x16
        The factors.

    Returns
    -------
    float32x16
        ``a * b``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args)

    return float32x16(float32x16, float32x16), generate


@_operation
def times_plus(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Multiply and add, for vectors and for single numbers.

    Parameters
    ----------
    a, b, c : float32x16 or float32
        All three of one kind.

    Returns
    -------
    float32x16 or float32
        ``a * b + c``, rounded once where the processor can, and then always.

    Notes
    -----
    If the compiler chose whether a product and a sum become one operation, a kernel could give other bits when it was
    just compiled than when it comes from the cache.
    """
    kind, suffix = (_VECTOR, f"v{LANES}f32") if a is float32x16 else (ir.FloatType(), "f32")

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        name, of_three = f"llvm.fmuladd.{suffix}", ir.FunctionType(kind, [kind] * 3)
        declared = builder.module.globals.get(name) or ir.Function(builder.module, of_three, name)
        return builder.call(declared, args)

    result = float32x16 if a is float32x16 else types.float32
    return result(result, result, result), generate


@_operation
def magnitude(typing: Any, a: Any) -> Any:
    """Drop the signs.

    Parameters
    ----------
    a : float32x16
        Numbers of either sign.

    Returns
    -------
    float32x16
        ``|a|``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], _BITS)
        return builder.bitcast(builder.and_(bits, ir.Constant(_BITS, [0x7FFFFFFF] * LANES)), _VECTOR)

    return float32x16(float32x16), generate


@_operation
def where_above(typing: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """Choose between two vectors lane by lane.

    Parameters
    ----------
    a, b : float32x16
        What is compared.
    yes, no : float32x16
        Taken where ``a > b``, and elsewhere (also where a number is NaN).

    Returns
    -------
    float32x16
        The chosen numbers.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args[:2]), *args[2:])

    return float32x16(*[float32x16] * 4), generate


@_operation
def any_above(typing: Any, a: Any, b: Any) -> Any:
    """Say whether `a` exceeds `b` in any lane.

    Parameters
    ----------
    a, b : float32x16
        What is compared.

    Returns
    -------
    bool
        True where ``a > b`` in at least one lane.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", *args), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(float32x16, float32x16), generate


def _every_operation(x: NDArray[np.float32]) -> bool:
    """Call each operation once on (32, 16) numbers, so that compiling this function compiles them all."""
    a, b = load(x, 0), splat(times_plus(x[0, 0], x[0, 1], x[0, 2]))
    c = times_plus(a, b, minus(magnitude(a), times(a, plus(a, b))))
    store(x, LANES, where_above(a, b, c, b))
    transpose(x, 0, LANES, x, LANES * LANES, LANES)
    return bool(any_above(a, c))


def compile_all() -> None:
    """Compile every operation once, or load it from Numba's cache.

    Raises
    ------
    AttributeError, TypeError, ValueError, RuntimeError, numba.core.errors.NumbaError
        If this version of llvmlite does not take what the operations ask of it.
    """
    # Numba's cache does not look at llvmlite's version: a new one has to prove itself.
    _every_operation.__qualname__ = f"_every_operation_{llvmlite.__version__.replace('.', '_')}"
    nb.njit(nb.boolean(nb.float32[:, ::1]), cache=True, nogil=True)(_every_operation)
