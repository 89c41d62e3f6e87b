"""Requests and responses, and one exchange of them over a pool of connections that all threads share."""

from __future__ import annotations

import contextlib
import errno
import functools
import http.client
import io
import os
import ssl
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from tap_personio.bounds import (
    LARGE_BODY,
    MAX_BODY,
    MAX_COMMAS,
    MAX_CONTAINERS,
    MAX_EXCHANGE_TIMEOUTS,
)
from tap_personio.errors import StreamFailedError, TapPersonioError, TransientError
from tap_personio.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_personio.settings import Settings

CONNECT_TIMEOUT_SECONDS = 15.0
CHUNK = 2**16  # bytes of a large answer that are read at once
# What reading an answer raises that is no HTTP: the size of a chunk may be negative, or no number of bytes at all.
_NO_HTTP = (http.client.HTTPException, ValueError, OverflowError)
# How a TLS connection fails that the other end closed. That says nothing about certificates.
_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


@dataclass(frozen=True, slots=True)
class Request:
    """One GET request.

    Attributes:
        api: `v1` or `v2`.
        path: path below the version, such as `/company/employees`.
        params: query parameters in order; a name may repeat.
        template: the path with placeholders for identifiers, if it has any; requests with the same one share a limit.
        beta: sends `Beta: true`.
        permission: what to tick in Personio's credential dialog, for the message when it is missing.
        replaced_by: stream that replaces this endpoint once Personio ends it.
        is_child: about one record; 404 then means that this record does not exist.
    """

    api: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    template: str = ""
    beta: bool = False
    permission: str = ""
    replaced_by: str = ""
    is_child: bool = False

    @property
    def endpoint(self) -> str:
        """Version and path, without identifiers."""
        return f"{self.api}{self.template or self.path}"

    @property
    def address(self) -> str:
        """Path and query below `api_url`."""
        query = f"?{urlencode(self.params, errors='surrogatepass')}" if self.params else ""
        return f"/{self.api}{self.path}{query}"

    def with_params(self, *params: tuple[str, str]) -> Request:
        """The same request with further parameters."""
        return replace(self, params=self.params + params)


def _read_large(response: urllib3.BaseHTTPResponse, content: bytes) -> bytes:
    """The whole of a body that begins with `content`; nothing if it is larger than a bound.

    Memory of such a size in one piece goes back to the system at once. What a thread asks for in small pieces stays its
    own, and each thread may have had a large answer.
    """
    space, size = bytearray(MAX_BODY + CHUNK), 0
    while content and size <= MAX_BODY:
        space[size : size + len(content)] = content
        size += len(content)
        content = response.read(CHUNK)
    containers, commas = space.count(b"{") + space.count(b"["), space.count(b",")
    if content or containers > MAX_CONTAINERS or commas > MAX_COMMAS:
        return b""
    return bytes(memoryview(space)[:size])


def in_path(identifier: Any) -> str:
    """An identifier, found by `pages.IdReader`, as one part of a path that cannot lead to another endpoint."""
    return quote(str(identifier), safe="", errors="surrogatepass")


