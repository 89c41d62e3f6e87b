"""The HTTP client: tokens, rate limits, retries, and several requests in flight.

Each stream asks from a thread of its own. That thread waits for rate limits and before retries, so a waiting stream
occupies no connection. The threads of `Workers` make one attempt each.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

from tap_personio import responses
from tap_personio.auth import LOGINS, Token
from tap_personio.errors import (
    UNREADABLE,
    LoginRefusedError,
    RecordMissingError,
    RecordRefusedError,
    StreamFailedError,
    StreamUnavailableError,
    TapPersonioError,
    TransientError,
    unexpected,
)
from tap_personio.progress import StreamStats
from tap_personio.rate_limits import RateLimits
from tap_personio.retries import RETRIES, Retries, wait
from tap_personio.transport import Request, Response, Transport
from tap_personio.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from tap_personio.settings import Settings

logger = logging.getLogger("tap-personio")

# A refused login is repeated this often: more could lock the account.
LOGIN_REPEATS = 2
# What is wrong with the credential, or with the account. Anything else, such as a redirect, tells nothing about it.
REFUSED_LOGINS = frozenset({400, *responses.FORBIDDEN, 404, 410, 412, 422})

T = TypeVar("T")


class Client:
    """Reads Personio with one credential. All methods may be called from any thread.

    Args:
        settings: checked settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.host = urlsplit(settings.api_url).netloc.lower()
        self._transport = Transport(settings, settings.concurrency + len(LOGINS))
        self.limits = RateLimits(settings.v1_requests_per_minute)
        self.retries = Retries(settings.retry_wait, self.limits)
        self._tokens = {api: Token(lambda api=api: self._log_in(api)) for api in LOGINS}  # type: ignore[misc]
        self._free_workers = threading.Semaphore(settings.concurrency)
        self._workers = Workers(settings.concurrency)
        self._clock_offset: dt.timedelta | None = None
        # Endpoint -> the token that it refused although it was fresh: its next refusal needs no login.
        self._refused: dict[str, str] = {}

    def now(self) -> dt.datetime:
        """The present moment by Personio's clock, as its Date header tells. Before the first response, by ours."""
        return dt.datetime.now(dt.UTC) + (self._clock_offset or dt.timedelta())

    def log_in(self) -> None:
        """Make sure that there is a token for API v1. Raises TapPersonioError.

        The one for v2 is asked for at the same time. How that ended is told to whoever uses it.
        """
        self._workers.submit(self._tokens["v2"].value)
        try:
            self._tokens["v1"].value()
        except StreamFailedError as error:
            msg = f"{error.message}."
            raise TapPersonioError(msg) from None

    def get(self, request: Request, parse: Callable[[bytes], T], stats: StreamStats | None = None) -> T:
        """The parsed response to one request. Raises like `get_each`, and RecordMissingError."""
        return _Fetch(self, request, parse, stats or StreamStats()).result()

    def get_all(
        self, requests: Iterable[Request], parse: Callable[[bytes], T], stats: StreamStats | None = None
    ) -> Iterator[T]:
        """The parsed responses in the order of the requests, several in flight. Raises like `get_each`."""
        for _, parsed in self.get_each(((None, request) for request in requests), parse, stats):
            if isinstance(parsed, StreamFailedError):
                raise parsed
            yield parsed

    def get_each(
        self,
        labelled: Iterable[tuple[Any, Request]],
        parse: Callable[[bytes], T],
        stats: StreamStats | None = None,
    ) -> Iterator[tuple[Any, T | RecordMissingError | RecordRefusedError]]:
        """Like `get_all`, each response with the label of its request; the error where it is about a single record.

        Args:
            labelled: labels and requests, taken one by one as places get free (the setting concurrency).
            parse: turns a body into what is wanted; the request is repeated if it raises one of UNREADABLE or
                TransientError.
            stats: counts requests, retries and waits.

        Raises:
            StreamUnavailableError: the right or the feature is missing.
            StreamFailedError: it kept failing, or the response makes no sense.
            LoginRefusedError: Personio does not accept the credential.
        """
        stats = stats or StreamStats()
        source = iter(labelled)
        in_flight: deque[tuple[Any, _Fetch[T]]] = deque()
        try:
            while True:
                for label, request in itertools.islice(source, self._settings.concurrency - len(in_flight)):
                    in_flight.append((label, _Fetch(self, request, parse, stats)))
                if not in_flight:
                    return
                label, fetch = in_flight.popleft()
                try:
                    yield label, fetch.result()
                except (RecordMissingError, RecordRefusedError) as error:
                    yield label, error
        finally:
            for _, fetch in in_flight:
                fetch.cancel()

    def close(self) -> None:
        """Close all connections. A run that ends does not need it; a process that goes on does."""
        self._workers.close()
        self._transport.close()

    # -- for _Fetch -------------------------------------------------------------------------------------------

    def submit(self, request: Request, stats: StreamStats) -> Future[tuple[str, Response]]:
        """Wait for a free worker and for the endpoint's limit, then send the request once.

        Returns:
            The token that it was sent with, and the response.
        """
        self._free_workers.acquire()
        while seconds := self.limits.take(request.endpoint):
            self._free_workers.release()
            wait(seconds, stats)
            self._free_workers.acquire()
        stats.requests += 1
        future = self._workers.submit(functools.partial(self._exchange, request))
        future.add_done_callback(lambda _: self._free_workers.release())
        return future

    def _exchange(self, request: Request) -> tuple[str, Response]:
        token = self._tokens[request.api].value()
        headers = {"Authorization": f"Bearer {token}"} | ({"Beta": "true"} if request.beta else {})
        response = self._transport.exchange("GET", request.address, headers)
        self._learn_time(response)
        self.limits.learn(request.endpoint, response.status, response.headers)
        return token, response

    def renew_token(self, api: str, refused: str) -> bool:
        """Log in again, unless another request already did after the `refused` token. Returns whether it did."""
        return self._tokens[api].renew(refused)

    def is_refused(self, endpoint: str, token: str) -> bool:
        """Whether the endpoint refused this token before, when it was fresh."""
        return self._refused.get(endpoint) == token

    def note_refused(self, endpoint: str, token: str | None) -> None:
        """Note the token that an endpoint refused; None forgets it, so that the next refusal is looked into."""
        self._refused[endpoint] = token or ""

    def _learn_time(self, response: Response) -> None:
        if self._clock_offset is None and (moment := responses.http_date(response.headers.get("Date"))):
            offset = moment - dt.datetime.now(dt.UTC)
            # The header has whole seconds: below that, both clocks agree.
            self._clock_offset = offset if abs(offset.total_seconds()) > 2 else dt.timedelta()

    # -- login ------------------------------------------------------------------------------------------------

    def _log_in(self, api: str) -> tuple[str, float | None]:
        endpoint = f"{api}{LOGINS[api].path}"
        stats, refusals = StreamStats(), list[_RefusedOnceError]()

        def attempt() -> tuple[str, float | None]:
            while seconds := self.limits.take(endpoint):
                wait(seconds, stats)
            try:
                return self._try_login(api)
            except _RefusedOnceError as refusal:
                refusals.append(refusal)
                if len(refusals) > LOGIN_REPEATS:
                    raise refusal.meaning from None
                raise TransientError(str(refusal)) from None
            except UNREADABLE:
                msg = "the answer is not the JSON that was expected"
                raise TransientError(msg) from None

        try:
            return self.retries.call(attempt, f"Login to API {api}", endpoint, stats)
        except (TransientError, StreamFailedError) as error:
            msg = f"Personio could not be asked for a token of API {api}: {error}; try again later"
            raise StreamFailedError(msg) from None

    def _try_login(self, api: str) -> tuple[str, float | None]:
        login = LOGINS[api]
        credential = {"client_id": self._settings.client_id, "client_secret": self._settings.client_secret}
        if login.json_body:
            headers, body = {"Content-Type": "application/json"}, json.dumps(credential)
        else:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode({"grant_type": "client_credentials", **credential})
        response = self._transport.exchange("POST", f"/{api}{login.path}", headers, body)
        self._learn_time(response)
        if response.status == 200:
            return login.read(response.body)
        if response.status not in REFUSED_LOGINS:
            raise responses.transient(response)
        error: TapPersonioError
        if api == "v2":
            self._tokens["v1"].value()  # raises where API v1 refuses the credential too
            msg = f"Personio refuses this credential the login to API v2 (status {response.status})"
            error = (StreamFailedError if self._tokens[api].ever_granted else StreamUnavailableError)(msg)
        else:
            msg = (
                f"Personio refused the login (API {api}, status {response.status}): check the settings client_id and "
                "client_secret, and that the credential has not been revoked."
            )
            error = LoginRefusedError(msg)
        if response.status in responses.FORBIDDEN:
            raise _RefusedOnceError(response.status, error)
        raise error


