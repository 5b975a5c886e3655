"""Every method goes on after results that were kept of a step, and gives the bytes of a sort that was never stopped."""

from __future__ import annotations

import numpy as np
import pytest
from same_bytes import HZ, PARAMS, differing
from small_files import METHODS

from spikesieve.api.sort import Resources, sort
from spikesieve.engine import kept_results
from spikesieve.engine.kept_results import KeptResults
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Motion
from spikesieve.settings.sort import Settings
from spikesieve.simulation import simulate_array

PROBE = read_probe("linear:12:25")
UM = np.array([[[-4.0], [4.0]]], np.float32)
MOTION = Motion(np.array([0.0, 8.0]), np.array([100.0]), np.array([0]), UM, np.abs(UM), ("use",), ("It moved.",))
"""So that templates are predicted at several displacements."""

STOPPED_AFTER = (3, 5, 9, 16, 30, 60, 120, 240)
"""Results."""


class StoppedError(Exception):
    """The sort was stopped."""


@pytest.mark.parametrize("method", METHODS)
def test_a_sort_that_is_stopped_within_steps_gives_the_same_bytes(method, tmp_path, monkeypatch):
    recording = recording_from_array(simulate_array(PROBE, PARAMS)[0], HZ, PARAMS.gain_uv)
    settings = Settings().with_overrides(METHODS[method])
    motion = None if method == "kilosort2" else MOTION
    whole = sort(recording, PROBE, settings, motion=motion, resources=Resources(2))

    # Everything is written, whatever it takes: so every kind of result is.
    for name, value in (("WRITE_S", 0.0), ("WRITE_SHARE", 0.0), ("WORTH_BYTES_PER_S", 1e12)):
        monkeypatch.setattr(kept_results, name, value)
    add, n_added, n_stopped = KeptResults.add, 0, 0

    def add_some(self: KeptResults, call: int, number: int, result: object) -> object:
        nonlocal n_added
        added = add(self, call, number, result)
        n_added += 1
        if n_added in STOPPED_AFTER:
            raise StoppedError
        return added

    monkeypatch.setattr(KeptResults, "add", add_some)
    sorting = None
    while sorting is None:
        try:
            sorting = sort(recording, PROBE, settings, motion=motion, resources=Resources(2, folder=tmp_path))
        except StoppedError:
            n_stopped += 1
    assert n_stopped >= 3
    assert differing(sorting, whole) == []
