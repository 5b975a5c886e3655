"""What is kept for the next start is whole, of the same inputs, or not used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from spikesieve.api.kept_index import kept_index
from spikesieve.io.curations import kept as module
from spikesieve.io.curations.kept import Kept, stamp

ROWS = np.arange(5, dtype=np.int32)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path / "kept")
    kept.write("index", {"spikes": [1, 2]}, {"rows": ROWS, "none": ROWS[:0]}, {"said": 1.5})
    return kept


def test_what_was_kept_is_found(kept: Kept) -> None:
    found = kept.read("index", {"spikes": (1, 2)})
    assert found is not None
    np.testing.assert_array_equal(found[0]["rows"], ROWS)
    assert found[0]["none"].shape == (0,)
    assert found[1] == {"said": 1.5}


def test_of_other_inputs_there_is_nothing(kept: Kept) -> None:
    assert kept.read("index", {"spikes": [1, 3]}) is None
    assert kept.read("other", {"spikes": [1, 2]}) is None


@pytest.mark.parametrize("file", ["index.json", "index.rows-*.npy"])
@pytest.mark.parametrize("place", [-1, -20])
def test_damage_is_noticed(kept: Kept, file: str, place: int) -> None:
    (path,) = kept.folder.glob(file)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert kept.read("index", {"spikes": [1, 2]}) is None


@pytest.mark.skipif(not module.BOOT.is_file(), reason="this system does not say when it was started")
def test_bytes_are_looked_at_again_after_the_machine_was_started(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "_crc32", None)
        assert kept.read("index", {"spikes": [1, 2]}) is not None
    (path,) = kept.folder.glob("index.rows-*.npy")
    state = {path.name: stamp([path])[path.name] for path in kept.folder.glob("*.npy")}
    path.write_bytes(path.read_bytes()[:-1] + b"\x77")
    monkeypatch.setattr(module, "stamp", lambda paths: state)
    assert kept.read("index", {"spikes": [1, 2]}) is not None
    monkeypatch.setattr(module, "BOOT", tmp_path / "boot")
    module.BOOT.write_text("another")
    assert kept.read("index", {"spikes": [1, 2]}) is None


def test_a_file_that_ends_early_or_is_gone_is_noticed(kept: Kept) -> None:
    (path,) = kept.folder.glob("index.rows-*.npy")
    os.truncate(path, path.stat().st_size - 1)
    assert kept.read("index", {"spikes": [1, 2]}) is None
    path.unlink()
    assert kept.read("index", {"spikes": [1, 2]}) is None


def test_new_arrays_replace_the_old_ones(kept: Kept) -> None:
    kept.write("index", 2, {"rows": ROWS[::-1]})
    found = kept.read("index", 2)
    assert found is not None
    assert found[0]["rows"].tolist() == [4, 3, 2, 1, 0]
    assert len(list(kept.folder.glob("*.npy"))) == 1


def test_where_nothing_may_be_written_nothing_is(tmp_path: Path) -> None:
    Kept(tmp_path / "kept", may_write=False).write("index", 1, {"rows": ROWS})
    assert not (tmp_path / "kept").exists()


def test_no_place_to_write_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Kept(tmp_path / "file" / "kept")
    kept.write("index", 1, {"rows": ROWS})
    assert kept.read("index", 1) is None


def test_a_file_that_was_written_again_has_another_stamp(tmp_path: Path) -> None:
    path = tmp_path / "spikes.npy"
    path.write_bytes(b"one")
    before = stamp([path, tmp_path / "none.npy"])
    assert list(before) == ["spikes.npy"]
    os.utime(path, ns=(0, before["spikes.npy"][1]))
    path.with_name("new").write_bytes(b"two")
    path.with_name("new").replace(path)
    os.utime(path, ns=(0, before["spikes.npy"][1]))
    assert stamp([path]) != before


def test_the_spikes_of_each_unit_are_found_once(tmp_path: Path) -> None:
    unit, kept = np.array([7, 2, 7, 2, 9], np.uint16), Kept(tmp_path)
    first = kept_index(unit, kept, {"a": [1]})
    again = kept_index(np.zeros(5, np.int32), kept, {"a": [1]})
    for index in (first, again):
        assert {k: rows.tolist() for k, rows in index.rows_of_units().items()} == {2: [1, 3], 7: [0, 2], 9: [4]}
    assert kept_index(np.zeros(5, np.int32), kept, {"a": [2]}).numbers.tolist() == [0]
