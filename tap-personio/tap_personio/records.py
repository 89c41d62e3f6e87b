"""From records to the rows of a table.

`RowBuilder` takes records however they come, as dictionaries. `TypedRows` is three times as fast for records in the
documented shape, which nearly all are: its `parse` decodes a response straight into rows, structs of msgspec in which
nested JSON stays as it is, and its `finish` completes one row. A row that `finish` refuses goes back to a dictionary
(`fields`) and through the `RowBuilder`.
"""

from __future__ import annotations

import functools
from collections import Counter
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.columns import OTHER_FIELDS, TEXT, Column, WrongTypeError, get_path
from tap_personio.pages import Page, check_success, parse_v1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Metadata(msgspec.Struct):
    total_elements: int | None = None


_NULL = msgspec.Raw(b"null")
# Personio adds a field now and then; more than so many are not fields.
MAX_OTHERS = 100


class RowBuilder:
    """Builds rows of a stream's columns from records.

    A value that does not fit its column costs that value: the column is NULL, and what came stands in `other_fields`
    under the column's name.

    Args:
        columns: the stream's columns in order.
        keys: columns that must have a value.
        replication_key: a value there must fit, if there is one.
        selected: names of the columns that go out; the others are taken off the record all the same, so that what
            is not selected does not turn up among the other fields.
        typed_rows: what has decoded the records, where it could.

    Attributes:
        misfits: how many values of each column did not fit.
    """

    def __init__(
        self,
        columns: tuple[Column, ...],
        keys: tuple[str, ...],
        replication_key: str | None,
        selected: frozenset[str],
        typed_rows: TypedRows | None = None,
    ) -> None:
        self._typed_rows = typed_rows
        own = [c for c in columns if not c.path]
        self._own = [(c.name, c.type.python_type, c.type.parse) for c in own if c.name in selected]
        self._unselected = [c.name for c in columns if c.name not in selected]
        self._joined = [
            (c.name, c.type.parse, c.path[0], c.path[1:]) for c in columns if c.path and c.name in selected
        ]
        self._used_up = {c.path[0] for c in columns if c.path}.difference(c.name for c in own)
        self._keys = keys
        self._must_fit = {*keys, replication_key}
        self._order = [c.name for c in columns if c.name in selected]
        self._keeps_others = OTHER_FIELDS in selected
        self.misfits: Counter[str] = Counter()

    def row(self, fields: Any) -> Any:
        """The row for one record, which encodes like a dictionary.

        Args:
            fields: the fields named like the columns, which are used up; or what `typed_rows` decoded.

        Raises:
            WrongTypeError: with the name of the key or replication key that does not fit as its text.
        """
        typed = self._typed_rows
        if typed is None or fields.__class__ is dict:
            return self._build(fields)
        try:
            return typed.finish(fields)
        except (msgspec.MsgspecError, WrongTypeError, TypeError, RecursionError):
            return self._build(typed.fields(fields))

    def _build(self, fields: dict[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = dict.fromkeys(self._order)
        odd: dict[str, Any] = {}
        for name, parse, first, rest in self._joined:
            value = get_path(fields[first], rest) if fields.get(first) is not None else None
            flat = fields.pop(name, None)  # under the column's own name
            value = flat if value is None else value
            if value is not None:
                row[name] = self._parsed(name, parse, value, odd)
        for name in (*self._unselected, *self._used_up):
            fields.pop(name, None)
        for name, python_type, parse in self._own:
            value = fields.pop(name, None)
            if value.__class__ is python_type:
                row[name] = value
            elif value is not None:
                row[name] = self._parsed(name, parse, value, odd)
        for name in self._keys:
            if row[name] in (None, ""):
                raise WrongTypeError(name)
        if (fields or odd) and self._keeps_others:
            row[OTHER_FIELDS] = {**fields, **odd}
        return row

    def _parsed(self, name: str, parse: Callable[[Any], Any], value: Any, odd: dict[str, Any]) -> Any:
        try:
            if parse is TEXT.parse and name in self._keys and value.__class__ not in (int, str):
                raise WrongTypeError  # a text column takes anything, but no key is an object
            return parse(value)
        except (WrongTypeError, TypeError, AttributeError):
            if name in self._must_fit:
                raise WrongTypeError(name) from None
            self.misfits[name] += 1
            odd[name] = value
            return None

    def misfit_warnings(self, stream: str) -> Iterator[str]:
        """A sentence for each column with values that did not fit."""
        for name, count in self.misfits.items():
            values = "value" if count == 1 else "values"
            yield (
                f"{count} {values} of the column '{name}' of {stream} did not fit its type: the column is empty there, "
                "and what came is in the column other_fields."
            )


class TypedRows:
    """Decodes responses of API v1 whose records stand under `attributes`, with the id there or beside it.

    A page with a value of another type than documented is decoded by `parse_v1`. A field that the table does not know
    is that only once: from then on it is decoded too, and goes to `other_fields`.

    Args:
        columns: the stream's columns in order, all of them selected.
        keys: columns that must have a value.
    """

    def __init__(self, columns: tuple[Column, ...], keys: tuple[str, ...]) -> None:
        self._columns = columns
        self._key_values = [attrgetter(key) for key in keys]
        self._own = [c for c in columns if not c.path]
        self._parsed = [(c.name, attrgetter(c.name), c.type.parse) for c in self._own if c.type.changes_text]
        self._renamed = {c.path[0]: c for c in columns if len(c.path) == 1}
        nested = dict.fromkeys(c.path[0] for c in columns if len(c.path) > 1)
        self._joined = [(attrgetter(name), self._join_of(name)) for name in nested]
        self._others: tuple[str, ...] = ()
        self._make_decoder()

    def _make_decoder(self) -> None:
        fields: list[tuple[str, Any, Any]] = [
            (c.name, Any, None)
            if c.path
            else (c.name, c.type.json_type, _NULL if c.type.json_type is msgspec.Raw else None)
            for c in self._columns
        ]
        fields += [
            (name, c.type.json_type | msgspec.UnsetType, msgspec.UNSET) for name, c in self._renamed.items()
        ]
        fields += [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in self._others]
        row = msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
        identifier = next(c.type.json_type for c in self._columns if c.name == "id")
        record = msgspec.defstruct("Record", [("attributes", row), ("id", identifier, None)], gc=False)
        response = msgspec.defstruct(
            "Response",
            [("data", list[record]), ("success", bool | None, None), ("metadata", _Metadata | None, None)],  # type: ignore[valid-type]
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(response)

    def parse(self, body: bytes) -> Page:
        """Like `parse_v1`, with rows as records where nothing about them is unusual.

        What is nested in a record stays as it was written, which must be on one line.
        """
        try:
            response = self._decoder.decode(body)
        except (msgspec.ValidationError, RecursionError):
            page = parse_v1(body)
            self._learn_others(page)
            return page
        check_success(response.success)
        rows = []
        for record in response.data:
            row = record.attributes
            if record.id is not None:
                row.id = record.id
            rows.append(row)
        if b"\n" in body or any(row.id is None for row in rows):
            return parse_v1(body)
        return Page(rows, response.metadata.total_elements if response.metadata else None)

    def _learn_others(self, page: Page) -> None:
        attributes = (get_path(record, ("attributes",)) for record in page.records)
        found = {name for each in attributes if isinstance(each, dict) for name in each}
        others = {*self._others, *found.difference(self._renamed, (c.name for c in self._columns))}
        if others != set(self._others) and len(others) <= MAX_OTHERS and all(map(str.isidentifier, others)):
            self._others = tuple(sorted(others))
            self._make_decoder()

    def finish(self, row: Any) -> Any:
        """Bring a decoded row to its columns' types. The result encodes like a dictionary.

        Raises:
            WrongTypeError, TypeError, msgspec.MsgspecError: for a value out of the ordinary. What was brought to its
                type before it stays so; to parse it again changes nothing.
        """
        for name, value_of, parse in self._parsed:
            value = value_of(row)
            if value is not None:
                setattr(row, name, parse(value))
        for nested_of, join in self._joined:
            for name, value in join(bytes(nested_of(row))):
                setattr(row, name, value)
        for key_of in self._key_values:
            if key_of(row) in (None, ""):
                raise WrongTypeError
        for name, column in self._renamed.items():
            value = getattr(row, name)
            setattr(row, column.name, None if value is msgspec.UNSET else value)
            setattr(row, name, msgspec.UNSET)
        if self._others:
            self._move_others(row)
        return row

    def _move_others(self, row: Any) -> None:
        values = {name: getattr(row, name) for name in self._others}
        row.other_fields = {name: each for name, each in values.items() if each is not msgspec.UNSET} or None
        for name in self._others:
            setattr(row, name, msgspec.UNSET)

    def fields(self, row: Any) -> dict[str, Any]:
        """The fields of a row that `finish` refused, for `RowBuilder`."""
        values = {
            name: getattr(row, name) for name in (*(c.name for c in self._own), *self._renamed, *self._others)
        }
        return {
            name: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
            for name, value in values.items()
            if value is not msgspec.UNSET and value is not None
        }

    def _join_of(self, parent: str) -> Callable[[bytes], tuple[tuple[str, Any], ...]]:
        """Finds the join columns of a nested object, which many records share."""
        columns = [
            (c.name, c.path[1:], c.type.parse) for c in self._columns if c.path and c.path[0] == parent
        ]

        @functools.lru_cache(maxsize=4096)
        def join(nested: bytes) -> tuple[tuple[str, Any], ...]:
            fields = msgspec.json.decode(nested)
            found = ((name, get_path(fields, path), parse) for name, path, parse in columns)
            return tuple((name, None if value is None else parse(value)) for name, value, parse in found)

        return join


def newest_of(rows: list[Any], key: str | None) -> str | None:
    """The largest value of a column, the replication key, in some rows; None where there is none."""
    if not key or not rows:
        return None
    typed, dictionaries = attrgetter(key), methodcaller("get", key)
    values = (dictionaries(row) if row.__class__ is dict else typed(row) for row in rows)
    return max(filter(None, values), default=None)
