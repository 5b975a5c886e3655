"""Damages files: any bytes of any file, and what a text, a JSON tree or an array means. Every damage has a seed."""

from __future__ import annotations

import io
import json
import pickle
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WORDS = (
    *("", "0", "-1", "1", "nan", "inf", "-inf", "1e308", "1e-320", "1e18", "99999999999999999999", "2147483648"),
    *("abc", "None", "true", "[]", "{}", "[[1]]", "'", '"', "(", "](", ":", ",", "=", "é", "\x00", "😀", "../../etc/x"),
)
NUMBERS = (0, -1, 1, 2, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), 2**31, 2**53, 2**63, -(2**63), 1e18)
VALUES: tuple[Any, ...] = (*NUMBERS, None, True, "", "text", [], {}, [[]], [None], {"a": 1}, "9" * 400)
DTYPES = ("int8", "uint8", "int16", "uint16", "int64", "uint64", "float16", "float32", "float64", "complex64", "bool")


class Payload:
    """What a pickle must never do: make a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


def code(canary: Path) -> str:
    """A line of Python that makes a file when it runs."""
    return f"__import__('pathlib').Path({str(canary)!r}).touch()"


def damaged(path: Path, chance: random.Random, canary: Path) -> bytes:
    """Damage what is in a file."""
    data = path.read_bytes()
    ways: list[Callable[[], bytes]] = [lambda: _bytes(data, chance)]
    if path.suffix in (".npy", ".npz"):
        ways += [lambda: _array_file(path, chance, canary)] * 3
    elif path.suffix == ".json":
        ways += [lambda: _json(data, chance)] * 3 + [lambda: _text(data, chance, canary)]
    elif path.suffix not in (".bin", ".mat", ".h5"):
        ways += [lambda: _text(data, chance, canary)] * 4
    return chance.choice(ways)()


def _bytes(data: bytes, chance: random.Random) -> bytes:
    """Any bytes: flipped, cut, repeated, put in, or all others."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        start = chance.randrange(len(changed) + 1)
        # Headers are short, and most damage to the rest is of no interest.
        start = chance.randrange(min(start, 200) + 1) if chance.random() < 0.5 else start
        stop = min(len(changed), start + chance.choice((1, 1, 2, 4, 8, 64, 4096)))
        way = chance.randrange(7)
        if way == 0:
            del changed[start:stop]
        elif way == 1:
            changed[start:start] = changed[start:stop] * chance.choice((1, 2, 50))
        elif way == 2:
            changed[start:start] = chance.randbytes(chance.choice((1, 2, 8, 100)))
        elif way == 3:
            del changed[start:]
        elif way == 4:
            changed[start:stop] = bytes([chance.choice((0, 255))]) * (stop - start)
        elif way == 5:
            changed[start:stop] = chance.randbytes(stop - start)
        elif start < len(changed):
            changed[start] ^= 1 << chance.randrange(8)
    return bytes(changed) if chance.random() < 0.97 else chance.randbytes(chance.choice((0, 1, 100)))


def _text(data: bytes, chance: random.Random, canary: Path) -> bytes:
    """Another number, another word, lines gone, twice or in another order, or a line of code."""
    text = data.decode("utf-8", "replace")
    lines = text.splitlines(keepends=True) or [""]
    way, at = chance.randrange(7), chance.randrange(len(lines))
    if way == 0:
        del lines[at : at + chance.choice((1, 2, 10))]
    elif way == 1:
        lines[at:at] = [lines[at]] * chance.choice((1, 100))
    elif way == 2:
        chance.shuffle(lines)
    elif way == 3:
        lines.insert(at, chance.choice((code(canary), f"x = {code(canary)}", f"import os; {code(canary)}")) + "\n")
    else:
        tokens = list(re.finditer(r"[-+.\w]+|[^\s\w]", text))
        for token in chance.sample(tokens, min(len(tokens), chance.choice((1, 1, 3)))):
            new = code(canary) if chance.random() < 0.1 else chance.choice(WORDS)
            return (text[: token.start()] + new + text[token.end() :]).encode("utf-8", "replace")
    return "".join(lines).encode("utf-8", "replace")


def _json(data: bytes, chance: random.Random) -> bytes:
    """Another value, a key or an entry gone, anywhere in the tree."""
    try:
        tree = json.loads(data)
    except ValueError:
        return _bytes(data, chance)
    places: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            collect(node[key])

    collect(tree)
    if not places:
        return json.dumps(chance.choice(VALUES)).encode()
    for _ in range(chance.choice((1, 1, 2))):
        node, key = chance.choice(places)
        try:
            if chance.random() < 0.25:
                del node[key]
            else:
                node[key] = chance.choice((*VALUES, tree if chance.random() < 0.02 else 0))
        except (KeyError, IndexError):
            continue
    try:
        return json.dumps(tree).encode()
    except (ValueError, RecursionError):  # a tree in itself
        return b"[" * 5000


def _array_file(path: Path, chance: random.Random, canary: Path) -> bytes:
    """A `.npy` or `.npz` file of other arrays."""
    file = io.BytesIO()
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            name = chance.choice(sorted(found))
            found[name] = _array(found[name], chance, canary)
            if chance.random() < 0.2:
                del found[name]
            np.savez(file, **found)
        else:
            np.save(file, _array(np.load(path, allow_pickle=False), chance, canary))
    except (ValueError, TypeError):
        return _bytes(path.read_bytes(), chance)
    data = file.getvalue()
    return data if chance.random() < 0.9 else _claiming(data, chance)


def _claiming(data: bytes, chance: random.Random) -> bytes:
    """The header says another shape than there are values."""
    shape = f"'shape': ({chance.choice((10**9, 10**13, 2**62, 10**30, 3, 0))}, {chance.choice(('', '2', '10**6'))})"
    return re.sub(
        rb"'shape': \([^)]*\)", lambda found: shape.encode()[: len(found[0])].ljust(len(found[0])), data, count=1
    )


def _array(array: np.ndarray, chance: random.Random, canary: Path) -> np.ndarray:
    """Other values, another type or another shape."""
    way, changed = chance.randrange(9), array.copy()
    if way == 0 and changed.size:
        with np.errstate(all="ignore"):
            changed.reshape(-1)[chance.randrange(changed.size)] = np.array(chance.choice(NUMBERS)).astype(changed.dtype)
    elif way == 1 and changed.dtype.kind in "fiu":
        with np.errstate(all="ignore"):
            changed = np.full_like(changed, np.array(chance.choice(NUMBERS)).astype(changed.dtype))
    elif way == 2:
        with np.errstate(all="ignore"):
            changed = changed.astype(chance.choice(DTYPES))
    elif way == 3:
        changed = changed[:: chance.choice((-1, 2, 3))] if changed.ndim else changed.reshape(1)
    elif way == 4:
        changed = chance.choice((changed.reshape(-1), changed[None], changed.T, changed[..., None]))
    elif way == 5:
        changed = changed[:0] if changed.ndim else np.array([])
    elif way == 6:
        changed = np.array(["a", "b"])
    elif way == 7:
        changed = np.array([Payload(canary), {"a": pickle.dumps(1)}], object)
    else:
        changed = np.concatenate([changed, changed]) if changed.ndim else np.array(None, object)
    return changed
