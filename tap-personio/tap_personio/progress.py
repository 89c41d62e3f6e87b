"""What becomes of each stream: progress while it runs, a line at the end, and what the exit code depends on."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

from tap_personio.errors import StreamFailedError, StreamUnavailableError, TapPersonioError, unexpected

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger("tap-personio")

SECONDS_BETWEEN_LINES = 5.0


@dataclass(slots=True)
class StreamStats:
    """One stream's run.

    Attributes:
        stream: its name.
        requests: requests sent, with retries.
        repeated: retries among them.
        request_seconds: how long they took in sum.
        waited: seconds spent waiting for rate limits and before retries.
        rows: records written.
        total: records that Personio announces for the read, where it does.
        outcome: `read`, `skipped`, `failed`, or empty while it runs.
        is_full_sync: whether everything was read.
        unavailable: why the stream was skipped.
    """

    stream: str = ""
    requests: int = 0
    repeated: int = 0
    request_seconds: float = 0.0
    waited: float = 0.0
    rows: int = 0
    total: int | None = None
    outcome: str = ""
    is_full_sync: bool = True
    unavailable: StreamUnavailableError | None = None
    _began: float = field(default_factory=time.monotonic)
    _told: float = field(default_factory=time.monotonic)
    _bar: tqdm[Any] | None = None

    def begin(self) -> None:
        """Show a bar on a terminal. Elsewhere lines are logged."""
        self._began = self._told = time.monotonic()
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm  # noqa: PLC0415 - a thirtieth of the start, and most runs have no terminal

            self._bar = tqdm(desc=self.stream, unit=" rows", leave=False, delay=1)

    def count(self, rows: int, total: int | None) -> None:
        """Count written records, and log the progress every few seconds."""
        self.rows += rows
        self.total = total if total is not None else self.total
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.update(rows)
        elif time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            logger.info("%s: %s", self.stream, self._progress(self._told - self._began))

    def _progress(self, seconds: float) -> str:
        rate = self.rows / seconds
        if not self.total or self.rows > self.total:
            return f"{self.rows:,} rows, {rate:,.0f}/s"
        left = (self.total - self.rows) / rate if rate else 0
        return f"{self.rows:,} of {self.total:,} rows, {rate:,.0f}/s, {left:,.0f} s left"

    def succeed(self, *, is_full_sync: bool) -> None:
        """The stream was read completely."""
        self.is_full_sync = is_full_sync
        self._end("read")

    def skip(self, error: StreamUnavailableError) -> None:
        """The credential may not read the stream, or the account does not have it."""
        self.unavailable = error
        self._end("skipped")

    def fail(self, reason: str) -> None:
        """The stream could not be read completely."""
        self._end("failed")
        logger.error("Failed %s: %s.", self.stream, reason)

    def end_with(self, error: Exception) -> None:
        """The stream ended with an error. Raises it if no other stream can go on either."""
        if isinstance(error, StreamUnavailableError) and not self.rows:
            self.skip(error)
        elif isinstance(error, (StreamUnavailableError, StreamFailedError)):
            self.fail(error.message)  # also one that could be read at first: what was written is not all
        elif isinstance(error, TapPersonioError):
            raise error
        else:
            self.fail(unexpected(error).message)

    def _end(self, outcome: str) -> None:
        self.outcome = outcome
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._log_metrics()

    def _log_metrics(self) -> None:
        """The SDK's metrics, at debug level: Meltano shows them without their table, and the summary has the same."""
        if not logger.isEnabledFor(logging.DEBUG):
            return
        succeeded = self.outcome == "read"
        status = metrics.Status.SUCCEEDED if succeeded else metrics.Status.FAILED
        tags: dict[str, Any] = {metrics.Tag.STREAM: self.stream, metrics.Tag.STATUS: status}
        duration = time.monotonic() - self._began
        points: list[metrics.Point[Any]] = [
            metrics.Point("counter", metrics.Metric.RECORD_COUNT, self.rows, tags),
            metrics.Point("timer", metrics.Metric.SYNC_DURATION, duration, tags),
        ]
        if self.requests:
            mean = self.request_seconds / self.requests
            points.append(metrics.Point("timer", metrics.Metric.HTTP_REQUEST_DURATION, mean, tags))
        for point in points:
            metrics.log(metrics.get_metrics_logger(), point)

    def summarize(self) -> None:
        """Log the stream's line of the summary."""
        how = {"read": "read whole" if self.is_full_sync else "changes merged"}.get(
            self.outcome, self.outcome
        )
        logger.info(
            "%s: %s, %d rows, %d requests (%d repeated, %.1f s waited)",
            self.stream,
            how,
            self.rows,
            self.requests,
            self.repeated,
            self.waited,
        )
