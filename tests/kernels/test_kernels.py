"""Every kernel agrees with the function of the same name in reference.py, on ordinary and on hostile input."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import tolerance

from spikesieve import kernels
from spikesieve.kernels.cpu.above import may_exceed
from spikesieve.stages.blanking import runs

FEW = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


def both(name, make):
    """Run a kernel that fills its last argument, and its reference, on the same input."""
    results = []
    for implementation in (kernels, reference):
        *arguments, out = make()
        getattr(implementation, name)(*arguments, out)
        results.append(out)
    return results


# hidden_energy


@FEW
@given(SEEDS, st.integers(0, 3), st.sampled_from([0.0, 0.05, 0.7]))
def test_hidden_energy_is_that_in_blanked_samples(seed, n_templates, share):
    rng = np.random.default_rng(seed)
    blanked = np.repeat(rng.random((4, 10)) < share, 5, axis=1)
    contacts = rng.integers(-1, 4, (n_templates, 3))
    waveforms = rng.standard_normal((n_templates, 3, 7)).astype(np.float32)
    ours, theirs = both(
        "hidden_energy", lambda: (blanked, contacts, waveforms, 2, np.ones((n_templates, 50), np.float32))
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


# runs of samples


def gaps_case(seed, share):
    """Runs on 5 contacts of 60 samples, one of them all gap."""
    rng = np.random.default_rng(seed)
    gaps = np.repeat(rng.random((5, 20)) < share, 3, axis=1)
    gaps[3] = True
    return (*runs(gaps), rng.standard_normal(gaps.shape).astype(np.float32))


@FEW
@given(SEEDS, st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.integers(2, 9))
def test_gaps_are_filled_with_the_cubic_between_lines(seed, share, reach):
    def make():
        row, start, stop, traces = gaps_case(seed, share)
        return row, start, stop, reach, traces

    ours, theirs = both("fill_gaps", make)
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


@FEW
@given(SEEDS)
def test_runs_beyond_the_ends_are_marked_and_moved(seed):
    rng = np.random.default_rng(seed)
    row, start, stop = rng.integers(0, 3, 6), rng.integers(-9, 30, 6), rng.integers(-9, 40, 6)
    ours, theirs = both("mark_runs", lambda: (row, start, stop, np.zeros((3, 25), np.bool_)))
    np.testing.assert_array_equal(ours, theirs)
    piece = np.clip(start, 0, 20), np.clip(stop, 0, 20), rng.integers(0, 5, 6)
    traces = rng.standard_normal((3, 20)).astype(np.float32)
    ours, theirs = both("move_pieces", lambda: (traces, row, *piece, np.zeros((3, 25), np.float32)))
    np.testing.assert_array_equal(ours, theirs)


# subtract_median


def median_case(n_channels, n_samples, group, seed=0, values=None):
    rng = np.random.default_rng(seed)
    traces = rng.standard_normal((n_channels, n_samples)).astype(np.float32) if values is None else values.copy()
    return traces, np.array(group, np.int64), max(group, default=-1) + 1


def agree_on_median(traces, group, n_groups):
    ours, theirs = traces.copy(), traces.copy()
    kernels.subtract_median(ours, group, n_groups)
    reference.subtract_median(theirs, group, n_groups)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(2, np.abs(traces).max(initial=0.0)))


@pytest.mark.parametrize("n_samples", [0, 1, 31, 32, 33, 200])
@pytest.mark.parametrize("group", [[0], [0, 0], [0, 0, 0, 1, 1, 1, 1], [-1, 0, 1, 0, -1, 1, 0], [-1, -1], [1, 1, 1]])
def test_median_of_any_grouping_and_length(group, n_samples):
    agree_on_median(*median_case(len(group), n_samples, group))


@FEW
@given(SEEDS, st.integers(1, 40))
def test_median_of_random_channels(seed, n_channels):
    group = np.random.default_rng(seed).integers(-1, 3, n_channels)
    agree_on_median(*median_case(n_channels, 70, group.tolist(), seed))


@FEW
@given(SEEDS)
def test_median_of_ties_and_flat_channels(seed):
    values = np.random.default_rng(seed).integers(-2, 3, (9, 70)).astype(np.float32)
    values[4] = 1.0
    agree_on_median(*median_case(9, 70, [0] * 9, values=values))


def test_median_with_a_nan_channel_ends_and_leaves_the_other_group_alone():
    traces, group, n = median_case(7, 130, [0] * 5 + [1] * 2)
    traces[1] = np.nan
    other = traces[5:] - np.median(traces[5:], axis=0)
    kernels.subtract_median(traces, group, n)
    np.testing.assert_allclose(traces[5:], other, atol=1e-6)


@FEW
@given(SEEDS, st.integers(120, 140), st.sampled_from([1.0, 1e-20, 1e20]))
def test_median_of_many_channels(seed, n_channels, scale):
    rng = np.random.default_rng(seed)
    values = scale * rng.standard_normal((n_channels, 150)) * rng.exponential(size=(n_channels, 1))
    values += scale * rng.integers(-1000, 1000, 150) * (rng.random(150) < 0.5)
    agree_on_median(*median_case(n_channels, 150, [0] * n_channels, values=values.astype(np.float32)))


@FEW
@given(SEEDS, st.integers(128, 131), st.integers(0, 131))
def test_median_of_many_channels_with_ties(seed, n_channels, n_flat):
    values = np.random.default_rng(seed).integers(-2, 3, (n_channels, 70)).astype(np.float32)
    values[:n_flat] = 0.0
    agree_on_median(*median_case(n_channels, 70, [0] * n_channels, values=values))


def test_median_of_many_channels_with_a_nan_channel_ends():
    traces, group, n = median_case(200, 40, [0] * 200)
    traces[1] = np.nan
    kernels.subtract_median(traces, group, n)


# median_magnitudes


def agree_on_median_magnitudes(rows):
    rows = np.asarray(rows, np.float32)
    np.testing.assert_array_equal(*both("median_magnitudes", lambda: (rows, np.full(len(rows), 7.0, np.float32))))


@FEW
@given(SEEDS, st.integers(1, 300) | st.sampled_from([1000, 3001]), st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_median_magnitudes_of_noise_and_silence(seed, n, silent_share):
    rng = np.random.default_rng(seed)
    used = rng.random((3, n)) >= silent_share
    agree_on_median_magnitudes(rng.standard_normal((3, n)) * used)
    agree_on_median_magnitudes(rng.standard_cauchy((3, n)) * used)
    agree_on_median_magnitudes(rng.integers(-3, 4, (3, n)) * used)


def test_median_magnitudes_of_what_is_not_finite_or_not_there():
    rows = np.ones((4, 200))
    rows[0, 3], rows[1, :50], rows[2, :150], rows[3] = np.nan, np.inf, -np.inf, 1e-30
    agree_on_median_magnitudes(rows)
    agree_on_median_magnitudes(np.empty((2, 0)))


# extremes, repeats


@pytest.mark.parametrize("n", [1, 15, 16, 17, 200])
@pytest.mark.parametrize("strange", [None, np.nan, np.inf, -np.inf])
def test_extremes(n, strange):
    rows = np.random.default_rng(n).standard_normal((4, n)).astype(np.float32) * [[1], [1e30], [-1e-30], [0]]
    rows = rows.astype(np.float32)
    if strange is not None:
        rows[1, 0], rows[2, n - 1], rows[3, n // 2] = strange, strange, strange
    found = []
    for implementation in (kernels, reference):
        found.append((np.empty(4, np.float32), np.empty(4, np.float32)))
        implementation.extremes(rows, *found[-1])
    np.testing.assert_array_equal(*found)


@FEW
@given(SEEDS, st.integers(1, 9), st.integers(0, 60))
def test_repeats(seed, length, n):
    rows = np.random.default_rng(seed).integers(0, 2, (6, n)).astype(np.float32)
    np.testing.assert_array_equal(*both("repeats", lambda: (rows, length, np.ones(6, np.bool_))))


def test_nan_does_not_repeat():
    found = np.ones(1, np.bool_)
    kernels.repeats(np.full((1, 40), np.nan, np.float32), 4, found)
    assert not found[0]


# mix


@pytest.mark.parametrize("n_samples", [1, 31, 32, 33, 64, 1100])
@pytest.mark.parametrize(("n_rows", "n_channels"), [(1, 1), (6, 6), (7, 5), (13, 40)])
def test_mix_of_any_shape(n_samples, n_rows, n_channels):
    rng = np.random.default_rng(n_rows)
    matrix = (rng.standard_normal((n_rows, n_channels)) * (rng.random((n_rows, n_channels)) < 0.3)).astype(np.float32)
    traces = rng.standard_normal(n_channels * (n_samples + 5)).astype(np.float32)
    ours, theirs = both(
        "mix", lambda: (traces, n_samples + 5, matrix, np.full((n_rows, n_samples), np.nan, np.float32))
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(n_channels, 5 * n_channels))


def test_mix_does_not_look_at_channels_that_no_row_needs():
    traces, matrix, out = np.full(80, np.nan, np.float32), np.zeros((1, 2), np.float32), np.empty((1, 40), np.float32)
    traces[40:], matrix[0, 1] = 1.0, 2.0
    kernels.mix(traces, 40, matrix, out)
    assert (out == 2).all()


# thin


@pytest.mark.parametrize("n_samples", [0, 1, 2, 7, 127, 128, 129, 130, 401])
@pytest.mark.parametrize("n_taps", [1, 3, 5, 15])
def test_thin_of_any_length(n_samples, n_taps):
    rng = np.random.default_rng(n_samples)
    traces, taps = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, n_samples), n_taps))
    taps[1::3] = 0.0
    ours, theirs = both("thin", lambda: (traces, taps, np.full((3, (n_samples + 1) // 2), np.nan, np.float32)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(n_taps, 20))


# microvolts


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("n_samples", [0, 1, 63, 64, 65, 200])
@pytest.mark.parametrize(("n_columns", "channels"), [(1, [0]), (16, [3]), (17, [16, 0, 5]), (40, [39, 7, 7])])
def test_microvolts_of_any_shape_are_the_same_to_the_last_bit(dtype, n_samples, n_columns, channels):
    rng = np.random.default_rng(0)
    raw = rng.integers(-32768, 32767, (n_samples, n_columns), endpoint=True).astype(dtype)

    offset, gain = rng.integers(0, 32768, n_columns).astype(np.float32), rng.normal(0, 1, n_columns).astype(np.float32)

    def case():
        out = np.full((len(channels), n_samples), np.nan, np.float32)
        return raw, np.array(channels, np.int64), offset, gain, out

    np.testing.assert_array_equal(*both("microvolts", case))


def test_microvolts_keep_nan_and_infinity_in_place():
    raw = np.zeros((70, 20), np.float32)
    raw[3, 5], raw[66, 6], raw[10, 7] = np.nan, np.inf, -np.inf
    out = np.empty((20, 70), np.float32)
    kernels.microvolts(raw, np.arange(20), np.zeros(20, np.float32), np.full(20, 2.0, np.float32), out)
    np.testing.assert_array_equal(out, 2 * raw.T)


# butterworth


def butterworth_case(n_channels, n_samples, corner=0.0628, seed=0):
    """Noise of 10 uV on slow waves of 1 mV and an offset."""
    rng = np.random.default_rng(seed)
    slow = 1000 * np.sin(corner / 30 * np.arange(n_samples)) + 2000
    traces = (slow + 10 * rng.standard_normal((n_channels, n_samples))).astype(np.float32)
    offset = np.full(n_channels, 2000, np.float32)
    return traces, offset, corner, np.full((n_channels, n_samples), np.nan, np.float32)


def agree_on_butterworth(make):
    """Each recursion sums over about 1 / corner samples and rounds as often."""
    ours, theirs = both("butterworth", make)
    traces, offset, corner, _ = make()
    largest = np.abs(traces - offset[:, None]).max(initial=1.0)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(int(3 / corner), largest))
    return ours


@pytest.mark.parametrize("n_samples", [0, 1, 2, 15, 16, 17, 500])
@pytest.mark.parametrize("n_channels", [0, 1, 15, 16, 17, 40])
def test_butterworth_of_any_shape(n_channels, n_samples):
    agree_on_butterworth(lambda: butterworth_case(n_channels, n_samples))


@pytest.mark.parametrize("corner", [0.002, 0.02, 0.1, 0.3])
def test_butterworth_at_any_corner(corner):
    agree_on_butterworth(lambda: butterworth_case(2, 3000, corner))


def test_butterworth_removes_constants_exactly_with_their_own_offset_and_nearly_with_another():
    traces, offset, corner, out = butterworth_case(3, 400)
    traces[:] = [[2000.0], [1234.5], [-7e4]]
    kernels.butterworth(traces, offset, corner, out)
    assert not out[0].any()
    assert np.abs(out[1:]).max() < 1e-6 * 7e4


def test_butterworth_in_place():
    traces, offset, corner, out = butterworth_case(20, 300)
    kernels.butterworth(traces, offset, corner, out)
    kernels.butterworth(traces, offset, corner, traces)
    np.testing.assert_array_equal(traces, out)


def test_butterworth_leaves_the_others_alone_where_a_channel_is_nan_or_huge():
    traces, offset, corner, before = butterworth_case(5, 300)
    kernels.butterworth(traces, offset, corner, before)
    traces[1, 50], traces[3, 100] = np.nan, 1e12
    after = np.empty_like(before)
    kernels.butterworth(traces, offset, corner, after)
    np.testing.assert_array_equal(after[[0, 2, 4]], before[[0, 2, 4]])


# delay


@pytest.mark.parametrize("n_samples", [0, 1, 7, 16, 63, 64, 65, 300])
@pytest.mark.parametrize(("n_channels", "n_taps"), [(0, 4), (1, 1), (3, 5), (20, 16)])
def test_delay_of_any_shape(n_channels, n_taps, n_samples):
    rng = np.random.default_rng(n_samples)
    ours, taps = (rng.standard_normal((n_channels, n)).astype(np.float32) for n in (n_samples, n_taps))
    theirs = ours.copy()
    kernels.delay(ours, taps)
    reference.delay(theirs, taps)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(n_taps, 10.0))


def test_delay_leaves_a_channel_that_is_not_late_as_it_is():
    traces, taps = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32), np.zeros((2, 8), np.float32)
    taps[:, 4] = 1, 0.5
    before = traces.copy()
    kernels.delay(traces, taps)
    np.testing.assert_array_equal(traces[0], before[0])
    np.testing.assert_array_equal(traces[1], before[1] / 2)


# sum_differences


@pytest.mark.parametrize("dtype", ["int16", "int32"])
@pytest.mark.parametrize("n_samples", [0, 1, 500])
@pytest.mark.parametrize("n_channels", [0, 1, 16, 37])
def test_sums_of_differences_wrap_around_as_their_type_does(n_channels, n_samples, dtype):
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(0)
    values = rng.integers(limits.min, limits.max, (n_channels, n_samples)).astype(dtype)
    ours, theirs = both("sum_differences", lambda: (values, np.empty((n_samples, n_channels), dtype)))
    np.testing.assert_array_equal(ours, theirs)


# project


def project_case(n_channels, n_components, n_samples, n_window=21, peak_index=7, seed=0):
    rng = np.random.default_rng(seed)
    traces = rng.standard_normal((n_channels, n_samples)).astype(np.float32)
    components = rng.standard_normal((n_components, n_window)).astype(np.float32)
    return traces, components, peak_index, np.full((n_channels, n_components, n_samples), np.nan, np.float32)


@pytest.mark.parametrize("n_components", [6, 12])
@pytest.mark.parametrize("n_samples", [0, 1, 5, 20, 21, 22, 35, 36, 37, 52, 100])
def test_project_any_length(n_components, n_samples):
    ours, theirs = both("project", lambda: project_case(2, n_components, n_samples))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(21, 21 * 16))


@pytest.mark.parametrize("peak_index", [0, 1, 20])
def test_project_any_peak_index(peak_index):
    ours, theirs = both("project", lambda: project_case(1, 6, 60, peak_index=peak_index))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(21, 21 * 16))


def test_project_one_spike_gives_the_components_back():
    components = project_case(1, 6, 0)[1]
    traces, out = np.zeros((1, 80), np.float32), np.empty((1, 6, 80), np.float32)
    traces[0, 40] = 1.0
    kernels.project(traces, components, 7, out)
    np.testing.assert_array_equal(out[0, :, 40 - np.arange(21) + 7], components.T)


def test_project_gives_the_same_bits_wherever_a_window_lies_in_the_block():
    traces, components, peak, out = project_case(2, 6, 100)
    kernels.project(traces, components, peak, out)
    for cut in (1, 15, 16, 23):
        short = np.empty((2, 6, 100 - cut), np.float32)
        kernels.project(np.ascontiguousarray(traces[:, cut:]), components, peak, short)
        np.testing.assert_array_equal(short[:, :, peak:], out[:, :, peak + cut :])


def test_project_of_no_channel_and_of_a_flat_one():
    ours, theirs = both("project", lambda: project_case(0, 6, 50))
    assert ours.shape == theirs.shape
    traces, components, peak, out = project_case(1, 6, 50)
    traces[:] = 0.0
    kernels.project(traces, components, peak, out)
    assert not out.any()


# pick


def pick_case(seed, n_centres, n_samples, density, levels):
    """Scores of few different values, so that there are many ties."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-levels, levels + 1, (n_centres, n_samples)).astype(np.float32)
    scores[rng.random(scores.shape) > density] = 0.0
    neighbours = rng.integers(-1, max(1, n_centres), (n_centres, 3)).astype(np.int64)
    return scores, neighbours


