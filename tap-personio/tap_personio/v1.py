"""The streams of Personio's API v1.

Paths, parameters and fields: developer.personio.de/reference (v1.0) and what users found out about them.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tap_personio.columns import (
    BOOLEAN,
    DAY,
    INTEGER,
    LIST,
    MOMENT,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    Column,
    WrongTypeError,
    to_moment,
)
from tap_personio.connection import Request
from tap_personio.paging import Ids, Listing, Offset, Page, parse_v1, read_list, read_single
from tap_personio.stream import PersonioStream, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_personio.client import Caller

ATTRIBUTE_ID = ("attributes", "id", "value")
"""Where the id of an employee stands inside another record."""


class _Id(msgspec.Struct):
    id: int | str


class _InAttributes(msgspec.Struct):
    attributes: _Id


IDS_OUTSIDE = Ids(_Id, "id")
IDS_INSIDE = Ids(_InAttributes, "attributes.id")


class V1Stream(PersonioStream):
    """A table of API v1: `path` below /v1, and `successor`, the stream of API v2 that replaces it."""

    path: ClassVar[str]
    successor: ClassVar[str] = ""

    def request(self, *params: tuple[str, str]) -> Request:
        """A request to this stream's endpoint."""
        return Request("v1", self.path, params, right=self.right, successor=self.successor)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """What stands under `attributes`, and the id where it stands outside."""
        fields: dict[str, Any] = record["attributes"]
        if "id" in record:
            fields["id"] = record["id"]
        return fields


class V1Single(V1Stream):
    """A table that comes in one answer."""

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """One page."""
        return read_single(self.client, self.request(), caller)


class V1List(V1Stream):
    """A table that comes in pages.

    Attributes:
        limit: records a page, the endpoint's maximum.
        offset: what `offset` counts here.
        ids: identifiers of a page.
    """

    limit: ClassVar[int] = 200
    offset: ClassVar[Offset] = Offset.RECORD
    ids: ClassVar[Ids] = IDS_INSIDE

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """All pages, or those with changes."""
        request = self.request(*self.window())
        changed = self.changed_meanwhile(request, plan.started)
        if plan.since is not None:
            request = request.with_params(self.changed_since(plan.since))
        parse = self.plain_rows.parse if self.plain_rows else parse_v1
        listing = Listing(request, self.limit, self.offset, self.ids, changed, parse)
        return read_list(self.client, listing, caller)

    def window(self) -> tuple[tuple[str, str], ...]:
        """Parameters that every read carries."""
        return ()

    def changed_since(self, moment: dt.datetime) -> tuple[str, str]:
        """The filter for what was created or changed from a moment on."""
        raise NotImplementedError

    def changed_meanwhile(
        self, request: Request, started: dt.datetime
    ) -> tuple[Request, Callable[[Page], int]] | None:
        """See `Listing.changed`."""
        if self.declared_replication_key is None:
            return None
        since = request.with_params(self.changed_since(started))
        return since, lambda page: self._count_since(page, started)

    def _count_since(self, page: Page, moment: dt.datetime) -> int:
        """Records of a page that were created, or if that is not known changed, from a moment on.

        The filters are coarse; the moment loses its fraction of a second, which Personio does not tell either.
        """
        from_moment = moment.replace(microsecond=0).isoformat()
        count = 0
        for record in self.records(page):
            fields = self.fields(record, None)
            value = fields.get("created_at") or fields.get(self.replication_key or "")
            if isinstance(value, dict):
                value = value.get("value")
            try:
                count += (to_moment(value) or "") >= from_moment
            except WrongTypeError:
                count += 1
        return count


class AbsenceTypes(V1List):
    """Kinds of absence, day- and hour-tracked."""

    name = "absence_types"
    path = "/company/time-off-types"
    endpoint = "/v1/company/time-off-types"
    right = "Absences: read"
    calls = "1"
    primary_keys = ("id",)
    has_plain_records = True
    columns = (
        Column("id", INTEGER),
        Column("id_v2", TEXT, description="Identifier of the same type in API v2."),
        Column("name", TEXT),
        Column("category", TEXT),
        Column("unit", TEXT, description="What absences of this type are measured in: day or hour."),
        Column("approval_required", BOOLEAN),
    )


