"""Requests, answers, and one kept-alive connection to Personio to exchange them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from tap_personio.errors import TapPersonioError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from urllib3.connectionpool import HTTPConnectionPool

    from tap_personio.settings import Settings

CONNECT_TIMEOUT_SECONDS = 15.0


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
    """Status, headers and body of an answer, and the token that the request carried."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    token: str = ""


class _Adapter(HTTPAdapter):
    """What requests knows of proxies and certificates; it offers these methods to subclasses."""

    def pool(self, url: str, verify: bool | str, proxies: dict[str, str]) -> tuple[HTTPConnectionPool, bool]:
        """The pool for an address, and whether its proxy wants to be told whole addresses."""
        request = requests.PreparedRequest()
        request.url = url
        pool = self.get_connection_with_tls_context(request, verify, proxies=proxies)
        self.cert_verify(pool, url, verify, None)  # type: ignore[no-untyped-call]
        return cast("HTTPConnectionPool", pool), self.request_url(request, proxies).startswith("http")


class Connection:
    """Exchanges requests and answers, one after the other, for one thread.

    Proxies and certificates come from the environment as everywhere. Everything else that a `requests.Session` does on
    the way is left out: a .netrc must never replace the token, a redirect must never carry it elsewhere, and cookies
    are not part of the API. That also saves a good part of the processor's time.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.api_url
        parts = urlsplit(self._url)
        self._host, self._origin = parts.hostname, f"{parts.scheme}://{parts.netloc}"
        connect = min(CONNECT_TIMEOUT_SECONDS, settings.request_timeout)
        self._timeout = urllib3.Timeout(connect=connect, read=settings.request_timeout)
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=1)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
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

    def close(self) -> None:
        """Hang up."""
        self._adapter.close()

    def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Send a GET request to an address that is encoded already. Raises TransientError."""
        return self._send("GET", url, headers, None)

    def post(self, url: str, content_type: str, body: str) -> Answer:
        """Send a POST request. Raises TransientError."""
        return self._send("POST", url, {"Content-Type": content_type}, body.encode())

    @cached_property
    def _pool(self) -> tuple[HTTPConnectionPool, bool]:
        with requests.Session() as session:
            environment = session.merge_environment_settings(
                self._url, {}, stream=False, verify=True, cert=None
            )
        try:
            return self._adapter.pool(self._url, environment["verify"] or True, dict(environment["proxies"]))
        except OSError as error:
            msg = "The certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names cannot be read: check the path."
            raise TapPersonioError(msg) from error

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        try:
            pool, wants_whole_address = self._pool
            response = pool.urlopen(
                method,
                url if wants_whole_address else url.removeprefix(self._origin),
                body=content,
                headers={**self._headers, **headers},
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
            )
            return Answer(response.status, response.headers, response.data)
        except urllib3.exceptions.SSLError as error:
            msg = (
                f"The TLS certificate of {self._host} (setting api_url) cannot be trusted: "
                f"check the address, the machine's certificates (REQUESTS_CA_BUNDLE) or a proxy in between."
            )
            raise TapPersonioError(msg) from error
        except urllib3.exceptions.TimeoutError:
            msg = "no answer in time"
            raise TransientError(msg) from None
        except urllib3.exceptions.ProxyError:
            msg = "the proxy did not answer"
            raise TransientError(msg) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
            # Its text may hold the URL with query parameters; the kind is enough.
            msg = "the connection failed or broke off"
            raise TransientError(msg) from None
