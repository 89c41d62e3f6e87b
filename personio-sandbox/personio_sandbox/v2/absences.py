"""Absence types, absence periods and their breakdowns."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ..api import Answer, Call, encode
from ..model import TIME_OFF, AbsenceType, HourlyAbsence, TimeOff, number_of
from .attendances import zone_of_times
from .errors import not_found
from .lists import ENDPOINTS, Filters, listing, utc

Absence = TimeOff | HourlyAbsence
_STATUS = {"requested": "SUBSTITUTE_REQUESTED"}
_FILTERS = (
    "id", "absence_type.id", "person.id", "starts_from.date_time.gte", "starts_from.date_time.lte",
    "ends_at.date_time.gte", "ends_at.date_time.lte", "updated_at.gte", "updated_at.lte",
)  # fmt: skip


def _type_json(row: AbsenceType) -> dict[str, Any]:
    category = None if row.category is None else row.category.upper()
    return {"id": row.id_v2, "name": row.name, "category": category, "unit": row.unit.upper()}


@ENDPOINTS.serve("/absence-types", "absences")
def absence_types(call: Call) -> Answer:
    """GET /absence-types."""
    filters = Filters(call)
    filters.check(())
    rows = call.company.absence_types.values
    return listing(call, filters, rows, lambda t: (t.id,), _type_json, default=100, maximum=100)


@ENDPOINTS.serve("/absence-types/{type_id}", "absences")
def absence_type(call: Call) -> Answer:
    """GET /absence-types/{id}."""
    for row in call.company.absence_types.values():
        if row.id_v2 == call.params["type_id"]:
            return Answer(encode(_type_json(row)))
    raise not_found(call)


@ENDPOINTS.serve("/absence-periods", "absences")
def absence_periods(call: Call) -> Answer:
    """GET /absence-periods: the absences in days and in hours together."""
    company, filters = call.company, Filters(call)
    filters.check(_FILTERS)
    ids, people, types = filters.many("id"), filters.numbers("person.id"), filters.many("absence_type.id")
    begin = tuple(filters.moment(f"starts_from.date_time.{op}", zone_needed=False) for op in ("gte", "lte"))
    end = tuple(filters.moment(f"ends_at.date_time.{op}", zone_needed=False) for op in ("gte", "lte"))
    since, until = (filters.moment(f"updated_at.{op}", zone_needed=False) for op in ("gte", "lte"))

    def matches(row: Absence) -> bool:
        if begin != (None, None) or end != (None, None):
            start, stop = _span(call, row)
            if not _within(start, *begin) or (stop is not None and not _within(stop, *end)):
                return False
        return (
            (not ids or id_of(row) in ids)
            and (not people or row.employee_id in people)
            and (not types or company.absence_types[row.absence_type_id].id_v2 in types)
            and (since is None or row.updated_at >= since)
            and (until is None or row.updated_at <= until)
        )

    def select() -> list[Absence]:
        rows: list[Absence] = [*company.time_offs.values(), *company.hourly_absences.values()]
        return [row for row in rows if matches(row)]

    return listing(
        call, filters, select, lambda row: (row.created_at.timestamp(), id_of(row)),
        lambda row: absence_json(call, row), default=100, maximum=100,
    )  # fmt: skip


def id_of(row: Absence) -> str:
    """The v2 id of an absence."""
    return row.id_v2 if isinstance(row, TimeOff) else row.id


def _within(value: dt.datetime, low: dt.datetime | None, high: dt.datetime | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _span(call: Call, row: Absence) -> tuple[dt.datetime, dt.datetime | None]:
    """Start and end (exclusive), as local times."""
    zone = call.company.zone
    if isinstance(row, HourlyAbsence):
        return row.start.astimezone(zone), None if row.end is None else row.end.astimezone(zone)
    start = dt.datetime.combine(row.start, dt.time.min, zone)
    if row.end is None:
        return start, None
    return start, dt.datetime.combine(row.end + dt.timedelta(days=1), dt.time.min, zone)


def absence_of(call: Call) -> Absence:
    """The absence in the path."""
    company, key = call.company, call.params["absence_id"]
    number = number_of(key, TIME_OFF)
    found = company.hourly_absences.get(key) if number is None else company.time_offs.get(number)
    if found is None:
        raise not_found(call)
    return found


@ENDPOINTS.serve("/absence-periods/{absence_id}", "absences")
def absence_period(call: Call) -> Answer:
    """GET /absence-periods/{id}."""
    return Answer(encode(absence_json(call, absence_of(call))))


def absence_json(call: Call, row: Absence) -> dict[str, Any]:
    """An absence. In days: the end is the midnight after the last day, the types show half days."""
    start, end = _span(call, row)
    in_days = isinstance(row, TimeOff)
    # Timestamps come with and without milliseconds.
    millis = ".000" if row.employee_id % 2 else ""

    def offset(moment: dt.datetime) -> str:
        return "" if zone_of_times(call) is None else moment.isoformat()[-6:]

    def boundary(moment: dt.datetime, half: bool, first: str, second: str) -> dict[str, Any]:
        result: dict[str, Any] = {"date_time": moment.strftime("%Y-%m-%dT%H:%M:%S") + millis + offset(moment)}
        if in_days:
            result["type"] = second if half else first
        elif row.employee_id % 3:
            result["type"] = None
        return result

    half_start, half_end = (
        (row.half_day_start, row.half_day_end) if isinstance(row, TimeOff) else (False, False)
    )
    return {
        "id": id_of(row),
        "person": {"id": str(row.employee_id)},
        "absence_type": {"id": call.company.absence_types[row.absence_type_id].id_v2},
        "starts_from": boundary(start, half_start, "FIRST_HALF", "SECOND_HALF"),
        "ends_at": None if end is None else boundary(end, half_end, "SECOND_HALF", "FIRST_HALF"),
        "timezone_id": call.company.zone.key,
        "comment": row.comment or None,
        "approval": {"status": _STATUS.get(row.status, row.status.upper())},
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@ENDPOINTS.serve("/absence-periods/{absence_id}/breakdowns", "absences")
def breakdowns(call: Call) -> Answer:
    """GET /absence-periods/{id}/breakdowns: the amount per day, 28 days per page."""
    filters, row = Filters(call), absence_of(call)
    filters.check(())
    if isinstance(row, TimeOff):
        unit, days = "DAY", row.days
    else:
        hours = row.effective_duration / 60
        unit, days = (
            "HOUR",
            {row.start.astimezone(call.company.zone).date(): int(hours) if hours.is_integer() else hours},
        )

    entries = [(day, 0, value) for day, value in days.items()]
    if call.api.options.spelling == "odd":
        entries = [(day, place, value / 2) for day, value in days.items() for place in range(2)]

    def render(entry: tuple[dt.date, int, float]) -> dict[str, Any]:
        day, _, value = entry
        return {"date": day.isoformat(), "effective_duration": {"unit": unit, "value": value}}

    return listing(
        call,
        filters,
        lambda: entries,
        lambda entry: (entry[0].isoformat(), entry[1]),
        render,
        default=28,
        maximum=28,
    )
