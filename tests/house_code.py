"""The source code as the house rules see it: modules, functions, docstrings, words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import spikesieve

SRC = Path(spikesieve.__file__).parent
MODULES = {".".join(path.relative_to(SRC).with_suffix("").parts): path for path in sorted(SRC.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

UNDERLINED = re.compile(r"^(?P<title>[A-Z][A-Za-z ]+)\n-{3,}$", re.MULTILINE)
SEE = re.compile(r"See `(?P<name>\w+\.(?P<method>\w+))`\.")
NAMES = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$", re.MULTILINE)


class Function(NamedTuple):
    """A function or method; `name` is module.Class.function, without the package."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    is_public: bool
    """Whether it, its classes and no function around it are without a leading underscore."""

    @property
    def n_lines(self) -> int:
        """Lines of the body, without the docstring."""
        body = self.node.body[1:] if ast.get_docstring(self.node) is not None else self.node.body
        return (self.node.end_lineno or 0) - body[0].lineno + 1 if body else 0

    @property
    def is_intrinsic(self) -> bool:
        """Whether it makes code for Numba: Numba adds the first argument itself, and a call returns something else."""
        of = self.node.args
        return "_operation" in self.decorators and [a.arg for a in of.args[:1]] == ["typing"]

    @property
    def parameters(self) -> list[str]:
        """Names as a docstring writes them, without self and cls."""
        of = self.node.args
        names = [a.arg for a in (*of.posonlyargs, *of.args)]
        names = names[1:] if self.is_intrinsic else names
        names += [f"*{of.vararg.arg}"] if of.vararg else []
        names += [a.arg for a in of.kwonlyargs]
        names += [f"**{of.kwarg.arg}"] if of.kwarg else []
        return [name for name in names if name not in ("self", "cls")]

    @property
    def decorators(self) -> set[str]:
        """Last part of each decorator's name: `command` for @app.command()."""
        plain = (d.func if isinstance(d, ast.Call) else d for d in self.node.decorator_list)
        return {ast.unparse(d).rpartition(".")[2] for d in plain}


def functions(module: str, scope: ast.AST | None = None, prefix: str = "", public: bool = True) -> Iterator[Function]:
    """Every function of a module, nested ones too."""
    prefix = prefix or module
    for node in ast.iter_child_nodes(scope or TREES[module]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}.{node.name}"
            yield Function(name, node, public and not node.name.startswith("_"))
            yield from functions(module, node, name, False)
        elif isinstance(node, ast.ClassDef):
            yield from functions(module, node, f"{prefix}.{node.name}", public and not node.name.startswith("_"))
        else:
            yield from functions(module, node, prefix, public)


def part(module: str) -> str:
    """The part of the house that a module belongs to: its folder, or itself."""
    return module.partition(".")[0]


def is_in(name: str, rooms: set[str]) -> bool:
    """Whether a module or function is one of the rooms or lies in one."""
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def sections(docstring: str) -> dict[str, str]:
    """Text of each underlined section of a numpydoc docstring, by its title."""
    found = list(UNDERLINED.finditer(docstring))
    ends = [*(match.start() for match in found[1:]), len(docstring)]
    return {match["title"]: docstring[match.end() : end] for match, end in zip(found, ends, strict=False)}


def names_in(section: str) -> list[str]:
    """What a section `Parameters` names, in its order."""
    return [name for match in NAMES.finditer(section) for name in match["names"].split(", ")]


@cache
def protocol_methods() -> dict[str, Function]:
    """Methods of the protocols in src, as Protocol.method, that have a docstring of their own."""
    named = {".".join(f.name.split(".")[-2:]): f for module in TREES for f in functions(module)}
    protocols = {
        node.name
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "Protocol" in {ast.unparse(base) for base in node.bases}
    }
    return {
        name: f
        for name, f in named.items()
        if name.partition(".")[0] in protocols and not SEE.match(ast.get_docstring(f.node) or "See")
    }


def faults_of_reference(function: Function, name: str, method: str) -> list[str]:
    """What is wrong with a docstring that leaves the description to a method of a protocol."""
    described = protocol_methods().get(name)
    if described is None or method != function.node.name:
        return [f"refers to {name}, which does not describe it"]
    if described.parameters != function.parameters:
        return [f"takes {function.parameters}, and {name} takes {described.parameters}"]
    return faults_of_docstring(described)


def faults_of_docstring(function: Function) -> list[str]:
    """What numpydoc asks for and the docstring of a public function lacks."""
    text = ast.get_docstring(function.node)
    if text is None:
        return ["has no docstring"]
    if reference := SEE.match(text):
        return faults_of_reference(function, reference["name"], reference["method"])
    if {"property", "cached_property", "setter"} & function.decorators:
        return []
    shown = sections(text)
    faults = []
    named = names_in(shown.get("Parameters", ""))
    if named != function.parameters:
        faults.append(f"takes {function.parameters}, its section Parameters names {named}")
    returned = ast.unparse(function.node.returns) if function.node.returns else "None"
    gives = {"Returns", "Yields"} & set(shown)
    if returned in ("None", "NoReturn", "Never"):
        faults += [f"returns nothing but has the section {title}" for title in sorted(gives)]
    elif not gives and not function.is_intrinsic:
        faults.append(f"returns {returned} but has no section Returns or Yields")
    return faults


def telling_lines(text: str) -> list[tuple[int, str]]:
    """Numbers and texts of the lines that say something: no blanks, imports, comments, docstrings, lone brackets."""
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)
        if is_text or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = ((number, " ".join(line.split())) for number, line in enumerate(text.splitlines(), 1))
    return [(n, line) for n, line in lines if n not in left_out and re.search(r"\w", line) and not line.startswith("#")]


def repeated(texts: dict[str, str], n_lines: int) -> dict[tuple[str, ...], list[str]]:
    """Runs of so many telling lines that stand in two places, and where (name:line) each starts."""
    places: dict[tuple[str, ...], list[str]] = {}
    for name, text in texts.items():
        lines = telling_lines(text)
        for i in range(len(lines) - n_lines + 1):
            run = tuple(line for _, line in lines[i : i + n_lines])
            places.setdefault(run, []).append(f"{name}:{lines[i][0]}")
    return {run: where for run, where in places.items() if len(where) > 1}


def faults_by_room(faults: dict[str, list[str]], unfinished: set[str]) -> tuple[dict[str, list[str]], set[str]]:
    """The faults outside the unfinished rooms, and the unfinished rooms without a fault."""
    outside = {name: found for name, found in faults.items() if found and not is_in(name, unfinished)}
    needed = {room for room in unfinished if any(found and is_in(name, {room}) for name, found in faults.items())}
    return outside, unfinished - needed
