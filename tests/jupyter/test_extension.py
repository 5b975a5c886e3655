"""The pages of spikesieve behind a real Jupyter server: with its login, and not without."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from app_server import Answer
from make_sorting import make_sorting
from needed import needed_module

import spikesieve
from spikesieve.io.open_pages import open_page

needed_module("jupyter_server", "packages")

TOKEN = "a-token-of-jupyter"


class Jupyter:
    """A server with a base path, as behind a hub."""

    def __init__(self, folder: Path, state: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = {
            "ServerApp.jpserver_extensions": "{'spikesieve.jupyter': True}",
            "ServerApp.port": self.port,
            "ServerApp.base_url": "/user/me/",
            "ServerApp.root_dir": folder,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "IdentityProvider.token": TOKEN,
        }
        words = [sys.executable, "-m", "jupyter_server", *(f"--{name}={value}" for name, value in options.items())]
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "JUPYTER_RUNTIME_DIR": str(state / "runtime")}
        self.process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                if self.ask("GET", "api").status == 200:
                    return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None, known: bool = True
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        own = {"Authorization": f"token {TOKEN}"} if known else {}
        try:
            connection.request(method, f"/user/me/{path}", body, {**own, **(headers or {})})
            answer = connection.getresponse()
            # Jupyter may set a cookie of its own as well.
            found = {k.lower(): v for k, v in answer.getheaders() if not v.startswith(("username-", "_xsrf"))}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    folder, state = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("state")
    server = Jupyter(folder, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        yield server
    server.process.terminate()
    server.process.communicate(timeout=30)


def test_the_sorting_page_opens_below_the_base_path(jupyter: Jupyter) -> None:
    lead = jupyter.ask("GET", "spikesieve/")
    assert lead.status == 302
    port = lead.headers["location"].partition("/")[0]
    page = jupyter.ask("GET", f"spikesieve/{port}/")
    assert b"Recording" in page.content
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert jupyter.ask("GET", f"spikesieve/{port}/api/show/sorts").status == 401  # Jupyter's login is not enough
    assert jupyter.ask("GET", "spikesieve/").headers["location"] == lead.headers["location"]


def test_a_view_of_a_notebook_is_reached_and_changed(jupyter: Jupyter) -> None:
    shown = spikesieve.view(make_sorting(4, 500))
    token = shown.url.partition("#t=")[2]
    sent = {"Content-Type": "application/json", "X-Spikesieve": "page"}
    below = f"spikesieve/{shown.port}"
    login = jupyter.ask("POST", f"{below}/api/login", sent, f'{{"token": "{token}"}}')
    cookie = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    assert len(json.loads(jupyter.ask("GET", f"{below}/api/start", cookie).content)["units"]) == 4
    act = '{"do": "merge", "seq": 0, "request": "a", "units": [0, 1]}'
    assert jupyter.ask("POST", f"{below}/api/act", {**cookie, "Content-Type": "application/json"}, act).status == 403
    foreign = {**cookie, **sent, "Origin": "http://evil.example"}
    assert jupyter.ask("POST", f"{below}/api/act", foreign, act).status == 403
    assert jupyter.ask("POST", f"{below}/api/act", {**cookie, **sent}, act).status == 200
    assert jupyter.ask("POST", f"{below}/api/act", {**cookie, **sent}, act, known=False).status in (302, 403)
    assert jupyter.ask("GET", f"{below}/api/start", cookie, known=False).status in (302, 403)
    shown.close()
    assert jupyter.ask("GET", f"{below}/").status == 404


def test_a_page_that_ends_before_it_answers_is_no_fault_of_the_server(jupyter: Jupyter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as page:
        port = page.getsockname()[1]
        with open_page(port), ThreadPoolExecutor(1) as pool:
            answer = pool.submit(jupyter.ask, "GET", f"spikesieve/{port}/api/start")
            connection, _ = page.accept()
            connection.recv(4096)
            connection.close()
            assert answer.result().status == 502


def test_no_other_port_is_reached(jupyter: Jupyter) -> None:
    assert jupyter.ask("GET", f"spikesieve/{jupyter.port}/api").status == 404
