"""What happened to each stream, for the summary at the end and for the exit code."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_personio.client import Caller
    from tap_personio.stream import Plan

logger = logging.getLogger("tap-personio")


@dataclass(slots=True)
class Report:
    """One stream's run.

    Attributes:
        stream: its name.
        caller: its requests, repetitions and waits.
        rows: records written.
        outcome: `read`, `skipped`, `failed`, or empty while it runs.
        reason: why it was skipped or failed.
    """

    stream: str
    caller: Caller
    rows: int = 0
    outcome: str = ""
    reason: str = ""
    whole: bool = field(default=True)

    def count(self, rows: int) -> None:
        """Count written records."""
        self.rows += rows

    def succeed(self, plan: Plan) -> None:
        """The stream was read completely."""
        self.outcome, self.whole = "read", plan.whole

    def skip(self, reason: str) -> None:
        """The credential may not read the stream, or the account does not have it."""
        self.outcome, self.reason = "skipped", reason
        logger.warning("Skipped %s: %s.", self.stream, reason)

    def fail(self, reason: str) -> None:
        """The stream could not be read completely."""
        self.outcome, self.reason = "failed", reason
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
