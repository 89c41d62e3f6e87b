"""Version 1 of the API. Paths and parameters: developer.personio.de/v1.0/reference."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import msgspec

from .api import Answer, Call, Endpoints, Refused, encode
from .attendances import EPOCH, HOLIDAY, STATUSES, TIME_OFF, Attendances
from .company import Company
from .model import ATTENDANCE, Attribute, Employee, HourlyAbsence, Report, ReportCell, TimeOff, uuid

ENDPOINTS = Endpoints("/v1")
Rows = Sequence[Any]


def failure(status: int, message: str, *, code: int | None = None, **more: Any) -> Answer:
    """An error in the form of v1."""
    error = {"code": status if code is None else code, "message": message, **more}
    return Answer(encode({"success": False, "error": error}), status)


def invalid(name: str, reason: str) -> Refused:
    """400 for a parameter."""
    data = {name: [reason]}
    return Refused(failure(400, "The given data failed to pass validation.", code=0, error_data=data))


def no_token(call: Call) -> Answer:
    """The request carries no token."""
    del call
    return failure(401, "Authorization is not provided")


def bad_token(call: Call) -> Answer:
    """The token is unknown or has ended."""
    del call
    return failure(403, "Provided authorization is not valid")


def denied(call: Call, area: str) -> Answer:
    """The credential lacks the right."""
    del call, area
    return failure(403, "You are not authorized to perform this action.")


def unknown(call: Call) -> Answer:
    """There is no such endpoint."""
    del call
    return failure(404, "The requested endpoint does not exist.")


def gone(call: Call, status: int) -> Answer:
    """The endpoint has been switched off."""
    del call
    return failure(status, "This endpoint is no longer available.")


# --- parameters ---------------------------------------------------------------------------------------------------


def number(call: Call, name: str, default: int) -> int:
    """A whole number, not negative."""
    text = call.query.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit():
        raise invalid(name, f"The {name} must be an integer.")
    return int(text)


def day(call: Call, name: str) -> dt.date | None:
    """A day; of a moment its date as it is written."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise invalid(name, f"The {name} is not a valid date.") from None


def moment(call: Call, name: str, *, end_of_day: bool = False) -> dt.datetime | None:
    """A moment; without an offset it is the company's local time, a bare day its beginning (or end)."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        if len(text) == 10:
            time = dt.time.max if end_of_day else dt.time.min
            return dt.datetime.combine(dt.date.fromisoformat(text), time, call.company.zone)
        # A plus sign that was not escaped arrives as a space.
        value = dt.datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise invalid(name, f"The {name} is not a valid date.") from None
    return value if value.tzinfo else value.replace(tzinfo=call.company.zone)


# --- spellings ----------------------------------------------------------------------------------------------------


def basic(value: dt.datetime, zone: ZoneInfo) -> str:
    """``2017-12-27T00:00:00+0100``."""
    return value.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def extended(value: dt.datetime, zone: ZoneInfo) -> str:
    """``2020-11-18T17:33:55+01:00``."""
    return value.astimezone(zone).isoformat(timespec="seconds")


def spaced(value: dt.datetime, zone: ZoneInfo) -> str:
    """``2014-11-09 00:00:00+01:00``."""
    return value.astimezone(zone).isoformat(" ", timespec="seconds")


def midnight(value: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The local beginning of a day, with the offset of that day."""
    return dt.datetime.combine(value, dt.time.min, zone)


