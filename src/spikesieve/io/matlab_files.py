"""MATLAB files up to version 7: looked at before SciPy reads them, because it can crash on damaged ones."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError, matfile_version

# Types of data elements, with the size of a value; then classes of arrays. MathWorks, "MAT-File Format" (2023).
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
INT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 5, 6, 14, 15
CELL, STRUCT, OBJECT, CHAR, FIRST_NUMBER, LAST_NUMBER = 1, 2, 3, 4, 6, 15
OTHERS = (5, 16, 17)
COMPLEX = 0x800
HEADER_BYTES, MOST_BYTES, DEEPEST = 128, 2**31, 20
_DAMAGE = (
    *(ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError, NameError, MemoryError),
    *(MatReadError, zlib.error, struct.error),
)


def load_mat(path: Path, names: Sequence[str] | None = None, simplify_cells: bool = False) -> dict[str, Any]:
    """Read a MATLAB file.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str, optional
        Variables that are read. Default: all.
    simplify_cells : bool, optional
        Turn structures into dicts and cells into arrays.

    Returns
    -------
    dict
        The variables by name.

    Raises
    ------
    ValueError
        The file is damaged.
    NotImplementedError
        It is of version 7.3, which is HDF5.
    OSError
        It cannot be read.
    """
    try:
        version, _ = matfile_version(path)
        if version == 1:
            _require_whole(path.read_bytes(), names is not None)
        elif version == 0 and any(not name for name, *_ in whosmat(path)):  # SciPy 1.11 reads zeros as a variable
            raise ValueError("a variable has no name")
        return dict(loadmat(path, variable_names=names, simplify_cells=simplify_cells))
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _require_whole(data: bytes, may_hold_others: bool) -> None:
    """Raise ValueError unless every variable of a file of version 5 has the parts and the lengths that it says.

    Functions, objects of newer classes and sparse arrays are not looked into, where they will not be read.
    """
    order = {b"IM": "<", b"MI": ">"}[data[HEADER_BYTES - 2 : HEADER_BYTES]]
    for kind, content in _elements(data[HEADER_BYTES:], order):
        whole = [(kind, content)] if kind != COMPRESSED else list(_elements(_decompressed(content), order))
        if [each for each, _ in whole] != [MATRIX]:
            raise ValueError("what should be a variable is something else")
        if not (may_hold_others and _class_of(whole[0][1], order) in OTHERS):
            _require_matrix(whole[0][1], order, DEEPEST)


def _class_of(content: bytes, order: str) -> int:
    (kind, flags), *_ = _elements(content, order)
    return int(struct.unpack(f"{order}II", flags)[0]) & 0xFF if kind == UINT32 else 0


def _decompressed(content: bytes) -> bytes:
    unpack = zlib.decompressobj()
    found = unpack.decompress(content, MOST_BYTES)
    if not unpack.eof:
        raise ValueError("a compressed variable is cut short or very large")
    return found


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element."""
    at = 0
    while at < len(data):
        kind, n_bytes = struct.unpack_from(f"{order}II", data, at)
        start = at + 8
        if kind >> 16:  # up to four bytes are in the tag
            kind, n_bytes, start = kind & 0xFFFF, kind >> 16, at + 4
        stop = start + n_bytes
        if stop > len(data) or (start == at + 4 and n_bytes > 4) or kind not in (*VALUE_BYTES, MATRIX, COMPRESSED):
            raise ValueError(f"an element of type {kind} is said to have {n_bytes} bytes")
        yield kind, data[start:stop]
        at = at + 8 if start == at + 4 else stop if kind == COMPRESSED else stop + -stop % 8


def _require_matrix(content: bytes, order: str, depth: int) -> None:
    """Raise ValueError unless an array has its flags, sizes, name and values."""
    if not content:  # an empty cell
        return
    parts = list(_elements(content, order))
    (flags_kind, flags), (sizes_kind, sizes_bytes), (name_kind, _), *values = parts
    if depth == 0 or (flags_kind, len(flags), sizes_kind, name_kind) != (UINT32, 8, INT32, INT8):
        raise ValueError("an array does not begin with its flags, sizes and name")
    flag = struct.unpack_from(f"{order}I", flags)[0]
    sizes = struct.unpack(f"{order}{len(sizes_bytes) // 4}i", sizes_bytes)
    n_values, kind = math.prod(sizes), flag & 0xFF
    if not 2 <= len(sizes) <= 32 or min(sizes) < 0:
        raise ValueError(f"an array cannot have the sizes {sizes}")
    if kind in (CELL, STRUCT, OBJECT):
        _require_parts(values, n_values, kind, (order, depth))
    elif FIRST_NUMBER <= kind <= LAST_NUMBER or kind == CHAR:
        wanted = [n_values] * (1 + bool(flag & COMPLEX))
        # A text in UTF-8 may have more bytes than letters.
        found = [len(data) // VALUE_BYTES.get(each, 0) if each != 16 else n_values for each, data in values]
        if found != wanted:
            raise ValueError(f"an array of sizes {sizes} has {found} values")
    else:
        raise ValueError(f"arrays of class {kind} are not read")


def _require_parts(values: list[tuple[int, bytes]], n_values: int, kind: int, inside: tuple[str, int]) -> None:
    """Raise ValueError unless a cell or structure has all its fields, each a whole array."""
    order, depth = inside
    if kind != CELL:
        (length_kind, length), (names_kind, names), *values = values[1:] if kind == OBJECT else values
        n_letters = struct.unpack(f"{order}i", length)[0]
        if (length_kind, names_kind) != (INT32, INT8) or n_letters < 1 or len(names) % n_letters:
            raise ValueError("a structure has no names of fields")
        n_values *= len(names) // n_letters
    if [each for each, _ in values] != [MATRIX] * len(values) or len(values) != n_values:
        raise ValueError(f"a cell or structure has {len(values)} parts of {n_values}")
    for _, content in values:
        _require_matrix(content, order, depth - 1)
