"""What the process may use: memory of the machine or its container, processors, and the peak of its own memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from spikesieve.engine.machine import machine_bytes, memory_limits, n_processors, peak_memory_mb


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


GROUPS = "9:name=systemd:/elsewhere\n4:memory:/queue/job7\n0::/user/job7\n"


@pytest.mark.parametrize(
    ("files", "limit", "used"),
    [
        # Version 2, of a group above that of the process; files in memory are given up when memory is needed.
        (
            {
                "user/job7/memory.max": "max",
                "user/memory.max": "4000000",
                "user/memory.current": "3000000",
                "user/memory.stat": "anon 900\ninactive_file 700000\nactive_file 300000\n",
            },
            4_000_000,
            2_000_000,
        ),
        (
            {
                "memory/queue/job7/memory.limit_in_bytes": "5000000",
                "memory/queue/job7/memory.usage_in_bytes": "3000000",
                "memory/queue/job7/memory.stat": "active_file 7\ntotal_inactive_file 500000\ntotal_active_file 500000",
            },
            5_000_000,
            2_000_000,
        ),
        ({"memory.max": "2000000", "memory.current": "1000000"}, 2_000_000, 1_000_000),
    ],
    ids=["version 2", "version 1", "without statistics"],
)
def test_a_job_has_the_limit_of_its_group_and_knows_what_is_in_use(tmp_path, files, limit, used):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "own").write_text(GROUPS)
    machine, *others = memory_limits(tmp_path, tmp_path / "own")
    assert machine.limit_bytes == psutil.virtual_memory().total
    assert 0 < machine.room_share < 1
    assert [(each.limit_bytes, each.used_bytes) for each in others] == [(limit, used)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces these limits")
@pytest.mark.parametrize(("option", "name"), [("-v", "RLIMIT_AS"), ("-d", "RLIMIT_DATA")])
def test_limits_of_the_process_count(option, name):
    code = f"import resource; resource.setrlimit(resource.{name}, (3 * 10**9, 3 * 10**9))\n"
    code += "from spikesieve.engine.machine import *; print(machine_bytes(), *memory_limits()[-1].__dict__.values())"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert said[:-1] == ["3000000000", "the", "limit", "of", "ulimit", option, "3000000000"]
    assert 1e6 < int(said[-1]) < 3e9


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
