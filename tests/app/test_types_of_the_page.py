"""The types in the comments of the page's modules hold together, where TypeScript's compiler is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from spikesieve.app.page_files import PAGE_FILES

TSC = shutil.which("tsc")
OPTIONS = ("--noEmit", "--allowJs", "--checkJs", "--strict", "--moduleResolution", "bundler", "--module", "es2022")


@pytest.mark.skipif(TSC is None, reason="tsc is not installed: npm install --global typescript")
def test_the_types_in_the_comments_are_right(tmp_path: Path) -> None:
    for name, file in PAGE_FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(file.content)
    modules = sorted(name for name in PAGE_FILES if name.endswith(".js"))
    words = [str(TSC), *OPTIONS, "--target", "es2022", "--lib", "es2023,dom,dom.iterable", *modules]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
