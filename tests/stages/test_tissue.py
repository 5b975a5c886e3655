"""Footprints in tissue coordinates: covariances by hand, moved contacts, templates learned at some displacements."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import tiny

from spikesieve.model import Probe
from spikesieve.stages.tissue import (
    MovingTemplates,
    Observed,
    Tissue,
    TissueParams,
    expected_misfit,
    predict,
    traces_to_rest,
)


def tissue(probe: Probe, whitening: np.ndarray | None = None) -> Tissue:
    white = np.eye(probe.n_contacts, dtype=np.float32) if whitening is None else whitening
    return Tissue(probe, white, TissueParams())


def footprint(probe: Probe, x_um: float, y_um: float, moved_um: float = 0.0) -> np.ndarray:
    """(n_contacts, 2): a field that falls with distance, and one twice as wide."""
    away = np.hypot(probe.positions_um[:, 0] - x_um, probe.positions_um[:, 1] - y_um - moved_um)
    return np.stack([20 / (1 + (away / 30) ** 2), 5 / (1 + (away / 60) ** 2)], axis=1)


def random_whitening(n: int) -> np.ndarray:
    """Each contact minus some of its neighbours."""
    rng = np.random.default_rng(0)
    return (np.eye(n) - 0.2 * np.eye(n, k=1) - 0.2 * np.eye(n, k=-1) + 0.01 * rng.normal(size=(n, n))).astype(
        np.float32
    )


def test_covariance_is_the_whitened_kernel():
    probe = tiny.line_probe(6)
    white = random_whitening(6)
    a, b = np.array([0, 3, 5]), np.array([1, 2])
    found = tissue(probe, white).covariance(a, b, 7.0)
    y = probe.positions_um[:, 1]
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            distance = np.sqrt(3) * np.abs(y[:, None] - 7.0 - y[None]) / 30
            kernel = (1 + distance) * np.exp(-distance)
            expected = white[p].astype(float) @ kernel @ white[q].astype(float)
            assert found[i, j] == pytest.approx(expected, rel=1e-6)


def test_no_contact_and_another_shank_covary_with_nothing():
    probe = tiny.line_probe(8, shanks=2)
    first, second = (np.flatnonzero(probe.shanks == s) for s in np.unique(probe.shanks))
    some = tissue(probe)
    assert not some.covariance(first, second, 0.0).any()
    assert not some.covariance(np.array([-1, 0]), first, 5.0)[0].any()


def test_contacts_that_see_the_same_after_a_whole_pitch():
    probe = tiny.line_probe(5)
    assert tissue(probe).contacts_at(20.0).tolist() == [1, 2, 3, 4, -1]
    assert tissue(probe).contacts_at(-40.0).tolist() == [-1, -1, 0, 1, 2]


@pytest.mark.parametrize("moved_um", [-31.0, -12.0, -1.0, 0.0, 3.0, 9.0, 17.0, 25.0, 500.0])
def test_no_contact_is_used_twice_and_none_is_too_far(moved_um):
    rng = np.random.default_rng(4)
    xy = np.array([(x, y) for y in range(0, 200, 20) for x in (0, 32)], float) + rng.uniform(-3, 3, (20, 2))
    probe = Probe(xy, np.arange(20), np.repeat([0, 1], 10))
    there = tissue(probe).contacts_at(moved_um)
    used = np.flatnonzero(there >= 0)
    assert len(np.unique(there[used])) == len(used)
    assert (probe.shanks[there[used]] == probe.shanks[used]).all()
    away = np.linalg.norm(xy[used] + (0, moved_um) - xy[there[used]], axis=1)
    assert (away <= np.hypot(moved_um, 1.0)).all()
    assert len(used) == 20 or moved_um != 0
    assert len(used) == 0 or moved_um != 500


def test_features_at_rest_are_those_of_the_displaced_field():
    probe = tiny.line_probe(12, pitch_um=15.0)
    white = random_whitening(12)
    some, contacts = tissue(probe, white), np.arange(12)
    for moved_um in (-30.0, -7.0, 0.0, 4.0, 15.0):
        here = white @ footprint(probe, 5.0, 80.0, moved_um)
        at_rest = white @ footprint(probe, 5.0, 80.0)
        error = np.linalg.norm(some.to_rest(contacts, contacts, moved_um) @ here - at_rest)
        uncorrected = np.linalg.norm(here - at_rest)
        assert error < 0.12 * np.linalg.norm(at_rest)
        assert error < 0.5 * uncorrected or abs(moved_um) < 5


def test_traces_at_rest_are_those_of_the_displaced_field():
    probe = tiny.line_probe(12, pitch_um=15.0)
    moved_um = np.linspace(4.0, 9.0, 12)  # not rigid
    y = probe.positions_um[:, 1]
    field = lambda at: np.exp(-(((at - 80.0) / 40) ** 2))  # noqa: E731
    found = traces_to_rest(probe, moved_um, 20.0) @ field(y - moved_um)
    assert np.abs(found - field(y)).max() < 0.05
    still = traces_to_rest(probe, np.zeros(12), 20.0)
    assert np.abs(still - np.eye(12)).max() < 0.05


def observed(probe: Probe, white: np.ndarray, displacements: list[float], n: int) -> Observed:
    rng = np.random.default_rng(1)
    clean = np.stack([white @ footprint(probe, 12.0, 70.0, d) for d in displacements])
    means = clean + rng.normal(size=clean.shape) / np.sqrt(n)
    contacts = np.tile(np.arange(probe.n_contacts), (len(displacements), 1))
    return Observed(np.array(displacements), contacts, means, np.full(len(displacements), n))


def test_a_template_is_told_between_and_beyond_the_displacements_that_were_seen():
    probe = tiny.line_probe(10, pitch_um=20.0)
    white = random_whitening(10)
    seen = observed(probe, white, [-8.0, -4.0, 0.0, 4.0, 8.0], 100)
    steps = np.array([-12.0, -6.0, 2.0, 7.0, 12.0])
    found = predict(tissue(probe, white), seen, np.tile(np.arange(10), (5, 1)), steps)
    assert found.dtype == np.float32
    rest = white @ footprint(probe, 12.0, 70.0)
    for d, scores in zip(steps, found, strict=True):
        true = white @ footprint(probe, 12.0, 70.0, d)
        assert np.linalg.norm(scores - true) < (0.06 if abs(d) < 8 else 0.12) * np.linalg.norm(true)
        assert np.linalg.norm(scores - true) < np.linalg.norm(rest - true) or d == 2.0


def test_a_template_seen_at_one_place_is_its_mean_there_and_noise_alone_is_nothing():
    probe = tiny.line_probe(10, pitch_um=20.0)
    white = random_whitening(10)
    seen = observed(probe, white, [3.0], 1000)
    found = predict(tissue(probe, white), seen, np.arange(10)[None], np.array([3.0]))[0]
    assert np.linalg.norm(found - seen.means[0]) < 0.02 * np.linalg.norm(seen.means[0])
    weak = Observed(seen.displacement_um, seen.contacts, 0.001 * seen.means, np.array([20]))
    assert not predict(tissue(probe, white), weak, np.arange(10)[None], np.array([3.0])).any()


def test_an_edge_unit_is_seen_by_the_contacts_that_are_left():
    probe = tiny.line_probe(10, pitch_um=20.0)
    some = tissue(probe)
    rest = np.arange(6)  # a unit at the lower end
    there = some.contacts_at(-40.0)[rest]
    assert there.tolist() == [-1, -1, 0, 1, 2, 3]
    seen = observed(probe, some.whitening, [0.0], 1000)
    scores = predict(some, seen, there[None], np.array([-40.0]))[0]
    assert not scores[:2].any()
    assert np.linalg.norm(scores[2:] - footprint(probe, 12.0, 70.0)[2:6]) < 0.05 * np.linalg.norm(scores)


def test_steps_are_the_nearest_and_every_template_has_its_own():
    templates = tiny.line_templates(tiny.textbook_shapes(), [2, 4], 8)
    steps = np.array([-1.0, 0.0, 1.0])
    scores = np.stack([templates.scores * f for f in (0.5, 1.0, 2.0)])
    moving = MovingTemplates(templates, steps, np.stack([templates.contacts] * 3), scores)
    assert moving.step_of(np.array([-7.0, -0.4, 0.6])).tolist() == [0, 1, 2]
    places = np.linspace(-3, 3, 1001)
    nearest = np.abs(places[:, None] - steps).argmin(axis=1)
    np.testing.assert_array_equal(moving.step_of(places), nearest)
    here = moving.at(np.array([2, 0]))
    assert np.allclose(here.scores[0], 2 * templates.scores[0])
    assert np.allclose(here.scores[1], 0.5 * templates.scores[1])


def test_a_pickled_tissue_gives_the_same_covariances_without_carrying_them():
    probe = tiny.line_probe(6)
    some, a, b = tissue(probe, random_whitening(6)), np.array([0, 3, 5]), np.array([1, 2])
    fresh = len(pickle.dumps(some))
    found = some.covariance(a, b, 7.0)
    packed = pickle.dumps(some)
    assert len(packed) == fresh
    assert pickle.loads(packed).covariance(a, b, 7.0).tobytes() == found.tobytes()  # noqa: S301


def test_the_expected_misfit_is_that_of_predictions_of_drawn_footprints():
    some, rng, n = tissue(tiny.line_probe(8), random_whitening(8)), np.random.default_rng(2), 4000
    contacts, seen, wanted = np.arange(8), np.array([0.0, 4.0]), np.array([14.0])
    places = [*seen, *wanted]
    joint = np.block([[some.covariance(contacts, contacts, p - q) for q in places] for p in places])
    drawn = np.linalg.cholesky(joint + 1e-9 * np.eye(24)) @ rng.standard_normal((24, n))
    noisy = drawn[:16] + 0.1 * rng.standard_normal((16, n))
    observed = Observed(seen, np.tile(contacts, (2, 1)), noisy.reshape(2, 8, n), np.array([100, 100]))
    at = Observed(wanted, contacts[None], np.zeros((1, 8, n)), np.array([30]))
    error = predict(some, observed, contacts[None], wanted)[0] - drawn[16:]
    actual = (error**2).sum() / (drawn[16:] ** 2).sum()
    assert 0.05 < actual < 0.5
    assert expected_misfit(some, observed, at) == pytest.approx(actual, rel=0.05)


def test_what_was_seen_is_known_and_what_is_far_or_only_noise_is_not():
    some, contacts = tissue(tiny.line_probe(8)), np.arange(8)[None]
    means = footprint(some.probe, 0.0, 70.0)[None]
    seen = Observed(np.zeros(1), contacts, means, np.array([10_000]))
    far = Observed(np.full(1, 500.0), contacts, means, np.array([100]))
    silent = Observed(np.zeros(1), contacts, means * 0, np.array([100]))
    assert expected_misfit(some, seen, seen) < 0.01
    assert expected_misfit(some, seen, far) > 0.99
    assert expected_misfit(some, silent, seen) == 1.0
