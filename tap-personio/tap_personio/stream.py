"""What all streams share: full syncs and increments, versions, bookmarks, rows."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage, SchemaMessage
from typing_extensions import override

from tap_personio.columns import OBJECT, OTHER_FIELDS, Column, WrongTypeError, schema_of
from tap_personio.errors import StreamFailedError, StreamUnavailableError
from tap_personio.prefetch import Chunk
from tap_personio.progress import StreamStats
from tap_personio.records import RowBuilder, TypedRows, newest_of
from tap_personio.stream_maps import applied, changes_nothing, fingerprint
from tap_personio.sync_plan import SyncPlan, SyncRules, advance, plan_sync, too_few_records
from tap_personio.writer import encode_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.mapper import StreamMap
    from singer_sdk.singerlib import Catalog, Message

    from tap_personio.attributes import AttributeColumns
    from tap_personio.client import Client
    from tap_personio.pages import IdReader, Page
    from tap_personio.run import RunContext
    from tap_personio.settings import Settings

OTHER_FIELDS_COLUMN = Column(
    OTHER_FIELDS, OBJECT, description="Fields that Personio sends and this stream does not know yet."
)


class PersonioStream(Stream):
    """One table of Personio. A subclass declares it; how it is read and written is here.

    Attributes:
        api: `v1` or `v2`.
        path: below the version.
        columns: in the order of the table.
        permission: what to tick in Personio's credential dialog.
        request_cost: what a full sync costs, in words, for the docs.
        lookback: how far before the bookmark an increment begins, for endpoints that are late or coarse.
        parent_ids: identifiers on a page, where other streams ask about each record of this one.
        deletion_events: webhook events that tell of records gone from this table.
        append_only: the source forgets what the table keeps; no version ever replaces it.
        shrinks_often: one deletion takes many records with it, so that max_removed_percent does not apply.
        load_note: what a run does with the table, for the docs, where there is no replication key.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows hold schema'd columns of JSON types only

    api: ClassVar[str]
    path: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    permission: ClassVar[str]
    request_cost: ClassVar[str]
    lookback: ClassVar[dt.timedelta] = dt.timedelta(hours=2)
    parent_ids: ClassVar[IdReader | None] = None
    deletion_events: ClassVar[tuple[str, ...]] = ()
    append_only: ClassVar[bool] = False
    shrinks_often: ClassVar[bool] = False
    load_note: ClassVar[str] = "replaced"

    def __init__(self, tap: Tap, run: RunContext) -> None:
        self.run = run  # the SDK's constructor asks for the schema
        self._sync_plan: SyncPlan | None = None
        super().__init__(tap)

    # -- what a subclass says ---------------------------------------------------------------------------------

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """Fetch the pages of a read."""
        raise NotImplementedError

    def fields(self, record: Any, parent: Any) -> Any:
        """The fields of one record of a page, named like the columns. What `TypedRows` decoded stays as it is."""
        raise NotImplementedError

    def page_fields(self, page: Page) -> Iterable[Any]:
        """The fields of each record of a page."""
        return (self.fields(record, page.parent) for record in page.records)

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what a catalog says, but for keys: with other ones rows would be lost or doubled."""
        if entry := catalog.get_stream(self.name):
            entry.key_properties = list(self.primary_keys)  # where stream maps find them
        super().apply_catalog(catalog)
        if self.replication_key != self.declared_replication_key:
            self.replication_key = None

    # -- schema -----------------------------------------------------------------------------------------------

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """All columns, with the one for what is not known yet."""
        return (*self.columns, OTHER_FIELDS_COLUMN)

    @functools.cached_property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the records."""
        return schema_of(self.table_columns, tuple(self.primary_keys))

    @functools.cached_property
    def _selected_columns(self) -> frozenset[str]:
        known = (self.effective_schema or self.schema).get("properties", {})
        return (
            frozenset(each.name for each in self.table_columns if each.name in known)
            - self._deselected_columns
        )

    @functools.cached_property
    def _deselected_columns(self) -> frozenset[str]:
        always = {*self.primary_keys, self.replication_key}
        return frozenset(
            each.name
            for each in self.table_columns
            if each.name not in always and not self.mask[("properties", each.name)]
        )

    # -- planning ---------------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """Where to ask."""
        return self.run.client

    @property
    def settings(self) -> Settings:
        """The tap's checked settings."""
        return self.run.settings

    @property
    def stats(self) -> StreamStats:
        """Counts of this run."""
        return self.run.stats(self.name)

    @property
    def declared_replication_key(self) -> str | None:
        """The replication key of the declaration; a catalog may have set another one."""
        declared = vars(type(self)).get("replication_key")
        return declared if isinstance(declared, str) else None

    @property
    def reads_increments(self) -> bool:
        """Whether the stream is declared with a replication key, and the catalog has not taken that back."""
        return self.replication_method == "INCREMENTAL" and self.replication_key is not None

    @property
    def plan(self) -> SyncPlan:
        """How the stream is read in this run. For one thread at a time."""
        if self._sync_plan is None:  # cached_property of Python 3.11 would let all streams wait for one
            self._sync_plan = plan_sync(self.stream_state, self._sync_rules, self.run.started)
        return self._sync_plan

    @property
    def _sync_rules(self) -> SyncRules:
        return SyncRules(
            replication_key=self.replication_key if self.reads_increments else None,
            append_only=self.append_only,
            lookback=self.lookback,
            resync_after=self.settings.resync_after,
            scope=self._scope,
            was_deleted=functools.partial(self.run.was_deleted, self.deletion_events),
        )

    @property
    def _days(self) -> str:
        start, end = self.settings.start_date, self.settings.end_date
        return f"{start or ''}/{end or ''}"

    @property
    def coverage(self) -> str:
        """What a full sync covers. When it changes, the next read is a full sync."""
        return self._days

    @property
    def attribute_columns(self) -> AttributeColumns | None:
        """The columns that depend on the account's attributes; None where the table has none."""
        return None

    @property
    def _scope(self) -> str:
        """The coverage, with a fingerprint where a map or a deselection keeps something of it back.

        When that changes, a full sync replaces also the rows that did not change in Personio.
        """
        kept_back = fingerprint(self.name, self.config, self._deselected_columns)
        return f"{self.coverage} {kept_back}" if kept_back else self.coverage

    def warn_of_oddities(self) -> None:
        """Tell what was odd about the records, when all have been read."""

    # -- rows -------------------------------------------------------------------------------------------------

    @functools.cached_property
    def typed_rows(self) -> TypedRows | None:
        """Decodes a page at once; None where this stream's records need more than that."""
        return None

    def can_decode_typed(self) -> bool:
        """Whether all columns go out, and no map has to see the records."""
        return len(self._selected_columns) == len(self.table_columns) and all(
            map(changes_nothing, self.stream_maps)
        )

    def _build_rows(self, pages: Iterable[Page]) -> Iterator[tuple[list[Any], Page]]:
        if missing := set(self.primary_keys) - self._selected_columns:
            msg = f"the catalog lacks the key column {', '.join(sorted(missing))}: discover again"
            raise StreamFailedError(msg)
        builder = RowBuilder(
            self.table_columns,
            tuple(self.primary_keys),
            self.replication_key,
            self._selected_columns,
            self.typed_rows,
        )
        for page in pages:
            try:
                yield [builder.row(fields) for fields in self.page_fields(page)], page
            except WrongTypeError as error:
                msg = f"a value of the key column {error} is missing or has an unexpected type"
                raise StreamFailedError(msg) from None
            except (msgspec.MsgspecError, AttributeError, TypeError, KeyError, UnicodeError, RecursionError):
                msg = "a record has an unexpected shape, so that it cannot be read"
                raise StreamFailedError(msg) from None
        for warning in builder.misfit_warnings(self.name):
            self.logger.warning(warning)
        self.warn_of_oddities()

    def fetch(self) -> Iterator[Chunk]:
        """Read the stream in this run: what each page brings, encoded. For a thread of its own.

        Raises:
            StreamUnavailableError: the right or the feature is missing.
            StreamFailedError: not everything could be read.
            TapPersonioError: nothing more can be read by any stream.
        """
        ids = self.run.ids[self.name] if self.parent_ids else None
        try:
            pages = self.pages(self.plan, self.stats)
            if ids and self.parent_ids and self.plan.is_full_sync:
                pages = ids.collect(pages, self.parent_ids)
            elif ids:
                ids.end()
            yield from self.chunks(pages)
        finally:
            if ids:
                ids.end()

    def chunks(self, pages: Iterator[Page]) -> Iterator[Chunk]:
        """What each page brings, encoded."""
        version = self.plan.version if self.settings.activate_versions else None
        for rows, page in self._build_rows(pages):
            lines = b"".join(
                encode_records(stream_map.stream_alias, applied(stream_map, rows), version)
                for stream_map in self._output_maps
            )
            yield Chunk(lines, len(rows), newest_of(rows, self.replication_key), page.total)

    @property
    def _output_maps(self) -> list[StreamMap]:
        """The stream's maps, one for each name that it has in the output."""
        return [each for each in self.stream_maps if not isinstance(each, RemoveRecordTransform)]

    # -- messages ---------------------------------------------------------------------------------------------

    def first_messages(self) -> Iterator[Message]:
        """SCHEMA, for each name that the stream has in the output."""
        bookmarks = [self.replication_key] if self.replication_key else None
        for each in self._output_maps:
            yield SchemaMessage(
                each.stream_alias, each.transformed_schema, each.transformed_key_properties, bookmarks
            )

    @property
    def _activated(self) -> int | None:
        """The version that replaces all rows at the end of this run; None where rows are only merged."""
        return self.plan.version if self.plan.is_full_sync and self.settings.activate_versions else None

    def too_few_records(self) -> StreamFailedError | None:
        """Why this full sync must not be activated, see `sync_plan.too_few_records`."""
        if self.shrinks_often or self._activated is None:
            return None
        limit = self.settings.max_removed_percent
        reason = too_few_records(self.stream_state, self.stats.rows, limit, self._days)
        return StreamFailedError(reason) if reason else None

    def last_messages(self) -> Iterator[Message]:
        """ACTIVATE_VERSION after a full sync."""
        version = self._activated
        if version is not None:
            for each in self._output_maps:
                yield ActivateVersionMessage(each.stream_alias, version)

    def commit(self, newest: str | None) -> None:
        """Everything has been written: move the bookmark.

        Args:
            newest: the largest replication key value of the read.
        """
        advance(self.stream_state, self.plan, self._sync_rules, self.stats.rows, newest)
        if self.attribute_columns:
            self.stream_state["columns"] = self.attribute_columns.by_key

    # -- for the SDK's `--test` -------------------------------------------------------------------------------

    @property
    def emit_activate_version_messages(self) -> bool:
        """False: the SDK would write ACTIVATE_VERSION before the records, `last_messages` has it after them."""
        return False

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        try:
            for rows, _ in self._build_rows(self.pages(self.plan, self.stats)):
                yield from msgspec.json.decode(msgspec.json.encode(rows))
        except StreamUnavailableError as error:
            if self.settings.fail_on_unavailable:
                raise
            self.stats.skip(error)
            self.logger.warning("Skipped %s: %s.", self.name, error.message)

    # -- for the streams that ask about each record -----------------------------------------------------------

    def list_ids(self, since: dt.datetime | None = None) -> Iterator[Any]:
        """Ask for the identifiers of all records, or of those that changed since a moment.

        For streams that need them when this one is not read in the same way in this run.
        """
        ids_of = self.parent_ids
        if ids_of is not None:
            plan = SyncPlan(since, None, self.run.started)
            for page in self.id_pages(plan, StreamStats(f"{self.name} (ids)")):
                yield from ids_of(page)

    def id_pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """Pages with at least the identifiers of the records."""
        return self.pages(plan, stats)
