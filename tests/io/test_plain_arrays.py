"""Whatever the bytes of an array's file are, reading it gives the array or a ValueError."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.io.plain_arrays import load_npy, load_npz

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
