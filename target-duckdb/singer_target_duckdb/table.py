"""One table of the database, and every statement that changes it."""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb

from singer_target_duckdb.column_types import DELETED_AT, EXACT_IN_DOUBLE, HOLDS, MOMENT, Column, wider
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.sql import folded, literal, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_target_duckdb.database import Database

TEMPORARY = "temp"  # DuckDB's catalog of temporary tables
# What DuckDB says about itself, and what `bookkeeping` keeps.
NOT_FOR_STREAMS = {"information_schema", "pg_catalog", "_singer"}


@dataclass(frozen=True)
class Rows:
    """Rows to be written into a table: those of a temporary table that meet a condition.

    Attributes:
        table: quoted name of the temporary table.
        condition: which of its rows.
        is_batch: they have just been read, so their columns are fields of the column `record`.
    """

    table: str
    condition: str = "true"
    is_batch: bool = False

    def select(self, names: Sequence[str]) -> str:
        """A subquery for FROM with the columns of these names; DuckDB reads no others."""
        columns = ", ".join(f"{self.column(name)} AS {quoted(name)}" for name in names) or "1"
        return f"(SELECT {columns} FROM {self.table} WHERE {self.condition})"

    def column(self, name: str) -> str:
        """Expression for one column."""
        return quoted("record", name) if self.is_batch else quoted(name)


