"""Views that are computed from the tables: employments, attendance periods, and relations as v1 shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from . import model
from .attendances import periods
from .model import Employee, Employment
from .tables import Tables

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Views(Tables):
    """The tables as the API shows them. Each view is computed when it is read."""

    @property
    def employments(self) -> dict[str, Employment]:
        """Every contract period, as v2 shows them."""
        found = [e for employee_id in self.employees for e in self.employments_of(employee_id)]
        return {employment.id: employment for employment in found}

    def employments_of(self, employee_id: int) -> list[Employment]:
        """The contract periods of a person, newest first."""
        employee = self.employees[employee_id]
        a = employee.attributes
        hours = a["weekly_working_hours"]
        current = Employment(
            id=employee.employment_id, employee_id=employee.id, status=a["status"], type=a["employment_type"],
            position=a["position"] or None, weekly_working_hours=_number(hours) if hours else None,
            start=a["hire_date"], end=a["termination_date"], probation_end=a["probation_period_end"],
            contract_end=a["contract_end_date"], supervisor_id=a["supervisor"], office_id=a["office"],
            department_id=a["department"], team_id=a["team"], cost_centers=a["cost_centers"],
            legal_entity_id=a["subcompany"], job_id=self._job_of(employee), termination_date=a["termination_date"],
            last_working_day=a["last_working_day"], terminated_at=a["last_working_day"],
            termination_type=a["termination_type"] or None, termination_reason=a["termination_reason"] or None,
            created_at=employee.created_at, updated_at=employee.employment_updated_at,
        )  # fmt: skip
        past = [e for e in self.past_employments.values() if e.employee_id == employee_id]
        return [current, *sorted(past, key=lambda e: e.created_at, reverse=True)]

    @property
    def attendance_periods(self) -> dict[str, model.AttendancePeriod]:
        """Every period of work and break, as v2 shows them: the attendances and the overnight shifts."""
        found = {p.id: p for row in self.attendances.values() for p in periods(row)}
        found.update((shift.id, period_of(shift)) for shift in self.shifts.values())
        return found

    def entity(self, employee: Employee, key: str, *, short: bool = False) -> Any:  # noqa: PLR0911  one per relation
        """A relation of an employee as the JSON value that v1 shows for it (see `Employee`)."""
        value = employee.attributes[key]
        if value is None:
            return None
        match key:
            case "supervisor":
                return self.short_employee(value, short=short)
            case "subcompany":
                return _entity("Subcompany", value, name=self.legal_entities[value].name)
            case "office":
                return _entity("Office", value, name=self.offices[value].name)
            case "department":
                return _entity("Department", value, name=self.org_units[value].name)
            case "team":
                return _entity("Team", value, name=self.org_units[value].name)
            case "holiday_calendar":
                c = self.holiday_calendars[value]
                return _entity("HolidayCalendar", value, name=c.name, country=c.country, state=c.state)
            case "work_schedule":
                s = self.work_schedules[value]
                valid_from = None if s.valid_from is None else s.valid_from.isoformat()
                days = dict(zip(WEEKDAYS, s.hours, strict=True))
                return _entity("WorkSchedule", value, name=s.name, valid_from=valid_from, **days)
            case "cost_centers":
                return [
                    _entity("CostCenter", n, name=self.cost_centers[n].name, percentage=p) for n, p in value
                ]
            case _:
                return [
                    _entity("TimeOffType", n, name=self.absence_types[n].name, category=self.absence_types[n].category,
                            entitlement=days)
                    for n, days in value
                ]  # fmt: skip

    def short_employee(self, employee_id: int, *, short: bool = False) -> dict[str, Any]:
        """An employee as v1 shows it inside another record; ``short`` leaves only the id."""
        values = self.employees[employee_id].attributes
        keys = ("id",) if short else ("id", "first_name", "last_name", "email")
        return {
            "type": "Employee",
            "attributes": {
                key: {
                    "label": self.attributes[key].label,
                    "value": values[key],
                    "type": self.attributes[key].type,
                    "universal_id": key,
                }
                for key in keys
            },
        }

    def _job_of(self, employee: Employee) -> str | None:
        jobs = list(self.jobs)
        return jobs[employee.id % len(jobs)] if jobs and employee.id % 3 else None


def period_of(shift: model.Shift) -> model.AttendancePeriod:
    """An overnight shift as v2 shows it."""
    return model.AttendancePeriod(type="WORK", **msgspec.structs.asdict(shift))


def _entity(type_: str, key: int, **values: Any) -> dict[str, Any]:
    return {"type": type_, "attributes": {"id": key, **values}}


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
