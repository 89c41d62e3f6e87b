"""Columns: what Personio's JSON becomes, as a table of kinds.

Each kind has a JSON schema and a function that brings a value to it. Moments get one UTC spelling, because Singer's
bookmarks compare text; days stay the calendar days they name, whatever offset they carry.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    _OfPage = Callable[[Sequence[str | None]], Iterable[str | None]]

OTHER_FIELDS = "other_fields"
"""The column that keeps fields of the API that a stream does not know yet."""


class WrongTypeError(Exception):
    """A value does not fit its column's type. Holds no value."""


K = TypeVar("K")
V = TypeVar("V")


class Remembered(dict[K, V]):
    """What a function makes of values that repeat from record to record; looking one up takes no call in Python.

    Args:
        function: asked about what is not remembered.
        most: so many are remembered, then the memory begins anew.
    """

    def __init__(self, function: Callable[[K], V], most: int = 4096) -> None:
        super().__init__()
        self._function = function
        self._most = most

    def __missing__(self, key: K) -> V:
        value = self._function(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of column.

    Attributes:
        schema: for Singer.
        plain: the class of values that are fine as they are.
        json: the type that a value has in Personio's JSON when nothing is odd.
        convert: for all other values but null.
        convert_texts: the same for the texts and nulls of a page at once, where texts change, like the many
            spellings of a moment.
    """

    schema: Mapping[str, Any]
    plain: type
    json: Any
    convert: Callable[[Any], Any]
    convert_texts: _OfPage | None = None


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


def _utc_hour(hour_and_offset: str) -> str:
    """`2025-01-17T15` for `2025-01-17T16+01:00`; an offset of whole hours leaves minutes and seconds alone."""
    hour, offset = hour_and_offset[:13], hour_and_offset[13:]
    if not re.fullmatch(r"Z|[+-]\d\d:?00", offset, re.ASCII):
        raise WrongTypeError
    try:
        return dt.datetime.fromisoformat(f"{hour}:00:00{offset}").astimezone(dt.UTC).isoformat()[:13]
    except (ValueError, OverflowError):
        raise WrongTypeError from None


def _minutes(text: str) -> str:
    if re.fullmatch(r":[0-5]\d:[0-5]\d", text, re.ASCII):
        return text + "+00:00"
    raise WrongTypeError


_utc_hours = Remembered(_utc_hour, 65_536)
_all_minutes = Remembered(_minutes)


def to_moment(value: Any) -> str | None:
    """A moment with an offset, in any of Personio's spellings, as UTC: `2025-01-17T15:41:08+00:00`."""
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


def to_moments(texts: Sequence[str | None]) -> list[str | None]:
    """What `to_moment` makes of each text. Hours with their offset repeat from record to record, as do minutes."""
    try:
        return [
            None if text is None else _utc_hours[text[:13] + text[19:]] + _all_minutes[text[13:19]]
            for text in texts
        ]
    except WrongTypeError:  # fractions of a second, or odd offsets
        return [None if text is None else to_moment(text) for text in texts]


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


def _remembering(convert: Callable[[str], str | None]) -> tuple[Callable[[Any], str | None], _OfPage]:
    """A conversion of one value, and of a page's texts, that remembers: days and times repeat from record to record."""
    remembered = Remembered[str | None, str | None](lambda text: None if text is None else convert(text))

    def convert_one(value: Any) -> str | None:
        if value.__class__ is not str:
            raise WrongTypeError
        return remembered[value]

    return convert_one, lambda texts: map(remembered.__getitem__, texts)


NONE_PLAIN = bytes  # a class that no JSON value has

TEXT = Kind({"type": ["string", "null"]}, str, str | None, _text)
INTEGER = Kind({"type": ["integer", "null"]}, int, int | None, _integer)
NUMBER = Kind({"type": ["number", "null"]}, float, int | float | None, _number)
BOOLEAN = Kind({"type": ["boolean", "null"]}, bool, bool | None, _boolean)
MOMENT = Kind(
    {"type": ["string", "null"], "format": "date-time"}, NONE_PLAIN, str | None, to_moment, to_moments
)
DAY = Kind({"type": ["string", "null"], "format": "date"}, NONE_PLAIN, str | None, *_remembering(to_day))
TIME = Kind({"type": ["string", "null"], "format": "time"}, NONE_PLAIN, str | None, *_remembering(_time))
LOCAL = Kind({"type": ["string", "null"]}, NONE_PLAIN, str | None, *_remembering(_local))
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
