"""The rules of the house that a machine can check. They hold for every file in src/, whoever wrote it."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import reference
from paths import DOCS
from pydantic import BaseModel

import spikesieve
from spikesieve import kernels
from spikesieve.settings.params import Params

SRC = Path(spikesieve.__file__).parent
MODULES = {".".join(path.relative_to(SRC).with_suffix("").parts): path for path in sorted(SRC.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

FILE_LINES, FUNCTION_LINES, ARGUMENTS, KERNEL_ARGUMENTS = 400, 60, 6, 12

MORE_ARGUMENTS_FOR_A_REASON = {
    "stages.sieve.compete.compete": "what competes, the state of it, and how long it goes on",
    "api.sort.sort": "the one call that a user of the library makes",
    "cli.sort.sort": "typer makes an option of each argument",
    "cli.compare.compare": "typer makes an option of each argument",
    "cli.simulate.simulate": "typer makes an option of each argument",
}

# What each part may import from the package, besides itself: one way, from the top (last) to the bottom (first).
MAY_IMPORT = {
    "__main__": {"cli"},
    "errors": set(),
    "settings": {"errors"},
    "kernels": set(),
    "model": {"kernels", "errors"},
    "geometry": {"model"},
    "metrics": {"kernels", "model"},
    "stages": {"kernels", "metrics", "geometry", "model", "errors", "settings"},
    "engine": {"model", "errors"},
    "simulation": {"kernels", "geometry", "model", "errors", "settings"},
    "comparison": {"kernels", "model", "errors"},
    "io": {"comparison", "simulation", "engine", "geometry", "model", "errors"},
    "report": {"comparison", "kernels", "metrics", "geometry", "model", "errors"},
    "passes": {"settings", "stages", "engine", "metrics", "geometry", "model", "errors"},
    "methods": {"passes", "settings", "stages", "engine", "model"},
    "api": {
        *("methods", "passes", "settings", "stages", "simulation", "comparison", "io", "report"),
        *("engine", "model", "errors"),
    },
    "cli": {"api", "settings", "comparison", "io", "engine", "errors"},
}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def calls(tree: ast.Module) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_public(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return not node.name.startswith("_")


def part(module: str) -> str:
    """The part of the house that a module belongs to: its folder, or itself."""
    return module.partition(".")[0]


def imported_parts(tree: ast.Module) -> set[str]:
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    inner = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "spikesieve"
        for alias in node.names
    }
    return {part(name.removeprefix("spikesieve.")) for name in names | inner if name.startswith("spikesieve.")}


def all_params() -> list[type[Params]]:
    for module in pkgutil.walk_packages(spikesieve.__path__, "spikesieve."):
        importlib.import_module(module.name)

    def below(kind: type[Params]) -> Iterator[type[Params]]:
        for child in kind.__subclasses__():
            if child.__module__.startswith("spikesieve."):
                yield child
                yield from below(child)

    return list(below(Params))


@pytest.mark.parametrize("module", MODULES)
def test_file_is_short(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_short_and_take_few_arguments(module):
    for function in functions(TREES[module]):
        name = f"{module}.{function.name}"
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        n_lines = function.end_lineno - body[0].lineno + 1 if body else 0
        assert n_lines <= FUNCTION_LINES, f"{name} has {n_lines} lines"
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        n_arguments = len([a for a in names if a not in ("self", "cls")])
        allowed = KERNEL_ARGUMENTS if part(module) == "kernels" else ARGUMENTS
        assert n_arguments <= allowed or name in MORE_ARGUMENTS_FOR_A_REASON, f"{name} has {n_arguments} arguments"


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__"])
def test_imports_point_one_way(module):
    assert part(module) in MAY_IMPORT, f"say in MAY_IMPORT what {part(module)} may import"
    forbidden = imported_parts(TREES[module]) - MAY_IMPORT[part(module)] - {part(module)}
    assert not forbidden, f"{part(module)} must not import {forbidden}"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_printed_outside_the_command_line(module):
    assert part(module) == "cli" or not {"print", "typer.echo"} & set(calls(TREES[module]))


@pytest.mark.parametrize("module", MODULES)
def test_no_assert_bare_except_or_global(module):
    for node in ast.walk(TREES[module]):
        assert not isinstance(node, ast.Assert | ast.Global), f"line {node.lineno}"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"line {node.lineno}"


@pytest.mark.parametrize("module", MODULES)
def test_randomness_comes_from_a_generator(module):
    fine = {"default_rng", "Generator", "SeedSequence"}
    used = {call for call in calls(TREES[module]) if re.match(r"(np|numpy)\.random\.|random\.", call)}
    assert {call.rpartition(".")[2] for call in used} <= fine


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_left_to_do(module):
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", MODULES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES)
def test_everything_public_has_a_docstring(module):
    tree = TREES[module]
    assert ast.get_docstring(tree)
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_public(node)]
    for scope in (tree, *(node for node in public if isinstance(node, ast.ClassDef))):
        for node in scope.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_public(node):
                assert ast.get_docstring(node), f"{module}.{node.name}"


@pytest.mark.parametrize("params", all_params(), ids=lambda params: params.__name__)
def test_every_parameter_is_described_and_bounded(params):
    assert params.model_config["frozen"]
    assert params.model_config["extra"] == "forbid"
    for name, field in params.model_fields.items():
        assert field.description, name
        assert "\n" not in field.description
        assert not field.description.endswith("."), name
        if {int, float} & set(kinds(field.annotation)):
            assert field.metadata, f"{name} has no bounds"
        if not (inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)):
            assert params(**{name: field.default}), name


def kinds(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__args__", (annotation,))


def test_units_of_parameters_are_in_their_names():
    spelled = {"in um": "_um", "in ms": "_ms", "in Hz": "_hz", "in uV": "_uv", "in samples": "_samples"}
    for params in all_params():
        for name, field in params.model_fields.items():
            for words, suffix in spelled.items():
                if re.search(rf"{words}\b", field.description) and suffix != "_samples":
                    assert name.endswith(suffix), f"{params.__name__}.{name}"


@pytest.mark.parametrize("name", [name for name in kernels.__all__ if name.islower()])
def test_every_kernel_has_a_judge_with_the_same_arguments(name):
    kernel = getattr(kernels, name)
    judge = getattr(reference, name)
    wanted = list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)
    required = [p.name for p in inspect.signature(judge).parameters.values() if p.default is p.empty]
    assert required == wanted[: len(required)]


def test_the_door_shows_exactly_what_it_says():
    shown = {name for name in dir(spikesieve) if not name.startswith("__")}
    assert shown == set(spikesieve.__all__) == set(spikesieve.HOMES)
    for name in spikesieve.__all__:
        thing = getattr(spikesieve, name)
        assert thing.__module__ == f"spikesieve.{spikesieve.HOMES[name]}", name
        assert thing.__doc__
    with pytest.raises(AttributeError, match="nonsense"):
        spikesieve.nonsense  # noqa: B018


def test_the_door_tells_type_checkers_the_same():
    (block,) = (node for node in TREES["__init__"].body if isinstance(node, ast.If))
    typed = {alias.name: node.module for node in block.body for alias in node.names if alias.name != "Any"}
    assert typed == {name: f"spikesieve.{home}" for name, home in spikesieve.HOMES.items()}


def test_the_index_of_the_docs_names_every_page():
    docs = DOCS
    named = set(re.findall(r"\]\(([\w-]+\.\w+)\)", (docs / "index.md").read_text()))
    pages = {page.name for page in docs.iterdir() if page.is_file()}
    assert named == pages - {"index.md"}
