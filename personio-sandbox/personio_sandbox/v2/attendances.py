"""Attendance periods: work and breaks, with overnight shifts."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..api import Answer, Call, encode
from ..attendances import STATUSES, periods
from ..formats import CLOCK, iso_day, stamp
from ..model import ATTENDANCE, BREAK, SECOND_HALF, SHIFT, AttendancePeriod, number_of, uuid
from ..views import period_of
from .errors import bad_request, not_found
from .lists import ENDPOINTS, Filters, Key, iso, listing, ref, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..company import Company

_WORDS = tuple(status.upper() for status in STATUSES)
_FILTERS = (
    "id", "person.id", "project.id", "start.date_time.gte", "start.date_time.lte", "end.date_time.gte",
    "end.date_time.lte", "attribution_date.gte", "attribution_date.lte", "updated_at.gte", "updated_at.lte", "status",
    "sort",
)  # fmt: skip
_SORTS = ("person.id", "start.date_time", "end.date_time", "updated_at", "status")
_FAMILIES = (ATTENDANCE, BREAK, SECOND_HALF)
_DAY = 1440
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  local times are counted from here
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_FAR = 2**40
_UTC = ZoneInfo("UTC")


class Periods:
    """The periods as integers: 4 times the position of the attendance, plus 0 work, 1 break, 2 work after the break.

    Shifts are the negative ones. Times are local minutes since 1970.
    """

    def __init__(self, company: Company) -> None:
        self.company = company
        self.shifts = list(company.shifts.values())

    def __iter__(self) -> Iterator[int]:
        table = self.company.attendances
        yield from (-1 - n for n in range(len(self.shifts)))
        for n, (end, pause) in enumerate(zip(table.ends, table.breaks, strict=True)):
            yield 4 * n
            if pause and end >= 0:
                yield 4 * n + 1
                yield 4 * n + 2

    def order(self, code: int) -> Key:
        """The default order."""
        return self.employee(code), self.start(code), self.end(code), self.id(code)

    @functools.cached_property
    def in_order(self) -> list[int]:
        """All periods in the default order."""
        return sorted(self, key=self.order)

    @functools.cached_property
    def starts(self) -> list[int]:
        """Their starts, in the same order."""
        return list(map(self.start, self.in_order))

    def employee(self, code: int) -> int:
        """The employee's id."""
        return (
            self.shifts[-1 - code].employee_id if code < 0 else self.company.attendances.employees[code >> 2]
        )

    def project(self, code: int) -> int:
        """The project's id, 0 for none."""
        return (
            self.shifts[-1 - code].project_id or 0
            if code < 0
            else self.company.attendances.projects[code >> 2]
        )

    def day(self, code: int) -> int | None:
        """The attribution date, as an ordinal. A shift may have none; then no filter by day finds it."""
        if code < 0:
            date = self.shifts[-1 - code].attribution_date
            return None if date is None else date.toordinal()
        return self.company.attendances.days[code >> 2]

    def updated(self, code: int) -> int:
        """Seconds since 1970."""
        if code < 0:
            return int(self.shifts[-1 - code].updated_at.timestamp())
        return self.company.attendances.updated[code >> 2]

    def status(self, code: int) -> int:
        """The position in `STATUSES`."""
        if code < 0:
            return STATUSES.index(self.shifts[-1 - code].status)
        return self.company.attendances.statuses[code >> 2]

    def times(self, code: int) -> tuple[int, int]:
        """Start and end within the day; -1 for a running period."""
        table, n, part = self.company.attendances, code >> 2, code & 3
        start, end, pause = table.starts[n], table.ends[n], table.breaks[n]
        if end < 0 or not pause:
            return start, end
        noon = start + (end - start - pause) // 2
        return ((start, noon), (noon, noon + pause), (noon + pause, end))[part]

    def start(self, code: int) -> int:
        """The start."""
        if code < 0:
            return minutes(self.shifts[-1 - code].start)
        return self._midnight(code) + self.times(code)[0]

    def end(self, code: int) -> int:
        """The end; far in the future for a running period."""
        if code < 0:
            return minutes(self.shifts[-1 - code].end)
        end = self.times(code)[1]
        return _FAR if end < 0 else self._midnight(code) + end

    def _midnight(self, code: int) -> int:
        return (self.company.attendances.days[code >> 2] - _EPOCH_DAY) * _DAY

    def id(self, code: int) -> str:
        """Its UUID."""
        if code < 0:
            return self.shifts[-1 - code].id
        return uuid(_FAMILIES[code & 3], self.company.attendances.ids[code >> 2])

    def row(self, code: int) -> AttendancePeriod:
        """The period."""
        if code < 0:
            return period_of(self.shifts[-1 - code])
        return periods(self.company.attendances.row(code >> 2))[code & 3]


def minutes(moment: dt.datetime) -> int:
    """Local minutes since 1970."""
    return (moment - _EPOCH) // dt.timedelta(minutes=1)


@ENDPOINTS.serve("/attendance-periods", "attendances")
def attendance_periods(call: Call) -> Answer:
    """GET /attendance-periods: all states, work and breaks; date-times in filters have no zone."""
    company, filters = call.company, Filters(call)
    filters.check(_FILTERS)
    every = call.api.cached("attendance-periods", lambda: Periods(company))
    order = _order(call, filters, every)
    conditions = _conditions(call, filters, every)
    low, high = _local(filters, "start.date_time.gte"), _local(filters, "start.date_time.lte")

    def select() -> list[int]:
        found = every.in_order
        if low is not None or high is not None:
            least, most = (-_FAR if low is None else low), (_FAR if high is None else high)
            found = [code for code, at in zip(found, every.starts, strict=True) if least <= at <= most]
        if not conditions:
            return found
        return [code for code in found if all(condition(code) for condition in conditions)]

    def render(code: int) -> bytes | dict[str, Any]:
        return row_json(every, code) if zone is None else period_json(every.row(code), zone)

    zone = zone_of_times(call)
    is_sorted = order == every.order
    return listing(call, filters, select, order, render, default=100, maximum=100, is_sorted=is_sorted)


