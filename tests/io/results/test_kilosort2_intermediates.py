"""The HDF5 file of intermediate results: read as written, as a sorting, beside a result, and against a rez.mat."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from make_sides import write_rez_arrays
from needed import needed_module

from spikesieve.errors import InputError, OutputError
from spikesieve.io.results.kilosort2_intermediates import (
    FILE_NAME,
    add_saved_intermediates,
    read_intermediates,
    write_intermediates,
)
from spikesieve.io.sortings.read import read_any_sorting
from spikesieve.model.external import ExternalSorting, SorterIntermediates, trains_in_time_order

needed_module("h5py", "packages")

N_CONTACTS, N_UNITS, N_SPIKES, N_BATCHES = 6, 3, 50, 8


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    ccb0 = rng.standard_normal((N_BATCHES, N_BATCHES))
    iorig = rng.permutation(N_BATCHES)
    W, U = rng.standard_normal((61, N_UNITS, 3)), rng.standard_normal((N_CONTACTS, N_UNITS, 3))
    size = np.linalg.norm(np.einsum("tkr,ckr->ktc", W, U), axis=(1, 2))
    sample = np.sort(rng.integers(0, 90_000, N_SPIKES))
    columns = (
        sample,
        rng.integers(0, N_UNITS, N_SPIKES),
        rng.uniform(10, 20, N_SPIKES),
        sample * 0 + 90,
        sample // 11_250,
    )
    return {
        "fs": np.array(30_000.0),
        "NT": np.array(11_250),
        "chanMap": np.arange(N_CONTACTS) + 2,
        "xc": np.zeros(N_CONTACTS),
        "yc": 20.0 * np.arange(N_CONTACTS),
        "kcoords": np.zeros(N_CONTACTS, np.int64),
        "Wrot": np.eye(N_CONTACTS) + 0.1 * rng.standard_normal((N_CONTACTS, N_CONTACTS)),
        "ccb0": ccb0,
        "ccbsort": ccb0[iorig][:, iorig],
        "iorig": iorig,
        "dshift": rng.standard_normal((N_BATCHES, 2)),
        "yblk": np.array([20.0, 80.0]),
        "W": W,
        "U": U / size[None, :, None],
        "mu": rng.uniform(10, 20, N_UNITS),
        "st3": np.column_stack(columns).astype(np.float64),
        "cProj": rng.standard_normal((N_SPIKES, 30_000)).astype(np.float32),  # large enough to be compressed
    }


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "result").mkdir()
    write_intermediates(tmp_path / "result" / FILE_NAME, arrays())
    return tmp_path / "result" / FILE_NAME


def test_what_is_written_is_read(saved):
    found = read_intermediates(saved)
    assert set(found) == set(arrays())
    for name, values in arrays().items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        assert found[name].dtype == values.dtype


def test_the_file_is_a_side_of_a_comparison(saved):
    side, wanted = read_any_sorting(saved), arrays()
    np.testing.assert_array_equal(side.trains.sample, wanted["st3"][:, 0])
    np.testing.assert_array_equal(side.trains.units[side.trains.unit], wanted["st3"][:, 1])
    assert side.sampling_hz == 30_000
    assert side.channels.tolist() == wanted["chanMap"].tolist()
    np.testing.assert_array_equal(side.intermediates.ccb0, wanted["ccb0"])
    np.testing.assert_array_equal(side.intermediates.ccbsort, wanted["ccbsort"])
    np.testing.assert_array_equal(side.intermediates.iorig, wanted["iorig"])
    np.testing.assert_array_equal(side.intermediates.drift.displacement_um, -wanted["dshift"])
    white = np.einsum("dc,ktc->ktd", wanted["Wrot"], side.waveforms.values)
    templates = np.einsum("tkr,ckr,k->ktc", wanted["W"], wanted["U"], wanted["mu"])
    np.testing.assert_allclose(white, templates, atol=1e-4)


def test_the_same_arrays_in_a_rez_mat_are_the_same_side(saved, tmp_path):
    """Matlab counts from 1 and keeps x and y in columns; everything else has one shape and one meaning."""
    ours = arrays()
    theirs = {name: ours[name] for name in ("Wrot", "ccb0", "ccbsort", "W", "U")}
    theirs |= {"xc": ours["xc"][:, None], "yc": ours["yc"][:, None], "mu": ours["mu"][None]}
    theirs |= {"iorig": ours["iorig"][:, None] + 1, "ops/chanMap": ours["chanMap"][:, None] + 1}
    theirs |= {"st3": ours["st3"] + [0, 1, 0, 0, 1], "ops/fs": np.array([[30_000.0]])}
    theirs |= {"dshift": ours["dshift"], "yblk": ours["yblk"][None], "ops/NT": np.array([[11_250.0]])}
    write_rez_arrays(tmp_path / "rez.mat", theirs, {})
    a, b = read_any_sorting(saved), read_any_sorting(tmp_path / "rez.mat")
    np.testing.assert_array_equal(a.trains.sample, b.trains.sample)
    np.testing.assert_array_equal(a.intermediates.iorig, b.intermediates.iorig)
    np.testing.assert_array_equal(a.intermediates.ccbsort, b.intermediates.ccbsort)
    np.testing.assert_allclose(a.waveforms.values, b.waveforms.values, atol=1e-5)
    np.testing.assert_array_equal(a.intermediates.drift.displacement_um, b.intermediates.drift.displacement_um)


def a_side() -> ExternalSorting:
    trains, _, _ = trains_in_time_order(np.array([10, 20]), np.array([0, 1]), "result")
    return ExternalSorting(
        "result", "spikesieve result", trains, 30_000.0, intermediates=SorterIntermediates(whitening=np.eye(2))
    )


def test_a_result_folder_gets_the_steps_of_the_file_in_it(saved, tmp_path):
    with_intermediates = add_saved_intermediates(a_side(), saved.parent)
    np.testing.assert_array_equal(with_intermediates.intermediates.ccb0, arrays()["ccb0"])
    np.testing.assert_array_equal(with_intermediates.intermediates.whitening, np.eye(2))
    alone = a_side()
    assert add_saved_intermediates(alone, tmp_path) is alone
    saved.write_bytes(b"no HDF5")
    damaged = add_saved_intermediates(a_side(), saved.parent)
    assert damaged.intermediates.ccb0 is None
    assert "cannot be read as HDF5" in damaged.notes[0]


def test_a_damaged_or_foreign_file_is_refused_in_a_sentence(saved, tmp_path):
    write_intermediates(tmp_path / "other.h5", {"W": np.zeros(3)})
    with pytest.raises(InputError, match=r"other.h5 lacks st3, fs, U"):
        read_any_sorting(tmp_path / "other.h5")
    wrong = arrays() | {"st3": np.zeros((4, 3))}
    write_intermediates(saved, wrong)
    with pytest.raises(InputError, match="5 columns are needed"):
        read_any_sorting(saved)
    with pytest.raises(OutputError, match="cannot be written"):
        write_intermediates(tmp_path / "nowhere" / FILE_NAME, arrays())


def test_without_h5py_it_says_what_to_install(saved, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"pip install \"spikesieve\[matlab\]\""):
        read_intermediates(saved)
    with pytest.raises(OutputError, match=r"pip install \"spikesieve\[matlab\]\""):
        write_intermediates(tmp_path / FILE_NAME, arrays())
