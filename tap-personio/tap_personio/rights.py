"""Which rights are missing, and how that is said: in one line, for what the credential never could read."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from tap_personio.responses import missing_right

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tap_personio.errors import StreamUnavailableError
    from tap_personio.stream import PersonioStream

logger = logging.getLogger("tap-personio")


def rights_of(stream: PersonioStream) -> set[str]:
    """The rights that a credential has for sure if it can read a stream."""
    parts = stream.permission.split(", ")
    return set() if any(part.startswith("or ") for part in parts) else set(parts)


def missing(permission: str, granted: Collection[str]) -> str:
    """What to tick for a permission, without the rights that the credential is known to have."""
    parts = [part for part in permission.split(", ") if part.removeprefix("or ") not in granted]
    return ", ".join(parts).removeprefix("or ") or permission


def warn_of_skipped(streams: Sequence[PersonioStream]) -> None:
    """Name the streams that were skipped. One that an earlier run could read, or that Personio ended, is news.

    Args:
        streams: all that were selected, after the run.
    """
    granted = set[str]().union(*(rights_of(each) for each in streams if each.stats.outcome == "read"))
    known = []
    for stream in streams:
        error = stream.stats.unavailable
        if error and (error.is_ended or stream.stream_state):
            _tell(logging.WARNING, stream, error, granted)
        elif error:
            known.append((stream, error))
    for stream, error in known:
        _tell(logging.WARNING if len(known) == 1 else logging.INFO, stream, error, granted)
    if len(known) > 1:
        logger.warning(
            "Skipped %d of %d streams that this credential may not read or the account does not have: %s. `--check` "
            "shows the reason for each, and how to leave them out.",
            len(known),
            len(streams),
            ", ".join(stream.name for stream, _ in known),
        )


def _tell(
    level: int, stream: PersonioStream, error: StreamUnavailableError, granted: Collection[str]
) -> None:
    reason = missing_right(missing(error.permission, granted)) if error.permission else error.message
    before = "; earlier runs could read it" if stream.stream_state else ""
    logger.log(level, "Skipped %s: %s%s.", stream.name, reason, before)


def select_filter(streams: Iterable[PersonioStream]) -> str:
    """The value of Meltano's extra setting `_select_filter` that leaves streams out."""
    return json.dumps([f"!{stream.name}" for stream in streams])
