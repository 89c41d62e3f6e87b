"""Requests, answers, and one kept-alive connection to Personio to exchange them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from tap_personio.errors import TapPersonioError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

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


class Connection:
    """Exchanges requests and answers, one after the other, for one thread.

    Proxies and certificates come from the environment as everywhere. Everything else that a `requests.Session` does on
    the way is left out: a .netrc must never replace the token, a redirect must never carry it elsewhere, and cookies
    are not part of the API. It also costs a third of the time.
    """

    def __init__(self, settings: Settings) -> None:
        with requests.Session() as session:
            environment = session.merge_environment_settings(
                settings.api_url, {}, stream=False, verify=True, cert=None
            )
        self._proxies = environment["proxies"]
        self._verify = environment["verify"]
        self._timeout = (min(CONNECT_TIMEOUT_SECONDS, settings.request_timeout), settings.request_timeout)
        self._host = urlsplit(settings.api_url).hostname
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
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

    def _send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, content
        request.headers = CaseInsensitiveDict({**self._headers, **headers})
        if content is not None:
            request.headers["Content-Length"] = str(len(content))
        try:
            response = self._adapter.send(
                request, timeout=self._timeout, verify=self._verify or True, proxies=self._proxies
            )
            # In one piece: `content` reads ten kilobytes at a time, and lets go of the interpreter for each.
            body = response.raw.read(decode_content=True)
            return Answer(response.status_code, response.headers, body)
        except requests.exceptions.SSLError as error:
            msg = (
                f"The TLS certificate of {self._host} (setting api_url) cannot be trusted: "
                f"check the address, the machine's certificates (REQUESTS_CA_BUNDLE) or a proxy in between."
            )
            raise TapPersonioError(msg) from error
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            msg = "no answer in time"
            raise TransientError(msg) from None
        except requests.exceptions.ProxyError:
            msg = "the proxy did not answer"
            raise TransientError(msg) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
            # Its text may hold the URL with query parameters; the kind is enough.
            msg = "the connection failed or broke off"
            raise TransientError(msg) from None