def with_millis(value: dt.datetime) -> str:
    """``2025-05-20T14:29:56.510Z``."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


SPELLINGS = (extended, basic, spaced)


# --- envelopes ----------------------------------------------------------------------------------------------------


def answer(data: Any, **more: Any) -> Answer:
    """A successful answer."""
    return Answer(encode({"success": True, **more, "data": data}))


def listing(
    rows: Iterable[bytes], *, total: int, page: int, limit: int, offset: int | str, echo: int | str
) -> Answer:
    """A page of encoded rows; ``page`` is what current_page says, ``echo`` what limit says."""
    head = {
        "success": True,
        "metadata": {"total_elements": total, "current_page": page, "total_pages": math.ceil(total / limit)},
        "offset": offset,
        "limit": echo,
    }
    return Answer(encode(head)[:-1] + b',"data":[' + b",".join(rows) + b"]}")


def numbered_page(
    call: Call, rows: Rows, render: Callable[[Any], Any], *, duplicates: bool = False
) -> Answer:
    """A page of a list whose ``offset`` is a page number, 0 meaning 1. Pages hold at most 200 rows.

    With ``duplicates`` the last row of each page comes again as the first of the next.
    """
    limit = min(number(call, "limit", 200), 200) or 200
    asked = number(call, "offset", 1)
    page, step = max(asked, 1), limit - 1 if duplicates and limit > 1 else limit
    if not rows:
        return listing((), total=0, page=1, limit=limit, offset=0, echo=limit)
    first = (page - 1) * step
    part = rows[first : first + limit] if not duplicates or page == 1 or first < len(rows) - 1 else ()
    last_page = max(1, math.ceil((len(rows) - limit) / step) + 1)
    result = listing(
        (encode(render(r)) for r in part), total=len(rows), page=page, limit=limit, offset=asked, echo=limit
    )
    if duplicates:
        plain, real = math.ceil(len(rows) / limit), last_page
        body = result.body.replace(b'"total_pages":%d' % plain, b'"total_pages":%d' % real, 1)
        result = msgspec.structs.replace(result, body=body)
    return result


# --- login --------------------------------------------------------------------------------------------------------


@ENDPOINTS.serve("/auth", method="POST", steady=False, guarded=False)
def auth(call: Call) -> Answer:
    """POST /auth: credentials in the body as JSON or form, or in the query string while that lasts."""
    given: dict[str, Any] = {}
    if call.body:
        if "json" in call.headers.get("Content-Type", ""):
            try:
                given = msgspec.json.decode(call.body, type=dict[str, Any])
            except msgspec.DecodeError:
                return failure(400, "The request body is not valid JSON.")
        else:
            given = {key: values[0] for key, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    elif "client_secret" in call.query:
        if not call.api.options.credentials_in_query:
            return failure(403, "Credentials in the query string are not accepted.")
        given = dict(call.query)
    options = call.api.options
    if (given.get("client_id"), given.get("client_secret")) != (options.client_id, options.client_secret):
        return failure(403, "Wrong credentials", code=0)
    token, seconds = call.api.tokens.login()
    return answer({"token": token, "expires_in": seconds, "scope": call.api.rights.scope})


# --- employees ----------------------------------------------------------------------------------------------------


def employee_json(call: Call, employee: Employee, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """``{type: "Employee", attributes: {key: Attribute}}`` with what the credential may read."""
    company, rights = call.company, call.api.rights
    attributes = {}
    for key, attribute in company.attributes.items():
        if key != "id" and (not rights.sees(key) or (keys and key not in keys)):
            continue
        cell = {
            "label": attribute.label,
            "value": value_json(call, employee, attribute),
            "type": attribute.type,
            "universal_id": attribute.universal_id,
        }
        if attribute.money:
            cell["currency"] = employee.currency
        attributes[key] = cell
    return {"type": "Employee", "attributes": attributes}


def value_json(call: Call, employee: Employee, attribute: Attribute) -> Any:
    """The JSON value of an attribute. Date-times come in three spellings, by employee and attribute."""
    company, value = call.company, employee.attributes[attribute.key]
    match attribute.kind:
        case "relation":
            return company.entity(employee, attribute.key, short=call.api.options.short_employee == "id")
        case "tags":
            return ",".join(value)
        case "day" | "moment" if value is not None:
            if attribute.plain_day:
                return value.isoformat()
            spelling = SPELLINGS[(employee.id + len(attribute.key)) % 3]
            return spelling(midnight(value, company.zone) if attribute.kind == "day" else value, company.zone)
    return value


@ENDPOINTS.serve("/company/employees", "employees")
def employees(call: Call) -> Answer:
    """GET /company/employees: ``offset`` is the index of the first record, ``current_page`` starts at 0."""
    options, query = call.api.options, call.query
    limit, offset = number(call, "limit", 50), number(call, "offset", 0)
    if limit == 0:
        raise invalid("limit", "The limit must be at least 1.")
    if limit > 100 and options.large_employee_pages == "reject":
        raise invalid("limit", "The limit may not be greater than 100.")
    limit = min(limit, 200 if options.large_employee_pages == "allow" else 100)
    since, email = moment(call, "updated_since"), query.get("email")

    def select() -> list[Employee]:
        rows = list(call.company.employees.values())
        if since is not None:
            return [e for e in rows if e.attributes["last_modified_at"] >= since]
        return [e for e in rows if e.attributes["email"] == email] if email else rows

    rows = call.api.remember(("employees", since, email), select)
    if since is not None and options.updated_since_ignores_paging:
        limit, offset = max(len(rows), 1), 0
    keys = call.values("attributes")
    part = (encode(employee_json(call, e, keys)) for e in rows[offset : offset + limit])
    return listing(part, total=len(rows), page=offset // limit, limit=limit, offset=offset, echo=limit)


def attribute_list(call: Call) -> Answer:
    """GET /company/employees/attributes: what the credential may read, in one answer."""
    if not call.api.options.catalogue:
        return failure(403, "You are not authorized to perform this action.")
    seen = (a for a in call.company.attributes.values() if a.key == "id" or call.api.rights.sees(a.key))
    return answer([
        {"key": a.key, "label": a.label, "type": a.type, "universal_id": a.universal_id, "options": a.options}
        for a in seen
    ])  # fmt: skip


ENDPOINTS.serve("/company/employees/attributes", "employees")(attribute_list)
ENDPOINTS.serve("/company/employees/custom-attributes", "employees")(attribute_list)


def employee_of(call: Call) -> Employee:
    """The employee that the path names."""
    text = call.params["employee_id"]
    employee = call.company.employees.get(int(text)) if text.isascii() and text.isdigit() else None
    if employee is None:
        raise Refused(failure(404, "Der angeforderte Mitarbeiter wurde nicht gefunden.", code=0))
    return employee


@ENDPOINTS.serve("/company/employees/{employee_id}", "employees")
def employee(call: Call) -> Answer:
    """GET /company/employees/{employee_id}."""
    return answer(employee_json(call, employee_of(call)))


@ENDPOINTS.serve("/company/employees/{employee_id}/absences/balance", "absences")
def balance(call: Call) -> Answer:
    """GET /company/employees/{id}/absences/balance."""
    company, employee_id = call.company, employee_of(call).id
    of_all = call.api.remember("balances", lambda: _by_employee(company))
    rows = []
    for row in of_all.get(employee_id, ()):
        absence_type = company.absence_types[row.absence_type_id]
        rows.append({
            "id": absence_type.id, "name": absence_type.name, "category": absence_type.category,
            "balance": row.balance, "available_balance": row.available_balance,
        })  # fmt: skip
    return answer(rows)


def _by_employee(company: Company) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = {}
    for row in company.balances.values():
        grouped.setdefault(row.employee_id, []).append(row)
    return grouped


# --- absences -----------------------------------------------------------------------------------------------------


@ENDPOINTS.serve("/company/time-off-types", "absences")
def time_off_types(call: Call) -> Answer:
    """GET /company/time-off-types: no metadata, ``offset`` counts records."""
    limit, offset = number(call, "limit", 200) or 200, number(call, "offset", 0)
    rows = list(call.company.absence_types.values())[offset : offset + limit]
    return answer([
        {"type": "TimeOffType", "attributes": {
            "id": t.id, "name": t.name, "category": t.category, "unit": t.unit,
            "approval_required": t.approval_required, "id_v2": t.id_v2}}
        for t in rows
    ])  # fmt: skip


@ENDPOINTS.serve("/company/time-offs", "absences")
def time_offs(call: Call) -> Answer:
    """GET /company/time-offs: absences in days; ``offset`` is a page number from 1, filters are whole days."""
    first, last = day(call, "start_date"), day(call, "end_date")
    since, until = day(call, "updated_from"), day(call, "updated_to")
    wanted, zone = {int(e) for e in call.values("employees") if e.isdigit()}, call.company.zone

    def select() -> list[TimeOff]:
        return [
            row for row in call.company.time_offs.values()
            if (first is None or row.end is None or row.end >= first)
            and (last is None or row.start <= last)
            and (since is None or row.updated_at.astimezone(zone).date() >= since)
            and (until is None or row.updated_at.astimezone(zone).date() <= until)
            and (not wanted or row.employee_id in wanted)
        ]  # fmt: skip

    rows = call.api.remember(("time-offs", first, last, since, until, frozenset(wanted)), select)
    duplicates = call.api.options.duplicate_at_page_border
    return numbered_page(call, rows, lambda row: time_off_json(call, row), duplicates=duplicates)


def time_off_json(call: Call, row: TimeOff) -> dict[str, Any]:
    """A TimeOffPeriod; its end date is the last day."""
    company, zone = call.company, call.company.zone
    kind = company.absence_types[row.absence_type_id]
    return {
        "type": "TimeOffPeriod",
        "attributes": {
            "id": row.id,
            "id_v2": row.id_v2,
            "status": row.status,
            "start_date": basic(midnight(row.start, zone), zone),
            "end_date": None if row.end is None else basic(midnight(row.end, zone), zone),
            "days_count": row.days_count,
            "half_day_start": row.half_day_start,
            "half_day_end": row.half_day_end,
            "time_off_type": {
                "type": "TimeOffType",
                "attributes": {"id": kind.id, "name": kind.name, "category": kind.category},
            },
            "employee": company.short_employee(
                row.employee_id, short=call.api.options.short_employee == "id"
            ),
            "certificate": {"status": row.certificate},
            "comment": row.comment,
            "created_by": row.created_by,
            "created_at": basic(row.created_at, zone),
            "updated_at": basic(row.updated_at, zone),
        },
    }


@ENDPOINTS.serve("/company/time-offs/{time_off_id}", "absences")
def time_off(call: Call) -> Answer:
    """GET /company/time-offs/{id}."""
    text = call.params["time_off_id"]
    row = call.company.time_offs.get(int(text)) if text.isdigit() else None
    return (
        failure(404, "The absence period was not found.") if row is None else answer(time_off_json(call, row))
    )


@ENDPOINTS.serve("/company/absence-periods", "absences")
def absence_periods(call: Call) -> Answer:
    """GET /company/absence-periods: absences in hours; ``offset`` is a page number."""
    company = call.company
    first, last = moment(call, "start_date"), moment(call, "end_date", end_of_day=True)
    since, until = moment(call, "updated_from"), moment(call, "updated_to", end_of_day=True)
    wanted = {int(e) for e in call.values("employees") if e.isdigit()}
    types, ids = set(call.values("absence_types")), set(call.values("absence_periods"))
    known = {t.id_v2: t.id for t in company.absence_types.values()}
    if types - known.keys():
        return failure(404, "models.absence-types.not-found")
    type_ids = {known[t] for t in types}

    def select() -> list[HourlyAbsence]:
        return [
            row for row in company.hourly_absences.values()
            if (first is None or row.end is None or row.end >= first)
            and (last is None or row.start <= last)
            and (since is None or row.updated_at >= since)
            and (until is None or row.updated_at <= until)
            and (not wanted or row.employee_id in wanted)
            and (not types or row.absence_type_id in type_ids)
            and (not ids or row.id in ids)
        ]  # fmt: skip

    key = ("absence-periods", first, last, since, until, frozenset(wanted), frozenset(types), frozenset(ids))
    rows = call.api.remember(key, select)
    return numbered_page(call, rows, lambda row: absence_period_json(call, row))


def absence_period_json(call: Call, row: HourlyAbsence) -> dict[str, Any]:
    """An AbsencePeriod; durations are minutes."""
    company = call.company
    kind = company.absence_types[row.absence_type_id]
    local_day = row.start.astimezone(company.zone).date()
    return {
        "type": "AbsencePeriod",
        "attributes": {
            "id": row.id,
            "measurement_unit": "hour",
            "effective_duration": row.effective_duration,
            "employee": company.short_employee(
                row.employee_id, short=call.api.options.short_employee == "id"
            ),
            "absence_type": {
                "type": "AbsenceType",
                "attributes": {"id": kind.id_v2, "name": kind.name, "time_off_type_id": kind.id},
            },
            "certificate": {"status": row.certificate},
            "start": row.start.strftime("%Y-%m-%dT%H:%M:%S.0Z"),
            "end": None if row.end is None else row.end.strftime("%Y-%m-%dT%H:%M:%S.0Z"),
            "half_day_start": False,
            "half_day_end": False,
            "comment": row.comment,
            "origin": row.origin,
            "status": row.status,
            "timezone": row.time_zone,
            "created_by": row.created_by,
            "created_at": with_millis(row.created_at),
            "updated_at": with_millis(row.updated_at),
            "approved_at": None if row.approved_at is None else with_millis(row.approved_at),
            "breakdowns": [{"date": local_day.isoformat(), "effective_duration": row.effective_duration}],
        },
    }


# --- attendances --------------------------------------------------------------------------------------------------


@ENDPOINTS.serve("/company/attendances", "attendances")
def attendances(call: Call) -> Answer:
    """GET /company/attendances: dates are required, ``offset`` counts records, and what was asked comes as text."""
    company, query = call.company, call.query
    first, last = day(call, "start_date"), day(call, "end_date")
    missing = [name for name, value in (("start_date", first), ("end_date", last)) if value is None]
    if first is None or last is None:
        raise invalid(missing[0], f"The {missing[0].replace('_', ' ')} field is required.")
    if first < dt.date(1970, 1, 1) or last > company.today() + dt.timedelta(days=3653):
        raise invalid("start_date", "The dates must lie between 1970-01-01 and 10 years from now.")
    since, until = moment(call, "updated_from"), moment(call, "updated_to", end_of_day=True)
    wanted = frozenset(int(e) for e in call.values("employees") if e.isdigit())
    pending = query.get("includePending", "").lower() in ("1", "true")
    if call.api.options.overnight == "reject" and any(
        first <= s.attribution_date <= last for s in company.shifts.values()
    ):
        return failure(422, "The attendance period must not cross midnight.")
    limit, offset = min(number(call, "limit", 200), 200) or 200, number(call, "offset", 0)

    def select() -> Sequence[int]:
        return _positions(company.attendances, first, last, since, until, wanted, pending=pending)

    places = call.api.remember(("attendances", first, last, since, until, wanted, pending), select)
    rows = attendance_rows(company, places[offset : offset + limit])
    return listing(
        rows, total=len(places), page=offset // limit, limit=limit,
        offset=query["offset"] if "offset" in query else offset, echo=query["limit"] if "limit" in query else limit,
    )  # fmt: skip


def _positions(
    table: Attendances,
    first: dt.date,
    last: dt.date,
    since: dt.datetime | None,
    until: dt.datetime | None,
    employees: frozenset[int],
    *,
    pending: bool,
) -> Sequence[int]:
    """Where the rows that match stand in the columns."""
    places: Sequence[int] = range(len(table))
    low, high = first.toordinal(), last.toordinal()
    if len(table) and not (low <= min(table.days) and max(table.days) <= high):
        places = [n for n in places if low <= table.days[n] <= high]
    if since is not None:
        at_least = since.timestamp()
        places = [n for n in places if table.updated[n] >= at_least]
    if until is not None:
        at_most = until.timestamp()
        places = [n for n in places if table.updated[n] <= at_most]
    if employees:
        places = [n for n in places if table.employees[n] in employees]
    if not pending:
        places = [n for n in places if table.statuses[n] == 0]
    return places


# A page of attendances is written into a template: records by the million have to be quick.
_ROW = (
    '{"id":%d,"type":"AttendancePeriod","attributes":{"employee":%d,"date":"%s","start_time":"%s","end_time":%s,'
    '"updated_at":"%s","status":"%s","break":%d,"comment":%s,"is_holiday":%s,"is_on_time_off":%s,"project":%s,'
    '"id_v2":"%s"}}'
)
_BOOL = ("false", "true")
_CLOCK = tuple(f"{n // 60:02}:{n % 60:02}" for n in range(1440))


def attendance_rows(company: Company, places: Sequence[int]) -> list[bytes]:
    """The rows at these positions, as JSON."""
    table, zone = company.attendances, company.zone
    projects = {0: "null"}
    comments: dict[int, str] = {}
    rows = []
    for n in places:
        end, flags, project, note = table.ends[n], table.flags[n], table.projects[n], table.notes[n]
        if project not in projects:
            p = company.projects[project]
            value = {"id": p.id, "type": "Project", "attributes": {"name": p.name, "active": p.active}}
            projects[project] = encode(value).decode()
        if note not in comments:
            comments[note] = encode(table.comments[note]).decode()
        row = _ROW % (
            table.ids[n], table.employees[n], _date(table.days[n]), _CLOCK[table.starts[n]],
            "null" if end < 0 else f'"{_CLOCK[end]}"', stamp(table.updated[n], zone), STATUSES[table.statuses[n]],
            table.breaks[n], comments[note], _BOOL[flags & HOLIDAY], _BOOL[(flags & TIME_OFF) >> 1],
            projects[project], uuid(ATTENDANCE, table.ids[n]),
        )  # fmt: skip
        rows.append(row.encode())
    return rows


@lru_cache(maxsize=20_000)
def _date(ordinal: int) -> str:
    return dt.date.fromordinal(ordinal).isoformat()


@lru_cache(maxsize=50_000)
def _hour(hours: int, zone: ZoneInfo) -> tuple[str, str]:
    text = (EPOCH + dt.timedelta(hours=hours)).astimezone(zone).isoformat()
    return text[:14], text[19:]


def stamp(seconds: int, zone: ZoneInfo) -> str:
    """Seconds since 1970 as ``2025-01-17T16:41:08+01:00``; zones are taken to be whole hours off."""
    hours, rest = divmod(seconds, 3600)
    start, offset = _hour(hours, zone)
    return f"{start}{_CLOCK_HOUR[rest]}{offset}"


_CLOCK_HOUR = tuple(f"{n // 60:02}:{n % 60:02}" for n in range(3600))


@ENDPOINTS.serve("/company/attendances/projects", "projects")
def projects(call: Call) -> Answer:
    """GET /company/attendances/projects: everything at once."""
    zone = call.company.zone
    return answer([
        {"id": p.id, "type": "Project", "attributes": {
            "name": p.name, "active": p.active, "created_at": basic(p.created_at, zone),
            "updated_at": basic(p.updated_at, zone)}}
        for p in call.company.projects.values()
    ])  # fmt: skip


# --- documents and reports ----------------------------------------------------------------------------------------


@ENDPOINTS.serve("/company/document-categories", "documents")
def document_categories(call: Call) -> Answer:
    """GET /company/document-categories: everything at once."""
    return answer([
        {"id": c.id, "type": "DocumentCategory", "attributes": {"name": c.name}}
        for c in call.company.document_categories.values()
    ])  # fmt: skip


@ENDPOINTS.serve("/company/custom-reports/reports", "reports")
def reports(call: Call) -> Answer:
    """GET /company/custom-reports/reports: the list of reports, without rows."""
    ids, status = call.values("report_ids"), call.query.get("status")
    rows = [
        {"type": "Report", "attributes": report_json(r)}
        for r in call.company.reports.values()
        if (not ids or r.id in ids) and (not status or r.status == status)
    ]
    total = len(rows)
    metadata = {"total_elements": total, "current_page": 1, "total_pages": 1}
    return answer(rows, metadata=metadata, offset=0, limit=max(total, 1))


def report_json(report: Report) -> dict[str, Any]:
    """A report's own fields."""
    return {
        "id": report.id,
        "name": report.name,
        "description": report.description,
        "author_first_name": report.author_first_name,
        "author_last_name": report.author_last_name,
        "type": report.type,
        "status": report.status,
        "start_date": report.start_date.isoformat(),
        "end_date": report.end_date.isoformat(),
        "created_at": extended(report.created_at, ZoneInfo("UTC")),
        "updated_at": extended(report.updated_at, ZoneInfo("UTC")),
        "data_refreshed_at": extended(report.data_refreshed_at, ZoneInfo("UTC")),
        "columns": report_columns(report),
        "filters": report.filters,
        "period_type": report.period_type,
    }


