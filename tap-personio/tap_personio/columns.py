"""Columns: what Personio's JSON becomes, as a table of kinds.

Each kind has a JSON schema and a function that brings a value to it. Moments get one UTC spelling, because Singer's
bookmarks compare text; days stay the calendar days they name, whatever offset they carry.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OTHER_FIELDS = "other_fields"
"""The column that keeps fields of the API that a stream does not know yet."""


class WrongTypeError(Exception):
    """A value does not fit its column's type. Holds no value."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of column.

    Attributes:
        schema: for Singer.
        plain: the class of values that are fine as they are.
        json: the type that a value has in Personio's JSON when nothing is odd.
        convert: for all other values but null.
    """

    schema: Mapping[str, Any]
    plain: type
    json: Any
    convert: Callable[[Any], Any]

    @property
    def converts_text(self) -> bool:
        """Whether texts change, like the many spellings of a moment."""
        return self.json == (str | None) and self.plain is not str


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


@functools.lru_cache(maxsize=65_536)
def _utc_hour(hour: str, offset: str) -> str:
    try:
        return dt.datetime.fromisoformat(f"{hour}:00:00{offset}").astimezone(dt.UTC).isoformat()[:13]
    except (ValueError, OverflowError):
        raise WrongTypeError from None


@functools.lru_cache(maxsize=4096)
def _minutes(text: str) -> str:
    if re.fullmatch(r":[0-5]\d:[0-5]\d", text, re.ASCII):
        return text
    raise WrongTypeError


def to_moment(value: Any) -> str | None:
    """A moment with an offset, in any of Personio's spellings, as UTC: `2025-01-17T15:41:08+00:00`."""
    if value.__class__ is str and len(value) in (20, 24, 25):
        offset = value[19:]
        if offset == "Z" or (offset[0] in "+-" and offset.endswith("00")):
            # An offset of whole hours leaves minutes and seconds alone, and hours repeat from record to record.
            return f"{_utc_hour(value[:13], offset)}{_minutes(value[13:19])}+00:00"
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


def to_day(value: Any) -> str | None:
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


def _converted(convert: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """Remember what texts become: days and times of day repeat from record to record."""
    remembered = functools.lru_cache(maxsize=4096)(convert)

    def convert_text(value: Any) -> str | None:
        if value.__class__ is not str:
            raise WrongTypeError
        return remembered(value)

    return convert_text


NONE_PLAIN = bytes  # a class that no JSON value has

TEXT = Kind({"type": ["string", "null"]}, str, str | None, _text)
INTEGER = Kind({"type": ["integer", "null"]}, int, int | None, _integer)
NUMBER = Kind({"type": ["number", "null"]}, float, int | float | None, _number)
BOOLEAN = Kind({"type": ["boolean", "null"]}, bool, bool | None, _boolean)
MOMENT = Kind({"type": ["string", "null"], "format": "date-time"}, NONE_PLAIN, str | None, to_moment)
DAY = Kind({"type": ["string", "null"], "format": "date"}, NONE_PLAIN, str | None, _converted(to_day))
TIME = Kind({"type": ["string", "null"], "format": "time"}, NONE_PLAIN, str | None, _converted(_time))
LOCAL = Kind({"type": ["string", "null"]}, NONE_PLAIN, str | None, _local)
OBJECT = Kind({"type": ["object", "array", "null"]}, dict, msgspec.Raw, _as_it_is)
LIST = Kind({"type": ["array", "null"], "items": {}}, list, list[Any] | None, _list)
TEXTS = Kind(
    {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
    NONE_PLAIN,
    list[str | None] | None,
    _texts,
)
ANY = Kind({"type": ["object", "array", "string", "number", "boolean", "null"]}, dict, msgspec.Raw, _as_it_is)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream.

    Attributes:
        name: column name.
        kind: its type.
        path: where its value stands, from the record's fields down; default the field of its name, which the
            column then uses up. Columns with a path stand beside the nested field, which stays.
        description: one sentence for the catalog and the docs.
    """

    name: str
    kind: Kind
    path: tuple[str, ...] = field(default=())
    description: str = ""


def dig(fields: Any, path: tuple[str, ...]) -> Any:
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
        schema: dict[str, Any] = dict(column.kind.schema)
        if column.name in keys:
            schema["type"] = [each for each in schema["type"] if each != "null"]
        if column.description:
            schema["description"] = column.description
        properties[column.name] = schema
    return {"type": "object", "properties": properties, "required": list(keys)}
