"""The invented company: its tables, and the ways to change them."""

from __future__ import annotations

import datetime as dt
import random
import threading
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from . import founding, model, webhooks
from .attendances import Attendances, periods
from .cascade import cascade
from .clock import Clock
from .model import (
    EMPLOYMENT,
    HOURLY,
    OTHER,
    SHIFT,
    TIME_OFF,
    TYPE,
    Attribute,
    Employee,
    Employment,
    uuid,
)
from .options import Options
from .people import POSITIONS, Hiring

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Attributes that v2 shows on the person; the others belong to the employment.
PERSON_KEYS = frozenset(
    {"first_name", "last_name", "preferred_name", "email", "gender", "status", "profile_picture"}
)
# The v2 ids of these tables follow from the number of the row.
FAMILIES = {"time_offs": TIME_OFF, "absence_types": TYPE}
# What `change` alters, table by table: fields that no other record shows.
CHANGES = {
    "employees": "position",
    "time_offs": "comment",
    "hourly_absences": "comment",
    "attendances": "comment",
    "shifts": "comment",
    "projects": "description",
    "document_categories": "name",
    "absence_types": "approval_required",
    "reports": "description",
    "balances": "balance",
    "documents": "comment",
    "compensations": "amount",
    "candidates": "location",
    "applications": "is_anonymized",
    "recruiting_jobs": "name",
}


# Employees and vacancies refer to these; the company keeps them as they are.
STRUCTURE = frozenset({
    "legal_entities", "offices", "org_units", "cost_centers", "holiday_calendars", "work_schedules",
    "compensation_types", "recruiting_categories",
})  # fmt: skip


