"""Requests, answers, and a kept-alive connection to Personio that exchanges them."""

from __future__ import annotations

import functools
import gzip
import http.client
import ssl
import threading
import zlib
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from tap_personio.errors import TapPersonioError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from tap_personio.settings import Settings

CONNECT_TIMEOUT_SECONDS = 15.0
# What TLS makes of a connection that the other end closes, which says nothing about certificates.
_BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_FAULTS = (
    *(OSError, http.client.HTTPException, EOFError, zlib.error),
    *(requests.exceptions.RequestException, urllib3.exceptions.HTTPError),
)


@dataclass(frozen=True, slots=True)
class Request:
    """One GET request.

    Attributes:
        api: `v1` or `v2`.
        path: path below the version, such as `/company/employees`.
        params: query parameters in order; a name may repeat.
        endpoint: name of the rate limit, the path with placeholders for identifiers; default the path.
        beta: sends `Beta: true`.
        right: what to tick in Personio's credential dialog, for the message when it is missing.
        successor: stream that replaces this endpoint once Personio ends it.
        is_child: about one record; 404 then means that this record does not exist.
    """

    api: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    template: str = ""
    beta: bool = False
    right: str = ""
    successor: str = ""
    is_child: bool = False

    @property
    def endpoint(self) -> str:
        """Version and path, without identifiers."""
        return f"{self.api}{self.template or self.path}"

    def with_params(self, *params: tuple[str, str]) -> Request:
        """The same request with further parameters."""
        return replace(self, params=self.params + params)


@dataclass(slots=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Exchanges requests and answers, one after the other, for one thread at a time.

    Between `send` and `receive` the answer travels, and the thread may do something else.

    Proxies and certificates come from the environment as everywhere. Everything else that a `requests.Session` does on
    the way is left out: a .netrc must never replace the token, a redirect must never carry it elsewhere, and cookies
    are not part of the API. That also saves most of the processor's time.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.api_url
        self._host = urlsplit(self._url).hostname
        self._connect_seconds = min(CONNECT_TIMEOUT_SECONDS, settings.request_timeout)
        self._read_seconds = settings.request_timeout
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
            "User-Agent": settings.user_agent,
        }
        for name, value in (
            ("X-Personio-App-ID", settings.app_id),
            ("X-Personio-Partner-ID", settings.partner_id),
        ):
            if value:
                self._headers[name] = value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        """Whoever lets go of a tap has nothing to close."""
        self.close()

    def close(self) -> None:
        """Hang up; an answer that is under way is lost."""
        if "_way" in self.__dict__:
            self._way.close()

    def post(self, url: str, content_type: str, body: str) -> Answer:
        """Exchange a POST request. Raises TransientError."""
        self._send("POST", url, {"Content-Type": content_type}, body.encode())
        return self.receive()

    def send(self, url: str, headers: Mapping[str, str]) -> None:
        """Send a GET request to an address that is encoded already; `receive` has to follow. Raises TransientError."""
        self._send("GET", url, headers, None)

    def receive(self) -> Answer:
        """The answer to what was sent. Raises TransientError."""
        try:
            return self._way.receive()
        except _FAULTS as error:
            raise self._explain(error) from None

    def comes_in(self, seconds: float) -> bool:
        """Wait so long for an answer, and say whether there is one (or a fault) to receive."""
        return self._way.comes_in(seconds)

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> None:
        try:
            self._way.send(method, url, content, {**self._headers, **headers})
        except _FAULTS as error:
            raise self._explain(error) from None

    @functools.cached_property
    def _way(self) -> _Direct | _Proxied:
        """How to reach Personio, as the environment says."""
        verify, proxies = _environment(self._url)
        try:
            if select_proxy(self._url, proxies):
                return _Proxied(self._url, verify, proxies, self._connect_seconds, self._read_seconds)
            return _Direct(self._url, verify, self._connect_seconds, self._read_seconds)
        except OSError as error:
            msg = "The certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read: check the path."
            raise TapPersonioError(msg) from error

    def _explain(self, fault: Exception) -> TapPersonioError | TransientError:
        """What a fault means. Its own text may hold the address with query parameters; the kind is enough."""
        if isinstance(fault, _BROKEN_OFF):
            return TransientError("the connection broke off")
        if isinstance(fault, (ssl.SSLError, urllib3.exceptions.SSLError)):
            return TapPersonioError(
                f"The TLS certificate of {self._host} (setting api_url) cannot be trusted: "
                f"check the address, the machine's certificates (REQUESTS_CA_BUNDLE) or a proxy in between."
            )
        if isinstance(fault, (TimeoutError, urllib3.exceptions.TimeoutError)):
            return TransientError("no answer in time")
        if isinstance(fault, urllib3.exceptions.ProxyError):
            return TransientError("the proxy did not answer")
        return TransientError("the connection failed or broke off")


