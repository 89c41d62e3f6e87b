"""Personio's rate limits, kept by a token bucket per endpoint."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Limit(NamedTuple):
    """How many requests an endpoint takes: `rate` a second in the long run, `burst` at once."""

    rate: float
    burst: float


# Figures: changelog "rate limits on get employees endpoint", reference pages of the two token endpoints and
# of recruiting, and the x-ratelimit headers that v2 sends. 300 a minute with a burst of 15 means that burst
# and refill together must stay within 300 in the first minute. Logins come in bursts: each table without its right
# asks for a fresh token once, to be sure that it is not the token.
DOCUMENTED: Mapping[str, Limit] = {
    "v1/auth": Limit(0.5, 30),
    "v1/company/employees": Limit(4.75, 15),
    "v2/auth/token": Limit(1.25, 75),
    "v2/persons": Limit(30, 100),
    "v2/recruiting/applications": Limit(1.6, 4),
}
UNLIMITED = float("inf")
V1_DEFAULT = Limit(UNLIMITED, UNLIMITED)
V2_DEFAULT = Limit(10, 100)


class Bucket:
    """The requests that one endpoint still takes. Shared by all threads."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._tokens = limit.burst
        self._at = time.monotonic()
        self._paused_until = 0.0
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take one request, which has to leave now, and return 0.0; or return the seconds until there may be one."""
        with self._lock:
            now = time.monotonic()
            if now < self._paused_until:
                return self._paused_until - now
            if self._limit.rate == UNLIMITED:
                return 0.0
            self._refill(now)
            if self._tokens < 1:
                return (1 - self._tokens) / self._limit.rate
            self._tokens -= 1
            return 0.0

    def pause(self, seconds: float) -> None:
        """Block this endpoint for `seconds`: the server said that it is too much."""
        with self._lock:
            now = time.monotonic()
            self._paused_until = max(self._paused_until, now + seconds)
            if self._limit.rate != UNLIMITED:
                self._refill(now)
                self._tokens = min(self._tokens, 0.0)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Follow the x-ratelimit headers of an answer: they are nearer to the truth than what is documented."""
        try:
            rate = float(headers.get("x-ratelimit-replenish-rate", ""))
            burst = float(headers.get("x-ratelimit-burst-capacity", ""))
            remaining = float(headers.get("x-ratelimit-remaining", ""))
        except ValueError:
            return
        if not (0 < rate < 1e6 and 0 < burst < 1e6):
            return
        with self._lock:
            now = time.monotonic()
            if self._limit.rate != UNLIMITED:
                self._refill(now)
            else:
                self._tokens = burst
            self._limit = Limit(rate, burst)
            self._tokens = min(self._tokens, remaining, burst)
            self._at = now

    def _refill(self, now: float) -> None:
        self._tokens = min(self._limit.burst, self._tokens + (now - self._at) * self._limit.rate)
        self._at = now


class RateLimits:
    """One bucket per endpoint; identifiers in a path do not make another endpoint."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def bucket(self, endpoint: str) -> Bucket:
        """The bucket of an endpoint such as `v2/persons/{id}/employments`."""
        with self._lock:
            if endpoint not in self._buckets:
                default = V2_DEFAULT if endpoint.startswith("v2/") else V1_DEFAULT
                self._buckets[endpoint] = Bucket(DOCUMENTED.get(endpoint, default))
            return self._buckets[endpoint]