def agree_on_pick(scores, neighbours, half_window, first, last):
    ours = kernels.pick(scores, neighbours, half_window, first, last)
    theirs = reference.pick(scores, neighbours, half_window, first, last)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(our, their)
        assert our.dtype == their.dtype
    return ours


@FEW
@given(SEEDS, st.integers(0, 6), st.floats(0, 1), st.integers(1, 4), st.integers(0, 8))
def test_pick_with_ties(seed, n_centres, density, levels, half_window):
    scores, neighbours = pick_case(seed, n_centres, 40, density, levels)
    agree_on_pick(scores, neighbours, half_window, 0, 40)
    agree_on_pick(scores, neighbours, half_window, 11, 29)


def test_pick_sees_beyond_the_samples_it_returns():
    scores = np.zeros((1, 30), np.float32)
    scores[0, 9], scores[0, 10] = 6.0, 5.0
    assert agree_on_pick(scores, np.array([[0]]), 3, 10, 20)[0].size == 0


@pytest.mark.parametrize("at", [0, 39])
def test_pick_one_spike_at_the_edge(at):
    scores = np.zeros((2, 40), np.float32)
    scores[1, at] = -7.0
    sample, centre, value = agree_on_pick(scores, np.array([[0, 1], [1, 0]]), 5, 0, 40)
    assert (sample.tolist(), centre.tolist(), value.tolist()) == ([at], [1], [-7.0])


