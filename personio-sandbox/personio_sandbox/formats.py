"""The formats in which Personio writes dates and timestamps."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from .attendances import EPOCH

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def basic(value: dt.datetime, zone: ZoneInfo) -> str:
    """``2017-12-27T00:00:00+0100``."""
    text = extended(value, zone)
    return text[:-3] + text[-2:]


def extended(value: dt.datetime, zone: ZoneInfo) -> str:
    """``2020-11-18T17:33:55+01:00``."""
    return stamp(int(value.timestamp()), zone)


def spaced(value: dt.datetime, zone: ZoneInfo) -> str:
    """``2014-11-09 00:00:00+01:00``."""
    return extended(value, zone).replace("T", " ")


@lru_cache(maxsize=20_000)
def midnight(value: dt.date, zone: ZoneInfo) -> dt.datetime:
    """Midnight at the start of a day in the time zone, as a timestamp in UTC."""
    return dt.datetime.combine(value, dt.time.min, zone).astimezone(dt.UTC)


def with_millis(value: dt.datetime) -> str:
    """``2025-05-20T14:29:56.510Z``."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"


def php(value: float) -> str:
    """A number as PHP prints it: ``12.5``, ``1.2E+18``."""
    if isinstance(value, int) or (value == 0 or 1e-4 <= abs(value) < 1e15):
        return str(value)
    number = Decimal(repr(value)).normalize()
    mantissa = str(number.scaleb(-number.adjusted()))
    return f"{mantissa}{'' if '.' in mantissa else '.0'}E{number.adjusted():+d}"


CLOCK = tuple(f"{n // 60:02}:{n % 60:02}" for n in range(1440))
"""``HH:MM`` for each minute of a day."""
TIMESTAMP_FORMATS = (extended, basic, spaced)


@lru_cache(maxsize=20_000)
def iso_day(ordinal: int) -> str:
    """``YYYY-MM-DD`` of a day given as an ordinal."""
    return dt.date.fromordinal(ordinal).isoformat()


@lru_cache(maxsize=50_000)
def _hour(hours: int, zone: ZoneInfo) -> tuple[str, str]:
    text = (EPOCH + dt.timedelta(hours=hours)).astimezone(zone).isoformat()
    return text[:14], text[19:]


_CLOCK_HOUR = tuple(f"{n // 60:02}:{n % 60:02}" for n in range(3600))


def stamp(seconds: int, zone: ZoneInfo) -> str:
    """Seconds since 1970 as ``2025-01-17T16:41:08+01:00``; offsets from UTC must be whole hours."""
    hours, rest = divmod(seconds, 3600)
    start, offset = _hour(hours, zone)
    return f"{start}{_CLOCK_HOUR[rest]}{offset}"
