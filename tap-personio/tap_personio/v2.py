"""The streams of Personio's API v2.

Paths, parameters and fields: developer.personio.de/reference (v2.0). Where the reference leaves a shape open, a column
takes any shape, and fields that are not listed here are kept in `other_fields`.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from tap_personio.client import Caller, Request
from tap_personio.columns import (
    ANY,
    BOOLEAN,
    DAY,
    INTEGER,
    LIST,
    LOCAL,
    MOMENT,
    NUMBER,
    OBJECT,
    TEXT,
    Column,
    Kind,
)
from tap_personio.employees import (
    KINDS,
    RESERVED,
    STANDARD,
    Attribute,
    attributes_scope,
    column_names,
    split_tags,
    warn_of_fewer,
)
from tap_personio.errors import StreamUnavailableError
from tap_personio.paging import Ids, Page, parse_v2, parse_v2_whole, read_children, read_cursor
from tap_personio.stream import OTHER_FIELDS_COLUMN, PersonioStream, Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class _Id(msgspec.Struct):
    id: str


class _IdAndUpdate(msgspec.Struct):
    id: str
    updated_at: str | None = None


IDS = Ids(_Id, "id")
IDS_AND_UPDATES = Ids(_IdAndUpdate, "id", "updated_at")


def reference(name: str, kind: Kind = TEXT) -> tuple[Column, ...]:
    """A nested reference `{"id": …}` and its id as a column to join by."""
    return Column(name, OBJECT), Column(f"{name}_id", kind, (name, "id"))


def local_time(name: str) -> tuple[Column, ...]:
    """A nested local time `{"date_time": …}` and its text, which is wall-clock time without a zone."""
    return Column(name, OBJECT), Column(f"{name}_date_time", LOCAL, (name, "date_time"))


APPROVAL = (Column("approval", OBJECT), Column("approval_status", TEXT, ("approval", "status")))
CREATED_AND_UPDATED = (Column("created_at", MOMENT), Column("updated_at", MOMENT))


class V2Stream(PersonioStream):
    """A table of API v2.

    Attributes:
        path: below /v2.
        beta: whether the endpoint wants the header `Beta: true`.
        limit: records a page, the endpoint's maximum.
    """

    path: ClassVar[str]
    beta: ClassVar[bool] = False
    limit: ClassVar[int] = 100
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)

    def request(self, *params: tuple[str, str], path: str = "") -> Request:
        """A request to this stream's endpoint, or to one below a parent when `path` names it."""
        template = self.path if path else ""
        return Request(
            "v2", path or self.path, params, template, beta=self.beta, right=self.right, is_child=bool(path)
        )

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:  # noqa: ARG002
        """The record without its links."""
        fields: dict[str, Any] = record
        fields.pop("_meta", None)
        return fields


class V2List(V2Stream):
    """A table that one list endpoint holds.

    Attributes:
        updated: the filter by change, with the form that its moment has; empty where there is none.
    """

    updated: ClassVar[tuple[str, str] | None] = None

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """All pages, or those with changes."""
        params = self.window()
        if plan.since is not None and self.updated:
            name, form = self.updated
            params += ((name, plan.since.strftime(form)),)
        return read_cursor(self.client, self.request(*params), self.limit, caller, IDS)

    def window(self) -> tuple[tuple[str, str], ...]:
        """Parameters that every read carries."""
        return ()


class V2Children(V2Stream):
    """A table that has to be asked for once per parent record.

    Attributes:
        parent: the stream of the parents.
    """

    parent: ClassVar[str]

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """The pages of all parents, several parents in flight; a parent that is gone has no records."""
        wanted = ((parent, self.of(parent, plan)) for parent in self.parents(plan))
        return read_children(self.client, wanted, self.limit, caller)

    def parents(self, plan: Plan) -> Iterable[Any]:  # noqa: ARG002
        """Identifiers of the parents to ask about; all of them unless an endpoint tells which changed."""
        return self._tap.roster(self.parent).ids()

    def changed_parents(self, plan: Plan) -> Iterable[Any]:
        """Identifiers of the parents that changed, where a change of a child changes its parent."""
        if plan.whole:
            return self._tap.roster(self.parent).ids()
        return self._tap.stream(self.parent).list_ids(plan.since)

    def of(self, parent: Any, plan: Plan) -> Request:  # noqa: ARG002
        """The request for one parent's records."""
        return self.request(path=self.path.replace("{id}", str(parent)))