def report_columns(report: Report) -> list[str]:
    """The attribute ids of a report, in order of their first use."""
    return list(dict.fromkeys(cell.attribute_id for item in report.items for cell in item.cells))


@ENDPOINTS.serve("/company/custom-reports/reports/{report_id}", "reports")
def report(call: Call) -> Answer:
    """GET /company/custom-reports/reports/{id}: ``page`` from 1, ``limit`` counts employees."""
    found = call.company.reports.get(call.params["report_id"])
    if found is None:
        return _report_error(call, 404, "Report not found")
    limit, page = number(call, "limit", 100) or 100, number(call, "page", 1) or 1
    people = list(dict.fromkeys(item.employee_id for item in found.items))
    on_page = set(people[(page - 1) * limit : page * limit])
    name = "historical_attributes" if found.type == "historical_data" else "attributes"
    items = [
        {"employee_id": item.employee_id, name: [report_cell(item.employee_id, cell) for cell in item.cells]}
        for item in found.items
        if item.employee_id in on_page
    ]
    metadata = {
        "total_elements": len(people),
        "current_page": page,
        "total_pages": math.ceil(len(people) / limit),
    }
    data = [{"type": "Report", "attributes": {**report_json(found), "items": items}}]
    return answer(data, metadata=metadata, offset=(page - 1) * limit, limit=limit)


