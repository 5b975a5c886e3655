"""Probes in Kilosort4's form."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from spikesieve import InputError, read_probe
from spikesieve.kilosort import install, io, utils


def test_a_probe_survives_a_file(tmp_path):
    probe = io.load_probe("neuropixels2:96")
    io.save_probe(probe, tmp_path / "probe.json")
    again = io.load_probe(tmp_path / "probe.json")
    assert set(again) == {"chanMap", "xc", "yc", "kcoords", "n_chan"}
    for name, value in probe.items():
        np.testing.assert_array_equal(again[name], value)
    with pytest.raises(InputError, match=r"\.json"):
        io.save_probe(probe, tmp_path / "probe.mat")


def test_channels_and_shanks_are_left_out():
    probe = {"chanMap": np.arange(4), "xc": np.zeros(4), "yc": np.arange(4.0), "kcoords": np.array([0, 0, 1, 1])}
    assert io.select_shank(probe, 1)["chanMap"].tolist() == [2, 3]
    left = io.remove_bad_channels(probe, [0, 3])
    assert left["yc"].tolist() == [1.0, 2.0]
    assert left["n_chan"] == 2


def test_probes_are_written_without_a_download(tmp_path):
    utils.download_probes(tmp_path / "probes")
    read = io.load_probe(tmp_path / "probes" / "NeuroPix1_default.mat")
    np.testing.assert_array_equal(read["chanMap"], read_probe("neuropixels1:384").channels)
    assert utils.PROBE_DIR.name == "probes"


def test_import_kilosort_is_ours(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "kilosort"]:
        monkeypatch.delitem(sys.modules, name)
    install()
    import kilosort
    import kilosort.io as its_io
    from kilosort import run_kilosort
    from kilosort.run_kilosort import load_sorting
    from kilosort.utils import PROBE_DIR

    assert its_io is io
    assert PROBE_DIR == kilosort.PROBE_DIR
    assert callable(run_kilosort)
    assert callable(load_sorting)
    for name in [name for name in sys.modules if name.partition(".")[0] == "kilosort"]:
        monkeypatch.delitem(sys.modules, name)
