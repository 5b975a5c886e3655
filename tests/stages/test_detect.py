"""Universal templates find spikes of both polarities at the right sample and place, and nothing in zeros."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from scipy.signal import lfilter
from tiny import line_probe

from spikesieve.kernels.cpu import backend as cpu
from spikesieve.model import Probe
from spikesieve.stages import detect
from spikesieve.stages.detect import DetectParams
from spikesieve.stages.detect_at_half_rate import Wanted, find_at_half_rate
from spikesieve.stages.preprocess import Clean
from spikesieve.stages.shapes import Shapes

SHAPES = tiny.textbook_shapes()
PARAMS = DetectParams()
WAVES = SHAPES.templates @ SHAPES.pcs


def everywhere(white, wanted, span, backend):
    limits = wanted.exclusion_samples, wanted.threshold
    return detect.find(white, wanted.shapes, wanted.templates, span, limits, backend)


@pytest.fixture(params=[everywhere, find_at_half_rate])
def find(request):
    def found(white: np.ndarray, probe: Probe, params: DetectParams = PARAMS, core=None, exclusion: int = 20):
        wanted = Wanted(SHAPES, detect.universal_templates(probe, params), exclusion, params.least_score)
        return request.param(white, wanted, core or (0, white.shape[1]), tiny.BACKEND), wanted.templates

    return found


def planted(probe: Probe, spikes, n_samples: int = 2000, noise_sd: float = 0.0) -> np.ndarray:
    """Spikes (sample, x, y, shape, signed size), each a Gaussian of 20 um around its place."""
    white = noise_sd * np.random.default_rng(0).standard_normal((probe.n_contacts, n_samples))
    for sample, x, y, shape, size in spikes:
        d = np.hypot(*(probe.positions_um - (x, y)).T)
        weight = np.exp(-((d / 20) ** 2))
        first = sample - SHAPES.peak_index
        white[:, first : first + SHAPES.n_samples] += size * np.outer(weight / np.linalg.norm(weight), WAVES[shape])
    return white.astype(np.float32)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", range(6))
def test_a_spike_is_found_at_its_sample_and_place_in_both_polarities(find, sign, shape):
    probe = line_probe(16)
    found, templates = find(planted(probe, [(700, 0, 140, shape, 30.0 * sign)]), probe)
    assert found.sample.tolist() == [700]
    assert np.sign(found.value[0]) == sign
    assert abs(found.value[0]) == pytest.approx(30, rel=0.02)
    assert abs(templates.positions_um[found.centre[0], 1] - 140) <= 10


def test_spikes_far_apart_in_space_or_time_are_all_found(find):
    probe = Probe(np.array([[0.0, y] for y in range(0, 4000, 20)]), np.arange(200), np.zeros(200, int))
    spikes = [(700, 0, 100, 0, 20.0), (705, 0, 3000, 1, -20.0), (760, 0, 100, 0, 20.0)]
    found, templates = find(planted(probe, spikes), probe)
    assert found.sample.tolist() == [700, 705, 760]
    np.testing.assert_allclose(templates.positions_um[found.centre, 1], [100, 3000, 100], atol=10)


def test_spikes_of_two_shanks_at_once_are_both_found(find):
    probe = line_probe(12, shanks=2)
    found, templates = find(planted(probe, [(700, 0, 100, 0, 20.0), (700, 200, 100, 0, 20.0)]), probe)
    assert found.sample.tolist() == [700, 700]
    assert sorted(templates.shanks[found.centre]) == [0, 1]


def test_nothing_in_zeros_nor_in_noise(find):
    probe = line_probe(16)
    assert find(np.zeros((16, 3000), np.float32), probe)[0].sample.size == 0
    assert find(planted(probe, [], 20_000, 1.0), probe)[0].sample.size == 0


def test_only_the_core_is_returned(find):
    probe = line_probe(8)
    white = planted(probe, [(s, 0, 60, 0, 20.0) for s in (299, 400, 599, 700)], 1000)
    assert find(white, probe, core=(300, 600))[0].sample.tolist() == [400, 599]


@pytest.mark.parametrize(("sample", "inside"), [(299, False), (300, True), (699, True), (700, False)])
def test_a_core_holds_its_first_sample_and_not_the_one_after_its_last(find, sample, inside):
    probe = line_probe(8)
    white = planted(probe, [(sample, 0, 60, 0, 20.0)], 1000)
    assert find(white, probe, core=(300, 700))[0].sample.tolist() == [sample] * inside


def test_spikes_on_both_sides_of_an_edge_of_the_core_are_one_spike_there(find):
    """Two spikes one sample apart are found once, at the first one: before the core at 300, inside it at 699."""
    probe = line_probe(8)
    white = planted(probe, [(s, 0, 60, 0, 20.0) for s in (299, 300, 699, 700)], 1000)
    assert find(white, probe, core=(300, 700))[0].sample.tolist() == [699]


def test_a_block_cut_in_two_gives_the_same_spikes(find):
    probe = line_probe(10)
    rng = np.random.default_rng(1)
    times = np.sort(rng.choice(np.arange(150, 3850), 60, replace=False))
    white = planted(probe, [(t, 0, rng.uniform(0, 180), rng.integers(6), 25.0) for t in times], 4000, 1.0)
    margin = 2 * SHAPES.n_samples
    whole, _ = find(white, probe, core=(margin, 4000 - margin))
    cut = 1973
    left, _ = find(np.ascontiguousarray(white[:, : cut + margin]), probe, core=(margin, cut))
    start = cut - margin - 1  # traces begin at an even sample
    right, _ = find(np.ascontiguousarray(white[:, start:]), probe, core=(margin + 1, 4000 - margin - start))
    np.testing.assert_array_equal(np.concatenate([left.sample, right.sample + start]), whole.sample)
    np.testing.assert_array_equal(np.concatenate([left.centre, right.centre]), whole.centre)


def test_samples_that_are_scored_one_after_the_other_leave_no_trace(find, monkeypatch):
    probe = line_probe(10)
    rng = np.random.default_rng(2)
    times = np.sort(rng.choice(np.arange(150, 3850), 60, replace=False))
    white = planted(probe, [(t, 0, rng.uniform(0, 180), rng.integers(6), 25.0) for t in times], 4000, 1.0)
    whole, _ = find(white, probe)
    assert len(whole.sample) > 20
    for stretch in (37, 5000):
        monkeypatch.setattr(cpu, "SAMPLES_AT_ONCE", stretch)
        cut, _ = find(white, probe)
        for name in ("sample", "centre", "value"):
            np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name))


@pytest.mark.parametrize("n_samples", [0, 10, 61, 62, 76])
def test_a_block_not_much_longer_than_a_window(find, n_samples):
    probe = line_probe(4)
    white = planted(probe, [(20, 0, 40, 0, 30.0)])[:, :n_samples]
    found, _ = find(np.ascontiguousarray(white), probe)
    assert found.sample.tolist() == ([20] if n_samples >= 61 else [])


def test_nothing_beyond_the_traces_is_read(find):
    """The window at sample 20 just fits in: the samples beside it are not looked at."""
    probe = line_probe(4)
    beyond = np.full((12, SHAPES.n_samples), 1e6, np.float32)
    beyond[4:8] = planted(probe, [(20, 0, 40, 0, 30.0)])[:, : SHAPES.n_samples]
    found, _ = find(beyond[4:8], probe)
    assert found.sample.tolist() == [20]


@pytest.mark.parametrize("n_contacts", [1, 2, 4])
def test_a_handful_of_contacts(find, n_contacts):
    probe = line_probe(n_contacts)
    found, _ = find(planted(probe, [(700, 0, 0, 2, -20.0)]), probe)
    assert found.sample.tolist() == [700]


def test_weights_have_unit_norm_and_no_weight_where_there_is_no_contact():
    probe = line_probe(6, shanks=2)
    templates = detect.universal_templates(probe, PARAMS)
    np.testing.assert_allclose(np.linalg.norm(templates.weights, axis=2), 1, atol=1e-6)
    missing = np.broadcast_to((templates.contacts < 0)[:, None], templates.weights.shape)
    assert not templates.weights[missing].any()
    used = templates.contacts >= 0
    shank = probe.shanks[np.maximum(templates.contacts, 0)]
    assert (shank == templates.shanks[:, None])[used].all()


def test_a_template_far_smaller_than_the_pitch_still_has_weights():
    templates = detect.universal_templates(line_probe(8, 60.0), DetectParams(min_template_size_um=0.5))
    assert np.isfinite(templates.weights).all()


def test_every_contact_of_a_grid_has_a_centre_near():
    xy = np.stack(np.meshgrid(np.arange(8) * 30.0, np.arange(8) * 30.0), axis=-1).reshape(-1, 2)
    probe = Probe(xy, np.arange(64), np.zeros(64, int))
    templates = detect.universal_templates(probe, PARAMS)
    distance = np.hypot(*(xy[:, None] - templates.positions_um[None]).transpose(2, 0, 1))
    assert distance.min(axis=1).max() <= 8.0


def noise(n_contacts: int, n_samples: int, smooth: float) -> np.ndarray:
    """Gaussian noise of SD 1 in PC scores: white, or with more power at low frequencies."""
    white = np.random.default_rng(3).standard_normal((n_contacts, n_samples))
    white = lfilter([1.0], [1.0, -smooth], white, axis=1).astype(np.float32)
    scores = np.stack(
        [scores[:, 100:-100] for scores in tiny.BACKEND.projections(white, SHAPES.pcs, SHAPES.peak_index)]
    )
    return white / scores.std()


def sd_of(white: np.ndarray, probe: Probe, why: np.ndarray | None = None) -> np.ndarray:
    templates = detect.universal_templates(probe, PARAMS)
    return detect.noise_of_universal_scores(Clean(white, white, why), SHAPES, templates, tiny.BACKEND)


@pytest.mark.parametrize("smooth", [0.0, 0.6])
def test_noise_exceeds_the_threshold_about_as_often_as_it_may(find, smooth):
    """Here the rate that is allowed is high, so that there is something to count: 5 per second and contact."""
    probe, n_samples, allowed_hz = line_probe(12), 120_000, 5.0
    white = noise(12, n_samples, smooth)
    sd = sd_of(white, probe)
    threshold = detect.threshold_of_noise(sd, allowed_hz)
    found, _ = find(white, probe, PARAMS.at(threshold))
    rate_hz = len(found.sample) / 12 / (n_samples / tiny.HZ)
    assert allowed_hz / 2.5 < rate_hz < allowed_hz * 2.5
    assert detect.threshold_of_noise(sd, 0.01) > threshold + 0.9


def test_the_threshold_follows_the_noise_and_not_the_spikes():
    """25 spikes of 40 SD per second on 12 contacts."""
    probe = line_probe(12)
    white = noise(12, 60_000, 0.0)
    spikes = planted(probe, [(t, 0, 20.0 * (t % 12), t % 6, -40.0) for t in range(500, 59_000, 1201)], 60_000)

    def threshold(traces: np.ndarray) -> float:
        return detect.threshold_of_noise(sd_of(traces, probe), 0.01)

    assert threshold(1.5 * white) == pytest.approx(1.5 * threshold(white), rel=1e-3)
    assert threshold(white + spikes) == pytest.approx(threshold(white), rel=0.05)


def test_times_at_which_a_spike_would_be_whole_are_those_at_which_whole_spikes_are():
    blanked = np.zeros((5, 900), bool)
    blanked[:, 300:330] = blanked[2, 500:] = True
    contacts = np.array([[0, 1, -1], [3, 2, 4]])
    times = np.arange(200, 700)
    found = detect.whole_times(blanked, contacts, (200, 700), SHAPES, tiny.BACKEND)
    by_spike = [detect.are_whole(blanked, np.tile(near, (500, 1)), times, SHAPES).sum() for near in contacts]
    assert found.tolist() == by_spike
    assert by_spike[1] < 270 < 400 < by_spike[0]
    assert detect.whole_times(None, contacts, (200, 700), SHAPES, tiny.BACKEND).tolist() == [500, 500]


def test_blanked_samples_and_silent_contacts_do_not_lower_the_threshold():
    probe, white = line_probe(12), noise(12, 60_000, 0.0)
    whole = detect.threshold_of_noise(sd_of(white, probe), 0.01)
    why = np.zeros(white.shape, np.uint8)
    why[:, np.arange(60_000) % 1000 < 400] = 1
    why[4, 30_000:] = 1
    blanked = sd_of(np.where(why > 0, np.float32(0), white), probe, why)
    assert np.isfinite(blanked).all()
    assert detect.threshold_of_noise(blanked, 0.01) == pytest.approx(whole, rel=0.03)
    silent = sd_of(white, probe)
    silent[: len(silent) // 2 + 2] = 0.0
    assert detect.threshold_of_noise(silent, 0.01) == pytest.approx(whole, rel=0.03)
    assert detect.threshold_of_noise(silent * 0.0, 0.01) == pytest.approx(5.12, abs=0.01)


def test_shapes_that_are_not_smooth_are_looked_for_at_all_samples():
    """As at 10 kHz."""
    coarse = Shapes(np.ascontiguousarray(SHAPES.pcs[:, ::3]), SHAPES.templates, SHAPES.peak_index // 3, 0)
    assert not coarse.between.size
    white = np.random.default_rng(0).standard_normal((4, 500)).astype(np.float32)
    wanted = Wanted(coarse, detect.universal_templates(line_probe(4), PARAMS), 6, 1.5)
    one, other = (f(white, wanted, (0, 500), tiny.BACKEND) for f in (everywhere, find_at_half_rate))
    assert len(one.sample) > 5
    np.testing.assert_array_equal(one.sample, other.sample)
    np.testing.assert_array_equal(one.value, other.value)


def test_at_half_rate_nearly_the_same_spikes_are_found_with_the_scores_of_full_traces():
    probe, rng = line_probe(20), np.random.default_rng(5)
    times = np.sort(rng.choice(np.arange(150, 19_850), 200, replace=False))
    spikes = [(t, 0, rng.uniform(0, 380), rng.integers(6), rng.uniform(9, 30)) for t in times]
    wanted = Wanted(SHAPES, detect.universal_templates(probe, PARAMS), 20, 8.0)
    white = planted(probe, spikes, 20_000, 1.0)
    full, half = (f(white, wanted, (0, 20_000), tiny.BACKEND) for f in (everywhere, find_at_half_rate))
    values = dict(zip(zip(full.sample.tolist(), full.centre.tolist(), strict=True), full.value, strict=True))
    same = [key for key in zip(half.sample.tolist(), half.centre.tolist(), strict=True) if key in values]
    assert len(full.sample) > 150
    assert abs(len(half.sample) - len(full.sample)) <= 0.02 * len(full.sample)
    assert len(same) > 0.9 * len(full.sample)
    found = dict(zip(zip(half.sample.tolist(), half.centre.tolist(), strict=True), half.value, strict=True))
    np.testing.assert_allclose([found[key] for key in same], [values[key] for key in same], rtol=1e-4)
    assert np.abs(half.value).min() >= 8.0
