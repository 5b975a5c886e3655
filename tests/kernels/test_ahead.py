"""The largest kernels are compiled by another process, once, where there are two processors."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny

from spikesieve.kernels import CpuBackend, ahead
from spikesieve.kernels.ahead import LARGEST, Ahead, compiled_ahead
from spikesieve.kernels.compiling import compiling
from spikesieve.kernels.self_test import call
from spikesieve.stages.match import MatchParams, make_matcher, match


def kernel(folder: Path, *files: str) -> Any:
    """A kernel that keeps its compiled code in a folder."""
    folder.mkdir(exist_ok=True)
    for name in files:
        (folder / name).touch()
    return SimpleNamespace(py_func=SimpleNamespace(__name__="pursue"), stats=SimpleNamespace(cache_path=str(folder)))


@pytest.mark.parametrize(
    ("n_processors", "files", "begins"),
    [(2, (), True), (2, ("pursue.pursue-9.py311.nbi",), False), (1, (), False), (2, ("pursue._take-9.nbi",), True)],
)
def test_a_process_begins_where_nothing_is_kept_and_ends_with_the_sort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_processors: int, files: tuple[str, ...], begins: bool
) -> None:
    monkeypatch.setattr(ahead, "LARGEST", (kernel(tmp_path, *files),))
    with compiled_ahead(n_processors) as found:
        process = found._process
        assert (process is not None) == begins
    assert process is None or process.returncode is not None


def test_the_kernels_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []

    class Process:
        def wait(self) -> None:
            waited.append("x")

    call(CpuBackend(Ahead(Process())), ("microvolts", "describe"))  # type: ignore[arg-type]
    assert not waited
    call(CpuBackend(Ahead(Process())), ("template_scores", "pursue"))  # type: ignore[arg-type]
    assert waited == ["x", "x"]


def test_what_is_compiled_ahead_is_what_a_sort_calls() -> None:
    """Another type of one argument, and the kernels would be compiled again."""
    call(CpuBackend(), tuple(each.py_func.__name__ for each in LARGEST))
    before = [set(each.signatures) for each in LARGEST]
    shapes = tiny.textbook_shapes()
    templates = tiny.line_templates(shapes, [1, 4], 6)
    traces = np.random.default_rng(0).standard_normal((6, 400)).astype(np.float32)
    match(traces, make_matcher(templates, templates.contacts, 6, shapes), (0, 400), MatchParams(), CpuBackend())
    assert [set(each.signatures) for each in LARGEST] == before


def test_it_is_sent_to_workers_without_its_process() -> None:
    backend = CpuBackend(Ahead(object()))  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(backend))  # noqa: S301  made here
    call(again, ("template_scores",))  # waits for nothing


def test_another_process_compiles_what_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    with compiling("microvolts") as process:
        assert process.wait() == 0
    kept = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbi")}
    assert "microvolts.microvolts" in kept
    assert "pursue.pursue" not in kept


def test_it_ends_with_whoever_began_it() -> None:
    with compiling() as process:
        pass
    assert process.returncode is not None
