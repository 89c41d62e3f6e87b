"""The proxy of the environment is used: told whole addresses for http, asked for a tunnel for https."""

from __future__ import annotations

import http.server
import threading

import pytest
from tap_personio.connection import Connection
from tap_personio.errors import TransientError
from tap_personio.settings import Settings


@pytest.fixture
def asked(monkeypatch):
    """What a proxy of its own was asked."""
    lines = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            lines.append(f"GET {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_CONNECT(self):
            lines.append(f"CONNECT {self.path}")
            self.send_error(502)

        def log_message(self, *_):
            pass

    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield lines
        server.shutdown()


def connection(url):
    return Connection(Settings.from_config({"client_id": "a", "client_secret": "b", "api_url": url}))


def test_a_proxy_is_told_the_whole_address(asked):
    with connection("http://127.0.0.1:9") as reached:
        assert reached.get("http://127.0.0.1:9/v1/x?y=1", {}).body == b"{}"
    assert asked == ["GET http://127.0.0.1:9/v1/x?y=1"]


def test_a_proxy_is_asked_for_a_tunnel_and_named_when_it_gives_none(asked):
    with (
        connection("https://personio.invalid") as reached,
        pytest.raises(TransientError, match="the proxy did not"),
    ):
        reached.get("https://personio.invalid/v1/x", {"Authorization": "Bearer secret"})
    assert asked == ["CONNECT personio.invalid:443"]
