"""A pass whose pieces of work build on one another goes on after the last one, whatever was cut off or damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.api.sort import open_run
from spikesieve.engine import checkpoints
from spikesieve.engine.run import Run, versioned
from spikesieve.engine.store import Store

N = 9
FILES = [
    "pass.sum.npy",
    *(f"pass.checkpoint-{n}/{name}" for n in range(3) for name in ("manifest.json", "value.0.npy")),
]

State = tuple[np.ndarray, int]
Rows = dict[str, np.ndarray]


class StoppedError(Exception):
    """The pass was stopped."""


def pieces(state: State, left: Sequence[int], did: list[int], stop: int | None) -> Iterator[tuple[State, Rows]]:
    """Add up numbers; each piece of work needs the sum before."""
    total, n = state
    for item in left:
        if item == stop:
            raise StoppedError
        did.append(item)
        total, n = total + item, n + 1
        yield (total, n), {"sum": np.repeat(total, item)}


def run_pass(folder: Path, stop: int | None = None) -> tuple[list[int], list[int]]:
    """Go on with the pass, up to an item; returns the items that were done, and all rows."""
    did: list[int] = []

    @versioned(1)
    def add_up(run: Run, n: int) -> np.ndarray:
        def work(state: State, left: Sequence[int]) -> Iterator[tuple[State, Rows]]:
            return pieces(state, left, did, stop)

        (total, count), rows = run.fold(work, range(n), (np.array([0]), 0), "pass")
        assert count == n
        assert total.tolist() == [sum(range(n))]
        return np.array(rows["sum"])

    with open_run(1, Store.open(folder)) as run:
        return did, run.step("adding", add_up, N).tolist()


def stopped(folder: Path, at: int) -> Path:
    """Stop a pass before an item; returns the folder that is left."""
    with pytest.raises(StoppedError):
        run_pass(folder, at)
    (unfinished,) = folder.glob("*.unfinished")
    return unfinished


EXPECTED = [sum(range(item + 1)) for item in range(N) for _ in range(item)]


@pytest.mark.parametrize("at", range(N))
def test_a_pass_goes_on_after_the_last_piece_of_work(tmp_path, at):
    unfinished = stopped(tmp_path, at)
    assert checkpoints.position(unfinished) == ((at + 1, N) if at else None)
    assert run_pass(tmp_path) == (list(range(at, N)), EXPECTED)
    assert [path.name.partition("-")[0] for path in tmp_path.iterdir() if path.is_dir()] == ["adding"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.floats(0, 1), st.sampled_from(["cut", "flip", "gone"]), st.integers(1, N - 1))
def test_whatever_is_cut_or_damaged_the_result_is_the_same(tmp_path_factory, name, place, damage, at):
    folder = tmp_path_factory.mktemp("pass")
    path = stopped(folder, at) / name
    if path.is_file() and path.stat().st_size:
        data = bytearray(path.read_bytes())
        where = min(int(place * len(data)), len(data) - 1)
        data[where] ^= 0x41
        path.write_bytes(data[:where] if damage == "cut" else data)
        if damage == "gone":
            path.unlink()
    assert run_pass(folder)[1] == EXPECTED
    shutil.rmtree(folder)


def test_the_state_before_the_last_is_used_where_the_last_is_half_written(tmp_path):
    unfinished = stopped(tmp_path, 6)
    latest = max(unfinished.glob("*.checkpoint-?/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    latest.write_bytes(latest.read_bytes()[:-20])
    assert run_pass(tmp_path) == ([5, 6, 7, 8], EXPECTED)