def test_pick_of_no_samples_and_of_zeros():
    assert agree_on_pick(np.zeros((2, 0), np.float32), np.array([[0, 1], [1, -1]]), 5, 0, 0)[0].size == 0
    assert agree_on_pick(np.zeros((2, 9), np.float32), np.array([[0, 1], [1, -1]]), 5, 0, 9)[0].size == 0


def test_pick_of_a_hundred_times_too_many():
    scores = np.ones((3, 300), np.float32)
    sample, centre, _ = agree_on_pick(scores, np.array([[-1], [-1], [-1]]), 0, 0, 300)
    assert len(sample) == 900
    assert list(zip(sample, centre, strict=True)) == sorted(zip(sample, centre, strict=True))


# ascend


def graph_case(seed, n_spikes, n_landmarks, n_neighbours, n_labels):
    rng = np.random.default_rng(seed)
    landmark_of = np.sort(rng.permutation(n_spikes)[:n_landmarks]).astype(np.int64)
    links = rng.integers(-1, max(1, n_landmarks), (n_spikes, n_neighbours)).astype(np.int64)
    if n_landmarks == 0:
        links[:] = -1
    return links, landmark_of, rng.integers(0, n_labels, n_spikes).astype(np.int64), n_labels


def agree_on_ascend(links, landmark_of, labels, n_labels, resolution=1.0, rounds=20):
    before = labels.copy()
    ours = kernels.ascend(links, landmark_of, labels, n_labels, resolution, rounds)
    theirs = reference.ascend(links, landmark_of, labels, n_labels, resolution, rounds)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_array_equal(labels, before)
    return ours


