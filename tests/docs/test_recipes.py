"""The recipes of docs/architecture.md and docs/develop/recipes.md, followed to the letter in a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_pages import blocks, edited, follow
from paths import DOCS, ROOT

import spikesieve
from spikesieve.kernels.cpu.project import project

PAGES = (DOCS / "architecture.md", DOCS / "develop" / "recipes.md")
RECIPE = [block for page in PAGES for block in blocks(page) if block.file or block.language == "diff"]
SCRIPTS = [block.file for block in RECIPE if block.file and "/" not in block.file]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of the judge of kernels with all that the recipes write and edit, and their scripts."""
    root = tmp_path_factory.mktemp("recipes")
    package, being_written = root / "src" / "spikesieve", shutil.ignore_patterns("*.tmp.*", "*.pyc.*")
    shutil.copytree(Path(spikesieve.__file__).parent, package, ignore=being_written)
    # What is compiled of kernels that no recipe edits is not compiled again.
    compiled = package / "kernels" / "cpu" / "__pycache__"
    shutil.copytree(project.stats.cache_path, compiled, ignore=being_written, dirs_exist_ok=True)
    (root / "tests").mkdir()
    for judge in (ROOT / "tests").glob("reference*.py"):
        shutil.copy(judge, root / "tests")
    for block in RECIPE:
        follow(block, root)
    return root


def test_there_is_a_recipe_for_each_kind_of_part():
    parts = ("parameter", "stage", "kernel", "method", "backend", "format", "metric", "view")
    assert [f"try_{part}.py" for part in parts] == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_recipe_works(changed, script):
    environment = {**os.environ, "PYTHONPATH": str(changed / "src")}
    environment.pop("NUMBA_CACHE_DIR", None)  # beside the copy
    done = subprocess.run([sys.executable, script], cwd=changed, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_edit_that_does_not_fit_is_refused():
    assert edited("a\nb\nc", " a\n-b\n+B") == "a\nB\nc"
    for hunk in ("-d\n+e", "-a b", " a\n c"):
        with pytest.raises(ValueError, match="not there"):
            edited("a\nb\nc", hunk)
    with pytest.raises(ValueError, match="more than once"):
        edited("a\na", "-a")
