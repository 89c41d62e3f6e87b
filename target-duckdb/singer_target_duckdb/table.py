"""One table of the database, and every statement that changes it."""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from dataclasses import dataclass, field
from glob import escape
from typing import TYPE_CHECKING, cast

import duckdb

from singer_target_duckdb.columns import DELETED_AT, EXACT_IN_DOUBLE, Column, wider
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.sql import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_target_duckdb.database import Database
    from singer_target_duckdb.spool import Spool

TEMPORARY = "temp"  # DuckDB's catalog of temporary tables
BATCH_LINE_BYTES = 16 << 20  # longest line of a BATCH file
LEAST_LINE_BYTES = 1 << 20  # DuckDB reads in pieces of twice the longest line, one thread each
OTHER_VERSION = "a record of another version"
BATCH = quoted(TEMPORARY, "main", "batch")


@dataclass
class Table:
    """A table with the columns and keys that a stream's schema asks for.

    The statements that write take the rows from `source`: the batch just read, or a gathered version.

    Attributes:
        columns: the stream's columns, with the types that the table has for them.
        keys: names of the columns that tell rows apart; without any, rows are appended.
        soft_delete: rows that are gone at the source stay, with the time in `_sdc_deleted_at`.
        erases: a row of the batch with `_sdc_deleted_at` means that the row is gone.
    """

    database: Database
    catalog: str
    schema: str
    name: str
    columns: list[Column] = field(default_factory=list)
    keys: Sequence[str] = ()
    soft_delete: bool = False
    erases: bool = False

    def __str__(self) -> str:
        return quoted(self.catalog, self.schema, self.name)

    def existing_columns(self) -> dict[str, str]:
        """Names, in lower case, and types of the columns that the table has; empty if there is no table."""
        return dict(
            self.database.rows(
                """
                SELECT lower(column_name), data_type FROM duckdb_columns()
                WHERE lower(database_name) = lower(?) AND lower(schema_name) = lower(?)
                  AND lower(table_name) = lower(?)
                ORDER BY column_index
                """,
                [self.catalog, self.schema, self.name],
            )
        )

    def prepare(self) -> bool:
        """Create the table, or give it the columns it lacks and the types that hold what will come.

        Afterwards `columns` has the types of the table. Returns whether the table is new.
        """
        existing = self.existing_columns()
        wanted = list(self.columns)
        if self.soft_delete and all(column.name.lower() != DELETED_AT for column in wanted):
            wanted.append(Column(DELETED_AT, DELETED_AT, "TIMESTAMP WITH TIME ZONE"))
        if not existing:
            definitions = ", ".join(f"{quoted(column.name)} {column.type}" for column in wanted)
            if self.catalog == TEMPORARY:
                self.database.execute(f"CREATE TEMP TABLE {self} ({definitions})")
            else:
                self.database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.catalog, self.schema)}")
                self.database.execute(f"CREATE TABLE {self} ({definitions})")
            return True
        for column in wanted:
            if column.name.lower() not in existing:
                self.database.execute(f"ALTER TABLE {self} ADD COLUMN {quoted(column.name)} {column.type}")
        self.columns = [
            self._widened(column, existing.get(column.name.lower(), column.type)) for column in self.columns
        ]
        return False

    def _widened(self, column: Column, present: str) -> Column:
        """The column with the type that the table has after this: what it had, or one that holds both."""
        name, needed = quoted(column.name), wider(present, column.type)
        if needed == "DOUBLE" != present and self._any(
            f"abs(TRY_CAST({name} AS HUGEINT)) > {EXACT_IN_DOUBLE}"
        ):
            needed = "VARCHAR"
        if (present, column.type) == ("VARCHAR", "DATE") and not self._any(
            f"TRY_CAST({name} AS DATE)::VARCHAR IS DISTINCT FROM {name}"
        ):
            needed = "DATE"  # upstream keeps dates as text
        if needed != present:
            try:
                self._retype(name, needed)
            except duckdb.Error:
                msg = (
                    f"Column {name} of table {self} has type {present} and would have to become {needed}, which DuckDB "
                    "does not allow for a column with an index or a primary key; copy the table without them."
                )
                raise LoaderError(msg) from None
        return Column(column.key, column.name, needed)

    def _retype(self, name: str, needed: str) -> None:
        """Change the type of a column; a lake changes few types in place, so there the column is written anew."""
        if not self.database.is_lake:
            self.database.execute(f"ALTER TABLE {self} ALTER COLUMN {name} TYPE {needed}")
            return
        new = quoted(f"{name} as {needed}")
        self.database.execute(f"ALTER TABLE {self} ADD COLUMN {new} {needed}")
        self.database.execute(f"UPDATE {self} SET {new} = CAST({name} AS {needed})")
        self.database.execute(f"ALTER TABLE {self} DROP COLUMN {name}")
        self.database.execute(f"ALTER TABLE {self} RENAME COLUMN {new} TO {name}")

    def _any(self, condition: str) -> bool:
        return bool(self.database.rows(f"SELECT 1 FROM {self} WHERE {condition} LIMIT 1"))

    def has_rows(self) -> bool:
        """Whether any row is in the table."""
        return self._any("true")

    def append(self, source: str) -> None:
        """Add the rows of the source."""
        names = self._names()
        self.database.execute(f"""
            INSERT INTO {self} ({names})
            SELECT {names} FROM {self._rows(source)} AS source WHERE {self._is_alive(source)}
            """)

    def merge(self, source: str) -> None:
        """Update the rows whose key is there, insert the others; the source has each key once.

        Old rows are deleted and written anew: DuckDB's UPDATE, and so its MERGE, can take a hundred times as long
        on wide rows (27 s for 100,000 rows of 50 columns, seen with 1.4 and 2.0). What the table has in columns
        that the stream does not know is kept.
        """
        same_key, from_keys = self._same_key(), _columns_from(source, self.keys)
        names, known = self._names(), {column.name.lower() for column in self.columns} | {DELETED_AT}
        keys = ", ".join(quoted(key) for key in self.keys)
        others = "".join(f", {quoted(name)}" for name in self.existing_columns() if name not in known)
        kept = quoted(TEMPORARY, "main", "kept")
        if others:
            self.database.execute(f"""
                CREATE OR REPLACE TEMP TABLE kept AS
                SELECT {keys}{others} FROM {self} AS target SEMI JOIN {from_keys} AS source ON {same_key}
                """)
        self.database.execute(f"DELETE FROM {self} AS target USING {from_keys} AS source WHERE {same_key}")
        self.database.execute(f"""
            INSERT INTO {self} ({names}{others})
            SELECT {names}{others}
            FROM {self._rows(source)} AS source {f"LEFT JOIN {kept} USING ({keys})" if others else ""}
            WHERE {self._is_alive(source)}
            """)

    def replace(self, source: str) -> None:
        """Make the source's rows the table's rows; with soft deletes, mark those that it does not have."""
        if not self.soft_delete:
            self.database.execute(f"DELETE FROM {self}")
            self.append(source)
            return
        self.database.execute(f"""
            UPDATE {self} AS target SET {quoted(DELETED_AT)} = now()
            WHERE {quoted(DELETED_AT)} IS NULL
              AND NOT EXISTS (SELECT 1 FROM {_columns_from(source, self.keys)} AS source WHERE {self._same_key()})
            """)
        self.write(source)

    def write(self, source: str) -> None:
        """Merge by key, or append where there is none."""
        if self.keys:
            self.merge(source)
        else:
            self.append(source)

    def _names(self) -> str:
        return ", ".join(quoted(column.name) for column in self.columns)

    def _rows(self, source: str) -> str:
        deleted_at = [DELETED_AT] if self.erases and source == BATCH else []
        return _columns_from(source, [*(column.name for column in self.columns), *deleted_at])

    def _same_key(self) -> str:
        return " AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in self.keys) or "false"

    def _is_alive(self, source: str) -> str:
        return f"source.{quoted(DELETED_AT)} IS NULL" if self.erases and source == BATCH else "true"

    def drop(self) -> None:
        """Remove the table."""
        self.database.execute(f"DROP TABLE IF EXISTS {self}")


