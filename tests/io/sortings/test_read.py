"""Every format that can be compared is read as the same sorting; what is no sorting gets a sentence."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from make_motion import make_moving_sorting
from make_sides import HZ, N_CONTACTS, PEAK, Small, small, traces, write_npz, write_phy, write_pykilosort, write_rez
from make_sorting import SAMPLING_HZ, make_sorting

from spikesieve.api.compare import compare
from spikesieve.errors import InputError
from spikesieve.io.plain_pickle import read_plain_dict
from spikesieve.io.recordings.binary import recording_from_array
from spikesieve.io.results.folder import write_result
from spikesieve.io.results.provenance import RunRecord
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.model.external import ExternalSorting

SMALL = small()


def other_sorting(place: Path) -> Path:
    return write_npz(place / "other.npz", SMALL)


TIME = datetime(2024, 2, 3, tzinfo=UTC)


def spikeinterface_object(what: Small) -> object:
    from spikeinterface import NumpySorting

    return NumpySorting.from_samples_and_labels([what.sample], [what.unit], HZ)


def saved_by_spikeinterface(place: Path, what: Small) -> Path:
    spikeinterface_object(what).save(folder=place / "saved")
    return place / "saved"


FORMATS = {
    "Phy": lambda place: write_phy(place / "phy", SMALL),
    "rez.mat": lambda place: write_rez(place / "rez.mat", SMALL),
    "folder with rez.mat": lambda place: write_rez(place / "matlab" / "rez.mat", SMALL).parent,
    "pykilosort": lambda place: write_pykilosort(place / "context", SMALL),
    "SpikeInterface": lambda place: spikeinterface_object(SMALL),
    "saved by SpikeInterface": lambda place: saved_by_spikeinterface(place, SMALL),
    "npz": lambda place: write_npz(place / "spikes.npz", SMALL),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_spikes_are_the_same_in_every_format(kind: str, tmp_path: Path) -> None:
    sorting = read_any_sorting(FORMATS[kind](tmp_path))
    np.testing.assert_array_equal(sorting.trains.sample, SMALL.sample)
    np.testing.assert_array_equal(sorting.trains.units[sorting.trains.unit], SMALL.unit)
    assert sorting.sampling_hz == HZ


@pytest.mark.parametrize("kind", ["Phy", "rez.mat", "pykilosort"])
def test_templates_are_those_before_the_whitening(kind: str, tmp_path: Path) -> None:
    found = read_any_sorting(FORMATS[kind](tmp_path)).waveforms
    assert found is not None
    np.testing.assert_allclose(found.values, SMALL.raw, atol=1e-4)
    assert (found.peak_index, found.scale) == (PEAK, "raw numbers")


@pytest.mark.parametrize("kind", ["rez.mat", "pykilosort"])
def test_batches_and_drift_of_the_intermediates(kind: str, tmp_path: Path) -> None:
    steps = read_any_sorting(FORMATS[kind](tmp_path)).intermediates
    np.testing.assert_array_equal(steps.iorig, SMALL.iorig)
    np.testing.assert_allclose(steps.ccb0, SMALL.ccb)
    np.testing.assert_allclose(steps.ccbsort, SMALL.ccb[np.ix_(SMALL.iorig, SMALL.iorig)])
    np.testing.assert_allclose(steps.whitening, SMALL.Wrot)
    assert steps.drift is not None
    assert (steps.drift.displacement_um.shape, steps.drift.depth_um.tolist()) == ((8, 1), [60.0])


def test_texts_of_a_rez_are_read_from_their_character_codes(tmp_path: Path) -> None:
    proc = tmp_path / "temp_wh.dat"
    traces().tofile(proc)
    sorting = read_any_sorting(write_rez(tmp_path / "rez.mat", SMALL, proc))
    assert sorting.raw is not None
    assert (sorting.raw.paths, sorting.raw.n_channels) == (("/gone/raw.bin",), N_CONTACTS)
    assert sorting.intermediates.traces is not None
    np.testing.assert_array_equal(sorting.intermediates.traces.read(10, 20), traces()[10:20])


def test_clusters_merged_in_phy_have_the_mean_of_their_templates(tmp_path: Path) -> None:
    folder = write_phy(tmp_path / "phy", SMALL)
    np.save(folder / "spike_clusters.npy", np.where(SMALL.unit == 1, 0, SMALL.unit))
    sorting = read_any_sorting(folder)
    assert sorting.trains.units.tolist() == [0, 2, 3]
    n = np.bincount(SMALL.unit)
    mean = (n[0] * SMALL.raw[0] + n[1] * SMALL.raw[1]) / (n[0] + n[1])
    assert sorting.waveforms is not None
    np.testing.assert_allclose(sorting.waveforms.values[0], mean, atol=1e-4)


def test_our_own_result_comes_with_everything(tmp_path: Path) -> None:
    sorting = make_sorting()
    recording = recording_from_array(np.zeros((600_000, 25), np.int16), SAMPLING_HZ)
    write_result(tmp_path, sorting, recording, RunRecord("kilosort4", {}, {}, TIME, TIME))
    found = read_any_sorting(tmp_path)
    assert_same_sorting(found, read_any_sorting(sorting))
    assert found.raw is not None
    assert found.raw.n_channels == 25
    np.testing.assert_allclose(found.intermediates.whitening, sorting.whitening, atol=1e-6)
    assert found.unit_snr is not None
    np.testing.assert_allclose(found.unit_snr, [unit.snr for unit in sorting.units], rtol=1e-3)


def test_the_drift_of_our_result_is_that_which_was_used(tmp_path: Path) -> None:
    sorting = make_moving_sorting(2, decisions=("use", "refuse"))
    recording = recording_from_array(np.zeros((600_000, 49), np.int16), SAMPLING_HZ)
    write_result(tmp_path, sorting, recording, RunRecord("kilosort4", {}, {}, TIME, TIME))
    assert sorting.motion is not None
    for source in (tmp_path, sorting):
        drift = read_any_sorting(source).intermediates.drift
        assert drift is not None
        np.testing.assert_array_equal(drift.displacement_um, np.hstack(list(sorting.motion.um)))
        assert drift.names == tuple(f"shank {k}, {y} µm" for k in (0, 2) for y in (0, 230, 460))
    np.save(tmp_path / "spike_clusters.npy", np.where(sorting.spikes.unit == 1, 0, sorting.spikes.unit))
    curated = read_any_sorting(tmp_path).intermediates.drift
    assert curated is not None
    assert curated.displacement_um.shape == (20, 6)


def assert_same_sorting(a: ExternalSorting, b: ExternalSorting) -> None:
    np.testing.assert_array_equal(a.trains.sample, b.trains.sample)
    np.testing.assert_array_equal(a.trains.unit, b.trains.unit)
    np.testing.assert_array_equal(a.amplitude, b.amplitude)
    assert a.waveforms is not None
    assert b.waveforms is not None
    np.testing.assert_array_equal(a.waveforms.values, b.waveforms.values)


class Harmful:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    content = {"dshift": np.arange(3.0), "n": np.int64(4), "where": harm, "bad": Harmful(harm)}
    np.save(tmp_path / "ops.npy", np.array(content, dtype=object), allow_pickle=True)
    found = read_plain_dict(tmp_path / "ops.npy")
    assert not harm.exists()
    np.testing.assert_array_equal(found["dshift"], np.arange(3.0))
    assert found["n"] == 4
    (tmp_path / "ops.npy").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match=r"ops\.npy cannot be read"):
        read_plain_dict(tmp_path / "ops.npy")


def test_kilosort4_drift_is_read_from_its_ops(tmp_path: Path) -> None:
    folder = write_phy(tmp_path / "phy", SMALL)
    ops = {"dshift": np.ones((5, 2)), "yblk": np.array([100.0, 200.0]), "batch_size": 60_000}
    np.save(folder / "ops.npy", np.array(ops, dtype=object), allow_pickle=True)
    drift = read_any_sorting(folder).intermediates.drift
    assert drift is not None
    assert drift.time_s.tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert (drift.displacement_um == -np.ones((5, 2))).all()  # the movement, not the shift that undoes it


# Faults of a few spikes


EARLY = replace(SMALL, sample=np.concatenate([[-12, -7, -1], SMALL.sample[3:]]))


def early_phy(place: Path, dtype: str = "i8") -> Path:
    """A Phy folder with three spikes before the recording; with unsigned times these are huge."""
    folder = write_phy(place / "phy", EARLY)
    np.save(folder / "spike_times.npy", EARLY.sample.astype(dtype)[:, None])
    np.save(folder / "spike_positions.npy", np.stack([np.zeros(300), np.arange(300.0)], axis=1))
    return folder


EARLY_FILES = {
    "Phy": early_phy,
    "Phy with unsigned times": lambda place: early_phy(place, "u8"),
    "npz": lambda place: write_npz(place / "a.npz", EARLY),
    "rez.mat": lambda place: write_rez(place / "rez.mat", EARLY),
    "pykilosort": lambda place: write_pykilosort(place / "phy", EARLY),
}


@pytest.mark.parametrize("kind", EARLY_FILES)
def test_spikes_before_the_recording_are_left_out_and_counted(kind: str, tmp_path: Path) -> None:
    found = read_any_sorting(EARLY_FILES[kind](tmp_path))
    assert found.trains.sample.tolist() == SMALL.sample[3:].tolist()
    assert found.trains.units[found.trains.unit].tolist() == SMALL.unit[3:].tolist()
    if found.amplitude is not None:
        np.testing.assert_allclose(found.amplitude, SMALL.amplitude[3:], rtol=1e-6)
    assert sum("3 of 300 spikes lie before sample 0 and are left out" in note for note in found.notes) == 1


def test_depths_are_those_of_the_spikes_that_stay(tmp_path: Path) -> None:
    found = read_any_sorting(early_phy(tmp_path))
    rows = np.arange(300)[3:]
    expected = [rows[SMALL.unit[3:] == unit].mean() for unit in found.trains.units]
    np.testing.assert_allclose(found.unit_depth_um, expected)


def fewer_templates(place: Path, kind: str) -> Path:
    """The templates of units 0 and 1 only, of four."""
    if kind == "rez.mat":
        return write_rez(place / "rez.mat", replace(SMALL, W=SMALL.W[:, :2], U=SMALL.U[:, :2], mu=SMALL.mu[:2]))
    if kind == "pykilosort":
        return write_pykilosort(place, replace(SMALL, W=SMALL.W[:, :2], U=SMALL.U[:, :2], mu=SMALL.mu[:2]))
    folder = write_phy(place / "phy", SMALL)
    np.save(folder / "templates.npy", SMALL.white[:2])
    return folder


@pytest.mark.parametrize("kind", ["Phy", "rez.mat", "pykilosort"])
def test_units_without_a_template_are_compared_by_their_spikes(kind: str, tmp_path: Path) -> None:
    found = read_any_sorting(fewer_templates(tmp_path, kind))
    whole = read_any_sorting(write_phy(tmp_path / "whole", SMALL))
    assert found.trains.units.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.waveforms.values[:2], whole.waveforms.values[:2], rtol=1e-4, atol=1e-4)
    assert not found.waveforms.values[2:].any()
    if found.unit_depth_um is not None:
        assert np.isnan(found.unit_depth_um).tolist() == [False, False, True, True]
    n_lost = int((SMALL.unit > 1).sum())
    assert any(f"{n_lost} of 300 spikes have a template that is not among the 2" in note for note in found.notes)
    pair = compare(tmp_path / "whole", found).each_other
    assert len(pair.relations.pairs) == 4
    assert np.isfinite(pair.template_similarity.similarity).all()


# What is no sorting


def broken_npz(place: Path) -> Path:
    (place / "a.npz").write_bytes(b"PK no")
    return place / "a.npz"


def other_npz(place: Path) -> Path:
    np.savez(place / "a.npz", voltages=np.zeros(3))
    return place / "a.npz"


def no_rate(place: Path) -> Path:
    np.savez(place / "a.npz", spike_times=np.arange(3), spike_clusters=np.arange(3))
    return place / "a.npz"


def seconds(place: Path) -> Path:
    np.savez(place / "a.npz", spike_times=np.array([0.5, 1.5]), spike_clusters=np.array([0, 0]), sampling_hz=HZ)
    return place / "a.npz"


def empty(place: Path) -> Path:
    return write_npz(place / "a.npz", small(n_spikes=0))


def other_lengths(place: Path) -> Path:
    folder = write_phy(place / "phy", SMALL)
    np.save(folder / "amplitudes.npy", np.ones(7))
    return folder


def old_mat(place: Path) -> Path:
    from scipy.io import savemat

    savemat(place / "rez.mat", {"rez": {"st3": np.zeros((3, 5))}})
    return place / "rez.mat"


def two_runs(place: Path) -> Path:
    write_pykilosort(place / "context", SMALL)
    (place / "context" / ".kilosort" / "raw").rename(place / "context" / ".kilosort" / "one")
    other = place / "context" / ".kilosort" / "two"
    other.mkdir()
    np.save(other / "st3.npy", np.zeros((3, 5)))
    return place / "context"


WRONG = {
    "nothing there": (lambda place: place / "none", "does not exist"),
    "folder without a sorting": (lambda place: place, "contains no sorting"),
    "broken npz": (broken_npz, "cannot be read as npz"),
    "npz of something else": (other_npz, "a.npz has voltages"),
    "npz without a rate": (no_rate, "no sampling_hz"),
    "times in seconds": (seconds, "must be integers"),
    "no spikes": (empty, "has no spikes"),
    "arrays of other lengths": (other_lengths, "7 rows"),
    "rez.mat before 7.3": (old_mat, "version 7.3"),
    "two pykilosort runs": (two_runs, "several pykilosort runs"),
    "a number": (lambda place: 5, "A int cannot be compared"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_sorting_gets_a_sentence(case: str, tmp_path: Path) -> None:
    make, says = WRONG[case]
    with pytest.raises(InputError, match=says):
        read_any_sorting(make(tmp_path))


def mangled(kind: str, values: np.ndarray) -> np.ndarray:
    if kind == "nothing":
        return values[:0]
    if kind == "a number":
        return np.float64(3)
    if kind == "short":
        return values[:-1]
    return values.astype(str) if kind == "text" else values[None]


@pytest.mark.parametrize("kind", ["nothing", "a number", "short", "text", "one more axis"])
@pytest.mark.parametrize("write", [write_phy, write_pykilosort])
def test_a_damaged_array_gives_a_sentence_or_is_not_needed(write: Callable, kind: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "folder", SMALL)
    n_refused = 0
    for path in sorted(folder.rglob("*.npy")):
        whole = np.load(path)
        np.save(path, mangled(kind, whole))
        try:  # any other error fails the test
            compare(folder, other_sorting(tmp_path))
        except InputError:
            n_refused += 1
        np.save(path, whole)
    # Where all of a spike list is one shorter, a pykilosort folder is still whole.
    assert n_refused >= (kind != "short")


def test_without_h5py_a_rez_is_refused_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_rez(tmp_path / "rez.mat", SMALL)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"spikesieve\[matlab\]"):
        read_any_sorting(path)
