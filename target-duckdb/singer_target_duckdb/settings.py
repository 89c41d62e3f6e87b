"""The settings of the target."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import load_dotenv
from singer_sdk import typing as th

from singer_target_duckdb.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SCHEMAS = th.ObjectType(
    additional_properties=th.ObjectType(
        th.Property("target_schema", th.StringType), additional_properties=True
    )
)
_UNUSED = "Accepted for compatibility; has no effect."


# Name, type, title and description of each setting, and what else there is to say about it.
_TABLE: tuple[tuple[str, Any, str, str, dict[str, Any]], ...] = (
    ("path", th.StringType, "Database file", ("Path of the DuckDB file, a MotherDuck address such as `md:my_db`, or a "
     "DuckLake such as `ducklake:lake/catalog.ducklake`. Alias: `filepath`."), {}),
    ("data_path", th.StringType, "Data of the lake", ("Folder of a DuckLake's files; needed when its catalog is in "
     "another database."), {}),
    ("filepath", th.StringType, "Database file (alias)", "Alias of `path`.", {}),
    ("default_target_schema", th.StringType, "Schema", ("Schema for the tables of all streams that `schema_mapping` "
     "does not name. Default: `main`."), {}),
    ("schema_mapping", _SCHEMAS, "Schema mapping", ("For streams named `schema-table`: from the source's schema to "
     '`{"target_schema": "…"}`.'), {}),
    ("dbname", th.StringType, "Database name", ("Name of the database inside DuckDB; by default taken from `path`. "
     "Alias: `database`."), {}),
    ("database", th.StringType, "Database name (alias)", "Alias of `dbname`.", {}),
    ("token", th.StringType, "MotherDuck token", ("Token for MotherDuck; the environment variable MOTHERDUCK_TOKEN "
     "works too."), {"secret": True}),
    ("settings", th.ObjectType(additional_properties=True), "DuckDB settings", ("DuckDB settings by name, such as "
     '`{"memory_limit": "4GB", "threads": 4}`.'), {}),
    ("load_method", th.StringType, "Load method", ("`upsert` merges by key, `append-only` adds every record, "
     "`overwrite` replaces each table with the run's records."),
     {"default": "upsert", "allowed_values": ["append-only", "upsert", "overwrite"]}),
    ("hard_delete", th.BooleanType, "Hard delete", ("Rows that were deleted at the source are deleted; if false, they "
     "stay and `_sdc_deleted_at` is set."), {"default": True}),
    ("primary_key_required", th.BooleanType, "Key required", ("Refuse streams without key properties instead of "
     "appending their records."), {"default": False}),
    ("validate_records", th.BooleanType, "Validate records", ("Check each record against the stream's JSON schema "
     "before loading (slow)."), {"default": False}),
    ("batch_size_rows", th.IntegerType(minimum=1), "Rows per flush", ("All streams are loaded when this many "
     "records of one stream are staged."), {"default": 500_000}),
    ("add_metadata_columns", th.BooleanType, "Metadata columns (alias)", "Alias of `add_record_metadata`.", {}),
    ("data_flattening_max_level", th.IntegerType(minimum=0), "Flattening depth (alias)", ("More than 0 turns "
     "flattening on with this depth; the SDK's `flattening_*` settings do the same."), {"default": 0}),
    ("temp_dir", th.StringType, "Directory for temporary files", ("Folder for staged records, readable by its owner "
     "only. Default: the system's."), {}),
    ("storage_version", th.StringType, "Storage version", ("Format of a new database file, as the oldest DuckDB that "
     "can open it."), {"default": "v1.0.0"}),
    ("encryption_key", th.StringType, "Encryption key", "Encrypts a new database file, and opens an encrypted one.",
     {"secret": True}),
    ("lock_timeout", th.NumberType(minimum=0, maximum=86_400), "Wait for a locked file", ("Seconds to wait for "
     "another process that has the database open."), {"default": 0}),
    ("batch_dir", th.StringType, "Folder of BATCH files", ("Where the files of BATCH messages may be, beside the "
     "working directory."), {}),
    ("ledger_days", th.IntegerType(minimum=0, maximum=100_000), "Days in the ledger", ("How long the table "
     "`_singer.loads` keeps a row for each run and table; 0: no rows are written."), {"default": 400}),
    ("delimiter", th.StringType, "Unused", _UNUSED, {}),
    ("quotechar", th.StringType, "Unused", _UNUSED, {}),
    ("flush_all_streams", th.BooleanType, "Unused", "Accepted for compatibility; a flush always loads all streams.",
     {}),
)  # fmt: skip

SETTINGS = th.PropertiesList(
    *(
        th.Property(name, kind, title=title, description=text, **more)
        for name, kind, title, text, more in _TABLE
    )
)


def from_environment(properties: Mapping[str, Any]) -> dict[str, str]:
    """The settings in the environment, and in `.env` of the current folder where the environment has none.

    They stay text: the SDK would end with a traceback where one is no number. It would also look for `.env` in the
    folders above its own code, and prefer it to the environment.
    """
    try:
        load_dotenv(Path(".env"))
    except (OSError, ValueError):
        msg = "The file .env in the current folder cannot be read: it must be text in UTF-8."
        raise LoaderError(msg) from None
    names = {name: f"TARGET_DUCKDB_{name.upper()}" for name in properties}
    known = {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}
    return {name: value for name, value in known.items() if value or name == "encryption_key"}


def typed(config: Mapping[str, Any], properties: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The settings with the types of the schema, and without those that are empty.

    Everything comes as text from the environment, from `.env` and from `meltano config set`.

    Args:
        config: the settings as they came.
        properties: the JSON schema of each setting, also of those that the SDK adds.

    Raises:
        LoaderError: naming the setting and what it should be, never its value.
    """
    if config.get("encryption_key") == "":
        msg = "Setting `encryption_key` is empty: give a key, or remove the setting to write a file without encryption."
        raise LoaderError(msg)
    result = {
        name: _typed(name, value, properties[name]) if name in properties else value
        for name, value in config.items()
        if value is not None and value != ""
    }
    depth = {"flattening_max_depth", "data_flattening_max_level"}
    if result.get("flattening_enabled") and not depth & result.keys():
        msg = (
            "Setting `flattening_enabled` needs the setting `flattening_max_depth`, a whole number from 0 on."
        )
        raise LoaderError(msg)
    return result


