"""A step goes on after the results that were kept of it, whatever was cut off or damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.api.sort import open_run
from spikesieve.engine import kept_results
from spikesieve.engine.run import Run, versioned
from spikesieve.engine.store import Store
from spikesieve.model import SortedTime

N = 7
FILES = [f"results-{n}/{name}" for n in range(2 * N) for name in ("manifest.json", "value.0.2.0.npy")]

Result = tuple[np.ndarray, list[int], SortedTime]


@pytest.fixture(autouse=True)
def written_at_once(monkeypatch):
    monkeypatch.setattr(kept_results, "WRITE_S", 0.0)
    monkeypatch.setattr(kept_results, "WRITE_SHARE", 0.0)
    monkeypatch.setattr(kept_results, "WORTH_BYTES_PER_S", 1e12)


class StoppedError(Exception):
    """The step was stopped."""


def run_step(folder: Path, stop: int | None = None) -> tuple[list[int], list[int]]:
    """Run a step of two calls that take turns, up to a call of the function; returns the items that were done, and all.

    In Fortran's order sums are rounded in another way.
    """
    did: list[int] = []

    def work(item: int) -> Result:
        if len(did) == stop:
            raise StoppedError
        did.append(item)
        return np.full((2, 3), item, order="F"), [item], SortedTime(((0, item + 1),), 1.0)

    @versioned(1)
    def two_calls(run: Run, n: int) -> np.ndarray:
        one, other = run.map_kept(work, range(n)), run.map_kept(work, range(n, 2 * n))
        found = [result for pair in zip(one, other, strict=True) for result in pair]
        for values, (item,), time in found:
            assert values.flags.f_contiguous
            assert values.shape == (2, 3)
            assert type(values) is np.ndarray
            assert (values == item).all()
            assert time.segments == ((0, item + 1),)
        return np.array([item for _, (item,), _ in found])

    with open_run(1, Store.open(folder)) as run:
        return did, run.step("two calls", two_calls, N).tolist()


def stopped(folder: Path, at: int) -> Path:
    """Stop the step before a call; returns the folder that is left."""
    with pytest.raises(StoppedError):
        run_step(folder, at)
    (unfinished,) = folder.glob("*.unfinished")
    return unfinished


EXPECTED = [item for pair in zip(range(N), range(N, 2 * N), strict=True) for item in pair]


@pytest.mark.parametrize("at", [0, 1, 5, 2 * N - 1])
def test_a_step_goes_on_after_what_was_kept(tmp_path, at):
    stopped(tmp_path, at)
    kept = len(list(tmp_path.glob("*.unfinished/results-*")))
    # Items that were handed out before they were asked for are done again.
    assert at - kept <= 4
    did, everything = run_step(tmp_path)
    assert (len(did), everything) == (2 * N - kept, EXPECTED)
    (folder,) = tmp_path.glob("two-calls-*")
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "value.npy"]


def test_it_is_stopped_again_and_again_until_it_is_done(tmp_path):
    for _ in range(2 * N):
        try:
            _, everything = run_step(tmp_path, 5)
            break
        except StoppedError:
            pass
    assert everything == EXPECTED


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.floats(0, 1), st.sampled_from(["cut", "flip", "gone"]), st.integers(1, 2 * N - 1))
def test_whatever_is_cut_or_damaged_the_result_is_the_same(tmp_path_factory, name, place, damage, at):
    folder = tmp_path_factory.mktemp("step")
    path = stopped(folder, at) / name
    if path.is_file() and path.stat().st_size:
        data = bytearray(path.read_bytes())
        where = min(int(place * len(data)), len(data) - 1)
        data[where] ^= 0x41
        path.write_bytes(data[:where] if damage == "cut" else data)
        if damage == "gone":
            path.unlink()
    assert run_step(folder)[1] == EXPECTED
    shutil.rmtree(folder)


def test_results_that_are_quickly_computed_again_do_not_take_place_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_results, "WORTH_BYTES_PER_S", 0.0)
    assert not list(stopped(tmp_path, 9).glob("results-*"))
    assert run_step(tmp_path)[1] == EXPECTED


def test_a_quick_step_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_results, "WRITE_S", 60.0)
    assert not list(stopped(tmp_path, 9).glob("results-*"))


def test_a_temporary_store_keeps_nothing(tmp_path):
    with open_run(1, Store.open(tmp_path, reuse=False)) as run:
        assert list(run.map_kept(abs, [-1, 2])) == [1, 2]
    assert not list(tmp_path.iterdir())
