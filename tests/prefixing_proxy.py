"""A proxy that puts a server behind a prefix, as jupyter-server-proxy does: requests and WebSockets."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def behind(prefix: str, port: int) -> Iterator[int]:
    """Yields the port under which the server's pages begin with the prefix, and nowhere else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, prefix, port), daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, prefix: str, port: int) -> None:
    with suppress(OSError):  # closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, prefix, port), daemon=True).start()


def _serve(client: socket.socket, prefix: str, port: int) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (part := client.recv(65536)):
            return client.close()
        head += part
    method, path, rest = head.split(b" ", 2)
    if not path.startswith(prefix.encode()):
        client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return client.close()
    if b"upgrade: websocket" not in rest.lower():  # one request a connection, so that each has its prefix taken off
        rest = re.sub(rb"(?i)\r\nConnection: [^\r]*", b"\r\nConnection: close", rest, count=1)
    with socket.create_connection(("127.0.0.1", port)) as server:
        server.sendall(b" ".join([method, path.removeprefix(prefix.encode()) or b"/", rest]))
        back = threading.Thread(target=_pass_on, args=(client, server), daemon=True)
        back.start()
        _pass_on(server, client)
    return client.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
