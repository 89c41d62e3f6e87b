"""The files of BATCH messages, which DuckDB reads (https://sdk.meltano.com/en/latest/batch.html)."""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from singer_target_duckdb.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_target_duckdb.column_types import Column
    from singer_target_duckdb.database import Database

_LINE_BYTES = 16 << 20  # longest line
_COMPRESSIONS = {
    "jsonl": {"gzip": "gzip", "none": "uncompressed", None: "auto_detect"},
    "parquet": {None: "", "none": ""},
}


def records(message: dict[str, Any], database: Database, columns: list[Column]) -> Iterator[bytes]:
    """The JSON of each record in the files that a BATCH message names.

    Args:
        message: the BATCH message.
        database: what reads the files.
        columns: the columns for which Parquet files are read; empty for all that they have.

    Raises:
        ValueError: for an encoding that the target does not read.
        duckdb.IOException: if a file cannot be read.
    """
    encoding = message.get("encoding") or {}
    kind, compression = encoding.get("format"), encoding.get("compression")
    if kind not in _COMPRESSIONS or compression not in _COMPRESSIONS[kind]:
        msg = f"BATCH files of format '{kind}', compression '{compression}' cannot be read; use jsonl or parquet."
        raise ValueError(msg)
    for address in message.get("manifest") or []:
        url = urlparse(address)
        # `file://folder/file` is relative, as in the SDK.
        file = url.netloc.removeprefix("localhost") + url.path
        path = literal(escape(unquote(file)) if url.scheme == "file" else address)
        if kind == "jsonl":
            query = f"""
                SELECT json::VARCHAR FROM read_json_objects({path}, format = 'newline_delimited',
                    compression = '{_COMPRESSIONS[kind][compression]}', maximum_object_size = {_LINE_BYTES})
                """
        else:
            query = _parquet(database, f"read_parquet({path})", columns)
        found = database.connection.cursor().execute(query)
        while rows := found.fetchmany(10_000):
            yield from (text.encode() for (text,) in rows)


def _parquet(database: Database, file: str, columns: list[Column]) -> str:
    """A query for the records of a Parquet file, each value as text or JSON, so that no digit is lost."""
    present = {row[0]: row[1] for row in database.rows(f"DESCRIBE FROM {file}")}
    names = {column.key: column.type for column in columns} or dict.fromkeys(present, "")
    values = ", ".join(
        f"{quoted(name)} := {_text_of(name, present[name], type_)}"
        for name, type_ in names.items()
        if name in present
    )
    return f"SELECT to_json(struct_pack({values}))::VARCHAR FROM {file}"


def _text_of(name: str, kind: str, wanted: str) -> str:
    column = quoted(name)
    if wanted == "JSON" and kind == "VARCHAR":
        return f"{column}::JSON"
    if wanted in {"JSON", ""} or kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        return f"to_json({column})"
    return f"CAST({column} AS VARCHAR)"
