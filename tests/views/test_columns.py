"""A column that was looked at once does not keep a curator waiting."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikesieve.io.plain_arrays import load_npy
from spikesieve.views.columns import LOOKED_AT_ONCE, Columns, look_at_all

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


class Read:
    """A column that counts how often it is read."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values, self.n_read = values, 0

    def take(self, rows: NDArray[Any], axis: int, out: None, mode: str) -> NDArray[Any]:
        self.n_read += 1
        return self.values[rows]


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=60), st.sets(st.integers(0, 3)), st.booleans())
def test_a_unit_made_of_others_has_their_values(unit: list[int], shown: set[int], is_place: bool) -> None:
    values = np.arange(len(unit) * 2).reshape(-1, 2) if is_place else np.arange(len(unit))
    parts = [np.flatnonzero(np.array(unit) == k).astype(np.int32) for k in range(4)]
    whole = np.flatnonzero(np.array(unit) >= 0).astype(np.int32)
    column, columns = Read(values), Columns()
    for k in shown:
        columns.take("time", column, parts[k])
    columns.join(whole, parts)
    np.testing.assert_array_equal(columns.take("time", column, whole), values[whole])
    assert column.n_read == len(shown) + (len(shown) < 4)


def test_what_is_known_is_not_read() -> None:
    column, columns, rows = Read(np.arange(5)), Columns(), np.array([1, 3], np.int32)
    columns.know("template", rows, np.broadcast_to(np.int32(7), 2))
    assert columns.take("template", column, rows).tolist() == [7, 7]
    assert not column.n_read


def test_one_value_for_all_spikes_does_not_push_out_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikesieve.views.columns.MOST_BYTES", 1000)
    column, columns, rows = Read(np.arange(100)), Columns(), np.arange(100, dtype=np.int32)
    columns.take("time", column, rows)
    for _ in range(3):
        columns.know("template", rows.copy(), np.broadcast_to(np.int32(7), 100))
    columns.take("time", column, rows)
    assert column.n_read == 1


def test_who_asks_while_it_is_read_waits_for_it() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Read):
        def take(self, *asked: Any, **more: Any) -> NDArray[Any]:
            begun.set()
            go_on.wait(60)
            return super().take(*asked, **more)

    column, columns, rows = Slow(np.arange(5)), Columns(), np.array([1, 3], np.int32)
    found: list[list[int]] = []
    ask = [threading.Thread(target=lambda: found.append(columns.take("time", column, rows).tolist())) for _ in range(3)]
    ask[0].start()
    begun.wait(60)
    for one in ask[1:]:
        one.start()
    go_on.set()
    for one in ask:
        one.join(60)
    assert found == [[1, 3]] * 3
    assert column.n_read == 1


def test_what_could_not_be_read_is_tried_again() -> None:
    column, columns, rows = Read(np.arange(5)), Columns(), np.array([9], np.int32)
    for _ in range(2):
        with pytest.raises(IndexError):
            columns.take("time", column, rows)
    assert column.n_read == 2