# -- people -----------------------------------------------------------------------------------------------------------

PERSON_FIELDS = (
    Column("id", TEXT, description="The same number as the employee's id in API v1, as text."),
    Column("email", TEXT),
    Column("first_name", TEXT),
    Column("last_name", TEXT),
    Column("preferred_name", TEXT),
    Column("gender", TEXT),
    Column("status", TEXT, description="Of the latest employment."),
    Column("profile_picture", OBJECT),
    Column("profile_picture_url", TEXT, ("profile_picture", "url")),
    Column("employments", LIST),
    *CREATED_AND_UPDATED,
)
# Kinds by the type that custom attributes carry in API v2.
V2_KINDS = {
    "int": INTEGER,
    "double": NUMBER,
    "date": DAY,
    "boolean": BOOLEAN,
    "string_list": KINDS["tags"],
    "tags": KINDS["tags"],
}


class Persons(V2List):
    """Everyone, with all custom attributes the credential may read."""

    name = "persons"
    path = "/persons"
    endpoint = "/v2/persons"
    right = "Persons: read, and the attributes"
    calls = "1 per 50 persons"
    selected_by_default = False
    replication_key = "updated_at"
    deletions = ("person.deleted",)
    limit = 50
    updated = ("updated_at.gt", "%Y-%m-%dT%H:%M:%SZ")
    page_ids = IDS
    columns = PERSON_FIELDS

    @functools.cached_property
    def attributes(self) -> list[tuple[Attribute, Kind]]:
        """The custom attributes: from the catalogue of API v1, which alone knows labels, else as persons carry them."""
        catalogue = self._tap.catalogue
        if catalogue is not None:
            custom = (each for each in catalogue if each.key not in STANDARD)
            return [(each, KINDS.get(each.type or "", TEXT)) for each in custom]
        try:
            request = self.request(("limit", str(self.limit)))
            page = self.client.get(request, parse_v2, self._tap.caller(self)).page
        except StreamUnavailableError:
            return []
        found = {
            each["id"]: (Attribute(each["id"]), V2_KINDS.get(str(each.get("type")).lower(), TEXT))
            for record in self.records(page)
            for each in record.get("custom_attributes") or ()
        }
        return [found[key] for key in sorted(found)]

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Column name of each custom attribute."""
        reserved = RESERVED | {column.name for column in PERSON_FIELDS}
        attributes = [attribute for attribute, _ in self.attributes]
        return column_names(attributes, self.settings.attribute_names, reserved)

    @functools.cached_property
    def table_columns(self) -> tuple[Column, ...]:
        """The fixed columns and one for each custom attribute."""
        custom = (
            Column(self.names[attribute.key], kind, description=attribute.label or "")
            for attribute, kind in self.attributes
        )
        return (*PERSON_FIELDS, *custom, OTHER_FIELDS_COLUMN)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """Custom attributes under their column names; those that the catalogue does not know under their ids."""
        fields = super().fields(record, parent)
        for each in fields.pop("custom_attributes", None) or ():
            key, value = each["id"], each.get("value")
            if isinstance(value, str) and key in self._tag_options:
                value = split_tags(value, self._tag_options[key])
            fields[self.names.get(key, f"attribute_{key}")] = value
        return fields

    @functools.cached_property
    def _tag_options(self) -> dict[str, list[Any]]:
        return {each.key: each.options or [] for each, kind in self.attributes if kind is KINDS["tags"]}

    @property
    def scope(self) -> str:
        """Number and fingerprint of the custom attributes, see `Employees.scope`."""
        return attributes_scope(f"{self.names[each.key]}:{each.type}" for each, _ in self.attributes)

    def compare_scope(self, before: str | None) -> None:
        """Attributes can be hidden from a credential at any time."""
        warn_of_fewer(self.logger, before, self.scope)


class Employments(V2Children):
    """Contracts of every person, past and present, each with position, office, team and end."""

    name = "employments"
    path = "/persons/{id}/employments"
    endpoint = "/v2/persons/{id}/employments"
    right = "Persons: read, and the attributes"
    calls = "1 per person"
    selected_by_default = False
    replication_key = "updated_at"
    deletions = ("employment.deleted", "person.deleted")
    limit = 50
    parent = "persons"
    columns = (
        Column("id", TEXT),
        *reference("person"),
        Column("status", TEXT),
        Column("type", TEXT),
        Column("position", OBJECT),
        Column("position_title", TEXT, ("position", "title")),
        Column("employment_start_date", DAY),
        Column("employment_end_date", DAY),
        Column("probation_end_date", DAY),
        Column("contract_end_date", DAY),
        Column("weekly_working_hours", NUMBER),
        Column("full_time_weekly_working_hours", NUMBER),
        *reference("supervisor"),
        *reference("office"),
        Column("org_units", LIST),
        Column("cost_centers", LIST),
        *reference("legal_entity"),
        *reference("sub_company"),
        *reference("job"),
        Column("termination", OBJECT),
        Column("termination_date", DAY, ("termination", "termination_date")),
        Column("termination_last_working_day", DAY, ("termination", "last_working_day")),
        Column("termination_type", TEXT, ("termination", "type")),
        Column("termination_reason", TEXT, ("termination", "reason")),
        *CREATED_AND_UPDATED,
    )

    def of(self, parent: Any, plan: Plan) -> Request:
        """Only what changed of one person: the person itself does not tell."""
        request = super().of(parent, plan)
        if plan.since is None:
            return request
        return request.with_params(("updated_at.gt", f"{plan.since:%Y-%m-%dT%H:%M:%SZ}"))

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The official samples spell one date in two ways."""
        fields = super().fields(record, parent)
        fields.setdefault("person", {"id": parent})
        termination = fields.get("termination")
        if isinstance(termination, dict) and termination.get("last_working_day") is None:
            other = termination.get("last_working_date")
            if other is not None:
                termination["last_working_day"] = other
        return fields


