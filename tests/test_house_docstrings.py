"""Docstrings: numpydoc sections that agree with the signature, and examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib

import pytest
from house_code import MODULES, TREES, Function, faults_by_room, faults_of_docstring, functions, part
from house_exceptions import UNFINISHED_DOCSTRINGS

WITH_EXAMPLES = [module for module, path in MODULES.items() if ">>> " in path.read_text(encoding="utf-8")]


def is_checked(function: Function) -> bool:
    """Public, and not a command: typer shows the docstring of a command to users, with a line for each option."""
    is_command = part(function.name) == "cli" and {"command", "callback"} & function.decorators
    return function.is_public and not is_command


def test_docstrings_of_finished_rooms_name_every_parameter_and_what_is_returned():
    faults = {f.name: faults_of_docstring(f) for module in MODULES for f in functions(module) if is_checked(f)}
    wrong, finished = faults_by_room(faults, UNFINISHED_DOCSTRINGS)
    assert wrong == {}
    assert finished == set(), "take these out of UNFINISHED_DOCSTRINGS"


def faults_of(source: str) -> list[str]:
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    return faults_of_docstring(Function(node.name, node, True))


GOOD = '''
def f(a, *args, b=1, **rest) -> int:
    """Add.

    Parameters
    ----------
    a : int
        First.
    *args : int
    b : int, optional
        Last: more text.
    **rest

    Returns
    -------
    int
        Sum.
    """
'''


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("a : int", "c : int", "takes"),
        ("    *args : int\n", "", "takes"),
        ("    Returns\n    -------\n    int\n        Sum.\n", "", "no section Returns"),
        ("-> int", "-> None", "returns nothing"),
    ],
)
def test_a_docstring_that_does_not_agree_is_found(old, new, fault):
    assert faults_of(GOOD) == []
    assert old in GOOD
    (found,) = faults_of(GOOD.replace(old, new))
    assert fault in found


def test_a_method_may_leave_its_description_to_the_protocol():
    assert faults_of('def release(self) -> None:\n    """See `Backend.release`."""') == []
    assert faults_of('def mix(self, traces, matrix) -> F32:\n    """See `Backend.mix`. Some rows at a time."""') == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('def mix(self, traces) -> F32:\n    """See `Backend.mix`."""', "and Backend.mix takes"),
        ('def mix(self, traces, matrix) -> F32:\n    """See `Backend.blend`."""', "does not describe it"),
        ('def release(self, traces, matrix) -> F32:\n    """See `Backend.mix`."""', "does not describe it"),
        ('def mix(self, traces, matrix) -> F32:\n    """See `CpuBackend.mix`."""', "does not describe it"),
    ],
)
def test_a_reference_that_describes_nothing_is_found(source, fault):
    (found,) = faults_of(source)
    assert fault in found


INTRINSIC = '@_operation\ndef f(typing, a) -> Any:\n    """Do.\n\n    Parameters\n    ----------\n    a : int\n    """'


def test_only_intrinsics_of_numba_have_an_argument_without_description():
    assert faults_of(INTRINSIC) == []
    assert len(faults_of(INTRINSIC.replace("@_operation", "@other"))) == 2
    assert len(faults_of(INTRINSIC.replace("typing", "types"))) == 2


def n_examples_written(module: str) -> int:
    """Prompts in the docstrings of a module, its classes and functions."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    texts = [ast.get_docstring(node) or "" for node in ast.walk(TREES[module]) if isinstance(node, kinds)]
    return sum(line.lstrip().startswith(">>>") for text in texts for line in text.splitlines())


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_run(module):
    name = ".".join(["spikesieve", *(part for part in module.split(".") if part != "__init__")])
    imported = importlib.import_module(name)
    tests = doctest.DocTestFinder(exclude_empty=True).find(imported, name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    said: list[str] = []
    for test in tests:
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)
    assert runner.tries == n_examples_written(module)
