"""The types: from a JSON schema to DuckDB columns, how their values are read, and how columns widen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from singer_target_duckdb.sql import folded, quoted

BIGINT_MAX = 2**63 - 1
EXACT_IN_DOUBLE = 2**53  # up to here a DOUBLE holds every whole number
EXACT = "DECIMAL(38,10)"  # for keys with more digits
DELETED_AT = "_sdc_deleted_at"
MOMENT = "TIMESTAMP WITH TIME ZONE"

# JSON type (and format) of a schema -> DuckDB type. Whatever is not here, or is a mixture, is VARCHAR.
TYPES: dict[frozenset[str], str] = {
    frozenset({"integer"}): "BIGINT",
    frozenset({"number"}): "DOUBLE",
    frozenset({"integer", "number"}): "DOUBLE",
    frozenset(): "",  # null alone: the type that the column has, or that a later schema gives it
    frozenset({"boolean"}): "BOOLEAN",
    frozenset({"string:date"}): "DATE",
    frozenset({"string:date-time"}): MOMENT,
    frozenset({"string:time"}): "TIME",
    frozenset({"string:date-time-local", "string"}): "TIMESTAMP",
    frozenset({"string:date", "string"}): "DATE",  # with `or_text`
    frozenset({"string:date-time", "string"}): MOMENT,
    frozenset({"string:time", "string"}): "TIME",
    frozenset({"object"}): "JSON",
    frozenset({"array"}): "JSON",
    frozenset({"object", "array"}): "JSON",
}

# Type of the column -> type of the schema -> the type that holds both.
# A pair that is not here becomes VARCHAR, which holds the text of anything.
WIDER: dict[str, dict[str, str]] = {
    "BIGINT": {"DOUBLE": "DOUBLE", "HUGEINT": "HUGEINT"},
    "DATE": {MOMENT: MOMENT},
    "DECIMAL": {"BIGINT": "DECIMAL", "DOUBLE": "DECIMAL", "HUGEINT": "DECIMAL"},
    "DOUBLE": {"BIGINT": "DOUBLE", "HUGEINT": "DOUBLE", EXACT: EXACT},
    "FLOAT": {"BIGINT": "DOUBLE", "DOUBLE": "DOUBLE"},
    "HUGEINT": {"BIGINT": "HUGEINT"},
    "TIMESTAMP": {MOMENT: MOMENT},
    MOMENT: {"DATE": MOMENT},
}
# Columns of other programs that hold fewer whole numbers stay as they are until a value needs more.
SMALL = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
WIDER |= {small: {"BIGINT": small, "DOUBLE": "DOUBLE", "HUGEINT": "HUGEINT"} for small in SMALL}
# Other columns of users that stay as they are until a value does not fit: family of the type -> type of the schema.
KEPT = {
    "UUID": "VARCHAR",
    "ENUM": "VARCHAR",
    "UHUGEINT": "BIGINT",
    "LIST": "JSON",
    "STRUCT": "JSON",
    "MAP": "JSON",
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), MOMENT),
}

# Type of a key column that stays, since it may have an index -> type of the schema, of which it holds all values.
HOLDS = {"VARCHAR": "DATE", "TIMESTAMP": MOMENT}

# Type of a column -> the type that may hold a value that does not fit it. The column then becomes what holds both:
# HUGEINT, EXACT for a key, or VARCHAR for times with an offset (JSON schema's own have one, but few taps send it).
LARGER = {
    **dict.fromkeys((*SMALL, "BIGINT"), "HUGEINT"),
    "DOUBLE": EXACT,
    "TIME": "TIME WITH TIME ZONE",
    **dict.fromkeys(KEPT, "VARCHAR"),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS"), MOMENT),
}


@dataclass(frozen=True)
class Reading:
    """How values of a DuckDB type are read from JSON; `{value}` and `{type}` stand in the SQL conditions.

    The casts of DuckDB round 1.5 to a whole number, cut a time of day off a date and turn 1e400 into infinity. So
    each way to read has a condition under which a value is not cast.

    Attributes:
        invalid: the value, read as text, does not fit the type.
        is_number: true and false count as 1 and 0, as in DuckDB and in Python.
        is_time: a date, a time of day or both. `t` and `z` may be small letters, as RFC 3339 has it.
        fast_type: type as which DuckDB reads the value in the fast way, if there is one: a number of which DuckDB
            makes a text first takes it twice the time to read.
        inexact: the value, read in the fast way, may not be what was written.
        through: types to which the text is cast first, one after the other.
    """

    invalid: str | None = None
    is_number: bool = False
    is_time: bool = False
    fast_type: str | None = None
    inexact: str = ""
    through: tuple[str, ...] = ()


_WHOLE = Reading(
    invalid=r"contains({value}, '.') AND NOT regexp_full_match({value}, '-?[0-9]+(\.0+)?')",
    is_number=True,
    fast_type="DOUBLE",
    inexact=f"{{value}} <> trunc({{value}}) OR abs({{value}}) >= {EXACT_IN_DOUBLE}",
)
_NESTED = Reading("to_json(TRY_CAST({value} AS {type})) IS DISTINCT FROM {value}")
# DuckDB takes epoch, infinity and the like for times. What begins with a digit, as nearly all do, is not searched.
_IS_WORD = "({value} < '0' OR {value} > ':') AND NOT regexp_matches({value}, '[0-9]')"
_IS_FINE = r"regexp_matches({value}, '\.[0-9]{{6}}0*[1-9]')"  # finer than a microsecond
_IN_CAPITALS = "CASE WHEN regexp_matches({value}, '^[0-9-]+t|[0-9]z *$') THEN upper({value}) ELSE {value} END"
_IN_UTC = f"TRY_CAST(TRY_CAST({{value}} AS {MOMENT}) AS TIMESTAMP)"
_COARSE = f"TRY_CAST({_IN_UTC} AS {{type}})::TIMESTAMP <> {_IN_UTC}"
_INFINITE = "(strlen({value}) > 30 OR contains(lower({value}), 'e')) AND isinf(TRY_CAST({value} AS {type}))"
_MIDNIGHT = r".{{10}}([T ]00:00(:00(\.0+)?)?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?)?"

READINGS: dict[str, Reading] = {
    **dict.fromkeys((*SMALL, "BIGINT", "HUGEINT", "UHUGEINT"), _WHOLE),
    "DOUBLE": Reading(_INFINITE, is_number=True, fast_type="DOUBLE", inexact="isinf({value})"),
    "FLOAT": Reading(_INFINITE, is_number=True),
    "DATE": Reading(
        f"strlen({{value}}) > 10 AND NOT regexp_full_match({{value}}, '{_MIDNIGHT}')", is_time=True
    ),
    "TIME": Reading("NOT regexp_full_match({value}, '[^+-]*([+-]00(:?00)?)?')", is_time=True),
    MOMENT: Reading(is_time=True),
    "TIMESTAMP": Reading(is_time=True, through=(MOMENT,)),  # by itself DuckDB drops the offset
    **dict.fromkeys(
        ("TIMESTAMP_S", "TIMESTAMP_MS"), Reading(_COARSE, is_time=True, through=(MOMENT, "TIMESTAMP"))
    ),
    "TIMESTAMP_NS": Reading(
        f"{_IN_UTC} NOT BETWEEN TIMESTAMP '1677-09-22' AND TIMESTAMP '2262-04-11'",
        is_time=True,
        through=(MOMENT, "TIMESTAMP"),
    ),
    # DuckDB rounds to the decimals that a type has, which stand at the end of its name.
    "DECIMAL": Reading(
        r"regexp_matches({value}, '\.[0-9]{{' || regexp_extract('{type}', '([0-9]+)\)', 1) || '}}0*[1-9]|[eE]-')",
        is_number=True,
    ),
    "UUID": Reading("TRY_CAST({value} AS UUID)::VARCHAR <> lower({value})"),
    **dict.fromkeys(("LIST", "STRUCT", "MAP"), _NESTED),
    "TIME WITH TIME ZONE": Reading(
        "TRY_CAST({value} AS TIME) IS NULL", is_time=True
    ),  # DuckDB 1.4 takes 25:00:00
}
_OTHER = Reading()

# A local time without a zone, of which an offset is no part.
LOCAL = Reading(r"regexp_full_match({value}, '.{{10}}.*(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)')", is_time=True)

# How a key is read where that differs, so that no two keys become one.
KEY_READINGS: dict[str, Reading] = {
    "DOUBLE": Reading(
        f"abs(TRY_CAST({{value}} AS DOUBLE)) >= {EXACT_IN_DOUBLE}",
        is_number=True,
        fast_type="DOUBLE",
        inexact=f"abs({{value}}) >= {EXACT_IN_DOUBLE}",
    ),
    EXACT: Reading(r"regexp_matches({value}, '\.[0-9]{{10}}0*[1-9]|[eE]-')", is_number=True),
}


@dataclass(frozen=True)
class Column:
    """One column of a table: the record key it is read from, its name and its DuckDB type.

    Attributes:
        is_widened: it has just got this type because a value did not fit the one before.
        numbers: the schema allows numbers with decimals, by themselves or inside of something.
        or_text: the schema allows any text too; the column becomes VARCHAR with the first value that asks for it.
        is_key: it is part of the key, so that its values are never rounded.
        expression: SQL for its value, where that is no key of the record but stands beside it in the message.
    """

    key: str
    name: str
    type: str
    expression: str = ""
    is_key: bool = False
    is_widened: bool = False
    or_text: bool = False
    numbers: bool = False

    @property
    def keeps_numbers(self) -> bool:
        """Whether numbers with decimals come into it as text or JSON."""
        return self.numbers and self.type in {"JSON", "VARCHAR"}

    def as_key(self) -> Column:
        """The column as a part of the key."""
        return replace(self, is_key=True, type="VARCHAR" if self.or_text else self.type)

    @property
    def larger_type(self) -> str | None:
        """The type that may hold a value that does not fit this one."""
        return "VARCHAR" if self.or_text else LARGER.get(family(self.type))

    @property
    def _reading(self) -> Reading:
        local = self.type == "TIMESTAMP" and self.or_text
        reading = LOCAL if local else READINGS.get(family(self.type), _OTHER)
        return KEY_READINGS.get(self.type, reading) if self.is_key else reading

    def read_type(self, *, fast: bool = False) -> str:
        """Type under which DuckDB's JSON reader reads the key: its text, its JSON, or a number if fast."""
        reading = self._reading
        if fast and reading.fast_type:
            return reading.fast_type
        return "JSON" if self.type == "JSON" or reading is _NESTED else "VARCHAR"

    def value(self, *, fast: bool = False, cast: str = "CAST") -> str:
        """SQL expression that turns the field of `record` that was read as `read_type` into the column's type.

        Args:
            fast: it was read in the fast way; fails where that may not be exact.
            cast: `CAST` fails on a value that does not fit, `TRY_CAST` makes it NULL.
        """
        if self.expression:
            return f"CAST({self.expression} AS {self.type})"
        value, reading = quoted("record", self.key), self._reading
        if fast and reading.fast_type:
            inexact = reading.inexact.format(value=value)
            number = value if reading.fast_type == self.type else f"CAST({value} AS {self.type})"
            return f"CASE WHEN {inexact} THEN error('to be read as text')::{self.type} ELSE {number} END"
        if self.type in {"VARCHAR", "JSON"}:
            return f"{value}::{self.type}"
        invalid = [reading.invalid] if reading.invalid else []
        if reading.is_time:
            value = value if fast else f"({_IN_CAPITALS.format(value=value)})"
            invalid += [_IS_WORD, *([_IS_FINE] if self.is_key else [])]
        misfit = "error('does not fit')" if cast == "CAST" else "NULL"
        cases = "".join(f" WHEN {each.format(value=value, type=self.type)} THEN {misfit}" for each in invalid)
        if reading.is_number:
            cases += f" WHEN {value} = 'true' THEN '1' WHEN {value} = 'false' THEN '0'"
        text = f"CASE {cases} ELSE {value} END" if cases else value
        for kind in reading.through:
            text = f"{cast}({text} AS {kind})"
        return f"{cast}({text} AS {self.type})"