# -- absences and attendances -----------------------------------------------------------------------------------------


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


class AbsencePeriods(V2List):
    """Absences of both kinds, in days and in hours."""

    name = "absence_periods"
    path = "/absence-periods"
    endpoint = "/v2/absence-periods"
    right = "Absences: read"
    calls = "1 per 100 absences"
    replication_key = "updated_at"
    deletions = ("absence-period.deleted",)
    updated = ("updated_at.gte", "%Y-%m-%dT%H:%M:%SZ")
    page_ids = IDS_AND_UPDATES
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
        start, end = self.settings.start_date, self.settings.end_date
        for record in super().records(page):
            starts, ends = record.get("starts_from") or {}, record.get("ends_at") or {}
            if end and str(starts.get("date_time") or "")[:10] > end.isoformat():
                continue
            if start and ends.get("date_time") and str(ends["date_time"])[:10] < start.isoformat():
                continue
            yield record


class AbsencePeriodBreakdowns(V2Children):
    """What each absence takes of each day."""

    name = "absence_period_breakdowns"
    path = "/absence-periods/{id}/breakdowns"
    endpoint = "/v2/absence-periods/{id}/breakdowns"
    right = "Absences: read"
    calls = "1 per absence that changed"
    selected_by_default = False
    primary_keys = ("absence_period_id", "date")
    replication_key = "absence_period_updated_at"
    deletions = ("absence-period.deleted",)
    limit = 28
    parent = "absence_periods"
    columns = (
        Column("absence_period_id", TEXT),
        Column("date", DAY),
        Column("effective_duration", OBJECT),
        Column("effective_duration_unit", TEXT, ("effective_duration", "unit")),
        Column("effective_duration_value", NUMBER, ("effective_duration", "value")),
        Column("absence_period_updated_at", MOMENT),
    )

    def parents(self, plan: Plan) -> Iterable[Any]:
        """An absence changes with its days."""
        return self.changed_parents(plan)

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
    deletions = ("attendance-period.deleted",)
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


# -- organization -----------------------------------------------------------------------------------------------------


class LegalEntities(V2List):
    """Companies that employ people."""

    name = "legal_entities"
    path = "/legal-entities"
    endpoint = "/v2/legal-entities"
    right = "Legal entities: read"
    calls = "1 per 100"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("country", TEXT),
        Column("address", ANY),
    )


