"""Matching by likelihood: the kernel against its judge, thresholds by size and rate, usual amplitudes."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import tiny

from spikesieve.kernels import Bounds, pursue
from spikesieve.model import Reason
from spikesieve.stages import match
from spikesieve.stages.blanking import MAX_HIDDEN
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.sieve import fit
from spikesieve.stages.sieve.fit import FitParams
from spikesieve.stages.templates import LearnedTemplates, advanced, overlaps

N_CONTACTS = 10
SHAPES = tiny.textbook_shapes()
PARAMS = FitParams()


def fitted(traces, templates, rate_hz=5.0, params: FitParams = PARAMS, core=None, blanked=None):
    matcher = match.make_matcher(templates, templates.contacts, N_CONTACTS, SHAPES)
    expected = fit.prior(templates, np.full(len(templates), rate_hz), tiny.HZ, params)
    white, why = traces.copy(), None
    if blanked is not None:
        white[blanked], why = 0.0, blanked * np.uint8(Reason.SATURATED)
    return fit.fit(Clean(white, white, why), matcher, expected, core or (0, traces.shape[1]), params, tiny.BACKEND)


def sized(templates: LearnedTemplates, *sizes: float) -> LearnedTemplates:
    scale = np.array(sizes) / templates.norms
    return LearnedTemplates(
        templates.contacts, (templates.scores * scale[:, None, None]).astype(np.float32), templates.n_spikes
    )


def random_case(seed: int, n_templates: int = 5, n_samples: int = 700, every: int = 23):
    rng = np.random.default_rng(seed)
    templates = sized(tiny.line_templates(SHAPES, [2, 3, 5, 6, 8], N_CONTACTS), *rng.uniform(7, 25, n_templates))
    spikes = [(int(t), int(rng.integers(n_templates)), float(rng.uniform(0.7, 1.3))) for t in range(60, 640, every)]
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, n_samples, spikes, 1.0, seed)
    return templates, traces


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize(("near", "seed", "every"), [(0, 0, 23), (0, 1, 23), (15, 0, 23), (15, 1, 50), (15, 2, 13)])
def test_the_kernel_takes_what_its_judge_takes_one_by_one(near, seed, every, hides):
    templates, traces = random_case(seed, every=every)
    matcher = match.make_matcher(templates, templates.contacts, N_CONTACTS, SHAPES)
    blanked = np.zeros(traces.shape, bool)
    if hides:
        blanked[:, 100::150] = blanked[:, 101::150] = blanked[3:6, 400:440] = True
        traces[blanked] = 0.0
    scores, visible = matcher.score(traces, tiny.BACKEND, blanked)
    expected = fit.prior(templates, np.full(len(templates), 5.0), tiny.HZ, PARAMS)
    pairs = overlaps(templates, N_CONTACTS, SHAPES.pcs)
    rest = (pairs, expected, Bounds(PARAMS.min_amplitude_ratio, near), visible)
    left = scores.copy()
    wanted = reference.pursue(left, *rest)
    *found, n_left = pursue(scores, *rest, 100)
    assert n_left == 0
    assert len(found[0]) > 10
    for a, b in zip(found[:2], wanted[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(found[2], wanted[2], rtol=1e-4)
    np.testing.assert_allclose(scores, left, atol=2e-3)


def test_rounds_that_run_out_leave_the_rest():
    templates, traces = random_case(0)
    one_round = fitted(traces, templates, params=PARAMS.model_copy(update={"max_rounds": 1}))
    all_rounds = fitted(traces, templates)
    assert one_round.n_left > 0
    assert len(one_round.sample) < len(all_rounds.sample)


@pytest.mark.parametrize("size", [4.0, 6.0, 10.0, 30.0])
@pytest.mark.parametrize("rate_hz", [0.1, 20.0])
def test_the_least_score_is_where_the_gain_is_nothing(size, rate_hz):
    templates = sized(tiny.line_templates(SHAPES, [4], N_CONTACTS), size)
    found = fit.prior(templates, np.array([rate_hz]), tiny.HZ, PARAMS)
    d, w, b = float(templates.norms[0]), float(found.precision[0]), float(found.least[0])
    a = max((b * d + w) / (d * d + w), PARAMS.min_amplitude_ratio)
    gain = 2 * a * (b * d + w) - a * a * (d * d + w) - w - float(found.cost[0])
    assert gain == pytest.approx(0, abs=0.01)
    assert found.cost[0] == pytest.approx(2 * (np.log(tiny.HZ / rate_hz) + PARAMS.min_log_odds), rel=1e-5)


def test_rarer_units_need_more_and_small_ones_less_than_large_ones():
    templates = sized(tiny.line_templates(SHAPES, [4, 4], N_CONTACTS), 6.0, 25.0)
    rare = fit.prior(templates, np.full(2, 0.1), tiny.HZ, PARAMS).least
    frequent = fit.prior(templates, np.full(2, 20.0), tiny.HZ, PARAMS).least
    assert (rare > frequent).all()
    assert frequent[0] < 5 < frequent[1]


def test_spikes_below_any_fixed_threshold_are_found():
    """A unit of 6 noise SD: most of its spikes, which a threshold of 8 would hardly find."""
    templates = sized(tiny.line_templates(SHAPES, [4], N_CONTACTS), 6.0)
    at = np.arange(100, 29_900, 200)
    spikes = [(int(t), 0, 1.0) for t in at]
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 30_000, spikes, 1.0)
    found = fitted(traces, templates, rate_hz=len(at))
    hit = np.isin(found.sample[:, None] + np.arange(-5, 6), at).any(axis=1)
    assert hit.sum() > 0.9 * len(at)
    assert (~hit).sum() < 0.1 * len(at)
    assert (found.score > 8).sum() < 0.1 * len(at)


def test_of_two_shapes_alike_the_one_of_the_right_size_wins():
    """Same shape, norms 10 and 25; a projection alone cannot tell them apart."""
    templates = sized(tiny.line_templates(SHAPES, [4, 4], N_CONTACTS), 10.0, 25.0)
    alike = LearnedTemplates(
        templates.contacts, np.stack([templates.scores[1] * 0.4, templates.scores[1]]), templates.n_spikes
    )
    traces = tiny.traces_with(alike, SHAPES, N_CONTACTS, 900, [(200, 0, 1.1), (400, 1, 0.9), (600, 0, 0.9)])
    found = fitted(traces, alike)
    assert list(zip(found.sample.tolist(), found.template.tolist(), strict=True)) == [(200, 0), (400, 1), (600, 0)]
    np.testing.assert_allclose(found.score / alike.norms[found.template], [1.1, 0.9, 0.9], atol=0.02)


def test_features_are_the_spike_without_the_others():
    templates = sized(tiny.line_templates(SHAPES, [3, 6], N_CONTACTS), 20.0, 26.0)
    alone = fitted(tiny.traces_with(templates, SHAPES, N_CONTACTS, 500, [(250, 0, 1.0)]), templates)
    both = fitted(tiny.traces_with(templates, SHAPES, N_CONTACTS, 500, [(250, 0, 1.0), (262, 1, 1.0)]), templates)
    np.testing.assert_array_equal(both.template, [0, 1])
    assert np.linalg.norm(both.features[0] - alone.features[0]) < 0.1 * templates.norms[0]


def test_noise_of_scores_is_that_of_each_contact():
    rng = np.random.default_rng(0)
    sd = np.array([0.5, 1.0, 2.0])
    white = (sd[:, None] * rng.standard_normal((3, 60_000))).astype(np.float32)
    white[:, ::1500] += 100.0
    np.testing.assert_allclose(fit.noise_of_scores(white, SHAPES, tiny.BACKEND), sd, rtol=0.06)
    assert fit.noise_of_scores(np.zeros((1, 300), np.float32), SHAPES, tiny.BACKEND) == 0.0


def test_blanked_samples_do_not_count_in_the_noise_of_scores():
    white = np.random.default_rng(0).standard_normal((3, 60_000)).astype(np.float32)
    expected = fit.noise_of_scores(white, SHAPES, tiny.BACKEND)
    blanked = np.zeros(white.shape, bool)
    blanked[0, 10_000:50_000] = blanked[1] = True
    white[blanked] = 0.0
    found = fit.noise_of_scores(white, SHAPES, tiny.BACKEND, blanked)
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], rtol=0.05)
    assert np.isnan(found[1])
    assert fit.noise_of_scores(white, SHAPES, tiny.BACKEND)[0] < 0.5


def alike_templates(size: float) -> LearnedTemplates:
    """Two neurons of similarity 0.9 on the same contacts."""
    two = tiny.line_templates(SHAPES, [4, 4], N_CONTACTS)
    other = two.scores[1] * np.where(np.arange(two.scores.shape[1]) % 2 == 0, 1.0, 0.45)[:, None]
    return sized(LearnedTemplates(two.contacts, np.stack([two.scores[0], other]), two.n_spikes), size, size)


def recall_at_lag(templates: LearnedTemplates, lag: int) -> list[float]:
    """Recall of the first two templates, whose spikes come `lag` samples apart."""
    at = np.arange(100, 29_900, 200)
    spikes = [spike for t in at for spike in ((int(t), 0, 1.0), (int(t) + lag, 1, 1.0))]
    found = fitted(tiny.traces_with(templates, SHAPES, N_CONTACTS, 30_000, spikes, 1.0), templates, rate_hz=len(at))
    times = [found.sample[found.template == k] for k in range(2)]
    return [float((np.abs(times[k][:, None] - at - k * lag) <= 5).any(axis=0).mean()) for k in range(2)]


@pytest.mark.parametrize("lag", [0, 1, 3, 5, 7, 9])
@pytest.mark.parametrize("size", [12.0, 20.0])
def test_two_spikes_alike_at_once_are_two(size, lag):
    """Alone, the first would take 1.9 of its size, or a time between the two, and leave too little of the other."""
    alike = alike_templates(size)
    similarity = (alike.scores[0] * alike.scores[1]).sum() / size**2
    assert 0.85 < similarity < 0.95
    assert min(recall_at_lag(alike, lag)) > 0.9


def test_two_spikes_are_not_one_of_a_third_neuron_that_looks_like_their_sum():
    alike, lag = alike_templates(20.0), 7
    first, second = alike.scores
    both = first + advanced(second[None], -lag, SHAPES.pcs)[0]
    rows = [0, 1, 0]
    three = LearnedTemplates(alike.contacts[rows], np.stack([first, second, 0.8 * both]), alike.n_spikes[rows])
    assert min(recall_at_lag(three, lag)) > 0.9


def blanked_around(first: int, last: int, n_samples: int) -> np.ndarray:
    blanked = np.zeros((N_CONTACTS, n_samples), bool)
    blanked[:, first:last] = True
    return blanked


@pytest.mark.parametrize("gap", [(170, 199), (202, 260)])
def test_a_spike_that_is_partly_hidden_is_judged_by_what_is_visible_of_it(gap):
    """If hidden samples were zeros, the smaller spike of another neuron would explain a large one better."""
    large = sized(tiny.line_templates(SHAPES, [4], N_CONTACTS), 20.0)
    spike = [(200, 0, 1.0)]
    blanked = blanked_around(*gap, 400)
    rest = np.where(blanked, 0.0, tiny.traces_with(large, SHAPES, N_CONTACTS, 400, spike))
    clip = rest[large.contacts[0], 200 - SHAPES.peak_index : 200 - SHAPES.peak_index + SHAPES.n_samples]
    smaller = (clip @ SHAPES.pcs.T)[None].astype(np.float32)
    smaller[:, ::2] *= 0.7
    scores = np.concatenate([large.scores, smaller])
    two = LearnedTemplates(np.repeat(large.contacts, 2, axis=0), scores, np.array([30, 30]))
    found = fitted(tiny.traces_with(large, SHAPES, N_CONTACTS, 400, spike), two, blanked=blanked)
    assert list(zip(found.sample.tolist(), found.template.tolist(), strict=True)) == [(200, 0)]
    assert found.amplitude[0] == pytest.approx(1.0, abs=0.01)
    assert not found.whole[0]
    np.testing.assert_allclose(found.features[0], large.scores[0], atol=0.3)


def test_a_spike_that_is_hidden_too_much_is_not_counted_and_leaves_nothing():
    templates = sized(tiny.line_templates(SHAPES, [4, 5], N_CONTACTS), 20.0, 15.0)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 600, [(200, 0, 1.0), (400, 1, 1.0)])
    found = fitted(traces, templates, blanked=blanked_around(190, 204, 600))
    assert list(zip(found.sample.tolist(), found.template.tolist(), found.whole, strict=True)) == [(400, 1, True)]


@pytest.mark.parametrize("of_all", [True, False])
def test_a_spike_whose_largest_contact_is_silent_is_found_on_the_others(of_all):
    """The edge of a blanked interval cuts a spike. A contact without signal takes away only what it would see."""
    templates = sized(tiny.line_templates(SHAPES, [4], N_CONTACTS), 20.0)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 600, [(200, 0, 1.0)])
    blanked = np.zeros(traces.shape, bool)
    blanked[4, 0 if of_all else 190 :] = True
    found = fitted(traces, templates, blanked=blanked)
    hidden = (templates.scores[0] ** 2).sum(axis=1).max() / 20.0**2
    assert hidden > MAX_HIDDEN
    assert list(zip(found.sample.tolist(), found.whole, strict=True)) == ([(200, False)] if of_all else [])
    if of_all:
        assert found.amplitude[0] == pytest.approx(1.0, abs=0.01)
        np.testing.assert_allclose(found.features[0], templates.scores[0], atol=0.3)


def test_two_spikes_at_a_gap_are_two():
    templates = sized(tiny.line_templates(SHAPES, [3, 5], N_CONTACTS), 20.0, 26.0)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 500, [(250, 0, 1.0), (258, 1, 1.1)])
    found = fitted(traces, templates, blanked=blanked_around(268, 300, 500))
    assert list(zip(found.sample.tolist(), found.template.tolist(), strict=True)) == [(250, 0), (258, 1)]
    np.testing.assert_allclose(found.amplitude, [1.0, 1.1], atol=0.05)


def test_the_share_of_time_in_which_spikes_are_seen_is_measured():
    """All contacts are blanked for a quarter of the time in turns, and the largest contact of one template always."""
    templates = sized(tiny.line_templates(SHAPES, [1, 6], N_CONTACTS), 20.0, 20.0)
    blanked = np.zeros((N_CONTACTS, 40_000), bool)
    blanked[:, np.arange(40_000) % 4000 < 1000] = blanked[6] = True
    found = fitted(np.zeros(blanked.shape, np.float32), templates, blanked=blanked)
    assert found.n_times.tolist() == [len(range(0, 40_000, 499))]
    np.testing.assert_allclose(found.n_seen[0] / found.n_times, 0.74, atol=0.03)
    assert fitted(np.zeros(blanked.shape, np.float32), templates).n_seen.tolist() == [[81, 81]]
