"""A pass goes on after the blocks that are done, wherever it was cut off and whatever was damaged; the bytes agree."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesieve.engine.blocks import Block, plan_blocks
from spikesieve.engine.journal import BlockColumns, OtherBytesError, position

SEGMENTS = ((0, 1000), (1000, 2500), (3000, 3600))
BLOCKS = plan_blocks(SEGMENTS, 200)


def rows_of(start: int, stop: int) -> dict[str, np.ndarray]:
    """What a block gives: the same rows, wherever blocks are cut."""
    sample = np.array([i for i in range(start, stop) if i % 7 == 0], np.int64)
    return {"sample": sample, "value": np.stack([sample, sample**2], axis=1).astype(np.float32)}


def write(folder: Path, blocks: tuple[Block, ...], n: int | None = None) -> list[tuple[int, int]]:
    """Go on with a pass for n blocks (all, if None); returns the blocks that were computed."""
    with BlockColumns(folder, "pass", True) as columns:
        done = columns.rest(blocks)[:n]
        for block in done:
            columns.append(block, rows_of(block.start, block.stop), {"n": block.n_samples})
        if n is None:
            arrays, sums = columns.finish()
            assert sums == {"n": sum(stop - start for start, stop in SEGMENTS)}
            expected = [rows_of(*segment) for segment in SEGMENTS]
            for name, array in arrays.items():
                assert array.tobytes() == b"".join(part[name].tobytes() for part in expected)
    return [(block.start, block.stop) for block in done]


def test_a_pass_goes_on_after_the_last_block(tmp_path):
    first = write(tmp_path, BLOCKS, 7)
    assert position(tmp_path) == (8, len(BLOCKS))
    # The last block is done once more, to see that it gives the same bytes here.
    assert write(tmp_path, BLOCKS)[0] == first[-1]
    assert write(tmp_path, BLOCKS) == [(BLOCKS[-1].start, BLOCKS[-1].stop)]


@pytest.mark.parametrize("length", [100, 130, 333, 5000])
def test_blocks_of_another_length_go_on_where_the_finished_ones_end(tmp_path, length):
    write(tmp_path, BLOCKS, 7)
    others = write(tmp_path, plan_blocks(SEGMENTS, length))
    assert others[0] == (BLOCKS[6].start, BLOCKS[6].stop)
    assert others[1][0] == BLOCKS[6].stop


def test_where_the_finished_blocks_are_others_the_pass_starts_anew(tmp_path):
    write(tmp_path, BLOCKS[3:6], 2)
    assert write(tmp_path, BLOCKS)[0] == (0, 200)


def test_other_bytes_of_the_last_block_are_noticed(tmp_path):
    write(tmp_path, BLOCKS, 3)
    with BlockColumns(tmp_path, "pass", True) as columns:
        block = columns.rest(BLOCKS)[0]
        with pytest.raises(OtherBytesError):
            columns.append(block, rows_of(block.start + 1, block.stop - 50), {"n": 200})


FILES = ("pass.journal", "pass.sample.npy", "pass.value.npy")


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(FILES), st.integers(0, 10**6), st.sampled_from(["cut", "flip", "more", "gone"]), st.integers(1, 17)
)
def test_whatever_is_cut_or_damaged_the_result_is_the_same(tmp_path_factory, name, place, damage, n):
    folder = tmp_path_factory.mktemp("pass")
    write(folder, BLOCKS, n)
    path = folder / name
    data = bytearray(path.read_bytes())
    place %= len(data)
    if damage == "flip":
        data[place] ^= 1 << (place % 8)
    path.write_bytes(data[:place] if damage == "cut" else data + data[:place] if damage == "more" else data)
    if damage == "gone":
        path.unlink()
    write(folder, BLOCKS)
    shutil.rmtree(folder)
