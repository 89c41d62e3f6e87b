"""Compensations and their types."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import TYPE_CHECKING, Any

from .errors import bad_request
from .lists import ENDPOINTS, Filters, iso, listing

if TYPE_CHECKING:
    from ..api import Answer, Call
    from ..model import Compensation, CompensationType


@ENDPOINTS.serve("/compensations", "compensations", steady=False)
def compensations(call: Call) -> Answer:
    """GET /compensations: what is in force in a window of at most one month; without one, this month."""
    company, filters = call.company, Filters(call)
    filters.check(("start_date", "end_date", "person.id", "legal_entity.id"))
    first, last = filters.day("start_date"), filters.day("end_date")
    if first is None and last is None:
        first = company.today().replace(day=1)
        last = next_month(first) - dt.timedelta(days=1)
    if first is None or last is None or last < first or last > next_month(first):
        raise bad_request(call, "The date range must not exceed one month.")
    people, entities = filters.numbers("person.id"), filters.numbers("legal_entity.id")
    rows = [
        row for row in company.compensations.values()
        if row.effective_from <= last
        and (row.effective_to is None or row.effective_to >= first)
        and (not people or row.employee_id in people)
        and (not entities or row.legal_entity_id in entities)
    ]  # fmt: skip
    return listing(
        call, filters, lambda: rows, lambda row: (row.employee_id, row.effective_from.isoformat(), row.id),
        lambda row: compensation_json(call, row), default=100, maximum=100,
    )  # fmt: skip


def next_month(day: dt.date) -> dt.date:
    """The same day of the next month, or its last one."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def compensation_json(call: Call, row: Compensation) -> dict[str, Any]:
    """An entry of pay, without proration. The amount comes as a number or as text."""
    kind = call.company.compensation_types[row.type_id]
    amount: Any = str(row.amount) if call.api.options.hostile and row.employee_id % 7 == 0 else row.amount
    return {
        "id": row.id,
        "person": {"id": str(row.employee_id)},
        "legal_entity": {"id": str(row.legal_entity_id)},
        "type": type_json(kind),
        "amount": {"value": amount, "currency": row.currency},
        "interval": row.interval,
        "effective_from": iso(row.effective_from),
        "weekly_working_hours": row.weekly_working_hours,
        "full_time_weekly_working_hours": 40,
    }


def type_json(row: CompensationType) -> dict[str, Any]:
    """A kind of pay."""
    return {"id": row.id, "name": row.name, "category": row.category}


@ENDPOINTS.serve("/compensations/types", "compensations")
def compensation_types(call: Call) -> Answer:
    """GET /compensations/types."""
    filters = Filters(call)
    filters.check(())
    rows = call.company.compensation_types.values
    return listing(call, filters, rows, lambda row: (row.id,), type_json, default=100, maximum=100)
