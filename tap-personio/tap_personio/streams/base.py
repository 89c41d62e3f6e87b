"""How streams of API v1 and v2 ask: single responses, lists, and lists below parent records.

Pages: developer.personio.de/reference (v1.0 and v2.0). Where the reference of v2 leaves a shape open, a column takes
any shape, and fields that are not listed are kept in `other_fields`.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, ClassVar

from tap_personio.child_lists import Children
from tap_personio.columns import (
    LOCAL_DATETIME,
    LOCAL_TIME_OBJECT,
    OBJECT,
    REFERENCE,
    TEXT,
    TIMESTAMP,
    Column,
    ColumnType,
    WrongTypeError,
    get_path,
    to_timestamp,
)
from tap_personio.cursor_lists import read_cursor
from tap_personio.offset_lists import Offset, OffsetList, read_list
from tap_personio.pages import IdReader, Page, parse_v1
from tap_personio.records import TypedRows
from tap_personio.stream import PersonioStream
from tap_personio.transport import Request, in_path
from tap_personio.windows import WindowedList, read_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan
    from tap_personio.windows import WindowFilter

# Forms in which filters take a moment.
WITH_ZONE = "%Y-%m-%dT%H:%M:%SZ"
WITHOUT_ZONE = "%Y-%m-%dT%H:%M:%S"
DAY = "%Y-%m-%d"
# Below two seconds, the tap does not tell its clock from Personio's.
CLOCK_MARGIN = dt.timedelta(minutes=1)

# Where the identifier stands in a record.
IDS = IdReader("id")
IDS_IN_ATTRIBUTES = IdReader("attributes", "id")
# Where the id of an employee stands inside another record of API v1.
ATTRIBUTE_ID = ("attributes", "id", "value")


def reference(name: str, column_type: ColumnType = TEXT) -> tuple[Column, ...]:
    """A nested reference `{"id": …}` and its id as a column to join by."""
    return Column(name, REFERENCE), Column(f"{name}_id", column_type, (name, "id"))


def local_time(name: str) -> tuple[Column, ...]:
    """A nested local time `{"date_time": …}` and its text, which is wall-clock time without a zone."""
    return Column(name, LOCAL_TIME_OBJECT), Column(f"{name}_date_time", LOCAL_DATETIME, (name, "date_time"))


APPROVAL = (Column("approval", OBJECT), Column("approval_status", TEXT, ("approval", "status")))
CREATED_AND_UPDATED = (Column("created_at", TIMESTAMP), Column("updated_at", TIMESTAMP))


class EndpointStream(PersonioStream):
    """A table that endpoints of Personio hold.

    Attributes:
        replaced_by: the stream of API v2 that holds the same, once Personio ends this endpoint.
        beta: whether the endpoint wants the header `Beta: true`.
        incremental_filter: parameter for what was created or changed from a moment on, and the form of the moment.
        date_filters: parameters for the settings start_date and end_date; each may be left out.
    """

    replaced_by: ClassVar[str] = ""
    beta: ClassVar[bool] = False
    incremental_filter: ClassVar[tuple[str, str] | None] = None
    date_filters: ClassVar[tuple[str, str] | None] = None

    def request(self, *params: tuple[str, str], path: str = "") -> Request:
        """A request to this stream's endpoint, or to one below a parent record when `path` names it."""
        return Request(
            self.api,
            path or self.path,
            params,
            template=self.path if path else "",
            beta=self.beta,
            permission=self.permission,
            replaced_by=self.replaced_by,
            is_child=bool(path),
        )

    def date_params(self) -> tuple[tuple[str, str], ...]:
        """Parameters for the days that the settings name."""
        days = zip(self.date_filters or (), (self.settings.start_date, self.settings.end_date), strict=False)
        return tuple((name, day.isoformat()) for name, day in days if day)

    def changed_params(self, since: dt.datetime | None) -> tuple[tuple[str, str], ...]:
        """Parameters for what changed since a moment."""
        if since is None or self.incremental_filter is None:
            return ()
        name, form = self.incremental_filter
        return ((name, since.strftime(form)),)


class V1Stream(EndpointStream):
    """A table of API v1."""

    api = "v1"

    def fields(self, record: Any, parent: Any) -> Any:  # noqa: ARG002
        """What stands under `attributes`, and the id where it stands outside."""
        if record.__class__ is not dict:
            return record  # decoded by `typed_rows`
        fields = attributes_of(record)
        return {**fields, "id": record["id"]} if "id" in record else fields


def attributes_of(record: Any) -> dict[str, Any]:
    """What stands under `attributes`, or the record itself where its fields come bare; nothing if it is no record."""
    if not isinstance(record, dict):
        return {}
    attributes = record.get("attributes")
    if isinstance(attributes, dict):
        return attributes
    return {name: value for name, value in record.items() if name not in ("type", "attributes")}


class V1Single(V1Stream):
    """A table that comes in one response."""

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """One page."""
        yield self.client.get(self.request(), parse_v1, stats)


