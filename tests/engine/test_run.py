"""A run hands out work and keeps steps: margins, shifted samples, sums, order; sources are small and read clean."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from large_samples import HZ, PARAMS, FindLarge, run_in, source
from tiny import BACKEND, line_probe

from spikesieve.engine.run import BlockTask, Core, Run, versioned
from spikesieve.engine.source import Source, TraceShift
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import I64, Motion
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes


@dataclass(frozen=True, eq=False)
class WholeBlock(BlockTask[np.ndarray]):
    margin: int

    @property
    def margin_samples(self) -> int:
        return self.margin

    def __call__(self, clean: Clean, core: Core, backend) -> np.ndarray:
        return clean.uv.copy()


def test_collected_samples_are_those_of_the_recording_and_numbers_are_summed(tmp_path):
    told: list = []
    with ThreadPoolExecutor(2) as pool:
        found, lost = run_in(tmp_path, pool, told).collect(FindLarge(source()), source().blocks, "large")
    assert found.sample.tolist() == list(range(100, 4000, 250))
    assert found.n_looked_at == 4000
    assert (found.value > 700).all()
    assert len(lost) == 0
    assert told == [("large", i, 6) for i in range(7)]
    assert (tmp_path / "large.sample.npy").is_file()


def test_what_is_lost_is_counted_once_although_blocks_overlap(tmp_path):
    raw = np.random.default_rng(0).standard_normal((4000, 3)).astype(np.float32)
    raw[695:705, 1] = np.nan
    broken = replace(source(), recording=recording_from_array(raw, HZ, 1.0))
    with ThreadPoolExecutor(1) as pool:
        _, lost = run_in(tmp_path, pool).collect(FindLarge(broken), broken.blocks, "large")
    assert (lost.start.tolist(), lost.stop.tolist()) == ([695], [705])
    assert lost.n_samples == 4000


def test_two_collections_of_a_name_in_a_step_are_refused(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        run = run_in(tmp_path, pool)
        run.collect(FindLarge(source()), source().blocks, "large")
        with pytest.raises(ValueError, match="two arrays named"):
            run.collect(FindLarge(source()), source().blocks, "large")


@dataclass(frozen=True, eq=False)
class Uneven:
    sample: I64
    value: object


@dataclass(frozen=True, eq=False)
class GiveUneven(BlockTask[Uneven]):
    """Gives each block's own value."""

    values: tuple[object, ...]

    @property
    def margin_samples(self) -> int:
        return 0

    def __call__(self, clean: Clean, core: Core, backend) -> Uneven:
        return Uneven(np.arange(1), self.values[core.block.start > 0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("a", "b"), "value of uneven differs between blocks"),
        ((np.ones((1, 2), np.float32), np.ones((1, 3), np.float32)), "rows of shape"),
        ((np.ones(1, np.float32), np.ones(1)), "holds float32. Got float64"),
    ],
    ids=["text", "shape", "type"],
)
def test_results_of_blocks_that_do_not_fit_together_are_refused(tmp_path, values, said):
    task = GiveUneven(source(), values)
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match=said):
        run_in(tmp_path, pool).collect(task, source().blocks, "uneven")


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_threads_and_processes_give_the_same(tmp_path, kind):
    with kind(2) as pool:
        found, _ = run_in(tmp_path, pool).collect(FindLarge(source()), source().blocks, "large")
    with ThreadPoolExecutor(1) as pool:
        alone = list(run_in(tmp_path / "alone", pool).map(FindLarge(source()), source().blocks))
    assert found.value.tobytes() == np.concatenate([each.value for each in alone]).tobytes()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(150, 900))
def test_clean_blocks_are_pieces_of_the_whole(margin, block_samples):
    """Wherever blocks are cut, and beyond the ends of a segment the first and last sample is repeated."""
    segments = ((0, 1000), (1100, 2400))
    cut = source(2500, block_samples, segments)
    whole = {b.segment_start: cut.clean(b, 0, BACKEND).uv for b in source(2500, 5000, segments).blocks}
    for block in cut.blocks:
        uv = cut.clean(block, margin, BACKEND).uv
        assert uv.shape == (3, block.n_samples + 2 * margin)
        inside = slice(block.start - block.segment_start, block.stop - block.segment_start)
        np.testing.assert_allclose(
            uv[:, margin : margin + block.n_samples], whole[block.segment_start][:, inside], atol=0.02
        )


