"""The errors that a user sees."""

from __future__ import annotations

from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

NOT_JSON = "Line {line} of the input is not a JSON object; a Singer tap writes one message per line."


class LoaderError(Exception):
    """What went wrong and what to do about it, in one sentence that holds no record value."""


class MissingSchemaError(LoaderError, RecordsWithoutSchemaException):
    """A record came before the SCHEMA of its stream."""


class MissingKeyError(LoaderError, MissingKeyPropertiesError):
    """A record has no value for a key property."""
