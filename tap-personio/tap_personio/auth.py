"""The two tokens: API v1 and v2 have a login of their own.

Pages: developer.personio.de/reference/auth and /reference/post_v2-auth-token.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from tap_personio.bounds import MAX_TOKEN
from tap_personio.errors import TapPersonioError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

# A token that ends within this time is renewed before it is used.
LEEWAY_SECONDS = 120.0
# A token is used at least so long, whatever its lifetime: otherwise each request could ask for another one.
LEAST_LIFETIME_SECONDS = 30.0
DEFAULT_LIFETIME_SECONDS = 86_400.0


class _V1Data(msgspec.Struct):
    token: str
    expires_in: float | None = None


class _V1Login(msgspec.Struct):
    data: _V1Data | None = None
    success: bool = True


class _V2Login(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


class Login(msgspec.Struct, frozen=True):
    """How one API version logs in: `path`, and how the body is written and the answer read."""

    path: str
    json_body: bool
    read: Callable[[bytes], tuple[str, float | None]]


def _read_v1(body: bytes) -> tuple[str, float | None]:
    answer = msgspec.json.decode(body, type=_V1Login)
    if answer.data is None or not answer.success:
        msg = "the login answered without a token"
        raise TransientError(msg)
    return _usable(answer.data.token), answer.data.expires_in


def _read_v2(body: bytes) -> tuple[str, float | None]:
    answer = msgspec.json.decode(body, type=_V2Login)
    return _usable(answer.access_token), answer.expires_in


def _usable(token: str) -> str:
    """The token, which goes into a header: checked here, because Python's own error would quote it."""
    if len(token) <= MAX_TOKEN and re.fullmatch("[!-~]+", token):
        return token
    msg = "the login answered with a token that is none"
    raise TransientError(msg)


LOGINS = {
    "v1": Login("/auth", json_body=True, read=_read_v1),
    "v2": Login("/auth/token", json_body=False, read=_read_v2),
}


class Token:
    """The bearer token of one API version, shared by all threads.

    Args:
        log_in: performs the login and returns the token and its remaining seconds; raises LoginRefusedError
            when Personio does not accept the credential, StreamUnavailableError when it does not accept it for one
            API only, StreamFailedError when it could not be asked. What it raises is raised from then on.
    """

    def __init__(self, log_in: Callable[[], tuple[str, float | None]]) -> None:
        self._log_in = log_in
        self._value: str | None = None
        self._ends = 0.0
        self._failure: TapPersonioError | None = None
        self._lock = threading.Lock()

    def value(self) -> str:
        """The token to use now; a fresh one when there is none or it ends soon."""
        with self._lock:
            if self._value is None or time.monotonic() > self._ends:
                self._renew()
            assert self._value is not None  # noqa: S101 - set by the line above
            return self._value

    @property
    def ever_granted(self) -> bool:
        """Whether there ever was a token."""
        return self._value is not None

    def renew(self, refused: str) -> bool:
        """Log in again if `refused` is still the current token. Returns whether it was.

        The fresh token may be the same text: API v1 hands out one token for 24 hours.
        """
        with self._lock:
            if self._value != refused:
                return False
            self._renew()
            return True

    def _renew(self) -> None:
        if self._failure:
            raise self._failure
        try:
            self._value, lifetime = self._log_in()
        except TapPersonioError as failure:
            self._failure = failure
            raise
        lifetime = DEFAULT_LIFETIME_SECONDS if lifetime is None else lifetime
        self._ends = time.monotonic() + max(lifetime - LEEWAY_SECONDS, lifetime / 2, LEAST_LIFETIME_SECONDS)
