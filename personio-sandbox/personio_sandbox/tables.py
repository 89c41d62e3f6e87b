"""The tables of the company, and its clock."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .attendances import Attendances
from .clock import Clock
from .options import Options

if TYPE_CHECKING:
    from . import model
    from .people import Hiring

# Attributes that v2 shows on the person; the others belong to the employment.
PERSON_KEYS = frozenset(
    {"first_name", "last_name", "preferred_name", "email", "gender", "status", "profile_picture"}
)


class Tables:
    """One mapping per table, keyed by id; empty until `generate_company` fills them."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self.clock = Clock(self.options.now)
        self.zone = ZoneInfo(self.options.time_zone)
        self.lock = threading.RLock()
        self._changes = 0
        self.clear()

    def clear(self) -> None:
        """Empty all tables."""
        self._changes += 1
        self._rounds = 0
        self.founded = (self.now() - dt.timedelta(days=12 * 365)).replace(hour=9, minute=0, second=0)
        self.attributes: dict[str, model.Attribute] = {}
        self.employees: dict[int, model.Employee] = {}
        self.legal_entities: dict[int, model.LegalEntity] = {}
        self.offices: dict[int, model.Office] = {}
        self.org_units: dict[int, model.OrgUnit] = {}
        self.cost_centers: dict[int, model.CostCenter] = {}
        self.holiday_calendars: dict[int, model.HolidayCalendar] = {}
        self.work_schedules: dict[int, model.WorkSchedule] = {}
        self.absence_types: dict[int, model.AbsenceType] = {}
        self.time_offs: dict[int, model.TimeOff] = {}
        self.hourly_absences: dict[str, model.HourlyAbsence] = {}
        self.attendances = Attendances()
        self.shifts: dict[str, model.Shift] = {}
        self.balances: dict[tuple[int, int], model.Balance] = {}
        self.projects: dict[int, model.Project] = {}
        self.document_categories: dict[int, model.DocumentCategory] = {}
        self.reports: dict[str, model.Report] = {}
        self.past_employments: dict[str, model.Employment] = {}
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

    def now(self) -> dt.datetime:
        """The current time in UTC, which becomes the time stamp of changes."""
        return self.clock.now()

    def today(self) -> dt.date:
        """The current day in the company's time zone."""
        return self.now().astimezone(self.zone).date()

    @property
    def version(self) -> int:
        """Increases with every change of the data or the clock."""
        return self._changes + self.clock.moves

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of all tables."""
        tables = (name for name, rows in vars(self).items() if isinstance(rows, dict | Attendances))
        return tuple(name for name in tables if name != "attributes")

    def rows(self, table: str) -> Any:
        """A table by its name; ValueError for an unknown one."""
        if table not in self.tables:
            raise ValueError(f"there is no table {table!r}; there are {', '.join(self.tables)}")
        return getattr(self, table)

    def touch_employee(self, employee: model.Employee, values: dict[str, Any]) -> None:
        """Set attributes and the time stamps, without recording an event."""
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
