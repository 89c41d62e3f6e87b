"""Personio's published rate limits, as token buckets."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

# The v2 headers while the limits are off: clients that keep the documented limits on their own do not wait then.
OFF = (
    ("x-ratelimit-replenish-rate", "100000"),
    ("x-ratelimit-burst-capacity", "100000"),
    ("x-ratelimit-requested-tokens", "1"),
    ("x-ratelimit-remaining", "100000"),
)


@dataclass
class Bucket:
    """Holds up to ``burst`` requests and gets ``rate`` new ones a second."""

    rate: float
    burst: int
    left: float = field(init=False)
    at: float = field(init=False)

    def __post_init__(self) -> None:
        self.left, self.at = self.burst, monotonic()

    def take(self) -> bool:
        """Whether one more request may pass now."""
        now = monotonic()
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.rate), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass
class Limits:
    """A bucket per endpoint that has a limit; ids in the path do not matter."""

    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def reset(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()

    def may_ask_balance(self, rate: float) -> bool:
        """Whether a request for a balance may pass, where so many a second are taken."""
        bucket = self._buckets.setdefault("balances", Bucket(rate, max(1, int(rate))))
        return bucket.take()

    def check(self, endpoint: str) -> tuple[bool, tuple[tuple[str, str], ...]]:
        """Whether a request to this path template may pass, and the headers with the limit (v2 only)."""
        if endpoint not in RATES and not endpoint.startswith("/v2"):
            return True, ()
        bucket = self._buckets.get(endpoint)
        if bucket is None:
            bucket = self._buckets[endpoint] = Bucket(*RATES.get(endpoint, REST_OF_V2))
        passed = bucket.take()
        if endpoint.startswith("/v1"):
            return passed, ()
        return passed, (
            ("x-ratelimit-replenish-rate", str(int(bucket.rate))),
            ("x-ratelimit-burst-capacity", str(bucket.burst)),
            ("x-ratelimit-requested-tokens", "1"),
            ("x-ratelimit-remaining", str(int(bucket.left))),
        )


# Requests per second, and burst: from Personio's changelog and reference (v1, logins) and its headers (v2).
RATES = {
    "/v1/company/employees": (300 / 60, 15),
    "/v1/auth": (60 / 60, 60),
    "/v2/auth/token": (60 / 60, 150),
    "/v2/persons": (30, 100),
}
REST_OF_V2 = (10, 100)
