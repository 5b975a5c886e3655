"""Modules and files that texts speak of exist: a renamed module must not leave a test, an error or a page behind."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
from docs_pages import blocks
from house_code import SRC
from paths import DOCS, PAGES, ROOT, page_name

MODULE = re.compile(r"\bspikesieve(?:\.[a-z_]\w*){2,}")
SOURCE = re.compile(r"(?<![\w/.])(?:\w+/)+\w+\.py\b")
CODE = [path for folder in ("src", "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
IMPORT = re.compile(r"from (spikesieve[\w.]*) import (\w+(?:, *\w+)*)")
# Files that a recipe has the reader write.
WRITTEN = {block.file.removeprefix("src/spikesieve/") for page in PAGES for block in blocks(page) if block.file}


def exists(name: str) -> bool:
    """Whether a dotted name is a module of the package, or something in one."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[n:]:
            if not hasattr(thing, attribute):
                return False
            thing = getattr(thing, attribute)
        return True
    return False


def modules_named(path: Path) -> set[str]:
    """Dotted names of two and more steps in the texts of a source file."""
    strings = (node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if hasattr(node, "value"))
    return {name for text in strings if isinstance(text, str) for name in MODULE.findall(text)}


def sources_named(text: str) -> set[str]:
    """Paths such as stages/detect.py, in the package, the tests or the benchmarks. A params.py is Phy's."""
    found = {path.removeprefix("src/spikesieve/") for path in SOURCE.findall(text)}
    return {path for path in found if not re.search(r"/params(_preprocessed)?\.py$", path)}


def test_modules_that_texts_in_the_code_name_exist():
    named = {name: path.name for path in CODE if path != Path(__file__) for name in modules_named(path)}
    assert len(named) > 1
    assert {name: file for name, file in named.items() if not exists(name)} == {}


def test_imports_in_examples_of_pages_and_notebooks_work():
    notebooks = sorted((DOCS / "notebooks").glob("*.ipynb"))
    assert notebooks
    named = {
        (page_name(page), f"{module}.{name}")
        for page in (*PAGES, *notebooks)
        for module, names in IMPORT.findall(page.read_text(encoding="utf-8"))
        for name in names.replace(" ", "").split(",")
    }
    assert len(named) > 5
    of_recipes = tuple("spikesieve." + path.removesuffix(".py").replace("/", ".") for path in WRITTEN)
    assert {(page, name) for page, name in named if not exists(name) and not name.startswith(of_recipes)} == set()


def test_sources_that_pages_name_exist():
    named = {(page_name(page), name) for page in PAGES for name in sources_named(page.read_text(encoding="utf-8"))}
    assert len(named) > 10
    named = {(page, name) for page, name in named if name not in WRITTEN}
    assert {(page, name) for page, name in named if not any((home / name).is_file() for home in (SRC, ROOT))} == set()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("spikesieve.engine.clock", True),
        ("spikesieve.engine.arrays.GrowingArray.append", True),
        ("spikesieve.report.pictures", False),
        ("spikesieve.engine.arrays.GrowingArray.nothing", False),
    ],
)
def test_a_name_that_leads_nowhere_is_found(name, found):
    assert exists(name) == found
