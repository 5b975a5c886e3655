"""Packed arrays and codes give back the values."""

from __future__ import annotations

import base64

import numpy as np

from spikesieve.report.packing import MISSING, codes, packed


def test_a_packed_array_has_its_type_shape_and_bytes() -> None:
    array = np.arange(6, dtype=">u4").reshape(2, 3)
    entry = packed(array)
    found = np.frombuffer(base64.b64decode(entry["base64"]), "<u4").reshape(entry["shape"])
    assert entry["dtype"] == "uint32"
    np.testing.assert_array_equal(found, array)


def test_codes_are_clipped_and_mark_missing_values() -> None:
    values = np.array([-1.0, 0.0, 2.5, 10.0, 99.0, np.nan, np.inf])
    found = codes(values, 0.0, 10.0)
    assert found[[0, 1, 3, 4]].tolist() == [0, 0, MISSING - 1, MISSING - 1]
    assert found[[5, 6]].tolist() == [MISSING, MISSING]
    assert abs(found[2] / (MISSING - 1) * 10 - 2.5) < 1e-4
