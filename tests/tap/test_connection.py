"""The way to Personio: certificates, proxies, and connections that the other end closes."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import shutil
import socket
import threading
import time

import pytest
from certificates import self_signed
from tap_personio.connection import Connection
from tap_personio.errors import TapPersonioError, TransientError
from tap_personio.settings import Settings


class Personio(http.server.BaseHTTPRequestHandler):
    """Answers in gzip, and closes each connection without having said so."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        assert self.headers["Accept-Encoding"] == "gzip"
        body = gzip.compress(self.path.encode())
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(handler, context=None):
    """A server's port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def direct(monkeypatch):
    """No proxy, and the usual certificates."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("direct")
def test_an_answer_is_unpacked_and_a_connection_that_was_closed_meanwhile_is_opened_again():
    with serving(Personio) as port, connection(f"http://127.0.0.1:{port}") as reached:
        for path in ("/v1/a?b=1", "/v1/c"):
            answer = get(reached, f"http://127.0.0.1:{port}{path}", {})
            assert (answer.status, answer.body) == (200, path.encode())
            assert answer.headers.get("content-encoding") == "gzip"
            time.sleep(0.1)


@pytest.mark.usefixtures("direct")
@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
def test_https_needs_a_certificate_for_this_host_that_the_named_bundle_vouches_for(tmp_path, monkeypatch):
    context, certificate = self_signed(tmp_path)
    with serving(Personio, context) as port:
        with (
            pytest.raises(TapPersonioError, match="The TLS certificate of localhost"),
            connection(f"https://localhost:{port}") as reached,
        ):
            get(reached, f"https://localhost:{port}/v1/x", {})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with connection(f"https://localhost:{port}") as reached:
            assert get(reached, f"https://localhost:{port}/v1/x", {}).body == b"/v1/x"
        with (
            pytest.raises(TapPersonioError, match=r"The TLS certificate of 127\.0\.0\.1"),
            connection(f"https://127.0.0.1:{port}") as reached,
        ):
            get(reached, f"https://127.0.0.1:{port}/v1/x", {})


@pytest.mark.usefixtures("direct")
def test_a_connection_that_breaks_off_before_its_certificate_came_is_worth_another_try():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def hang_up():
            taken, _ = server.accept()
            taken.recv(10_000)
            taken.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with connection(f"https://localhost:{port}") as reached, pytest.raises(TransientError):
            get(reached, f"https://localhost:{port}/v1/x", {})


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
    with serving(Proxy) as port:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        yield lines


def get(reached, url, headers):
    reached.send(url, headers)
    return reached.receive()


def connection(url):
    return Connection(Settings.from_config({"client_id": "a", "client_secret": "b", "api_url": url}))


def test_a_proxy_is_told_the_whole_address(asked):
    with connection("http://127.0.0.1:9") as reached:
        assert get(reached, "http://127.0.0.1:9/v1/x?y=1", {}).body == b"{}"
    assert asked == ["GET http://127.0.0.1:9/v1/x?y=1"]


def test_a_proxy_is_asked_for_a_tunnel_and_named_when_it_gives_none(asked):
    with (
        connection("https://personio.invalid") as reached,
        pytest.raises(TransientError, match="the proxy did not"),
    ):
        get(reached, "https://personio.invalid/v1/x", {"Authorization": "Bearer secret"})
    assert asked == ["CONNECT personio.invalid:443"]
