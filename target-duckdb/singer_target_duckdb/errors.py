"""The errors that a user sees."""

from __future__ import annotations

from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException


class LoaderError(Exception):
    """What went wrong and what to do about it, in one sentence that holds no record value."""


class MissingSchemaError(LoaderError, RecordsWithoutSchemaException):
    """A record came before the SCHEMA of its stream."""


class MissingKeyError(LoaderError, MissingKeyPropertiesError):
    """A record has no value for a key property."""
