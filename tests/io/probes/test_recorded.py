"""Probes in files of recording systems: the places are those of probeinterface, or a sentence says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import probeinterface
import pytest
from needed import needed_module

from spikesieve.errors import InputError
from spikesieve.io.probes import recorded
from spikesieve.io.probes.read import read_probe
from spikesieve.model import Probe


def write_3brain(path: Path) -> None:
    with needed_module("h5py", "packages").File(path, "w") as file:
        places = np.array([(20, 20), (20, 21), (63, 1)], [("Row", "<i2"), ("Col", "<i2")])
        file["3BRecInfo/3BMeaStreams/Raw/Chs"] = places


def write_maxwell(path: Path, *wells: str) -> None:
    kinds = [("channel", "<i4"), ("electrode", "<i4"), ("x", "<f8"), ("y", "<f8")]
    mapping = np.array([(7, 700, 17.5, 35.0), (3, 300, 0.0, 17.5)], kinds)
    with needed_module("h5py", "packages").File(path, "w") as file:
        for well in wells:
            file[f"wells/{well}/rec0000/settings/mapping"] = mapping
        if not wells:
            file["mapping"] = mapping


def write_mearec(path: Path) -> None:
    with needed_module("h5py", "packages").File(path, "w") as file:
        file["channel_positions"] = [[0.0, -18.0, 40.0], [0.0, -18.0, 65.0], [0.0, 18.0, 65.0]]
        file["info/electrodes/sortlist"] = "null"
        file["info/electrodes/shape"] = "circle"
        file["info/electrodes/size"] = 5.0


def same_place(probe: Probe, theirs: probeinterface.Probe) -> None:
    np.testing.assert_array_equal(probe.positions_um, theirs.contact_positions)
    assert probe.channels.tolist() == list(range(theirs.get_contact_count()))


def test_a_table_of_neuropixels_contacts_gives_shanks_and_places(tmp_path):
    path = tmp_path / "four_shanks.imro"
    path.write_text("(24,4)(0 1 0 0 288)(1 0 0 0 1)(2 0 0 0 2)(3 3 0 0 291)")
    probe = read_probe(path)
    assert probe.shanks.tolist() == [1, 0, 0, 3]
    assert probe.positions_um.tolist() == [[250, 2160], [32, 0], [0, 15], [782, 2175]]
    same_place(probe, probeinterface.read_imro(path))


@pytest.mark.parametrize("text", ["(-10,384,10, 5)(0 0 0 500 125 1)", "", "(0,384)", "a letter"])
def test_a_table_of_no_known_probe_is_refused(tmp_path, text):
    path = tmp_path / "a.imro"
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.imro is not a table of Neuropixels contacts"):
        read_probe(path)


@pytest.mark.parametrize(
    ("write", "read", "suffix"),
    [
        (write_3brain, "read_3brain", ".brw"),
        (write_maxwell, "read_maxwell", ".h5"),
        (write_mearec, "read_mearec", ".h5"),
        (lambda path: write_maxwell(path, "well003"), None, ".raw.h5"),
    ],
)
def test_arrays_that_know_their_contacts_are_probes(tmp_path, write, read, suffix):
    path = tmp_path / f"a{suffix}"
    write(path)
    if read is None:
        assert read_probe(path).positions_um.tolist() == [[17.5, 35.0], [0.0, 17.5]]
    else:
        same_place(read_probe(path), getattr(probeinterface, read)(path))


def test_one_of_several_wells_is_not_guessed(tmp_path):
    write_maxwell(tmp_path / "a.h5", "well000", "well001")
    with pytest.raises(InputError, match=r"2 wells.*Read a well in Python, with SpikeInterface's reader maxwell"):
        read_probe(tmp_path / "a.h5")


def test_an_hdf5_file_without_a_probe_says_what_it_holds(tmp_path):
    with needed_module("h5py", "packages").File(tmp_path / "a.h5", "w") as file:
        file["sig"] = [1]
    with pytest.raises(InputError, match=r"no probe of MaxWell, 3Brain, MEArec\. Found: sig\."):
        read_probe(tmp_path / "a.h5")


def test_a_damaged_file_is_refused(tmp_path):
    for name in ("a.h5", "a.brw"):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\nand no more")
        with pytest.raises(InputError, match=name):
            read_probe(tmp_path / name)


def test_without_h5py_the_sentence_has_the_command(tmp_path, monkeypatch):
    def refuse(name: str) -> object:
        raise ImportError(name)

    (tmp_path / "a.brw").write_bytes(b"")
    monkeypatch.setattr(recorded, "import_module", refuse)
    with pytest.raises(InputError, match=r'pip install "spikesieve\[nwb\]"'):
        read_probe(tmp_path / "a.brw")
