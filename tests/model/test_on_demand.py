"""Rows that are computed when they are read look like an array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from spikesieve.model import F32, I64, RowsOnDemand

ALL = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


@dataclass(frozen=True, eq=False)
class Known(RowsOnDemand):
    """Rows of a known array."""

    @property
    def shape(self) -> tuple[int, ...]:
        return ALL.shape

    def rows(self, numbers: I64) -> F32:
        return ALL[numbers]


@pytest.mark.parametrize(
    "key",
    [
        2,
        -1,
        slice(1, 3),
        slice(None, None, 2),
        np.array([3, 0]),
        np.array([True, False, True, False]),
        (slice(None), slice(None), slice(1)),
        (0, 1),
        (np.array([1, 2]), np.array([0, 1])),
        (..., 0),
    ],
)
def test_an_index_gives_what_it_gives_of_an_array(key: object) -> None:
    np.testing.assert_array_equal(Known()[key], ALL[key])


def test_numpy_computes_all() -> None:
    np.testing.assert_array_equal(np.asarray(Known()), ALL)
    assert len(Known()) == 4
