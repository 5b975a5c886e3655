"""Whatever the bytes of an array's file are, reading it gives the array or a ValueError."""

from __future__ import annotations

import mmap
import pickle

import numpy as np
import pytest

from spikesieve.io.plain_arrays import SPARSE, load_npy, load_npz

HEADERS = {
    "an open bracket": b"{'descr': '<i8', 'fortran_order': False, 'shape': ((3,), }",
    "more than any memory": b"{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999999,), }",
    "more than any number": b"{'descr': '<i8', 'fortran_order': False, 'shape': (9" + b"9" * 40 + b",), }",
    "Python objects": b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    "no Python": b"\xff{{{'",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_damaged_header_is_a_value_error(tmp_path, header, is_mapped):
    path = tmp_path / "one.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + bytes([len(header) + 1, 0]) + header + b"\n" + bytes(24))
    with pytest.raises(ValueError, match=r"\w"):
        load_npy(path, is_mapped)


def test_a_file_of_the_other_kind_is_a_value_error(tmp_path):
    np.savez(tmp_path / "several.npz", a=np.arange(3))
    np.save(tmp_path / "one.npy", np.arange(3))
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(ValueError, match="several arrays"):
        load_npy(tmp_path / "several.npy")
    with pytest.raises(ValueError, match="single array"):
        load_npz(tmp_path / "one.npz")


def test_a_cut_archive_is_a_value_error(tmp_path):
    path = tmp_path / "all.npz"
    np.savez_compressed(path, a=np.arange(300), b=np.zeros(3))
    assert load_npz(path)["a"].sum() == 300 * 299 // 2
    path.write_bytes(path.read_bytes()[:200] + bytes(20) + path.read_bytes()[220:])
    with pytest.raises(ValueError, match=r"\w"):
        load_npz(path)


class Told:
    """In place of a mapping: remembers what the system is told."""

    def __init__(self):
        self.advice = []

    def madvise(self, advice):
        self.advice.append(advice)


@pytest.mark.skipif(not hasattr(mmap, "MADV_RANDOM"), reason="the system takes no advice")
@pytest.mark.parametrize("of", [lambda table: table, lambda table: table[:640, :2].transpose(0, 2, 1)])
def test_few_rows_of_a_mapped_file_are_read_page_by_page(tmp_path, of):
    table = np.arange(12_000.0).reshape(1000, 3, 4)
    np.save(tmp_path / "one.npy", table)
    mapped, expected, told = of(load_npy(tmp_path / "one.npy", is_mapped=True)), of(table), Told()
    few, many = np.array([3, 600, 1]), np.arange(len(expected) // SPARSE + 1)
    mapped._mmap = told
    for key, advice in (
        (few, [mmap.MADV_RANDOM, mmap.MADV_NORMAL]),
        (many, []),
        (slice(2), []),
        (expected[:, 0, 0] < 9, []),
    ):
        told.advice.clear()
        np.testing.assert_array_equal(mapped[key], expected[key])
        assert told.advice == advice
    with pytest.raises(IndexError):
        mapped[np.array([10_000])]
    assert told.advice == [mmap.MADV_RANDOM, mmap.MADV_NORMAL]


def test_a_mapped_file_is_an_array_like_others(tmp_path):
    table = np.arange(24.0).reshape(6, 4)
    np.save(tmp_path / "one.npy", table)
    mapped = load_npy(tmp_path / "one.npy", is_mapped=True)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped[np.array([4, 1])], table[[4, 1]])
    assert type(mapped[np.array([4, 1])]) is not type(mapped)
    assert mapped.mean(axis=0).tolist() == table.mean(axis=0).tolist()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mapped)), table)  # noqa: S301  made here
