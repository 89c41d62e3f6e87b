"""The first phase of a flush: what is staged is read into a temporary table, outside of any transaction.

The batch has two columns: `record`, a structure with a field for each column of the table, and `version`, which stands
beside the record in its message. Its rows are numbered from 0 (`rowid`) in the order of arrival.
"""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from glob import escape
from typing import TYPE_CHECKING

import duckdb

from singer_target_duckdb.column_types import KEPT, Column, family, wider
from singer_target_duckdb.errors import LoaderError, MissingKeyError
from singer_target_duckdb.json_text import value_from, whole_number
from singer_target_duckdb.sql import literal, quoted
from singer_target_duckdb.table import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_target_duckdb.database import Database
    from singer_target_duckdb.staging import LineNumbers, StagingFile

_DOES_NOT_FIT = (duckdb.InvalidInputException, duckdb.ConversionException)
_LEAST_LINE_BYTES = 1 << 20  # DuckDB reads in pieces of twice the longest line, one thread each


@dataclass(frozen=True)
class Batch:
    """Rows that have been read and wait to be written.

    Attributes:
        table: quoted name of their temporary table.
        versions: each version among them, with the number of its first row, in the order of these.
        lines: the input line of each row.
    """

    database: Database
    table: str
    versions: list[tuple[int | None, int]]
    lines: LineNumbers

    def __len__(self) -> int:
        return len(self.lines)

    def count(self, condition: str) -> int:
        """How many rows meet an SQL condition."""
        ((found,),) = self.database.rows(f"SELECT count(*) FROM {self.table} WHERE {condition}")
        return int(found)


@dataclass
class BatchReader:
    """Reads the staging file of one stream into its temporary table.

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
        """Read in the fast way, else in the exact way, else look for the reason.

        Returns:
            Nothing if the batch is there, else the columns that have to be wider for it.

        Raises:
            LoaderError: naming line, stream, column and key of the first value that does not fit; never the value.
        """
        staging.write_out()
        if any(column.keeps_numbers for column in columns) and staging.needs_all_digits():
            staging.repair(self.stream, columns)
        if self.fast:
            with suppress(*_DOES_NOT_FIT):
                self._create(staging, columns, fast=True)
                return []
            self.fast = False
        with suppress(*_DOES_NOT_FIT):
            self._create(staging, columns)
            return []
        try:
            self._read_as_text(staging, columns)
        except duckdb.InvalidInputException:
            if staging.repaired:
                raise
            staging.repair(self.stream, columns)
            self._read_as_text(staging, columns)
        found = self._columns_to_widen(staging, columns)
        if not found:
            self._create(staging, columns)
        return found

    def batch(self, staging: StagingFile) -> Batch:
        """What has been read.

        Raises:
            MissingKeyError: naming the line of the first record that has no value for a key.
        """
        for key in self.keys:
            query = f"SELECT min(rowid) FROM {self.table} WHERE {quoted('record', key)} IS NULL"
            ((row,),) = self.database.rows(query)
            if row is not None:
                line = staging.lines[row]
                msg = f"Line {line}: a record of stream '{self.stream}' has no value for its key '{key}'."
                raise MissingKeyError(msg)
        query = f"SELECT version, min(rowid), count(*) FROM {self.table} GROUP BY version ORDER BY 2"
        versions = self.database.rows(query)
        spellings = {text: _version_of(text) for text, *_ in versions}
        for text, version in spellings.items():
            if text != version:  # such as 1.0, which is version 1
                self.database.execute(
                    f"UPDATE {self.table} SET version = ? WHERE version = ?", [version, text]
                )
        if any(text != version for text, version in spellings.items()):
            versions = self.database.rows(query)
        if (found := sum(count for *_, count in versions)) != len(staging):
            msg = f"Stream '{self.stream}': DuckDB found {found} records where {len(staging)} had come."
            raise LoaderError(msg)
        firsts = [(None if version is None else int(version), row) for version, row, _ in versions]
        return Batch(self.database, self.table, firsts, staging.lines)

    def drop(self) -> None:
        """Give the memory of the batch back."""
        self.database.execute(f"DROP TABLE IF EXISTS {self.table}")

    def _create(self, staging: StagingFile, columns: list[Column], *, fast: bool = False) -> None:
        """Read into the temporary table.

        The values of a record wait as a structure in a single column: DuckDB sets 4 MB a column aside for each
        thread that writes a table in order, and with fewer threads stays within less memory.
        """
        values = ", ".join(f"{quoted(column.name)} := {column.value(fast=fast)}" for column in columns)
        self.database.execute(f"""
            CREATE OR REPLACE TEMP TABLE {self.table} AS
            SELECT struct_pack({values}) AS record, version::VARCHAR AS version
            FROM {_read_json(staging, columns, fast=fast)}
            """)

    # Why DuckDB does not take a staging file

    def _read_as_text(self, staging: StagingFile, columns: list[Column]) -> None:
        source = _read_json(staging, columns)
        self.database.execute(f"CREATE OR REPLACE TEMP TABLE {self._text} AS SELECT record FROM {source}")

    def _columns_to_widen(self, staging: StagingFile, columns: list[Column]) -> list[Column]:
        invalid = self._invalid(columns)
        larger = {replace(c, type=c.larger_type): c for c in invalid if c.larger_type}
        hopeless = {c: row for c, row in invalid.items() if not c.larger_type}
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
        return [
            replace(c, is_widened=True, type=kind if family(c.type) in KEPT else wider(c.type, kind))
            for c in larger.values()
            if (kind := c.larger_type)
        ]

    def _invalid(self, columns: list[Column]) -> dict[Column, int]:
        """The columns with a value that does not fit, and the first row that has one."""
        columns = [column for column in columns if not column.expression]
        if not columns:
            return {}
        firsts = ", ".join(
            f"min(rowid) FILTER ({quoted('record', c.key)} IS NOT NULL AND {c.value(cast='TRY_CAST')} IS NULL)"
            for c in columns
        )
        (rows,) = self.database.rows(f"SELECT {firsts} FROM {self._text}")
        return {column: row for column, row in zip(columns, rows, strict=True) if row is not None}


def _version_of(text: str | None) -> str | None:
    """The number of a version as Python writes it; None if the text is no whole number."""
    with suppress(ValueError):  # a number of very many digits
        number = None if text is None else whole_number(value_from(text))
        return None if number is None else str(number)
    return None


def _read_json(staging: StagingFile, columns: list[Column], *, fast: bool = False) -> str:
    """SQL that reads a staging file: `record` with a field for each key, and what stands beside it in the message."""
    fields = ", ".join(
        f"{quoted(c.key)} {'VARCHAR' if staging.repaired and c.type == 'JSON' else c.read_type(fast=fast)}"
        for c in columns
        if not c.expression
    )
    beside = ", 'time_extracted': 'VARCHAR'" if any(c.expression for c in columns) else ""
    return f"""
        read_json({literal(escape(str(staging.path)))}, format = 'newline_delimited', records = 'true',
                  auto_detect = false, hive_partitioning = false, compression = 'uncompressed',
                  maximum_object_size = {max(staging.longest + 1024, _LEAST_LINE_BYTES)},
                  columns = {{'record': {literal(f"STRUCT({fields})")}, 'version': 'JSON'{beside}}})
        """
