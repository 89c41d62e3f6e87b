"""Every type and kind of key of PyPI's target-duckdb 0.8.0: its rows stay, and increments go into the same columns."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from environments import install
from singer_messages import lines, schema, state

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]


def whole(least: int | None = None, most: int | None = None) -> dict[str, Any]:
    bounds = {"minimum": least, "maximum": most}
    return {
        "type": ["null", "integer"],
        **{name: value for name, value in bounds.items() if value is not None},
    }


def text(kind: str) -> dict[str, Any]:
    return {"type": ["null", "string"], "format": kind}


# Schema of a property, and three values: of two rows that 0.8.0 writes, and one that this loader adds.
TYPES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "any whole number": (whole(), [1, 2, 2**63]),
    "tinyint": (whole(-128, 127), [-128, 0, 127]),
    "tinyint unsigned": (whole(0, 255), [0, 1, 255]),
    "smallint": (whole(-(2**15), 2**15 - 1), [1, -(2**15), 2**15 - 1]),
    "smallint unsigned": (whole(0, 2**16 - 1), [0, 1, 2**16 - 1]),
    "integer": (whole(-(2**31), 2**31 - 1), [1, -(2**31), 2**31 - 1]),
    "integer unsigned": (whole(0, 2**32 - 1), [0, 1, 2**32 - 1]),
    "bigint": (whole(-(2**63), 2**63 - 1), [1, -(2**63), 2**63 - 1]),
    "bigint unsigned": (whole(0, 2**64 - 1), [0, 1, 2**64 - 1]),
    "at most 100": (whole(None, 100), [99, 1, -(2**40)]),
    "number": ({"type": ["null", "number"]}, [0.5, 1e15, 2**53 - 1]),
    "text": ({"type": ["null", "string"]}, ["a", "ä, \"b\"\n'c'", ""]),
    "date": (text("date"), ["2024-01-02", "2024-02-29", "0001-01-01"]),
    "date-time": (text("date-time"), ["2024-01-02T03:04:05Z", "2024-01-03T03:04:05.123456Z", "2024-06-01T02:00+02:00"]),
    "time": (text("time"), ["03:04:05", "23:59:59", "00:00:00.5"]),
    "boolean": ({"type": ["null", "boolean"]}, [True, False, None]),
    "object": ({"type": ["null", "object"]}, [{"a": [1, None]}, {}, {"b": "ü"}]),
    "array": ({"type": ["null", "array"]}, [[1, "x"], [], [None]]),
    "number or text": ({"type": ["null", "integer", "string"]}, ["1", "b", "2"]),
}  # fmt: skip
NO_KEYS = {"boolean", "object", "array", "at most 100"}  # an indexed column cannot grow
KEYS: list[tuple[str, ...]] = [(kind,) for kind in TYPES if kind not in NO_KEYS]
KEYS += [("date", "smallint"), ("text", "date-time"), ("bigint unsigned", "date")]


def stream_of(keys: tuple[str, ...]) -> str:
    """Stream, and table, with these keys."""
    return f"by {' and '.join(keys)}".replace("-", " ")


def messages(rows: dict[int, int]) -> list[dict[str, Any]]:
    """A stream for each kind of key; rows: number of the values of the key -> number of all other values."""
    found: list[dict[str, Any]] = []
    for keys in KEYS:
        stream, names = stream_of(keys), [f"key {key}" for key in keys]
        properties = dict(zip(names, (TYPES[key][0] for key in keys), strict=True))
        properties |= {kind: definition for kind, (definition, _) in TYPES.items()}
        found.append(schema(stream, properties, names))
        for of_key, of_others in rows.items():
            values = {f"key {key}": TYPES[key][1][of_key] for key in keys}
            values |= {kind: each[of_others] for kind, (_, each) in TYPES.items()}
            extracted = {"time_extracted": f"2025-01-0{of_others + 1}T00:00:00Z"}
            found.append({"type": "RECORD", "stream": stream, "record": values, **extracted})
    return [*found, state(done=True)]


def as_text(kind: str, value: Any, column: str) -> str | None:
    """A value as DuckDB writes a column of a type."""
    if value is None:
        return None
    if column == "DOUBLE":
        return repr(float(value))
    if kind in {"object", "array"}:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if kind == "date-time":
        moments = dict(
            zip(TYPES[kind][1], ("01-02 03:04:05", "01-03 03:04:05.123456", "06-01 00:00:00"), strict=True)
        )
        return f"2024-{moments[value]}" + ("+00" if column == "TIMESTAMP WITH TIME ZONE" else "")
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "config",
    [{}, {"add_metadata_columns": True}, {"hard_delete": True}, {"hard_delete": False, "add_metadata_columns": True}],
    ids=str,
)  # fmt: skip
def test_increments_go_into_every_type_and_key_of_the_other_target(load, tmp_path, config):
    upstream = install("target-duckdb==0.8.0", "duckdb==1.1.3")
    file = tmp_path / "upstream.json"
    file.write_text(json.dumps({"path": str(load.path), "default_target_schema": "main", **config}))
    command = [upstream / "target-duckdb", "-c", file]
    done = subprocess.run(command, input=lines(*messages({0: 0, 1: 1})), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    load(*messages({1: 2, 2: 0}), hard_delete=config.get("hard_delete", True))
    for keys in KEYS:
        table = stream_of(keys)
        types = load.types(table)
        columns = ", ".join(f'"{name}"::VARCHAR' for name in types)
        found = [dict(zip(types, row, strict=True)) for row in load.rows(f'SELECT {columns} FROM "{table}"')]
        for row in found:  # that target writes JSON with spaces
            row |= {
                kind: row[kind] and as_text(kind, json.loads(row[kind]), "JSON")
                for kind in ("object", "array")
            }
        for of_key, of_others in ((0, 0), (1, 2), (2, 0)):
            values = {f"key {key}": as_text(key, TYPES[key][1][of_key], types[f"key {key}"]) for key in keys}
            (row,) = [each for each in found if values.items() <= each.items()]
            values = {kind: as_text(kind, each[of_others], types[kind]) for kind, (_, each) in TYPES.items()}
            assert {name: (row[name], value) for name, value in values.items() if row[name] != value} == {}, (
                table
            )
            assert all(row.get(name, "filled") for name in ("_sdc_extracted_at", "_sdc_batched_at")), table
        assert len(found) == 3
