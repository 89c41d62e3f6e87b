"""The settings of the target."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from singer_target_duckdb.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SETTINGS = th.PropertiesList(
    th.Property(
        "path",
        th.StringType,
        title="Database file",
        description=(
            "Path of the DuckDB file, a MotherDuck address such as `md:my_db`, or a DuckLake such as "
            "`ducklake:lake/catalog.ducklake`. Alias: `filepath`."
        ),
    ),
    th.Property(
        "data_path",
        th.StringType,
        title="Data of the lake",
        description="Folder of a DuckLake's files; needed when its catalog is in another database.",
    ),
    th.Property("filepath", th.StringType, title="Database file (alias)", description="Alias of `path`."),
    th.Property(
        "default_target_schema",
        th.StringType,
        title="Schema",
        description=(
            "Schema for the tables of all streams that `schema_mapping` does not name. Default: `main`."
        ),
    ),
    th.Property(
        "schema_mapping",
        th.ObjectType(
            additional_properties=th.ObjectType(
                th.Property("target_schema", th.StringType), additional_properties=True
            )
        ),
        title="Schema mapping",
        description=(
            'For streams named `schema-table`: from the source\'s schema to `{"target_schema": "…"}`.'
        ),
    ),
    th.Property(
        "dbname",
        th.StringType,
        title="Database name",
        description=("Name of the database inside DuckDB; by default taken from `path`. Alias: `database`."),
    ),
    th.Property("database", th.StringType, title="Database name (alias)", description="Alias of `dbname`."),
    th.Property(
        "token",
        th.StringType,
        secret=True,
        title="MotherDuck token",
        description=("Token for MotherDuck; the environment variable MOTHERDUCK_TOKEN works too."),
    ),
    th.Property(
        "settings",
        th.ObjectType(additional_properties=True),
        title="DuckDB settings",
        description=('DuckDB settings by name, such as `{"memory_limit": "4GB", "threads": 4}`.'),
    ),
    th.Property(
        "load_method",
        th.StringType,
        default="upsert",
        title="Load method",
        allowed_values=["append-only", "upsert", "overwrite"],
        description=(
            "`upsert` merges by key, `append-only` adds every record, `overwrite` replaces each table with the run's "
            "records."
        ),
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        default=True,
        title="Hard delete",
        description=(
            "What is gone at the source is deleted; if false, the row stays and `_sdc_deleted_at` is set."
        ),
    ),
    th.Property(
        "primary_key_required",
        th.BooleanType,
        default=False,
        title="Key required",
        description=("Refuse streams without key properties instead of appending their records."),
    ),
    th.Property(
        "validate_records",
        th.BooleanType,
        default=False,
        title="Validate records",
        description=("Check each record against the stream's JSON schema before loading (slow)."),
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        default=500_000,
        title="Rows per flush",
        description=("How many records of a stream wait at most before all streams are loaded."),
    ),
    th.Property(
        "add_metadata_columns",
        th.BooleanType,
        title="Metadata columns (alias)",
        description=("Alias of `add_record_metadata`."),
    ),
    th.Property(
        "data_flattening_max_level",
        th.IntegerType(minimum=0),
        default=0,
        title="Flattening depth (alias)",
        description=(
            "More than 0 turns flattening on with this depth; the SDK's `flattening_*` settings do the same."
        ),
    ),
    th.Property(
        "temp_dir",
        th.StringType,
        title="Directory for temporary files",
        description=(
            "Where records wait, in a directory that only their owner can read. Default: the system's."
        ),
    ),
    th.Property(
        "storage_version",
        th.StringType,
        default="v1.0.0",
        title="Storage version",
        description=("Format of a new database file, as the oldest DuckDB that can open it."),
    ),
    th.Property(
        "encryption_key",
        th.StringType,
        secret=True,
        title="Encryption key",
        description=("Encrypts a new database file, and opens an encrypted one."),
    ),
    th.Property(
        "lock_timeout",
        th.NumberType(minimum=0, maximum=86_400),
        default=0,
        title="Wait for a locked file",
        description=("Seconds to wait for another process that has the database open."),
    ),
    th.Property(
        "delimiter", th.StringType, title="Unused", description="Accepted for compatibility; has no effect."
    ),
    th.Property(
        "quotechar", th.StringType, title="Unused", description="Accepted for compatibility; has no effect."
    ),
    th.Property(
        "flush_all_streams",
        th.BooleanType,
        title="Unused",
        description=("Accepted for compatibility; a flush always loads all streams."),
    ),
)


def typed(config: Mapping[str, Any], properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The settings with the types of the schema, and without those that are empty.

    Everything comes as text from the environment, from `.env` and from `meltano config set`.

    Args:
        config: the settings as they came.
        properties: the JSON schema of each setting, also of those that the SDK adds.

    Raises:
        LoaderError: naming the setting and what it should be, never its value.
    """
    result = {
        name: _typed(name, value, properties[name]) if name in properties else value
        for name, value in config.items()
        if value is not None and value != ""
    }
    if (
        result.get("flattening_enabled")
        and not {"flattening_max_depth", "data_flattening_max_level"} & result.keys()
    ):
        msg = (
            "Setting `flattening_enabled` needs the setting `flattening_max_depth`, a whole number from 0 on."
        )
        raise LoaderError(msg)
    return result


def _typed(name: str, value: Any, rule: dict[str, Any]) -> Any:
    kind = next(each for each in _READ if each in rule["type"])
    if kind in ("number", "integer"):
        rule = {"minimum": 0, **rule}
    found = _READ[kind](value)
    if found is None or not _fits(found, rule):
        msg = f"Setting `{name}` must be {_wanted(kind, rule)}."
        raise LoaderError(msg)
    return found


def _wanted(kind: str, rule: dict[str, Any]) -> str:
    if "enum" in rule:
        return f"one of: {', '.join(rule['enum'])}"
    if kind not in ("number", "integer"):
        return {"boolean": "true or false", "object": "a JSON object in the form that its docs show"}.get(
            kind, "text in quotes"
        )
    what = "a number" if kind == "number" else "a whole number"
    up_to = f"to {rule['maximum']:g}" if "maximum" in rule else "on"
    return f"{what} from {rule['minimum']:g} {up_to}"


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else _FLAGS.get(str(value).strip().lower())


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _number(value: Any) -> float | None:
    """The number that a value is or spells; the SDK reads those of config files as Decimal."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    number = value if isinstance(value, int) else float(value)
    return number if abs(number) <= _LARGEST else None


def _object(value: Any) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        value = json.loads(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_FLAGS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST = 1e15  # far beyond any limit, and exact as a float
_READ: dict[str, Callable[[Any], Any]] = {
    "boolean": _flag,
    "object": _object,
    "number": _number,
    "integer": _whole,
    "string": _text,
}


def _fits(value: Any, rule: dict[str, Any]) -> bool:
    try:
        return bool(th.DEFAULT_JSONSCHEMA_VALIDATOR(rule).is_valid(value))
    except (TypeError, AttributeError):  # where the SDK's schema of stream_maps is itself no schema
        return False
