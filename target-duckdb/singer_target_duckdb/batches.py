"""BATCH messages: files of records that DuckDB reads by itself.

https://sdk.meltano.com/en/latest/batch.html
"""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from dataclasses import dataclass
from glob import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.sql import literal, quoted
from singer_target_duckdb.table import BATCH_LINE_BYTES, json_objects, read_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_target_duckdb.columns import Column
    from singer_target_duckdb.database import Database

_FORMATS = {
    "jsonl": {"gzip": "gzip", "none": "uncompressed", None: "auto_detect"},
    "parquet": {None: "", "none": ""},
}


@dataclass(frozen=True)
class BatchFile:
    """One file of a BATCH message.

    Attributes:
        path: local path, or an address that DuckDB reads.
        format: `jsonl` or `parquet`.
        compression: what DuckDB calls it.
    """

    path: str
    format: str
    compression: str

    def read(self, database: Database, columns: list[Column]) -> None:
        """Read the file into the table `batch`, as `read_batch` does with a spool.

        Raises:
            duckdb.Error: if the file cannot be read or a value does not fit.
        """
        if self.format == "jsonl":
            keys = {column.key: column.read_type for column in columns}
            read_batch(
                database, json_objects(literal(self.path), keys, BATCH_LINE_BYTES, self.compression), columns
            )
            return
        source = f"read_parquet({literal(self.path)})"
        present = {row[0]: row[1] for row in database.rows(f"DESCRIBE FROM {source}")}
        values = ", ".join(f"{_text_of(column, present)} AS {quoted(column.key)}" for column in columns)
        read_batch(database, f"(SELECT {values} FROM {source})", columns)

    def records(self, database: Database) -> Iterator[bytes]:
        """The JSON of each record, where it has to pass through Python."""
        if self.format == "jsonl":
            query = f"""
                SELECT json::VARCHAR FROM read_json_objects({literal(self.path)}, format = 'newline_delimited',
                    compression = {literal(self.compression)}, maximum_object_size = {BATCH_LINE_BYTES})
                """
        else:
            query = f"SELECT to_json(record)::VARCHAR FROM read_parquet({literal(self.path)}) AS record"
        found = database.connection.cursor().execute(query)
        while rows := found.fetchmany(10_000):
            yield from (text.encode() for (text,) in rows)


def files_of(message: dict[str, Any], line: int) -> list[BatchFile]:
    """The files that a BATCH message names.

    Raises:
        LoaderError: for an encoding that the target does not read.
    """
    encoding = message.get("encoding") or {}
    kind, compression = encoding.get("format"), encoding.get("compression")
    if kind not in _FORMATS or compression not in _FORMATS[kind]:
        msg = (
            f"Line {line}: BATCH files of format '{kind}', compression '{compression}' cannot be read; "
            "use jsonl or parquet."
        )
        raise LoaderError(msg)
    return [
        BatchFile(_path(address), kind, _FORMATS[kind][compression])
        for address in message.get("manifest") or []
    ]


def _path(address: str) -> str:
    url = urlparse(address)
    return escape(unquote(url.path)) if url.scheme == "file" else address


def _text_of(column: Column, present: dict[str, str]) -> str:
    """A Parquet column as the JSON reader would give it: as text, or as JSON."""
    if column.key not in present:
        return "NULL"
    if (
        column.type == "JSON"
        or present[column.key].startswith(("STRUCT", "MAP"))
        or present[column.key].endswith("]")
    ):
        return f"to_json({quoted(column.key)})" if present[column.key] != "VARCHAR" else quoted(column.key)
    return f"CAST({quoted(column.key)} AS VARCHAR)"
