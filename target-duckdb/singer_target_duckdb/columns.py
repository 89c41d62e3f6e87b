"""From a JSON schema to DuckDB columns: the table of types, how values are read, how types widen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from singer_target_duckdb.sql import literal, quoted

BIGINT_MAX = 2**63 - 1
EXACT_IN_DOUBLE = 2**53  # up to here a DOUBLE holds every whole number
DELETED_AT = "_sdc_deleted_at"

# JSON type (and format) of a schema -> DuckDB type. Whatever is not here, or is a mixture, is VARCHAR.
TYPES: dict[frozenset[str], str] = {
    frozenset({"integer"}): "BIGINT",
    frozenset({"number"}): "DOUBLE",
    frozenset({"integer", "number"}): "DOUBLE",
    frozenset({"boolean"}): "BOOLEAN",
    frozenset({"string:date"}): "DATE",
    frozenset({"string:date-time"}): "TIMESTAMP WITH TIME ZONE",
    frozenset({"string:time"}): "TIME",
    frozenset({"object"}): "JSON",
    frozenset({"array"}): "JSON",
    frozenset({"object", "array"}): "JSON",
}

# Pairs (type of the column, type of the schema) where neither is VARCHAR: the type that holds both.
# A pair that is not here becomes VARCHAR, which holds the text of anything.
WIDER: dict[tuple[str, str], str] = {
    ("BIGINT", "DOUBLE"): "DOUBLE",
    ("DATE", "TIMESTAMP WITH TIME ZONE"): "TIMESTAMP WITH TIME ZONE",
    ("DECIMAL", "BIGINT"): "DECIMAL",
    ("DECIMAL", "DOUBLE"): "DECIMAL",
    ("DECIMAL", "HUGEINT"): "DECIMAL",
    ("DOUBLE", "BIGINT"): "DOUBLE",
    ("DOUBLE", "HUGEINT"): "DOUBLE",
    ("FLOAT", "BIGINT"): "DOUBLE",
    ("FLOAT", "DOUBLE"): "DOUBLE",
    ("HUGEINT", "BIGINT"): "HUGEINT",
    ("BIGINT", "HUGEINT"): "HUGEINT",
    ("INTEGER", "BIGINT"): "BIGINT",
    ("INTEGER", "DOUBLE"): "DOUBLE",
    ("INTEGER", "HUGEINT"): "HUGEINT",
    ("SMALLINT", "BIGINT"): "BIGINT",
    ("SMALLINT", "DOUBLE"): "DOUBLE",
    ("SMALLINT", "HUGEINT"): "HUGEINT",
    ("TINYINT", "BIGINT"): "BIGINT",
    ("UBIGINT", "BIGINT"): "HUGEINT",
    ("UINTEGER", "BIGINT"): "BIGINT",
    ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"): "TIMESTAMP WITH TIME ZONE",
    ("TIMESTAMP WITH TIME ZONE", "DATE"): "TIMESTAMP WITH TIME ZONE",
}

# Type of a column -> the type in which a value may be right that does not fit it; the column then becomes what holds
# both. JSON schema's own times have an offset, but few taps send one.
LARGER = {"BIGINT": "HUGEINT", "TIME": "TIME WITH TIME ZONE"}

_WHOLE = {"BIGINT", "HUGEINT", "INTEGER", "SMALLINT"}
_NUMBER = {*_WHOLE, "DOUBLE", "FLOAT"}
_WHOLE_NUMBER = r"-?[0-9]+(\.0+)?"
_MIDNIGHT = r".{10}([T ]00:00(:00(\.0+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
_UTC_OR_NO_OFFSET = r"[^+-]*([+-]00(:?00)?)?"


@dataclass(frozen=True)
class Column:
    """One column of a table: the record key it is read from, its name and its DuckDB type."""

    key: str
    name: str
    type: str

    @property
    def read_type(self) -> str:
        """Type under which DuckDB's JSON reader reads the key: its text, or its JSON."""
        return "JSON" if self.type == "JSON" else "VARCHAR"

    @property
    def quick_read_type(self) -> str:
        """The same for `quick_value`."""
        return "DOUBLE" if self.type in {*_WHOLE, "DOUBLE"} else self.read_type

    def quick_value(self) -> str:
        """What `value` gives, of what `quick_read_type` reads; fails where that may not be the same.

        A number of which DuckDB makes a text first takes it twice the time to read.
        """
        number, unsure = quoted(self.key), f"error('a number to be read as text')::{self.type}"
        if self.type == "DOUBLE":
            return f"CASE WHEN isinf({number}) THEN {unsure} ELSE {number} END"
        if self.type in _WHOLE:
            doubtful = f"{number} <> trunc({number}) OR abs({number}) >= {EXACT_IN_DOUBLE}"
            return f"CASE WHEN {doubtful} THEN {unsure} ELSE CAST({number} AS {self.type}) END"
        return self.value()

    def value(self, cast: str = "CAST") -> str:
        """SQL expression that turns the text read from the record into the column's type.

        The casts of DuckDB round 1.5 to a whole number, cut a time of day off a date and turn 1e400 into
        infinity; here such a value does not fit. As in DuckDB, and in Python, true and false count as 1 and 0.

        Args:
            cast: `CAST` fails on a value that does not fit, `TRY_CAST` makes it NULL.
        """
        text = quoted(self.key)
        if self.type in {"VARCHAR", "JSON"}:
            return text
        cases = f"WHEN {misfit} THEN 'does not fit'" if (misfit := self._misfit(text)) else ""
        if self.type in _NUMBER:
            cases += f" WHEN {text} = 'true' THEN '1' WHEN {text} = 'false' THEN '0'"
        if cases:
            text = f"CASE {cases} ELSE {text} END"
        return f"{cast}({text} AS {self.type})"

    def _misfit(self, text: str) -> str | None:
        if self.type in _WHOLE:
            return f"contains({text}, '.') AND NOT regexp_full_match({text}, {literal(_WHOLE_NUMBER)})"
        if self.type in {"DOUBLE", "FLOAT"}:
            large = f"strlen({text}) > 30 OR contains(lower({text}), 'e')"
            return f"({large}) AND isinf(TRY_CAST({text} AS {self.type}))"
        if self.type == "DATE":
            return f"strlen({text}) > 10 AND NOT regexp_full_match({text}, {literal(_MIDNIGHT)})"
        if self.type == "TIME":
            return f"NOT regexp_full_match({text}, {literal(_UTC_OR_NO_OFFSET)})"
        if self.type == "TIME WITH TIME ZONE":
            return f"TRY_CAST({text} AS TIME) IS NULL"  # DuckDB 1.4 takes 25:00:00
        return None


