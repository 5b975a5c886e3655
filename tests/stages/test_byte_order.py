"""Bytes that were read in the wrong order."""

from __future__ import annotations

import numpy as np
import pytest

from spikesieve.stages.byte_order import is_byte_swapped


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32"])
@pytest.mark.parametrize("sd", [1.0, 30.0, 1000.0, 8000.0])
def test_the_wrong_order_is_told_for_signals_of_any_size(dtype, sd):
    samples = np.random.default_rng(0).standard_normal((5000, 4)) * sd
    samples = np.clip(
        samples + (32768 if dtype == "uint16" else 0), *((0, 65535) if dtype == "uint16" else (-32768, 32767))
    )
    right = np.rint(samples).astype(dtype)
    assert not is_byte_swapped([right, right[:100]])
    assert is_byte_swapped([right.byteswap(), right[:100].byteswap()])


@pytest.mark.parametrize(
    "samples",
    [np.zeros((100, 4), np.int16), np.full((100, 2), 300, np.int16), np.ones((100, 2)), np.ones((1, 2), np.int16)],
)
def test_samples_that_tell_nothing(samples):
    assert not is_byte_swapped([samples])
    assert not is_byte_swapped([])


def test_noise_over_the_whole_range_is_not_accused():
    samples = np.random.default_rng(0).integers(-32768, 32767, (5000, 4)).astype(np.int16)
    assert not is_byte_swapped([samples])
    assert not is_byte_swapped([samples.byteswap()])