def apply_aliases(config: dict[str, Any]) -> None:
    """Set the SDK's settings from those with the names of target-duckdb 0.8.0."""
    if config.get("add_metadata_columns"):
        config["add_record_metadata"] = True
    if level := config.get("data_flattening_max_level"):
        config["flattening_enabled"] = True
        config.setdefault("flattening_max_depth", level)


def _typed(name: str, value: Any, rule: dict[str, Any]) -> Any:
    kind = next(each for each in _READ if each in rule["type"])
    if kind in ("number", "integer"):
        rule = {"minimum": 0, **rule}
    found = _READ[kind](value)
    with suppress(TypeError, AttributeError):  # where the SDK's schema of stream_maps is itself no schema
        if found is not None and _is_unicode(found) and th.DEFAULT_JSONSCHEMA_VALIDATOR(rule).is_valid(found):
            return found
    msg = f"Setting `{name}` must be {_wanted(kind, rule)}."
    raise LoaderError(msg)


def _wanted(kind: str, rule: dict[str, Any]) -> str:
    if "enum" in rule:
        return f"one of: {', '.join(rule['enum'])}"
    if kind in ("number", "integer"):
        up_to = f"to {rule['maximum']:g}" if "maximum" in rule else "on"
        return f"a {'whole ' if kind == 'integer' else ''}number from {rule['minimum']:g} {up_to}"
    words = {"boolean": "true or false", "object": "a JSON object in the form that its docs show"}
    return words.get(kind, "text in quotes, in UTF-8")


def _is_unicode(value: Any) -> bool:
    """Whether there is no half of a character in it, as in text from the environment that is not UTF-8."""
    with suppress(UnicodeEncodeError):
        return bool(json.dumps(value, ensure_ascii=False, default=str).encode())
    return False


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


_FLAGS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST = 1e15  # far beyond any limit, and exact as a float
_READ: dict[str, Callable[[Any], Any]] = {
    "boolean": _flag,
    "object": _object,
    "number": _number,
    "integer": _whole,
    "string": lambda value: value if isinstance(value, str) else None,
}