class _RefusedOnceError(Exception):
    """A login was refused, which also happens to a right credential now and then; `meaning`: if it lasts."""

    def __init__(self, status: int, meaning: TapPersonioError) -> None:
        super().__init__(f"the login was refused (status {status})")
        self.meaning = meaning


class _Fetch(Generic[T]):
    """One request, sent at once; `result` waits for the response and repeats what failed."""

    def __init__(
        self, client: Client, request: Request, parse: Callable[[bytes], T], stats: StreamStats
    ) -> None:
        self._client, self._request, self._parse, self._stats = client, request, parse, stats
        self._future: Future[tuple[str, Response]] | None = client.submit(request, stats)
        self._renewals = self._outdated = 0

    def cancel(self) -> None:
        """Nobody wants the response any more."""
        if self._future is not None:
            self._future.cancel()

    def result(self) -> T:
        """The parsed response. Raises like `Client.get_each`, and RecordMissingError."""
        name = self._stats.stream or self._request.endpoint
        try:
            return self._client.retries.call(self._attempt, name, self._request.endpoint, self._stats)
        except TransientError as error:
            msg = f"{self._request.endpoint} kept failing ({error}); try again later"
            failure: TapPersonioError = StreamFailedError(msg)
        except TapPersonioError as error:
            failure = error
        except Exception as error:
            failure = unexpected(error)
        # Without what led to it, which would keep the response in memory.
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)

    def _attempt(self) -> T:
        response = self._accepted()
        responses.raise_for_response(self._request, response)
        try:
            return self._parse(response.body)
        except UNREADABLE:
            msg = "the answer is not the JSON that was expected"
            raise TransientError(msg) from None

    def _accepted(self) -> Response:
        """The response, asked for again where the token was refused: with a fresh one, then after a moment.

        Only a token that was current and still refused says that a right is missing. One that another request
        renewed meanwhile does not count, within a bound.
        """
        client, request = self._client, self._request
        while True:
            future, self._future = self._future or client.submit(request, self._stats), None
            token, response = future.result()
            self._stats.request_seconds += response.seconds
            if response.status not in responses.FORBIDDEN:
                return response
            if request.is_child and client.is_refused(request.endpoint, token):
                return response
            if self._renewals > 1 or self._outdated > RETRIES:
                client.note_refused(request.endpoint, token)
                return response
            if self._renewals:
                client.retries.wait_a_moment(self._stats)
            renewed = client.renew_token(request.api, token)
            self._renewals += renewed
            self._outdated += not renewed
            self._stats.repeated += 1
