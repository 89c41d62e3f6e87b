"""The errors that a user sees."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_DEEP = "Line {line} of the input has values inside of values at too many levels to be read."
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


@contextmanager
def about(stream: str, table: object) -> Iterator[None]:
    """Name the stream and the table in an error of DuckDB that comes of the table's shape or constraints."""
    try:
        yield
    except (duckdb.ConstraintException, duckdb.ConversionException) as error:  # whose texts have values
        reason = "a constraint" if isinstance(error, duckdb.ConstraintException) else "the type of a column"
        msg = f"Stream '{stream}': {reason} of table {table} does not allow what came."
        raise LoaderError(msg) from None
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        msg = f"Stream '{stream}' cannot be written into table {table}: {first_line(error)}"
        raise LoaderError(msg) from None


def sentence(error: Exception) -> str:
    """What the user gets to see of an error that ended the run."""
    if isinstance(error, duckdb.Error):
        may_hold_values = not isinstance(error, (duckdb.OperationalError, duckdb.InternalError))
        return f"DuckDB stopped the load: {type(error).__name__ if may_hold_values else first_line(error)}"
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"The load stopped: {error.strerror or type(error).__name__}{where}."
    return str(error)
