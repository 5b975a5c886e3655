"""Values from a `.prb` file. Such files are Python programs; simple ones are read, none is executed.

The parsed program may contain assignments to names and items, numbers, strings, tuples, lists, dicts, comprehensions,
+ - * / // %, and calls of range, list, tuple, dict and NumPy's number types. Anything else is an error that names its
line.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from spikesieve.errors import InputError

# Enough for any probe. Nested loops or repeated squaring in a file must not fill the memory or take forever.
MAX_STEPS = 2_000_000
MAX_NUMBER = 1e12

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_SEQUENCES: dict[str, Callable[..., Any]] = {"range": range, "list": list, "tuple": tuple}
# Files written with NumPy 2 say np.int64(3) where they mean 3.
_NUMBERS = {"np.int64": int, "np.int32": int, "np.float64": float, "np.float32": float}


def evaluate_prb(text: str, name: str) -> dict[str, Any]:
    """Evaluate the variables that a .prb file assigns, without running it.

    Parameters
    ----------
    text : str
        Content of the file.
    name : str
        Name of the file in error messages.

    Returns
    -------
    dict
        Value of each variable by name.

    Raises
    ------
    InputError
        If the file contains anything but plain values; the message names the line.

    Examples
    --------
    >>> evaluate_prb("n = 2\\nchannels = [2 * k for k in range(n)]", "test.prb")["channels"]
    [0, 2]
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where, what = (f", line {error.lineno}", error.msg) if isinstance(error, SyntaxError) else ("", str(error))
        raise InputError(
            f"{name}{where}: this is not a .prb file ({what}). Correct it, or save the probe as JSON."
        ) from error
    return _Evaluator(name).run(tree.body)


class _Evaluator:
    """Walks the syntax tree; `variables` are the names assigned so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.variables: dict[str, Any] = {}
        self.steps = 0
        self.evaluators: dict[type[ast.expr], Callable[[Any], Any]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Tuple: lambda node: tuple(map(self._value, node.elts)),
            ast.List: lambda node: list(map(self._value, node.elts)),
            ast.Dict: self._dict,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.Call: self._call,
            ast.Subscript: lambda node: self._value(node.value)[self._value(node.slice)],
            ast.ListComp: lambda node: [self._value(node.elt) for _ in self._loop(node.generators)],
            ast.GeneratorExp: lambda node: [self._value(node.elt) for _ in self._loop(node.generators)],
            ast.DictComp: lambda node: {
                self._value(node.key): self._value(node.value) for _ in self._loop(node.generators)
            },
        }

    def run(self, statements: Sequence[ast.stmt]) -> dict[str, Any]:
        """Evaluate all statements; returns the variables."""
        for statement in statements:
            try:
                self._statement(statement)
            except (TypeError, ValueError, LookupError, ArithmeticError, RecursionError) as error:
                raise InputError(
                    f"{self.name}, line {statement.lineno}: {error}. Correct it, or save the probe as JSON."
                ) from error
        return self.variables

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        if not isinstance(node, ast.Assign):
            raise self._not_plain(node)
        value = self._value(node.value)
        for target in node.targets:
            self._assign(target, value)

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.variables[target.id] = value
        elif isinstance(target, ast.Subscript):
            self._value(target.value)[self._value(target.slice)] = value
        elif isinstance(target, ast.Tuple | ast.List):
            for part, item in zip(target.elts, value, strict=True):
                self._assign(part, item)
        else:
            raise self._not_plain(target)

    def _value(self, node: ast.expr) -> Any:
        self._count_steps(1, node)
        if type(node) not in self.evaluators:
            raise self._not_plain(node)
        return self.evaluators[type(node)](node)

    def _constant(self, node: ast.Constant) -> Any:
        if not isinstance(node.value, int | float | str | None):
            raise self._not_plain(node)
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id not in self.variables:
            raise self._not_plain(node)
        return self.variables[node.id]

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        if None in node.keys:  # {**other}
            raise self._not_plain(node)
        return {self._value(key): self._value(item) for key, item in zip(node.keys, node.values, strict=True) if key}

    def _unary(self, node: ast.UnaryOp) -> Any:
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise self._not_plain(node)
        operand = self._value(node.operand)
        return -operand if isinstance(node.op, ast.USub) else +operand

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self._value(node.left), self._value(node.right)
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        lists = isinstance(left, list) and isinstance(right, list) and isinstance(node.op, ast.Add)
        if type(node.op) not in _ARITHMETIC or not (numbers or lists):
            raise self._not_plain(node)
        result = _ARITHMETIC[type(node.op)](left, right)
        if lists:
            self._count_steps(len(result), node)
        elif abs(result) > MAX_NUMBER:
            raise self._not_plain(node)
        return result

    def _call(self, node: ast.Call) -> Any:
        called = ast.unparse(node.func)
        if called in _NUMBERS and len(node.args) == 1 and isinstance(node.args[0], ast.Constant | ast.UnaryOp):
            return _NUMBERS[called](self._value(node.args[0]))
        if called == "dict":
            return self._dict_call(node)
        if called not in _SEQUENCES or node.keywords:
            raise self._not_plain(node)
        result = _SEQUENCES[called](*map(self._value, node.args))
        self._count_steps(len(result), node)
        return result

    def _dict_call(self, node: ast.Call) -> dict[Any, Any]:
        """The dict of a call such as dict(channels=[0, 1])."""
        if any(word.arg is None for word in node.keywords) or len(node.args) > 1:
            raise self._not_plain(node)
        result = dict(*map(self._value, node.args))
        self._count_steps(len(result), node)
        return result | {word.arg: self._value(word.value) for word in node.keywords}

    def _count_steps(self, steps: int, node: ast.expr) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise self._not_plain(node)

    def _loop(self, generators: Sequence[ast.comprehension]) -> Iterator[None]:
        """Yield once per round of nested `for` clauses, with their variables assigned."""
        if not generators:
            yield
            return
        first, *rest = generators
        if first.ifs or first.is_async:
            raise self._not_plain(first.target)
        for item in self._value(first.iter):
            self._assign(first.target, item)
            yield from self._loop(rest)

    def _not_plain(self, node: ast.stmt | ast.expr) -> InputError:
        return InputError(
            f"{self.name}, line {node.lineno}: this is not a plain value. A .prb file is read, never executed, so it "
            "may only assign numbers, texts, lists, dicts, comprehensions and range(...). Write the values out, or "
            "save the probe as JSON."
        )
