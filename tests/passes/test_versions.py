"""A step whose source changed has another version, so that results of the old source are not loaded.

    python tests/passes/test_versions.py        # writes versions.json again

The source of a step is its function and everything in the package that it reaches; comments and docstrings do not
count. After a change: raise the number in `@versioned(...)` of each step that gives other results than before, and run
this file. It names the steps whose source is another one with the same version: they must give the bytes of before.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

TABLE = Path(__file__).with_name("versions.json")

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import step_sources  # noqa: E402  beside the folder of this file
from step_sources import digest_of, source_of, steps  # noqa: E402


def table() -> dict[str, list[object]]:
    """Version and digest of each step now."""
    return {name: [version, digest_of(place)] for name, (version, place) in sorted(steps().items())}


def test_a_step_with_another_source_has_another_version():
    then, now = json.loads(TABLE.read_text()), table()
    assert then == now, "read the top of this file"


def test_every_step_of_the_methods_is_looked_at():
    names = set(steps())
    assert {
        "passes.detection.detect_spikes",
        "passes.matching.match_by_likelihood",
        "passes.description.describe",
    } <= names
    assert len(names) >= 20


def test_a_step_reaches_stages_and_kernels_and_not_the_store():
    reached = set(source_of(("passes.detection", "detect_spikes")))
    assert ("stages.detect", "find") in reached
    assert ("kernels.cpu.backend", "CpuBackend.describe") in reached
    assert ("stages.preprocess", "apply") in reached
    assert not {module for module, _ in reached} & {"engine.store", "engine.journal", "stages.curate"}


def test_another_constant_far_below_is_noticed_and_a_comment_is_not(monkeypatch):
    place = "passes.detection", "detect_spikes"
    before = digest_of(place)
    module = "stages.preprocess"
    text = ast.unparse(step_sources.TREES[module])
    changed = ast.parse(text.replace("def apply(", "def apply(more: int, ", 1))
    for tree, same in ((ast.parse(f"# a comment\n{text}"), True), (changed, False)):
        monkeypatch.setitem(step_sources.TREES, module, tree)
        step_sources.definitions.cache_clear()
        assert (digest_of(place) == before) == same
    step_sources.definitions.cache_clear()


if __name__ == "__main__":
    old, new = json.loads(TABLE.read_text()) if TABLE.exists() else {}, table()
    for name, (version, digest) in new.items():
        if name in old and old[name][0] == version and old[name][1] != digest:
            print(f"{name}: another source with the same version {version}. It must give the same bytes as before.")
    TABLE.write_text(json.dumps(new, indent=1) + "\n")
