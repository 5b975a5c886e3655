"""The rules of the house about size and repetition. They hold for every file in src/, whoever wrote it."""

from __future__ import annotations

import pytest
from house_code import MODULES, functions, part, repeated
from house_exceptions import BODIES_TOO_LONG, FILES_TOO_LONG, REPEATED, TOO_MANY_PARAMETERS

FILE_LINES, BODY_LINES, PARAMETERS, KERNEL_PARAMETERS, SAME_LINES = 400, 40, 6, 12, 6


def n_lines(module: str) -> int:
    return len(MODULES[module].read_text(encoding="utf-8").splitlines())


def too_many_parameters(module: str) -> set[str]:
    """Functions that take more than they may; a typer command takes an argument for each option."""
    allowed = KERNEL_PARAMETERS if part(module) == "kernels" else PARAMETERS
    commands = {"command", "callback"} if part(module) == "cli" else set()
    return {f.name for f in functions(module) if len(f.parameters) > allowed and not commands & f.decorators}


@pytest.mark.parametrize("module", MODULES)
def test_file_is_short(module):
    assert n_lines(module) <= FILE_LINES or module in FILES_TOO_LONG


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_short(module):
    long = {f.name: f.n_lines for f in functions(module) if f.n_lines > BODY_LINES and f.name not in BODIES_TOO_LONG}
    assert not long, f"at most {BODY_LINES} lines"


@pytest.mark.parametrize("module", MODULES)
def test_functions_take_few_parameters(module):
    assert too_many_parameters(module) <= TOO_MANY_PARAMETERS


def test_no_exception_from_the_budgets_is_listed_in_vain():
    every = [f for module in MODULES for f in functions(module)]
    assert {module for module in FILES_TOO_LONG if n_lines(module) > FILE_LINES} == FILES_TOO_LONG
    assert {f.name for f in every if f.n_lines > BODY_LINES} >= BODIES_TOO_LONG
    assert set().union(*map(too_many_parameters, MODULES)) >= TOO_MANY_PARAMETERS


def test_no_six_lines_stand_twice():
    runs = repeated({name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}, SAME_LINES)
    pairs = {(a.partition(":")[0], b.partition(":")[0]): (a, b) for a, b, *_ in runs.values()}
    assert {pair: lines for pair, lines in pairs.items() if pair not in REPEATED} == {}
    assert set(pairs) >= REPEATED, "take these out of REPEATED"