@FEW
@given(SEEDS, st.integers(1, 40), st.integers(1, 12), st.integers(1, 6), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_ascend_on_random_graphs(seed, n_spikes, n_landmarks, n_labels, resolution):
    agree_on_ascend(*graph_case(seed, n_spikes, min(n_landmarks, n_spikes), 4, n_labels), resolution)


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_ascend_stops_after_the_last_round(rounds):
    agree_on_ascend(*graph_case(3, 60, 20, 4, 6), rounds=rounds)


def test_ascend_of_one_spike_no_spike_and_no_links():
    agree_on_ascend(*graph_case(0, 1, 1, 3, 1))
    agree_on_ascend(*graph_case(0, 0, 0, 3, 1))
    links, landmark_of, labels, n = graph_case(0, 10, 4, 3, 3)
    spikes, landmarks = agree_on_ascend(np.full_like(links, -1), landmark_of, labels, n)
    np.testing.assert_array_equal(spikes, labels)
    np.testing.assert_array_equal(landmarks, labels[landmark_of])


def test_ascend_finds_two_cliques_from_mixed_labels():
    links = np.repeat([[0, 1, 2], [3, 4, 5]], 30, axis=0).astype(np.int64)
    landmark_of = np.array([0, 10, 20, 30, 40, 50])
    labels = np.where(np.arange(60) % 10 < 7, np.arange(60) // 30, 1 - np.arange(60) // 30)
    spikes, _ = agree_on_ascend(links, landmark_of, labels, 2)
    assert len(set(spikes[:30])) == len(set(spikes[30:])) == 1
    assert spikes[0] != spikes[59]


# template_scores


def matching_case(seed=0, n_templates=5, n_components=6, n_samples=290, n_contacts=6, n_near=4):
    """Noise, components of 21 samples with peak index 7, random templates with unused contacts."""
    rng = np.random.default_rng(seed)
    traces = rng.standard_normal((n_contacts, n_samples)).astype(np.float32)
    components = rng.standard_normal((n_components, 21)).astype(np.float32)
    contacts = np.array([rng.permutation(n_contacts)[:n_near] for _ in range(n_templates)], np.int64)
    contacts = contacts.reshape(n_templates, n_near)
    contacts[::2, -1] = -1
    weights = rng.standard_normal((n_templates, n_near, n_components)).astype(np.float32)
    weights[contacts < 0] = 0.0
    return traces, components, 7, contacts, weights


ALL = np.empty(0, np.float32)
HALF = np.array([0.6, -0.15, 0.05], np.float32)


@pytest.mark.parametrize("between", [ALL, HALF, HALF[:1]], ids=["all", "half", "mean"])
@pytest.mark.parametrize("n_components", [6, 12])
@pytest.mark.parametrize("n_templates", [0, 1, 5])
@pytest.mark.parametrize("n_samples", [0, 1, 20, 21, 22, 23, 84, 85, 147, 148, 149, 290])
def test_template_scores(n_components, n_templates, n_samples, between):
    def case():
        out = np.full((n_templates, n_samples), np.nan, np.float32)
        return (*matching_case(1, n_templates, n_components, n_samples), between, out)

    ours, theirs = both("template_scores", case)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(4 * n_components + 21, 4 * n_components * 40))
    assert (ours[:, :7] == 0).all()


def test_template_scores_are_the_same_bits_wherever_a_window_lies_in_the_block():
    traces, *others = matching_case(3)
    whole = np.empty((5, traces.shape[1]), np.float32)
    kernels.template_scores(traces, *others, ALL, whole)
    for cut in (1, 15, 16, 64, 128):
        out = np.empty((5, traces.shape[1] - cut), np.float32)
        kernels.template_scores(np.ascontiguousarray(traces[:, cut:]), *others, ALL, out)
        np.testing.assert_array_equal(out[:, 7:], whole[:, 7 + cut :])


@pytest.mark.parametrize("peak", [0, 1, 7, 19, 20])
def test_scores_of_even_samples_are_the_same_bits_where_the_others_follow_from_them(peak):
    traces, components, _, contacts, weights = matching_case(3, 7)
    contacts[1], contacts[2] = contacts[0], contacts[0]
    every, half = np.empty((2, 7, traces.shape[1]), np.float32)
    kernels.template_scores(traces, components, peak, contacts, weights, ALL, every)
    kernels.template_scores(traces, components, peak, contacts, weights, HALF, half)
    np.testing.assert_array_equal(half[:, ::2], every[:, ::2])
    assert (half[:, 41:241:2] != every[:, 41:241:2]).all()


def test_smooth_traces_have_nearly_the_same_scores_between_even_samples():
    """A spike at an odd sample, of a template without high frequencies."""
    shapes = tiny.textbook_shapes()
    wave = shapes.waveforms[:1]
    assert shapes.between.size == 3
    traces, out = np.zeros((1, 300), np.float32), np.empty((2, 1, 300), np.float32)
    traces[0, 151 - shapes.peak_index :][: shapes.n_samples] = 50 * wave[0]
    components = np.pad(wave, ((0, 5), (0, 0)))
    weights = np.eye(1, 6, dtype=np.float32)[None]
    for between, scores in zip((ALL, shapes.between), out, strict=True):
        kernels.template_scores(
            traces, components, shapes.peak_index, np.zeros((1, 1), np.int64), weights, between, scores
        )
    assert out[0].argmax() == out[1].argmax() == 151
    np.testing.assert_allclose(out[1], out[0], atol=0.5)


# describe, pair_products


@pytest.mark.parametrize("n_components", [1, 6, 16, 17])
@pytest.mark.parametrize("sample", [[], [7], [7, 7, 45, 76]])
def test_describe(sample, n_components):
    """Windows at both ends of the traces, unused contacts, as many components as a register holds and one more."""

    def case():
        traces, components, peak, contacts, _ = matching_case(5, len(sample), n_components, 90)
        out = np.full((len(sample), 4, n_components), np.nan, np.float32)
        return traces, np.array(sample, np.int64), contacts, components, peak, out

    ours, theirs = both("describe", case)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(21, 21 * 9))


