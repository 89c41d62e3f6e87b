"""Columns: what Personio's JSON becomes, as a table of types.

Each type has a JSON schema and a function that brings a value to it. Moments get one UTC spelling, because Singer's
bookmarks compare text; days stay the calendar days they name, whatever offset they carry.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.errors import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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


_EMPTY: tuple[Any, ...] = ("", [], {})
"""How Personio spells that there is nothing, in columns of any type."""
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?(E[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)


def _text(value: Any) -> str | None:
    if value.__class__ is str:
        return value
    if value in _EMPTY:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return msgspec.json.encode(value).decode()
    return str(value)


def _choice(value: Any) -> str | None:
    """A text out of a list. No list has an empty entry: where Personio sends one, nothing was chosen."""
    return _text(value) or None


def _integer(value: Any) -> int | None:
    number = _number(value)
    if number is None or isinstance(number, int):
        return number
    if isinstance(value, str):
        exact = Decimal(value)
        if exact == exact.to_integral_value():
            return int(exact)
    elif number.is_integer() and abs(number) < 2**53:
        return int(number)
    raise WrongTypeError


def _number(value: Any) -> float | None:
    if value.__class__ is float or value.__class__ is int:
        return value
    if value in _EMPTY:
        return None
    # Numbers come as text too, large ones as PHP writes them: 1.2E+18.
    if isinstance(value, str) and (found := _NUMBER.fullmatch(value.strip())):
        number = float(value) if found[1] or found[2] else int(value)
        if abs(number) != float("inf"):
            return number
    raise WrongTypeError


def _boolean(value: Any) -> bool | None:
    if value.__class__ is bool:
        return value
    if value in _EMPTY:
        return None
    # The reference's own sample of an attendance contains "false,".
    word = str(value).strip(" ,").lower() if isinstance(value, str | int) else ""
    if word in ("true", "false", "0", "1"):
        return word in ("true", "1")
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
    moment = _datetime(value)
    try:
        return _with_zone(moment).astimezone(dt.UTC).isoformat() if moment else None
    except OverflowError:
        raise WrongTypeError from None


def _datetime(value: Any) -> dt.datetime | None:
    """A date-time or date, also when an object holds it; None where there is none."""
    if isinstance(value, dict):
        # Recruiting: {"date-time": "…", "timezone": "…"}; elsewhere under another name.
        value = next(filter(None, map(value.get, ("date-time", "date_time", "date", "value"))), None)
    if value is None or value in _EMPTY:
        return None
    try:
        return dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise WrongTypeError from None


def _with_zone(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def to_date(value: Any) -> str | None:
    """A day, also when it comes as a midnight with an offset: that calendar day, never a moment in UTC."""
    moment = _datetime(value)
    return moment.date().isoformat() if moment else None


def _local(value: Any) -> str | None:
    """Local wall-clock time, never shifted: `2026-07-06T08:00:00`. An offset that comes along stays."""
    moment = _datetime(value)
    return moment.isoformat() if moment else None


def _time(value: Any) -> str | None:
    if value in _EMPTY:
        return None
    if value == "24:00":
        return "24:00:00"
    try:
        return dt.time.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise WrongTypeError from None


def _any(value: Any) -> Any:
    return value


def _object(value: Any) -> Any:
    """An object or array, also in its JSON text."""
    if isinstance(value, dict | list):
        return value
    if value == "":
        return None
    found = _json(value)
    if isinstance(found, dict | list):
        return found
    raise WrongTypeError


def _reference(value: Any) -> Any:
    """The object of another record; a bare id becomes one, an empty list is none."""
    if value in _EMPTY:
        return None
    if isinstance(value, int | float):
        return {"id": value}
    try:
        return _object(value)
    except WrongTypeError:
        return {"id": value}


def _local_time(value: Any) -> Any:
    """The object of a local time; a bare text becomes one."""
    return {"date_time": value} if isinstance(value, str) and value else _reference(value)


def _json(value: Any) -> Any:
    """What the JSON in a text says; None if it is no JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except UNREADABLE:
            return None
    return None