@dataclass
class Table:
    """A table with the columns and keys that a stream's schema asks for.

    Attributes:
        columns: the stream's columns, with the types that the table has for them.
        keys: names of the columns that tell rows apart; without any, rows are appended.
        soft_delete: rows that are gone at the source stay, with the time in `_sdc_deleted_at`.
        honours_deleted_at: a row of the batch with `_sdc_deleted_at` means that the row is gone.
    """

    database: Database
    catalog: str
    schema: str
    name: str
    columns: list[Column] = field(default_factory=list)
    keys: Sequence[str] = ()
    soft_delete: bool = False
    honours_deleted_at: bool = False

    def __str__(self) -> str:
        return quoted(self.catalog, self.schema, self.name)

    def beside(self, suffix: str) -> Table:
        """A temporary table with the same columns, not created yet."""
        return replace(
            self,
            catalog=TEMPORARY,
            schema="main",
            name=f"{self.schema}.{self.name}@{suffix}",
            columns=list(self.columns),
            soft_delete=False,
        )

    def existing_columns(self) -> dict[str, str]:
        """Folded names, and types, of the columns that the table has; empty if there is no table."""
        table = [folded(name) for name in (self.catalog, self.schema, self.name)]
        found = self.database.rows(
            """
            SELECT column_name, data_type, database_name, schema_name, table_name FROM duckdb_columns()
            WHERE lower(table_name) = lower(?) ORDER BY column_index
            """,
            [self.name],
        )
        return {folded(column): kind for column, kind, *names in found if [folded(n) for n in names] == table}

    def has_rows(self) -> bool:
        """Whether any row is in the table."""
        return self._any("true")

    def _any(self, condition: str) -> bool:
        return bool(self.database.rows(f"SELECT 1 FROM {self} WHERE {condition} LIMIT 1"))

    # Its shape

    def prepare(self) -> bool:
        """Create the table, or give it the columns it lacks and the types that hold what will come.

        Afterwards `columns` has the types of the table. Returns whether the table is new.
        """
        existing = self.existing_columns()
        if existing and self.catalog != TEMPORARY:
            self._check_writable()
        self.columns = [
            column if column.type else replace(column, type=existing.get(folded(column.name), "VARCHAR"))
            for column in self.columns
        ]
        wanted = list(self.columns)
        if self.soft_delete and all(folded(column.name) != DELETED_AT for column in wanted):
            wanted.append(Column(DELETED_AT, DELETED_AT, MOMENT))
        if not existing:
            definitions = ", ".join(f"{quoted(column.name)} {column.type}" for column in wanted)
            if self.catalog == TEMPORARY:
                self.database.execute(f"CREATE TEMP TABLE {self} ({definitions})")
            else:
                self.database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.catalog, self.schema)}")
                self.database.execute(f"CREATE TABLE {self} ({definitions})")
            return True
        for column in wanted:
            if folded(column.name) not in existing:
                self.database.execute(f"ALTER TABLE {self} ADD COLUMN {quoted(column.name)} {column.type}")
        self.columns = [
            self._widened(column, existing.get(folded(column.name), column.type)) for column in self.columns
        ]
        return False

    def _check_writable(self) -> None:
        """Check that the name is not that of a view."""
        views = "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = ? AND NOT internal"
        names = [tuple(map(folded, row)) for row in self.database.rows(views, [self.catalog])]
        if (folded(self.schema), folded(self.name)) in names:
            msg = f"{self} is a view, into which nothing can be written; rename it, or load into another schema."
            raise LoaderError(msg)

    def _widened(self, column: Column, present: str) -> Column:
        """The column with the type that the table has after this: what it had, or one that holds both."""
        name = quoted(column.name)
        needed = column.type if column.is_widened else wider(present, column.type)
        if needed == "DOUBLE" != present and self._any(
            f"abs(TRY_CAST({name} AS HUGEINT)) > {EXACT_IN_DOUBLE}"
        ):
            needed = "VARCHAR"
        if column.name in self.keys and HOLDS.get(present) == column.type:
            needed = present
        elif present == "VARCHAR" != column.type and self.has_rows() and not self._any(f"{name} IS NOT NULL"):
            needed = column.type
        elif (present, column.type) == ("VARCHAR", "DATE") and not self._any(
            f"TRY_CAST({name} AS DATE)::VARCHAR IS DISTINCT FROM {name} OR {name} LIKE '%infinity'"
        ):
            needed = "DATE"  # target-duckdb 0.8.0 keeps dates as text
        if needed != present:
            try:
                self._retype(name, present, needed)
            except duckdb.Error:
                msg = (
                    f"Column {name} of table {self} has type {present} and would have to become {needed}, which DuckDB "
                    "does not allow for a column with an index or a primary key; copy the table without them."
                )
                raise LoaderError(msg) from None
        return replace(column, type=needed)

    def _retype(self, name: str, present: str, needed: str) -> None:
        """Change the type of a column; a lake changes few types in place, so there the column is written anew."""
        if not self.database.is_lake:
            # DuckDB casts the values of deleted rows, too. Of those that are there it is known that they fit.
            using = f" USING TRY_CAST({name} AS {needed})" if present == "VARCHAR" else ""
            self.database.execute(f"ALTER TABLE {self} ALTER COLUMN {name} TYPE {needed}{using}")
            return
        new = quoted(f"{name} as {needed}")
        self.database.execute(f"ALTER TABLE {self} ADD COLUMN {new} {needed}")
        self.database.execute(f"UPDATE {self} SET {new} = CAST({name} AS {needed})")
        self.database.execute(f"ALTER TABLE {self} DROP COLUMN {name}")
        self.database.execute(f"ALTER TABLE {self} RENAME COLUMN {new} TO {name}")

    def describe(self, text: Any, columns: Mapping[str, Any]) -> None:
        """Set the comments of the table and its columns that are not what a schema describes.

        Args:
            text: description of the table; anything but text leaves the comment as it is.
            columns: the same for each column, by its name.
        """
        wanted = {name: each for name, each in columns.items() if isinstance(each, str) and each}
        place = [self.catalog, self.schema, self.name]
        of_table = "WHERE (database_name, lower(schema_name), lower(table_name)) = (?, lower(?), lower(?))"
        if wanted:
            query = f"SELECT column_name, comment FROM duckdb_columns() {of_table}"
            present = {folded(name): comment for name, comment in self.database.rows(query, place)}
            for name, comment in wanted.items():
                if present.get(folded(name), comment) != comment:
                    self.database.execute(f"COMMENT ON COLUMN {self}.{quoted(name)} IS {literal(comment)}")
        if isinstance(text, str) and text:
            query = f"SELECT comment FROM duckdb_tables() {of_table}"
            if self.database.rows(query, place) not in ([(text,)], []):
                self.database.execute(f"COMMENT ON TABLE {self} IS {literal(text)}")

    def drop(self) -> None:
        """Remove the table."""
        self.database.execute(f"DROP TABLE IF EXISTS {self}")

    # Its rows

    def write(self, rows: Rows) -> int:
        """Merge by key, or append where there is none; returns how many rows that removed."""
        if self.keys:
            return self.merge(rows)
        self.append(rows)
        return 0

    def append(self, rows: Rows) -> None:
        """Add the rows."""
        names = self._names()
        self.database.execute(f"""
            INSERT INTO {self} ({names})
            SELECT {names} FROM {self._values(rows)} AS source WHERE {self._not_deleted(rows)}
            """)

    def merge(self, rows: Rows) -> int:
        """Update the rows whose key is there, insert the others; of these each key comes once.

        Old rows are deleted and written anew: DuckDB's UPDATE, and so its MERGE, can take a hundred times as long
        on wide rows (27 s for 100,000 rows of 50 columns, seen with 1.4 and 2.0). What the table has in columns
        that the stream does not know is kept; new rows get its default.

        Returns:
            How many rows have been removed, or marked as deleted, because the batch says that they are gone.
        """
        removed = self._count_gone(rows)
        same_key, from_keys = self._same_key(), rows.select(self.keys)
        names, known = self._names(), {folded(column.name) for column in self.columns} | {DELETED_AT}
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
            INSERT INTO {self} ({names})
            SELECT {names} FROM {self._values(rows)} AS source {f"ANTI JOIN {kept} USING ({keys})" if others else ""}
            WHERE {self._not_deleted(rows)}
            """)
        if others:
            self.database.execute(f"""
                INSERT INTO {self} ({names}{others})
                SELECT {names}{others} FROM {self._values(rows)} AS source JOIN {kept} USING ({keys})
                WHERE {self._not_deleted(rows)}
                """)
        return removed

    def replace(self, rows: Rows) -> int:
        """Make these rows the table's rows; with soft deletes, mark those that are not among them.

        Returns:
            How many rows have been removed or marked; without a key, by how many the table has become smaller.
        """
        missing = f"ANTI JOIN {rows.select(self.keys)} AS source ON {self._same_key()}"
        if self.soft_delete:
            ((removed,),) = self.database.rows(f"""
                UPDATE {self} AS target SET {quoted(DELETED_AT)} = now()
                WHERE {quoted(DELETED_AT)} IS NULL
                  AND NOT EXISTS (SELECT 1 FROM {rows.select(self.keys)} AS source WHERE {self._same_key()})
                """)
            self.write(rows)
            return int(removed)
        removed = self._count(missing if self.keys else "")
        self.database.execute(f"DELETE FROM {self}")
        self.append(rows)
        return removed if self.keys else max(0, removed - self._count())

    def _count_gone(self, rows: Rows) -> int:
        """How many of the table's rows a batch says are gone."""
        if not rows.is_batch or not (self.honours_deleted_at or self.soft_delete):
            return 0
        gone = f"(FROM {rows.select([*self.keys, DELETED_AT])} WHERE {quoted(DELETED_AT)} IS NOT NULL)"
        is_there = f"WHERE target.{quoted(DELETED_AT)} IS NULL" if self.soft_delete else ""
        return self._count(f"SEMI JOIN {gone} AS source ON {self._same_key()} {is_there}")

    def _count(self, conditions: str = "") -> int:
        ((found,),) = self.database.rows(f"SELECT count(*) FROM {self} AS target {conditions}")
        return int(found)

    def deduplicate_by_key(self, rows: Rows) -> None:
        """Of the rows with the same key, keep the one that came last."""
        names = ", ".join(rows.column(key) for key in self.keys)
        source = f"{rows.table} WHERE {rows.condition}"
        ((records, different),) = self.database.rows(
            f"SELECT (SELECT count(*) FROM {source}), (SELECT count(*) FROM (SELECT DISTINCT {names} FROM {source}))"
        )
        if records == different:
            return  # as nearly always, and found in a third of the time
        self.database.execute(f"""
            DELETE FROM {source} AND rowid NOT IN (SELECT max(rowid) FROM {source} GROUP BY {names})
            """)

    def _names(self) -> str:
        return ", ".join(quoted(column.name) for column in self.columns)

    def _values(self, rows: Rows) -> str:
        deleted_at = [DELETED_AT] if self.honours_deleted_at and rows.is_batch else []
        return rows.select([*(column.name for column in self.columns), *deleted_at])

    def _same_key(self) -> str:
        return " AND ".join(f"target.{quoted(key)} = source.{quoted(key)}" for key in self.keys) or "false"

    def _not_deleted(self, rows: Rows) -> str:
        return f"source.{quoted(DELETED_AT)} IS NULL" if self.honours_deleted_at and rows.is_batch else "true"


