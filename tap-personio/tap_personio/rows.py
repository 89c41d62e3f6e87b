"""From a page's JSON to the rows of a table.

`Row` takes records however they come. `PlainRows` is five times as fast for records in the documented shape, which is
what nearly every page holds: it lets msgspec decode straight into the row, and leaves nested JSON as it is.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.columns import OTHER_FIELDS, Column, WrongTypeError, dig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NULL = msgspec.Raw(b"null")


class Row:
    """Builds rows of a stream's columns from records.

    Args:
        columns: the stream's columns in order.
        keys: columns that must have a value.
        wanted: names of the columns that go out; the others are taken off the record all the same, so that what
            is not selected does not turn up among the other fields.
    """

    def __init__(self, columns: tuple[Column, ...], keys: tuple[str, ...], wanted: frozenset[str]) -> None:
        self._own = [
            (c.name, c.kind.plain, c.kind.convert) for c in columns if not c.path and c.name in wanted
        ]
        self._unwanted = [c.name for c in columns if not c.path and c.name not in wanted]
        self._joined = [
            (c.name, c.kind.convert, c.path[0], c.path[1:]) for c in columns if c.path and c.name in wanted
        ]
        self._keys = keys
        self._order = [c.name for c in columns if c.name in wanted]
        self._others = OTHER_FIELDS in wanted

    def build(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Turn the fields of one record into a row. The fields are used up.

        Raises:
            WrongTypeError: with the name of the column as its text.
        """
        row: dict[str, Any] = dict.fromkeys(self._order)
        name = ""
        try:
            for name, convert, first, rest in self._joined:
                value = fields.get(first)
                if value is not None and (value := dig(value, rest)) is not None:
                    row[name] = convert(value)
            for name in self._unwanted:
                fields.pop(name, None)
            for name, plain, convert in self._own:
                value = fields.pop(name, None)
                if value.__class__ is plain:
                    row[name] = value
                elif value is not None:
                    row[name] = convert(value)
            for name in self._keys:
                if row[name] is None:
                    raise WrongTypeError
        except (WrongTypeError, TypeError, AttributeError):
            raise WrongTypeError(name) from None
        if fields and self._others:
            row[OTHER_FIELDS] = fields
        return row


class PlainRows:
    """Reads pages of records whose fields stand under `attributes`, with the id there or beside it.

    A field that the table does not know, or a value of another type than expected, raises: then `Row` is asked.

    Args:
        columns: the stream's columns in order, all of them wanted.
        keys: columns that must have a value.
    """

    def __init__(self, columns: tuple[Column, ...], keys: tuple[str, ...]) -> None:
        fields: list[tuple[str, Any, Any]] = []
        for column in columns:
            nested = column.kind.json is msgspec.Raw and not column.path
            fields.append(
                (column.name, column.kind.json if not column.path else Any, NULL if nested else None)
            )
        row = msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
        beside = [("id", column.kind.json, None) for column in columns if column.name == "id"]
        record = msgspec.defstruct("Record", [("attributes", row), *beside], gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
        self._keys = keys
        self._converted = [(c.name, c.kind.convert) for c in columns if not c.path and c.kind.converts_text]
        self._copied = [(c.name, c.path[0]) for c in columns if len(c.path) == 1]
        nested_columns = [c for c in columns if len(c.path) > 1]
        self._joined = [
            (
                parent,
                tuple(c.name for c in nested_columns if c.path[0] == parent),
                _joiner(nested_columns, parent),
            )
            for parent in dict.fromkeys(c.path[0] for c in nested_columns)
        ]

    def read(self, data: msgspec.Raw, repeated: frozenset[int]) -> list[Any]:
        """The rows of a page, without the repeated ones, as structs that encode like dictionaries.

        Raises:
            msgspec.MsgspecError, WrongTypeError, TypeError: for anything out of the ordinary.
        """
        rows = []
        for record in self._decoder.decode(data):
            row = record.attributes
            if record.id is not None:
                row.id = record.id
            for name, source in self._copied:
                setattr(row, name, getattr(row, source))
            for name, convert in self._converted:
                value = getattr(row, name)
                if value is not None:
                    setattr(row, name, convert(value))
            for parent, names, join in self._joined:
                nested = getattr(row, parent)
                if nested != NULL:
                    for name, value in zip(names, join(bytes(nested)), strict=True):
                        setattr(row, name, value)
            for name in self._keys:
                if getattr(row, name) is None:
                    raise WrongTypeError(name)
            rows.append(row)
        return [row for place, row in enumerate(rows) if place not in repeated] if repeated else rows


def _joiner(columns: Sequence[Column], parent: str) -> Callable[[bytes], tuple[Any, ...]]:
    """Finds the join columns of a nested object, which many records share."""
    wanted = [(c.path[1:], c.kind.convert) for c in columns if c.path[0] == parent]

    @functools.lru_cache(maxsize=4096)
    def join(nested: bytes) -> tuple[Any, ...]:
        fields = msgspec.json.decode(nested)
        values = ((dig(fields, path), convert) for path, convert in wanted)
        return tuple(None if value is None else convert(value) for value, convert in values)

    return join
