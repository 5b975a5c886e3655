"""The backends agree: the compiled one and the slow NumPy of reference_backend.py, on hostile cases."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import tiny
from reference import tolerance
from reference_backend import ReferenceBackend

from spikesieve.kernels import CpuBackend
from spikesieve.kernels.backend import Backend
from spikesieve.stages.detect import DetectParams, universal_templates
from spikesieve.stages.match import MatchParams, make_matcher, match

SHAPES = tiny.textbook_shapes()
N_CONTACTS, N_SAMPLES = 6, 400
BACKENDS = [CpuBackend(), ReferenceBackend()]


@pytest.fixture(params=BACKENDS, ids=lambda backend: type(backend).__name__)
def backend(request) -> Backend:
    return request.param


def spiky(noise_sd: float = 1.0) -> np.ndarray:
    """Noise with spikes on two neighbouring contacts, one of them at the edge."""
    templates = tiny.line_templates(SHAPES, [1, 4], N_CONTACTS)
    return tiny.traces_with(
        templates, SHAPES, N_CONTACTS, N_SAMPLES, [(90, 0, 1.0), (96, 1, 0.8), (398, 1, 1.0)], noise_sd
    )


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_microvolts(backend, dtype):
    raw = np.arange(40).reshape(10, 4).astype(dtype)
    uv = backend.microvolts(raw, np.array([3, 0]), np.array([2.0, 0, 0, 1]), np.array([0.5, 0, 0, 2.0]))
    wanted = (raw[:, [3, 0]].astype(np.float32) - [1, 2]) * [2.0, 0.5]
    np.testing.assert_array_equal(uv, wanted.T.astype(np.float32))
    assert uv.dtype == np.float32


def test_the_highpass_takes_off_the_offset_and_what_is_slow(backend):
    traces = np.full((3, 3000), 70.0, np.float32)
    traces[1] += 100 * np.sin(2 * np.pi * np.arange(3000) / 1500).astype(np.float32)
    traces[2] += 10 * np.sin(2 * np.pi * np.arange(3000) / 10).astype(np.float32)
    out = backend.highpass(traces, np.full(3, 70.0, np.float32), 2 * np.pi * 300 / 30_000)
    assert np.abs(out[0]).max() < 1e-4
    assert np.abs(out[1, 500:-500]).max() < 1.0
    np.testing.assert_allclose(out[2, 500:-500], traces[2, 500:-500] - 70, atol=0.05)


def test_the_median_is_taken_over_each_group_and_leaves_the_others(backend):
    traces = np.arange(5, dtype=np.float32)[:, None] * np.ones((5, 70), np.float32)
    backend.subtract_median(traces, np.array([0, 0, 0, 1, -1]), 2)
    np.testing.assert_array_equal(traces[:, 0], [-1, 0, 1, 0, 4])


def test_a_matrix_is_applied(backend):
    rng = np.random.default_rng(0)
    matrix, traces = rng.random((5, 5)).astype(np.float32), rng.random((5, 9)).astype(np.float32)
    np.testing.assert_allclose(backend.mix(traces, matrix), matrix @ traces, rtol=1e-5)
    assert not backend.mix(traces, np.zeros((5, 5), np.float32)).any()


def test_every_second_sample_is_kept(backend):
    traces = np.arange(10, dtype=np.float32).reshape(2, 5)
    found = backend.thin(traces, np.array([1, 0, 2], np.float32))
    np.testing.assert_array_equal(found, [[2, 7, 3], [12, 22, 8]])


@pytest.mark.parametrize("n_components", [1, 5, 6, 7])
def test_projections_are_those_of_each_contact_and_0_where_the_window_leaves(backend, n_components):
    traces, components = spiky(), np.resize(SHAPES.pcs, (n_components, SHAPES.n_samples)).copy()
    found = [np.array(one) for one in backend.projections(traces, components, SHAPES.peak_index)]
    assert [one.shape for one in found] == [(n_components, N_SAMPLES)] * N_CONTACTS
    window = traces[4, 96 - SHAPES.peak_index :][: SHAPES.n_samples]
    np.testing.assert_allclose(found[4][:, 96], components @ window, atol=tolerance(61, 100))
    assert not found[4][:, : SHAPES.peak_index].any()


def centres():
    """The centres of a line probe."""
    return universal_templates(tiny.line_probe(N_CONTACTS), DetectParams(nearest_contacts=4, nearest_templates=20))


@pytest.mark.parametrize("span", [(0, N_SAMPLES), (90, 97), (91, 97), (89, 90), (200, 200)])
def test_universal_peaks_are_the_same(span):
    limits = 20, 9.0
    found = [b.universal_peaks(spiky(), SHAPES.waveforms, SHAPES.peak_index, centres(), span, limits) for b in BACKENDS]
    for ours, theirs in zip(*(one[:2] for one in found), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(found[0][2], found[1][2], rtol=1e-4)
    assert (len(found[0][0]) > 0) == (span[0] <= 90 < span[1])


def test_peaks_win_ties_by_time_then_by_centre(backend):
    scores = np.zeros((3, 50), np.float32)
    scores[1, 20] = scores[0, 22] = scores[2, 20] = -5.0
    neighbours = np.array([[0, 1, 2]] * 3)
    sample, centre, value = backend.peaks(scores, neighbours, (0, 50), 4)
    assert (sample.tolist(), centre.tolist(), value.tolist()) == ([20], [1], [-5.0])


@pytest.mark.parametrize("noise_sd", [0.0, 1.0])
def test_matching_finds_the_same_spikes_with_the_same_features(noise_sd):
    templates = tiny.line_templates(SHAPES, [1, 4], N_CONTACTS)
    matcher = make_matcher(templates, templates.contacts, N_CONTACTS, SHAPES)
    residuals = [spiky(noise_sd) for _ in BACKENDS]
    ours, theirs = (
        match(residual, matcher, (0, N_SAMPLES), MatchParams(), b)
        for residual, b in zip(residuals, BACKENDS, strict=True)
    )
    assert ours.sample.tolist() == theirs.sample.tolist() == [90, 96]
    assert ours.template.tolist() == theirs.template.tolist() == [0, 1]
    np.testing.assert_allclose(ours.score, theirs.score, atol=1e-3)
    np.testing.assert_allclose(ours.features, theirs.features, atol=1e-3)
    np.testing.assert_allclose(*residuals, atol=1e-3)


def test_no_template_and_no_spike(backend):
    nothing = tiny.line_templates(SHAPES, [], N_CONTACTS)
    matcher = make_matcher(nothing, nothing.contacts, N_CONTACTS, SHAPES)
    assert len(match(spiky(), matcher, (0, N_SAMPLES), MatchParams(), backend).sample) == 0
    one = tiny.line_templates(SHAPES, [3], N_CONTACTS)
    silent = np.zeros((N_CONTACTS, N_SAMPLES), np.float32)
    matcher = make_matcher(one, one.contacts, N_CONTACTS, SHAPES)
    assert len(match(silent, matcher, (0, N_SAMPLES), MatchParams(), backend).sample) == 0


def test_a_backend_pickles_small(backend):
    assert len(pickle.dumps(backend)) < 500