def columns_of(schema: dict[str, Any]) -> list[Column]:
    """Columns for the properties of a stream's schema, in its order.

    DuckDB's names are case-insensitive and never empty: a property whose name is taken gets a number behind it.
    """
    properties = schema.get("properties", {})
    reserved = {key.lower() for key in properties}
    taken: set[str] = set()
    columns = []
    for key, definition in properties.items():
        name, number = key or "_", 1
        while name.lower() in taken or (name != key and name.lower() in reserved):
            number += 1
            name = f"{key}_{number}"
        taken.add(name.lower())
        columns.append(Column(key, name, column_type(definition)))
    return columns


def column_type(definition: Any) -> str:
    """DuckDB type for the JSON schema of one property."""
    kinds = _kinds(definition)
    if kinds == {"integer"} and _beyond_bigint(definition):
        return "HUGEINT"
    return TYPES.get(frozenset(kinds), "VARCHAR")


def wider(column: str, schema: str) -> str:
    """The type that holds the values of both: what a column has, and what the schema asks for."""
    if column == schema:
        return column
    family = column.split("(", maxsplit=1)[0]
    found = WIDER.get((family, schema), "VARCHAR")
    return column if found == family else found


def _kinds(definition: Any) -> set[str]:
    """The JSON types a value can have, without null; a string with its format, as `string:date`."""
    if not isinstance(definition, dict):
        return {"any"}
    for combination in ("anyOf", "oneOf"):
        if alternatives := definition.get(combination):
            return set().union(*(_kinds(alternative) for alternative in alternatives))
    if "type" not in definition:
        if set(definition) & {"const", "enum"}:
            values = definition.get("enum", [definition.get("const")])
            return {_kind_of_value(value) for value in values if value is not None}
        return {"any"}
    types = definition["type"]
    kinds = set(types if isinstance(types, list) else [types]) - {"null"}
    date_format = definition.get("format")
    if "string" in kinds and date_format in {"date", "date-time", "time"}:
        kinds = kinds - {"string"} | {f"string:{date_format}"}
    return kinds


def _kind_of_value(value: Any) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
    return kinds.get(type(value), "string")


def _beyond_bigint(definition: dict[str, Any]) -> bool:
    limits = [definition.get("minimum"), definition.get("maximum")]
    return any(isinstance(limit, int | float) and abs(limit) > BIGINT_MAX for limit in limits)
