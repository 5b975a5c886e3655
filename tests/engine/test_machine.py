"""What the process may use: memory of the machine or its container, processors, and the peak of its own memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from spikesieve.engine.machine import machine_bytes, n_processors, peak_memory_mb


def test_this_machine_has_memory():
    assert 5e8 < machine_bytes() < 1e14


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
@pytest.mark.parametrize(
    ("text", "limit"), [("2000000\n", 2_000_000), ("max\n", None), ("9223372036854771712\n", None), ("\n", None)]
)
def test_a_container_has_the_memory_of_its_limit(tmp_path, name, text, limit):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert machine_bytes(tmp_path) == (limit or psutil.virtual_memory().total)


def test_without_a_container_the_memory_is_the_machine_s(tmp_path):
    assert machine_bytes(tmp_path) == psutil.virtual_memory().total


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_only_processors_that_the_process_may_use_count():
    allowed = os.sched_getaffinity(0)
    assert n_processors() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert n_processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_peak_memory_is_not_that_of_the_process_that_started_this_one():
    large = np.ones(60_000_000, np.uint8)
    code = "from spikesieve.engine.machine import peak_memory_mb; print(peak_memory_mb())"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    if not Path("/proc/self/status").exists():
        pytest.skip("this system tells only of both")
    assert large.any()
    assert float(said) < peak_memory_mb() - 50


def test_peak_memory_sees_a_large_array():
    before = peak_memory_mb()
    big = np.ones(max(1, round(before * 1e6) // 8 + 10_000_000))
    assert peak_memory_mb() > before + 50
    assert big[-1] == 1
