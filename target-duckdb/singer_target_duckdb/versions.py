"""Which version of a table is current, which are staged beside it, and where rows belong.

The rules are written down in the README ("Versions").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from singer_target_duckdb.errors import LoaderError, about
from singer_target_duckdb.table import Rows, Table

if TYPE_CHECKING:
    from logging import Logger

    from singer_target_duckdb.bookkeeping import Bookkeeping
    from singer_target_duckdb.database import Database
    from singer_target_duckdb.input_end import InputEnd
    from singer_target_duckdb.loading import Batch

RUN_VERSION = -1  # of all records of a run with load_method overwrite; taps number their versions from 0 or 1


@dataclass
class StagedVersion:
    """A version that is not current yet.

    Attributes:
        table: temporary table with its rows so far.
        since: input line of its first record, or of its ACTIVATE_VERSION if that came first; of the SCHEMA where it
            came in place of a version that was missing.
        records: how many records of it came.
        activated_early: whether its ACTIVATE_VERSION came before its first record.
    """

    table: Table
    since: int
    records: int = 0
    activated_early: bool = False


@dataclass
class Versions:
    """The versions of one table, in this run. They are kept when a stream's schema changes and it gets a new sink.

    Attributes:
        stream: name of the stream that goes into the table.
        source: name under which the tap's state knows the stream.
        overwrites: whether all records of the run are one version, which replaces the table.
        reads_versions: whether the versions of records mean something.
        current: the version that the table holds, as far as is known.
        missing: the version of the tap's state, where the tap continues from it but the table does not have it.
        missing_from: input line of the SCHEMA with which that was found.
        is_refill: whether a newer version came in place of the missing one; a part of it is not loaded.
        unconfirmed: the first version that came for a table with rows of which none is known.
        staged: versions that are not current yet.
        had_direct_rows: whether records went straight into the table.
        carried: versions of this run's records; None for those that went straight into the table without one.
        contradicted: whether an ACTIVATE_VERSION was ignored, because the records carried another version.
        last_line: input line of the stream's last message.
        last_activation: input line of its last ACTIVATE_VERSION.
    """

    books: Bookkeeping
    logger: Logger
    stream: str
    table: Table
    overwrites: bool
    reads_versions: bool
    source: str = ""
    current: int | None = None
    missing: int | None = None
    missing_from: int = 0
    is_refill: bool = False
    unconfirmed: int | None = None
    staged: dict[int, StagedVersion] = field(default_factory=dict)
    had_direct_rows: bool = False
    carried: set[int | None] = field(default_factory=set)
    contradicted: bool = False
    last_line: int = 0
    last_activation: int = 0

    @property
    def database(self) -> Database:
        """The database that the table is in."""
        return self.table.database

    # Where rows belong

    def place(self, batch: Batch) -> dict[int | None, str]:
        """Where the rows of a batch belong; begins to stage new versions.

        Returns:
            Staged version, or None for the table itself -> SQL condition for its rows.

        Raises:
            LoaderError: if only changes come to a version that the table does not have.
        """
        places: dict[int | None, list[str]] = {}
        for version, condition, row in self._parts(batch):
            if version is not None:
                self.note(version)
            destination = self.destination_of(version)
            self.carried.add(version if destination is None else destination)
            if destination is None:
                self.had_direct_rows = True
            else:
                self.staged_version(destination, batch.lines[row]).records += batch.count(condition)
            places.setdefault(destination, []).append(condition)
        if len(places) == 1:
            return dict.fromkeys(places, "true")
        return {place: f"({' OR '.join(conditions)})" for place, conditions in places.items()}

    def _parts(self, batch: Batch) -> list[tuple[int | None, str, int]]:
        """Version, condition and first row of parts of a batch that belong in one place, in order of arrival.

        Where rows without a version belong depends on the versions that came before them.
        """
        if not self.reads_versions:
            return [(None, "true", 0)]
        parts: list[tuple[int | None, str, int]] = [
            (version, f"version = '{version}'", row) for version, row in batch.versions if version is not None
        ]
        for first in (row for version, row in batch.versions if version is None):
            starts = [first, *(row for _, _, row in parts if row > first)]
            parts += [
                (None, f"version IS NULL AND rowid >= {start} AND rowid < {end}", start)
                for start, end in pairwise([*starts, len(batch)])
            ]
        # A version comes before the rows without one that follow its first row.
        return sorted(parts, key=lambda part: (part[2], part[0] is None))

    def destination_of(self, version: int | None) -> int | None:
        """The version under which a record is staged; None if it goes straight into the table.

        A version that is current, or older, was complete before: its records are changes to the table. So are those
        of the first version that comes for rows of which no version is known. A record without a version belongs to
        the version being staged, if there is one (BATCH messages carry none).
        """
        if self.overwrites:
            return RUN_VERSION
        if not self.reads_versions:
            return None
        if version is None:
            return max(self.staged, default=None)
        held = self.unconfirmed if self.current is None else self.current
        return None if held is not None and version <= held else version

    def note(self, version: int) -> None:
        """Take note of a version before it is looked up in `destination_of`.

        The first one that comes for a table with rows of which no version is known is `unconfirmed`.

        Raises:
            LoaderError: if only changes come to a version that the table does not have.
        """
        self._resolve_missing(version)
        nothing_known = self.current is None and self.unconfirmed is None and not self.staged
        if nothing_known and (self.had_direct_rows or self.table.has_rows()):
            self.unconfirmed = version

    def staged_version(self, version: int, line: int) -> StagedVersion:
        """The staged version of this number, with an empty table if it is new, which this line of the input began."""
        if version not in self.staged:
            beside = self.table.beside(str(version))
            beside.drop()
            beside.prepare()
            self.staged[version] = StagedVersion(beside, self.missing_from if self.is_refill else line)
        return self.staged[version]

    def reshape(self, table: Table) -> None:
        """Give each staged version the columns of the table, and the table the wider types that staged rows need."""
        self.table = table
        for found in self.staged.values():
            found.table.columns, found.table.keys = list(table.columns), table.keys
            found.table.honours_deleted_at = table.honours_deleted_at
            found.table.prepare()
            if found.table.columns != table.columns:
                table.columns = list(found.table.columns)
                table.prepare()
                self.reshape(table)

    # A database that does not have what the tap's state says

    def expect(self, version: int, line: int) -> None:
        """Compare the version that the tap's state names when the tap begins with what the table has.

        An empty table of that version is one of which the source has no records.
        """
        if (self.current is None or self.current < version) and not self.table.has_rows():
            self.missing, self.missing_from = version, line

    def _resolve_missing(self, version: int | None) -> None:
        """Go on if the tap speaks of a newer version, which replaces the table; else the table would have gaps."""
        if self.missing is None:
            return
        if version is None or version <= self.missing:
            msg = (
                f"Stream '{self.stream}': the tap goes on from a state that this database does not have, because "
                f"table {self.table} is new or empty; run with `--full-refresh` to load everything (without Meltano: "
                "without a state)."
            )
            raise LoaderError(msg)
        self.missing, self.is_refill = None, True

    # States

    def is_staging_at(self, line: int) -> bool:
        """Whether something was staged already when this line of the input came."""
        return any(found.since < line for found in self.staged.values())

    def withholds_states_at(self, line: int) -> bool:
        """Whether no state of this line may be written, because the table does not have what the tap's state said."""
        return self.missing is not None and self.missing_from < line

    @property
    def is_open(self) -> bool:
        """Whether a version is staged or missing, so that no withheld state may be written."""
        return bool(self.staged) or self.missing is not None

    # ACTIVATE_VERSION and the end of the input; all of this is part of the caller's transaction

    def needs_no_flush(self, version: int) -> bool:
        """Whether an ACTIVATE_VERSION changes nothing, whatever waits to be loaded."""
        is_early = version in self.staged and self.staged[version].activated_early
        is_past = self.current is not None and version <= self.current
        return not self.reads_versions or is_early or is_past

    def activate(self, version: int, line: int) -> None:
        """Replace the table if the version's records came before; else they are still to come."""
        self.note(version)
        if self._is_unconfirmed(version):
            self.save_current(version)
        elif self.destination_of(version) == version:
            found = self.staged.get(version)
            if found and found.records and not found.activated_early:
                self._replace(version)
            elif not found and self.had_direct_rows:
                self._ignore(version)
            else:
                self.staged_version(version, line).activated_early = True

    def settle(self, end: InputEnd) -> None:
        """Decide about the versions that no ACTIVATE_VERSION has completed by the end of the input.

        Raises:
            LoaderError: if only changes came to a version that the table does not have.
        """
        self._resolve_missing(end.named)
        current = self.current  # as it will be: `save_current` sets it after the commit
        if end.named is not None and (self._is_unconfirmed(end.named) or self._is_of_empty_table(end.named)):
            self.save_current(end.named)
            current = end.named
        ignored = {v for v in self.staged if v != RUN_VERSION and self.carried and v not in self.carried}
        for version in ignored:
            self._ignore(version)
        is_whole, settled = True, RUN_VERSION  # up to `settled`, all staged versions have been written
        for version in sorted(self.staged.keys() - ignored):
            found = self.staged[version]
            outcome = self._outcome(version, found, end, current)
            if outcome == "replace":
                self._replace(version)
            elif outcome:
                self._merge(version, after=settled)
            if outcome == "merge as current":
                self.save_current(version)
            if outcome in {"replace", "merge as current"} and version != RUN_VERSION:
                current = version
            settled = version if outcome else settled
            is_whole = bool(outcome)  # what becomes of a version settles those before it
        has_ended = end.shows_end_after(self.last_line) or self.last_activation == self.last_line > 0
        self.add_load(finished=is_whole and has_ended)

    def _outcome(self, version: int, found: StagedVersion, end: InputEnd, current: int | None) -> str | None:
        """What becomes of a staged version at the end of the input.

        Returns:
            "replace" the table's rows with it, "merge" it into them, "merge as current": its number is kept too. None:
            it is not complete, so that nothing of it is loaded.
        """
        has_ended = end.shows_end_after(self.last_line)
        if version == RUN_VERSION:
            return "replace" if has_ended or not end.last_state else None
        if found.activated_early:
            loses_nothing = current is None and found.records and not self.is_refill
            is_last = loses_nothing and self.last_activation == self.last_line
            return "replace" if has_ended or is_last else None
        if current is not None:
            return None
        if self.contradicted or end.withheld == version:
            return "merge as current"
        return None if end.tap_activates or end.is_in_progress or self.is_refill else "merge"

    def _is_unconfirmed(self, version: int) -> bool:
        return self.current is None and self.unconfirmed == version

    def _is_of_empty_table(self, version: int) -> bool:
        """Whether a version without any record is newer than that of an empty table."""
        is_newer = self.reads_versions and (self.current is None or self.current < version)
        return is_newer and not self.carried and not self.staged and not self.table.has_rows()

    def _ignore(self, version: int) -> None:
        """Ignore an ACTIVATE_VERSION whose version no record has, and log it."""
        self.logger.warning(
            "Stream '%s': ACTIVATE_VERSION %s is ignored, because this run's records do not carry that version.",
            self.stream,
            version,
        )
        self.contradicted = True
        self.database.after_commit(lambda: self._drop({version}))

    def _replace(self, version: int) -> None:
        """Replace the table's rows with the staged rows of a version."""
        found = self.staged[version]
        with about(self.stream, self.table):
            removed = self.table.replace(Rows(str(found.table)))
        self.save_current(None if version == RUN_VERSION else version)
        self.add_load(found.records, removed)
        self.database.after_commit(lambda: self._drop({v for v in self.staged if v <= version}))

    def _merge(self, version: int, after: int) -> None:
        """Write the staged rows of a version, and of those before it down to another, into the table."""
        for _, found in sorted(item for item in self.staged.items() if after < item[0] <= version):
            with about(self.stream, self.table):
                removed = self.table.write(Rows(str(found.table)))
            self.add_load(found.records, removed)
        self.database.after_commit(lambda: self._drop({v for v in self.staged if v <= version}))

    def _drop(self, versions: set[int]) -> None:
        for version in versions & self.staged.keys():
            self.staged.pop(version).table.drop()

    # The bookkeeping in the database

    def load_current(self) -> None:
        """Read the current version from the database."""
        self.current = self.books.version_of(self.table)

    def save_current(self, version: int | None) -> None:
        """Write the current version into the database; None forgets it."""
        self.books.save_version(self.table, version)
        self.database.after_commit(lambda: setattr(self, "current", version))

    def add_load(self, records: int = 0, removed: int = 0, *, finished: bool = False) -> None:
        """Note what has been loaded into the table."""
        self.books.add_load(self.stream, self.table, records, removed, finished=finished)
