"""Templates that hold only what noise makes of another neuron's spikes have a rival; neurons have none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drifting_cases import STEPS_UM, actual, matched_by, moving
from matched_cases import FIT, N_CONTACTS, REFINE, SHAPES, footprint, spikes_of, train

from spikesieve.stages.sieve.described_spikes import DescribedSpikes
from spikesieve.stages.sieve.rivals import Rivals, SpikesAsSeen, find_rivals
from spikesieve.stages.templates import LearnedTemplates, advanced
from spikesieve.stages.tissue import MovingTemplates

LARGE = footprint(3, 14, 0)
BESIDE = footprint(3, 12, 0) + footprint(6, 5, 1, 0.5)


def still(templates: list[np.ndarray], spikes: DescribedSpikes, n_spikes: list[int] | None = None) -> SpikesAsSeen:
    """The tissue does not move."""
    scores = np.stack(templates).astype(np.float32)
    contacts = np.tile(np.arange(N_CONTACTS), (len(scores), 1))
    counts = np.bincount(spikes.template) if n_spikes is None else np.array(n_spikes)
    rest = LearnedTemplates(contacts, scores, counts)
    moving_templates = MovingTemplates(rest, np.zeros(1), contacts[None], scores[None])
    return SpikesAsSeen(moving_templates, np.zeros((1, len(scores)), np.int64), np.zeros(len(spikes.sample), np.int64))


def likelier_of_second(spikes: DescribedSpikes, first: np.ndarray, second: np.ndarray, odds: float) -> np.ndarray:
    """Which spikes are likelier from the second template, although it is `odds` times rarer."""
    x = spikes.features.astype(np.float64)
    apart = ((x - first) ** 2).sum(axis=(1, 2)) - ((x - second) ** 2).sum(axis=(1, 2))
    return np.asarray(apart > 2 * np.log(odds))


def test_a_template_that_takes_the_spikes_that_noise_makes_likelier_has_a_rival():
    spikes, _ = spikes_of([LARGE], [train(60, 0)], [0])
    near = LARGE + footprint(6, 3, 1, 0.5)
    taken = likelier_of_second(spikes, LARGE, near, 20.0)
    assert taken.sum() > 20
    spikes = replace(spikes, template=taken.astype(np.int32), template_contacts=np.tile(np.arange(N_CONTACTS), (2, 1)))
    found = find_rivals(spikes, still([LARGE, near], spikes, [6000, 300]), FIT, REFINE)
    assert found.template.tolist() == [-1, 0]
    assert found.lag_samples.tolist() == [0, 0]


def test_a_rare_neuron_beside_a_large_one_has_no_rival():
    spikes, truth = spikes_of([LARGE, BESIDE], [train(60, 0), train(0.4, 1)], [0, 1])
    assert 20 < (truth == 1).sum() < 60
    found = find_rivals(spikes, still([LARGE, BESIDE], spikes), FIT, REFINE)
    assert found.template.tolist() == [-1, -1]


@pytest.mark.parametrize("late", [-6, 5])
def test_spikes_found_at_another_phase_have_a_rival_at_that_lag(late):
    seen = advanced(LARGE.astype(np.float32), late, SHAPES.pcs)
    whole = train(20, 0)
    part = whole[::20]
    spikes, truth = spikes_of([LARGE, seen], [np.setdiff1d(whole, part), part + late], [0, 1])
    found = find_rivals(spikes, still([LARGE, seen], spikes), FIT, REFINE)
    assert found.template.tolist() == [-1, 0]
    assert found.lag_samples[0] == 0
    assert abs(found.lag_samples[1] + late) <= 1
    unit, sample = found.hand_over(spikes, np.where(truth == 0, 7, -1), spikes.sample)
    assert set(unit) == {7}
    assert np.abs(np.sort(sample) - whole[np.searchsorted(whole, np.sort(sample) - 1)]).max() <= 1


def test_a_small_neuron_with_little_of_a_late_phase_of_another_one_has_no_rival():
    """What of the late waveform is not seen would fit any spike."""
    large, away = footprint(3, 9, 0), footprint(6, 1, 1, 0.5)
    late = advanced(large.astype(np.float32), -11, SHAPES.pcs)
    seen, late = float((late**2).sum() / (large**2).sum()), late / np.linalg.norm(late)
    away -= (away * late).sum() * late
    part = 0.57 / np.sqrt(seen)
    small = 5 * (part * late + np.sqrt(1 - part**2) * away / np.linalg.norm(away))
    spikes, _ = spikes_of([large, small], [train(4, 0), train(1, 1)], [0, 1])
    found = find_rivals(spikes, still([large, small], spikes), FIT, REFINE)
    assert found.template.tolist() == [-1, -1]


def test_a_spike_is_judged_where_the_tissue_was():
    """At rest the two templates differ by far. Where the second one found spikes, they are the same."""
    templates = moving([actual, lambda d: actual(d) if d > 3 else actual(d + 40.0)])
    spikes, step = matched_by(templates, actual, lambda d: int(d > 3))
    assert 50 < spikes.template.sum() < len(step) / 2
    blocks = np.arange(len(STEPS_UM))
    found = find_rivals(spikes, SpikesAsSeen(templates, np.stack([blocks, blocks], axis=1), step), FIT, REFINE)
    assert found.template.tolist() == [-1, 0]


def test_spikes_go_to_the_unit_that_most_spikes_of_the_rival_have():
    spikes, _ = spikes_of([LARGE, BESIDE], [train(5, 0), train(1, 1)], [0, 1])
    rivals = Rivals(np.array([-1, 0]), np.array([0, 4]))
    unit = np.where(spikes.template == 0, np.arange(len(spikes.sample)) % 3 % 2, -1)
    handed, sample = rivals.hand_over(spikes, unit, spikes.sample)
    assert rivals.own(spikes.template).tolist() == np.flatnonzero(spikes.template == 0).tolist()
    assert set(handed[spikes.template == 1]) == {0}
    assert (sample - spikes.sample).tolist() == (4 * (spikes.template == 1)).tolist()
    assert handed[spikes.template == 0].tolist() == unit[spikes.template == 0].tolist()