class OrgUnits(V2Stream):
    """Departments and teams."""

    name = "org_units"
    path = "/org-units"
    endpoint = "/v2/org-units"
    right = "Org units: read"
    calls = "2, or 1 per 100 of each type"
    beta = True
    primary_keys = ("type", "id")
    columns = (
        Column("type", TEXT, description="department or team."),
        Column("id", TEXT),
        Column("name", TEXT),
        Column("description", TEXT),
        Column("abbreviation", TEXT),
        Column("parent_id", TEXT),
        Column("parent_chain", ANY),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """Both types; the parameter is required."""
        for each in ("department", "team"):
            for page in read_cursor(
                self.client, self.request(("type", each)), self.limit, caller, IDS_OF_UNITS
            ):
                page.parent = each
                yield page

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """Some answers name their type, others do not."""
        return {**super().fields(record, parent), "type": parent}


class _UnitId(msgspec.Struct):
    id: str | int


IDS_OF_UNITS = Ids(_UnitId, "id")


class CostCenters(V2List):
    """Cost centers."""

    name = "cost_centers"
    path = "/cost-centers"
    endpoint = "/v2/cost-centers"
    right = "Cost centers: read"
    calls = "1 per 100"
    beta = True
    columns = (Column("id", TEXT), Column("name", TEXT))


class Workplaces(V2List):
    """Offices and other places of work."""

    name = "workplaces"
    path = "/workplaces"
    endpoint = "/v2/workplaces"
    right = "Workplaces: read"
    calls = "1 per 100"
    beta = True
    columns = (Column("id", TEXT), Column("name", TEXT), Column("type", TEXT))


class Jobs(V2List):
    """The catalogue of positions (not vacancies)."""

    name = "jobs"
    path = "/jobs"
    endpoint = "/v2/jobs"
    right = "Jobs: read"
    calls = "1 per 100"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("job_family", ANY),
        Column("level", ANY),
        Column("job_track", ANY),
        Column("global_grade", ANY),
        Column("salary_band_ids", LIST),
    )


class SalaryBands(V2List):
    """Pay ranges of the positions."""

    name = "salary_bands"
    path = "/salary-bands"
    endpoint = "/v2/salary-bands"
    right = "Salary bands: read"
    calls = "1 per 100"
    columns = (Column("id", TEXT), Column("name", TEXT))


# -- pay --------------------------------------------------------------------------------------------------------------

# Without a start_date, months are asked for backwards until this many in a row held nothing.
EMPTY_MONTHS = 24


