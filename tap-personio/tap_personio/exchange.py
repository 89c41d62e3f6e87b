"""Requests under way: a fixed number of connections that all threads share, and whose turn it is.

A thread sends several requests ahead, one on each connection, and receives the answers itself. Threads that only
exchange would have to take turns with it for the interpreter, which costs more than the requests.

A thread that waits for anything but an answer (a rate limit, a connection, room for its pages) first receives what is
under way to it, and returns the connections. So no stream keeps another from its turn.
"""

from __future__ import annotations

import functools
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tap_personio.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_personio.auth import Token
    from tap_personio.connection import Answer, Request
    from tap_personio.settings import Settings


class Exchange:
    """A request under way: sent once, and answered or failed. For one thread."""

    def __init__(
        self,
        request: Request,
        token: Token,
        connection: Connection,
        over: Callable[[Exchange, Connection, Answer | None], None],
    ) -> None:
        self.request = request
        self._token = token
        self.bearer = ""
        self._connection: Connection | None = connection
        self._over = over
        self._answer: Answer | None = None
        self._fault: Exception | None = None

    def send(self, api_url: str) -> None:
        """Send the request. What goes wrong is raised by `answer`."""
        assert self._connection is not None  # noqa: S101 - sent once
        request = self.request
        url = f"{api_url}/{request.api}{request.path}"
        if request.params:
            url += "?" + urlencode(request.params)
        try:
            self.bearer = self._token.value()
            headers = {"Authorization": f"Bearer {self.bearer}"}
            if request.beta:
                headers["Beta"] = "true"
            self._connection.send(url, headers)
        except Exception as fault:
            self._end(fault=fault)

    def comes_in(self, seconds: float) -> bool:
        """Wait so long for the answer, and say whether it is there."""
        return self._connection is None or self._connection.comes_in(max(0.0, seconds))

    def receive(self) -> None:
        """Wait for the answer and keep it, so that others may have the connection."""
        if self._connection is not None:
            try:
                answer = self._connection.receive()
                self._token.seen(answer.headers.get("Authorization"), self.bearer)
            except Exception as fault:
                self._end(fault=fault)
            else:
                self._end(answer)

    def answer(self) -> Answer:
        """Wait for the answer. Raises TransientError, and what a login raises."""
        self.receive()
        if self._fault:
            raise self._fault
        assert self._answer is not None  # noqa: S101 - the exchange is over
        return self._answer

    def abandon(self) -> None:
        """Do not wait for the answer."""
        if self._connection is not None:
            self._connection.close()
            self._end()

    def _end(self, answer: Answer | None = None, fault: Exception | None = None) -> None:
        assert self._connection is not None  # noqa: S101 - ends once
        self._answer, self._fault = answer, fault
        connection, self._connection = self._connection, None
        self._over(self, connection, answer)


class _OfThread(threading.local):
    """What each thread has for itself: its exchanges whose answer was not received yet, the oldest first."""

    def __init__(self) -> None:
        self.under_way: list[Exchange] = []


class Exchanges:
    """All exchanges of a run.

    Args:
        settings: with the number of connections, `concurrency`.
        learn: told of each answer.
    """

    def __init__(self, settings: Settings, learn: Callable[[Request, Answer], None]) -> None:
        self._settings = settings
        self._learn = learn
        self._thread = _OfThread()
        self._connections: list[Connection] = []
        self._free: list[Connection] = []
        self._waiting: list[int] = []
        self._change = threading.Condition()
        self._rotation_lock = threading.Lock()

    def connect(self, priority: int) -> Connection:
        """Wait for a connection; one of this thread's own is at hand as soon as its answer is received.

        Args:
            priority: of the stream; the lowest number is served first.
        """
        under_way = self._thread.under_way
        while (connection := self._take(priority, wait=not under_way)) is None:
            under_way[0].receive()
        return connection

    def release(self, connection: Connection) -> None:
        """Let others have a connection on which nothing is under way."""
        with self._change:
            self._free.append(connection)
            self._change.notify_all()

    def begin(self, connection: Connection, request: Request, token: Token) -> Exchange:
        """Send a request that the token allows."""
        under_way = self._thread.under_way
        exchange = Exchange(request, token, connection, functools.partial(self._over, under_way))
        under_way.append(exchange)
        with self._rotation_lock if token.rotates else nullcontext():
            exchange.send(self._settings.api_url)
            if token.rotates:
                exchange.receive()
        return exchange

    def wait(self, seconds: float) -> None:
        """Sleep, and receive what comes meanwhile to this thread."""
        end = time.monotonic() + seconds
        under_way = self._thread.under_way
        while under_way and under_way[0].comes_in(end - time.monotonic()):
            under_way[0].receive()
        time.sleep(max(0.0, end - time.monotonic()))

    def receive_all(self) -> None:
        """Receive all that is under way to this thread."""
        under_way = self._thread.under_way
        while under_way:
            under_way[0].receive()

    def close(self) -> None:
        """Hang up."""
        with self._change:
            for connection in self._connections:
                connection.close()

    def _take(self, priority: int, *, wait: bool) -> Connection | None:
        """A connection that nobody uses; without waiting, None if there is none or an earlier stream waits for it."""
        with self._change:
            if not wait and not self._may_take(priority):
                return None
            self._waiting.append(priority)
            try:
                self._change.wait_for(lambda: self._may_take(priority))
            finally:
                self._waiting.remove(priority)
                self._change.notify_all()  # the next one may come now
            if self._free:
                return self._free.pop()
            self._connections.append(Connection(self._settings))
            return self._connections[-1]

    def _may_take(self, priority: int) -> bool:
        there_is_one = self._free or len(self._connections) < self._settings.concurrency
        return bool(there_is_one) and priority <= min(self._waiting, default=priority)

    def _over(
        self, under_way: list[Exchange], exchange: Exchange, connection: Connection, answer: Answer | None
    ) -> None:
        under_way.remove(exchange)  # of the thread that began it; another one may clear up
        self.release(connection)
        if answer:
            self._learn(exchange.request, answer)
