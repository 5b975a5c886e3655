"""A test of the browser, the benchmarks or other packages that is skipped where it ought to run is a failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from needed import EVERYTHING, missing, needed_module, required
from paths import ROOT


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, set()),
        ({"CI": "true"}, set(EVERYTHING)),
        ({"CI": ""}, set()),
        ({"CI": "true", "SPIKESIEVE_REQUIRE": "benchmarks"}, {"benchmarks"}),
        ({"SPIKESIEVE_REQUIRE": "browser, benchmarks"}, {"browser", "benchmarks"}),
        ({"CI": "true", "SPIKESIEVE_REQUIRE": ""}, set()),
    ],
)
def test_what_is_required(environment, names):
    assert required(environment) == names


def test_a_name_that_means_nothing_is_refused():
    with pytest.raises(ValueError, match="browsr"):
        required({"SPIKESIEVE_REQUIRE": "browsr"})


@pytest.mark.parametrize("what", EVERYTHING)
def test_what_is_missing_is_skipped_or_fails(what):
    with pytest.raises(pytest.skip.Exception, match="no such thing"):
        missing(what, "no such thing", {})
    with pytest.raises(pytest.fail.Exception, match=f"no such thing.* {what}"):
        missing(what, "no such thing", {"CI": "true"})


def test_a_module_that_is_there_is_imported():
    assert needed_module("json", "benchmarks").loads("1") == 1


@pytest.mark.parametrize(("required_here", "word"), [("benchmarks", "1 error"), ("browser", "1 skipped")])
def test_pytest_fails_where_a_required_module_is_missing(tmp_path, required_here, word):
    (tmp_path / "test_it.py").write_text(
        "from needed import needed_module\nneeded_module('no_such_module', 'benchmarks')\ndef test(): pass\n"
    )
    environment = {**os.environ, "SPIKESIEVE_REQUIRE": required_here, "PYTHONPATH": str(ROOT / "tests")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    said = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert word in said.stdout
    assert said.returncode == {"1 error": 2, "1 skipped": 5}[word]


def test_no_test_skips_by_itself():
    own = re.compile(r"importorskip\(|skipif\(not \(BROWSER")
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_needed.py"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in tests}
    assert sorted(name for name, text in texts.items() if own.search(text)) == []
    assert sum("needed" in text for text in texts.values()) >= 3
