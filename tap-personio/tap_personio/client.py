"""HTTP to Personio: one place for tokens, limits, repetitions and requests in flight.

Callers (one feeding thread per stream, see `feeding`) wait for limits, send several requests ahead, repeat what failed
in passing, and get their answers in the order asked.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import itertools
import json
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from tap_personio import availability
from tap_personio.auth import LOGINS, Token
from tap_personio.connection import Connection
from tap_personio.errors import (
    LoginRefusedError,
    RecordMissingError,
    StreamFailedError,
    StreamUnavailableError,
    TransientError,
)
from tap_personio.exchange import Exchanges
from tap_personio.limits import Limits, backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_personio.connection import Answer, Request
    from tap_personio.exchange import Exchange
    from tap_personio.settings import Settings

logger = logging.getLogger("tap-personio")

# A request is tried once and then repeated this often.
REPETITIONS = 5

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What a stream cost: requests sent, repetitions among them, seconds spent waiting."""

    requests: int = 0
    repeated: int = 0
    waited: float = 0.0


class Client:
    """Reads Personio with one credential.

    Args:
        settings: checked settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = Limits()
        self._exchanges = Exchanges(settings, self._learn)
        self._tokens = {api: Token(lambda api=api: self._log_in(api)) for api in LOGINS}  # type: ignore[misc]
        self._server_time_ahead: dt.timedelta | None = None
        self.host = urlsplit(settings.api_url).netloc.lower()

    # -- what callers use -------------------------------------------------------------------------------------

    def now(self) -> dt.datetime:
        """The present moment by Personio's clock (from its Date header), so that ours may stand wrong.

        Before the first answer, our clock is asked.
        """
        return dt.datetime.now(dt.UTC) + (self._server_time_ahead or dt.timedelta())

    def log_in(self, api: str) -> None:
        """Make sure that there is a token. Raises LoginRefusedError."""
        self._tokens[api].value()

    def get(self, request: Request, parse: Callable[[bytes], T], caller: Caller | None = None) -> T:
        """Answer of one request, parsed. Raises what `availability.check` raises, or StreamFailedError."""
        for answer in self.get_all([request], parse, caller):
            return answer
        raise AssertionError

    def get_all(
        self, wanted: Iterable[Request], parse: Callable[[bytes], T], caller: Caller | None = None
    ) -> Iterator[T]:
        """Answers in the order of the requests, with as many in flight as the setting concurrency allows.

        Args:
            wanted: requests; taken one by one as places get free.
            parse: turns a body into what is wanted; a msgspec.MsgspecError or TransientError repeats the request.
            caller: on whose behalf, for priority and tally.
        """
        for _, answer in self.get_each(((None, request) for request in wanted), parse, caller):
            if answer is None:
                msg = "a record that was announced does not exist"
                raise StreamFailedError(msg)
            yield answer

    def get_each(
        self,
        wanted: Iterable[tuple[Any, Request]],
        parse: Callable[[bytes], T],
        caller: Caller | None = None,
    ) -> Iterator[tuple[Any, T | None]]:
        """Like `get_all`, each answer with the label of its request; None for a record that does not exist."""
        caller = caller or Caller()
        source = iter(wanted)
        window: deque[tuple[Any, _Call[T]]] = deque()
        try:
            while True:
                for label, request in itertools.islice(source, self._settings.concurrency - len(window)):
                    window.append((label, _Call(self, request, parse, caller)))
                if not window:
                    return
                label, call = window.popleft()
                try:
                    yield label, call.result()
                except RecordMissingError:
                    yield label, None
        finally:
            for _, call in window:
                call.abandon()

    # -- exchange ---------------------------------------------------------------------------------------------

    def send(self, request: Request, caller: Caller) -> Exchange:
        """Wait for a connection and for the endpoint's limit, then send the request."""
        bucket = self._limits.bucket(request.endpoint)
        connection = self._exchanges.connect(caller.priority)
        while seconds := bucket.take():
            self._exchanges.release(connection)
            self.wait(seconds, caller)
            connection = self._exchanges.connect(caller.priority)
        caller.tally.requests += 1
        return self._exchanges.begin(connection, request, self._tokens[request.api])

    def wait(self, seconds: float, caller: Caller) -> None:
        """Sleep and count it; answers that come meanwhile are received."""
        caller.tally.waited += seconds
        self._exchanges.wait(seconds)

    def receive_all(self) -> None:
        """Receive what is under way to this thread, which is about to wait for another one."""
        self._exchanges.receive_all()

    def pause(self, request: Request, seconds: float) -> None:
        """Let nobody use the request's endpoint for a while."""
        self._limits.bucket(request.endpoint).pause(seconds)

    def renew_token(self, request: Request, refused: str) -> bool:
        """Log in again, unless another request already did after the `refused` token. Returns whether it did."""
        return self._tokens[request.api].renew(refused)

    @property
    def retry_wait(self) -> float:
        """Seconds before the first repetition."""
        return self._settings.retry_wait

    def close(self) -> None:
        """Hang up. For a process that lives on after the run."""
        self._exchanges.close()

    def _learn(self, request: Request, answer: Answer) -> None:
        """Note what an answer tells about Personio's clock and limits."""
        self._learn_time(answer.headers.get("Date"))
        self._limits.bucket(request.endpoint).learn(answer.headers)

    def _learn_time(self, date: str | None) -> None:
        if self._server_time_ahead is None and date:
            try:
                ahead = email.utils.parsedate_to_datetime(date) - dt.datetime.now(dt.UTC)
            except (ValueError, TypeError):
                return
            # The header has whole seconds: below that, both clocks agree.
            self._server_time_ahead = ahead if abs(ahead.total_seconds()) > 2 else dt.timedelta()

    # -- login ------------------------------------------------------------------------------------------------

    def _log_in(self, api: str) -> tuple[str, float | None]:
        login = LOGINS[api]
        bucket = self._limits.bucket(f"{api}{login.path}")
        credential = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
        }
        fault: TransientError | None = None
        with Connection(self._settings) as connection:
            for attempt in range(REPETITIONS + 1):
                if fault:
                    seconds = backoff(attempt, self._settings.retry_wait, fault.retry_after)
                    logger.info("Login to API %s: %s, repeating in %.1f s.", api, fault, seconds)
                    bucket.pause(seconds)
                while wait := bucket.take():
                    time.sleep(wait)
                try:
                    return self._try_login(connection, api, credential)
                except TransientError as error:
                    fault = error
                except msgspec.MsgspecError:
                    fault = TransientError("the answer is not the JSON that was expected")
        msg = f"Personio could not be asked for a token of API {api}: {fault}. Try again later."
        raise LoginRefusedError(msg)

    def _try_login(
        self, connection: Connection, api: str, credential: dict[str, str]
    ) -> tuple[str, float | None]:
        login = LOGINS[api]
        url = f"{self._settings.api_url}/{api}{login.path}"
        if login.json_body:
            answer = connection.post(url, "application/json", json.dumps(credential))
        else:
            form = urlencode({"grant_type": "client_credentials", **credential})
            answer = connection.post(url, "application/x-www-form-urlencoded", form)
        self._learn_time(answer.headers.get("Date"))
        if answer.status in availability.TRANSIENT:
            raise TransientError(f"status {answer.status}", availability.retry_after(answer.headers))
        if (
            answer.status != 200
            and api == "v2"
            and self._tokens["v1"].was_granted
            and not self._tokens[api].was_granted
        ):
            # The credential is right, or API v1 would have refused it at the start of the run.
            msg = f"Personio refuses this credential the login to API v2 (status {answer.status})"
            raise StreamUnavailableError(msg)
        if answer.status != 200:
            msg = (
                f"Personio refused the login (API {api}, status {answer.status}): check the settings client_id and "
                "client_secret, and that the credential has not been revoked."
            )
            raise LoginRefusedError(msg)
        return login.read(answer.body)


