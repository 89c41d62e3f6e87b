"""Columns: what Personio's JSON becomes, as a table of types.

Each type has a JSON schema and a function that brings a value to it. Moments get one UTC spelling, because Singer's
bookmarks compare text; days stay the calendar days they name, whatever offset they carry.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OTHER_FIELDS = "other_fields"
"""The column that keeps fields of the API that a stream does not know yet."""


class WrongTypeError(Exception):
    """A value does not fit its column's type. Holds no value."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type of column.

    Attributes:
        schema: for Singer.
        python_type: the class of values that are fine as they are.
        json_type: the type that a value has in Personio's JSON when nothing is odd, for msgspec.
        parse: for all other values but null. Raises WrongTypeError or TypeError, without the value.
        changes_text: `parse` also changes texts of the documented form.
    """

    schema: Mapping[str, Any]
    python_type: type
    json_type: Any
    parse: Callable[[Any], Any]
    changes_text: bool = False


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return msgspec.json.encode(value).decode()
    return str(value)


def _integer(value: Any) -> int | None:
    if value.__class__ is int:
        return value
    if value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,40}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise WrongTypeError


def _number(value: Any) -> float | None:
    if value.__class__ is float or value.__class__ is int:
        return value
    if value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,300}(\.\d{1,300})?", value.strip()):
        text = value.strip()
        return float(text) if "." in text else int(text)
    raise WrongTypeError


def _boolean(value: Any) -> bool | None:
    if value.__class__ is bool:
        return value
    if value in (0, 1):
        return bool(value)
    if value == "":
        return None
    # The reference's own sample of an attendance contains "false,".
    word = value.strip(" ,").lower() if isinstance(value, str) else ""
    if word in ("true", "false"):
        return word == "true"
    raise WrongTypeError


@lru_cache(maxsize=65_536)
def _utc_hour(hour: str, offset: str) -> str:
    """`2025-01-17T15` for `2025-01-17T16` and `+01:00`; an offset of whole hours leaves minutes and seconds alone."""
    if not re.fullmatch(r"Z|[+-]\d\d:?00", offset, re.ASCII):
        raise WrongTypeError
    return dt.datetime.fromisoformat(f"{hour}:00:00{offset}").astimezone(dt.UTC).isoformat()[:13]


@lru_cache(maxsize=4096)
def _minutes(text: str) -> str:
    if re.fullmatch(r":[0-5]\d:[0-5]\d", text, re.ASCII):
        return text + "+00:00"
    raise WrongTypeError


def to_timestamp(value: Any) -> str | None:
    """A moment with an offset, in any of Personio's spellings, as UTC: `2025-01-17T15:41:08+00:00`."""
    if value.__class__ is str:
        # Hours with their offset repeat from record to record, as do minutes.
        try:
            return _utc_hour(value[:13], value[19:]) + _minutes(value[13:19])
        except (WrongTypeError, ValueError, OverflowError):
            pass  # another spelling
    if value == "":
        return None
    if isinstance(value, dict):
        # Recruiting wraps moments: {"date-time": "…", "timezone": "…"}, elsewhere named "date".
        value = value.get("date-time") or value.get("date_time") or value.get("date")
        if value is None:
            return None
    try:
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC).isoformat()
    except (TypeError, ValueError, OverflowError):
        raise WrongTypeError from None


def to_date(value: Any) -> str | None:
    """A day, also when it comes as a midnight with an offset: that calendar day, never a moment in UTC."""
    if value == "":
        return None
    try:
        return dt.datetime.fromisoformat(value).date().isoformat()
    except (TypeError, ValueError):
        raise WrongTypeError from None


def _local(value: Any) -> str | None:
    """Local wall-clock time without a zone, never shifted: `2026-07-06T08:00:00`."""
    if value == "":
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise WrongTypeError from None
    return moment.replace(tzinfo=None).isoformat()


def _time(value: Any) -> str | None:
    if value == "":
        return None
    if value == "24:00":
        return "24:00:00"
    try:
        return dt.time.fromisoformat(value).replace(tzinfo=None).isoformat()
    except (TypeError, ValueError):
        raise WrongTypeError from None


def _as_it_is(value: Any) -> Any:
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str | None]:
    return [None if each is None else _text(each) for each in _list(value)]


def _cached(parse: Callable[[str], str | None]) -> Callable[[Any], str | None]:
    """The same with a cache, because days and times repeat from record to record; what is no text is refused."""

    @lru_cache(maxsize=4096)
    def parse_text(value: Any) -> str | None:
        if value.__class__ is not str:
            raise WrongTypeError
        return parse(value)

    return parse_text


class NEVER:
    """A class that no JSON value has: every value is parsed."""


TEXT = ColumnType({"type": ["string", "null"]}, str, str | None, _text)
INTEGER = ColumnType({"type": ["integer", "null"]}, int, int | None, _integer)
NUMBER = ColumnType({"type": ["number", "null"]}, float, int | float | None, _number)
BOOLEAN = ColumnType({"type": ["boolean", "null"]}, bool, bool | None, _boolean)
TIMESTAMP = ColumnType(
    {"type": ["string", "null"], "format": "date-time"}, NEVER, str | None, to_timestamp, changes_text=True
)
DATE = ColumnType(
    {"type": ["string", "null"], "format": "date"}, NEVER, str | None, _cached(to_date), changes_text=True
)
TIME = ColumnType(
    {"type": ["string", "null"], "format": "time"}, NEVER, str | None, _cached(_time), changes_text=True
)
LOCAL_DATETIME = ColumnType(
    {"type": ["string", "null"]}, NEVER, str | None, _cached(_local), changes_text=True
)
OBJECT = ColumnType({"type": ["object", "array", "null"]}, dict, msgspec.Raw, _as_it_is)
LIST = ColumnType({"type": ["array", "null"], "items": {}}, list, list[Any] | None, _list)
TEXTS = ColumnType(
    {"type": ["array", "null"], "items": {"type": ["string", "null"]}}, NEVER, list[str | None] | None, _texts
)
ANY = ColumnType(
    {"type": ["object", "array", "string", "number", "boolean", "null"]}, dict, msgspec.Raw, _as_it_is
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream.

    Attributes:
        name: column name.
        type: its type.
        path: where its value stands, from the record's fields down; default the field of its name, which the
            column then uses up. Columns with a path stand beside the nested field, which stays.
        description: one sentence for the catalog and the docs.
    """

    name: str
    type: ColumnType
    path: tuple[str, ...] = field(default=())
    description: str = ""


def get_path(fields: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of nested objects, or None where it ends early.

    API v1 wraps some values as {"label": …, "value": …} and sends others bare: a final "value" accepts both.
    """
    for step in path:
        if not isinstance(fields, dict):
            return fields if step == "value" else None
        fields = fields.get(step)
    return fields


def schema_of(columns: tuple[Column, ...], keys: tuple[str, ...]) -> dict[str, Any]:
    """The JSON schema of a stream."""
    properties: dict[str, Any] = {}
    for column in columns:
        schema: dict[str, Any] = dict(column.type.schema)
        if column.name in keys:
            schema["type"] = [each for each in schema["type"] if each != "null"]
        if column.description:
            schema["description"] = column.description
        properties[column.name] = schema
    return {"type": "object", "properties": properties, "required": list(keys)}
