"""A probe that moves: spikes and templates follow the tissue, and so does the result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spikesieve.api.sort import Resources, sort
from spikesieve.io.probes.read import read_probe
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.model import Motion, Sorting
from spikesieve.settings.sort import Settings
from spikesieve.simulation import SimulationParams, simulate_array

HZ = 30_000.0
PARAMS = SimulationParams(
    n_units=5,
    seconds=16.0,
    seed=2,
    rate_hz=15.0,
    amplitude_uv=180.0,
    background_per_unit=1.0,
    drift_zigzag_um=24.0,
    drift_zigzag_period_s=16.0,
)
PROBE = read_probe("neuropixels1:32")


@pytest.fixture(scope="module")
def simulated():
    return simulate_array(PROBE, PARAMS)


def true_motion(truth) -> Motion:
    um = truth.displacement_um - np.median(truth.displacement_um, axis=1, keepdims=True)
    shape = um.shape
    return Motion(
        truth.displacement_time_s,
        truth.displacement_depth_um,
        np.unique(PROBE.shanks),
        um.astype(np.float32),
        np.ones(shape, np.float32),
        ("use",) * shape[0],
        ("It is the truth.",) * shape[0],
    )


def sorted_with(simulated, folder: Path, mode: str, n_jobs: int = 2) -> Sorting:
    """Sorted with the true displacement given."""
    samples, truth = simulated
    recording = recording_from_array(samples, HZ, PARAMS.gain_uv)
    settings = Settings().with_overrides([f"motion.mode={mode}"])
    settings = settings.with_overrides(["method=kilosort4"])
    resources = Resources(n_jobs, folder=folder)
    return sort(recording, PROBE, settings, motion=None if mode == "off" else true_motion(truth), resources=resources)


@pytest.fixture(scope="module")
def by_mode(simulated, tmp_path_factory) -> dict[str, Sorting]:
    return {
        mode: sorted_with(simulated, tmp_path_factory.mktemp(mode), mode) for mode in ("templates", "traces", "off")
    }


def accuracies(sorting: Sorting, truth) -> np.ndarray:
    """(n_true,) best accuracy of each true unit."""
    out = np.zeros(PARAMS.n_units)
    for unit in range(PARAMS.n_units):
        true = truth.sample[truth.unit == unit]
        for k in range(len(sorting.units)):
            mine = sorting.spikes.sample[sorting.spikes.unit == k]
            n = (np.searchsorted(mine, true + 12, side="right") > np.searchsorted(mine, true - 12)).sum()
            out[unit] = max(out[unit], n / (len(true) + len(mine) - n))
    return out


@pytest.mark.parametrize("mode", ["templates", "traces"])
def test_units_are_found_although_the_tissue_moves(by_mode, simulated, mode):
    assert np.count_nonzero(accuracies(by_mode[mode], simulated[1]) > 0.8) >= 4


def test_moving_templates_follow_better_than_standing_ones(by_mode, simulated):
    found = {mode: accuracies(sorting, simulated[1]).mean() for mode, sorting in by_mode.items()}
    assert found["templates"] > found["off"]


def test_positions_are_those_at_rest(by_mode, simulated):
    truth, sorting = simulated[1], by_mode["templates"]
    best = accuracies(sorting, truth)
    well_found = np.flatnonzero(best > 0.9)
    assert len(well_found) >= 4
    for unit in well_found:
        true = truth.sample[truth.unit == unit]
        k = np.argmax(
            [np.isin(sorting.spikes.sample[sorting.spikes.unit == j], true).sum() for j in range(len(sorting.units))]
        )
        mine = sorting.spikes.unit == k
        moved = sorting.motion.at(
            sorting.spikes.sample[mine] / HZ, np.full(mine.sum(), 100.0), np.zeros(mine.sum(), int)
        )
        depth = sorting.spikes.position_um[mine, 1]
        assert np.ptp(moved) > 15
        # Of the 24 um that the unit travels on the probe, next to nothing is left.
        slope = np.polyfit(moved, depth, 1)[0]
        assert abs(slope) < 0.35


def test_the_motion_is_part_of_the_result(by_mode):
    assert by_mode["templates"].motion.um.any()
    assert by_mode["traces"].motion.um.any()
    assert not by_mode["off"].motion.um.any()


def test_one_worker_gives_the_bytes_of_two(by_mode, simulated, tmp_path):
    one, two = sorted_with(simulated, tmp_path, "templates", n_jobs=1), by_mode["templates"]
    for name in ("sample", "unit", "amplitude", "position_um", "features"):
        mine, other = (np.asarray(getattr(each.spikes, name)) for each in (one, two))
        assert mine.tobytes() == other.tobytes()
    assert one.templates.uv.tobytes() == two.templates.uv.tobytes()


def test_nblocks_0_is_no_motion(simulated):
    recording = recording_from_array(simulated[0][: int(4 * HZ)], HZ, PARAMS.gain_uv)
    sorting = sort(recording, PROBE, Settings.from_kilosort4({"nblocks": 0}))
    assert sorting.motion.decisions == ("refuse",)


def test_the_method_sieve_finds_the_units_as_well(simulated):
    recording = recording_from_array(simulated[0], HZ, PARAMS.gain_uv)
    sorting = sort(recording, PROBE, Settings().with_overrides(["method=sieve"]))
    assert np.count_nonzero(accuracies(sorting, simulated[1]) > 0.8) >= 3