def table_of(stream: str, config: Mapping[str, Any], database: Database, **shape: Any) -> Table:
    """The table for a stream.

    As in target-duckdb 0.8.0, `a-b` is table b of the source's schema a, and `x-a-b-c` table b_c of schema a. That
    target wrote an underscore for a dot; a table that it left under such a name is used.

    Args:
        stream: name of the stream.
        config: the settings.
        database: where the table is.
        shape: columns and the like, as `Table` has them.
    """
    first, *rest = stream.split("-")
    source_schema, parts = (rest[0], rest[1:]) if len(rest) > 1 else (first if rest else "", rest or [first])
    mapping = (config.get("schema_mapping") or {}).get(source_schema) or {}
    given = mapping.get("target_schema"), config.get("default_target_schema")
    schema = next((name.strip() for name in given if name and name.strip()), "main")
    if folded(schema) in NOT_FOR_STREAMS:
        msg = (
            f"Stream '{stream}' cannot be loaded into schema '{schema}', which is not for tables of streams: set "
            "`default_target_schema` or `schema_mapping` to another one."
        )
        raise LoaderError(msg)
    table = Table(database, database.catalog, schema, "_".join(parts) if all(parts) else stream, **shape)
    legacy = replace(table, name=table.name.replace(".", "_"))
    is_legacy = legacy.name != table.name and not table.existing_columns() and legacy.existing_columns()
    return legacy if is_legacy else table
