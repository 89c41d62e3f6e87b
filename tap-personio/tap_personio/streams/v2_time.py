"""Absences, working times and the projects they are booked on."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_personio.columns import (
    BOOLEAN,
    DATE,
    NUMBER,
    OBJECT,
    TEXT,
    TIMESTAMP,
    Column,
    WrongTypeError,
    get_path,
    to_date,
)
from tap_personio.pages import IdReader, Page
from tap_personio.streams.base import (
    APPROVAL,
    CREATED_AND_UPDATED,
    IDS,
    WITH_ZONE,
    WITHOUT_ZONE,
    V2Children,
    V2List,
    local_time,
    reference,
)
from tap_personio.windows import WindowFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.settings import Settings
    from tap_personio.sync_plan import SyncPlan
    from tap_personio.transport import Request


class AbsenceTypesV2(V2List):
    """Kinds of absence, with the identifiers of API v2."""

    name = "absence_types_v2"
    path = "/absence-types"
    permission = "Absences: read"
    request_cost = "1"
    selected_by_default = False
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("category", TEXT),
        Column("unit", TEXT, description="DAY or HOUR."),
    )


class Absence(NamedTuple):
    """What `absence_period_breakdowns` needs of an absence; `starts` and `ends` are local times."""

    id: int | str
    updated_at: str | None
    starts: str | None
    ends: str | None

    def touches_days_of(self, settings: Settings) -> bool:
        """Whether the absence touches the days of start_date and end_date; one without an end goes on."""
        first, last = settings.start_date, settings.end_date
        is_late = last is not None and self.starts is not None and self.starts[:10] > last.isoformat()
        is_early = first is not None and self.ends is not None and self.ends[:10] < first.isoformat()
        return not (is_late or is_early)


class AbsenceReader(IdReader):
    """Finds the absences of a page."""

    def __call__(self, page: Page) -> list[Absence]:
        """The absences in order."""
        further = (
            (
                get_path(each, ("updated_at",)),
                *(
                    found if isinstance(found := get_path(each, (name, "date_time")), str) else None
                    for name in ("starts_from", "ends_at")
                ),
            )
            for each in page.records
        )
        return [Absence(each, *rest) for each, rest in zip(super().__call__(page), further, strict=True)]


ABSENCES = AbsenceReader("id")


class AbsencePeriods(V2List):
    """Absences of both kinds, in days and in hours."""

    name = "absence_periods"
    path = "/absence-periods"
    permission = "Absences: read"
    request_cost = "1 per 100 absences"
    replication_key = "updated_at"
    deletion_events = ("absence-period.deleted", "person.deleted")
    incremental_filter = ("updated_at.gte", WITH_ZONE)
    windows = WindowFilter("starts_from.date_time.gte", "starts_from.date_time.lte", WITH_ZONE)
    parent_ids = ABSENCES
    columns = (
        Column("id", TEXT, description="The id_v2 of API v1."),
        *reference("person"),
        *reference("absence_type"),
        *local_time("starts_from"),
        Column("starts_from_type", TEXT, ("starts_from", "type")),
        *local_time("ends_at"),
        Column("ends_at_type", TEXT, ("ends_at", "type")),
        Column("timezone_id", TEXT, description="The zone in which the local times are meant."),
        Column("comment", TEXT),
        *APPROVAL,
        *CREATED_AND_UPDATED,
    )

    def page_fields(self, page: Page) -> Iterable[Any]:
        """Only what touches the configured days: the server's own filters may lose absences without an end."""
        for record, absence in zip(page.records, ABSENCES(page), strict=True):
            if absence.touches_days_of(self.settings):
                yield self.fields(record, None)


