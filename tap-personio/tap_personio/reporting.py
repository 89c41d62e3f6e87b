"""What happens to each stream: progress while it runs, a line at the end, and what the exit code has to say."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tqdm import tqdm

    from tap_personio.client import Caller
    from tap_personio.paging import Page
    from tap_personio.stream import Plan

logger = logging.getLogger("tap-personio")

SECONDS_BETWEEN_LINES = 5.0


@dataclass(slots=True)
class Report:
    """One stream's run.

    Attributes:
        stream: its name.
        caller: its requests, repetitions and waits.
        rows: records written.
        total: records that Personio announces for the read, where it does.
        outcome: `read`, `skipped`, `failed`, or empty while it runs.
        reason: why it was skipped or failed.
    """

    stream: str
    caller: Caller
    rows: int = 0
    total: int | None = None
    outcome: str = ""
    reason: str = ""
    whole: bool = True
    _began: float = field(default_factory=time.monotonic)
    _told: float = field(default_factory=time.monotonic)
    _bar: tqdm[Any] | None = None

    def begin(self) -> None:
        """Show a bar where a person watches; elsewhere lines are logged."""
        self._began = self._told = time.monotonic()
        if sys.stderr.isatty():
            from tqdm import tqdm  # noqa: PLC0415 - a thirtieth of the start, and most runs have nobody to watch

            self._bar = tqdm(desc=self.stream, unit=" rows", leave=False, delay=1)

    def watch(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Pass pages through, noting the totals that they announce."""
        for page in pages:
            self.total = page.total if page.total is not None else self.total
            yield page

    def count(self, rows: int) -> None:
        """Count written records and tell about them now and then."""
        self.rows += rows
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

    def _end(self, outcome: str, reason: str = "") -> None:
        self.outcome, self.reason = outcome, reason
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def succeed(self, plan: Plan) -> None:
        """The stream was read completely."""
        self.whole = plan.whole
        self._end("read")

    def skip(self, reason: str) -> None:
        """The credential may not read the stream, or the account does not have it."""
        self._end("skipped", reason)
        logger.warning("Skipped %s: %s.", self.stream, reason)

    def fail(self, reason: str) -> None:
        """The stream could not be read completely."""
        self._end("failed", reason)
        logger.error("Failed %s: %s.", self.stream, reason)

    def summarize(self) -> None:
        """Write the stream's line of the summary."""
        tally = self.caller.tally
        how = {"read": "read whole" if self.whole else "changes merged"}.get(self.outcome, self.outcome)
        logger.info(
            "%s: %s, %d rows, %d requests (%d repeated, %.1f s waited)",
            self.stream,
            how,
            self.rows,
            tally.requests,
            tally.repeated,
            tally.waited,
        )