def _columns_from(source: str, names: Sequence[str]) -> str:
    """What follows FROM to read columns of a source; named one by one, DuckDB reads no others."""
    if source != BATCH:
        return source
    return f"(SELECT {', '.join(quoted('record', name) for name in names)} FROM {BATCH})"


def read_batch(database: Database, source: str, columns: list[Column], *, quickly: bool = False) -> None:
    """Read records into `BATCH`, each value as its column's type, in the order of arrival.

    They wait as structures in a single column: DuckDB sets 4 MB a column aside for each thread that writes a table
    in order, and with fewer threads stays within less memory.

    Args:
        database: where the batch goes.
        source: what follows FROM, with each key as text or JSON: `spooled` or a BATCH file.
        columns: what to read.
        quickly: the source has numbers as numbers.

    Raises:
        duckdb.Error: for a line that DuckDB does not take, or a value that does not fit.
    """
    values = ", ".join(
        f"{quoted(column.name)} := {column.quick_value() if quickly else column.value()}"
        for column in columns
    )
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE batch AS SELECT struct_pack({values}) AS record FROM {source}"
    )


def spooled(spool: Spool, columns: list[Column], *, quickly: bool = False) -> str:
    """What follows FROM to read a spool, with numbers as numbers if quickly.

    Reading it fails with `OTHER_VERSION` if a record is not of its version.
    """
    struct = ", ".join(
        f"{quoted(column.key)} {column.quick_read_type if quickly else column.read_type}"
        for column in columns
    )
    keys, condition = {"record": f"STRUCT({struct})"}, "true"
    if spool.version is not False:
        keys["version"] = "VARCHAR"
        expected = "NULL" if spool.version is None else literal(str(spool.version))
        condition = f"""
            CASE WHEN version IS NOT DISTINCT FROM {expected} THEN true ELSE error({literal(OTHER_VERSION)}) END
            """
    source = json_objects(literal(escape(str(spool.path))), keys, max(spool.longest + 1024, LEAST_LINE_BYTES))
    return f"(SELECT record.* FROM {source} WHERE {condition})"


