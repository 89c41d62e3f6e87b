"""From a page's JSON to the rows of a table.

`Row` takes records however they come. `PlainRows` is five times as fast for records in the documented shape, which is
what nearly every page holds: it lets msgspec decode straight into the row, and leaves nested JSON as it is.
"""

from __future__ import annotations

from collections import deque
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.columns import OTHER_FIELDS, Column, Remembered, WrongTypeError, dig
from tap_personio.paging import Metadata, Page, parse_v1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
    """Reads answers with records whose fields stand under `attributes`, with the id there or beside it.

    A field that the table does not know, or a value of another type than expected, is not for it: then `Row` is asked.

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
        identifier = next(column.kind.json for column in columns if column.name == "id")
        record = msgspec.defstruct("Record", [("attributes", row), ("id", identifier, None)], gc=False)
        answer = msgspec.defstruct(
            "Answer",
            [("data", list[record]), ("success", bool | None, None), ("metadata", Metadata | None, None)],  # type: ignore[valid-type]
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(answer)
        self._keys = [attrgetter(name) for name in keys]
        self._copied = [(c.name, attrgetter(c.path[0])) for c in columns if len(c.path) == 1]
        self._converted = [
            (c.name, attrgetter(c.name), c.kind.convert_texts)
            for c in columns
            if not c.path and c.kind.convert_texts
        ]
        below = [c for c in columns if len(c.path) > 1]
        self._joined = [
            (
                attrgetter(parent),
                tuple(c.name for c in below if c.path[0] == parent),
                Remembered(_joiner(below, parent)),
            )
            for parent in dict.fromkeys(c.path[0] for c in below)
        ]

    def parse(self, body: bytes) -> Page:
        """Like `parse_v1`, the records decoded at once where there is nothing unusual about them.

        What is nested in a record stays as it was written, which must be on one line.
        """
        try:
            answer = self._decoder.decode(body)
        except (msgspec.ValidationError, RecursionError):
            return parse_v1(body)
        rows = list(map(_ATTRIBUTES, answer.data))
        outside = list(map(_ID, answer.data))
        if None not in outside:
            _set(rows, "id", outside)
        if answer.success is False or None in map(_ID, rows) or b"\n" in body:
            return parse_v1(body)
        total = answer.metadata.total_elements if answer.metadata else None
        return Page(msgspec.Raw(body), total=total, rows=rows)

    def finish(self, rows: list[Any], repeated: frozenset[int]) -> list[Any]:
        """The rows of a page, without the repeated ones, as structs that encode like dictionaries.

        It goes column by column, so that the loops over the rows are in C.

        Raises:
            msgspec.MsgspecError, WrongTypeError, TypeError: for anything out of the ordinary.
        """
        for name, source in self._copied:
            _set(rows, name, map(source, rows))
        for name, texts, convert in self._converted:
            _set(rows, name, convert(list(map(texts, rows))))
        for parent, names, join in self._joined:
            joined = map(join.__getitem__, map(bytes, map(parent, rows)))
            for name, values in zip(names, zip(*joined, strict=True), strict=False):
                _set(rows, name, values)
        for key in self._keys:
            if None in map(key, rows):
                raise WrongTypeError
        return [row for place, row in enumerate(rows) if place not in repeated] if repeated else rows


_ID = attrgetter("id")
_ATTRIBUTES = attrgetter("attributes")


def _set(rows: list[Any], name: str, values: Iterable[Any]) -> None:
    """Set an attribute of each row."""
    deque(map(setattr, rows, repeat(name), values), maxlen=0)


def _joiner(columns: Sequence[Column], parent: str) -> Callable[[bytes], tuple[Any, ...]]:
    """Finds the join columns of a nested object, which many records share."""
    wanted = [(c.path[1:], c.kind.convert) for c in columns if c.path[0] == parent]

    def join(nested: bytes) -> tuple[Any, ...]:
        fields = msgspec.json.decode(nested)
        values = ((dig(fields, path), convert) for path, convert in wanted)
        return tuple(None if value is None else convert(value) for value, convert in values)

    return join