# Columns that target-duckdb 0.8.0 left in a table; they are still filled where they are.
METADATA = tuple(
    Column(name, name, MOMENT, expression)
    for name, expression in {
        "_sdc_batched_at": "now()",
        "_sdc_extracted_at": (
            f"CASE WHEN NOT ({_IS_WORD}) THEN TRY_CAST({_IN_CAPITALS} AS {MOMENT}) END".format(
                value="time_extracted"
            )
        ),
    }.items()
)


def columns_of(schema: dict[str, Any]) -> list[Column]:
    """Columns for the properties of a stream's schema, in its order.

    DuckDB's names are case-insensitive and never empty: a property whose name is taken gets a number behind it.
    """
    properties = schema.get("properties", {})
    reserved = {folded(key) for key in properties}
    taken: set[str] = set()
    columns = []
    for key, definition in properties.items():
        name, number = key or "_", 1
        while folded(name) in taken or (name != key and folded(name) in reserved):
            number += 1
            name = f"{key}_{number}"
        taken.add(folded(name))
        kinds = _kinds(definition)
        numbers = bool(kinds & {"any", "number", "object", "array"})
        columns.append(Column(key, name, column_type(definition), or_text="string" in kinds, numbers=numbers))
    return columns


def column_type(definition: Any) -> str:
    """DuckDB type for the JSON schema of one property."""
    kinds = _kinds(definition)
    if kinds == {"integer"} and _is_beyond_bigint(definition):
        return "HUGEINT"
    return TYPES.get(frozenset(kinds), "VARCHAR")


