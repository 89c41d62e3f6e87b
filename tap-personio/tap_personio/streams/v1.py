"""The streams of Personio's API v1, but for employees.

Paths, parameters and fields: developer.personio.de/reference (v1.0) and what users found out about them.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import TYPE_CHECKING, Any, ClassVar

from tap_personio.child_lists import Children
from tap_personio.columns import (
    BOOLEAN,
    DATE,
    INTEGER,
    LIST,
    NUMBER,
    OBJECT,
    REFERENCE,
    TEXT,
    TIME,
    TIMESTAMP,
    Column,
)
from tap_personio.offset_lists import Offset
from tap_personio.pages import Page, parse_v1
from tap_personio.streams.base import (
    ATTRIBUTE_ID,
    DAY,
    IDS,
    WITH_ZONE,
    V1List,
    V1Single,
    V1Stream,
)
from tap_personio.transport import in_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan
    from tap_personio.transport import Request


class AbsenceTypes(V1List):
    """Kinds of absence, day- and hour-tracked."""

    name = "absence_types"
    path = "/company/time-off-types"
    permission = "Absences: read"
    replaced_by = "absence_types_v2"
    request_cost = "1"
    primary_keys = ("id",)
    decodes_typed = True
    columns = (
        Column("id", INTEGER),
        Column("id_v2", TEXT, description="Identifier of the same type in API v2."),
        Column("name", TEXT),
        Column("category", TEXT),
        Column("unit", TEXT, description="What absences of this type are measured in: day or hour."),
        Column("approval_required", BOOLEAN),
    )


class V1Absences(V1List):
    """Absences of v1, asked for without a window.

    Users contradict each other about what the server's own window takes: absences that touch it, or only those inside
    it. So all are read, and those that touch the days of start_date and end_date are kept.
    """

    days: ClassVar[tuple[str, str]]

    def page_fields(self, page: Page) -> Iterable[Any]:
        """Only what touches the configured days; one without an end goes on."""
        rows, (first, last) = super().page_fields(page), (self.settings.start_date, self.settings.end_date)
        return rows if first is last is None else (each for each in rows if self._touches(each, first, last))

    def _touches(self, fields: Any, first: dt.date | None, last: dt.date | None) -> bool:
        def value(name: str) -> Any:
            return fields.get(name) if fields.__class__ is dict else getattr(fields, name, None)

        starts, ends = (self.day_of(value(name), value("timezone")) for name in self.days)
        return not ((last and starts and starts > last) or (first and ends and ends < first))

    def day_of(self, value: Any, zone: Any) -> dt.date | None:  # noqa: ARG002
        """The calendar day of a value; None where it has none."""
        try:
            return dt.date.fromisoformat(value[:10])
        except (TypeError, ValueError):
            return None


class Absences(V1Absences):
    """Absences that are measured in days."""

    name = "absences"
    path = "/company/time-offs"
    permission = "Absences: read"
    replaced_by = "absence_periods"
    request_cost = "1 per 200 absences"
    primary_keys = ("id",)
    replication_key = "updated_at"
    deletion_events = ("absence-period.deleted", "person.deleted")
    # The filter is a day, and nobody says in which zone. `updated_since`, which some clients send, is ignored.
    lookback = dt.timedelta(days=1)
    incremental_filter = ("updated_from", DAY)
    days = ("start_date", "end_date")
    offset = Offset.PAGE
    decodes_typed = True
    columns = (
        Column("id", INTEGER),
        Column("id_v2", TEXT, description="Identifier of the same absence in API v2."),
        Column("status", TEXT),
        Column("start_date", DATE, description="First day."),
        Column("end_date", DATE, description="Last day, inclusive."),
        Column("days_count", NUMBER),
        Column("half_day_start", BOOLEAN),
        Column("half_day_end", BOOLEAN),
        Column("time_off_type", REFERENCE),
        Column("time_off_type_id", INTEGER, ("time_off_type", "attributes", "id")),
        Column("time_off_type_name", TEXT, ("time_off_type", "attributes", "name")),
        Column("employee", REFERENCE),
        Column("employee_id", INTEGER, ("employee", *ATTRIBUTE_ID)),
        Column("certificate", OBJECT),
        Column("comment", TEXT),
        Column("created_by", TEXT),
        Column("created_at", TIMESTAMP),
        Column("updated_at", TIMESTAMP),
    )


class Attendances(V1List):
    """Working times, confirmed and pending."""

    name = "attendances"
    path = "/company/attendances"
    permission = "Attendances: read"
    replaced_by = "attendance_periods"
    request_cost = "1 per 200 attendances"
    primary_keys = ("id",)
    replication_key = "updated_at"
    deletion_events = ("attendance-period.deleted", "person.deleted")
    incremental_filter = ("updated_from", WITH_ZONE)
    ids = IDS
    decodes_typed = True
    columns = (
        Column("id", INTEGER),
        Column("id_v2", TEXT, description="Identifier of the same period in API v2."),
        Column("employee_id", INTEGER, ("employee",)),
        Column("date", DATE),
        Column("start_time", TIME),
        Column("end_time", TIME, description="Empty while the period is running."),
        Column("break", INTEGER, description="Minutes."),
        Column("comment", TEXT),
        Column("status", TEXT),
        Column("is_holiday", BOOLEAN),
        Column("is_on_time_off", BOOLEAN),
        Column("project", REFERENCE),
        Column("project_id", INTEGER, ("project", "id")),
        Column("project_name", TEXT, ("project", "attributes", "name")),
        Column("updated_at", TIMESTAMP),
    )

    def date_params(self) -> tuple[tuple[str, str], ...]:
        """Both days are required, and span the whole range also when only changes are asked for."""
        start = self.settings.start_date or dt.date(1970, 1, 1)
        return (
            ("start_date", start.isoformat()),
            ("end_date", self.run.last_day.isoformat()),
            ("includePending", "true"),
        )


class Projects(V1Single):
    """Projects that working time is booked on."""

    name = "projects"
    path = "/company/attendances/projects"
    permission = "Attendances: read, or Projects: read"
    replaced_by = "projects_v2"
    request_cost = "1"
    primary_keys = ("id",)
    columns = (
        Column("id", INTEGER),
        Column("name", TEXT),
        Column("active", BOOLEAN),
        Column("created_at", TIMESTAMP),
        Column("updated_at", TIMESTAMP),
    )


class DocumentCategories(V1Single):
    """Categories that documents are filed under."""

    name = "document_categories"
    path = "/company/document-categories"
    permission = "Documents: read"
    request_cost = "1"
    primary_keys = ("id",)
    columns = (
        Column("id", INTEGER),
        Column("name", TEXT),
    )


class EmployeesAbsencesBalance(V1Stream):
    """Open days and hours of every employee, by absence type."""

    name = "employees_absences_balance"
    path = "/company/employees/{id}/absences/balance"
    permission = "Absences: read, Employees: read"
    request_cost = "1 per employee"
    # A balance changes without its employee changing: every employee, every run.
    load_note = "merged, all of it"
    primary_keys = ("employee_id", "id")
    columns = (
        Column("employee_id", INTEGER),
        Column("id", INTEGER, description="Identifier of the absence type."),
        Column("name", TEXT),
        Column("category", TEXT),
        Column("balance", NUMBER, description="As of now; absences taken are deducted."),
        Column("available_balance", NUMBER, description="Planned absences are deducted too."),
    )

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """One request per employee; one who has left the list meanwhile has no balance."""

        def requests(fresh: bool) -> Iterator[tuple[Any, Request]]:
            for each in self.run.ids["employees"].all(fresh=fresh):
                yield each, self.request(path=self.path.replace("{id}", in_path(each)))

        return Children(self.client, requests, None, stats, "employees", parse=parse_v1).read()

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The answer does not name its employee."""
        record["employee_id"] = parent
        fields: dict[str, Any] = record
        return fields