class Absences(V1List):
    """Absences that are measured in days."""

    name = "absences"
    path = "/company/time-offs"
    endpoint = "/v1/company/time-offs"
    right = "Absences: read"
    calls = "1 per 200 absences"
    primary_keys = ("id",)
    replication_key = "updated_at"
    deletions = ("absence-period.deleted", "person.deleted")
    # The filter is a day, and nobody says in which zone.
    overlap = dt.timedelta(days=1)
    offset = Offset.PAGE
    has_plain_records = True
    columns = (
        Column("id", INTEGER),
        Column("id_v2", TEXT, description="Identifier of the same absence in API v2."),
        Column("status", TEXT),
        Column("start_date", DAY, description="First day."),
        Column("end_date", DAY, description="Last day, inclusive."),
        Column("days_count", NUMBER),
        Column("half_day_start", BOOLEAN),
        Column("half_day_end", BOOLEAN),
        Column("time_off_type", OBJECT),
        Column("time_off_type_id", INTEGER, ("time_off_type", "attributes", "id")),
        Column("time_off_type_name", TEXT, ("time_off_type", "attributes", "name")),
        Column("employee", OBJECT),
        Column("employee_id", INTEGER, ("employee", *ATTRIBUTE_ID)),
        Column("certificate", OBJECT),
        Column("comment", TEXT),
        Column("created_by", TEXT),
        Column("created_at", MOMENT),
        Column("updated_at", MOMENT),
    )

    def window(self) -> tuple[tuple[str, str], ...]:
        """Both parameters are optional."""
        days = (("start_date", self.settings.start_date), ("end_date", self.settings.end_date))
        return tuple((name, day.isoformat()) for name, day in days if day)

    def changed_since(self, moment: dt.datetime) -> tuple[str, str]:
        """`updated_since`, which some clients send, is ignored without a word."""
        return "updated_from", moment.date().isoformat()


class Attendances(V1List):
    """Working times, confirmed and pending."""

    name = "attendances"
    path = "/company/attendances"
    endpoint = "/v1/company/attendances"
    right = "Attendances: read"
    successor = "attendance_periods"
    calls = "1 per 200 attendances"
    primary_keys = ("id",)
    replication_key = "updated_at"
    deletions = ("attendance-period.deleted", "person.deleted")
    ids = IDS_OUTSIDE
    has_plain_records = True
    columns = (
        Column("id", INTEGER),
        Column("id_v2", TEXT, description="Identifier of the same period in API v2."),
        Column("employee", INTEGER),
        Column("employee_id", INTEGER, ("employee",)),
        Column("date", DAY),
        Column("start_time", TIME),
        Column("end_time", TIME, description="Empty while the period is running."),
        Column("break", INTEGER, description="Minutes."),
        Column("comment", TEXT),
        Column("status", TEXT),
        Column("is_holiday", BOOLEAN),
        Column("is_on_time_off", BOOLEAN),
        Column("project", OBJECT),
        Column("project_id", INTEGER, ("project", "id")),
        Column("project_name", TEXT, ("project", "attributes", "name")),
        Column("updated_at", MOMENT),
    )

    def window(self) -> tuple[tuple[str, str], ...]:
        """Both days are required, and span the whole range also when only changes are asked for."""
        start = self.settings.start_date or dt.date(1970, 1, 1)
        return (
            ("start_date", start.isoformat()),
            ("end_date", self._tap.last_day.isoformat()),
            ("includePending", "true"),
        )

    def changed_since(self, moment: dt.datetime) -> tuple[str, str]:
        """A moment with its zone."""
        return "updated_from", f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class Projects(V1Single):
    """Projects that working time is booked on."""

    name = "projects"
    path = "/company/attendances/projects"
    endpoint = "/v1/company/attendances/projects"
    right = "Attendances: read, or Projects: read"
    successor = "projects_v2"
    calls = "1"
    primary_keys = ("id",)
    columns = (
        Column("id", INTEGER),
        Column("name", TEXT),
        Column("active", BOOLEAN),
        Column("created_at", MOMENT),
        Column("updated_at", MOMENT),
    )


