"""Generate absences, balances and working times as a real company has them, for `realistic`.

The other tables of such a company are those of every company; `tidy` gives plain names to what tests need odd.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from .attendances import STATUSES, Attendances
from .model import HOURLY, TIME_OFF, Balance, Employee, HourlyAbsence, TimeOff, uuid

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from .views import Views

VACATION, SICK, PARENTAL, CHILD_SICK, HOME_OFFICE, SPECIAL, UNPAID, OVERTIME, DOCTOR, TRAINING = range(
    1501, 1511
)
# Where the year has most colds.
_SICK_MONTHS = (16, 16, 12, 8, 6, 5, 5, 5, 8, 11, 13, 12)
_MONTHS_OF_WORK = 12
"""Whole months of working times, before the current one."""


class Calendar:
    """The absences of one employee: nobody is away twice on a day."""

    def __init__(self, employee: Employee, first: dt.date, last: dt.date) -> None:
        values = employee.attributes
        self.first = max(first, values["hire_date"])
        self.last = min(last, values["termination_date"] or last)
        self.taken: set[dt.date] = set()
        self.found: list[tuple[dt.date, dt.date, int, bool]] = []

    def add(self, type_id: int, start: dt.date, days: int, *, half: bool = False) -> None:
        """Be away for so many working days, unless that is impossible."""
        span: list[dt.date] = []
        while len(span) < days:
            if start.weekday() < 5:
                span.append(start)
            start += dt.timedelta(days=1)
        if span[0] < self.first or span[-1] > self.last or self.taken.intersection(span):
            return
        self.taken.update(span)
        self.found.append((span[0], span[-1], type_id, half))


def generate_absences(company: Views, rng: random.Random) -> None:
    """Fill the tables of absences: vacation around the holidays, colds in winter, some parents."""
    today, rows = company.today(), []
    for employee in company.employees.values():
        calendar = Calendar(
            employee, today - dt.timedelta(days=365 * company.options.years), today + dt.timedelta(days=270)
        )
        if employee.attributes["status"] == "leave":
            begin = today - dt.timedelta(days=rng.randrange(20, 200))
            calendar.add(PARENTAL, begin, (today - begin).days * 5 // 7 + rng.randrange(10, 80))
        for year in range(today.year - company.options.years, today.year + 1):
            _plan(calendar, employee, year, today, rng)
        if rng.random() < 0.5:
            calendar.add(VACATION, _monday(today, rng.randrange(2, 20)), 5)
        rows += [(*found, employee.id) for found in calendar.found]
    for number, (start, end, type_id, half, employee_id) in enumerate(sorted(rows), 300_001):
        created, updated = _stamps(company, rng, start, early=type_id in {VACATION, PARENTAL, UNPAID})
        company.time_offs[number] = TimeOff(
            id=number, id_v2=uuid(TIME_OFF, number), employee_id=employee_id, absence_type_id=type_id,
            status="pending" if start > today and rng.random() < 0.3 else "approved", start=start, end=end,
            half_day_start=half, certificate="required" if type_id == SICK and end > start else "not-required",
            created_by="API", created_at=created, updated_at=updated,
        )  # fmt: skip
    _hours(company, rng)


def _plan(calendar: Calendar, employee: Employee, year: int, today: dt.date, rng: random.Random) -> None:
    """One year of absences; only vacation is known ahead."""
    calendar.add(VACATION, _monday(dt.date(year, 6, 22), rng.randrange(10)), rng.choice((10, 10, 15)))
    calendar.add(VACATION, _monday(dt.date(year, 3, 22), rng.randrange(8)), 5)
    calendar.add(VACATION, _monday(dt.date(year, 10, 1), rng.randrange(5)), rng.choice((3, 5)))
    if rng.random() < 0.7:
        calendar.add(VACATION, dt.date(year, 12, 23), rng.choice((3, 4, 5)))
    for _ in range(3):
        calendar.add(VACATION, _day(year, rng), 1, half=rng.random() < 0.3)
    ahead = calendar.last
    calendar.last = min(ahead, today)
    for _ in range(rng.choice((0, 1, 2, 3, 3, 4, 5, 7))):
        month = rng.choices(range(1, 13), _SICK_MONTHS)[0]
        calendar.add(SICK, dt.date(year, month, rng.randrange(1, 29)), rng.choice((1, 1, 2, 3, 3, 4, 5, 8)))
    if rng.random() < 0.02:
        calendar.add(SICK, _day(year, rng), rng.randrange(30, 60))
    if rng.random() < 0.03:
        calendar.add(PARENTAL, _day(year, rng), rng.randrange(40, 200))
    for _ in range(3 if employee.id % 6 == 0 else 0):
        calendar.add(CHILD_SICK, _day(year, rng), rng.choice((1, 1, 2)))
    for _ in range(8 if employee.id % 3 else 0):
        calendar.add(HOME_OFFICE, _day(year, rng), 1)
    if rng.random() < 0.3:
        calendar.add(SPECIAL, _day(year, rng), rng.choice((1, 1, 2)))
    if rng.random() < 0.02:
        calendar.add(UNPAID, _day(year, rng), 10)
    calendar.last = ahead


def _hours(company: Views, rng: random.Random) -> None:
    """Absences measured in hours: some hours of overtime, at the doctor's, in a course."""
    today, number = company.today(), 0
    first = today - dt.timedelta(days=365 * company.options.years)
    for employee in company.employees.values():
        for type_id, times, lengths in (
            (OVERTIME, 3, (120, 240, 480)), (DOCTOR, 2, (60, 90, 120, 180)), (TRAINING, 1, (240, 480)),
        ):  # fmt: skip
            for _ in range(company.options.years * rng.randrange(times + 1)):
                day = first + dt.timedelta(days=rng.randrange((today - first).days + 30))
                until = employee.attributes["termination_date"] or day
                if day.weekday() > 4 or not employee.attributes["hire_date"] <= day <= until:
                    continue
                number += 1
                minutes = rng.choice(lengths)
                start = dt.datetime.combine(day, dt.time(rng.randrange(8, 11)), company.zone).astimezone(
                    dt.UTC
                )
                created, updated = _stamps(company, rng, day, early=False)
                absence = HourlyAbsence(
                    id=uuid(HOURLY, number), employee_id=employee.id, absence_type_id=type_id,
                    status="pending" if day > today else "approved", start=start,
                    end=start + dt.timedelta(minutes=minutes), effective_duration=minutes, created_by=employee.id,
                    created_at=created, updated_at=updated, approved_at=None if day > today else updated,
                )  # fmt: skip
                company.hourly_absences[absence.id] = absence


