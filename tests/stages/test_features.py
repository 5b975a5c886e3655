"""Groups of contacts cover the probe; features are PC scores on the contacts asked for."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from tiny import line_probe

from spikesieve.geometry import vertical_pitch_um
from spikesieve.model import Probe
from spikesieve.stages import features
from spikesieve.stages.features import FeaturesParams

SHAPES = tiny.textbook_shapes()
PARAMS = FeaturesParams()


def grid(columns: int, rows: int, pitch: float) -> Probe:
    xy = np.stack(np.meshgrid(np.arange(columns) * pitch, np.arange(rows) * pitch), axis=-1).reshape(-1, 2)
    return Probe(xy, np.arange(len(xy)), np.zeros(len(xy), int))


PROBES = {
    "one": line_probe(1),
    "tetrode": grid(2, 2, 25.0),
    "line": line_probe(32),
    "sparse": line_probe(8, 100.0),
    "very sparse": line_probe(8, 200.0),
    "sparser": line_probe(4, 1000.0),
    "grid": grid(16, 16, 30.0),
    "shanks": line_probe(10, shanks=4),
}


@pytest.mark.parametrize("name", PROBES)
def test_every_contact_describes_the_spikes_at_its_place(name):
    """A spike at a contact must be described by that contact, whatever the pitch."""
    probe = PROBES[name]
    groups = features.make_groups(probe, vertical_pitch_um(probe.positions_um, probe.shanks), PARAMS)
    group = features.group_of(probe.positions_um, probe.shanks, groups)
    assert (group >= 0).all()
    described = [contact in groups.contacts[g] for contact, g in enumerate(group)]
    assert all(described)


@pytest.mark.parametrize("name", PROBES)
def test_groups_stay_on_their_shank_within_reach_and_start_with_the_nearest_contact(name):
    probe = PROBES[name]
    groups = features.make_groups(probe, vertical_pitch_um(probe.positions_um, probe.shanks), PARAMS)
    for centre, shank, contacts in zip(groups.positions_um, groups.shanks, groups.contacts, strict=True):
        used = contacts[contacts >= 0]
        distance = np.hypot(*(probe.positions_um[used] - centre).T)
        assert len(used)
        assert (probe.shanks[used] == shank).all()
        assert (np.diff(distance) >= 0).all()
        assert distance.max() <= PARAMS.max_distance_um


@pytest.mark.parametrize("pitch", [5.0, 400.0])
def test_a_pitch_set_by_hand_leaves_no_contact_without_a_group(pitch):
    probe = line_probe(12, 50.0)
    groups = features.make_groups(probe, pitch, PARAMS)
    group = features.group_of(probe.positions_um, probe.shanks, groups)
    assert all(contact in groups.contacts[g] for contact, g in enumerate(group))


def test_features_are_the_scores_of_the_spike_and_zero_where_there_is_no_contact():
    templates = tiny.line_templates(SHAPES, [2], 5, 20.0)
    white = tiny.traces_with(templates, SHAPES, 5, 400, [(200, 0, 1.0)])
    contacts = np.array([[2, 1, -1, 3]])
    found = tiny.BACKEND.describe(white, np.array([200]), contacts, SHAPES.pcs, SHAPES.peak_index)
    dense = templates.dense(5)[0]
    np.testing.assert_allclose(found[0, [0, 1, 3]], dense[[2, 1, 3]], atol=1e-4)
    assert not found[0, 2].any()


def test_features_of_no_spikes():
    nothing = np.empty(0, np.int64), np.empty((0, 4), np.int64)
    found = tiny.BACKEND.describe(np.zeros((3, 100), np.float32), *nothing, SHAPES.pcs, SHAPES.peak_index)
    assert found.shape == (0, 4, 6)


def test_features_are_projections_on_the_components():
    white = np.random.default_rng(0).standard_normal((5, 400)).astype(np.float32)
    sample, contacts = np.array([100, 150, 300]), np.array([[0, 4, -1], [1, 2, 3], [4, -1, 0]])
    ours = tiny.BACKEND.describe(white, sample, contacts, SHAPES.pcs, SHAPES.peak_index)
    projections = np.stack(list(tiny.BACKEND.projections(white, SHAPES.pcs, SHAPES.peak_index)))
    theirs = projections[np.maximum(contacts, 0), :, sample[:, None]] * (contacts >= 0)[:, :, None]
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_position_is_where_the_energy_is():
    probe = line_probe(5)
    contacts = np.array([[2, 1, 3], [2, 1, 3], [0, -1, -1], [4, 3, -1]])
    scores = np.zeros((4, 3, 6), np.float32)
    scores[0, 0, 0] = 5.0
    scores[1, 1:, 2] = 5.0
    scores[2, :, 0] = 7.0
    positions = features.spike_positions(scores, scores, contacts, probe)
    np.testing.assert_allclose(positions[:, 1], [40, 40, 0, 80])
    assert positions.dtype == np.float32


def test_noise_does_not_draw_a_small_spike_to_the_middle_of_its_group():
    probe, n = line_probe(16), 500
    contacts = np.tile(np.arange(16), (n, 1))
    means = np.zeros((n, 16, 6), np.float32)
    means[:, 0, 0], means[:, 1, 0] = 7.0, 4.0
    spikes = means + np.random.default_rng(0).standard_normal(means.shape).astype(np.float32)
    found = features.spike_positions(spikes, means, contacts, probe)[:, 1]
    assert abs(found.mean() - 20.0 * 16 / (49 + 16)) < 1.0