@pytest.mark.parametrize("n_templates", [0, 1, 5])
@pytest.mark.parametrize("n_components", [1, 6])
def test_pair_products(n_templates, n_components):
    """All pairs, of templates that share all, some and no contacts."""
    _, _, _, contacts, weights = matching_case(6, n_templates, n_components, n_near=3)
    offsets, neighbours = np.arange(n_templates + 1) * n_templates, np.tile(np.arange(n_templates), n_templates)
    ours, theirs = (i.pair_products(contacts, weights, 6, offsets, neighbours) for i in (kernels, reference))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(3, 3 * 9))


# extents, may_exceed


@FEW
@given(SEEDS, st.integers(0, 40), st.sampled_from([0.0, 0.5, 1.0, 9.0]), st.sampled_from([1, 2, 16]))
def test_extents(seed, n_columns, least, multiple):
    """Rows of small whole numbers: ties with the limit, rows of zeros, rows without any that is large enough."""
    tables = np.random.default_rng(seed).integers(-1, 2, (7, n_columns)).astype(np.float32)
    tables[2] = 0.0
    ours, theirs = (implementation.extents(tables, least, multiple) for implementation in (kernels, reference))
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


@FEW
@given(SEEDS, st.integers(0, 70), st.integers(0, 70))
def test_no_number_that_exceeds_a_limit_is_overlooked(seed, first, length):
    numbers = np.random.default_rng(seed).standard_normal((2, 35)).astype(np.float32)
    stop = min(70, first + length)
    largest = numbers.ravel()[first:stop].max(initial=-9.0)
    assert may_exceed(numbers, first, stop, float(np.nextafter(largest, -10))) == (first < stop)
    assert not may_exceed(numbers, first, stop, float(numbers.max()) + 0.1)
    assert not may_exceed(np.full((2, 35), np.nan, np.float32), first, stop, -1e9)