def generate_balances(company: Views, rng: random.Random) -> None:
    """What is left of this year's vacation, special leave and overtime, from the absences."""
    today = company.today()
    taken: dict[tuple[int, int], float] = {}
    planned: dict[tuple[int, int], float] = {}
    for absence in company.time_offs.values():
        for day, count in absence.days.items():
            if day.year == today.year:
                table, key = (
                    taken if day <= today else planned,
                    (absence.employee_id, absence.absence_type_id),
                )
                table[key] = table.get(key, 0) + count
    for employee in company.employees.values():
        entitled = dict(employee.attributes["absence_entitlement"]).get(VACATION) or 28
        for type_id, whole in (
            (VACATION, entitled + rng.choice((0, 0, 1, 2, 3, 5))), (SPECIAL, 3), (OVERTIME, rng.randrange(50)),
        ):  # fmt: skip
            key = (employee.id, type_id)
            left = whole - taken.get(key, 0)
            company.balances[key] = Balance(
                employee_id=employee.id, absence_type_id=type_id, balance=left,
                available_balance=round(left - planned.get(key, 0), 2),
            )  # fmt: skip


def generate_attendances(company: Views, rng: random.Random) -> None:
    """A period of work per working day for two of three employees, for a year."""
    today, table = company.today(), Attendances()
    company.attendances = table
    away = {(absence.employee_id, day) for absence in company.time_offs.values() for day in absence.days}
    away -= {(absence.employee_id, absence.start) for absence in company.time_offs.values()
             if absence.absence_type_id == HOME_OFFICE}  # fmt: skip
    people = [employee for employee in company.employees.values() if employee.id % 3]
    usual = {employee.id: 60 * rng.randrange(7, 10) + 5 * rng.randrange(12) for employee in people}
    latest = int(company.now().timestamp())
    for day in _working_days(today):
        evening = int(dt.datetime.combine(day, dt.time(18), dt.UTC).timestamp())
        recent = (today - day).days < 12
        for employee in people:
            until = employee.attributes["termination_date"] or day
            if not employee.attributes["hire_date"] <= day <= until or (employee.id, day) in away:
                continue
            length = float(employee.attributes["weekly_working_hours"]) * 12
            pause = rng.choice((30, 45, 45, 60)) if length > 300 else 0
            start = usual[employee.id] + 5 * rng.randrange(-4, 5)
            status = rng.choices(STATUSES, (50, 50, 0) if recent else (995, 0, 5))[0]
            cells = (
                5_000_001 + len(table), employee.id, day.toordinal(), start,
                start + pause + int(length) // 5 * 5 + 5 * rng.randrange(-6, 10), pause, STATUSES.index(status),
                rng.choice(list(company.projects)) if rng.random() < 0.4 else 0, 0, 0,
                min(evening + rng.randrange(86_400), latest),
            )  # fmt: skip
            for column, cell in zip(table.columns, cells, strict=True):
                column.append(cell)


