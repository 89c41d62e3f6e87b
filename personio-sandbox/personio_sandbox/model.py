"""The records of the invented company: one class per table, with Python types.

Both API versions are rendered from these records. Timestamps are aware datetimes in UTC, days are dates,
wall-clock times of attendances are datetimes without a zone, and relations are the id of the other record.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import msgspec

Kind = Literal["integer", "text", "decimal", "day", "moment", "list", "tags", "relation"]


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the employee attribute catalogue.

    ``type`` is the API's name of the type; ``kind`` says which Python type the values have: integer -> int,
    decimal -> int or float, day -> date, moment -> aware datetime, tags -> tuple of str, relation -> ids
    (see `Employee`), everything else -> str. Empty is ``""`` for text and list, ``()`` for tags, else None.
    """

    key: str
    label: str
    type: str
    kind: Kind
    universal_id: str | None = None
    options: tuple[str, ...] = ()
    money: bool = False
    plain_day: bool = False
    """The API writes this day as YYYY-MM-DD rather than as midnight with an offset."""

    @property
    def custom(self) -> bool:
        """Whether the tenant created this attribute (or enabled a preset of Personio)."""
        return self.key.startswith("dynamic_")


class Employee(msgspec.Struct, kw_only=True):
    """An employee: ``attributes`` maps every key of the catalogue to its value.

    Relations hold ids: supervisor, subcompany, office, department, team, holiday_calendar, work_schedule (int
    or None), cost_centers (tuple of (id, percentage)), absence_entitlement (tuple of (absence type id, days)).
    """

    id: int
    attributes: dict[str, Any]
    currency: str
    person_updated_at: dt.datetime
    employment_id: str
    employment_updated_at: dt.datetime

    @property
    def created_at(self) -> dt.datetime:
        """When the employee was entered."""
        created: dt.datetime = self.attributes["created_at"]
        return created


class LegalEntity(msgspec.Struct, kw_only=True):
    """A company of the group; v1 calls it subcompany."""

    id: int
    name: str
    country: str
    street: str
    city: str
    zip_code: str
    created_at: dt.datetime


class Office(msgspec.Struct, kw_only=True):
    """A place of work; v2 calls it workplace."""

    id: int
    name: str
    city: str
    country: str
    time_zone: str


class OrgUnit(msgspec.Struct, kw_only=True):
    """A department or a team."""

    id: int
    type: Literal["department", "team"]
    name: str
    parent_id: int | None = None
    abbreviation: str | None = None
    description: str | None = None


class CostCenter(msgspec.Struct, kw_only=True):
    """A cost center."""

    id: int
    name: str


class HolidayCalendar(msgspec.Struct, kw_only=True):
    """A calendar of public holidays."""

    id: int
    name: str
    country: str | None
    state: str | None


class WorkSchedule(msgspec.Struct, kw_only=True):
    """Hours of work per weekday (Monday first), as ``HH:MM``."""

    id: int
    name: str
    valid_from: dt.date | None
    hours: tuple[str, ...]


class AbsenceType(msgspec.Struct, kw_only=True):
    """A kind of absence, measured in days or in hours; v1 calls it time-off type."""

    id: int
    id_v2: str
    name: str
    category: str | None
    unit: Literal["day", "hour"]
    approval_required: bool


class TimeOff(msgspec.Struct, kw_only=True):
    """An absence measured in days; ``end`` is its last day, None while it is open."""

    id: int
    id_v2: str
    employee_id: int
    absence_type_id: int
    status: str
    start: dt.date
    end: dt.date | None
    half_day_start: bool = False
    half_day_end: bool = False
    comment: str | None = None
    certificate: str = "not-required"
    created_by: str = "API"
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def days(self) -> dict[dt.date, int | float]:
        """Days taken per working day; an open absence counts its first year."""
        last = self.end or self.start + dt.timedelta(days=364)
        span = [self.start + dt.timedelta(days=n) for n in range((last - self.start).days + 1)]
        taken: dict[dt.date, int | float] = {day: 1 for day in span if day.weekday() < 5}
        if self.half_day_start and self.start in taken:
            taken[self.start] = 0.5
        if self.half_day_end and last in taken:
            taken[last] = 0.5
        return taken

    @property
    def days_count(self) -> int | float:
        """Working days taken, halves possible; whole numbers are ints."""
        last = self.end or self.start + dt.timedelta(days=364)
        weeks, rest = divmod((last - self.start).days + 1, 7)
        first = self.start.weekday()
        halves = {self.start} if self.half_day_start else set()
        halves |= {last} if self.half_day_end else set()
        whole = weeks * 5 + sum((first + n) % 7 < 5 for n in range(rest))
        half = sum(day.weekday() < 5 for day in halves)
        return whole - half / 2 if half % 2 else whole - half // 2


