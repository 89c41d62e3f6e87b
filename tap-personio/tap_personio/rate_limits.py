"""Personio's rate limits, kept by a token bucket per endpoint and one for all of API v1."""

from __future__ import annotations

import threading
import time
from collections import deque
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
# So many requests of a burst are kept back: requests of several threads may arrive closer together than they left.
RESERVE = 2
# Learning a limit that nobody publishes: a refusal sets the rate below what was taken since the last one. Each request
# that is taken adds to the rate, more after the first refusal (it may have been a chance), then less. So the rate grows
# by a share of itself in a second, and not faster where there are many requests.
MEASURED_SECONDS = 5.0
SETTLE_SECONDS = 0.25  # what is in flight is refused too
BELOW = 0.9
GROWTH, GROWTH_FACTOR, LEAST_GROWTH = 0.5, 0.1, 0.002
LEAST_RATE, FAST_ENOUGH = 1.0, 500.0

# Headers that tell less than this are no rate: nothing would end.
LEAST_TOLD_RATE = 1 / 60


class Bucket:
    """The requests that one endpoint still takes. `RateLimits` guards it against simultaneous use."""

    def __init__(self, limit: Limit) -> None:
        self._limit = self._ceiling = limit
        self._tokens = limit.burst
        self._at = self._began = time.monotonic()
        self._paused_until = 0.0
        self._accepted: deque[float] = deque(maxlen=1000)
        self._growth, self._learned_at = GROWTH, 0.0

    @property
    def rate(self) -> float:
        """Requests a second in the long run."""
        return self._limit.rate

    def wait(self, now: float) -> float:
        """Seconds until there may be a request; 0.0 for now."""
        if now < self._paused_until:
            return self._paused_until - now
        if self._limit.rate == UNLIMITED:
            return 0.0
        self._refill(now)
        return (1 - self._tokens) / self._limit.rate if self._tokens < 1 else 0.0

    def spend(self) -> None:
        """Count a request that leaves now."""
        self._tokens -= 1

    def pause(self, seconds: float) -> None:
        """Block this endpoint for `seconds`: the server said that it is too much."""
        now = time.monotonic()
        self._paused_until = max(self._paused_until, now + seconds)
        if self._limit.rate != UNLIMITED:
            self._refill(now)
            self._tokens = min(self._tokens, 0.0)

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Follow the x-ratelimit headers of an answer; without them, what the endpoint took before it refused."""
        now = time.monotonic()
        try:
            rate = float(headers.get("x-ratelimit-replenish-rate", ""))
            burst = float(headers.get("x-ratelimit-burst-capacity", ""))
            remaining = float(headers.get("x-ratelimit-remaining", ""))
        except ValueError:
            self._measure(now, refused=status == 429)
            return
        if not (LEAST_TOLD_RATE <= rate < 1e6 and 1 <= burst < 1e6 and remaining < 1e6):
            return
        burst = max(burst - RESERVE, 1.0)
        if self._limit.rate != UNLIMITED:
            self._refill(now)
        else:
            self._tokens = burst
        self._limit = self._ceiling = Limit(rate, burst)
        self._tokens = min(self._tokens, max(remaining, 0.0), burst)
        self._at = now

    def _measure(self, now: float, *, refused: bool) -> None:
        is_new = now - self._learned_at > SETTLE_SECONDS
        if not refused:
            self._accepted.append(now)
            if is_new and self._limit.rate < self._ceiling.rate:
                grown = self._limit.rate + self._growth
                self._refill(now)
                enough = min(self._ceiling.rate, FAST_ENOUGH)
                self._limit = self._ceiling if grown >= enough else Limit(grown, 1)
        elif not self._learned_at or (is_new and self._accepted and self._accepted[-1] > self._learned_at):
            least = SETTLE_SECONDS if self._learned_at else 1.0
            seconds = min(max(now - max(self._began, self._learned_at), least), MEASURED_SECONDS)
            taken = sum(at > now - seconds for at in self._accepted) / seconds
            rate = max(BELOW * min(taken, self._limit.rate), LEAST_RATE)
            if self._learned_at:
                self._growth = max(self._growth * GROWTH_FACTOR, LEAST_GROWTH)
            self._limit, self._tokens, self._at, self._learned_at = Limit(rate, 1), 0.0, now, now

    def _refill(self, now: float) -> None:
        self._tokens = min(self._limit.burst, self._tokens + (now - self._at) * self._limit.rate)
        self._at = now


class RateLimits:
    """One bucket per endpoint, identifiers in a path do not make another one; and one for all of API v1.

    Args:
        v1_requests_per_minute: what API v1 takes from one IP address. A quarter of it may leave at once, so that no
            minute ever has more.
    """

    def __init__(self, v1_requests_per_minute: float = UNLIMITED) -> None:
        burst = max(1.0, v1_requests_per_minute / 4)
        rate = max(v1_requests_per_minute - burst, 1.0) / 60
        self._v1 = Bucket(V1_DEFAULT if rate == UNLIMITED else Limit(rate, burst))
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def take(self, endpoint: str) -> float:
        """Take one request, which has to leave now, and return 0.0; or return the seconds until there may be one."""
        with self._lock:
            own, now = self._bucket(endpoint), time.monotonic()
            buckets = (own, self._v1) if endpoint.startswith("v1/") else (own,)
            seconds = max(each.wait(now) for each in buckets)
            if not seconds:
                for each in buckets:
                    each.spend()
            return seconds

    def rate(self, endpoint: str) -> float:
        """Requests a second that an endpoint takes in the long run, as far as it is known."""
        with self._lock:
            return self._bucket(endpoint).rate

    def refused(self, endpoint: str, seconds: float, retry_after: float | None) -> None:
        """Block an endpoint for `seconds` that the server asks for, or whose documentation does.

        Elsewhere `learn` has set the rate: only the refused request waits.
        """
        if retry_after is not None or endpoint in DOCUMENTED:
            with self._lock:
                self._bucket(endpoint).pause(seconds)

    def learn(self, endpoint: str, status: int, headers: Mapping[str, str]) -> None:
        """See `Bucket.learn`."""
        with self._lock:
            self._bucket(endpoint).learn(status, headers)

    def _bucket(self, endpoint: str) -> Bucket:
        if endpoint not in self._buckets:
            default = V2_DEFAULT if endpoint.startswith("v2/") else V1_DEFAULT
            self._buckets[endpoint] = Bucket(DOCUMENTED.get(endpoint, default))
        return self._buckets[endpoint]
