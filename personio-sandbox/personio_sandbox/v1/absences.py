"""Time-off types, absences in days and absences in hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..api import encode
from ..formats import basic, midnight, with_millis
from .employees import short_employee
from .errors import failure
from .pages import ENDPOINTS, answer, day, listing, moment, number, numbered_page

if TYPE_CHECKING:
    from ..api import Answer, Call
    from ..model import HourlyAbsence, TimeOff


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
    options = call.api.options

    def in_window(row: TimeOff) -> bool:
        if options.time_off_window == "inside":
            return (first is None or row.start >= first) and (
                last is None or (row.end is not None and row.end <= last)
            )
        return (first is None or row.end is None or row.end >= first) and (last is None or row.start <= last)

    def select() -> list[TimeOff]:
        return [
            row for row in call.company.time_offs.values()
            if in_window(row)
            and (since is None or row.updated_at.astimezone(zone).date() >= since)
            and (until is None or row.updated_at.astimezone(zone).date() <= until)
            and (not wanted or row.employee_id in wanted)
        ]  # fmt: skip

    key = ("time-offs", options.version, first, last, since, until, frozenset(wanted))
    rows = call.api.cached(key, select)
    if options.repeated_time_off:
        rows = [*rows, *rows[:1]]
    if options.time_off_offset != "pages":
        limit = min(number(call, "limit", 200), 200) or 200
        offset = number(call, "offset", 0) if options.time_off_offset == "records" else 0
        part = (encode(time_off_json(call, row)) for row in rows[offset : offset + limit])
        return listing(part, total=len(rows), page=offset // limit, limit=limit, offset=offset, echo=limit)
    duplicates = options.duplicate_at_page_border
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
            "employee": short_employee(call, row.employee_id),
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
    rows = call.api.cached(key, select)
    return numbered_page(call, rows, lambda row: absence_period_json(call, row))


def absence_period_json(call: Call, row: HourlyAbsence) -> dict[str, Any]:
    """An AbsencePeriod; durations are minutes."""
    company = call.company
    kind = company.absence_types[row.absence_type_id]
    local_day = row.start.astimezone(company.zone).date()
    kind_fields = {"id": kind.id_v2, "name": kind.name, "time_off_type_id": kind.id}
    employee: Any = short_employee(call, row.employee_id)
    is_bare = is_bare_reference(call.api.options.hourly_references, row.id)
    if is_bare:
        attributes = msgspec.json.decode(employee)["attributes"]
        employee = {key: each["value"] for key, each in attributes.items()}
    return {
        "type": "AbsencePeriod",
        "attributes": {
            "id": row.id,
            "measurement_unit": "hour",
            "effective_duration": row.effective_duration,
            "employee": employee,
            "absence_type": kind_fields if is_bare else {"type": "AbsenceType", "attributes": kind_fields},
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


def is_bare_reference(style: str, key: str) -> bool:
    """Whether the references of this absence have no `attributes` around their fields."""
    return style == "bare" or (style == "mixed" and int(key[-1], 16) % 2 == 0)