def json_objects(path: str, keys: dict[str, str], longest: int, compression: str = "uncompressed") -> str:
    """The table function that reads newline-delimited JSON.

    Args:
        path: SQL literal of the path.
        keys: type for each key to read.
        longest: no line is longer than this many bytes.
        compression: what DuckDB calls it.
    """
    columns = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in keys.items())
    return f"""
        read_json({path}, format = 'newline_delimited', records = 'true', auto_detect = false,
                  hive_partitioning = false, compression = {literal(compression)},
                  maximum_object_size = {longest}, columns = {{{columns}}})
        """


def keep_last_of_each_key(database: Database, keys: Sequence[str]) -> None:
    """Of records with the same key in the batch, keep the one that came last."""
    names = ", ".join(quoted("record", key) for key in keys)
    ((records, different),) = database.rows(
        f"SELECT (SELECT count(*) FROM {BATCH}), (SELECT count(*) FROM (SELECT DISTINCT {names} FROM {BATCH}))"
    )
    if records == different:
        return  # as nearly always, and found in a third of the time
    database.execute(
        f"DELETE FROM {BATCH} WHERE rowid NOT IN (SELECT max(rowid) FROM {BATCH} GROUP BY {names})"
    )


def first_without(database: Database, key: str) -> int | None:
    """Number, from 0, of the first record of the batch that has no value for a key; None if all have one."""
    found = database.rows(first_row(BATCH, f"{quoted('record', key)} IS NULL"))
    return cast("int | None", found[0][0])


def first_row(table: str, *conditions: str) -> str:
    """Query for the number, from 0, of the first row of a table just read that meets each of the conditions."""
    firsts = ", ".join(f"min(rowid) FILTER (WHERE {condition}) - min(rowid)" for condition in conditions)
    return f"SELECT {firsts} FROM {table}"  # rows of an open transaction are not numbered from 0