class HourlyAbsences(V1Absences):
    """Absences that are measured in hours; the endpoint of the day-tracked ones does not hold them."""

    name = "hourly_absences"
    path = "/company/absence-periods"
    permission = "Absences: read"
    replaced_by = "absence_periods"
    request_cost = "1 per 200 absences"
    selected_by_default = False
    primary_keys = ("id",)
    replication_key = "updated_at"
    deletion_events = ("absence-period.deleted", "person.deleted")
    incremental_filter = ("updated_from", WITH_ZONE)
    days = ("start", "end")
    offset = Offset.PAGE_FROM_0_OR_1
    decodes_typed = True
    columns = (
        Column("id", TEXT),
        Column("status", TEXT),
        Column("measurement_unit", TEXT),
        Column("effective_duration", INTEGER, description="Minutes."),
        Column("start", TIMESTAMP),
        Column("end", TIMESTAMP),
        Column("timezone", TEXT),
        Column("half_day_start", BOOLEAN),
        Column("half_day_end", BOOLEAN),
        Column("absence_type", REFERENCE),
        Column("absence_type_id", TEXT, ("absence_type", "attributes", "id")),
        Column("absence_type_name", TEXT, ("absence_type", "attributes", "name")),
        Column("time_off_type_id", INTEGER, ("absence_type", "attributes", "time_off_type_id")),
        Column("employee", REFERENCE),
        Column("employee_id", INTEGER, ("employee", *ATTRIBUTE_ID)),
        Column("certificate", OBJECT),
        Column("comment", TEXT),
        Column("origin", TEXT),
        Column("created_by", TEXT),
        Column("breakdowns", LIST, description="Minutes of each day."),
        Column("created_at", TIMESTAMP),
        Column("updated_at", TIMESTAMP),
        Column("approved_at", TIMESTAMP),
    )

    def day_of(self, value: Any, zone: Any) -> dt.date | None:
        """The day where the absence is; both are given as moments in UTC."""
        try:
            moment = dt.datetime.fromisoformat(value)
            return (moment.astimezone(zoneinfo.ZoneInfo(zone)) if moment.tzinfo else moment).date()
        except (TypeError, ValueError, OverflowError, OSError, zoneinfo.ZoneInfoNotFoundError):
            return super().day_of(value, zone)
