"""What is left out is filled without a step, and made longer than filters reach."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import BACKEND, HZ

from spikesieve.stages.gap_filling import filled, lengthened
from spikesieve.stages.preprocess import highpass

N = 12_000


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_a_filled_gap_leaves_no_step_for_the_filter(slope):
    """A rail of 5 mV in slow waves leaves less than 1 uV; set to the mean it leaves more."""
    t = np.arange(N) / HZ
    slow = (300 * np.sin(2 * np.pi * 8 * t) + slope * np.arange(N))[None].astype(np.float32)
    gaps = np.zeros(slow.shape, bool)
    gaps[0, 5000:5090] = True
    held = np.where(gaps, np.float32(5000.0), slow)
    high = highpass(filled(held, gaps, HZ), HZ, 300.0, BACKEND)
    assert np.abs(high[0, 2000:-2000]).max() < 1.0
    zeroed = highpass(np.where(gaps, np.float32(0.0), slow), HZ, 300.0, BACKEND)
    assert np.abs(zeroed[0, 2000:-2000]).max() > 10.0


def test_gaps_at_the_ends_and_contacts_that_are_all_gap_are_filled_with_numbers():
    uv = np.full((3, 100), np.nan, np.float32)
    uv[0, 20:] = uv[1, :80] = 7.0
    found = filled(uv, np.isnan(uv), HZ)
    np.testing.assert_allclose(found[:2], 7.0, atol=1e-4)
    assert not found[2].any()


def test_lengthening_keeps_the_samples_and_lengthens_every_gap():
    gaps = np.zeros((3, 50), bool)
    gaps[0, 10:13] = gaps[0, 30:31] = gaps[1, 45:50] = True
    uv = np.random.default_rng(0).standard_normal(gaps.shape).astype(np.float32)
    longer = lengthened(gaps, 20)
    wide = longer.apply(uv, HZ)
    assert wide.shape == (3, 50 + 17 + 19)
    np.testing.assert_array_equal(wide[0, [9, 30, 46, 67]], uv[0, [9, 13, 29, 31]])
    np.testing.assert_array_equal(longer.undo(wide, 50)[~gaps], uv[~gaps])
    # What is beyond the end of a contact is one gap with the gap at its end, without a step.
    assert np.abs(np.diff(wide[1, 45:])).max() < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_lengthening_is_undone_whatever_the_gaps(seed):
    rng = np.random.default_rng(seed)
    gaps = np.repeat(rng.random((6, 30)) < [[0.0], [1.0], [0.3], [0.3], [0.7], [0.1]], 3, axis=1)
    uv = rng.standard_normal(gaps.shape).astype(np.float32)
    longer = lengthened(gaps, 7)
    wide = longer.apply(uv, HZ)
    assert np.isfinite(wide).all()
    np.testing.assert_array_equal(longer.undo(wide, gaps.shape[1])[~gaps], uv[~gaps])
