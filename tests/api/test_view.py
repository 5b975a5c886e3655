"""A result in a notebook: the page is served by the notebook's process, and shown in a frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_server import Client
from make_sorting import make_sorting, write_raw

import spikesieve
from spikesieve.api import view as module
from spikesieve.errors import InputError
from spikesieve.io.open_pages import is_open_page
from spikesieve.io.results.phy import write_phy


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)


def logged_in(shown: module.View) -> Client:
    address, _, token = shown.url.partition("#t=")
    return Client(int(address.rstrip("/").rpartition(":")[2])).log_in(token)


def test_a_sorting_in_memory_is_shown_and_can_be_changed(tmp_path: Path) -> None:
    sorting = make_sorting(6, 1500)
    shown = spikesieve.view(sorting, write_raw(tmp_path / "raw.bin", sorting), height_px=500)
    client = logged_in(shown)
    assert len(client.get("/api/start")["units"]) == 6
    assert client.get("/api/traces")["missing"] == ""
    assert client.act("merge", 0, "a", units=[0, 1]).status == 200
    assert "frame-ancestors 'self' http://localhost:*" in client.ask("GET", "/").headers["content-security-policy"]
    text = shown._repr_html_()
    assert 'height="500"' in text
    assert shown.url in text
    assert is_open_page(shown.port)
    shown.close()
    shown.close()
    assert not is_open_page(shown.port)
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/")


def test_a_folder_is_opened_with_its_journal(tmp_path: Path) -> None:
    sorting, folder = make_sorting(6, 1500), tmp_path / "phy"
    folder.mkdir()
    recording = write_raw(tmp_path / "raw.bin", sorting)
    write_phy(folder, sorting, recording)
    shown = spikesieve.view(folder)
    assert logged_in(shown).act("label", 0, "a", units=[0], label="good").status == 200
    shown.close()
    again = spikesieve.view(folder)
    assert logged_in(again).get("/api/start")["seq"] == 1
    again.close()
    with pytest.raises(InputError, match="knows its recording"):
        spikesieve.view(folder, recording)
    with pytest.raises(InputError, match="no result"):
        spikesieve.view(tmp_path / "nothing")


def test_behind_a_hub_the_frame_goes_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/me/")
    shown = spikesieve.view(make_sorting(3, 300))
    assert f'src="/user/me/spikesieve/{shown.port}/#t=' in shown._repr_html_()
    shown.close()
