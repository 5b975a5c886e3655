"""A column that was looked at once does not keep a curator waiting."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from spikesieve.io.plain_arrays import load_npy
from spikesieve.views.columns import LOOKED_AT_ONCE, look_at_all

ROWS = 2_000_000


def mapped_kb(path: Path) -> int:
    """How much of a mapped file is in the memory of this process."""
    of_file, total = False, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            of_file = line.endswith(path.name)
        elif of_file and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what is in memory")
@pytest.mark.parametrize("order", ["C", "F"])
def test_all_pages_of_a_mapped_column_are_at_hand(tmp_path: Path, order: str) -> None:
    path = tmp_path / "place.npy"
    np.save(path, np.ones((ROWS, 2), np.float32, order))
    column = load_npy(path, is_mapped=True)
    before_kb = mapped_kb(path)
    look_at_all(column, lambda: None)
    assert before_kb < 1000 < 2 * 4 * ROWS / 1024 <= mapped_kb(path)


@pytest.mark.parametrize("shape", [(0,), (0, 2), (1,), (5, 2)])
def test_a_column_may_be_short(shape: tuple[int, ...]) -> None:
    look_at_all(np.zeros(shape), lambda: None)


def test_there_is_a_pause_before_each_part() -> None:
    pauses = list[int]()
    look_at_all(np.empty(3 * LOOKED_AT_ONCE // 8), lambda: pauses.append(1))
    assert len(pauses) == 3
