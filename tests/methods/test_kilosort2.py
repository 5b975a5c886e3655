"""What only the method kilosort2 does as a whole: drift followed along an order, or registered; steps kept."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from same_bytes import PARAMS as STILL
from same_bytes import differing, n_near
from scipy.stats import spearmanr

from spikesieve.api.sort import open_run
from spikesieve.engine.source import Source
from spikesieve.engine.store import Store
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.methods import kilosort2
from spikesieve.model import Sorting
from spikesieve.passes.kilosort2.batches import BatchedSource
from spikesieve.passes.kilosort2.intermediates import read_intermediates
from spikesieve.passes.kilosort2.tracking import lessons
from spikesieve.passes.saved_traces import source_as_sorted
from spikesieve.settings.kilosort2 import Kilosort2Params
from spikesieve.settings.sort import Settings
from spikesieve.simulation import Truth, simulate_array

HZ = 30_000.0
PROBE = "linear:12:25"
SHORT = Kilosort2Params(batch_samples=20_000)
MOVING = STILL.model_copy(update={"seconds": 12.0, "drift_zigzag_um": 24.0, "drift_zigzag_period_s": 6.0})


def sort(
    samples: np.ndarray, folder: Path, params: Kilosort2Params = SHORT, n_jobs: int = 2, probe: str = PROBE
) -> tuple[Sorting, Mapping[str, np.ndarray]]:
    recording = recording_from_array(samples, HZ, STILL.gain_uv)
    settings = Settings(kilosort2=params)
    source = Source.of(recording, read_probe(probe), settings.preprocess, 60_000)
    with open_run(n_jobs, Store.open(folder)) as run:
        found = kilosort2.sort(run, source, settings)
        source = source_as_sorted(run.store, source)
        batched = BatchedSource(source, run.store.read("shapes"), params, settings.detect)
        return found, read_intermediates(run.store, batched)


def n_found(sorting: Sorting, truth: Truth, n_units: int) -> int:
    trains = [sorting.spikes.sample[sorting.spikes.unit == k] for k in range(len(sorting.units))]
    found = 0
    for unit in range(n_units):
        true = truth.sample[truth.unit == unit]
        found += any(n_near(true, t, 12) / (len(true) + len(t) - n_near(true, t, 12)) > 0.8 for t in trains)
    return found


@pytest.fixture(scope="module")
def moving() -> tuple[np.ndarray, Truth]:
    return simulate_array(read_probe(PROBE), MOVING)


@pytest.fixture(scope="module")
def sorted_moving(moving, tmp_path_factory) -> tuple[Sorting, Mapping[str, np.ndarray]]:
    return sort(moving[0], tmp_path_factory.mktemp("moving"))


def test_one_worker_gives_the_same_bytes_along_an_order(moving, sorted_moving, tmp_path):
    one, kept = sort(moving[0], tmp_path, n_jobs=1)
    assert differing(one, sorted_moving[0]) == []
    assert kept.keys() == sorted_moving[1].keys()
    for name, values in sorted_moving[1].items():
        np.testing.assert_array_equal(kept[name], values, err_msg=name)


def test_batches_are_ordered_by_the_displacement_and_units_followed_through_it(moving, sorted_moving):
    sorting, kept = sorted_moving
    middle_s = (kept["batch_start"] + SHORT.batch_samples / 2) / HZ
    true = np.interp(middle_s, moving[1].displacement_time_s, moving[1].displacement_um[0, :, 0])
    assert np.ptp(true) > 10
    assert abs(spearmanr(kept["place"], true).statistic) > 0.9
    assert n_found(sorting, moving[1], MOVING.n_units) >= 4
    assert any("Batches were put in order" in note for note in sorting.notes)


def test_the_order_of_time_can_be_kept(moving, sorted_moving, tmp_path):
    sorting, kept = sort(moving[0], tmp_path, SHORT.model_copy(update={"reorder": False}))
    of_the_order = {"ccb", "ccb0", "ccbsort", "iorig", "place"}
    assert set(sorted_moving[1]) - set(kept) == of_the_order
    assert set(kept) <= set(sorted_moving[1])
    assert not any("order" in note for note in sorting.notes)
    batch = np.searchsorted(kept["batch_start"], sorting.spikes.sample, side="right") - 1
    assert (kept["st3"][:, 4] == batch).mean() > 0.99
    assert n_found(sorting, moving[1], MOVING.n_units) >= 4


def test_drift_can_be_registered_instead(moving, tmp_path):
    sorting, kept = sort(moving[0], tmp_path, SHORT.model_copy(update={"drift": "register"}))
    assert sorting.motion is not None
    assert kept["dshift"].shape == (len(kept["batch_start"]), len(kept["yblk"]))
    assert "ccb" not in kept
    assert n_found(sorting, moving[1], MOVING.n_units) >= 3


def test_intermediate_results_are_those_of_the_units(sorted_moving):
    sorting, kept = sorted_moving
    n, n_units, n_contacts = len(sorting.spikes), len(sorting.units), sorting.probe.n_contacts
    n_batches = len(kept["batch_start"])
    shapes = {
        "Wrot": (n_contacts, n_contacts),
        **dict.fromkeys(("ccb", "ccb0", "ccbsort"), (n_batches, n_batches)),
        "iorig": (n_batches,),
        "W": (61, n_units, 3),
        "U": (n_contacts, n_units, 3),
        "mu": (n_units,),
        "dWU": (61, n_contacts, n_units),
        "st3": (n, 5),
        "simScore": (n_units, n_units),
        "iNeigh": (32, n_units),
        "cProj": (n, 32),
    }
    assert {name: kept[name].shape for name in shapes} == shapes
    np.testing.assert_array_equal(kept["ccbsort"], kept["ccb0"][kept["iorig"]][:, kept["iorig"]])
    np.testing.assert_array_equal(kept["st3"][:, 0], sorting.spikes.sample)
    np.testing.assert_array_equal(kept["st3"][:, 1], sorting.spikes.unit)
    batch = np.searchsorted(kept["batch_start"], sorting.spikes.sample, side="right") - 1
    # Only a spike whose time moved to the trough across an edge lies in another batch.
    assert (kept["st3"][:, 4] == batch).mean() > 0.99
    rebuilt = np.einsum("tkr,ckr->tck", kept["W"], kept["U"])
    np.testing.assert_allclose(np.sqrt((rebuilt**2).sum(axis=(0, 1))), 1.0, atol=0.05)
    for k in range(n_units):
        alike = (rebuilt[:, :, k] * kept["dWU"][:, :, k]).sum() / np.linalg.norm(kept["dWU"][:, :, k])
        assert alike > 0.95
    # A spike projects most on its own template, which is its first neighbour.
    assert (kept["iNeigh"][0] == np.arange(n_units)).all()
    assert (kept["cProj"].argmax(axis=1) == 0).mean() > 0.9


@pytest.mark.parametrize("drift", ["order", "register"])
@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_lessons_reach_every_part_of_the_order(n, drift):
    tour = lessons(n, drift)
    assert set(tour) <= set(range(n))
    assert 60 <= len(tour) <= max(2 * 60 + 4, n + 6)
    assert min(tour) <= n // 20
    assert max(tour) >= n - 1 - n // 20
    if drift == "order":
        assert tour[0] == tour[-1] == n // 2
        assert max(abs(a - b) for a, b in pairwise(tour)) <= 2
