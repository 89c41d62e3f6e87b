"""The attendances, kept in columns: five million of them fit into about 250 MB."""

from __future__ import annotations

import datetime as dt
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from typing import Any, Literal, get_args

from .model import BREAK, SECOND_HALF, Attendance, AttendancePeriod, uuid

Status = Literal["confirmed", "pending", "rejected"]
STATUSES: tuple[Status, ...] = get_args(Status)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
HOLIDAY, TIME_OFF = 1, 2


class Attendances(Mapping[int, Attendance]):
    """A table of attendances by id, ascending; rows are built when they are read.

    The columns are public for those who read many rows: position n of each belongs to ``ids[n]``. ``days`` are
    ordinals, ``starts`` and ``ends`` minutes of the day (-1: still running), ``updated`` seconds since 1970,
    ``statuses`` positions in `STATUSES`, ``projects`` 0 for none, ``notes`` positions in ``comments``.
    """

    def __init__(self, comments: Iterable[str | None] = ()) -> None:
        self.comments: list[str | None] = [None, *comments]
        self._known = {text: n for n, text in enumerate(self.comments)}
        self.ids = array("q")
        self.employees = array("q")
        self.days = array("i")
        self.starts = array("h")
        self.ends = array("h")
        self.breaks = array("h")
        self.statuses = array("b")
        self.projects = array("q")
        self.notes = array("i")
        self.flags = array("b")
        self.updated = array("q")

    @property
    def columns(self) -> tuple[array[int], ...]:
        """All columns, ids first."""
        return (
            self.ids, self.employees, self.days, self.starts, self.ends, self.breaks,
            self.statuses, self.projects, self.notes, self.flags, self.updated,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids)

    def position(self, key: int) -> int:
        """The position of the row in the columns; KeyError if there is none."""
        place = bisect_left(self.ids, key)
        if place == len(self.ids) or self.ids[place] != key:
            raise KeyError(key)
        return place

    def __getitem__(self, key: int) -> Attendance:
        return self.row(self.position(key))

    def row(self, n: int) -> Attendance:
        """The row at a position of the columns."""
        end = self.ends[n]
        return Attendance(
            id=self.ids[n],
            employee_id=self.employees[n],
            date=dt.date.fromordinal(self.days[n]),
            start=_time(self.starts[n]),
            end=None if end < 0 else _time(end),
            break_minutes=self.breaks[n],
            status=STATUSES[self.statuses[n]],
            project_id=self.projects[n] or None,
            comment=self.comments[self.notes[n]],
            is_holiday=bool(self.flags[n] & HOLIDAY),
            is_on_time_off=bool(self.flags[n] & TIME_OFF),
            updated_at=EPOCH + dt.timedelta(seconds=self.updated[n]),
        )

    def put(self, row: Attendance) -> None:
        """Add a row, or replace the one with its id."""
        cells = self._cells(row)
        n = bisect_left(self.ids, row.id)
        if n < len(self.ids) and self.ids[n] == row.id:
            for column, cell in zip(self.columns, cells, strict=True):
                column[n] = cell
        else:
            for column, cell in zip(self.columns, cells, strict=True):
                column.insert(n, cell)

    def remove(self, keys: Iterable[int]) -> None:
        """Remove rows; KeyError, and nothing is removed, if one does not exist."""
        places = {self.position(key) for key in keys}
        keep = bytearray(b"\x01") * len(self.ids)
        for place in places:
            keep[place] = 0
        for column in self.columns:
            column[:] = array(column.typecode, compress(column, keep))

    def _cells(self, row: Attendance) -> tuple[int, ...]:
        note = self._known.get(row.comment)
        if note is None:
            note = self._known[row.comment] = len(self.comments)
            self.comments.append(row.comment)
        return (
            row.id,
            row.employee_id,
            row.date.toordinal(),
            row.start.hour * 60 + row.start.minute,
            -1 if row.end is None else row.end.hour * 60 + row.end.minute,
            row.break_minutes,
            STATUSES.index(row.status),
            row.project_id or 0,
            note,
            HOLIDAY * row.is_holiday + TIME_OFF * row.is_on_time_off,
            int(row.updated_at.timestamp()),
        )


def periods(row: Attendance) -> tuple[AttendancePeriod, ...]:
    """What v2 shows for an attendance: its work, or work, break and work where it has a break."""
    start = dt.datetime.combine(row.date, row.start)
    end = None if row.end is None else dt.datetime.combine(row.date, row.end)
    created_at = min(
        dt.datetime.combine(row.date, row.start, dt.UTC) + dt.timedelta(hours=10), row.updated_at
    )
    shared: dict[str, Any] = {
        "employee_id": row.employee_id,
        "attribution_date": row.date,
        "status": row.status,
        "project_id": row.project_id,
        "comment": row.comment,
        "created_at": created_at,
        "updated_at": row.updated_at,
    }
    if end is None or not row.break_minutes:
        return (AttendancePeriod(id=row.id_v2, type="WORK", start=start, end=end, **shared),)
    pause = dt.timedelta(minutes=row.break_minutes)
    noon = start + dt.timedelta(minutes=(end - start - pause) // dt.timedelta(minutes=2))
    return (
        AttendancePeriod(id=row.id_v2, type="WORK", start=start, end=noon, **shared),
        AttendancePeriod(id=uuid(BREAK, row.id), type="BREAK", start=noon, end=noon + pause, **shared),
        AttendancePeriod(id=uuid(SECOND_HALF, row.id), type="WORK", start=noon + pause, end=end, **shared),
    )


def _time(minutes: int) -> dt.time:
    return dt.time(minutes // 60, minutes % 60)
