"""The first phase of a flush: what is staged is read into a temporary table, outside of any transaction.

The batch has two columns: `record`, a structure with a field for each column of the table, and `version`, which stands
beside the record in its message. Its rows are numbered from 0 (`rowid`) in the order of arrival.
"""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from glob import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import duckdb

from singer_target_duckdb.column_types import LARGER, Column, wider
from singer_target_duckdb.errors import LoaderError, MissingKeyError
from singer_target_duckdb.json_text import value_from, whole_number
from singer_target_duckdb.sql import literal, quoted
from singer_target_duckdb.table import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_target_duckdb.database import Database
    from singer_target_duckdb.staging import StagingFile

DOES_NOT_FIT = (duckdb.InvalidInputException, duckdb.ConversionException)
_FILE_LINE_BYTES = 16 << 20  # longest line of a BATCH file
_LEAST_LINE_BYTES = 1 << 20  # DuckDB reads in pieces of twice the longest line, one thread each
_FORMATS = {
    "jsonl": {"gzip": "gzip", "none": "uncompressed", None: "auto_detect"},
    "parquet": {None: "", "none": ""},
}


@dataclass(frozen=True)
class Batch:
    """Rows that have been read and wait to be written.

    Attributes:
        table: quoted name of their temporary table.
        rows: how many they are.
        versions: each version among them, with the number of its first row, in the order of these.
        line: gives the input line of a row by its number.
    """

    table: str
    rows: int
    versions: list[tuple[int | None, int]]
    line: Callable[[int], int]


@dataclass
class BatchReader:
    """Reads what comes of one stream into its temporary table.

    Attributes:
        stream: name of the stream, for the sentences.
        key_properties: its key, for the sentences.
        keys: names of the columns of its key.
        fast: numbers are read as numbers, until one needs more digits than a DOUBLE has.
    """

    database: Database
    stream: str
    key_properties: Sequence[str]
    keys: Sequence[str]
    fast: bool = True

    def __post_init__(self) -> None:
        self.table = quoted(TEMPORARY, "main", f"batch of {self.stream}")
        self._text = quoted(TEMPORARY, "main", "text")

    def read(self, staging: StagingFile, columns: list[Column]) -> list[Column]:
        """Read a staging file in the fast way, else in the exact way, else look for the reason.

        Returns:
            Nothing if the batch is there, else the columns that have to be wider for it.

        Raises:
            LoaderError: naming line, stream, column and key of the first value that does not fit; never the value.
        """
        staging.write_out()
        if self.fast:
            with suppress(*DOES_NOT_FIT):
                self._create(_staged(staging, columns, fast=True), columns, fast=True)
                return []
            self.fast = False
        with suppress(*DOES_NOT_FIT):
            self._create(_staged(staging, columns), columns)
            return []
        try:
            self._read_as_text(staging, columns)
        except duckdb.InvalidInputException:
            if staging.repaired:
                raise
            staging.repair(self.stream)
            self._read_as_text(staging, columns)
        found = self._columns_to_widen(staging, columns)
        if not found:
            self._create(_staged(staging, columns), columns)
        return found

    def read_files(self, files: list[BatchFile], columns: list[Column]) -> None:
        """Read the files of a BATCH message, whose records have no version.

        Raises:
            duckdb.Error: if a file cannot be read or a value does not fit.
        """
        for number, file in enumerate(files):
            source = f"(SELECT record, NULL AS version FROM {file.source(self.database, columns)} AS record)"
            if not number:
                self._create(source, columns)
            else:
                self.database.execute(f"INSERT INTO {self.table} SELECT {_fields(columns)}, version FROM {source}")

    def batch(self, line: Callable[[int], int]) -> Batch:
        """What has been read.

        Raises:
            MissingKeyError: naming the line of the first record that has no value for a key.
        """
        for key in self.keys:
            ((row,),) = self.database.rows(
                f"SELECT min(rowid) FROM {self.table} WHERE {quoted('record', key)} IS NULL"
            )
            if row is not None:
                msg = f"Line {line(row)}: a record of stream '{self.stream}' has no value for its key '{key}'."
                raise MissingKeyError(msg)
        versions, rows = self._versions()
        return Batch(self.table, rows, versions, line)

    def drop(self) -> None:
        """Give the memory of the batch back."""
        self.database.execute(f"DROP TABLE IF EXISTS {self.table}")

    def _create(self, source: str, columns: list[Column], *, fast: bool = False) -> None:
        """Read into the temporary table.

        The values of a record wait as a structure in a single column: DuckDB sets 4 MB a column aside for each
        thread that writes a table in order, and with fewer threads stays within less memory.
        """
        self.database.execute(f"""
            CREATE OR REPLACE TEMP TABLE {self.table} AS
            SELECT {_fields(columns, fast=fast)}, version::VARCHAR AS version FROM {source}
            """)

    def _versions(self) -> tuple[list[tuple[int | None, int]], int]:
        """The versions in the batch, each written in one way only, and how many rows there are."""
        query = f"SELECT version, min(rowid), count(*) FROM {self.table} GROUP BY version ORDER BY 2"
        found = self.database.rows(query)
        odd = [(text, number) for text, _, _ in found if text != (number := _version_of(text))]
        for text, number in odd:
            self.database.execute(f"UPDATE {self.table} SET version = ? WHERE version = ?", [number, text])
        found = self.database.rows(query) if odd else found
        return [(None if text is None else int(text), row) for text, row, _ in found], sum(
            rows for _, _, rows in found
        )

    # Why DuckDB does not take a staging file

    def _read_as_text(self, staging: StagingFile, columns: list[Column]) -> None:
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._text} AS SELECT record FROM {_staged(staging, columns)}"
        )

    def _columns_to_widen(self, staging: StagingFile, columns: list[Column]) -> list[Column]:
        invalid = self._invalid(columns)
        larger = {replace(c, type=LARGER[c.type]): c for c in invalid if c.type in LARGER}
        hopeless = {c: row for c, row in invalid.items() if c.type not in LARGER}
        hopeless |= {larger[c]: row for c, row in self._invalid(list(larger)).items()}
        self.database.execute(f"DROP TABLE {self._text}")
        if hopeless:
            column, row = min(hopeless.items(), key=lambda item: item[1])
            keys = ", ".join(f"'{key}'" for key in self.key_properties)
            msg = (
                f"Line {staging.lines[row]}: the value of column '{column.name}' in a record of stream '{self.stream}'"
                f"{f' (key {keys})' if keys else ''} does not fit the column's type, {column.type}."
            )
            raise LoaderError(msg)
        return [replace(c, type=wider(LARGER[c.type], c.type)) for c in larger.values()]

    def _invalid(self, columns: list[Column]) -> dict[Column, int]:
        """The columns with a value that does not fit, and the first row that has one."""
        if not columns:
            return {}
        firsts = ", ".join(
            f"min(rowid) FILTER ({quoted('record', c.key)} IS NOT NULL AND {c.value(cast='TRY_CAST')} IS NULL)"
            for c in columns
        )
        (rows,) = self.database.rows(f"SELECT {firsts} FROM {self._text}")
        return {column: row for column, row in zip(columns, rows, strict=True) if row is not None}