@dataclass(slots=True)
class Response:
    """Status, headers and decompressed body of an answer, the seconds that it took, and when it had come."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    came_at: float


class _Deadline(threading.local):
    """When the exchange of this thread has to end, by the monotonic clock."""

    at = float("inf")


_deadline = _Deadline()


class _UntilDeadline(io.RawIOBase):
    """Reads from a socket until the deadline of its thread: the socket's own timeout begins anew with each byte."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > _deadline.at:
            raise TimeoutError
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """A response whose reads end at the deadline."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach()))


class Transport(HTTPAdapter):
    """Exchanges requests and responses with the host of `api_url`.

    Proxies and certificates come from the environment, as requests reads them. The rest of what a `requests.Session`
    does is left out: a .netrc must never replace the token, a redirect must never carry it elsewhere, and the API has
    no cookies. That also saves 0.5 ms of CPU a request (0.2 ms instead of 0.7 ms for a page of 90 KB).

    Args:
        settings: with the address, the timeout and the headers of every request.
        connections: how many connections are kept open.
    """

    def __init__(self, settings: Settings, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self._url = settings.api_url
        address = urlsplit(self._url)
        self._prefix, self._is_loopback = address.path, is_loopback(address.hostname or "")
        connect = min(CONNECT_TIMEOUT_SECONDS, settings.request_timeout)
        self._timeout = urllib3.Timeout(connect=connect, read=settings.request_timeout)
        self._large = threading.Lock()
        self._seconds = MAX_EXCHANGE_TIMEOUTS * settings.request_timeout
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": settings.user_agent,
            "X-Personio-App-ID": settings.app_id,
            "X-Personio-Partner-ID": settings.partner_id,
        }
        self._headers = {name: value for name, value in headers.items() if value}

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None = None
    ) -> Response:
        """Send one request and wait for the whole answer, whatever its status. Redirects are not followed.

        Args:
            method: HTTP method.
            path: path and query below `api_url`, encoded.
            headers: beside those that every request has.
            body: for POST.

        Raises:
            TransientError: no answer, or not all of it.
            StreamFailedError: the answer is larger than any that makes sense.
            TapPersonioError: the server's certificate cannot be trusted.
        """
        began = time.monotonic()
        _deadline.at = began + self._seconds
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers={**self._headers, **headers},
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,
            )
            with contextlib.closing(response):  # the connection too, if not everything was read
                content = self._read(response)
        except (urllib3.exceptions.HTTPError, OSError, *_NO_HTTP) as error:
            raise self._explain(error) from None
        now = time.monotonic()
        return Response(response.status, response.headers, content, now - began, now)

    def _read(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """The unpacked body. Of large ones only one is read at a time: those of hostile servers may all be large."""
        if (response.length_remaining or 0) <= MAX_BODY:
            content = response.read(LARGE_BODY + 1)
            if len(content) <= LARGE_BODY:
                return content
            with self._large:
                content = _read_large(response, content)
            if content:
                return content
        msg = f"an answer has more than {MAX_BODY >> 20} MiB, or millions of values, so that it was not read"
        raise StreamFailedError(msg)

    @functools.cached_property
    def _pool(self) -> urllib3.HTTPConnectionPool:
        with requests.Session() as session:
            settings = session.merge_environment_settings(self._url, {}, stream=False, verify=True, cert=None)
        # What stays on this machine needs no proxy, which would see it unencrypted.
        verify, proxies = settings["verify"] or True, {} if self._is_loopback else dict(settings["proxies"])
        try:
            request = requests.Request("GET", self._url).prepare()
            found = self.get_connection_with_tls_context(request, verify, proxies=proxies)
            pool = cast("urllib3.HTTPConnectionPool", found)
            self.cert_verify(pool, self._url, verify, None)  # type: ignore[no-untyped-call]
        except OSError as error:
            msg = "The certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read: check the path."
            raise TapPersonioError(msg) from error
        pool.ConnectionCls = type("Connection", (pool.ConnectionCls,), {"response_class": _TimedResponse})
        return pool

    def close(self) -> None:
        """Close the connections that nobody uses."""
        if "_pool" in self.__dict__:
            self._pool.close()
        super().close()

    def _explain(self, error: Exception) -> TapPersonioError | TransientError:
        """What an error means. Its own text may hold the address with its query; the kind is enough."""
        cause = error.args[0] if error.args else None
        if isinstance(error, urllib3.exceptions.SSLError) and not isinstance(cause, _BROKEN_OFF):
            return TapPersonioError(
                f"The TLS certificate of {urlsplit(self._url).hostname} (setting api_url) cannot be trusted: "
                "check the address, the machine's certificates (REQUESTS_CA_BUNDLE) or a proxy in between."
            )
        host = urlsplit(self._url).netloc
        if isinstance(error, urllib3.exceptions.NameResolutionError):
            return TransientError(f"the name {host} cannot be resolved")
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # counts as a time-out in urllib3
        if isinstance(error, (TimeoutError, urllib3.exceptions.TimeoutError)) and not refused:
            return TransientError(f"no answer from {host} in time", is_slow=time.monotonic() > _deadline.at)
        if isinstance(error, urllib3.exceptions.ProxyError):
            return TransientError(f"the proxy to {host} did not answer or refused{_reason(error)}")
        if isinstance(error, _NO_HTTP) and not isinstance(error, urllib3.exceptions.HTTPError):
            return TransientError(f"what {host} answers is no HTTP")
        return TransientError(f"the connection to {host} failed or broke off{_reason(error)}")


def _reason(error: BaseException | None) -> str:
    """What the system says about the first cause, in its own words: those of the libraries may hold the address."""
    found = ""
    while error is not None:
        # The numbers of TLS errors are OpenSSL's own.
        number = error.errno if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
        if number in errno.errorcode:
            found = f" ({os.strerror(number or 0)})"
        inner = [error.__cause__, error.__context__, *error.args]
        error = next((each for each in inner if isinstance(each, BaseException)), None)
    return found
