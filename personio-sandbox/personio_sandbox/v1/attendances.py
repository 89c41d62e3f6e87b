"""Attendances and their projects."""

from __future__ import annotations

import datetime as dt
from array import array
from typing import TYPE_CHECKING

from ..api import Answer, Call, encode
from ..attendances import HOLIDAY, STATUSES, TIME_OFF, Attendances
from ..formats import CLOCK, basic, iso_day, stamp
from ..model import ATTENDANCE, uuid
from .errors import failure, invalid
from .pages import ENDPOINTS, answer, day, listing, moment, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..company import Company


@ENDPOINTS.serve("/company/attendances", "attendances")
def attendances(call: Call) -> Answer:
    """GET /company/attendances: dates are required, ``offset`` counts records; limit and offset come back as text."""
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
        s.attribution_date is not None and first <= s.attribution_date <= last
        for s in company.shifts.values()
    ):
        return failure(422, "The attendance period must not cross midnight.")
    limit, offset = min(number(call, "limit", 200), 200) or 200, number(call, "offset", 0)

    def select() -> Sequence[int]:
        return _positions(company.attendances, (first, last), (since, until), wanted, pending=pending)

    places = call.api.cached(("attendances", first, last, since, until, wanted, pending), select)
    rows = attendance_rows(company, places[offset : offset + limit])
    return listing(
        (rows,), total=len(places), page=offset // limit, limit=limit,
        offset=query.get("offset", offset), echo=query.get("limit", limit),
    )  # fmt: skip


def _positions(
    table: Attendances,
    days: tuple[dt.date, dt.date],
    updated: tuple[dt.datetime | None, dt.datetime | None],
    employees: frozenset[int],
    *,
    pending: bool,
) -> Sequence[int]:
    """The positions of the matching rows in the columns."""
    places: Sequence[int] = range(len(table))
    (low, high), (since, until) = (day.toordinal() for day in days), updated
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


_BOOL = ("false", "true")
_QUOTED = tuple(f'"{text}"' for text in CLOCK)


def attendance_rows(company: Company, places: Sequence[int]) -> bytes:
    """The rows at these positions, as JSON with commas between them.

    Records by the million have to be quick: they are written into a template, straight from the columns.
    """
    table, zone, rows = company.attendances, company.zone, []
    projects, comments = {0: "null"}, {0: "null"}
    if isinstance(places, range):
        columns = [column[places.start : places.stop] for column in table.columns]
    else:
        columns = [array(column.typecode, map(column.__getitem__, places)) for column in table.columns]
    for key in set(columns[7]) - {0}:
        p = company.projects[key]
        value = {"id": p.id, "type": "Project", "attributes": {"name": p.name, "active": p.active}}
        projects[key] = encode(value).decode()
    for key in set(columns[8]):
        comments[key] = encode(table.comments[key]).decode()
    for key, who, date, start, end, pause, status, project, note, flags, updated in zip(
        *columns, strict=True
    ):
        rows.append(
            f'{{"id":{key},"type":"AttendancePeriod","attributes":{{"employee":{who},"date":"{iso_day(date)}",'
            f'"start_time":"{CLOCK[start]}","end_time":{"null" if end < 0 else _QUOTED[end]},'
            f'"updated_at":"{stamp(updated, zone)}","status":"{STATUSES[status]}","break":{pause},'
            f'"comment":{comments[note]},"is_holiday":{_BOOL[flags & HOLIDAY]},'
            f'"is_on_time_off":{_BOOL[(flags & TIME_OFF) >> 1]},"project":{projects[project]},'
            f'"id_v2":"{uuid(ATTENDANCE, key)}"}}}}'
        )
    return ",".join(rows).encode()


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