def wider(column: str, schema: str) -> str:
    """The type that holds the values of both: what a column has, and what the schema asks for."""
    if column == schema:
        return column
    if KEPT.get(kind := family(column)) == schema:
        return column
    found = WIDER.get(kind, {}).get(schema, "VARCHAR")
    return column if found == kind else found


def family(kind: str) -> str:
    """A DuckDB type without its parameters: DECIMAL, ENUM, LIST."""
    return "LIST" if kind.endswith("]") else kind.split("(", maxsplit=1)[0]


def _kinds(definition: Any) -> set[str]:
    """The JSON types a value can have, without null; a string with its format, as `string:date`."""
    if not isinstance(definition, dict):
        return {"any"}
    for combination in ("anyOf", "oneOf"):
        alternatives = definition.get(combination)
        if alternatives and isinstance(alternatives, list):
            return set().union(*(_kinds(alternative) for alternative in alternatives))
    if "type" not in definition:
        if set(definition) & {"const", "enum"}:
            values = definition.get("enum", [definition.get("const")])
            if not isinstance(values, list):
                return {"any"}
            return {_kind_of_value(value) for value in values if value is not None}
        return {"any"}
    types = definition["type"]
    kinds = {kind for kind in (types if isinstance(types, list) else [types]) if isinstance(kind, str)} - {
        "null"
    }
    date_format = definition.get("format")
    if "string" in kinds and date_format in ("date", "date-time", "time"):
        kinds = kinds - {"string"} | {f"string:{date_format}"}
    if "string" in kinds and date_format == "date-time-local":  # with an offset it is text
        kinds |= {"string:date-time-local"}
    return kinds


def _kind_of_value(value: Any) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
    return kinds.get(type(value), "string")


def _is_beyond_bigint(definition: dict[str, Any]) -> bool:
    limits = [definition.get("minimum"), definition.get("maximum")]
    return any(
        isinstance(limit, int | float | Decimal) and not -BIGINT_MAX - 1 <= limit <= BIGINT_MAX
        for limit in limits
    )
