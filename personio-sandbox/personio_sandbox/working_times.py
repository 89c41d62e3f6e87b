"""Generate the attendances: two periods per working day for each employee, and shifts over midnight."""

from __future__ import annotations

import datetime as dt
from array import array
from typing import TYPE_CHECKING

from .attendances import HOLIDAY, STATUSES, Attendances
from .attendances import TIME_OFF as ON_TIME_OFF
from .model import SHIFT, Shift, uuid

if TYPE_CHECKING:
    import random

    from .views import Views

COMMENTS = (
    "Customer visit", "Änderung nach Rücksprache", 'He said "ok"', "Zeile 1\nZeile 2", "", "back\\slash; and, comma",
    "🚆 late",
)  # fmt: skip


def generate_attendances(company: Views, rng: random.Random) -> None:
    """Two periods per working day for each employee, back in time until the total is reached."""
    options, today = company.options, company.today()
    company.attendances = Attendances(COMMENTS)
    default = len(company.employees) * options.attendances_per_employee
    total = default if options.attendances is None else options.attendances
    spans = [
        (
            e.attributes["hire_date"].toordinal(),
            (e.attributes["termination_date"] or dt.date.max).toordinal(),
            e.id,
        )
        for e in company.employees.values()
    ]
    if not spans:
        return
    everyone = [employee_id for _, _, employee_id in spans]
    shifts: list[tuple[int, list[int]]] = []
    day, missing = today.toordinal(), total
    while missing > 0:
        day -= 1
        # Weekends are left out, except Sundays when the clocks change: those days have 23 or 25 hours.
        change = _clock_change(day)
        if day % 7 in (6, 0) and not change:
            continue
        working = [e for hired, ended, e in spans if hired <= day <= ended] or everyone
        people = [e for e in (working[::10] if change else working) for _ in (0, 1)][-missing:]
        shifts.append((day, people))
        missing -= len(people)
    pattern = _Pattern(rng, 2 * len(spans), list(company.projects))
    for day, people in reversed(shifts):
        pattern.append(company, day, people, recent=day > today.toordinal() - 15)
    for n in range(-(-len(spans) // 5)):
        start = dt.datetime.combine(today - dt.timedelta(days=3 + n % 90), dt.time(22))
        changed = (start + dt.timedelta(hours=9)).replace(tzinfo=dt.UTC)
        company.shifts[uuid(SHIFT, n + 1)] = Shift(
            id=uuid(SHIFT, n + 1), employee_id=everyone[n * 5], start=start, end=start + dt.timedelta(hours=8),
            attribution_date=start.date(), created_at=changed, updated_at=changed,
        )  # fmt: skip


def _clock_change(day: int) -> bool:
    date = dt.date.fromordinal(day)
    return date.weekday() == 6 and date.month in (3, 10) and date.day > 24


class _Pattern:
    """Random columns of attendances. Each day takes a slice of them: faster than random numbers for each row."""

    def __init__(self, rng: random.Random, longest_day: int, projects: list[int]) -> None:
        self.rng, self.size = rng, longest_day + 8000
        pairs = [self._day() for _ in range(self.size // 2 + 1)]
        rows = [row for pair in pairs for row in pair]
        self.starts, self.ends, self.breaks = (array("h", column) for column in zip(*rows, strict=True))
        self.projects = array("q", (rng.choice(projects) if rng.random() < 0.4 else 0 for _ in rows))
        self.notes = array(
            "i", (rng.randrange(1, len(COMMENTS) + 1) if rng.random() < 0.1 else 0 for _ in rows)
        )
        self.flags = array(
            "b", (rng.choice((HOLIDAY, ON_TIME_OFF)) if rng.random() < 0.01 else 0 for _ in rows)
        )
        # Half of a day's rows are approved together and share one timestamp.
        self.changed = array("i", (14_400 if rng.random() < 0.5 else rng.randrange(86_400) for _ in rows))
        self.recent = array("b", (rng.choice((0, 0, 0, 1, 1, 2)) for _ in rows))

    def _day(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        begin, noon = self.rng.randrange(360, 600, 5), self.rng.randrange(660, 780, 5)
        break_minutes = self.rng.choice((0, 0, 0, 15, 50))
        return (begin, noon, 0), (noon + 45, noon + 45 + self.rng.randrange(120, 360, 5), break_minutes)

    def append(self, company: Views, day: int, people: list[int], *, recent: bool) -> None:
        """Add the rows of one day."""
        table, count = company.attendances, len(people)
        at = self.rng.randrange(0, self.size - count, 2)
        cut = slice(at, at + count)
        first = table.ids[-1] + 1 if table.ids else 5_000_001
        table.ids.extend(range(first, first + count))
        table.employees.extend(people)
        table.days.extend([day] * count)
        table.starts.extend(self.starts[cut])
        table.ends.extend(self.ends[cut])
        table.breaks.extend(self.breaks[cut])
        table.statuses.extend(self.recent[cut] if recent else bytes(count))
        table.projects.extend(self.projects[cut])
        table.notes.extend(self.notes[cut])
        table.flags.extend(self.flags[cut])
        evening = (day - dt.date(1970, 1, 1).toordinal()) * 86_400 + 57_600
        latest = int(company.now().timestamp())
        table.updated.extend([min(evening + later, latest) for later in self.changed[cut]])
        if recent:
            for n in range(len(table.ids) - count + 1, len(table.ids), 40):
                table.ends[n], table.breaks[n] = -1, 0
                table.statuses[n] = STATUSES.index("pending")
