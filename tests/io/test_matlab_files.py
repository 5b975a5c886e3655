"""MATLAB files: whole ones are read, and whatever is damaged in one, that is a ValueError and no crash."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from spikesieve.io.matlab_files import load_mat

CONTENT = {
    "numbers": np.arange(12.0).reshape(3, 4),
    "small": np.array([[1, 2]], np.uint8),
    "complex": np.array([[1 + 2j]]),
    "flags": np.array([[True, False]]),
    "text": "a text",
    "nothing": np.empty((0, 3)),
    "cells": np.array(["one", np.arange(3.0)], object),
    "structure": {"name": "x", "inside": {"waves": np.zeros((2, 3), np.float32)}},
    "many": np.array([(1.0, "a"), (2.0, "b")], [("value", object), ("name", object)]),
}


@pytest.mark.parametrize("is_compressed", [False, True])
def test_every_kind_of_array_is_read(tmp_path, is_compressed):
    savemat(tmp_path / "all.mat", CONTENT, do_compression=is_compressed)
    found = load_mat(tmp_path / "all.mat", simplify_cells=True)
    np.testing.assert_array_equal(found["numbers"], CONTENT["numbers"])
    assert found["text"] == "a text"
    assert found["structure"]["inside"]["waves"].shape == (2, 3)
    assert [each["name"] for each in found["many"]] == ["a", "b"]
    assert set(load_mat(tmp_path / "all.mat", ("numbers",))) - {"__header__", "__version__", "__globals__"} == {
        "numbers"
    }


def test_the_old_format_is_read(tmp_path):
    savemat(tmp_path / "old.mat", {"numbers": CONTENT["numbers"]}, format="4")
    np.testing.assert_array_equal(load_mat(tmp_path / "old.mat")["numbers"], CONTENT["numbers"])


def test_what_is_not_asked_for_may_be_of_any_class(tmp_path):
    from scipy.sparse import csc_array

    savemat(tmp_path / "sparse.mat", {"x": np.eye(2), "sparse": csc_array(np.eye(3))})
    assert load_mat(tmp_path / "sparse.mat", ("x",))["x"].shape == (2, 2)
    with pytest.raises(ValueError, match="class 5"):
        load_mat(tmp_path / "sparse.mat")


@pytest.mark.parametrize("is_compressed", [False, True])
def test_no_damage_is_a_crash(tmp_path, is_compressed):
    path, chance = tmp_path / "all.mat", np.random.default_rng(1)
    savemat(path, CONTENT, do_compression=is_compressed)
    whole, n_refused = path.read_bytes(), 0
    for number in range(300):
        at, n = int(chance.integers(100, len(whole))), int(chance.integers(1, 60))
        damaged = (
            whole[:at],
            whole[:at] + whole[at + n :],
            whole[:at] + whole[at : at + n] + whole[at:],
            whole[:at] + chance.bytes(n) + whole[at + n :],
            whole[:at] + bytes([255]) * n + whole[at + n :],
        )[number % 5]
        path.write_bytes(damaged)
        try:
            load_mat(path)
        except ValueError:
            n_refused += 1
    assert n_refused > 100