class Compensations(V2Stream):
    """Salaries, bonuses and other pay, each entry with the day from which it holds."""

    name = "compensations"
    path = "/compensations"
    endpoint = "/v2/compensations"
    right = "Compensations: read"
    calls = "1 per month and 100 entries"
    columns = (
        Column("id", TEXT),
        *reference("person"),
        *reference("legal_entity"),
        Column("type", OBJECT),
        Column("type_id", TEXT, ("type", "id")),
        Column("type_name", TEXT, ("type", "name")),
        Column("type_category", TEXT, ("type", "category")),
        Column("amount", OBJECT),
        Column("amount_value", NUMBER, ("amount", "value")),
        Column("amount_currency", TEXT, ("amount", "currency")),
        Column("interval", TEXT),
        Column("effective_from", DAY),
        Column("weekly_working_hours", NUMBER),
        Column("full_time_weekly_working_hours", NUMBER),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """Month by month, the latest first: the endpoint takes a window of a month at most.

        An entry shows up in each month in which it holds; it is given once.
        """
        seen: set[Any] = set()
        self._empty_months = 0
        for page in read_children(self.client, self._months(plan), self.limit, caller):
            ids = IDS(page.data)
            self._empty_months = 0 if ids else self._empty_months + 1
            page.repeated = frozenset(place for place, each in enumerate(ids) if each in seen)
            seen.update(ids)
            yield page

    _empty_months = 0

    def _months(self, plan: Plan) -> Iterator[tuple[str, Request]]:
        today = plan.started.date()
        earliest = self.settings.start_date
        last = self.settings.end_date or today + dt.timedelta(days=2 * 365)
        while last >= (earliest or dt.date(1970, 1, 1)):
            if not earliest and last < today and self._empty_months > EMPTY_MONTHS:
                return
            first = last.replace(day=1)
            start = max(first, earliest or first)
            window = ("start_date", start.isoformat()), ("end_date", last.isoformat())
            yield first.isoformat(), self.request(*window)
            last = first - dt.timedelta(days=1)


class CompensationTypes(V2List):
    """Kinds of pay."""

    name = "compensation_types"
    path = "/compensations/types"
    endpoint = "/v2/compensations/types"
    right = "Compensations: read"
    calls = "1"
    columns = (Column("id", TEXT), Column("name", TEXT), Column("category", TEXT))


# -- documents and reports --------------------------------------------------------------------------------------------


class Documents(V2Children):
    """What is filed about each person: names and sizes, never contents."""

    name = "documents"
    path = "/document-management/documents"
    endpoint = "/v2/document-management/documents"
    right = "Documents: read"
    calls = "1 per person"
    selected_by_default = False
    limit = 200
    parent = "persons"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        *reference("owner"),
        *reference("category"),
        Column("date", DAY),
        Column("comment", TEXT),
        Column("document_type", TEXT),
        Column("size", INTEGER, description="Bytes."),
        Column("virus_scan", OBJECT),
        Column("esignature", OBJECT),
        Column("created_at", MOMENT),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """The owner is named on the first page only; after that the cursor stands for it."""
        wanted = ((parent, self.of(parent, plan)) for parent in self.parents(plan))
        return read_children(self.client, wanted, self.limit, caller)

    def of(self, parent: Any, plan: Plan) -> Request:  # noqa: ARG002
        """The documents of one owner."""
        return self.request(("owner_id", str(parent)), path=self.path)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The owner, also where the answer leaves it out."""
        fields = super().fields(record, parent)
        fields.setdefault("owner", {"id": parent})
        return fields


CELL_VALUES = {"string_value": "value", "numeric_value": "number"}


class Reports(V2Stream):
    """The rows of every report that an administrator has opened to the API."""

    name = "reports"
    path = "/reports/{id}"
    endpoint = "/v2/reports/{id}"
    right = "Reports: read, and API access in each report"
    calls = "1 per report and 100 rows"
    primary_keys = ("report_id", "row_number")
    columns = (
        Column("report_id", TEXT),
        Column("row_number", INTEGER, description="From 0, in the report's order."),
        Column("report_name", TEXT),
        Column("values", OBJECT, description="The row's values by the name of their column."),
        Column("cells", LIST, description="The row's cells as they came, each with its column."),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """All pages of all reports; one that Personio cannot serve is named and passed over."""
        listed = Request("v2", "/reports", right=self.right)
        ids = [
            each
            for page in read_cursor(self.client, listed, self.limit, caller, IDS)
            for each in IDS(page.data)
        ]
        wanted = ((each, self.request(path=f"/reports/{each}")) for each in ids)
        number, report = 0, ""
        for page in read_children(
            self.client,
            wanted,
            self.limit,
            caller,
            parse=parse_v2_whole,
            only_cursor=True,
            missing=self._pass_over,
        ):
            number, report = (number if page.parent == report else 0), page.parent
            page.parent = (report, number)
            number += len(_report_rows.decode(page.data).data)
            yield page

    def _pass_over(self, report: str) -> None:
        self.logger.warning(
            "Report %s is left out: Personio cannot serve it (grouped, chart, or not open).", report
        )

    def records(self, page: Page) -> Iterable[Any]:
        """Rows with their columns."""
        answer = msgspec.json.decode(page.data)
        columns = (answer.get("_meta") or {}).get("columns") or []
        config = answer.get("report_config") or {}
        for place, cells in enumerate(answer["_data"]):
            yield place, config.get("name"), columns, cells

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """A row's values by name, beside its cells with what heads their column."""
        place, report_name, columns, cells = record
        report, first = parent
        full = [
            {**cell, **{k: v for k, v in column.items() if k not in cell}}
            for cell, column in zip(cells, columns + [{}] * (len(cells) - len(columns)), strict=False)
        ]
        return {
            "report_id": report,
            "row_number": first + place,
            "report_name": report_name,
            "values": {
                cell.get("attribute_id") or cell.get("name") or "": _cell_value(cell) for cell in full
            },
            "cells": full,
        }


class _ReportRows(msgspec.Struct):
    data: list[msgspec.Raw] = msgspec.field(name="_data")


_report_rows = msgspec.json.Decoder(_ReportRows)


def _cell_value(cell: dict[str, Any]) -> Any:
    """What a cell says: text and numbers bare, options as a list of their texts, the rest as it came."""
    for kind, inner in CELL_VALUES.items():
        if isinstance(cell.get(kind), dict):
            return cell[kind].get(inner)
    options = cell.get("options_value")
    if isinstance(options, dict) and isinstance(options.get("options"), list):
        return [each.get("value") if isinstance(each, dict) else each for each in options["options"]]
    return next((value for name, value in cell.items() if name.endswith("_value")), None)


# -- recruiting -------------------------------------------------------------------------------------------------------


class RecruitingList(V2List):
    """A list of recruiting; all of them are in beta."""

    beta = True
    right = "Recruiting: read"
    limit = 200
    calls = "1 per 200"


class RecruitingApplications(RecruitingList):
    """Applications, with the stage they have reached."""

    name = "recruiting_applications"
    path = "/recruiting/applications"
    endpoint = "/v2/recruiting/applications"
    replication_key = "updated_at"
    updated = ("updated_at.gt", "%Y-%m-%dT%H:%M:%SZ")
    page_ids = IDS
    columns = (
        Column("id", TEXT),
        Column("application_date", DAY),
        *reference("candidate"),
        *reference("job"),
        Column("job_name", TEXT, ("job", "name")),
        Column("current_stage", OBJECT),
        Column("current_stage_id", TEXT, ("current_stage", "id")),
        Column("current_stage_name", TEXT, ("current_stage", "name")),
        *reference("channel"),
        Column("channel_name", TEXT, ("channel", "name")),
        Column("hiring_team", LIST),
        Column("is_anonymized", BOOLEAN),
        *CREATED_AND_UPDATED,
    )


class RecruitingCandidates(RecruitingList):
    """People who applied."""

    name = "recruiting_candidates"
    path = "/recruiting/candidates"
    endpoint = "/v2/recruiting/candidates"
    replication_key = "updated_at"
    updated = ("updated_at.gt", "%Y-%m-%dT%H:%M:%SZ")
    columns = (
        Column("id", TEXT),
        Column("first_name", TEXT),
        Column("last_name", TEXT),
        Column("email", TEXT),
        Column("gender", TEXT),
        Column("phone", TEXT),
        Column("location", ANY),
        Column("birthday", DAY),
        Column("linkedin_profile", TEXT),
        Column("available_from", ANY),
        Column("applications", LIST),
        *CREATED_AND_UPDATED,
    )


class RecruitingJobs(RecruitingList):
    """Vacancies. Nobody confirms a filter for them: read whole."""

    name = "recruiting_jobs"
    path = "/recruiting/jobs"
    endpoint = "/v2/recruiting/jobs"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        *reference("department"),
        Column("department_name", TEXT, ("department", "name")),
        *reference("category"),
        Column("category_name", TEXT, ("category", "name")),
        *reference("company"),
        Column("hiring_team", LIST),
        *CREATED_AND_UPDATED,
    )


