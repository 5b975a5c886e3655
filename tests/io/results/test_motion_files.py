"""Drift on disk: what is written is read, what others wrote counts upwards, and what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_motion import make_motion, make_moving_sorting
from make_sorting import SAMPLING_HZ, make_probe, make_sorting
from needed import needed_module

from spikesieve.errors import InputError
from spikesieve.geometry import places_on_probe_um
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results import phy
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.motion_files import read_motion, read_motion_files, require_motion_fits, write_motion
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.results.read import read_provenance, read_sorting
from spikesieve.model import Motion, Sorting

RECORDING = recording_from_array(np.zeros((600_000, 49), np.int16), SAMPLING_HZ)
TIME = datetime(2024, 2, 3, tzinfo=UTC)
PROBE = make_probe()


def assert_same(one: Motion, other: Motion | None) -> None:
    assert other is not None
    for name in ("time_s", "depth_um", "shanks", "estimated_um", "se_um"):
        old, new = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(new, old, err_msg=name)
        assert new.dtype == old.dtype, name
    assert (other.decisions, other.why) == (one.decisions, one.why)


def written(folder: Path, sorting: Sorting) -> Path:
    folder.mkdir(exist_ok=True)
    write_result(folder, sorting, RECORDING, RunRecord("kilosort4", {}, {}, TIME, TIME))
    return folder


# ---- our own files


@pytest.mark.parametrize("decisions", [("use",), ("rigid", "refuse")])
def test_a_result_keeps_its_motion_bit_by_bit(tmp_path: Path, decisions: tuple[str, ...]) -> None:
    sorting = make_moving_sorting(len(decisions), decisions=decisions)
    assert sorting.motion is not None
    after = read_sorting(written(tmp_path, sorting)).motion
    assert_same(sorting.motion, after)
    # As an input of another sort it is the same, decisions included.
    assert_same(sorting.motion, read_motion(tmp_path, sorting.probe))


def test_the_files_have_the_axes_that_others_expect(tmp_path: Path) -> None:
    write_motion(tmp_path, make_motion())
    um, times, depths = (np.load(tmp_path / f"{name}.npy") for name in ("drift.um", "drift.times", "drift_depths.um"))
    assert um.shape == (len(times), len(depths)) == (20, 3)
    write_motion(tmp_path, make_motion(2))
    assert np.load(tmp_path / "drift.um.npy").shape == np.load(tmp_path / "drift_se.um.npy").shape == (2, 20, 3)


def test_a_result_without_motion_has_no_drift_files(tmp_path: Path) -> None:
    assert read_sorting(written(tmp_path, make_sorting())).motion is None
    assert not [path.name for path in tmp_path.iterdir() if "drift" in path.name or "on_probe" in path.name]
    assert read_provenance(tmp_path)["motion"] == []


def test_positions_are_written_in_the_tissue_and_on_the_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phy, "ROWS_PER_BLOCK", 300)
    sorting = make_moving_sorting(2, decisions=("use", "refuse"))
    spikes = sorting.spikes
    folder = written(tmp_path, sorting)
    tissue = np.load(folder / "spike_positions.npy")
    probe = np.load(folder / "spike_positions_on_probe.npy")
    np.testing.assert_array_equal(tissue, spikes.position_um)
    np.testing.assert_array_equal(probe[:, 0], tissue[:, 0])
    shank = np.array([unit.shank for unit in sorting.units])[spikes.unit]
    assert sorting.motion is not None
    moved = sorting.motion.at(spikes.sample / SAMPLING_HZ, tissue[:, 1].astype(np.float64), shank)
    np.testing.assert_allclose(probe[:, 1] - tissue[:, 1], moved, atol=1e-4)
    assert np.ptp(moved[shank == 0]) > 5
    assert (moved[shank == 2] == 0).all()


@pytest.mark.parametrize(("n_units", "n_spikes"), [(0, 0), (1, 1)])
def test_next_to_nothing_has_its_motion_too(tmp_path: Path, n_units: int, n_spikes: int) -> None:
    sorting = replace(make_sorting(n_units, n_spikes), motion=make_motion())
    folder = written(tmp_path, sorting)
    assert len(np.load(folder / "spike_positions_on_probe.npy")) == phy.MIN_ROWS
    assert len(read_sorting(folder).spikes) == n_spikes


def test_the_provenance_tells_what_was_decided_and_why(tmp_path: Path) -> None:
    sorting = make_moving_sorting(2, decisions=("use", "refuse"))
    first, second = read_provenance(written(tmp_path, sorting))["motion"]
    assert (first["shank"], first["decision"], second["decision"]) == (0, "use", "refuse")
    assert sorting.motion is not None
    assert first["why"] == sorting.motion.why[0]
    assert first["largest_displacement_um"] == pytest.approx(np.abs(sorting.motion.estimated_um[0]).max(), abs=1e-3)


@pytest.mark.parametrize("name", ["drift.um.npy", "drift_se.um.npy", "drift.times.npy", "drift_depths.um.npy"])
def test_a_file_that_is_gone_is_named(tmp_path: Path, name: str) -> None:
    write_motion(tmp_path, make_motion())
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}"):
        read_motion_files(tmp_path)


def test_a_decision_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    write_motion(tmp_path, make_motion())
    table = tmp_path / "drift_shanks.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",use,", ",perhaps,"), encoding="utf-8")
    with pytest.raises(InputError, match=r"the decision 'perhaps'\. Decisions can be use, rigid, refuse"):
        read_motion_files(tmp_path)


# ---- from elsewhere

TIME_S, DEPTH_UM = np.arange(0.5, 20), np.array([0.0, 100, 400])
UM = np.cumsum(np.random.default_rng(0).normal(0, 1, (20, 3)), axis=0)
GAPS = np.where(np.arange(60).reshape(20, 3) % 30 == 4, np.nan, UM)


def npz(folder: Path, **changes: Any) -> Path:
    arrays = {"displacement_um": UM, "time_s": TIME_S, "depth_um": DEPTH_UM, **changes}
    np.savez(folder / "motion.npz", **{name: value for name, value in arrays.items() if value is not None})
    return folder / "motion.npz"


def test_an_npz_is_used_with_median_zero(tmp_path: Path) -> None:
    motion = read_motion(npz(tmp_path), PROBE)
    np.testing.assert_allclose(motion.estimated_um[0], UM - np.median(UM, axis=0), atol=1e-5)
    assert motion.decisions == ("use",)
    assert motion.shanks.tolist() == [0]
    assert np.isinf(motion.se_um).all()
    assert motion.why[0].startswith("The motion was given in motion.npz, without standard errors.")
    with_error = read_motion(npz(tmp_path, se_um=np.full(UM.shape, 0.5)), PROBE)
    assert (with_error.se_um == 0.5).all()
    assert "without" not in with_error.why[0]


def test_one_movement_holds_for_every_shank(tmp_path: Path) -> None:
    motion = read_motion(npz(tmp_path), make_probe(24, 3))
    assert motion.shanks.tolist() == [0, 1, 2]
    assert motion.decisions == ("use",) * 3
    for um in motion.estimated_um[1:]:
        np.testing.assert_array_equal(um, motion.estimated_um[0])


def test_each_shank_gets_its_own_by_number(tmp_path: Path) -> None:
    both = np.stack([UM, 2 * UM])
    motion = read_motion(npz(tmp_path, displacement_um=both, shanks=np.array([5, 1])), make_probe(24, 2))
    assert motion.shanks.tolist() == [1, 5]
    np.testing.assert_allclose(motion.estimated_um[0], 2 * motion.estimated_um[1], atol=1e-5)
    by_order = read_motion(npz(tmp_path, displacement_um=both), make_probe(24, 2))
    assert by_order.shanks.tolist() == [0, 1]
    np.testing.assert_allclose(by_order.estimated_um[1], 2 * by_order.estimated_um[0], atol=1e-5)


WRONG = {
    "The two axes are swapped: give the times first": {"displacement_um": UM.T},
    r"has the shape \(20,\)": {"displacement_um": UM[:, 0]},
    r"has the shape \(20, 2\)": {"displacement_um": UM[:, :2]},
    "has 2 displacements that are not numbers": {"displacement_um": GAPS},
    "are no numbers": {"displacement_um": UM.astype(str)},
    "times in .* must be numbers that ascend": {"time_s": TIME_S[::-1]},
    "depths in .* must be numbers that ascend": {"depth_um": np.array([0, 100, np.nan])},
    "standard errors in .* must be one for each": {"se_um": -np.ones(UM.shape)},
    "standard error in .* has the shape": {"se_um": np.ones(4)},
    "but not time_s": {"time_s": None},
    "displacement of 2 shanks, but the probe": {"displacement_um": np.stack([UM, UM])},
    "names the shanks 1, 1": {"displacement_um": np.stack([UM, UM]), "shanks": np.array([1, 1])},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_an_npz_that_cannot_be_meant_is_refused_with_a_sentence(tmp_path: Path, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_motion(npz(tmp_path, **WRONG[sentence]), PROBE)


def test_other_files_are_refused_with_what_is_possible(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK no")
    np.save(tmp_path / "b.npy", UM)
    for name in ("a.npz", "b.npy", "nowhere.npz", "."):
        with pytest.raises(InputError, match="It can be an npz with displacement_um, time_s, depth_um"):
            read_motion(tmp_path / name, PROBE)


def test_drift_files_of_another_program_are_not_guessed(tmp_path: Path) -> None:
    for name, values in (("drift.um", UM), ("drift.times", TIME_S), ("drift_depths.um", DEPTH_UM)):
        np.save(tmp_path / f"{name}.npy", values)
    with pytest.raises(InputError, match="by another program, which may count downwards"):
        read_motion(tmp_path, PROBE)


FIT = {
    r"has shank 0, but the probe .* also has 1": {"shanks": 2},
    "but .* lasts from 0 to 20 s": {"time_s": TIME_S * 1000},
    "times from -30 to": {"time_s": TIME_S - 30.5},
    "all outside the probe": {"depth_um": DEPTH_UM + 5000},
}


@pytest.mark.parametrize("sentence", FIT)
def test_what_does_not_fit_the_recording_or_the_probe_is_refused(tmp_path: Path, sentence: str) -> None:
    changes = dict(FIT[sentence])
    probe = make_probe(24, changes.pop("shanks", 1))
    motion = read_motion(npz(tmp_path, **changes), PROBE)
    with pytest.raises(InputError, match=sentence):
        require_motion_fits(motion, probe, RECORDING)


def test_the_middle_of_a_last_step_may_lie_after_the_end(tmp_path: Path) -> None:
    time_s = np.array([4.5, 13.5, 22.5])  # steps of 9 s, the last of which is cut off by the end
    um = np.zeros((len(time_s), 1))
    motion = read_motion(npz(tmp_path, displacement_um=um, time_s=time_s, depth_um=np.array([9e9])), PROBE)
    require_motion_fits(motion, PROBE, RECORDING)


# ---- SpikeInterface


def spikeinterface_motion(**changes: Any) -> Any:
    core = needed_module("spikeinterface.core.motion", "packages")
    return core.Motion(**{"displacement": UM, "temporal_bins_s": TIME_S, "spatial_bins_um": DEPTH_UM, **changes})


def test_spikeinterface_counts_upwards_as_we_do(tmp_path: Path) -> None:
    """Spikes at rest in the tissue are where SpikeInterface puts the spikes that were seen on the probe."""
    theirs = spikeinterface_motion()
    theirs.save(tmp_path / "motion")
    ours = read_motion(tmp_path / "motion", PROBE)
    assert ours.decisions == ("use",)
    motion_of = needed_module("spikeinterface.sortingcomponents.motion.motion_interpolation", "packages")
    sorting = replace(make_sorting(6, 500), motion=ours)
    places = places_on_probe_um(sorting, slice(None))
    peaks = np.zeros(500, [("sample_index", "int64"), ("segment_index", "int64")])
    peaks["sample_index"] = sorting.spikes.sample
    seen = np.zeros(500, [("x", "float64"), ("y", "float64")])
    seen["x"], seen["y"] = places.T
    core = needed_module("spikeinterface.core", "packages")
    recording = core.NumpyRecording([np.zeros((600_000, 1), np.float32)], SAMPLING_HZ)
    recording.set_dummy_probe_from_locations(np.zeros((1, 2)))
    corrected = motion_of.correct_motion_on_peaks(peaks, seen, theirs, recording)["y"]
    # They take the displacement where the spike was seen, we where it rests, and ours has median 0.
    shift = np.interp(sorting.spikes.position_um[:, 1], DEPTH_UM, np.median(UM, axis=0))
    np.testing.assert_allclose(corrected + shift, sorting.spikes.position_um[:, 1], atol=0.3)
    assert np.abs(seen["y"] - sorting.spikes.position_um[:, 1]).max() > 2


def test_what_spikeinterface_can_hold_and_we_cannot_use_is_said(tmp_path: Path) -> None:
    spikeinterface_motion(direction="x").save(tmp_path / "x")
    two = {"displacement": [UM, UM], "temporal_bins_s": [TIME_S, TIME_S]}
    spikeinterface_motion(**two).save(tmp_path / "two")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "spikeinterface_info.json").write_text(json.dumps({"object": "Recording"}))
    for name, sentence in (("x", "is along 'x'"), ("two", "has 2 segments"), ("other", "contains a Recording")):
        with pytest.raises(InputError, match=sentence):
            read_motion(tmp_path / name, PROBE)