class AbsencePeriodBreakdowns(V2Children):
    """What each absence takes of each day.

    A day that an absence does not cover any more stays until the next whole read; its
    `absence_period_updated_at` tells it from the others.
    """

    name = "absence_period_breakdowns"
    path = "/absence-periods/{id}/breakdowns"
    permission = "Absences: read"
    request_cost = "1 per absence that changed"
    selected_by_default = False
    primary_keys = ("absence_period_id", "date")
    replication_key = "absence_period_updated_at"
    deletion_events = ("absence-period.deleted", "person.deleted")
    limit = 28
    parent = "absence_periods"
    columns = (
        Column("absence_period_id", TEXT),
        Column("date", DATE),
        Column("effective_duration", OBJECT),
        Column("effective_duration_unit", TEXT, ("effective_duration", "unit")),
        Column("effective_duration_value", NUMBER, ("effective_duration", "value")),
        Column(
            "absence_period_updated_at",
            TIMESTAMP,
            description="Older than the absence's `updated_at` on a day that it does not cover any more.",
        ),
    )

    def parents(self, plan: SyncPlan, *, fresh: bool = False) -> Iterable[Absence]:
        """An absence changes with its days."""
        absences = self.changed_parents(plan, fresh=fresh)
        return (each for each in absences if each.touches_days_of(self.settings))

    def child_request(self, parent: Absence, plan: SyncPlan) -> Request:
        """The days of one absence."""
        return super().child_request(parent.id, plan)

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:
        """All days of an absence on one page, each day once."""
        for absence, pages in groupby(super().pages(plan, stats), attrgetter("parent")):
            days: dict[Any, dict[str, Any]] = {}
            for record in (each for page in pages for each in page.records):
                try:
                    day = to_date(record.get("date"))
                except (AttributeError, WrongTypeError):
                    day = repr(record)  # an entry of its own, which no row is made of
                days[day] = _together(days[day], record) if day in days else record
            yield Page(list(days.values()), parent=absence)

    def fields(self, record: Any, parent: Absence) -> dict[str, Any]:
        """The response does not name its absence."""
        return {
            **super().fields(record, parent),
            "absence_period_id": parent.id,
            "absence_period_updated_at": parent.updated_at,
        }


def _together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two entries of one day: their durations are added where they have the same unit, else both are kept."""
    first, second = one.get("effective_duration"), other.get("effective_duration")
    units, values = [[get_path(each, (name,)) for each in (first, second)] for name in ("unit", "value")]
    if units[0] == units[1] and all(isinstance(each, int | float) for each in values):
        duration: Any = {"unit": units[0], "value": sum(values)}
    else:
        duration = [*(first if isinstance(first, list) else [first]), second]
    return {**one, "effective_duration": duration}


class AttendancePeriods(V2List):
    """Working times and breaks, each a period of its own."""

    name = "attendance_periods"
    path = "/attendance-periods"
    permission = "Attendances: read"
    request_cost = "1 per 100 periods"
    replication_key = "updated_at"
    deletion_events = ("attendance-period.deleted", "person.deleted")
    # The filter takes no zone and does not say whose clock it means.
    lookback = dt.timedelta(hours=15)
    incremental_filter = ("updated_at.gte", WITHOUT_ZONE)
    date_filters = ("attribution_date.gte", "attribution_date.lte")  # right for overnight shifts too
    # Each period has a start; whether each has an attribution_date, nobody says.
    windows = WindowFilter("start.date_time.gte", "start.date_time.lte", WITHOUT_ZONE)
    columns = (
        Column("id", TEXT, description="The id_v2 of API v1."),
        *reference("person"),
        Column("type", TEXT, description="WORK or BREAK; breaks lie between working times."),
        *local_time("start"),
        *local_time("end"),
        Column("attribution_date", DATE, description="The day that the hours count for."),
        Column("comment", TEXT),
        *reference("project"),
        *APPROVAL,
        Column("is_auto_generated", BOOLEAN),
        *CREATED_AND_UPDATED,
    )


class ProjectsV2(V2List):
    """Projects and sub-projects that working time is booked on."""

    name = "projects_v2"
    path = "/projects"
    permission = "Projects: read"
    request_cost = "1 per 200 projects"
    limit = 200
    parent_ids = IDS
    columns = (
        Column("id", TEXT, description="The same number as in API v1, as text."),
        Column("name", TEXT),
        Column("description", TEXT),
        Column("status", TEXT),
        Column("project_code", TEXT),
        Column("client_name", TEXT),
        Column("project_type", TEXT),
        Column("billable", BOOLEAN),
        Column("assigned_to_all", BOOLEAN),
        *reference("cost_center"),
        *reference("parent_project"),
        Column("start", OBJECT),
        Column("start_date", DATE, ("start", "date")),
        Column("end", OBJECT),
        Column("end_date", DATE, ("end", "date")),
        *CREATED_AND_UPDATED,
    )


class ProjectMembers(V2Children):
    """Who may book time on which project."""

    name = "project_members"
    path = "/projects/{id}/members"
    permission = "Projects: read"
    request_cost = "1 per project"
    selected_by_default = False
    primary_keys = ("project_id", "person_id")
    parent = "projects_v2"
    columns = (
        Column("project_id", TEXT),
        Column("person_id", TEXT),
        Column("person", OBJECT),
    )

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The reference does not show a member: a reference to a person under `person`, or the person itself."""
        fields = super().fields(record, parent)
        person = fields.get("person")
        if isinstance(person, dict):
            fields.setdefault("person_id", person.get("id"))
        elif "person_id" not in fields:
            fields["person_id"] = fields.pop("id", None)
        fields["project_id"] = parent
        return fields