class DocumentCategories(V1Single):
    """Categories that documents are filed under."""

    name = "document_categories"
    path = "/company/document-categories"
    endpoint = "/v1/company/document-categories"
    right = "Documents: read"
    calls = "1"
    primary_keys = ("id",)
    columns = (
        Column("id", INTEGER),
        Column("name", TEXT),
    )


class CustomReportsList(V1Single):
    """Custom reports that the credential may read, without their rows."""

    name = "custom_reports_list"
    path = "/company/custom-reports/reports"
    endpoint = "/v1/company/custom-reports/reports"
    right = "Custom reports: read"
    successor = "reports"
    calls = "1"
    primary_keys = ("id",)
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("description", TEXT),
        Column("author_first_name", TEXT),
        Column("author_last_name", TEXT),
        Column("type", TEXT),
        Column("status", TEXT),
        Column("start_date", DAY),
        Column("end_date", DAY),
        Column("period_type", TEXT),
        Column("columns", LIST),
        Column("filters", LIST),
        Column("created_at", MOMENT),
        Column("updated_at", MOMENT),
        Column("data_refreshed_at", MOMENT),
    )


class EmployeesAbsencesBalance(V1Stream):
    """Open days and hours of every employee, by absence type."""

    name = "employees_absences_balance"
    path = "/company/employees/{id}/absences/balance"
    endpoint = "/v1/company/employees/{id}/absences/balance"
    right = "Absences: read, Employees: read"
    calls = "1 per employee"
    # A balance changes without its employee changing: every employee, every run.
    each_run = "merged, all of it"
    primary_keys = ("employee_id", "id")
    columns = (
        Column("employee_id", INTEGER),
        Column("id", INTEGER, description="Identifier of the absence type."),
        Column("name", TEXT),
        Column("category", TEXT),
        Column("balance", NUMBER, description="As of now; absences taken are deducted."),
        Column("available_balance", NUMBER, description="Planned absences are deducted too."),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """One call per employee; one who has left the list meanwhile has no balance."""
        employees = self._tap.roster("employees").ids()
        wanted = ((employee, self._of(employee)) for employee in employees)
        for employee, page in self.client.get_each(wanted, parse_v1, caller):
            if page is not None:
                page.parent = employee
                yield page

    def _of(self, employee: int | str) -> Request:
        path = self.path.replace("{id}", str(employee))
        return Request("v1", path, template=self.path, right=self.right, is_child=True)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The answer does not name its employee."""
        record["employee_id"] = parent
        fields: dict[str, Any] = record
        return fields


class HourlyAbsences(V1List):
    """Absences that are measured in hours; the endpoint of the day-tracked ones does not hold them."""

    name = "hourly_absences"
    path = "/company/absence-periods"
    endpoint = "/v1/company/absence-periods"
    right = "Absences: read"
    calls = "1 per 200 absences"
    selected_by_default = False
    primary_keys = ("id",)
    replication_key = "updated_at"
    deletions = ("absence-period.deleted", "person.deleted")
    offset = Offset.PAGE_FROM_0_OR_1
    has_plain_records = True
    columns = (
        Column("id", TEXT),
        Column("status", TEXT),
        Column("measurement_unit", TEXT),
        Column("effective_duration", INTEGER, description="Minutes."),
        Column("start", MOMENT),
        Column("end", MOMENT),
        Column("timezone", TEXT),
        Column("half_day_start", BOOLEAN),
        Column("half_day_end", BOOLEAN),
        Column("absence_type", OBJECT),
        Column("absence_type_id", TEXT, ("absence_type", "attributes", "id")),
        Column("absence_type_name", TEXT, ("absence_type", "attributes", "name")),
        Column("time_off_type_id", INTEGER, ("absence_type", "attributes", "time_off_type_id")),
        Column("employee", OBJECT),
        Column("employee_id", INTEGER, ("employee", *ATTRIBUTE_ID)),
        Column("certificate", OBJECT),
        Column("comment", TEXT),
        Column("origin", TEXT),
        Column("created_by", TEXT),
        Column("breakdowns", LIST, description="Minutes of each day."),
        Column("created_at", MOMENT),
        Column("updated_at", MOMENT),
        Column("approved_at", MOMENT),
    )

    def window(self) -> tuple[tuple[str, str], ...]:
        """One of the two leaves the other side open."""
        days = (("start_date", self.settings.start_date), ("end_date", self.settings.end_date))
        return tuple((name, day.isoformat()) for name, day in days if day)

    def changed_since(self, moment: dt.datetime) -> tuple[str, str]:
        """A moment with its zone."""
        return "updated_from", f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class _ReportItems(msgspec.Struct):
    items: list[msgspec.Raw] = []


class _ReportOnPage(msgspec.Struct):
    attributes: _ReportItems | None = None
    items: list[msgspec.Raw] = []


_report_page = msgspec.json.Decoder(list[_ReportOnPage])


class CustomReports(V1Stream):
    """The values of every custom report, one row each.

    Nothing in a report is unique: an employee comes again and again in a historical one, with the same attribute and
    the same date. So a row's key is its place: the item of the report, and the value in the item.
    """

    name = "custom_reports"
    path = "/company/custom-reports/reports/{id}"
    endpoint = "/v1/company/custom-reports/reports/{id}"
    right = "Custom reports: read"
    successor = "reports"
    calls = "1 per report and 100 employees"
    selected_by_default = False
    primary_keys = ("report_id", "item_number", "value_number")
    limit = 100
    columns = (
        Column("report_id", TEXT),
        Column("item_number", INTEGER, description="From 0, in the report's order."),
        Column("value_number", INTEGER, description="From 0, in the item's order."),
        Column("report_name", TEXT),
        Column("employee_id", INTEGER),
        Column("attribute_id", TEXT),
        Column("data_type", TEXT),
        Column(
            "effective_date", DAY, description="In historical reports, the day from which the value holds."
        ),
        Column("value", TEXT),
        Column("entity_id", TEXT),
        Column("duration", NUMBER),
        Column("start_date", DAY),
        Column("end_date", DAY),
        Column("amount", NUMBER),
        Column("currency", TEXT, description="Code or symbol, as the report has it."),
        Column("details", OBJECT, description="The value as it came, with all that its kind holds."),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """Page after page of each report, until one brings nothing new.

        What total_elements counts here nobody says, and an employee may have many items: it is no sign of the end.
        """
        listed = self.client.get(self._request("/company/custom-reports/reports"), parse_v1, caller)
        for report in IDS_INSIDE(listed):
            first, before = 0, msgspec.Raw()
            for number in itertools.count(1):
                page = self._page(report, number, caller)
                if page is None or page.data == before:
                    break
                count = sum(len(_items_of(each)) for each in _report_page.decode(page.data))
                if count == 0:
                    break
                before = page.data
                page.parent = (report, first)
                first += count
                yield page

    def _request(self, path: str) -> Request:
        return Request("v1", path, template=self.path, right=self.right, successor=self.successor)

    def _page(self, report: int | str, number: int, caller: Caller) -> Page | None:
        """A page of a report; None when the report is gone meanwhile."""
        request = replace(self._request(self.path.replace("{id}", str(report))), is_child=True)
        request = request.with_params(("page", str(number)), ("limit", str(self.limit)))
        return next(page for _, page in self.client.get_each([(report, request)], parse_v1, caller))

    def records(self, page: Page) -> Iterator[Any]:
        """The values of the items of a page, with what they belong to."""
        for report in super().records(page):
            attributes = report.get("attributes") or {}
            for place, item in enumerate(attributes.get("items") or report.get("items") or ()):
                values = [*(item.get("attributes") or ()), *(item.get("historical_attributes") or ())]
                for number, value in enumerate(values):
                    yield attributes.get("name") or report.get("name"), place, item, number, value

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """One value: what its kind has a column for, and all of it under `details`."""
        name, place, item, number, value = record
        report, first = parent
        known = {column.name for column in self.columns}
        return {
            **{key: each for key, each in value.items() if key in known},
            "currency": value.get("currency_code") or value.get("currency_symbol"),
            "report_id": report,
            "report_name": name,
            "item_number": first + place,
            "value_number": number,
            "employee_id": value.get("employee_id", item.get("employee_id")),
            "details": value,
        }


def _items_of(report: _ReportOnPage) -> list[msgspec.Raw]:
    return (report.attributes.items if report.attributes else None) or report.items
