"""The way to Personio: certificates, proxies, and connections that the other end closes."""

from __future__ import annotations

import base64
import contextlib
import errno
import gzip
import http.server
import os
import shutil
import socket
import socketserver
import threading
import time

import pytest
from certificates import self_signed
from tap_personio.errors import TapPersonioError, TransientError
from tap_personio.settings import Settings
from tap_personio.transport import Transport


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


@contextlib.contextmanager
def transport(url):
    settings = Settings.from_config({"client_id": "a", "client_secret": "b", "api_url": url})
    with contextlib.closing(Transport(settings, connections=1)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No proxy, and the usual certificates."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def test_an_answer_is_unpacked_and_a_closed_connection_is_opened_again():
    with serving(Personio) as port, transport(f"http://127.0.0.1:{port}") as personio:
        for path in ("/v1/a?b=1", "/v1/c"):
            response = personio.exchange("GET", path, {})
            assert (response.status, response.body) == (200, path.encode())
            assert response.headers.get("content-encoding") == "gzip"
            time.sleep(0.1)


def test_a_path_in_the_address_stays():
    with serving(Personio) as port, transport(f"http://127.0.0.1:{port}/gateway") as personio:
        assert personio.exchange("GET", "/v1/a", {}).body == b"/gateway/v1/a"


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
def test_https_needs_a_certificate_of_this_host_from_the_named_bundle(tmp_path, monkeypatch):
    context, certificate = self_signed(tmp_path)
    with serving(Personio, context) as port:
        with (
            pytest.raises(TapPersonioError, match="The TLS certificate of localhost"),
            transport(f"https://localhost:{port}") as personio,
        ):
            personio.exchange("GET", "/v1/x", {})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with transport(f"https://localhost:{port}") as personio:
            assert personio.exchange("GET", "/v1/x", {}).body == b"/v1/x"
        with (
            pytest.raises(TapPersonioError, match=r"The TLS certificate of 127\.0\.0\.1"),
            transport(f"https://127.0.0.1:{port}") as personio,
        ):
            personio.exchange("GET", "/v1/x", {})


def test_certificates_that_cannot_be_read_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    with (
        transport("https://localhost:1") as personio,
        pytest.raises(TapPersonioError, match="REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"),
    ):
        personio.exchange("GET", "/v1/x", {})


@pytest.fixture
def asked(monkeypatch):
    """What a proxy of its own was asked, with the credential that it was given."""
    lines = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self):
            lines.append((f"CONNECT {self.path}", self.headers["Proxy-Authorization"]))
            self.send_error(502)

        def log_message(self, *_):
            pass

    with serving(Proxy) as port:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://user:pass@127.0.0.1:{port}")
        yield lines


def test_a_connection_that_fails_names_the_host_and_the_cause():
    class Closing(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(100)  # and no answer

    def error(url):
        with transport(url) as personio, pytest.raises(TransientError) as raised:
            personio.exchange("GET", "/v1/x?email=a", {})
        return str(raised.value)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    refused = f"the connection to 127.0.0.1:{port} failed or broke off ({os.strerror(errno.ECONNREFUSED)})"
    assert error(f"http://127.0.0.1:{port}") == refused
    assert error("https://personio.invalid") == "the name personio.invalid cannot be resolved"
    with socketserver.TCPServer(("127.0.0.1", 0), Closing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert error(f"http://127.0.0.1:{port}").startswith(f"the connection to 127.0.0.1:{port} failed")
        server.shutdown()


CREDENTIAL = "Basic " + base64.b64encode(b"user:pass").decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_proxy_is_asked_for_this_machine(asked, scheme, host):
    with transport(f"{scheme}://{host}:9") as personio, pytest.raises(TransientError, match="the connection"):
        personio.exchange("GET", "/v1/x?y=1", {"Authorization": "Bearer secret"})
    assert asked == []


def test_a_proxy_is_asked_for_a_tunnel_and_named_when_it_gives_none(asked):
    with (
        transport("https://personio.invalid") as personio,
        pytest.raises(TransientError, match=r"the proxy to personio\.invalid did not"),
    ):
        personio.exchange("GET", "/v1/x", {"Authorization": "Bearer secret"})
    assert asked == [("CONNECT personio.invalid:443", CREDENTIAL)]
