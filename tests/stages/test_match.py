"""Matching resolves overlaps at every lag, and a block cut in two gives the spikes of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import tiny

from spikesieve.stages import match
from spikesieve.stages.match import MatchParams
from spikesieve.stages.shapes import Shapes

N_CONTACTS = 10
SHAPES = tiny.textbook_shapes()
PARAMS = MatchParams()


def matched(traces, templates, shapes: Shapes = SHAPES, core=None, params: MatchParams = PARAMS, feature_contacts=None):
    near = templates.contacts if feature_contacts is None else feature_contacts
    matcher = match.make_matcher(templates, near, N_CONTACTS, shapes)
    residual = traces.copy()
    core = core or (0, traces.shape[1])
    return match.match(residual, matcher, core, params, tiny.BACKEND), residual


def spikes_of(found):
    return list(zip(found.sample.tolist(), found.template.tolist(), strict=True))


def collision(templates, lag: int) -> list[tuple[int, int, float]]:
    """What is found of template 0 at 250 and template 1 at 250 + lag: (sample, template, amplitude), by template."""
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 500, [(250, 0, 1.0), (250 + lag, 1, 1.0)])
    found, _ = matched(traces, templates)
    amplitude = found.score / templates.norms[found.template]
    return sorted(
        zip(found.sample.tolist(), found.template.tolist(), amplitude.tolist(), strict=True), key=lambda s: s[1]
    )


def two_neurons(centres: list[int]):
    """Different shapes, 20 and 26 noise SD."""
    templates = tiny.line_templates(SHAPES, centres, N_CONTACTS, 20.0)
    templates.scores[1] *= 1.3
    return templates


@pytest.mark.parametrize("lag", range(-61, 62))
def test_overlapping_spikes_of_neurons_sixty_um_apart_are_resolved_at_every_lag(lag):
    """Templates that share two contacts: right times, amplitudes within a tenth."""
    found = collision(two_neurons([3, 6]), lag)
    assert [spike[:2] for spike in found] == [(250, 0), (250 + lag, 1)]
    np.testing.assert_allclose([spike[2] for spike in found], 1, atol=0.1)


@pytest.mark.parametrize("lag", range(-61, 62))
def test_overlapping_spikes_of_neighbours_are_both_found_at_every_lag(lag):
    """Templates correlated 0.67 at lag 0: both within a sample. Greedy pursuit shares what they have in common unfairly
    when they are closer than 8 samples; farther apart the amplitudes are within 15 %."""
    found = collision(two_neurons([4, 5]), lag)
    assert [spike[1] for spike in found] == [0, 1]
    assert abs(found[0][0] - 250) <= 1
    assert abs(found[1][0] - 250 - lag) <= 1
    if abs(lag) >= 8:
        np.testing.assert_allclose([spike[2] for spike in found], 1, atol=0.15)


def test_one_spike_is_found_with_its_amplitude_and_features_and_leaves_nothing():
    templates = tiny.line_templates(SHAPES, [2, 5, 8], N_CONTACTS, 20.0)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 400, [(200, 1, 1.2)])
    found, left = matched(traces, templates)
    assert spikes_of(found) == [(200, 1)]
    assert found.score[0] == pytest.approx(24, rel=1e-4)
    np.testing.assert_allclose(found.features[0], 1.2 * templates.scores[1], atol=1e-3)
    assert np.abs(left).max() < 1e-3
    assert found.n_left == 0


def test_features_are_those_of_the_spike_without_the_one_on_top_of_it():
    templates = tiny.line_templates(SHAPES, [4, 5], N_CONTACTS, 30.0)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 400, [(200, 0, 1.0), (220, 1, 1.0)])
    found, _ = matched(traces, templates)
    assert spikes_of(found) == [(200, 0), (220, 1)]
    # With the other spike left in, they are off by up to 11.
    np.testing.assert_allclose(found.features, templates.scores, atol=0.05)


def test_features_on_other_contacts_than_the_templates():
    templates = tiny.line_templates(SHAPES, [4], N_CONTACTS, 30.0, n_near=3)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 400, [(200, 0, 1.0)])
    found, _ = matched(traces, templates, feature_contacts=np.array([[4, 9, -1, 3]]))
    dense = templates.dense(N_CONTACTS)[0]
    np.testing.assert_allclose(found.features[0], [dense[4], dense[9], 0 * dense[0], dense[3]], atol=1e-3)


def busy(n_samples: int, rate: int, seed: int, noise_sd: float = 1.0):
    rng = np.random.default_rng(seed)
    templates = tiny.line_templates(SHAPES, [1, 3, 4, 6, 8], N_CONTACTS, 20.0)
    times = np.sort(rng.choice(np.arange(61, n_samples - 61), rate, replace=False))
    spikes = [(int(t), int(rng.integers(5)), float(rng.uniform(0.9, 1.2))) for t in times]
    return tiny.traces_with(templates, SHAPES, N_CONTACTS, n_samples, spikes, noise_sd, seed), templates, spikes


@pytest.mark.parametrize("seed", range(3))
def test_a_block_cut_in_two_gives_the_spikes_of_the_whole(seed):
    """Cut anywhere, also through overlapping spikes: five waveform lengths of margin hide the edge."""
    traces, templates, _ = busy(6000, 150, seed)
    margin, cut = 5 * SHAPES.n_samples, 2500 + 137 * seed
    whole, _ = matched(traces, templates, core=(margin, 6000 - margin))
    left, _ = matched(np.ascontiguousarray(traces[:, : cut + margin]), templates, core=(margin, cut))
    start = (cut - margin) // 2 * 2  # blocks begin at even samples
    right, _ = matched(np.ascontiguousarray(traces[:, start:]), templates, core=(cut - start, 6000 - margin - start))
    joined = spikes_of(left) + [(t + start, k) for t, k in spikes_of(right)]
    assert joined == spikes_of(whole)
    values = np.concatenate([left.score, right.score])
    np.testing.assert_allclose(values, whole.score, atol=1e-2)


def test_a_spike_at_the_cut_belongs_to_the_later_block():
    templates = tiny.line_templates(SHAPES, [4], N_CONTACTS, 20.0)
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 1000, [(500, 0, 1.0)])
    assert spikes_of(matched(traces, templates, core=(300, 500))[0]) == []
    assert spikes_of(matched(traces, templates, core=(500, 700))[0]) == [(500, 0)]


def test_isolated_spikes_in_noise_are_all_found_and_nothing_else():
    rng = np.random.default_rng(5)
    templates = tiny.line_templates(SHAPES, [1, 3, 5, 7, 9], N_CONTACTS, 20.0)
    spikes = [(100 * (i + 1), int(rng.integers(5)), 1.0) for i in range(38)]
    traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 4000, spikes, 1.0)
    found, _ = matched(traces, templates)
    assert len(found.sample) == 38
    for (t, k), (sample, template, _) in zip(spikes_of(found), spikes, strict=True):
        assert abs(t - sample) <= 1
        assert k == template


@pytest.mark.parametrize("at", [21, 61, 3939, 3959])
def test_a_spike_near_the_end_of_the_block(at):
    templates = tiny.line_templates(SHAPES, [4], N_CONTACTS, 20.0)
    found, _ = matched(tiny.traces_with(templates, SHAPES, N_CONTACTS, 4000, [(at, 0, 1.0)]), templates)
    assert spikes_of(found) == [(at, 0)]


def test_nothing_in_zeros_in_noise_and_below_the_threshold():
    templates = tiny.line_templates(SHAPES, [4, 6], N_CONTACTS, 20.0)
    for spikes, noise_sd in (([], 0.0), ([], 1.0), ([(500, 0, 0.39)], 0.0)):
        traces = tiny.traces_with(templates, SHAPES, N_CONTACTS, 1000, spikes, noise_sd)
        assert matched(traces, templates)[0].sample.size == 0


@pytest.mark.parametrize("n_pcs", [1, 6, 7, 12])
def test_any_number_of_components(n_pcs):
    shapes = tiny.textbook_shapes(n_pcs)
    templates = tiny.line_templates(shapes, [3, 6], N_CONTACTS, 25.0)
    found, _ = matched(tiny.traces_with(templates, shapes, N_CONTACTS, 400, [(200, 1, 1.0)]), templates, shapes)
    assert spikes_of(found) == [(200, 1)]
    assert found.features.shape == (1, 5, n_pcs)


def test_no_template_finds_no_spike():
    templates = tiny.line_templates(SHAPES, [], N_CONTACTS)
    found, _ = matched(tiny.traces_with(templates, SHAPES, N_CONTACTS, 400, [], 1.0), templates)
    assert found.sample.size == 0
    assert found.features.shape == (0, 5, 6)


def test_what_is_left_when_the_rounds_run_out_is_counted():
    traces, templates, _ = busy(4000, 300, 2)
    found, _ = matched(traces, templates, params=MatchParams(max_peels=1))
    assert found.n_left > 0
