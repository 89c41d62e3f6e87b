"""Personio's published rate limits, as token buckets."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

# What v2 says of its limits while they are off: clients that keep the documented ones by themselves need not wait.
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
    at: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.left = self.burst

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
    """One bucket (or two) per endpoint; ids in the path do not matter."""

    _buckets: dict[str, list[Bucket]] = field(default_factory=dict)

    def reset(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()

    def check(self, endpoint: str) -> tuple[bool, tuple[tuple[str, str], ...]]:
        """Whether the request may pass, and the headers that tell about the limit (v2 only)."""
        buckets = self._buckets.get(endpoint)
        if buckets is None:
            buckets = self._buckets[endpoint] = _buckets_of(endpoint)
        passed = min(bucket.take() for bucket in buckets) if buckets else True
        if not endpoint.startswith("/v2"):
            return passed, ()
        bucket = buckets[0]
        return passed, (
            ("x-ratelimit-replenish-rate", str(int(bucket.rate))),
            ("x-ratelimit-burst-capacity", str(bucket.burst)),
            ("x-ratelimit-requested-tokens", "1"),
            ("x-ratelimit-remaining", str(int(bucket.left))),
        )


def _buckets_of(endpoint: str) -> list[Bucket]:
    """The limits of an endpoint."""
    if endpoint == "/v1/company/employees":
        return [Bucket(300 / 60, 15)]
    if endpoint == "/v1/auth":
        return [Bucket(1, 60)]
    if endpoint == "/v2/auth/token":
        return [Bucket(1, 150)]
    if endpoint.startswith("/v1"):
        return []
    return [Bucket(30, 100)] if endpoint == "/v2/persons" else [Bucket(10, 100)]
