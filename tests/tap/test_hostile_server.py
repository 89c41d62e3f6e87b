"""A server that answers anything but what Personio does: one sentence for the stream, and all others are read."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import time
import tracemalloc

import pytest
from certificates import self_signed
from in_process import Warehouse
from personio_sandbox import Sandbox
from proxy import Altering
from tap_personio import bounds
from tap_personio.errors import StreamFailedError, TransientError
from tap_personio.settings import Settings
from tap_personio.transport import Transport

PROJECTS = "/v1/company/attendances/projects"
NO_PROJECT = b'{"success": true, "data": []}'
# Where a hostile answer stands: the stream that reads it, and its path.
PLACES = {
    PROJECTS: "projects",
    "/v1/company/time-offs": "absences",
    "/v1/company/employees/attributes": "employees",
    "/v2/persons": "persons",
}

full = pytest.mark.full
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")


def whole(body: bytes, *headers: str, status: str = "200 OK") -> list[bytes]:
    """An answer with a length, as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return ["\r\n".join(lines).encode("latin-1") + body]


def in_chunks(text: bytes) -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + text]


# Answers that no program can read: the stream fails.
UNREADABLE = {
    "not UTF-8": whole(b'{"success": true, "data": [{"attributes": {"id": 1, "name": "\xff"}}]}'),
    "not UTF-8 in a name": whole(b'{"success": true, "data": [{"attributes": {"\xc3": 1}}]}'),
    "nested without end": whole(b"[" * 1_000_000),
    "nested deeply": whole(b'{"data": [{"attributes": {"id": ' + b"[" * 5000 + b"]" * 5000 + b"}}]}"),
    "nested and refused": whole(b"[" * 1_000_000, status="400 Bad Request"),
    "not UTF-8 and refused": whole(b'{"trace_id": "\xff"}', status="418 Teapot"),
    "a number without end": whole(
        b'{"success": true, "data": [{"attributes": {"id": ' + b"9" * 9000 + b"}}]}"
    ),
    "zeros": whole(b"\0" * 1000),
    "a negative chunk": in_chunks(b"-5\r\nabc\r\n0\r\n\r\n"),
    "a chunk beyond all numbers": in_chunks(b"f" * 40 + b"\r\nabc\r\n0\r\n\r\n"),
    "a chunk of 2^63": in_chunks(b"8000000000000000\r\nabc\r\n0\r\n\r\n"),
    "a chunk of words": in_chunks(b"five\r\nabc\r\n0\r\n\r\n"),
    "a length of 10^14": [b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000000\r\n\r\nabc"],
    "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc"],
    "a status of words": [b"HTTP/1.1 fine OK\r\n\r\n"],
    "no HTTP": [b"\0\xff\r\n\r\n"],
    "a thousand headers": whole(NO_PROJECT, *(f"X-{number}: 1" for number in range(1000))),
    "a header without end": whole(NO_PROJECT, "X: " + "x" * 100_000),
    "a broken archive": whole(NO_PROJECT, "Content-Encoding: gzip"),
    "archives in archives": whole(NO_PROJECT, "Content-Encoding: " + ", ".join(["gzip"] * 50)),
    "millions of objects": whole(b'{"success": true, "data": [' + b"{}," * 2_000_000 + b"{}]}"),
    "a bomb": whole(gzip.compress(b" " * 2 * bounds.MAX_BODY, 1), "Content-Encoding: gzip"),
}
SOME = [kind if place % 4 == 0 else pytest.param(kind, marks=full) for place, kind in enumerate(UNREADABLE)]
# Odd headers of an answer that can be read: it is read.
_LIMIT = "x-ratelimit-"
ODD_HEADERS = [
    ("Date: Thu, 26 Nov 2026 10:00:00 +99999999999999999999",),
    ("Date: +99999999999999999999",),
    ("Date: Mon, 01 Jan 0001 00:00:00 -0000",),
    ("Date: Fri, 01 Jan 2999 00:00:00 GMT",),
    ("Date: \xff\xfe",),
    *(
        (f"{_LIMIT}replenish-rate: {rate}", f"{_LIMIT}burst-capacity: {burst}", f"{_LIMIT}remaining: {left}")
        for rate, burst, left in [(5, 10, "-inf"), ("nan", "nan", "nan"), (5, 10, "1e400"), ("1e-12", 5, 0),
                                  (100, 0.5, 0), (100, 10, -(10**9)), ("inf", "inf", "-inf"), (-1, -1, -1)]
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(employees=3, attendances_per_employee=1, absences_per_employee=1, seed=3) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def as_it_is(path, query, body):
    return body


def failures(caplog) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]


def read_one(sandbox, path, answers, context=None, **settings):
    """Read the stream of a path and one other while that path is answered with these bytes."""
    stream = PLACES[path]
    raw = lambda asked, query: answers if asked == path else None  # noqa: E731
    with Altering(sandbox, as_it_is, raw=raw, context=context) as personio:
        config = {"api_url": personio.url, "request_timeout": 5, **settings}
        return Warehouse(sandbox, [stream, "document_categories"], config).read()


@pytest.mark.parametrize(
    "path", [PROJECTS, *(pytest.param(path, marks=full) for path in PLACES if path != PROJECTS)]
)
@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_answer_that_cannot_be_read_fails_its_stream_with_one_sentence(sandbox, caplog, kind, path):
    reading = read_one(sandbox, path, UNREADABLE[kind])
    assert reading.outcomes == {PLACES[path]: "failed", "document_categories": "read"}
    [line] = failures(caplog)
    assert line.startswith(f"Failed {PLACES[path]}: ")
    assert "unexpected" not in line
    assert "report this as a bug" not in line


@needs_openssl
@pytest.mark.parametrize("kind", SOME)
def test_so_it_does_over_tls(sandbox, caplog, kind, tmp_path, monkeypatch):
    context, certificate = self_signed(tmp_path, "IP:127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    reading = read_one(sandbox, PROJECTS, UNREADABLE[kind], context)
    assert reading.outcomes == {"projects": "failed", "document_categories": "read"}
    assert len(failures(caplog)) == 1
    assert "report this as a bug" not in caplog.text


@pytest.mark.parametrize("kind", SOME)
def test_a_login_that_answers_so_ends_the_run_with_one_sentence(sandbox, kind):
    with Altering(
        sandbox, as_it_is, raw=lambda path, query: UNREADABLE[kind] if path == "/v1/auth" else None
    ) as one:
        reading = Warehouse(sandbox, ["projects"], {"api_url": one.url, "request_timeout": 5}).read()
    assert reading.error.startswith(
        ("Personio could not be asked for a token of API v1: ", "Personio refused the login")
    )
    assert reading.messages == []


@pytest.mark.parametrize("status", ["302", "409"])
def test_an_answer_that_is_not_about_the_credential_is_no_refusal_of_it(sandbox, status):
    answer = whole(b"", "Location: /v1/x", status=f"{status} Odd")
    raw = lambda path, query: answer if path == "/v1/auth" else None  # noqa: E731
    with Altering(sandbox, as_it_is, raw=raw) as personio:
        reading = Warehouse(sandbox, ["projects"], {"api_url": personio.url}).read()
    assert reading.error == (
        f"Personio could not be asked for a token of API v1: status {status}; try again later."
    )


@pytest.mark.parametrize("headers", ODD_HEADERS)
def test_an_odd_header_costs_nothing(sandbox, headers):
    reading = read_one(sandbox, PROJECTS, whole(NO_PROJECT, *headers))
    assert reading.error is None
    assert reading.of("STATE")[-1]["value"]["bookmarks"]["projects"]["version"] < 1e13, (
        "a moment of these days"
    )


@pytest.mark.parametrize(
    "value",
    [
        "+99999999999999999999",
        *(
            pytest.param(value, marks=full)
            for value in ("Thu, 26 Nov 2026 10:00:00 +99999999999999999999", "nan", "-inf")
        ),
    ],
)
def test_an_odd_retry_after_counts_as_none(sandbox, caplog, monkeypatch, value):
    monkeypatch.setattr("tap_personio.retries.MAX_WAIT_SECONDS", 0.1)
    read_one(sandbox, PROJECTS, whole(b"", f"Retry-After: {value}", status="429 Too Many Requests"))
    assert failures(caplog)[0].startswith(
        f"Failed projects: v1{PROJECTS[3:]} kept failing (too many requests"
    )


@pytest.mark.parametrize("token", ["a\nb", "a b", "", "ü", "\ud800", "a" * 100_000, "a\r\nX-More: b"])
@pytest.mark.parametrize("path", ["/v1/auth", "/v2/auth/token"])
def test_a_token_that_is_none_is_found_at_the_login_and_never_quoted(sandbox, caplog, capfd, path, token):
    caplog.set_level("DEBUG")
    body = {"success": True, "data": {"token": token}, "access_token": token}
    answer = whole(json.dumps(body).encode())
    with Altering(sandbox, as_it_is, raw=lambda asked, query: answer if asked == path else None) as personio:
        reading = Warehouse(sandbox, ["projects", "jobs"], {"api_url": personio.url}).read()
    sentence = f"Personio could not be asked for a token of API {path[1:3]}: the "
    if path == "/v1/auth":
        assert reading.error.startswith(sentence)
    else:
        assert reading.outcomes == {"projects": "read", "jobs": "failed"}
        assert sentence in caplog.text
    shown = caplog.text + "".join(capfd.readouterr())
    assert "X-More" not in shown
    assert "aaaa" not in shown


def drip(beginning: bytes, repeated: bytes, end: bytes):
    """A little now and then, for half a minute."""

    def answer():
        yield beginning
        for _ in range(300):
            time.sleep(0.1)
            yield repeated
        yield end

    return answer


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
DRIPS = {
    "status line": drip(b"HTTP/1.1 200 ", b"O", b"\r\nContent-Length: 0\r\n\r\n"),
    "headers": drip(b"HTTP/1.1 200 OK\r\nX: ", b"x", b"\r\nContent-Length: 0\r\n\r\n"),
    "interim answers": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n", LENGTH % 0),
    "body": drip(LENGTH % 300, b" ", b""),
    "body without a length": drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ", b""),
    "chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", b"0\r\n\r\n"),
    "trailers": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n", b"\r\n"),
}


@pytest.mark.parametrize("over_tls", [False, pytest.param(True, marks=[needs_openssl, full])])
@pytest.mark.parametrize("what", DRIPS)
def test_an_exchange_that_drips_ends(sandbox, what, over_tls, tmp_path, monkeypatch):
    context = None
    if over_tls:
        context, certificate = self_signed(tmp_path, "IP:127.0.0.1")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Altering(sandbox, as_it_is, raw=lambda path, query: DRIPS[what](), context=context) as personio:
        config = {"client_id": "a", "client_secret": "b", "api_url": personio.url, "request_timeout": 0.3}
        transport = Transport(Settings.from_config(config), connections=1)
        with pytest.raises(TransientError, match=r"no answer from .* in time"):
            transport.exchange("GET", "/v1/x", {})
        transport.close()


def test_a_login_that_drips_ends_the_run(sandbox):
    asked = []

    def raw(path, query):
        asked.append(path)
        return DRIPS["headers"]()

    with Altering(sandbox, as_it_is, raw=raw) as personio:
        reading = Warehouse(sandbox, ["projects"], {"api_url": personio.url, "request_timeout": 0.4}).read()
    assert reading.error.startswith(
        "Personio could not be asked for a token of API v1: no answer from 127.0.0.1:"
    )
    assert asked.count("/v1/auth") == 2


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_bomb_is_not_unpacked_beyond_the_bound(sandbox, times, chunked):
    packed = b"".join(itertools.repeat(gzip.compress(b" " * 2**24), 40))  # 640 MiB in 650 kB
    packed = gzip.compress(packed) if times == 2 else packed
    encoding = ", ".join(["gzip"] * times)
    if chunked:
        head = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: %b\r\n\r\n"
            % encoding.encode()
        )
        answer = [head + b"%x\r\n" % len(packed), packed, b"\r\n0\r\n\r\n"]
    else:
        answer = whole(packed, f"Content-Encoding: {encoding}")
    with Altering(sandbox, as_it_is, raw=lambda path, query: answer) as personio:
        config = {"client_id": "a", "client_secret": "b", "api_url": personio.url}
        transport = Transport(Settings.from_config(config), connections=1)
        tracemalloc.start()
        with pytest.raises(StreamFailedError, match="more than 32 MiB"):
            transport.exchange("GET", "/v1/x", {})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        transport.close()
    assert peak < 2 * bounds.MAX_BODY
