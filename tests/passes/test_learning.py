"""Where the tissue was at each spike, and how long it was there."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from drifting_cases import PROBE, STEPS_UM, actual, moving
from tiny import refractory_train, sorted_time

from spikesieve.engine.source import Source
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Motion
from spikesieve.passes.learning import _matched_steps, _MergedUnits
from spikesieve.settings.preprocess import PreprocessParams
from spikesieve.settings.refine import RefineParams
from spikesieve.settings.tissue import TissueParams
from spikesieve.stages.sieve import two_neurons

HZ = 1000.0


def _merged_units(sample: np.ndarray, unit: np.ndarray, merged_into: list[int]) -> _MergedUnits:
    """Units of which only the spike times are known."""
    learned = SimpleNamespace(spikes=SimpleNamespace(sample=sample, time=sorted_time(100.0)))
    moving = SimpleNamespace(rest=range(len(set(merged_into))))
    found = SimpleNamespace(unit=unit)
    return _MergedUnits(learned, found, np.array(merged_into), moving, np.zeros_like(unit))


def test_the_trains_of_merged_units_are_in_the_order_of_their_templates():
    units = _merged_units(np.arange(7), np.array([0, 1, 2, 3, 2, -1, 0]), [0, 1, 0, 1])
    assert [train.tolist() for train in units.trains] == [[0, 2, 4, 6], [1, 3]]


def test_duplicates_are_two_neurons_where_spike_times_say_so(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = (refractory_train(30.0, 100.0, rng) for _ in range(2))
    trains = [one[::2], one[1::2], other]
    unit = np.repeat([0, 1, 2], [len(train) for train in trains])
    # With fewer spikes than this, only spike times are compared.
    monkeypatch.setattr(two_neurons, "MIN_POINTS", len(unit))
    may_be_one = _merged_units(np.concatenate(trains), unit, [0, 1, 2]).may_be_one(RefineParams())
    assert may_be_one(0, 1)
    assert not may_be_one(0, 2)
    assert may_be_one(3, 2), "of a template that was not learned again no spikes are known"


def test_spikes_and_time_are_at_the_step_of_their_block_and_depth():
    recording = recording_from_array(np.zeros((10_000, 8), np.int16), HZ, 1.0)
    source = Source.of(recording, PROBE, PreprocessParams(), 1000)
    # Below 70 um the tissue jumps from -4 to 4 um at 6 s, above it stays.
    um = np.zeros((1, 4, 2), np.float32)
    um[0, :, 0] = [-4.0, -4.0, 4.0, 4.0]
    motion = Motion(
        np.array([0.0, 5.99, 6.01, 10.0]), np.array([69.0, 71.0]), np.array([0]), um, um * 0, ("use",), ("",)
    )
    templates = moving([lambda d: actual(d - 45.0), lambda d: actual(d + 45.0)])
    found = SimpleNamespace(blanked=None)
    tissue = SimpleNamespace(params=TissueParams(displacement_step_um=1.0, displacement_bin_um=2.0))
    drift = SimpleNamespace(probe=PROBE, motion=motion, tissue=tissue)
    matching = SimpleNamespace(templates=templates, drift=drift, seconds=None, found=found)
    spikes = SimpleNamespace(sample=np.array([100, 5999, 6000, 9999, 200]), template=np.array([0, 0, 0, 0, 1]))
    found = _matched_steps(source, matching, spikes)
    step, seconds = found.step, found.seconds
    assert found.bin_steps == 2
    assert STEPS_UM[step].tolist() == [-4.0, -4.0, 4.0, 4.0, 0.0]
    assert {STEPS_UM[k]: s for k, s in enumerate(seconds[:, 0]) if s} == {-4.0: 6.0, 4.0: 4.0}
    assert {STEPS_UM[k]: s for k, s in enumerate(seconds[:, 1]) if s} == {0.0: 10.0}