# subtract_waveforms


def waveforms_of(components, weights):
    return weights @ components


@pytest.mark.parametrize("sample", [[], [45], [0, 89], [-30, 3, 3, 4, 88, 150], list(range(90))])
def test_subtract_waveforms(sample):
    traces, components, peak, contacts, weights = matching_case(2, 3, n_samples=90)
    waveforms = waveforms_of(components, weights)
    template, value = np.arange(len(sample)) % 3, np.full(len(sample), 9.0, np.float32)
    ours, theirs = traces.copy(), traces.astype(np.float64)
    kernels.subtract_waveforms(ours, np.array(sample, np.int64), template, value, contacts, waveforms, peak)
    reference.subtract_waveforms(theirs, sample, template, value, contacts, waveforms, peak)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance(1 + len(sample), np.abs(theirs).max() + 200))
    assert bool(sample) == (ours != traces).any()


def test_subtract_waveforms_leaves_unused_contacts_alone():
    traces, components, peak, contacts, weights = matching_case(2, 1)
    ours = traces.copy()
    one = np.array([40])
    waveforms = np.ones_like(waveforms_of(components, weights))
    kernels.subtract_waveforms(ours, one, np.array([0]), np.float32([5]), contacts, waveforms, peak)
    unused = np.setdiff1d(np.arange(6), contacts[0])
    np.testing.assert_array_equal(ours[unused], traces[unused])
    used = contacts[0][contacts[0] >= 0]
    np.testing.assert_allclose((traces - ours)[used, 33:54], 5.0, atol=1e-5)


