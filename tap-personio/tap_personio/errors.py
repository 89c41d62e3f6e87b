"""What can go wrong, each said in one sentence that a user can act on.

No message ever holds a secret, a token or a value of a record.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from typing import IO, Any

import click
import msgspec

logger = logging.getLogger("tap-personio")

# What msgspec raises for bytes that are not JSON in UTF-8, or nested deeper than anything that makes sense.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class TapPersonioError(click.ClickException):
    """Ends the run with exit code 1 and its sentence on stderr, without a traceback."""

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click's signature
        """Write the sentence where all other log lines go, so that Meltano shows it as an error."""
        logger.error(self.format_message())


class SettingsError(TapPersonioError):
    """A setting is missing or has a value that cannot work."""


class LoginRefusedError(TapPersonioError):
    """Personio does not accept the credential."""


class StreamFailedError(TapPersonioError):
    """A stream could not be read completely; the other streams are not affected."""


class StreamUnavailableError(TapPersonioError):
    """The credential may not read a stream, or the account does not have it.

    Attributes:
        permission: what to tick in Personio's credential dialog, where a right is missing.
        is_ended: Personio has ended the endpoint.
    """

    def __init__(self, message: str, *, permission: str = "", is_ended: bool = False) -> None:
        super().__init__(message)
        self.permission = permission
        self.is_ended = is_ended


class RecordMissingError(StreamFailedError):
    """Personio answers 404 for a single record that was announced elsewhere."""


class RecordRefusedError(StreamFailedError):
    """Personio refuses what belongs to a single record.

    Attributes:
        reason: what it means for the stream if Personio refuses all of them.
    """

    def __init__(self, message: str, reason: TapPersonioError) -> None:
        super().__init__(message)
        self.reason = reason


class TransientError(Exception):
    """A fault that is likely to pass: the request is repeated.

    Attributes:
        retry_after: seconds that the server asked to wait, if it did.
        is_limit: the server wants nobody to use the endpoint for a while.
        is_slow: an answer came for as long as any may: it is asked for once more only.
        came_at: when it happened, by the monotonic clock.
    """

    def __init__(
        self, what: str, retry_after: float | None = None, *, is_limit: bool = False, is_slow: bool = False
    ) -> None:
        super().__init__(what)
        self.retry_after = retry_after
        self.is_limit, self.is_slow = is_limit, is_slow
        self.came_at = time.monotonic()


def keep_on_one_line(record: logging.LogRecord) -> bool:
    """A filter for log handlers: what comes from outside must not look like a line of its own, or steer a terminal."""
    text = record.getMessage()
    if not text.isprintable():
        record.msg, record.args = "".join(each if each.isprintable() else " " for each in text), None
    return True


def unexpected(error: Exception) -> StreamFailedError:
    """What to say about an error that nobody has thought of. Its own text is left out: it may quote a value."""
    logger.debug("%s", "".join(traceback.format_tb(error.__traceback__)))
    return StreamFailedError(f"an unexpected {type(error).__name__} stopped it; please report this as a bug")


def cannot_write(error: OSError) -> TapPersonioError:
    """What to say about a standard output that takes nothing. Python would complain again when it closes it."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return TapPersonioError("The target ended before the tap was done: its own message says why.")
    return TapPersonioError(f"The messages cannot be written to the standard output: {error.strerror}.")


def last_words(error: Exception) -> None:
    """Say in one sentence that nobody has thought of the error that ends the run.

    Other files are read where it is known what they are: what is left of OSError is about the output of `--discover`.
    """
    if isinstance(error, OSError):
        cannot_write(error).show()
    else:
        logger.error("The run has ended: %s.", unexpected(error).message)
