"""Which version of a table is current, and which are being gathered beside it.

The rule is written down in the README ("Versions").
"""

# ruff: noqa: S608 - every name in a statement has gone through `quoted`, every text through `literal`

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.sql import quoted
from singer_target_duckdb.table import TEMPORARY, Table

if TYPE_CHECKING:
    from singer_target_duckdb.database import Database

SCHEMA, TABLE = "_singer", "table_versions"
OVERWRITING = 0  # the version under which load_method overwrite gathers


@dataclass
class Gathered:
    """A version that is not current yet.

    Attributes:
        table: temporary table with its rows so far.
        has_records: whether any record of it came.
        announced: whether its ACTIVATE_VERSION came before its first record.
    """

    table: Table
    has_records: bool = False
    announced: bool = False


@dataclass
class Versions:
    """The versions of one table, in this run.

    Attributes:
        stream: name of the stream that goes into the table.
        source: name under which the tap's state knows it.
        current: the version that the table holds, as far as is known.
        missing: the version of the tap's state, where the tap goes on from it but the table does not have it.
        refills: whether a newer version came in place of the missing one; a part of it would have gaps as well.
        merged: the first version that came for a table whose version is not known, and which has rows.
        gathered: versions that are not current yet.
        loaded_directly: whether records went straight into the table.
        carried: versions of this run's records; None for those that went straight into the table without one.
        contradicted: whether an ACTIVATE_VERSION was ignored, because the records carried another version.
        last_line: input line of the stream's last message.
    """

    database: Database
    stream: str
    table: Table
    source: str = ""
    current: int | None = None
    missing: int | None = None
    refills: bool = False
    merged: int | None = None
    gathered: dict[int, Gathered] = field(default_factory=dict)
    loaded_directly: bool = False
    carried: set[int | None] = field(default_factory=set)
    contradicted: bool = False
    last_line: int = 0

    def expect(self, version: int) -> None:
        """Compare the version that the tap's state names when the tap begins with what the table has.

        An empty table of that version is one of which the source has no records.
        """
        if (self.current is None or self.current < version) and not self.table.has_rows():
            self.missing = version

    def begin(self, version: int) -> None:
        """Look at a version before its first record: where none is known, but the table has rows, it is merged.

        Raises:
            LoaderError: if it is the version that is missing, of which only changes would come.
        """
        if self.missing is not None and version >= self.missing:
            self.resolve_missing(version)
        nothing_known = self.current is None and self.merged is None and not self.gathered
        if nothing_known and (self.loaded_directly or self.table.has_rows()):
            self.merged = version

    def resolve_missing(self, version: int | None) -> None:
        """A newer version replaces the table, whatever is missing; without one, the table would have gaps.

        Args:
            version: the newest version that the tap speaks of.

        Raises:
            LoaderError: if a version is missing and this one is not newer.
        """
        if self.missing is None:
            return
        if version is None or version <= self.missing:
            msg = (
                f"Stream '{self.stream}': the tap goes on from a state that this database does not have, because "
                f"table {self.table} is new or empty; run with `--full-refresh` to load everything (without Meltano: "
                "without a state)."
            )
            raise LoaderError(msg)
        self.missing, self.refills = None, True

    def is_merged(self, version: int | None) -> bool:
        """Whether a version is the first that came for rows of which none is known, and nothing has made it current."""
        return version is not None and self.current is None and self.merged == version

    def is_empty_without(self, version: int | None) -> bool:
        """Whether nothing came for an empty table that does not know a version yet."""
        newer = version is not None and (self.current is None or self.current < version)
        return newer and not self.carried and not self.gathered and not self.table.has_rows()

    def is_carried_by_others(self, version: int) -> bool:
        """Whether records came in this run, but none of them under this version."""
        return version not in self.carried and bool(self.carried)

    def ignore(self, version: int) -> None:
        """Let an ACTIVATE_VERSION that no record carries mean nothing."""
        self.contradicted = True
        if version in self.gathered:
            self.gathered.pop(version).table.drop()

    def belongs_to(self, version: int | None) -> int | None:
        """The version under which a record is gathered; None if it goes straight into the table.

        A version that is current, or older, was complete before: its records are changes to the table. So are those
        of the first version that comes for rows of which no version is known. A record without a version belongs to
        the version being gathered, if there is one (BATCH messages carry none).
        """
        if version is None:
            return max(self.gathered, default=None)
        held = self.merged if self.current is None else self.current
        if held is not None and version <= held:
            return None
        return version

    def gather(self, version: int) -> Gathered:
        """The version being gathered, begun if it is new."""
        if version not in self.gathered:
            beside = replace(
                self.table,
                catalog=TEMPORARY,
                schema="main",
                name=f"{self.table.schema}.{self.table.name}@{version}",
                columns=list(self.table.columns),
                soft_delete=False,
            )
            beside.drop()
            beside.prepare()
            self.gathered[version] = Gathered(beside)
        return self.gathered[version]

    def reshape(self, table: Table) -> None:
        """Give what is being gathered the columns that the table has now."""
        self.table = table
        for found in self.gathered.values():
            found.table.columns, found.table.keys = list(table.columns), table.keys
            found.table.prepare()

    def activate(self, version: int) -> None:
        """Let the gathered rows of a version take the table's place; part of the caller's transaction."""
        self.table.replace(str(self.gathered[version].table))
        self.remember(version or None)
        self.discard(version)

    def adopt(self, version: int, *, as_current: bool) -> None:
        """Write the gathered rows of a version into the table, which goes on with them."""
        self.table.write(str(self.gathered[version].table))
        if as_current:
            self.remember(version)
        self.discard(version)

    def discard(self, up_to: int) -> None:
        """Forget the gathered versions up to this one."""
        for version in [version for version in self.gathered if version <= up_to]:
            self.gathered.pop(version).table.drop()

    def recall(self) -> None:
        """Read the current version from the database."""
        if self._written_down():
            found = self.database.rows(
                f"SELECT max(version) FROM {self._bookkeeping()} WHERE table_schema = ? AND table_name = ?",
                self._key(),
            )
            self.current = found[0][0]

    def remember(self, version: int | None) -> None:
        """Write the current version into the database; None forgets it."""
        if version is not None:
            self.database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.table.catalog, SCHEMA)}")
            self.database.execute(f"""
                CREATE TABLE IF NOT EXISTS {self._bookkeeping()}
                    (table_schema VARCHAR, table_name VARCHAR, version BIGINT, activated_at TIMESTAMP WITH TIME ZONE)
                """)
        # What two writers delete from one table of a lake collides, so that there versions are only added.
        if (version is None or not self.database.is_lake) and self._written_down():
            self.database.execute(
                f"DELETE FROM {self._bookkeeping()} WHERE table_schema = ? AND table_name = ?", self._key()
            )
        if version is not None:
            self.database.execute(
                f"INSERT INTO {self._bookkeeping()} VALUES (?, ?, ?, now())", [*self._key(), version]
            )
        self.current = version

    def _key(self) -> list[str]:
        return [self.table.schema.lower(), self.table.name.lower()]

    def _bookkeeping(self) -> str:
        return quoted(self.table.catalog, SCHEMA, TABLE)

    def _written_down(self) -> bool:
        return bool(Table(self.database, self.table.catalog, SCHEMA, TABLE).existing_columns())
