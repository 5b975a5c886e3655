"""Freed memory goes back to the system; only the command line changes the allocator of the process."""

from __future__ import annotations

import ast
import ctypes
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from house_code import TREES, part

import spikesieve
from spikesieve.cli import app
from spikesieve.engine import heap
from spikesieve.engine.heap import give_back


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "malloc_trim"), reason="glibc")
def test_what_a_worker_freed_goes_back_to_the_system():
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def work() -> np.ndarray:
        """80 MB, of which the last piece stays and would hold all before it."""
        return [np.ones(100_000, np.uint8) for _ in range(800)][-1]

    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(work).result()
        before = resident()
        give_back()
        assert resident() < before - 40e6
    assert last.all()


ARENAS = """
import ctypes, sys
from spikesieve.engine.executor import threads
from spikesieve.engine.heap import share_one_heap

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
share_one_heap()
with threads(4) as pool:
    list(pool.map(lambda n: bytearray(n), [100_000] * 40))
    file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "malloc_info"), reason="glibc")
def test_threads_of_the_command_line_share_one_heap(tmp_path):
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", ARENAS, str(tmp_path / "heaps.xml")], check=True, env=alone)
    assert (tmp_path / "heaps.xml").read_text().count("<heap nr=") == 1


def test_the_command_line_shares_one_heap_before_it_starts(monkeypatch):
    called = []
    monkeypatch.setattr(heap, "share_one_heap", lambda: called.append("share"))
    monkeypatch.setattr(app, "app", lambda: called.append("run"))
    app.main()
    assert called == ["share", "run"]


def names_in(tree: ast.Module) -> set[str]:
    """Names, attributes, imported names and texts of a module."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.name for node in nodes if isinstance(node, ast.alias | ast.FunctionDef)}
    return names | {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_no_other_module_changes_the_allocator():
    changing = {module for module, tree in TREES.items() if {"share_one_heap", "mallopt"} & names_in(tree)}
    assert {module for module in changing if part(module) != "cli"} == {"engine.heap"}
    assert changing - {"engine.heap"}


def test_sorting_from_python_leaves_the_allocator_as_it_is(monkeypatch):
    called = set()
    monkeypatch.setattr(heap, "_glibc", lambda name, *_arguments: called.add(name))
    noise = np.random.default_rng(0).integers(-20, 20, (30_000, 4)).astype(np.int16)
    spikesieve.sort(noise, "linear:4:25", sampling_hz=30_000)
    assert called == {"malloc_trim"}
