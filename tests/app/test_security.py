"""Each guard stops one kind of attack: the request is refused, and would be answered if the guard were not there."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from app_server import Client, Running, in_thread, kept_in_memory, small_result

from spikesieve.app import security
from spikesieve.app.page_files import PAGE_FILES
from spikesieve.app.security import VIEWER
from spikesieve.app.session import Session
from spikesieve.curation.history import History

ATTACKS = {
    "foreign_host": ("GET", "/api/start", {"Host": "evil.example"}),
    "foreign_origin": ("GET", "/api/start", {"Origin": "http://evil.example"}),
    "foreign_fetch": ("GET", "/api/start", {"Sec-Fetch-Site": "cross-site"}),
    "plain_form": ("POST", "/api/lasso", {"Content-Type": "text/plain"}),
}
MARK = {"sample": 100, "channel": 1, "text": "odd"}
LASSO = {"units": [0], "lasso": {"kind": "amplitude", "corners": [[0, 0], [1, 0], [1, 1]]}}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with kept_in_memory(small_result()) as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_a_guard_refuses_and_nothing_else_would(running: Running, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method, path, headers = ATTACKS[name]
    content = LASSO if method == "POST" else None
    assert running.client.ask(method, path, content, headers).status == 403
    monkeypatch.setattr(security, "GUARDS", tuple(one for one in security.GUARDS if one.__name__ != name))
    assert running.client.ask(method, path, content, headers).status == 200


def test_every_guard_is_attacked() -> None:
    assert {guard.__name__ for guard in security.GUARDS} == set(ATTACKS)


def test_a_form_without_the_header_of_the_page_is_refused(running: Running) -> None:
    assert running.client.ask("POST", "/api/lasso", LASSO).status == 200
    headers = {"Content-Type": "application/json", "X-Spikesieve": ""}
    connection = running.client.ask("POST", "/api/lasso", LASSO, headers)
    assert connection.status == 200  # an empty header is one: no page of another site can send it
    raw = socket.create_connection(("127.0.0.1", running.client.port))
    raw.sendall(
        f"POST /api/lasso HTTP/1.1\r\nHost: localhost\r\nCookie: {running.client.cookie}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".encode()
    )
    assert raw.recv(100).startswith(b"HTTP/1.1 403")
    raw.close()


@pytest.mark.parametrize(
    "path",
    [
        *("start", "history", "unit/0", "correlograms?units=0", "similar/0", "events"),
        *("traces", "traces/raw/0?step=1", "trace-spikes/0", "trace-jump?what=spike&from=0&by=1&units=0", "marks"),
    ],
)
def test_without_the_cookie_nothing_is_told(running: Running, path: str) -> None:
    assert running.client.ask("GET", f"/api/{path}", cookie=False).status == 401


@pytest.mark.parametrize("path", ["act", "lasso", "export", "mark"])
def test_without_the_cookie_nothing_is_done(running: Running, path: str) -> None:
    assert running.client.ask("POST", f"/api/{path}", LASSO, cookie=False).status == 401


def test_a_wrong_token_gives_no_cookie(running: Running) -> None:
    for token in ("", "0" * 64, running.served.secrets.cookies["curator"]):
        answer = running.client.ask("POST", "/api/login", {"token": token})
        assert answer.status == 403
        assert "set-cookie" not in answer.headers


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(running: Running) -> None:
    answer = running.client.ask("POST", "/api/login", {"token": running.served.secrets.tokens["curator"]})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path" not in cookie
    assert running.served.secrets.tokens["curator"] not in cookie


def test_a_socket_of_another_site_is_refused(running: Running) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert running.client.ask("GET", "/api/events", headers={**headers, "Origin": "http://evil.example"}).status == 403
    assert running.client.ask("GET", "/api/events", headers=headers).status == 403


def test_a_viewer_may_look_and_not_act(running: Running) -> None:
    viewer = Client(running.client.port).log_in(running.served.secrets.tokens[VIEWER])
    assert viewer.get("/api/start")["role"] == "viewer"
    assert viewer.act("label", 0, "v", units=[0], label="good").status == 403
    assert viewer.ask("POST", "/api/mark", MARK).status == 403
    assert viewer.get("/api/marks") == {"marks": [], "role": "viewer"}
    assert not running.served.session.history.entries


def test_what_is_read_only_cannot_be_changed() -> None:
    result = small_result()
    with in_thread(Session(result, History.of(result.units))) as running:
        assert running.client.get("/api/start")["read_only"]
        assert running.client.act("label", 0, "v", units=[0], label="good").status == 403
        assert running.client.ask("POST", "/api/mark", MARK).status == 403


@pytest.mark.parametrize(
    "path",
    [
        *("/../pyproject.toml", "/..%2fpage_files.py", "/%2e%2e/page_files.py", "/../../../../etc/passwd", "/.git"),
        *("/page/../index.html", "//etc/passwd", "/main.js%00", "/draw", "/draw/../main.js", "/__init__.py"),
    ],
)
def test_no_file_but_those_of_the_page(running: Running, path: str) -> None:
    assert running.client.ask("GET", path).status in (400, 404)


def test_the_files_of_the_page_are_a_fixed_list(running: Running) -> None:
    for name, file in PAGE_FILES.items():
        answer = running.client.ask("GET", f"/{name}", cookie=False)
        assert (answer.status, answer.content) == (200, file.content)


def test_every_answer_has_the_policy(running: Running) -> None:
    for path in ("/", "/nothing", "/api/start", "/api/unit/99"):
        headers = running.client.ask("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in headers)


def test_the_page_needs_nothing_that_the_policy_forbids() -> None:
    text = PAGE_FILES["index.html"].content.decode()
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)|https?://", text)
    for name, file in PAGE_FILES.items():
        assert not re.search(rb"https?://|\beval\(|innerHTML|insertAdjacentHTML|new Function", file.content), name


def test_a_body_that_is_too_large_is_refused(running: Running) -> None:
    raw = socket.create_connection(("127.0.0.1", running.client.port))
    raw.sendall(b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")
    raw.settimeout(10)
    assert b"200" not in raw.recv(100)[:20]
    raw.close()


@pytest.mark.parametrize(
    "content",
    [
        *([], {}, {"do": "fly"}, {"do": "merge", "seq": 0, "request": "a", "units": ["x"]}),
        {"do": "split", "seq": 0, "request": "a", "units": [0], "lasso": {"kind": "amplitude", "corners": [[0, 0]]}},
        {"do": "text", "seq": 0, "request": "a", "units": [0], "name": "../x", "text": "y"},
        {"do": "merge", "seq": 0, "request": "a", "units": [0, 1], "unknown": 1},
    ],
)
def test_what_is_no_request_is_refused(running: Running, content: object) -> None:
    assert running.client.ask("POST", "/api/act", content).status == 400
    assert not running.served.session.history.entries
