"""Probes of probeinterface's library, in a cache of two probes."""

from __future__ import annotations

import probeinterface
import pytest

from spikesieve.errors import InputError
from spikesieve.io.probes.read import probe_warnings, read_probe


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "library" / "main" / "someone"
    folder.mkdir(parents=True)
    probe = probeinterface.generate_linear_probe(4, ypitch=30)
    for name in ("ASSY-1-P-1", "ASSY-1-P-2"):
        probeinterface.write_probeinterface(folder / f"{name}.json", probe)
    monkeypatch.setattr("probeinterface.library.get_cache_folder", lambda: tmp_path / "library")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is downloaded")

    monkeypatch.setattr("probeinterface.library.download_probeinterface_file", refuse)


def test_a_probe_on_this_computer_is_read_by_name():
    probe = read_probe("library:someone/ASSY-1-P-1")
    assert probe.positions_um[:, 1].tolist() == [0, 30, 60, 90]
    assert probe.name == "library:someone/ASSY-1-P-1"
    assert "does not know the wiring" in probe_warnings(probe)[0]


def test_a_probe_that_is_not_there_is_not_downloaded():
    with pytest.raises(
        InputError, match=r"Did you mean ASSY-1-P-\d\? Load it once.*get_probe\('someone', 'ASSY-1-P'\)"
    ):
        read_probe("library:someone/ASSY-1-P")
    with pytest.raises(InputError, match=r"not on this computer\. Load it once"):
        read_probe("library:nobody/x")


@pytest.mark.parametrize("spec", ["library:", "library:someone", "library:a/b/c", "library:../x"])
def test_a_name_of_another_form_is_told(spec):
    with pytest.raises(InputError, match="Give library:MANUFACTURER/NAME"):
        read_probe(spec)
