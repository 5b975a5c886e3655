"""What the page asks for, on ordinary and on hostile input."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path

from spikesieve import kernels

MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


@MANY
@given(
    SEEDS, st.integers(0, 60), st.integers(0, 6), st.integers(-2, 2), st.sampled_from([np.int32, np.uint16, np.int64])
)
def test_rows_by_unit(seed, n_spikes, n_numbers, first, dtype):
    rng = np.random.default_rng(seed)
    place = np.full(n_numbers, -1, np.int64)
    used = rng.permutation(n_numbers)[: n_numbers // 2 + 1]
    place[used] = np.arange(len(used))
    unit = rng.integers(0 if dtype is np.uint16 else -3, 9, n_spikes).astype(dtype)
    ours = kernels.rows_by_unit(unit, first, place, len(used))
    for found, expected in zip(ours, reference.rows_by_unit(unit, first, place, len(used)), strict=True):
        np.testing.assert_array_equal(found, expected)


@MANY
@given(SEEDS, st.integers(3, 40), st.sampled_from([(1.0, 1.0), (1e-9, 1e9), (7e5, 3.0)]))
def test_points_in_a_polygon_that_may_cross_itself(seed, n_corners, scale):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-1, 1, (n_corners, 2)) * scale
    x, y = (rng.uniform(-1.2, 1.2, (500, 2)) * scale).T
    x[::50] = np.nan
    found = kernels.in_polygon(x, y, corners)
    np.testing.assert_array_equal(found, reference.in_polygon(x, y, corners))
    known = np.isfinite(x)
    closed = Path(np.concatenate([corners, corners[:1]]) / scale, closed=True)
    np.testing.assert_array_equal(found[known], closed.contains_points(np.stack([x, y], axis=1)[known] / scale))


@pytest.mark.parametrize("flat", [0, 1])
def test_a_polygon_without_area_holds_nothing_beside_it(flat):
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]])
    corners[:, flat] = 0.0
    assert not kernels.in_polygon(np.array([2.0, -1.0, 0.5]), np.array([0.5, 0.5, 3.0]), corners).any()


@MANY
@given(SEEDS, st.integers(0, 200), st.integers(1, 16), st.integers(1, 16))
def test_points_in_pixels(seed, n, width, height):
    rng = np.random.default_rng(seed)
    # Halves and quarters lie on the edges of pixels, and are exact.
    x, y = rng.integers(-8, 24, (2, n)) / 4
    x[: n // 20] = np.nan
    arguments = x, y, (0.0, 4.0, -1.0, 3.0), width, height
    np.testing.assert_array_equal(kernels.count_in_pixels(*arguments), reference.count_in_pixels(*arguments))


@MANY
@given(SEEDS, st.integers(1, 4), st.integers(1, 9), st.integers(1, 20))
def test_columns_of_traces_have_the_extremes_of_their_samples(seed, n_rows, step, n_columns):
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (n_rows, step * n_columns)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.02] = np.nan
    found, expected = np.empty((2, 2, n_rows, n_columns), np.float32)
    kernels.column_extremes(rows, *found)
    reference.column_extremes(rows, *expected)
    np.testing.assert_array_equal(found, expected)


@MANY
@given(SEEDS, st.integers(0, 80), st.integers(1, 7), st.integers(1, 60))
def test_later_spikes(seed, n, n_later, n_lags):
    rng = np.random.default_rng(seed)
    train, away = np.sort(rng.integers(0, 100, n)), rng.uniform(0.5, 20, n)
    arguments = train, away, n_later, n_lags
    np.testing.assert_array_equal(kernels.count_later(*arguments), reference.count_later(*arguments))


@MANY
@given(SEEDS, st.sampled_from([1.0, 30.0, 7.3, 0.6]), st.integers(0, 30), st.booleans())
def test_correlograms_of_dense_trains_are_counted_by_their_lags(seed, bin_samples, n_bins, same):
    rng = np.random.default_rng(seed)
    a, b = (np.sort(rng.integers(0, 60, 70)) for _ in range(2))
    second = a if same else b
    ours = kernels.correlogram(a, second, bin_samples, n_bins, same)
    np.testing.assert_array_equal(ours, reference.correlogram(a, second, bin_samples, n_bins, same))


@MANY
@given(SEEDS, st.integers(0, 5), st.integers(0, 3), st.integers(1, 3), st.integers(0, 3), st.floats(0, 6))
def test_pairs_at_lags_and_by_chance(seed, reach, jitter, first, more, power):
    rng = np.random.default_rng(seed)
    last = first + more
    n_lags = reach + max(jitter, last) + rng.integers(0, 4)
    counts = rng.poisson(10**power * rng.random(2 * n_lags + 1))
    arguments = counts, reach, jitter, (first, last), int(rng.integers(1, n_lags + 1))
    for found, expected in zip(kernels.pairs_at_lags(*arguments), reference.pairs_at_lags(*arguments), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
