"""Shared by the lists of version 2: filters, cursors and pages."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from bisect import bisect_right
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from multidict import MultiDict, MultiDictProxy

from ..api import Answer, Call, Endpoints, encode
from .errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ENDPOINTS = Endpoints("/v2")
FOREIGN = "https://personio-api.example.net"
PLUS = "++"
"""What cursors end with where links are texts: a plus sign that is not escaped, and means itself, not a space."""
Key = tuple[Any, ...]


class Filters:
    """The filters of a list request: from the query, or from the cursor if the request has only that.

    Reading a filter that is malformed, or `check`-ing for those that an endpoint does not have, ends in 400.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.after: Key | None = None
        self.limit: int | None = None
        given = MultiDict((k, v) for k, v in call.query.items() if k not in ("cursor", "limit"))
        self.alone = not given
        if "cursor" in call.query:
            kept = self._open(call.query["cursor"])
            self.after = tuple(kept["after"])
            self.limit = kept["limit"]
            given = given or MultiDict(kept["filters"])
        self.values: MultiDictProxy[str] = MultiDictProxy(given)

    def _open(self, cursor: str) -> dict[str, Any]:
        if self.call.api.options.cursors == "offset":
            plain = base64.urlsafe_b64decode(cursor.removeprefix("cur_").encode() + b"==").decode()
            offset, limit = (int(part.partition("=")[2]) for part in plain.split("&")[:2])
            return {"after": (offset,), "limit": limit, "filters": parse_qsl(plain.partition("|")[2])}
        try:
            text = base64.urlsafe_b64decode(cursor.removeprefix("cur_").removesuffix(PLUS).encode() + b"==")
            kept: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        except (binascii.Error, msgspec.DecodeError, ValueError):
            kept = {}
        if not cursor.startswith("cur_") or " " in cursor or kept.get("path") != self.call.path:
            raise bad_request(self.call, "Provided cursor is not valid.")
        return kept

    def cursor(self, after: Key, limit: int) -> str:
        """A cursor with the filters and the position reached."""
        if self.call.api.options.cursors == "offset":
            text = f"offset={after[0]}&limit={limit}&|{urlencode(list(self.values.items()))}"
            return "cur_" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        kept = {"path": self.call.path, "after": after, "limit": limit, "filters": list(self.values.items())}
        return "cur_" + base64.urlsafe_b64encode(encode(kept)).decode().rstrip("=")

    def check(self, allowed: Iterable[str]) -> None:
        """Refuse filters that the endpoint does not have."""
        for name in self.values:
            if name.removesuffix("[]") not in allowed:
                known = {a.partition(".")[0] for a in allowed}
                operator = "." in name and name.partition(".")[0] in known
                raise bad_request(self.call, *(("Provided filter encoding is invalid.",) if operator else ()))

    def key(self) -> Key:
        """A key that identifies this set of filters."""
        return tuple(sorted(self.values.items()))

    def many(self, name: str) -> frozenset[str]:
        """A list-valued filter: repeated or with commas."""
        found = self.values.getall(name, []) + self.values.getall(f"{name}[]", [])
        return frozenset(part for value in found for part in value.split(",") if part)

    def numbers(self, name: str) -> frozenset[int]:
        """A list of ids that are numbers; other values match nothing."""
        return frozenset(int(text) if text.isascii() and text.isdigit() else -1 for text in self.many(name))

    def one_of(self, name: str, values: Sequence[str]) -> frozenset[str]:
        """A list of words out of a given set."""
        found = self.many(name)
        if not found <= set(values):
            raise bad_request(self.call)
        return found

    def flag(self, name: str) -> bool:
        """A boolean filter, false by default."""
        text = self.values.get(name, "false").lower()
        if text not in ("true", "false"):
            raise bad_request(self.call)
        return text == "true"

    def day(self, name: str) -> dt.date | None:
        """``YYYY-MM-DD``."""
        text = self.values.get(name)
        if text is None:
            return None
        try:
            return dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            raise bad_request(self.call) from None

    def moment(self, name: str, *, zone_needed: bool = True) -> dt.datetime | None:
        """RFC 3339, with ``Z`` or an offset; without one it is the company's local time, where that is allowed."""
        text = self.values.get(name)
        if text is None:
            return None
        try:
            value = dt.datetime.fromisoformat(re.sub(r" (\d\d:\d\d)$", r"+\1", text))
        except ValueError:
            raise bad_request(self.call) from None
        if "T" not in text or (value.tzinfo is None and zone_needed):
            raise bad_request(self.call)
        return value if value.tzinfo else value.replace(tzinfo=self.call.company.zone)

    def local(self, name: str) -> dt.datetime | None:
        """``YYYY-MM-DDTHH:MM:SS``, and nothing after it: attendance-periods refuse ``Z`` and fractions."""
        text = self.values.get(name)
        if text is None:
            return None
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text, re.ASCII):
            raise bad_request(self.call, "Invalid request content")
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            raise bad_request(self.call, "Invalid request content") from None


