"""A server between the tap and the sandbox that alters answers: for shapes that nobody has confirmed."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from personio_sandbox import Sandbox


class Altering:
    """Passes requests on to a sandbox, and its answers through a function.

    Args:
        sandbox: who answers.
        alter: is given path, query and JSON of an answer with status 200; what it returns is sent instead.
        without: a parameter that is kept from the sandbox.
        indent: write answers over several lines.
        raw: is given path and query of a request; the bytes that it returns are the whole answer, as they are,
            whatever HTTP says. None lets the sandbox answer.
        context: speak TLS.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        alter: Callable[[str, dict[str, list[str]], Any], Any],
        *,
        without: str = "",
        indent: int | None = None,
        raw: Callable[[str, dict[str, list[str]]], Iterable[bytes] | None] = lambda path, query: None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        host = urlsplit(sandbox.url).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                upstream = http.client.HTTPConnection(host, timeout=30)
                headers = {name: value for name, value in self.headers.items() if name != "Accept-Encoding"}
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                if (parts := raw(url.path, query)) is not None:
                    self.close_connection = True
                    with contextlib.suppress(OSError):
                        for part in parts:
                            self.wfile.write(part)
                    return
                passed = urlencode(
                    {name: each for name, each in query.items() if name != without}, doseq=True
                )
                upstream.request(self.command, f"{url.path}?{passed}", body or None, headers)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                if answer.status == 200 and self.command == "GET":
                    altered = alter(url.path, query, json.loads(content))
                    content = json.dumps(altered, indent=indent).encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
