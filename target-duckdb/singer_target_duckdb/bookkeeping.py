"""What the target keeps about the tables it loads, in the schema `_singer` of the database.

`table_versions` has the current version of each table, `loads` a row for each run and table.
"""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from singer_target_duckdb.sql import folded, quoted
from singer_target_duckdb.table import Table

if TYPE_CHECKING:
    from singer_target_duckdb.database import Database

SCHEMA = "_singer"
VERSIONS, LOADS = "table_versions", "loads"
COLUMNS = {
    VERSIONS: """
        table_schema VARCHAR, table_name VARCHAR, version BIGINT, activated_at TIMESTAMP WITH TIME ZONE
        """,
    LOADS: """
        run_id VARCHAR, stream VARCHAR, table_schema VARCHAR, table_name VARCHAR,
        began_at TIMESTAMP WITH TIME ZONE, committed_at TIMESTAMP WITH TIME ZONE,
        records BIGINT, rows_removed BIGINT, rows_total BIGINT, version BIGINT, finished BOOLEAN
        """,
}


@dataclass
class Bookkeeping:
    """The bookkeeping of one run; each method is part of the caller's transaction.

    Two writers that delete from one table of a lake collide. So in a lake rows are only added, and the last one counts.

    Attributes:
        ledger_days: for so many days a row of `loads` is kept; with 0 none is written.
        run_id: what all rows of this run have in common.
    """

    database: Database
    ledger_days: int
    run_id: str = field(default_factory=lambda: uuid4().hex)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _present: set[str] = field(default_factory=set)

    def version_of(self, table: Table) -> int | None:
        """The current version of a table; None if none is known."""
        if not self._has(VERSIONS):
            return None
        query = f"SELECT max(version) FROM {self._name(VERSIONS)} WHERE table_schema = ? AND table_name = ?"
        ((version,),) = self.database.rows(query, [folded(table.schema), folded(table.name)])
        return None if version is None else int(version)

    def save_version(self, table: Table, version: int | None) -> None:
        """Make a version the current one of a table; None forgets it."""
        key = [folded(table.schema), folded(table.name)]
        if (version is None or not self.database.is_lake) and self._has(VERSIONS):
            self.database.execute(
                f"DELETE FROM {self._name(VERSIONS)} WHERE table_schema = ? AND table_name = ?", key
            )
        if version is not None:
            self._create(VERSIONS)
            self.database.execute(
                f"INSERT INTO {self._name(VERSIONS)} VALUES (?, ?, ?, now())", [*key, version]
            )

    def add_load(self, stream: str, table: Table, records: int, removed: int, *, finished: bool) -> None:
        """Add to what this run has loaded into a table.

        Args:
            stream: name of the stream.
            table: where its records went.
            records: how many came into the table.
            removed: how many rows were removed, or marked as deleted.
            finished: whether the stream was complete.
        """
        if not self.ledger_days:
            return
        self._create(LOADS)
        loads, run = self._name(LOADS), [self.run_id, table.schema, table.name]
        is_same = "run_id = ? AND table_schema = ? AND table_name = ?"
        ((records, removed),) = self.database.rows(
            f"SELECT coalesce(max(records), 0) + ?, coalesce(max(rows_removed), 0) + ? FROM {loads} WHERE {is_same}",
            [records, removed, *run],
        )
        if not self.database.is_lake:
            self.database.execute(f"DELETE FROM {loads} WHERE {is_same}", run)
        ((total,),) = self.database.rows(f"SELECT count(*) FROM {table}")
        self.database.execute(
            f"INSERT INTO {loads} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(self.run_id, stream, table.schema, table.name, self.began_at, datetime.now(UTC)),
                *(records, removed, total, self.version_of(table), finished),
            ],
        )

    def forget_old_loads(self) -> None:
        """Delete the rows of `loads` that are older than the settings say."""
        if self.ledger_days and not self.database.is_lake and self._has(LOADS):
            self.database.execute(
                f"DELETE FROM {self._name(LOADS)} WHERE committed_at < now() - to_days(?::INTEGER)",
                [self.ledger_days],
            )

    def _create(self, table: str) -> None:
        if not self._has(table):
            self.database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.database.catalog, SCHEMA)}")
            self.database.execute(f"CREATE TABLE {self._name(table)} ({COLUMNS[table]})")

    def _has(self, table: str) -> bool:
        if table in self._present:
            return True
        if not Table(self.database, self.database.catalog, SCHEMA, table).existing_columns():
            return False
        self.database.after_commit(lambda: self._present.add(table))
        return True

    def _name(self, table: str) -> str:
        return quoted(self.database.catalog, SCHEMA, table)