def _environment(url: str) -> tuple[bool | str, dict[str, str]]:
    """The certificates to trust and the proxies to take, as requests reads them from the environment."""
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, stream=False, verify=True, cert=None)
    return found["verify"] or True, dict(found["proxies"])


@functools.cache
def _tls(bundle: Path) -> ssl.SSLContext:
    if bundle.is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


class _Direct:
    """A connection without a proxy in between, by the standard library: urllib3 takes twice its time."""

    def __init__(self, url: str, verify: bool | str, connect_seconds: float, read_seconds: float) -> None:
        parts = urlsplit(url)
        host, self._origin = parts.hostname or "", _origin(url)
        if parts.scheme == "https":
            context = _tls(Path(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH))
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=connect_seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, parts.port, timeout=connect_seconds)
        self._read_seconds = read_seconds

    def send(self, method: str, url: str, content: bytes | None, headers: dict[str, str]) -> None:
        connection = self._connection
        # Nothing is to come between two answers but the other end's goodbye.
        try:
            if connection.sock is None or self.comes_in(0):
                connection.close()
                connection.connect()
                connection.sock.settimeout(self._read_seconds)
            connection.request(method, url.removeprefix(self._origin), content, headers)
        except BaseException:
            connection.close()
            raise

    def comes_in(self, seconds: float) -> bool:
        return urllib3.util.wait_for_read(self._connection.sock, seconds)

    def receive(self) -> Answer:
        try:
            response = self._connection.getresponse()
            body = response.read()
        except BaseException:
            self._connection.close()
            raise
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return Answer(response.status, cast("Mapping[str, str]", response.headers), body)

    def close(self) -> None:
        self._connection.close()


class _Proxied(HTTPAdapter):
    """A connection by way of a proxy, as requests and urllib3 make it: an exchange cannot be divided there.

    So each has a thread. It is a daemon: a run that ends early does not wait for an answer nobody will read.
    """

    def __init__(
        self,
        url: str,
        verify: bool | str,
        proxies: dict[str, str],
        connect_seconds: float,
        read_seconds: float,
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        request = requests.PreparedRequest()
        request.url = url
        pool = self.get_connection_with_tls_context(request, verify, proxies=proxies)
        self.cert_verify(pool, url, verify, None)  # type: ignore[no-untyped-call]
        self._pool = cast("urllib3.HTTPConnectionPool", pool)
        whole = self.request_url(request, proxies).startswith("http")
        self._left_out = "" if whole else _origin(url)
        self._timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
        self._answer: Future[Answer] = Future()

    def send(self, method: str, url: str, content: bytes | None, headers: dict[str, str]) -> None:  # type: ignore[override]
        self._answer = Future()
        exchange = functools.partial(self._exchange, self._answer, method, url, content, headers)
        threading.Thread(target=exchange, name="tap-personio-http", daemon=True).start()

    def comes_in(self, seconds: float) -> bool:
        return bool(wait([self._answer], seconds).done)

    def receive(self) -> Answer:
        return self._answer.result()

    def _exchange(
        self, answer: Future[Answer], method: str, url: str, content: bytes | None, headers: dict[str, str]
    ) -> None:
        try:
            response = self._pool.urlopen(
                method,
                url.removeprefix(self._left_out),
                body=content,
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
            )
            answer.set_result(Answer(response.status, response.headers, response.data))
        except BaseException as error:
            answer.set_exception(error)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
