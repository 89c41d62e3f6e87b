"""The errors that a user sees."""

from __future__ import annotations

import duckdb
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

NOT_JSON = "Line {line} of the input is not a JSON object; a Singer tap writes one message per line."


class LoaderError(Exception):
    """What went wrong and what to do about it, in one sentence that holds no record value."""


class MissingSchemaError(LoaderError, RecordsWithoutSchemaException):
    """A record came before the SCHEMA of its stream."""


class MissingKeyError(LoaderError, MissingKeyPropertiesError):
    """A record has no value for a key property."""


def first_line(error: Exception) -> str:
    """What an error of DuckDB says, without the advice and the statement below it."""
    return str(error).split("\n", maxsplit=1)[0]


def sentence(error: Exception) -> str:
    """What the user gets to see of an error that ended the run."""
    if isinstance(error, duckdb.Error):
        may_hold_values = not isinstance(error, (duckdb.OperationalError, duckdb.InternalError))
        return f"DuckDB stopped the load: {type(error).__name__ if may_hold_values else first_line(error)}"
    if isinstance(error, OSError):
        return f"The load stopped: {error.strerror} ({error.filename})."
    return str(error)