class HourlyAbsence(msgspec.Struct, kw_only=True):
    """An absence measured in hours; ``end`` is None while it is open. Moments carry milliseconds."""

    id: str
    employee_id: int
    absence_type_id: int
    status: str
    start: dt.datetime
    end: dt.datetime | None
    effective_duration: int
    """Minutes."""
    time_zone: str = "Europe/Berlin"
    comment: str = ""
    origin: str = "web"
    certificate: str = "not-required"
    created_by: int
    created_at: dt.datetime
    updated_at: dt.datetime
    approved_at: dt.datetime | None = None


class Attendance(msgspec.Struct, kw_only=True):
    """A worked period as v1 shows it: one day, a break in minutes; ``end`` is None while it runs."""

    id: int
    employee_id: int
    date: dt.date
    start: dt.time
    end: dt.time | None
    break_minutes: int = 0
    status: Literal["confirmed", "pending", "rejected"] = "confirmed"
    project_id: int | None = None
    comment: str | None = None
    is_holiday: bool = False
    is_on_time_off: bool = False
    updated_at: dt.datetime

    @property
    def id_v2(self) -> str:
        """The id of the (first) work period of this attendance in v2."""
        return uuid(ATTENDANCE, self.id)


class Shift(msgspec.Struct, kw_only=True):
    """A worked period that crosses midnight: v2 only, v1 cannot express it."""

    id: str
    employee_id: int
    start: dt.datetime
    end: dt.datetime
    attribution_date: dt.date | None
    status: Literal["confirmed", "pending", "rejected"] = "confirmed"
    project_id: int | None = None
    comment: str | None = None
    created_at: dt.datetime
    updated_at: dt.datetime


class AttendancePeriod(msgspec.Struct, kw_only=True, frozen=True):
    """A period of work or break as v2 shows it, in local time; ``end`` is None while it runs."""

    id: str
    employee_id: int
    type: Literal["WORK", "BREAK"]
    start: dt.datetime
    end: dt.datetime | None
    attribution_date: dt.date | None
    status: str
    project_id: int | None
    comment: str | None
    created_at: dt.datetime
    updated_at: dt.datetime


class Balance(msgspec.Struct, kw_only=True):
    """What an employee has left of an absence type, in its unit."""

    employee_id: int
    absence_type_id: int
    balance: int | float
    available_balance: int | float


class Project(msgspec.Struct, kw_only=True):
    """A project that attendances are booked on."""

    id: int
    name: str
    active: bool
    description: str | None = None
    project_code: str | None = None
    client_name: str | None = None
    billable: bool = False
    cost_center_id: int | None = None
    parent_id: int | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    assigned_to_all: bool = True
    member_ids: tuple[int, ...] = ()
    created_at: dt.datetime
    updated_at: dt.datetime


class DocumentCategory(msgspec.Struct, kw_only=True):
    """A category of documents."""

    id: int
    name: str


class ReportCell(msgspec.Struct, kw_only=True):
    """A value of a v1 report; ``fields`` are the API's names for the value of this data type."""

    attribute_id: str
    data_type: str
    fields: dict[str, Any]
    effective_date: dt.date | None = None


class ReportItem(msgspec.Struct, kw_only=True):
    """A row of a v1 report. In a historical report one employee has many."""

    employee_id: int
    cells: tuple[ReportCell, ...]


class Report(msgspec.Struct, kw_only=True):
    """A custom report: ``items`` as v1 shows it, ``columns`` and ``rows`` as v2 shows it.

    ``columns`` are (name, display, type); a cell of ``rows`` is (attribute id, name of the value's key or None
    for an empty cell, the value's content). ``readable``: v2 lists grouped reports and broken
    configurations, but they cannot be read.
    """

    id: str
    name: str
    description: str
    author_first_name: str
    author_last_name: str
    type: Literal["point_in_time", "historical_data", "timeframe"]
    status: Literal["up_to_date", "updating", "update_failed", "archived"]
    start_date: dt.date
    end_date: dt.date
    period_type: str = "fixed"
    filters: tuple[dict[str, Any], ...] = ()
    items: tuple[ReportItem, ...]
    columns: tuple[tuple[str, str, str], ...] = ()
    rows: tuple[tuple[tuple[str, str | None, Any], ...], ...] = ()
    readable: Literal["yes", "grouped", "broken"] = "yes"
    created_at: dt.datetime
    updated_at: dt.datetime
    data_refreshed_at: dt.datetime