def tidy(company: Views) -> None:
    """Give plain names to what has odd ones."""
    company.legal_entities[171].name = "Lindenquist Nord KG"
    for table, name, plain in (
        (company.document_categories, 'Signed "NDAs"', "Signed NDAs"),
        (company.compensation_types, 'Bonus "Jahresende"', "Annual bonus"),
        (company.reports, 'Career "steps" & salaries', "Career and salaries"),
    ):
        for row in table.values():
            if row.name == name:
                row.name = plain
    for number, job in enumerate(company.recruiting_jobs.values(), 1):
        job.name = f"Opening {number} (m/w/d)"


STEPS = {
    "founding._absences": generate_absences,
    "founding._balances": generate_balances,
    "founding._attendances": generate_attendances,
}
"""What is generated in another way than usual, by the name of the step."""


def _working_days(today: dt.date) -> Iterator[dt.date]:
    """From the first of the month a year ago until yesterday."""
    day = today.replace(day=1)
    for _ in range(_MONTHS_OF_WORK):
        day = (day - dt.timedelta(days=1)).replace(day=1)
    while day < today:
        if day.weekday() < 5:
            yield day
        day += dt.timedelta(days=1)


def _day(year: int, rng: random.Random) -> dt.date:
    return dt.date(year, 1, 1) + dt.timedelta(days=rng.randrange(365))


def _monday(day: dt.date, weeks: int) -> dt.date:
    return day + dt.timedelta(days=7 * weeks - day.weekday())


def _stamps(
    company: Views, rng: random.Random, day: dt.date, *, early: bool
) -> tuple[dt.datetime, dt.datetime]:
    """When an absence was entered and last changed: vacation weeks ahead, an illness on its day."""
    now = company.now()
    moment = dt.datetime.combine(
        day, dt.time(rng.randrange(6, 18), rng.randrange(60), rng.randrange(60)), dt.UTC
    )
    created = min(
        moment - dt.timedelta(days=rng.randrange(14, 120) if early else 0), now - dt.timedelta(hours=1)
    )
    return created, min(created + dt.timedelta(seconds=rng.randrange(60, 3 * 86_400)), now)