@dataclass(slots=True)
class Caller:
    """On whose behalf requests are made: earlier streams come first, and each has its own tally."""

    name: str = ""
    priority: int = 0
    tally: Tally = field(default_factory=Tally)


class _Call(Generic[T]):
    """One request with its repetitions."""

    def __init__(self, client: Client, request: Request, parse: Callable[[bytes], T], caller: Caller) -> None:
        self._client = client
        self._request = request
        self._parse = parse
        self._caller = caller
        self._exchange = client.send(request, caller)

    def abandon(self) -> None:
        """Nobody wants the answer any more."""
        self._exchange.abandon()

    def result(self) -> T:
        """Wait for the answer, repeat what failed in passing, renew the token once.

        Raises:
            StreamFailedError: after the last repetition.
        """
        faults = renewals = outdated = missing = 0
        while True:
            try:
                return self._read(self._exchange)
            except TransientError as error:
                faults += 1
                if faults > REPETITIONS:
                    msg = f"{self._request.endpoint} kept failing ({error}); try again later"
                    raise StreamFailedError(msg) from None
                seconds = backoff(faults, self._client.retry_wait, error.retry_after)
                logger.info(
                    "%s: %s, repeating in %.1f s.",
                    self._caller.name or self._request.endpoint,
                    error,
                    seconds,
                )
                if error.retry_after is not None or "429" in str(error):
                    self._client.pause(self._request, seconds)
                else:
                    self._client.wait(seconds, self._caller)
            except _RefusedTokenError as refused:
                # Only a token that was current and still refused says that a right is missing; one that another
                # request renewed meanwhile does not count, within a bound.
                renewals += refused.renewed
                outdated += not refused.renewed
                if renewals > 1 or outdated > REPETITIONS:
                    answer = refused.answer
                    availability.check(self._request, answer.status, answer.headers, answer.body)
            except RecordMissingError:
                # v2 answers 404 now and then for records that exist: ask twice.
                missing += 1
                if missing > 1:
                    raise
            self._caller.tally.repeated += 1
            self._exchange = self._client.send(self._request, self._caller)

    def _read(self, exchange: Exchange) -> T:
        answer = exchange.answer()
        if answer.status in availability.FORBIDDEN:
            renewed = self._client.renew_token(self._request, exchange.bearer)
            raise _RefusedTokenError(answer, renewed=renewed)
        availability.check(self._request, answer.status, answer.headers, answer.body)
        try:
            return self._parse(answer.body)
        except (msgspec.MsgspecError, RecursionError):
            msg = "the answer is not the JSON that was expected"
            raise TransientError(msg) from None


class _RefusedTokenError(Exception):
    def __init__(self, answer: Answer, *, renewed: bool) -> None:
        super().__init__()
        self.answer = answer
        self.renewed = renewed