def _list(value: Any) -> list[Any]:
    """A list, also in its JSON text; another value is the only item."""
    if value in _EMPTY:
        return []
    value = _json(value) or value
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str | None]:
    return [None if each is None else _text(each) for each in _list(value)]


def split_tags(value: Any, options: Iterable[Any] = ()) -> Any:
    """The tags of a comma-joined text, or of the JSON text of a list; an option that holds a comma stays whole."""
    if not isinstance(value, str):
        return value
    found = _json(value)
    if isinstance(found, list):
        return found
    with_comma = sorted((o for o in options if isinstance(o, str) and "," in o), key=len, reverse=True)
    tags = []
    start = 0
    while start < len(value):
        rest = (start + len(o) for o in with_comma if value.startswith(o, start))
        end = next((each for each in rest if value[each : each + 1] in ("", ",")), value.find(",", start))
        end = len(value) if end < 0 else end
        tags.append(value[start:end].strip())
        start = end + 1
    return tags


def _cached(parse: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """The same with a cache for texts: days and times repeat from record to record."""
    cached = lru_cache(maxsize=4096)(parse)
    return lambda value: cached(value) if value.__class__ is str else parse(value)


class NEVER:
    """A class that no JSON value has: every value is parsed."""


TEXT = ColumnType({"type": ["string", "null"]}, str, str | None, _text)
CHOICE = ColumnType(TEXT.schema, NEVER, str | None, _choice, changes_text=True)
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
# The format is one of OpenAPI's. Loaders that do not know it load text.
LOCAL_DATETIME = ColumnType(
    {"type": ["string", "null"], "format": "date-time-local"},
    NEVER,
    str | None,
    _cached(_local),
    changes_text=True,
)
OBJECT = ColumnType({"type": ["object", "array", "null"]}, dict, msgspec.Raw, _object)
REFERENCE = ColumnType(OBJECT.schema, dict, msgspec.Raw, _reference)
LOCAL_TIME_OBJECT = ColumnType(OBJECT.schema, dict, msgspec.Raw, _local_time)
LIST = ColumnType({"type": ["array", "null"], "items": {}}, list, list[Any] | None, _list)
TEXTS = ColumnType(
    {"type": ["array", "null"], "items": {"type": ["string", "null"]}}, NEVER, list[str | None] | None, _texts
)
ANY = ColumnType(
    {"type": ["object", "array", "string", "number", "boolean", "null"]}, dict, msgspec.Raw, _any
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stream.

    Attributes:
        name: column name.
        type: its type.
        path: where its value stands, from the record's fields down; default the field of its name, which the
            column then uses up. A column with a path stands beside the nested field, where that is a column too.
        description: one sentence for the catalog and the docs.
    """

    name: str
    type: ColumnType
    path: tuple[str, ...] = field(default=())
    description: str = ""


# Where one of these is asked of a value that is no object, the value itself is meant.
_BARE = {"attributes", "id", "value", "date_time", "date"}


def get_path(fields: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of nested objects, or None where it ends early.

    The same thing comes wrapped in `attributes` or bare, with its value under `value` or bare, as an object or as its
    id alone, or as the only item of a list: all of these are accepted.
    """
    for place, step in enumerate(path):
        if isinstance(fields, list) and len(fields) == 1:
            fields = fields[0]
        if not isinstance(fields, dict):
            is_meant = set(path[place:]) <= _BARE and not isinstance(fields, list)
            return fields if is_meant else None
        if step in fields:
            fields = fields[step]
        elif isinstance(fields.get("attributes"), dict):
            fields = fields["attributes"].get(step)
        elif step not in ("attributes", "value"):
            return None
    return fields["value"] if isinstance(fields, dict) and "value" in fields else fields


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
