"""Absences, working times and the projects they are booked on."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

import msgspec

from tap_personio.columns import (
    BOOLEAN,
    DAY,
    MOMENT,
    NUMBER,
    OBJECT,
    TEXT,
    Column,
)
from tap_personio.paging import Ids
from tap_personio.v2.base import (
    APPROVAL,
    CREATED_AND_UPDATED,
    IDS,
    V2Children,
    V2List,
    local_time,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_personio.connection import Request
    from tap_personio.paging import Page
    from tap_personio.stream import Plan


class AbsenceTypesV2(V2List):
    """Kinds of absence, with the identifiers of API v2."""

    name = "absence_types_v2"
    path = "/absence-types"
    endpoint = "/v2/absence-types"
    right = "Absences: read"
    calls = "1"
    selected_by_default = False
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("category", TEXT),
        Column("unit", TEXT, description="DAY or HOUR."),
    )


class _Boundary(msgspec.Struct):
    date_time: str | None = None


class _Absence(msgspec.Struct):
    id: str | int
    updated_at: str | None = None
    starts_from: _Boundary | None = None
    ends_at: _Boundary | None = None

    @property
    def starts(self) -> str | None:
        return self.starts_from.date_time if self.starts_from else None

    @property
    def ends(self) -> str | None:
        return self.ends_at.date_time if self.ends_at else None


class AbsencePeriods(V2List):
    """Absences of both kinds, in days and in hours."""

    name = "absence_periods"
    path = "/absence-periods"
    endpoint = "/v2/absence-periods"
    right = "Absences: read"
    calls = "1 per 100 absences"
    replication_key = "updated_at"
    deletions = ("absence-period.deleted", "person.deleted")
    updated = ("updated_at.gte", "%Y-%m-%dT%H:%M:%SZ")
    page_ids = Ids(_Absence, "id", "updated_at", "starts", "ends")
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

    def records(self, page: Page) -> Iterable[Any]:
        """Only what touches the configured days: the server's own filters may lose absences without an end."""
        for record in super().records(page):
            starts, ends = record.get("starts_from") or {}, record.get("ends_at") or {}
            if self.is_wanted(starts.get("date_time"), ends.get("date_time")):
                yield record

    def is_wanted(self, starts: str | None, ends: str | None) -> bool:
        """Whether an absence touches the configured days; one without an end goes on."""
        first, last = self.settings.start_date, self.settings.end_date
        too_late = last is not None and starts is not None and starts[:10] > last.isoformat()
        too_early = first is not None and ends is not None and ends[:10] < first.isoformat()
        return not (too_late or too_early)


class AbsencePeriodBreakdowns(V2Children):
    """What each absence takes of each day.

    A day that an absence does not cover any more stays until the next whole read; its
    `absence_period_updated_at` tells it from the others.
    """

    name = "absence_period_breakdowns"
    path = "/absence-periods/{id}/breakdowns"
    endpoint = "/v2/absence-periods/{id}/breakdowns"
    right = "Absences: read"
    calls = "1 per absence that changed"
    selected_by_default = False
    primary_keys = ("absence_period_id", "date")
    replication_key = "absence_period_updated_at"
    deletions = ("absence-period.deleted", "person.deleted")
    limit = 28
    parent = "absence_periods"
    columns = (
        Column("absence_period_id", TEXT),
        Column("date", DAY),
        Column("effective_duration", OBJECT),
        Column("effective_duration_unit", TEXT, ("effective_duration", "unit")),
        Column("effective_duration_value", NUMBER, ("effective_duration", "value")),
        Column(
            "absence_period_updated_at",
            MOMENT,
            description="Older than the absence's `updated_at` on a day that it does not cover any more.",
        ),
    )

    def parents(self, plan: Plan) -> Iterable[Any]:
        """An absence changes with its days."""
        absences = cast("AbsencePeriods", self._tap.stream(self.parent))
        for identifier, updated_at, starts, ends in self.changed_parents(plan):
            if absences.is_wanted(starts, ends):
                yield identifier, updated_at

    def of(self, parent: Any, plan: Plan) -> Request:
        """Parents are pairs of identifier and last change."""
        return super().of(parent[0], plan)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The answer does not name its absence."""
        identifier, updated_at = parent
        return {
            **super().fields(record, parent),
            "absence_period_id": identifier,
            "absence_period_updated_at": updated_at,
        }


class AttendancePeriods(V2List):
    """Working times and breaks, each a period of its own."""

    name = "attendance_periods"
    path = "/attendance-periods"
    endpoint = "/v2/attendance-periods"
    right = "Attendances: read"
    calls = "1 per 100 periods"
    replication_key = "updated_at"
    deletions = ("attendance-period.deleted", "person.deleted")
    # The filter takes no zone and does not say whose clock it means.
    overlap = dt.timedelta(hours=15)
    updated = ("updated_at.gte", "%Y-%m-%dT%H:%M:%S")
    columns = (
        Column("id", TEXT, description="The id_v2 of API v1."),
        *reference("person"),
        Column("type", TEXT, description="WORK or BREAK; breaks lie between working times."),
        *local_time("start"),
        *local_time("end"),
        Column("attribution_date", DAY, description="The day that the hours count for."),
        Column("comment", TEXT),
        *reference("project"),
        *APPROVAL,
        Column("is_auto_generated", BOOLEAN),
        *CREATED_AND_UPDATED,
    )

    def window(self) -> tuple[tuple[str, str], ...]:
        """The day of attribution is right for overnight shifts too."""
        days = (
            ("attribution_date.gte", self.settings.start_date),
            ("attribution_date.lte", self.settings.end_date),
        )
        return tuple((name, day.isoformat()) for name, day in days if day)


class ProjectsV2(V2List):
    """Projects and sub-projects that working time is booked on."""

    name = "projects_v2"
    path = "/projects"
    endpoint = "/v2/projects"
    right = "Projects: read"
    calls = "1 per 200 projects"
    limit = 200
    page_ids = IDS
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
        Column("start_date", DAY, ("start", "date")),
        Column("end", OBJECT),
        Column("end_date", DAY, ("end", "date")),
        *CREATED_AND_UPDATED,
    )


class ProjectMembers(V2Children):
    """Who may book time on which project."""

    name = "project_members"
    path = "/projects/{id}/members"
    endpoint = "/v2/projects/{id}/members"
    right = "Projects: read"
    calls = "1 per project"
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