def _local(filters: Filters, name: str) -> int | None:
    moment = filters.local(name)
    return None if moment is None else minutes(moment)


def zone_of_times(call: Call) -> ZoneInfo | None:
    """The zone whose offset stands behind local times; None where there is no offset."""
    return call.company.zone if call.api.options.spelling == "odd" else None


def _conditions(call: Call, filters: Filters, every: Periods) -> list[Callable[[int], bool]]:
    found: list[Callable[[int], bool]] = []
    ids, people, projects = filters.many("id"), filters.numbers("person.id"), filters.numbers("project.id")
    words = filters.one_of("status", _WORDS)
    if ids:
        found.append(lambda code: every.id(code) in ids)
    if people:
        found.append(lambda code: every.employee(code) in people)
    if projects:
        found.append(lambda code: every.project(code) in projects)
    if words:
        found.append(lambda code: _WORDS[every.status(code)] in words)

    def between(name: str, value: Callable[[int], int | None], read: Callable[[str], int | None]) -> None:
        low, high = read(f"{name}.gte"), read(f"{name}.lte")
        if low is not None:
            found.append(lambda code: (here := value(code)) is not None and here >= low)
        if high is not None:
            found.append(lambda code: (here := value(code)) is not None and here <= high)

    def day(name: str) -> int | None:
        date = filters.day(name)
        return None if date is None else date.toordinal()

    def updated(name: str) -> int | None:
        moment = filters.local(name)
        return None if moment is None else int(moment.replace(tzinfo=call.company.zone).timestamp())

    between("end.date_time", every.end, functools.partial(_local, filters))
    between("attribution_date", every.day, day)
    between("updated_at", every.updated, updated)
    return found


def _order(call: Call, filters: Filters, every: Periods) -> Callable[[int], Key]:
    names = filters.values.get("sort", "person.id,start.date_time,end.date_time").split(",")
    if not {name.removeprefix("-") for name in names} <= set(_SORTS):
        raise bad_request(call)
    columns = dict(
        zip(_SORTS, (every.employee, every.start, every.end, every.updated, every.status), strict=True)
    )
    if names == ["person.id", "start.date_time", "end.date_time"]:
        return every.order
    signs = [(-1 if name.startswith("-") else 1, columns[name.removeprefix("-")]) for name in names]
    return lambda code: (*(sign * column(code) for sign, column in signs), every.id(code))


def row_json(every: Periods, code: int) -> bytes:
    """A period by its code. The same JSON as `period_json`, but written directly from the columns."""
    if code < 0:
        return encode(period_json(period_of(every.shifts[-1 - code])))
    table, n = every.company.attendances, code >> 2
    (start, end), date, updated = every.times(code), iso_day(table.days[n]), table.updated[n]
    created = min((table.days[n] - _EPOCH_DAY) * 86_400 + (table.starts[n] + 600) * 60, updated)
    ended = "null" if end < 0 else f'{{"date_time":"{date}T{CLOCK[end]}:00"}}'
    project = f'{{"id":"{table.projects[n]}"}}' if table.projects[n] else "null"
    kind, generated = ("BREAK", "true") if code & 3 == 1 else ("WORK", "false")
    text = (
        f'{{"id":"{every.id(code)}","person":{{"id":"{table.employees[n]}"}},"type":"{kind}",'
        f'"start":{{"date_time":"{date}T{CLOCK[start]}:00"}},"end":{ended},"attribution_date":"{date}",'
        f'"comment":{encode(table.comments[table.notes[n]]).decode()},"project":{project},'
        f'"approval":{{"status":"{_WORDS[table.statuses[n]]}"}},"is_auto_generated":{generated},'
        f'"created_at":"{_utc(created)}","updated_at":"{_utc(updated)}"}}'
    )
    return text.encode()


def _utc(seconds: int) -> str:
    return stamp(seconds, _UTC)[:19] + "Z"


def period_json(row: AttendancePeriod, zone: ZoneInfo | None = None) -> dict[str, Any]:
    """A period; its times are local, without an offset unless a zone is given."""
    return {
        "id": row.id,
        "person": {"id": str(row.employee_id)},
        "type": row.type,
        "start": {"date_time": row.start.replace(tzinfo=zone).isoformat()},
        "end": None if row.end is None else {"date_time": row.end.replace(tzinfo=zone).isoformat()},
        "attribution_date": iso(row.attribution_date),
        "comment": row.comment,
        "project": ref(row.project_id),
        "approval": {"status": row.status.upper()},
        "is_auto_generated": row.type == "BREAK",
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@ENDPOINTS.serve("/attendance-periods/{period_id}", "attendances")
def attendance_period(call: Call) -> Answer:
    """GET /attendance-periods/{id}."""
    company, key = call.company, call.params["period_id"]
    if number_of(key, SHIFT) is not None and key in company.shifts:
        return Answer(encode(period_json(period_of(company.shifts[key]), zone_of_times(call))))
    for family in _FAMILIES:
        number = number_of(key, family)
        if number is not None and number in company.attendances:
            for row in periods(company.attendances[number]):
                if row.id == key:
                    return Answer(encode(period_json(row, zone_of_times(call))))
    raise not_found(call)