def test_what_is_subtracted_is_what_was_scored():
    """After subtraction of its own score a unit-norm template scores 0 there."""
    traces, components, peak, contacts, weights = matching_case(4, 1, n_components=6)
    q, _ = np.linalg.qr(components.T)
    components = np.ascontiguousarray(q.T.astype(np.float32))
    weights /= np.linalg.norm(weights)
    before, after = np.empty((2, 1, traces.shape[1]), np.float32)
    kernels.template_scores(traces, components, peak, contacts, weights, ALL, before)
    at = int(np.abs(before[0]).argmax())
    spike = np.array([at]), np.array([0]), before[0, at : at + 1].copy()
    kernels.subtract_waveforms(traces, *spike, contacts, waveforms_of(components, weights), peak)
    kernels.template_scores(traces, components, peak, contacts, weights, ALL, after)
    assert abs(before[0, at]) > 1.0
    assert abs(after[0, at]) < 1e-5


# correlogram


@FEW
@given(
    st.lists(st.integers(0, 300)), st.lists(st.integers(0, 300)), st.sampled_from([1.0, 7.5, 30.0]), st.integers(0, 9)
)
def test_correlogram_of_two_trains(a, b, bin_samples, n_bins):
    a, b = np.sort(np.array(a, np.int64)), np.sort(np.array(b, np.int64))
    for second, same in ((b, False), (a, True)):
        ours = kernels.correlogram(a, second, bin_samples, n_bins, same)
        np.testing.assert_array_equal(ours, reference.correlogram(a, second, bin_samples, n_bins, same))


def test_correlogram_of_a_train_with_itself_is_symmetric_about_its_rounding():
    train = np.arange(0, 3000, 30, dtype=np.int64)
    counts = kernels.correlogram(train, train, 30.0, 5, True)
    assert counts.tolist() == [95, 96, 97, 98, 99, 0, 99, 98, 97, 96, 95]


def test_correlogram_counts_coinciding_spikes_at_zero():
    same_time = np.array([100, 100, 100], np.int64)
    assert kernels.correlogram(same_time, same_time, 30.0, 1, True).tolist() == [0, 6, 0]


# explained_more


@FEW
@given(SEEDS, st.integers(0, 60), st.integers(1, 20), st.sampled_from([0.0, 1.0, 1e4]))
def test_what_candidates_explain_is_summed_over_spikes(seed, n_spikes, n_candidates, explained):
    rng = np.random.default_rng(seed)
    products = (10 ** rng.uniform(-3, 3, (n_spikes, n_candidates))).astype(np.float32)
    products *= rng.choice([-1, 1], products.shape).astype(np.float32)
    norm2 = rng.uniform(0, 500, n_candidates).astype(np.float32)
    before = (explained * rng.random(n_spikes)).astype(np.float32)
    ours = kernels.explained_more(products, norm2, before)
    np.testing.assert_allclose(ours, reference.explained_more(products, norm2, before), rtol=1e-5)


# likeliest


@FEW
@given(SEEDS, st.integers(0, 40), st.integers(1, 12), st.sampled_from([1.0, 1e-3, 0.0, 3.0]), st.booleans())
def test_the_likeliest_unit_is_that_of_the_whole_table(seed, n_spikes, n_units, smallest_ratio, twins):
    rng = np.random.default_rng(seed)
    at_rest = (10 ** rng.uniform(-2, 4, (n_spikes, n_units)) * rng.choice([-1, 1], (n_spikes, n_units))).astype(
        np.float32
    )
    energy, cost = 10 ** rng.uniform(-6, 4, n_units), rng.uniform(-5, 40, n_units)
    of_template, template = rng.normal(0, 30, (3, n_units)), rng.integers(0, 3, n_spikes)
    if twins:  # the first of two equal units wins
        at_rest[:], of_template[:], energy[:], cost[:] = at_rest[:, :1], of_template[:, :1], energy[0], cost[0]
    ratio = smallest_ratio + (1 - smallest_ratio) * rng.random(n_spikes)
    excess = (1 - ratio) * rng.uniform(0.2, 2, n_spikes)
    inputs = at_rest, excess, of_template, template, ratio, energy, cost, 25.0, 0.4
    for ours, expected in zip(kernels.likeliest(*inputs), reference.likeliest(*inputs), strict=True):
        np.testing.assert_array_equal(ours, expected)