class Employment(msgspec.Struct, kw_only=True):
    """A contract period of a person as v2 shows it."""

    id: str
    employee_id: int
    status: str
    type: str
    position: str | None
    weekly_working_hours: float | int | None
    start: dt.date | None
    end: dt.date | None
    probation_end: dt.date | None
    contract_end: dt.date | None
    supervisor_id: int | None
    office_id: int | None
    department_id: int | None
    team_id: int | None
    cost_centers: tuple[tuple[int, int | float], ...]
    legal_entity_id: int | None
    job_id: str | None
    termination_date: dt.date | None
    last_working_day: dt.date | None
    terminated_at: dt.date | None
    termination_type: str | None
    termination_reason: str | None
    created_at: dt.datetime
    updated_at: dt.datetime


class Job(msgspec.Struct, kw_only=True):
    """A position of the job catalogue."""

    id: str
    name: str
    job_family: str
    level: str | None
    job_track: str | None
    global_grade: str | None
    salary_band_ids: tuple[str, ...]


class SalaryBand(msgspec.Struct, kw_only=True):
    """The range of pay of a job."""

    id: str
    name: str
    currency: str
    minimum: int | float
    midpoint: int | float
    maximum: int | float
    interval: str


class CompensationType(msgspec.Struct, kw_only=True):
    """A kind of pay."""

    id: str
    name: str
    category: str


class Compensation(msgspec.Struct, kw_only=True):
    """A pay entry, in force from ``effective_from`` until the day before ``effective_to`` (None: still)."""

    id: str
    employee_id: int
    legal_entity_id: int
    type_id: str
    amount: int | float
    currency: str
    interval: str | None
    effective_from: dt.date
    effective_to: dt.date | None
    weekly_working_hours: int | float | None


class Document(msgspec.Struct, kw_only=True):
    """A document's metadata; its owner is an employee."""

    id: str
    owner_id: int
    name: str
    date: dt.date | None
    comment: str | None
    category_id: int | None
    document_type: str
    size: int
    created_at: dt.datetime


class Stage(msgspec.Struct, frozen=True):
    """A step of a recruiting category."""

    id: str
    name: str
    type: str
    kind: str


class RecruitingCategory(msgspec.Struct, kw_only=True):
    """A group of vacancies with its stages."""

    id: str
    name: str
    stages: tuple[Stage, ...]


class RecruitingJob(msgspec.Struct, kw_only=True):
    """A vacancy."""

    id: str
    name: str
    department_id: int
    category_id: str
    legal_entity_id: int
    hiring_team: tuple[tuple[int, str], ...]
    """(employee id, role)"""
    created_at: dt.datetime
    updated_at: dt.datetime


class Candidate(msgspec.Struct, kw_only=True):
    """Someone who applies."""

    id: str
    first_name: str
    last_name: str
    email: str
    gender: str | None
    phone: str | None
    location: str | None
    birthday: dt.date | None
    linkedin_profile: str | None
    available_from: dt.date | None
    created_at: dt.datetime
    updated_at: dt.datetime


class Application(msgspec.Struct, kw_only=True):
    """An application; ``transitions`` are (stage, entered at), oldest first; the last one is current."""

    id: str
    candidate_id: str
    job_id: str
    application_date: dt.date
    channel: tuple[str, str] | None
    """(id, name)"""
    transitions: tuple[tuple[Stage, dt.datetime], ...]
    is_anonymized: bool = False
    created_at: dt.datetime
    updated_at: dt.datetime


class Webhook(msgspec.Struct, kw_only=True):
    """A configured webhook."""

    id: str
    url: str
    description: str
    enabled: bool
    event_names: tuple[str, ...]
    created_at: dt.datetime
    updated_at: dt.datetime


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """An entry of the webhook event feed."""

    id: str
    name: str
    occurred_at: dt.datetime
    payload: dict[str, Any]


# Each table has its own family of deterministic UUIDs.
ATTENDANCE, BREAK, SECOND_HALF, SHIFT, TIME_OFF, HOURLY, TYPE, REPORT, EMPLOYMENT, OTHER = range(10)


_FORMS = tuple(f"%08x-5a0d-4{family:03x}-8{family:03x}-%012x" for family in range(10))


def uuid(family: int, number: int) -> str:
    """A UUID; the same family and number give the same UUID in every company."""
    return _FORMS[family] % ((number * 2654435761 + family * 40503) & 0xFFFFFFFF, number)


def number_of(text: str, family: int) -> int | None:
    """The number behind a UUID of this family, None for any other text."""
    try:
        number = int(text[24:], 16)
    except ValueError:
        return None
    return number if text == uuid(family, number) else None
