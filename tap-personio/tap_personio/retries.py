"""Waits, and the repetition of what failed for a reason that may pass."""

from __future__ import annotations

import itertools
import logging
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

import backoff

from tap_personio.bounds import MAX_WAIT_SECONDS
from tap_personio.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tap_personio.progress import StreamStats
    from tap_personio.rate_limits import RateLimits

logger = logging.getLogger("tap-personio")

# A request is tried once and then repeated this often.
RETRIES = 5

T = TypeVar("T")


class Retries:
    """Repeats attempts, each time after a longer wait.

    Args:
        retry_wait: seconds before the first retry.
        limits: learn of the refusals that ask for fewer requests.
    """

    def __init__(self, retry_wait: float, limits: RateLimits) -> None:
        self._retry_wait, self._limits = retry_wait, limits

    def call(self, attempt: Callable[[], T], name: str, endpoint: str, stats: StreamStats) -> T:
        """Call `attempt` until it raises no TransientError. After RETRIES, or a second slow one, raises the last one.

        Args:
            attempt: is called without arguments; its result is returned.
            name: for the log.
            endpoint: what is asked, as `RateLimits` names it.
            stats: counts retries and waits.
        """

        def before_wait(details: Any) -> None:
            error, seconds = details["exception"], details["wait"]
            logger.info("%s: %s, repeating in %.1f s.", name, error, seconds)
            stats.repeated += 1
            stats.waited += seconds
            if error.is_limit:
                self._limits.refused(endpoint, seconds, error.retry_after)

        slow = itertools.count()
        retrying = backoff.on_exception(
            self._waits,
            TransientError,
            max_tries=RETRIES + 1,
            giveup=lambda error: error.is_slow and next(slow) > 0,
            jitter=None,
            on_backoff=before_wait,
            logger=None,
        )
        return retrying(attempt)()

    def wait_a_moment(self, stats: StreamStats, times: int = 1) -> None:
        """Wait as before a retry, for what may pass without being a fault of the connection."""
        wait(_jittered(self._retry_wait * times), stats)

    def _waits(self) -> Generator[float, TransientError]:
        """Seconds before each retry: doubling, with jitter, and what the server asks for in Retry-After.

        They count from the fault on: where several requests failed at once, their waits do not add up.
        """
        seconds = self._retry_wait
        error = yield 0.0  # backoff starts the generator so
        while True:
            whole = min(max(_jittered(seconds), error.retry_after or 0.0), MAX_WAIT_SECONDS)
            error = yield max(error.came_at + whole - time.monotonic(), 0.0)
            seconds = min(2 * seconds, MAX_WAIT_SECONDS)


def _jittered(seconds: float) -> float:
    """A wait a little shorter or longer, so that requests that failed together are not repeated together."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrets


def wait(seconds: float, stats: StreamStats) -> None:
    """Sleep, and count the seconds."""
    stats.waited += seconds
    time.sleep(seconds)