# gaining_pairs


@FEW
@given(SEEDS, st.integers(0, 20), st.integers(0, 20), st.booleans(), st.sampled_from([0.0, 1.0, 1e4, np.inf]))
def test_pairs_are_listed_where_one_spike_explains_more_of_the_other(seed, n_a, n_b, is_diagonal, explained):
    rng = np.random.default_rng(seed)
    a, b = (3, 3) if is_diagonal else (3, 3 + n_a)
    n_b = n_a if is_diagonal else n_b
    # Few values, so that many gains are exactly 0.
    products = rng.integers(-3, 4, (n_a, n_b)).astype(np.float32)
    norm2 = rng.integers(0, 5, b + n_b + 2).astype(np.float32)
    before = np.where(rng.random(len(norm2)) < 0.5, explained, 0).astype(np.float32)
    centre, spike, value = kernels.gaining_pairs(products, a, b, norm2, before)
    expected = reference.gaining_pairs(products, a, b, norm2, before)
    assert sorted(zip(centre, spike, value, strict=True)) == expected
    in_order = np.argsort(centre, kind="stable")
    assert list(zip(centre[in_order], spike[in_order], strict=True)) == [pair[:2] for pair in expected]


# centres_of_pairs


@FEW
@given(SEEDS, st.integers(1, 30), st.integers(0, 200), st.integers(0, 12), st.sampled_from([0.0, 1.0, 1e4]))
def test_centres_are_the_best_of_the_drawn_candidates(seed, n_spikes, n_pairs, n_centres, explained):
    rng = np.random.default_rng(seed)
    # Whole numbers, so that sums are exact and many candidates explain equally much.
    pair = np.unique(rng.integers(0, n_spikes**2, n_pairs))
    edges = np.searchsorted(pair // n_spikes, np.arange(n_spikes + 1)).astype(np.int32)
    spike, value = (pair % n_spikes).astype(np.int32), rng.integers(1, 6, len(pair)).astype(np.float32)
    norm2, before = rng.integers(0, 8, n_spikes).astype(float), np.float32(explained) * rng.integers(0, 2, n_spikes)
    arrays = edges, spike, value, norm2, before.astype(np.float32), rng.random((n_centres, 3))
    assert kernels.centres_of_pairs(*arrays).tolist() == reference.centres_of_pairs(*arrays)
    assert np.array_equal(arrays[4], before)


# sum_waveforms


@FEW
@given(SEEDS, st.integers(0, 40), st.integers(1, 4), st.sampled_from([None, 0.0, 0.3, 1.0]))
def test_waveforms_are_summed_unit_after_unit_to_the_last_bit(seed, n_spikes, n_units, share_blanked):
    rng = np.random.default_rng(seed)
    traces = (10 ** rng.uniform(-4, 4, (5, 80))).astype(np.float32)
    blanked = np.zeros((5, 0), np.bool_) if share_blanked is None else rng.random((5, 80)) < share_blanked
    unit = np.sort(rng.integers(0, n_units, n_spikes))
    sample = rng.integers(6, 80 - 7, n_spikes)
    first = np.searchsorted(unit, np.arange(n_units + 1))
    arguments = traces, blanked, sample, first, rng.integers(-1, 5, (n_units, 3)), 6, 13
    ours, theirs = kernels.sum_waveforms(*arguments), reference.sum_waveforms(*arguments)
    assert ours[0].tobytes() == theirs[0].tobytes()
    assert ours[1].tobytes() == theirs[1].tobytes()
    np.testing.assert_array_equal(np.broadcast_to(ours[2], theirs[2].shape), theirs[2])


# sum_rows


@pytest.mark.parametrize(("n", "n_sums"), [(0, 0), (0, 3), (1, 1), (200, 5)])
def test_rows_are_summed_in_their_order_to_the_last_bit(n, n_sums):
    def make():
        rng = np.random.default_rng(0)
        rows = (10 ** rng.uniform(-6, 6, (n, 4, 3))).astype(np.float32)
        return rows, rng.integers(0, max(1, n_sums), n), np.ones((n_sums, 4, 3))

    ours, theirs = both("sum_rows", make)
    assert ours.tobytes() == theirs.tobytes()


def test_one_count_of_each_row_is_added_to_all_of_its_sum():
    counts, sums = np.array([[[3]], [[4]], [[2**60]]]), np.zeros((2, 1, 5), np.int64)
    kernels.sum_rows(np.broadcast_to(counts, (3, 1, 5)), np.array([0, 0, 1]), sums)
    np.testing.assert_array_equal(sums, np.repeat([[[7]], [[2**60]]], 5, axis=2))


def test_a_nan_row_changes_only_its_own_sum():
    rows = np.array([1.0, np.nan, 2.0], np.float32).reshape(3, 1, 1)
    sums = np.zeros((2, 1, 1))
    kernels.sum_rows(rows, np.array([0, 1, 0]), sums)
    assert sums[0] == 3.0
    assert np.isnan(sums[1])