class V1List(V1Stream):
    """A table that comes in pages.

    Attributes:
        limit: records a page, the endpoint's maximum.
        offset: what `offset` counts here.
        ids: finds identifiers.
        decodes_typed: the fields of a record are the columns, so that `TypedRows` may decode them.
    """

    limit: ClassVar[int] = 200
    offset: ClassVar[Offset] = Offset.RECORD
    ids: ClassVar[IdReader] = IDS_IN_ATTRIBUTES
    decodes_typed: ClassVar[bool] = False

    @functools.cached_property
    def typed_rows(self) -> TypedRows | None:
        """Decodes pages, where no column is deselected and no map has to see the records."""
        if self.decodes_typed and self.can_decode_typed():
            return TypedRows(self.table_columns, tuple(self.primary_keys))
        return None

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """All pages, or those with changes."""
        request = self.request(*self.date_params())
        changed = self.changed_meanwhile(request, plan.started)
        request = request.with_params(*self.changed_params(plan.since))
        parse = self.typed_rows.parse if self.typed_rows else parse_v1
        listing = OffsetList(request, self.limit, self.offset, self.ids, changed, parse)
        return read_list(self.client, listing, stats)

    def changed_meanwhile(
        self, request: Request, started: dt.datetime
    ) -> tuple[Request, Callable[[Page], int]] | None:
        """For `OffsetList.changed`: the request for what changed since `started`, and how its records are counted."""
        if self.incremental_filter is None:
            return None
        since = request.with_params(*self.changed_params(started))
        return since, lambda page: self._count_since(page, started)

    def _count_since(self, page: Page, moment: dt.datetime) -> int:
        """Records of a page that were created, or if that is not known changed, from a moment on.

        The filters are coarse; the moment loses its fraction of a second, which Personio does not tell either.
        """
        from_moment = moment.replace(microsecond=0).isoformat()
        count = 0
        for fields in super().page_fields(page):
            value = get_path(fields, ("created_at",)) or get_path(fields, (self.replication_key or "",))
            count += _is_from(value, from_moment)
        return count


def _is_from(value: Any, moment: str) -> bool:
    """Whether a value is a moment that is not before another one. One that cannot be read may be."""
    try:
        return (to_timestamp(value) or "") >= moment
    except WrongTypeError:
        return True


class V2Stream(EndpointStream):
    """A table of API v2.

    Attributes:
        limit: records a page, the endpoint's maximum.
    """

    api = "v2"
    limit: ClassVar[int] = 100
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """The record without its links."""
        fields: dict[str, Any] = record
        fields.pop("_meta", None)
        return fields


class V2List(V2Stream):
    """A table that one list endpoint holds.

    Attributes:
        windows: how a long list is cut, where a filter of the endpoint allows it.
    """

    windows: ClassVar[WindowFilter | None] = None

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """All pages, or those with changes."""
        request = self.request(*self.date_params(), *self.changed_params(plan.since))
        if self.windows is None:
            return read_cursor(self.client, request, self.limit, stats, IDS)
        listing = WindowedList(
            request,
            self.limit,
            IDS,
            self.windows,
            plan.started,
            self.request(*self.date_params(), *self.changed_params(plan.started - self.lookback)),
            lambda page: self._changes(page, plan.started),
        )
        return read_windows(self.client, listing, stats, self.settings.concurrency)

    def _changes(self, page: Page, started: dt.datetime) -> dict[Any, int]:
        """What changed since the run began, for `WindowedList.changes`. Two clocks may differ a little."""
        path, moment = (self.declared_replication_key or "",), (started - CLOCK_MARGIN).isoformat()
        found = zip(IDS(page), page.records, strict=True)
        return {
            each: hash(repr(record)) for each, record in found if _is_from(get_path(record, path), moment)
        }


class V2Children(V2Stream):
    """A table that has to be asked for once per parent record.

    Attributes:
        parent: the stream of the parents.
        child_ids: finds identifiers of the records, where one parent has each only once.
    """

    parent: ClassVar[str]
    child_ids: ClassVar[IdReader | None] = None

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """The pages of all parents, several parents in flight; a parent that is gone has no records."""

        def requests(fresh: bool) -> Iterator[tuple[Any, Request]]:
            return ((each, self.child_request(each, plan)) for each in self.parents(plan, fresh=fresh))

        noun = self.parent.replace("_", " ").removesuffix(" v2")
        return Children(self.client, requests, self.limit, stats, noun, ids=self.child_ids).read()

    def parents(self, plan: SyncPlan, *, fresh: bool = False) -> Iterable[Any]:  # noqa: ARG002
        """Identifiers of the parents to ask about; all of them unless an endpoint tells which changed.

        Args:
            plan: of the read.
            fresh: ask Personio now, whatever is known.
        """
        return self.run.ids[self.parent].all(fresh=fresh)

    def changed_parents(self, plan: SyncPlan, *, fresh: bool = False) -> Iterable[Any]:
        """Identifiers of the parents that changed, where a change of a child changes its parent."""
        ids = self.run.ids[self.parent]
        return ids.all(fresh=fresh) if plan.since is None else ids.changed(plan.since)

    def child_request(self, parent: Any, plan: SyncPlan) -> Request:  # noqa: ARG002
        """The request for one parent's records."""
        return self.request(path=self.path.replace("{id}", in_path(parent)))
