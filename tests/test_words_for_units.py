"""What a person reads says µV and µm; names of columns, settings and files say uv and um."""

from __future__ import annotations

import ast
import re

import pytest
from house_code import MODULES
from paths import PAGES, page_name

ASCII_UNIT = re.compile(r"(?<![\w.`/])u[mV]\b(?![_=\w]|\.\w)")
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`|\$\$.*?\$\$", re.MULTILINE | re.DOTALL)


def sentences(tree: ast.Module) -> list[str]:
    """Texts with a space, also those in f-strings, without docstrings."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    whole = ["".join(part.value if isinstance(part, ast.Constant) else "0" for part in node.values) for node in joined]
    constants = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (alone | parts)
    ]
    return [text for text in [*whole, *constants] if " " in text]


@pytest.mark.parametrize("module", MODULES)
def test_messages_and_help_say_micro(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert [text for text in sentences(tree) if ASCII_UNIT.search(text)] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_pages_say_micro(page) -> None:
    prose = CODE.sub("", page.read_text(encoding="utf-8"))
    assert ASCII_UNIT.findall(prose) == []


def test_the_search_finds_what_it_shall() -> None:
    tree = ast.parse("'''5 um'''\na = 'in um'\nb = f'{a} uV, so'\nc = 'um'\nd = ('x_um', 'drift.um is')\n")
    assert [text for text in sentences(tree) if ASCII_UNIT.search(text)] == ["0 uV, so", "in um"]
