"""A TCP relay before a server that speaks TLS: it breaks handshakes, which no HTTP server can do to itself."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

# What can happen to a handshake, all of it before the server has shown its certificate.
KINDS = ("close", "close-after-hello", "close-in-reply", "reset", "stall")
_START_OF_A_REPLY = b"\x16\x03\x03\x00\x7a\x02\x00"


class Handshakes:
    """Relays connections to a server; those that `breaking` names never become TLS.

    Attributes:
        url: where the server is reached through the relay.
        broken: how many handshakes were broken.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 443)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.broken = 0
        self._seen = 0
        self._kind = ""
        self._which = range(0)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._clients: list[socket.socket] = []

    @contextlib.contextmanager
    def breaking(self, kind: str, which: range) -> Iterator[None]:
        """Break the handshakes of these connections, counted from 1 from now on."""
        self.broken = self._seen = 0
        self._kind, self._which = kind, which
        yield
        self._which = range(0)

    def cut(self) -> None:
        """Break all connections that were made so far."""
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._clients.append(client)
        with self._lock:
            self._seen += 1
            breaks = self._seen in self._which
            self.broken += breaks
        with client, contextlib.suppress(OSError):
            if breaks:
                self._break(client)
                return
            with socket.create_connection(self._server) as server:
                back = threading.Thread(target=_relay, args=(server, client), daemon=True)
                back.start()
                _relay(client, server)
                back.join()

    def _break(self, client: socket.socket) -> None:
        if self._kind == "close":
            return
        client.recv(10_000)
        if self._kind == "close-in-reply":
            client.sendall(_START_OF_A_REPLY)
        elif self._kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self._kind == "stall":
            client.settimeout(60)
            while client.recv(10_000) and not self._ended.is_set():
                pass


def _relay(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
