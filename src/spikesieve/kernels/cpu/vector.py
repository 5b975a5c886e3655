"""Sixteen float32 at once, for loops too short for the compiler to make vectors of them by itself.

LLVM cuts the vectors to what the processor has: one register of AVX-512, two of AVX2, four of SSE or NEON.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, models, register_model

LANES = 16

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
    """array.ravel()[index : index + 16] of a C-contiguous float32 array; the index is not checked."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *args), align=4)

    return (float32x16(array, types.intp), generate) if _is_flat(array) else None


@_operation
def store(typing: Any, array: Any, index: Any, values: Any) -> Any:
    """array.ravel()[index : index + 16] = values, likewise."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return (types.none(array, types.intp, float32x16), generate) if _is_flat(array) else None


@_operation
def transpose(typing: Any, source: Any, index: Any, step: Any, target: Any, at: Any, to: Any) -> Any:
    """target.ravel()[at + i to + j] = source.ravel()[index + j step + i] for i, j = 0..15: 16 rows into 16 columns.

    Both arrays are C-contiguous float32; the indices are not checked. Blocks of 8, 4, 2 and 1 change places in turn.
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
    """One number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        lanes = ir.Constant(_BITS, [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), lanes)

    return float32x16(types.float32), generate


@_operation
def plus(typing: Any, a: Any, b: Any) -> Any:
    """a + b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args)

    return float32x16(float32x16, float32x16), generate


@_operation
def minus(typing: Any, a: Any, b: Any) -> Any:
    """a - b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fsub(*args)

    return float32x16(float32x16, float32x16), generate


@_operation
def times(typing: Any, a: Any, b: Any) -> Any:
    """a b."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args)

    return float32x16(float32x16, float32x16), generate


@_operation
def times_plus(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c of vectors or of numbers, rounded once where the processor can, and then always.

    Were it left to the compiler whether a product and a sum become one operation, a kernel could give other bits when
    it was just compiled than when it comes from the cache.
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
    """|a|."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], _BITS)
        return builder.bitcast(builder.and_(bits, ir.Constant(_BITS, [0x7FFFFFFF] * LANES)), _VECTOR)

    return float32x16(float32x16), generate


@_operation
def where_above(typing: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """Lanes of `yes` where a > b, of `no` elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args[:2]), *args[2:])

    return float32x16(*[float32x16] * 4), generate


@_operation
def any_above(typing: Any, a: Any, b: Any) -> Any:
    """Whether a > b in any lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", *args), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return types.boolean(float32x16, float32x16), generate
