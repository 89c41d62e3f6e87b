"""Lists of API v2, whose pages have a cursor."""

from __future__ import annotations

import base64
import re
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tap_personio.bounds import MAX_STALE_PAGES, MAX_STALE_PAGES_WITHOUT_IDS
from tap_personio.errors import StreamFailedError
from tap_personio.pages import EndCheck, Page, SeenIds, parse_v2
from tap_personio.rereading import CarefulReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_personio.client import Client
    from tap_personio.pages import IdReader
    from tap_personio.progress import StreamStats
    from tap_personio.transport import Request

# Parameters that count records or pages, in a cursor that can be read.
_COUNTS = re.compile(r"""\b(?:offset|skip|start|page|page_?number)["']?\s*[=:]\s*["']?\d""", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")


def read_cursor(
    client: Client, request: Request, limit: int | None, stats: StreamStats, ids: IdReader | None = None
) -> Iterator[Page]:
    """All pages of a v2 list.

    Args:
        client: where to ask.
        request: with filters, without limit.
        limit: records a page, the endpoint's maximum; None where none is known.
        stats: of the stream.
        ids: finds identifiers, to leave out what one of the two pages before has brought already.
    """
    if limit is not None:
        request = request.with_params(("limit", str(limit)))
    first = client.get(request, parse_v2, stats)
    yield from follow(client, request, first, limit, stats, ids=ids)


def follow(
    client: Client,
    request: Request,
    page: Page,
    limit: int | None,
    stats: StreamStats,
    *,
    ids: IdReader | None = None,
    parse: Callable[[bytes], Page] = parse_v2,
) -> Iterator[Page]:
    """A first page and all that follow. Of a `next` link only the cursor is used, and only if it is to our host."""
    recent: deque[frozenset[Any]] = deque(maxlen=2)
    end_check: EndCheck | None = None
    cursors: set[str] = set()
    before: list[Any] = []
    cursor = next_cursor(page.next_href, client.host)
    if cursor is not None and _counts(cursor, len(page.records)):
        yield from _CountedList(client, request, page, stats, ids=ids, parse=parse).read()
        return
    while True:
        count, records = len(page.records), page.records
        if ids:
            found = ids(page)
            page.records = [
                record
                for record, each in zip(records, found, strict=True)
                if not any(each in old for old in recent)
            ]
            recent.append(frozenset(found))
        nothing_new = not page.records or (cursor in cursors and records == before)
        if not nothing_new:
            yield page
        if cursor is None or count == 0:
            return
        if cursors:  # most lists have one page
            end_check = end_check or _end_check(request, ids)
            end_check.add(found if ids else map(msgspec.json.encode, records))
        if cursor in cursors or nothing_new:
            if limit is not None and count < limit:  # a last page that points to itself
                return
            raise StreamFailedError(_repeats(request))
        cursors.add(cursor)
        before = records
        page = client.get(request.with_params(("cursor", cursor)), parse, stats)
        cursor = next_cursor(page.next_href, client.host)


def _end_check(request: Request, ids: IdReader | None) -> EndCheck:
    return EndCheck(request.endpoint, MAX_STALE_PAGES if ids else MAX_STALE_PAGES_WITHOUT_IDS)


def _repeats(request: Request) -> str:
    return f"{request.endpoint} repeats its next link, so that the rest of the list cannot be reached"


class _CountedList:
    """A v2 list whose cursors count records or pages, so that it shifts like a v1 list: each page is looked back at."""

    def __init__(
        self,
        client: Client,
        request: Request,
        first: Page,
        stats: StreamStats,
        *,
        ids: IdReader | None,
        parse: Callable[[bytes], Page],
    ) -> None:
        self._client, self._request, self._stats, self._parse = client, request, stats, parse
        self._ids, self._first = ids, [first]
        self._cursors: list[str | None] = [None]
        self._seen = SeenIds()

    def read(self) -> Iterator[Page]:
        end_check, mends = _end_check(self._request, self._ids), self._ids is not None
        return CarefulReader(self._fetch, self._new, self._is_last, end_check, mends=mends).read()

    def _fetch(self, index: int) -> tuple[Page, Sequence[Any]]:
        cursor = self._cursors[index] if index < len(self._cursors) else None
        if self._first:
            page = self._first.pop()
        elif index and cursor is None:  # the list ends before by now
            return Page([]), ()
        else:
            more = (("cursor", cursor),) if cursor else ()
            page = self._client.get(self._request.with_params(*more), self._parse, self._stats)
        following = next_cursor(page.next_href, self._client.host)
        if following is not None and following in self._cursors[: index + 1]:
            raise StreamFailedError(_repeats(self._request))
        self._cursors[index + 1 : index + 2] = [following]  # those behind stay, where this is a look back
        return page, self._ids(page) if self._ids else [msgspec.json.encode(each) for each in page.records]

    def _new(self, page: Page, ids: Sequence[Any]) -> Iterator[Page]:
        if self._ids:
            add = self._seen.add
            page.records = [each for each, known in zip(page.records, ids, strict=True) if add(known)]
        if page.records:
            yield page

    def _is_last(self, index: int, _page: Page, ids: Sequence[Any]) -> bool:
        return not ids or self._cursors[index + 1] is None


def _counts(cursor: str, records: int) -> bool:
    """Whether the first cursor of a list counts records or pages, in plain text or in base64."""
    texts = [cursor]
    for part in {cursor, cursor.rpartition("_")[2], cursor.rpartition(".")[2]}:
        with suppress(ValueError):
            texts.append(base64.b64decode(part.translate(_URL_SAFE) + "==").decode("ascii"))
    return any(_COUNTS.search(each) or each in ("1", "2", str(records)) for each in texts)


def next_cursor(href: str | None, host: str) -> str | None:
    """The cursor in a `next` link, absolute or relative; None where there is no next page.

    Raises:
        StreamFailedError: when the link points to another host than the configured one.
    """
    if not href:
        return None
    try:
        parts = urlsplit(href)
    except ValueError:
        msg = "A next-page link is no address, so that the rest of the list cannot be reached"
        raise StreamFailedError(msg) from None
    if parts.netloc and parts.netloc.lower() != host:
        msg = (
            "A next-page link points to another host than the setting api_url; it was not followed, "
            "because the token is sent to the configured host only"
        )
        raise StreamFailedError(msg)
    # A cursor may hold a plus sign that is not encoded; it never holds a space.
    cursor = parse_qs(parts.query.replace("+", "%2B")).get("cursor")
    return cursor[0] if cursor else None
