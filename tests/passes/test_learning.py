"""Where the tissue was at each spike, and how long it was there."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from drifting_cases import PROBE, STEPS_UM, actual, moving

from spikesieve.engine.source import Source
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Motion
from spikesieve.passes.learning import _steps_of
from spikesieve.settings.preprocess import PreprocessParams

HZ = 1000.0


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
    drift = SimpleNamespace(probe=PROBE, motion=motion)
    matching = SimpleNamespace(templates=templates, drift=drift, seconds=None, found=found)
    spikes = SimpleNamespace(sample=np.array([100, 5999, 6000, 9999, 200]), template=np.array([0, 0, 0, 0, 1]))
    step, seconds = _steps_of(source, matching, spikes)
    assert STEPS_UM[step].tolist() == [-4.0, -4.0, 4.0, 4.0, 0.0]
    assert {STEPS_UM[k]: s for k, s in enumerate(seconds[:, 0]) if s} == {-4.0: 6.0, 4.0: 4.0}
    assert {STEPS_UM[k]: s for k, s in enumerate(seconds[:, 1]) if s} == {0.0: 10.0}