class Company:
    """The single truth that both API versions show: one mapping per table, keyed by id.

    Read the tables freely; change them with `update`, `insert`, `delete` and `change`, which move the time
    stamps that Personio would move, record the events that its webhooks would tell, and may be called from any
    thread.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.clock = Clock(self.options.now)
        self.zone = ZoneInfo(self.options.time_zone)
        self.lock = threading.RLock()
        self._changes = 0
        self.found_again()

    def found_again(self) -> None:
        """Start over: all tables as they were in the beginning (or, with a clock that was moved, would be now)."""
        with self.lock:
            self._changes += 1
            self._rounds = 0
            self.founded = (self.now() - dt.timedelta(days=12 * 365)).replace(hour=9, minute=0, second=0)
            self.attributes: dict[str, Attribute] = {}
            self.employees: dict[int, Employee] = {}
            self.legal_entities: dict[int, model.LegalEntity] = {}
            self.offices: dict[int, model.Office] = {}
            self.org_units: dict[int, model.OrgUnit] = {}
            self.cost_centers: dict[int, model.CostCenter] = {}
            self.holiday_calendars: dict[int, model.HolidayCalendar] = {}
            self.work_schedules: dict[int, model.WorkSchedule] = {}
            self.absence_types: dict[int, model.AbsenceType] = {}
            self.time_offs: dict[int, model.TimeOff] = {}
            self.hourly_absences: dict[str, model.HourlyAbsence] = {}
            self.attendances = Attendances(founding.COMMENTS)
            self.shifts: dict[str, model.Shift] = {}
            self.balances: dict[tuple[int, int], model.Balance] = {}
            self.projects: dict[int, model.Project] = {}
            self.document_categories: dict[int, model.DocumentCategory] = {}
            self.reports: dict[str, model.Report] = {}
            self.past_employments: dict[str, Employment] = {}
            self.jobs: dict[str, model.Job] = {}
            self.salary_bands: dict[str, model.SalaryBand] = {}
            self.compensation_types: dict[str, model.CompensationType] = {}
            self.compensations: dict[str, model.Compensation] = {}
            self.documents: dict[str, model.Document] = {}
            self.recruiting_categories: dict[str, model.RecruitingCategory] = {}
            self.recruiting_jobs: dict[str, model.RecruitingJob] = {}
            self.candidates: dict[str, model.Candidate] = {}
            self.applications: dict[str, model.Application] = {}
            self.webhooks: dict[str, model.Webhook] = {}
            self.events: list[model.Event] = []
            self.hiring: Hiring
            founding.found(self)

    # --- time -------------------------------------------------------------------------------------------------

    def now(self) -> dt.datetime:
        """The moment that changes are stamped with, in UTC."""
        return self.clock.now()

    def today(self) -> dt.date:
        """The day at the company's place."""
        return self.now().astimezone(self.zone).date()

    @property
    def version(self) -> int:
        """Moves with every change of the data or the clock."""
        return self._changes + self.clock.moves

    # --- views ------------------------------------------------------------------------------------------------

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of all tables."""
        tables = (name for name, rows in vars(self).items() if isinstance(rows, dict | Attendances))
        return tuple(name for name in tables if name != "attributes")

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

    # --- changes ----------------------------------------------------------------------------------------------

    def update(self, table: str, key: Any, **values: Any) -> Any:
        """Set fields of a record (of an employee: attributes) and return the record.

        Raises ValueError for an unknown table or field, KeyError for an unknown id.
        """
        with self.lock:
            rows = self.rows(table)
            old = rows[key]
            if isinstance(old, Employee):
                self.touch_employee(old, values)
                new = old
            else:
                self._check_fields(table, old, values)
                if "updated_at" in old.__struct_fields__:
                    values.setdefault("updated_at", self.now())
                new = msgspec.structs.replace(old, **values)
                self._put(table, key, new)
            self._tell(table, new, "updated")
            self._changes += 1
            return new

    def insert(self, table: str, **values: Any) -> Any:
        """Add a record and return it. What is not given is taken from the table's last record or invented."""
        with self.lock:
            rows, now = self.rows(table), self.now()
            if table == "employees":
                key = values.pop("id", None) or max(self.employees, default=founding.FIRST_EMPLOYEE - 1) + 1
                employee = self.hiring.hire(key - founding.FIRST_EMPLOYEE, key, list(self.employees)[:1])
                self.employees[key] = employee
                employee.attributes["created_at"] = now
                self.touch_employee(employee, values)
                employee.person_updated_at = employee.employment_updated_at = now
                for type_id in set(founding.BALANCE_TYPES) & set(self.absence_types):
                    fresh = model.Balance(
                        employee_id=key, absence_type_id=type_id, balance=0, available_balance=0
                    )
                    self.balances[key, type_id] = fresh
                new: Any = employee
            else:
                new = self._grown(table, rows, values)
                self._put(table, self._key(table, new), new)
            self._tell(table, new, "created")
            self._changes += 1
            return new

    def delete(self, table: str, *keys: Any) -> None:
        """Take records away with all that belongs to them. KeyError, and nothing happens, if one is unknown."""
        with self.lock:
            rows = self.rows(table)
            if table in STRUCTURE:
                raise ValueError(f"{table} belongs to the structure of the company and cannot lose records")
            gone = [rows[key] for key in keys]
            if isinstance(rows, Attendances):
                rows.remove(keys)
            else:
                for key in keys:
                    del rows[key]
            for row in gone:
                self._tell(table, row, "deleted")
            if keys:
                cascade(self, table, set(keys))
            self._changes += 1

    def change(
        self, percent: float = 1, tables: Sequence[str] = ("employees", "time_offs", "attendances")
    ) -> dict[str, list[Any]]:
        """Alter that share of each table (at least one record) and return the ids, by table.

        Which ones follows from the seed and from how often this was called.
        """
        unknown = [table for table in tables if table not in CHANGES]
        if unknown:
            raise ValueError(f"change() does not know what to alter in {', '.join(unknown)}: use update()")
        with self.lock:
            changed = {table: self.sample(table, percent) for table in tables}
            for table, keys in changed.items():
                rows = self.rows(table)
                for key in keys:
                    self.update(table, key, **{CHANGES[table]: self._altered(table, rows[key])})
            return changed

    def sample(self, table: str, percent: float) -> list[Any]:
        """The ids of that share of a table (at least one); another choice each time, the same for a seed."""
        with self.lock:
            self._rounds += 1
            rng = random.Random(f"{self.options.seed}/{table}/{self._rounds}")  # noqa: S311
            keys = list(self.rows(table))
            return sorted(rng.sample(keys, min(len(keys), max(1, round(len(keys) * percent / 100)))))

    def rows(self, table: str) -> Any:
        """A table by its name; ValueError for an unknown one."""
        if table not in self.tables:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(self.tables)}")
        return getattr(self, table)

    # --- inside -----------------------------------------------------------------------------------------------

    def _check_fields(self, table: str, row: Any, values: Iterable[str]) -> None:
        unknown = sorted(set(values) - set(row.__struct_fields__))
        if unknown:
            raise ValueError(
                f"{table} has no field {', '.join(unknown)}; it has {', '.join(row.__struct_fields__)}"
            )

    def _put(self, table: str, key: Any, row: Any) -> None:
        if isinstance(row, model.Attendance):
            self.attendances.put(row)
        else:
            getattr(self, table)[key] = row

    def _key(self, table: str, row: Any) -> Any:
        return (row.employee_id, row.absence_type_id) if table == "balances" else row.id

    def touch_employee(self, employee: Employee, values: dict[str, Any]) -> None:
        """Set attributes and move the time stamps, without an event."""
        unknown = sorted(set(values) - set(self.attributes) - {"currency"})
        if unknown:
            raise ValueError(f"employees have no attribute {', '.join(unknown)}")
        now = self.now()
        employee.currency = values.pop("currency", employee.currency)
        employee.attributes.update(values)
        keys = set(values)
        if keys & PERSON_KEYS or any(self.attributes[key].custom for key in keys):
            employee.person_updated_at = now
        if keys - PERSON_KEYS:
            employee.employment_updated_at = now
        if "last_modified_at" not in values:
            employee.attributes["last_modified_at"] = now
        for pay in self.compensations.values() if "fix_salary" in values else ():
            if pay.employee_id == employee.id and pay.effective_to is None and pay.interval == "MONTHLY":
                pay.amount = values["fix_salary"]

    def _grown(self, table: str, rows: Any, values: dict[str, Any]) -> Any:
        """A new record like the last one of its table."""
        if not rows:
            raise ValueError(f"{table} is empty: there is no record to take the missing values from")
        last = next(reversed(rows)) if isinstance(rows, dict) else rows.ids[-1]
        like, now = rows[last], self.now()
        self._check_fields(table, like, values)
        fields = set(like.__struct_fields__)
        if "id" in fields and "id" not in values:
            values["id"] = last + 1 if isinstance(last, int) else self._fresh_uuid(table, len(rows))
        if "id_v2" in fields and table in FAMILIES:
            values.setdefault("id_v2", uuid(FAMILIES[table], values["id"]))
        for stamp in fields & {"created_at", "updated_at"}:
            values.setdefault(stamp, now)
        new = msgspec.structs.replace(like, **values)
        if self._key(table, new) in rows:
            raise ValueError(f"{table} already has a record with the key {self._key(table, new)!r}")
        return new

    def _fresh_uuid(self, table: str, count: int) -> str:
        family = {"hourly_absences": HOURLY, "shifts": SHIFT, "past_employments": EMPLOYMENT}.get(
            table, OTHER
        )
        number = 900_000_000 + count
        while uuid(family, number) in getattr(self, table):
            number += 1
        return uuid(family, number)

    def _altered(self, table: str, row: Any) -> Any:
        field = CHANGES[table]
        value = row.attributes[field] if isinstance(row, Employee) else getattr(row, field)
        if isinstance(value, bool):
            return not value
        if isinstance(value, int | float):
            return value + 1
        if table == "employees":
            return POSITIONS[(self._rounds + row.id) % len(POSITIONS)] + f" {self._rounds}"
        return (
            f"changed {self._rounds}"
            if table in ("attendances", "time_offs")
            else f"{value or ''} ({self._rounds})"
        )

    def _job_of(self, employee: Employee) -> str | None:
        jobs = list(self.jobs)
        return jobs[employee.id % len(jobs)] if jobs and employee.id % 3 else None

    def _tell(self, table: str, row: Any, what: str) -> None:
        """Record the webhook event of a change."""
        if table in webhooks.SUBJECTS:
            self.events.append(webhooks.event(len(self.events), table, row, what, self.now()))
        if isinstance(row, Employee):
            self.events.append(webhooks.employment_event(len(self.events), row, what, self.now()))


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def period_of(shift: model.Shift) -> model.AttendancePeriod:
    """An overnight shift as v2 shows it."""
    return model.AttendancePeriod(type="WORK", **msgspec.structs.asdict(shift))


def _entity(type_: str, key: int, **values: Any) -> dict[str, Any]:
    return {"type": type_, "attributes": {"id": key, **values}}


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