def report_cell(employee_id: int, cell: ReportCell) -> dict[str, Any]:
    """A value of a report; which fields it has depends on its data type."""
    result = {
        "attribute_id": cell.attribute_id,
        "data_type": cell.data_type,
        "employee_id": employee_id,
        **cell.fields,
    }
    if cell.effective_date is not None:
        result["effective_date"] = cell.effective_date.isoformat()
    return result


@ENDPOINTS.serve("/company/custom-reports/columns", "reports")
def report_labels(call: Call) -> Answer:
    """GET /company/custom-reports/columns: the labels of report columns, one object rather than a list."""
    wanted, only = call.values("columns"), call.query.get("report_id")
    types: dict[str, str] = {}
    for found in call.company.reports.values():
        if not only or found.id == only:
            types.update((cell.attribute_id, cell.data_type) for item in found.items for cell in item.cells)
    known = call.company.attributes
    columns = [
        {"attribute_id": key, "data_type": data_type,
         "human_readable": known[key].label if key in known else key.replace("_", " ").capitalize()}
        for key, data_type in types.items() if not wanted or key in wanted
    ]  # fmt: skip
    metadata = {"total_elements": len(columns), "current_page": 1, "total_pages": 1}
    return answer(
        {"type": "Column", "attributes": columns}, metadata=metadata, offset=0, limit=max(len(columns), 1)
    )


def _report_error(call: Call, status: int, title: str) -> Answer:
    now = call.company.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    details = {"title": title, "details": title, "type": "about:blank", "_meta": []}
    return Answer(encode([{"status": status, "trace_id": "", "timestamp": now, "errors": [details]}]), status)
