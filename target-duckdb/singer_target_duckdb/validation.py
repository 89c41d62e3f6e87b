"""Checks records against the JSON schema of their stream, where `validate_records` asks for it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.exceptions import InvalidJSONSchema
from singer_sdk.sinks.core import JSONSchemaValidator

from singer_target_duckdb.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of the processor, for one record. A regular expression of a schema may take longer than the age of the universe.
SECONDS = 10


class _TooSlowError(Exception):
    """The time for a record is over."""


class RecordValidator(JSONSchemaValidator):
    """Validates records, and says what is wrong without repeating a value."""

    def __init__(self, schema: dict[str, Any], stream: str) -> None:
        try:
            super().__init__(schema)
        except InvalidJSONSchema:
            raise self._invalid(stream) from None
        self._stream = stream

    def validate(self, record: dict[str, Any]) -> None:
        """Check one record.

        Raises:
            LoaderError: naming the property and the rule that it breaks, or saying that the check takes too long.
        """
        try:
            with _time_limit():
                error = next(self.validator.iter_errors(record), None)
        except _TooSlowError:
            msg = (
                f"a record of stream '{self._stream}' cannot be checked against its schema within {SECONDS} seconds, "
                "most likely because of a regular expression (`pattern`) in it: set `validate_records` to false."
            )
            raise LoaderError(msg) from None
        except Exception:  # of a `$ref` that leads nowhere, and of whatever else the library does not expect
            raise self._invalid(self._stream) from None
        if error:
            where = f"property '{error.absolute_path[0]}'" if error.absolute_path else "a record"
            rule = error.validator or "false"  # a schema that is just `false`
            msg = f"{where} of stream '{self._stream}' breaks the rule `{rule}` of its schema."
            raise LoaderError(msg)

    @staticmethod
    def _invalid(stream: str) -> LoaderError:
        return LoaderError(f"The schema of stream '{stream}' is not valid JSON schema.")


@contextmanager
def _time_limit() -> Iterator[None]:
    """Give up what takes too long: also in the middle of a regular expression, Python looks for signals.

    Windows has no such timer, and Python hands signals to the main thread only.
    """
    is_limited = hasattr(signal, "setitimer") and current_thread() is main_thread()
    if is_limited:
        signal.signal(signal.SIGVTALRM, _give_up)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        if is_limited:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _give_up(*_: object) -> NoReturn:
    raise _TooSlowError