class RecruitingCategories(RecruitingList):
    """Categories of vacancies, each with its stages."""

    name = "recruiting_categories"
    path = "/recruiting/categories"
    endpoint = "/v2/recruiting/categories"
    columns = (Column("id", TEXT), Column("name", TEXT), Column("stages", LIST))


class RecruitingStageTransitions(V2Children):
    """When each application entered each stage."""

    name = "recruiting_stage_transitions"
    path = "/recruiting/applications/{id}/stage-transitions"
    endpoint = "/v2/recruiting/applications/{id}/stage-transitions"
    right = "Recruiting: read"
    calls = "1 per application that changed"
    selected_by_default = False
    beta = True
    limit = 200
    primary_keys = ("application_id", "number")
    replication_key = "entered_at"
    parent = "recruiting_applications"
    columns = (
        Column("application_id", TEXT),
        Column("number", INTEGER, description="From 0, the first stage."),
        Column("entered_at", MOMENT),
        Column("stage", OBJECT),
        Column("stage_id", TEXT, ("stage", "id")),
        Column("stage_name", TEXT, ("stage", "name")),
        Column("stage_type", TEXT, ("stage", "type")),
        Column("stage_kind", TEXT, ("stage", "kind")),
    )

    def parents(self, plan: Plan) -> Iterable[Any]:
        """An application changes with its stage."""
        return self.changed_parents(plan)

    def records(self, page: Page) -> Iterable[Any]:
        """The latest comes first; numbers count from the first one, so that they stay."""
        return enumerate(reversed(list(super().records(page))))

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The answer does not name its application."""
        number, transition = record
        return {**super().fields(transition, parent), "application_id": parent, "number": number}


# -- events -----------------------------------------------------------------------------------------------------------


class WebhookEvents(V2Stream):
    """What the account's webhooks told in the last 30 days; the table keeps what is older.

    It is the only place where Personio tells that something was deleted: see `reported_deletions`.
    """

    name = "webhook_events"
    path = "/webhooks/{id}/events"
    endpoint = "/v2/webhooks/{id}/events"
    right = "Webhooks: read"
    calls = "1, and 1 per webhook and 200 events"
    primary_keys = ("webhook_id", "id")
    replication_key = "occurred_at"
    accumulates = True
    limit = 200
    columns = (
        Column("webhook_id", TEXT),
        Column("id", TEXT, description="Of the event; a fingerprint where Personio gives none."),
        Column("event_name", TEXT),
        Column("occurred_at", MOMENT),
        Column("company_id", TEXT),
        Column("payload", ANY),
        Column("meta", ANY),
    )

    @functools.cached_property
    def webhooks(self) -> list[Any]:
        """Identifiers of the account's webhooks."""
        listed = Request("v2", "/webhooks", right=self.right)
        pages = read_cursor(self.client, listed, self.limit, self._tap.caller(self), IDS)
        return [each for page in pages for each in IDS(page.data)]

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:
        """The events of all webhooks."""
        params = () if plan.since is None else (("occurred_at.gte", f"{plan.since:%Y-%m-%dT%H:%M:%SZ}"),)
        return self._events(params, caller)

    def _events(self, params: tuple[tuple[str, str], ...], caller: Caller) -> Iterator[Page]:
        wanted = ((each, self.request(*params, path=f"/webhooks/{each}/events")) for each in self.webhooks)
        return read_children(self.client, wanted, self.limit, caller)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """One event, with an identifier in any case."""
        fields = super().fields(record, parent)
        fields["webhook_id"] = parent
        if fields.get("id") is None:
            fields["id"] = hashlib.sha256(msgspec.json.encode(fields, order="sorted")).hexdigest()[:32]
        return fields

    def reported_deletions(self, names: Iterable[str]) -> dict[str, dt.datetime]:
        """The latest moment of each kind of deletion in the feed, as far as this credential may read it."""
        latest: dict[str, dt.datetime] = {}
        wanted = (("event_name", ",".join(sorted(names))),)
        try:
            for page in self._events(wanted, self._tap.caller(self)):
                for event in self.records(page):
                    moment = dt.datetime.fromisoformat(event["occurred_at"])
                    name = event["event_name"]
                    latest[name] = max(latest.get(name, moment), moment)
        except (StreamUnavailableError, KeyError, TypeError, ValueError):
            return {}
        return latest


V2_STREAMS: tuple[type[PersonioStream], ...] = (
    Persons,
    Employments,
    AbsencePeriods,
    AbsencePeriodBreakdowns,
    AbsenceTypesV2,
    AttendancePeriods,
    ProjectsV2,
    ProjectMembers,
    Compensations,
    CompensationTypes,
    LegalEntities,
    OrgUnits,
    CostCenters,
    Workplaces,
    Jobs,
    SalaryBands,
    Documents,
    Reports,
    RecruitingApplications,
    RecruitingCandidates,
    RecruitingJobs,
    RecruitingCategories,
    RecruitingStageTransitions,
    WebhookEvents,
)