@dataclass(frozen=True)
class BatchFile:
    """One file of a BATCH message (https://sdk.meltano.com/en/latest/batch.html).

    Attributes:
        path: local path, or an address that DuckDB reads.
        format: `jsonl` or `parquet`.
        compression: what DuckDB calls it.
    """

    path: str
    format: str
    compression: str

    def source(self, database: Database, columns: list[Column]) -> str:
        """What follows FROM to read the columns as text or JSON."""
        if self.format == "jsonl":
            types = {column.key: column.read_type() for column in columns}
            return _json_objects(literal(self.path), types, _FILE_LINE_BYTES, self.compression)
        file = f"read_parquet({literal(self.path)})"
        present = {row[0]: row[1] for row in database.rows(f"DESCRIBE FROM {file}")}
        values = ", ".join(
            f"{_text_of_parquet(column, present.get(column.key))} AS {quoted(column.key)}"
            for column in columns
        )
        return f"(SELECT {values} FROM {file})"

    def records(self, database: Database) -> Iterator[bytes]:
        """The JSON of each record, where it has to pass through Python."""
        if self.format == "jsonl":
            query = f"""
                SELECT json::VARCHAR FROM read_json_objects({literal(self.path)}, format = 'newline_delimited',
                    compression = {literal(self.compression)}, maximum_object_size = {_FILE_LINE_BYTES})
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


def _version_of(text: str | None) -> str | None:
    """A version in its only spelling; None if it is none."""
    number = None if text is None else whole_number(value_from(text))
    return None if number is None else str(number)


def _fields(columns: list[Column], *, fast: bool = False) -> str:
    values = ", ".join(f"{quoted(column.name)} := {column.value(fast=fast)}" for column in columns)
    return f"struct_pack({values}) AS record"


def _staged(staging: StagingFile, columns: list[Column], *, fast: bool = False) -> str:
    """What follows FROM to read a staging file: `record` with a field for each key, and the JSON of `version`."""
    fields = ", ".join(f"{quoted(column.key)} {column.read_type(fast=fast)}" for column in columns)
    return _json_objects(
        literal(escape(str(staging.path))),
        {"record": f"STRUCT({fields})", "version": "JSON"},
        max(staging.longest + 1024, _LEAST_LINE_BYTES),
    )


def _json_objects(path: str, types: dict[str, str], longest: int, compression: str = "uncompressed") -> str:
    """The table function that reads newline-delimited JSON.

    Args:
        path: SQL literal of the path.
        types: type for each key to read.
        longest: no line is longer than this many bytes.
        compression: what DuckDB calls it.
    """
    columns = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in types.items())
    return f"""
        read_json({path}, format = 'newline_delimited', records = 'true', auto_detect = false,
                  hive_partitioning = false, compression = {literal(compression)},
                  maximum_object_size = {longest}, columns = {{{columns}}})
        """


def _text_of_parquet(column: Column, kind: str | None) -> str:
    """A Parquet column, of this type, as the JSON reader would give it: as text, or as JSON."""
    name = quoted(column.key)
    if kind is None:
        return "NULL"
    if column.type == "JSON" or kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        return name if kind == "VARCHAR" else f"to_json({name})"
    return f"CAST({name} AS VARCHAR)"