def page_limit(call: Call, filters: Filters, default: int, maximum: int) -> int:
    """The page size that is asked for; more than the maximum is refused."""
    text = call.query.get("limit")
    if text is None:
        return filters.limit or default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= maximum:
        raise bad_request(call, "Provided value for limit is not valid")
    return int(text)


def listing(
    call: Call,
    filters: Filters,
    select: Callable[[], Iterable[Any]],
    order: Callable[[Any], Key],
    render: Callable[[Any], Any],
    *,
    default: int,
    maximum: int,
    repeat_filters: bool = False,
    more: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    links: bool = True,
    is_sorted: bool = False,
) -> Answer:
    """A page of a list.

    A cursor names the last row of its page, so that rows which come or go elsewhere do not shift the next one.
    ``order`` gives the sorting key, which has to be unique; ``render`` the JSON, as an object or encoded.
    ``is_sorted`` says that ``select`` gives the rows in this order.
    """
    limit = page_limit(call, filters, default, maximum)
    rows = call.api.cached(
        (call.path, filters.key()), lambda: list(select()) if is_sorted else sorted(select(), key=order)
    )
    counted = call.api.options.cursors == "offset"
    if filters.after is None:
        first = 0
    else:
        first = filters.after[0] if counted else bisect_right(rows, filters.after, key=order)
    part = rows[first : first + limit]
    next_url: str | None = None
    if first + limit < len(rows):
        cursor = filters.cursor((first + limit,) if counted else order(part[-1]), limit)
        style = call.api.options.next_links
        if not fnmatchcase(call.path, call.api.options.next_links_at):
            style = "absolute"
        if style == "repeating":
            cursor = call.query.get("cursor", cursor)
        repeated = list(filters.values.items()) if repeat_filters else []
        origin = {"relative": "", "foreign": FOREIGN}.get(style, call.origin)
        next_url = f"{origin}{call.path}?{urlencode([*repeated, ('cursor', cursor)])}"
        if style == "text" and not cursor.endswith(PLUS):
            next_url += PLUS
    linked: dict[str, Any] | None = {"self": {"href": call.origin + call.path}}
    if next_url is not None and linked is not None:
        linked["next"] = next_url if style == "text" else {"href": next_url}
    if not links and next_url is None:
        linked = None
    encoded = [row if isinstance(row, bytes) else encode(row) for row in map(render, part)]
    head = encode(dict(more or {}))[1:-1]
    body = b"{%s\"_data\":[%s],\"_meta\":%s}" % (
        head + b"," if head else b"", b",".join(encoded), encode({**(meta or {}), "links": linked}),
    )  # fmt: skip
    return Answer(body)


def utc(value: dt.datetime) -> str:
    """``2017-07-21T17:32:28Z``."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso(value: dt.date | None) -> str | None:
    """``YYYY-MM-DD`` or null."""
    return None if value is None else value.isoformat()


def ref(key: object) -> dict[str, str] | None:
    """``{id}`` of another record, or null."""
    return None if key is None else {"id": str(key)}
