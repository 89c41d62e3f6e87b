"""What all streams share: whole and incremental reads, versions, bookmarks, and failing alone."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage
from typing_extensions import override

from tap_personio.client import Caller
from tap_personio.columns import OBJECT, OTHER_FIELDS, Column, WrongTypeError, schema_of
from tap_personio.errors import StreamFailedError, StreamUnavailableError, TapPersonioError
from tap_personio.feeding import Feed
from tap_personio.paging import parse_v1
from tap_personio.rows import PlainRows, Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.mapper import StreamMap

    from tap_personio.client import Client
    from tap_personio.paging import Ids, Page
    from tap_personio.reporting import Report
    from tap_personio.settings import Settings
    from tap_personio.tap import TapPersonio

OTHER_FIELDS_COLUMN = Column(
    OTHER_FIELDS, OBJECT, description="Fields that Personio sends and this stream does not know yet."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stream is read in this run.

    Attributes:
        since: read what changed from this moment on (the overlap is already taken off); None reads it whole.
        version: what the records carry.
        started: when the run began, by Personio's clock.
    """

    since: dt.datetime | None
    version: int | None
    started: dt.datetime

    @property
    def whole(self) -> bool:
        """Whether everything is read."""
        return self.since is None


class PersonioStream(Stream):
    """One table of Personio. A subclass declares it; how it is read and written is here.

    Attributes:
        columns: in the order of the table.
        right: what to tick in Personio's credential dialog.
        overlap: how far before the bookmark an incremental read begins, for endpoints that are late or coarse.
        endpoint: path shown in the docs.
        calls: what a read costs, in words, for the docs.
        page_ids: identifiers on a page, where other streams ask about each record of this one.
        deletions: webhook events that tell of records gone from this table.
        has_plain_records: `fields` does no more than `PlainRows` does.
        each_run: what a run does with the table, for the docs, where there is no replication key.
        accumulates: the source forgets what the table keeps; no version ever replaces it.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows hold schema'd columns of JSON types only

    columns: ClassVar[tuple[Column, ...]]
    right: ClassVar[str]
    endpoint: ClassVar[str]
    calls: ClassVar[str]
    overlap: ClassVar[dt.timedelta] = dt.timedelta(hours=2)
    page_ids: ClassVar[Ids | None] = None
    deletions: ClassVar[tuple[str, ...]] = ()
    accumulates: ClassVar[bool] = False
    has_plain_records: ClassVar[bool] = False
    each_run: ClassVar[str] = "replaced"

    _tap: TapPersonio

    # -- what a subclass says ---------------------------------------------------------------------------------

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """Fetch the pages of a read. Runs in a thread of its own."""
        raise NotImplementedError

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The fields of one record as the API sent it, named like the columns."""
        raise NotImplementedError

    def records(self, page: Page) -> Iterable[Any]:
        """The records of a page that no earlier page has brought."""
        records = msgspec.json.decode(page.data if page.rows is None else parse_v1(page.data).data)
        if not isinstance(records, list):
            msg = "the answer holds no list of records"
            raise StreamFailedError(msg)
        if page.repeated:
            return [each for position, each in enumerate(records) if position not in page.repeated]
        return records

    # -- schema -----------------------------------------------------------------------------------------------

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """All columns, with the one for what is not known yet."""
        return (*self.columns, OTHER_FIELDS_COLUMN)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the records."""
        if self._schema is None:
            self._schema = schema_of(self.table_columns, tuple(self.primary_keys))
        return self._schema

    # -- how the SDK's stream is told about ours ----------------------------------------------------------------

    @property
    def emit_activate_version_messages(self) -> bool:
        """False for the SDK, which would write ACTIVATE_VERSION before the records; `_finish` writes it after."""
        return False

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        # Called right before SCHEMA is written. Bookmarks need no signpost, see `_bookmark`.
        self._tap.writer.hold_schemas()

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        for rows in self._rows(self.pages(self.plan, self._tap.caller(self)), as_they_come=False):
            yield from rows

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Read and write the stream.

        The SDK offers no hook for what is needed here: records by the page (its path costs three times as much a
        record), ACTIVATE_VERSION after the last record, a bookmark that moves only when everything arrived, and a
        run that goes on when one stream cannot be read. `Stream.sync` calls this once per run.
        """
        report = self._tap.report(self)
        trying_out = self.ABORT_AT_RECORD_COUNT is not None
        try:
            if trying_out:
                self._try_out()
            else:
                report.begin()
                self._read_and_write(report)
        except StreamUnavailableError as error:
            self._tap.writer.drop_schemas()
            if trying_out and self.settings.fail_on_unavailable:
                raise
            if report.rows:  # it could be read at first: what was written so far is not all
                report.fail(error.message)
            else:
                report.skip(self._withdrawn(error.message))
        except StreamFailedError as error:
            self._tap.writer.drop_schemas()
            if trying_out:
                raise
            report.fail(error.message)
        except TapPersonioError as error:
            # The run ends here, by SystemExit: an Exception the SDK calls "unhandled" in a line of its own.
            error.show()
            raise SystemExit(error.exit_code) from error
        yield from ()

    def _withdrawn(self, reason: str) -> str:
        """Say when something was taken away: unlike a right that never was there, it is probably not meant."""
        return f"{reason}; earlier runs could read it" if self.stream_state else reason

    def _read_and_write(self, report: Report) -> None:
        plan = self.plan
        self.compare_scope(self.stream_state.get("scope"))
        version = plan.version if self.settings.activate_versions else None
        latest: str | None = None
        for rows in self._rows(report.watch(self._tap.feed(self))):
            latest = self._latest(latest, rows)
            self._tap.writer.release_schemas()
            self._write(rows, version)
            report.count(len(rows))
        self._finish(plan, latest)
        report.succeed(plan)

    # -- reading ----------------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """Where to ask."""
        return self._tap.client

    @property
    def settings(self) -> Settings:
        """The tap's checked settings."""
        return self._tap.settings

    @property
    def declared_replication_key(self) -> str | None:
        """The replication key of the declaration; a catalog may have set another one."""
        declared = vars(type(self)).get("replication_key")
        return declared if isinstance(declared, str) else None

    @property
    def reads_increments(self) -> bool:
        """Whether the stream is declared with a replication key, and the catalog has not taken that back."""
        return (
            self.replication_method == "INCREMENTAL"
            and self.replication_key is not None
            and self.replication_key == self.declared_replication_key
        )

    @functools.cached_property
    def plan(self) -> Plan:
        """How the stream is read in this run."""
        started = self._tap.started
        bookmark = self.stream_state
        version = bookmark.get("version")
        since = self._since(bookmark, started)
        if since is not None and (isinstance(version, int) or self.accumulates):
            return Plan(since - self.overlap, None if self.accumulates else version, started)
        if self.accumulates:
            return Plan(None, None, started)
        fresh = int(started.timestamp() * 1000)
        return Plan(None, max(fresh, version + 1) if isinstance(version, int) else fresh, started)

    def _since(self, bookmark: dict[str, Any], started: dt.datetime) -> dt.datetime | None:
        """Where an incremental read begins; None when the stream has to be read whole."""
        if not self.reads_increments or bookmark.get("replication_key") != self.replication_key:
            return None
        since = _moment(bookmark.get("replication_key_value"))
        read_whole = _moment(bookmark.get("read_whole_at"))
        if since is None or read_whole is None or bookmark.get("scope") != self._scope_and_selection:
            return None
        after = self.settings.resync_after
        overdue = after is not None and not self.accumulates and started - read_whole >= after
        if overdue or self._tap.was_deleted(self.deletions, read_whole):
            return None
        return since

    @property
    def scope(self) -> str:
        """What a whole read covers; when it changes, the next read is whole."""
        start, end = self.settings.start_date, self.settings.end_date
        return f"{start or ''}/{end or ''}"

    @functools.cached_property
    def _scope_and_selection(self) -> str:
        """The scope, with a fingerprint where a map or a deselection keeps something of it back.

        When that changes the table is read whole, which replaces also the rows that did not change in Personio.
        """
        fingerprint = self._tap.fingerprint(self.name, self._deselected)
        return f"{self.scope} {fingerprint}" if fingerprint else self.scope

    def compare_scope(self, before: str | None) -> None:
        """Tell when less can be read than in the last run."""

    @functools.cached_property
    def _wanted(self) -> frozenset[str]:
        """Names of the columns that go out."""
        known = (self._input_schema or self.schema).get("properties", {})
        return frozenset(each.name for each in self.table_columns if each.name in known) - self._deselected

    @functools.cached_property
    def _deselected(self) -> frozenset[str]:
        """Names of the columns that the selection keeps back."""
        always = {*self.primary_keys, self.replication_key}
        return frozenset(
            each.name
            for each in self.table_columns
            if each.name not in always and not self.mask[("properties", each.name)]
        )

    @functools.cached_property
    def plain_rows(self) -> PlainRows | None:
        """What decodes a page at once; None where a column stays out or a map has to see the records."""
        if (
            self.has_plain_records
            and len(self._wanted) == len(self.table_columns)
            and all(map(_is_plain, self.stream_maps))
        ):
            return PlainRows(self.table_columns, tuple(self.primary_keys))
        return None

    def _rows(self, pages: Iterable[Page], *, as_they_come: bool = True) -> Iterator[list[Any]]:
        row = Row(self.table_columns, tuple(self.primary_keys), self._wanted)
        plain = self.plain_rows if as_they_come else None
        for page in pages:
            if plain and page.rows is not None:
                try:
                    yield plain.finish(page.rows, page.repeated)
                    continue
                except (msgspec.MsgspecError, WrongTypeError, TypeError, RecursionError):
                    pass  # something unusual: the other way can tell what
            try:
                yield [row.build(self.fields(record, page.parent)) for record in self.records(page)]
            except WrongTypeError as error:
                msg = f"a value of the column {error} has an unexpected type, so that it cannot be stored as it is"
                raise StreamFailedError(msg) from None
            except (msgspec.MsgspecError, AttributeError, TypeError, KeyError, UnicodeError, RecursionError):
                msg = "a record has an unexpected shape, so that it cannot be read"
                raise StreamFailedError(msg) from None

    # -- writing ----------------------------------------------------------------------------------------------

    def _write(self, rows: list[Any], version: int | None) -> None:
        for stream_map in self.stream_maps:
            if isinstance(stream_map, RemoveRecordTransform):
                continue
            out = rows
            if not _is_plain(stream_map):
                try:
                    mapped = [stream_map.transform(row) for row in rows]
                except Exception as error:
                    # The expression's own error may quote a record.
                    msg = f"its stream map cannot be applied ({type(error).__name__})"
                    raise StreamFailedError(msg) from None
                out = [row for row in mapped if row is not None]
            self._tap.writer.write_records(stream_map.stream_alias, out, version)

    def _latest(self, latest: str | None, rows: list[Any]) -> str | None:
        key = self.replication_key
        if not key:
            return None
        get = methodcaller("get", key) if rows and isinstance(rows[0], dict) else attrgetter(key)
        return max(filter(None, (latest, *map(get, rows))), default=None)

    def _finish(self, plan: Plan, latest: str | None) -> None:
        """Everything has arrived: activate the version of a whole read, move the bookmark."""
        self._tap.writer.release_schemas()
        bookmark = self.stream_state
        if plan.whole:
            if self.settings.activate_versions and plan.version is not None:
                for stream_map in self.stream_maps:
                    if not isinstance(stream_map, RemoveRecordTransform):
                        self._tap.write_message(ActivateVersionMessage(stream_map.stream_alias, plan.version))
            if plan.version is not None:
                bookmark["version"] = plan.version
        if self.reads_increments:
            self._bookmark(bookmark, plan, latest)

    def _bookmark(self, bookmark: dict[str, Any], plan: Plan, latest: str | None) -> None:
        """Remember the latest change seen, never past the start of the run.

        What changed later may stand on a page that was read before.
        """
        started = plan.started.isoformat()
        previous = None if plan.whole else bookmark.get("replication_key_value")
        reached = min(latest, started) if latest else previous or started
        bookmark["replication_key"] = self.replication_key
        bookmark["replication_key_value"] = max(reached, previous) if previous else reached
        bookmark["scope"] = self._scope_and_selection
        if plan.whole:
            bookmark["read_whole_at"] = started

    def _try_out(self) -> None:
        """The SDK's --test: the first records only, without a version or a bookmark."""
        count = 0
        for rows in self._rows(self.pages(self.plan, self._tap.caller(self))):
            self._tap.writer.release_schemas()
            for row in rows:
                if count == self.ABORT_AT_RECORD_COUNT:
                    return
                self._write([row], None)
                count += 1
        self._tap.writer.release_schemas()

    # -- for the streams that ask about each record -------------------------------------------------------------

    def make_feed(self) -> Feed:
        """The pages of this run, fetched ahead."""
        return Feed(
            self.name,
            self._feed_pages,
            far_ahead=self.endpoint.startswith("/v2"),
            before_waiting=self.client.receive_all,
        )

    @property
    def fills_roster(self) -> bool:
        """Whether this run reads all identifiers that other streams may need."""
        return self.page_ids is not None and self.plan.whole

    def _feed_pages(self) -> Iterator[Page]:
        pages = self.pages(self.plan, self._tap.caller(self))
        ids = self.page_ids
        if ids is not None and self.fills_roster:
            return self._tap.roster(self.name).fill_from(pages, ids)
        return pages

    def list_ids(self, since: dt.datetime | None = None) -> Iterator[Any]:
        """Ask for the identifiers of all records, or of those that changed since a moment.

        For streams that need them when this one is not read in the same way in this run.
        """
        ids = self.page_ids
        if ids is not None:
            for page in self.id_pages(Plan(since, None, self._tap.started), Caller(f"{self.name} (ids)")):
                yield from ids(page)

    def id_pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """Pages with at least the identifiers of the records."""
        return self.pages(plan, caller)


def _is_plain(stream_map: StreamMap) -> bool:
    return type(stream_map) is SameRecordTransform and not stream_map.flattening_enabled


def _moment(value: Any) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