def test_traces_that_follow_the_tissue_are_moved_by_its_displacement():
    still = source()
    um = np.full((1, 1, 1), 20.0, np.float32)
    motion = Motion(np.zeros(1), np.zeros(1), np.array([0]), um, um, ("use",), ("It is known.",))
    moved = still.with_shift(TraceShift(motion, 20.0))
    block = still.blocks[0]
    here, there = still.clean(block, 0, BACKEND).uv, moved.clean(block, 0, BACKEND).uv
    # What rests at contact 0 is seen by contact 1, 20 um higher.
    assert np.abs(there[0] - here[1]).max() < 0.1 * np.abs(here[1]).max() + 60
    assert np.corrcoef(there[0], here[1])[0, 1] > 0.9


def test_parts_hold_the_seconds_that_are_asked_for_and_no_more_blocks():
    cut = source(30_000, 300)
    for seconds in (0.5, 3.0, 100.0):
        part = cut.part(seconds)
        assert cut.seconds_of(part) == pytest.approx(min(seconds, 10.0), abs=0.1)
        assert [b.index for b in part] == sorted({b.index for b in part})


# Steps


@versioned(3)
def double(run: Run, value: np.ndarray, factor: float) -> Shapes:
    run.progress("double", 1, 1)
    return Shapes((factor * value).astype(np.float32), np.ones((1, 1), np.float32), 1, 1)


def test_a_step_is_computed_once_for_the_same_inputs(tmp_path):
    told: list = []
    with ThreadPoolExecutor(1) as pool:
        run = run_in(tmp_path, pool, told)
        first = run.step("double", double, np.arange(5.0), 2.0)
        again = run.step("double", double, np.arange(5.0), 2.0)
        assert told == [("double", 1, 1)]
        run.step("double", double, np.arange(5.0), 3.0)
        assert len(told) == 2
    assert first.pcs.tolist() == again.pcs.tolist() == [0, 2, 4, 6, 8]


def test_sources_tasks_and_results_pickle_small():
    wide = Source.of(source().recording, line_probe(3), PARAMS, 700)
    task = WholeBlock(wide, 5)
    assert pickle.loads(pickle.dumps(task)).margin == 5  # noqa: S301  made here


def add(run: Run, a: int = 1, b: int = 2) -> int:
    return a + b


def subtract(run: Run, a: int = 1, b: int = 2) -> int:
    return a - b


def test_a_step_is_known_by_its_function_and_the_names_of_its_settings(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        run = run_in(tmp_path, pool)
        assert [run.step("sum", add, a=5), run.step("sum", subtract, a=5), run.step("sum", add, b=5)] == [7, 3, 6]


class StopError(Exception):
    """The run ends here."""


def test_a_step_that_was_stopped_in_a_pass_goes_on_there(tmp_path):
    """Through the run and its store: the blocks that were done are not computed again, and all bytes agree."""
    computed: list[int] = []

    def stopping(stage: str, done: int, total: int) -> None:
        computed.append(done)
        if done == 4 and len(computed) < 6:
            raise StopError

    def large(run, of) -> tuple:
        found = run.collect(FindLarge(of), of.blocks, "large")[0]
        return found.sample, found.value, found.n_looked_at

    with ThreadPoolExecutor(1) as pool:
        run = replace(run_in(tmp_path / "killed", pool), progress=stopping)
        with pytest.raises(StopError):
            run.step("large", large, source())
        assert computed == [0, 1, 2, 3, 4]
        sample, _, n_looked_at = run.step("large", large, source())
        assert computed[5:] == [2, 3, 4, 5, 6]
        run_in(tmp_path / "other", pool).step("large", large, source())
    assert sample.tolist() == list(range(100, 4000, 250))
    assert n_looked_at == 4000
    one, two = ({p.name: p.read_bytes() for p in d.rglob("*.npy")} for d in (tmp_path / "killed", tmp_path / "other"))
    assert one == two
    assert len(one) == 2
    assert not list(tmp_path.rglob("*.journal"))
