"""Shared by the endpoints of version 1: parameters, envelopes and pages."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from ..api import Answer, Call, Endpoints, encode
from .errors import invalid

ENDPOINTS = Endpoints("/v1")


Rows = Sequence[Any]


def number(call: Call, name: str, default: int) -> int:
    """A whole number, not negative."""
    text = call.query.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit():
        raise invalid(name, f"The {name} must be an integer.")
    return int(text)


def day(call: Call, name: str) -> dt.date | None:
    """A day; of a timestamp the date as written."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        raise invalid(name, f"The {name} is not a valid date.") from None


def moment(call: Call, name: str, *, end_of_day: bool = False) -> dt.datetime | None:
    """A timestamp; without an offset it is the company's local time. A day stands for its start (or end)."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        if len(text) == 10:
            time = dt.time.max if end_of_day else dt.time.min
            return dt.datetime.combine(dt.date.fromisoformat(text), time, call.company.zone)
        # A plus sign that was not escaped arrives as a space.
        value = dt.datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise invalid(name, f"The {name} is not a valid date.") from None
    return value if value.tzinfo else value.replace(tzinfo=call.company.zone)


def answer(data: Any, **more: Any) -> Answer:
    """A successful answer."""
    return Answer(encode({"success": True, **more, "data": data}))


def listing(
    rows: Iterable[bytes], *, total: int, page: int, limit: int, offset: int | str, echo: int | str
) -> Answer:
    """A page of encoded rows; ``page`` is the value of current_page, ``echo`` that of limit."""
    head = {
        "success": True,
        "metadata": {"total_elements": total, "current_page": page, "total_pages": math.ceil(total / limit)},
        "offset": offset,
        "limit": echo,
    }
    return Answer(encode(head)[:-1] + b',"data":[' + b",".join(rows) + b"]}")


def numbered_page(
    call: Call, rows: Rows, render: Callable[[Any], Any], *, duplicates: bool = False
) -> Answer:
    """A page of a list whose ``offset`` is a page number, 0 meaning 1. Pages hold at most 200 rows.

    With ``duplicates`` the last row of each page comes again as the first of the next.
    """
    limit = min(number(call, "limit", 200), 200) or 200
    asked = number(call, "offset", 1)
    page, step = max(asked, 1), limit - 1 if duplicates and limit > 1 else limit
    if not rows:
        return listing((), total=0, page=1, limit=limit, offset=0, echo=limit)
    first = (page - 1) * step
    part = rows[first : first + limit] if not duplicates or page == 1 or first < len(rows) - 1 else ()
    last_page = max(1, math.ceil((len(rows) - limit) / step) + 1)
    result = listing(
        (encode(render(r)) for r in part), total=len(rows), page=page, limit=limit, offset=asked, echo=limit
    )
    if duplicates:
        plain, real = math.ceil(len(rows) / limit), last_page
        body = result.body.replace(b'"total_pages":%d' % plain, b'"total_pages":%d' % real, 1)
        result = msgspec.structs.replace(result, body=body)
    return result
