"""Personio's page styles, and how a list that changes while it is read still arrives complete.

A reader yields `Page`s. When it ends without an exception, no record that stayed in the list all the while is missing,
and the offset styles yield no record twice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tap_personio.errors import StreamFailedError
from tap_personio.pages import Page, SeenIds, parse_v1, parse_v2

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from tap_personio.client import Client
    from tap_personio.pages import IdReader
    from tap_personio.progress import StreamStats
    from tap_personio.transport import Request

# A list is read again at most this often before the stream fails because the list keeps changing.
MAX_REREADS = 3
MAX_BACKTRACKS = 1000


class Offset(Enum):
    """What the parameter `offset` of a v1 list counts."""

    RECORD = "records from 0: employees, attendances, absence types"
    PAGE = "pages from 1: time-offs"
    PAGE_FROM_0_OR_1 = "pages, nobody confirms from where: absence periods"

    def at(self, index: int, size: int) -> int:
        """The offset of a page."""
        if self is Offset.RECORD:
            return index * size
        return index + 1 if self is Offset.PAGE else index


@dataclass(frozen=True)
class OffsetList:
    """A list endpoint of API v1.

    Attributes:
        request: without limit and offset.
        limit: records a page, the endpoint's maximum.
        offset: what `offset` counts.
        ids: finds identifiers.
        changed: request for the records that were created or changed since the read began, with a function that
            counts them in the response; None where the endpoint has no such filter.
        parse: reads a response.
    """

    request: Request
    limit: int
    offset: Offset
    ids: IdReader
    changed: tuple[Request, Callable[[Page], int]] | None = None
    parse: Callable[[bytes], Page] = parse_v1


def read_list(client: Client, listing: OffsetList, stats: StreamStats) -> Iterator[Page]:
    """All pages of a v1 list, several in flight.

    Two pages that were asked for at different moments can miss a record between them: when another one is deleted
    before it, it moves to the page that has been read already. What tells: total_elements changes, fewer distinct
    records arrive than were announced, a record arrives twice, or (an insertion can hide a deletion in the count)
    records appeared meanwhile. Then the list is read again with care.
    """
    return _ListReader(client, listing, stats).read()


class _ListReader:
    def __init__(self, client: Client, listing: OffsetList, stats: StreamStats) -> None:
        self._client = client
        self._listing = listing
        self._stats = stats
        self._seen = SeenIds()
        self._size = listing.limit
        self._offset = listing.offset

    def read(self) -> Iterator[Page]:
        first, ids = self._fetch(0)
        total = first.total
        self._drop_duplicates(first, ids)
        yield first
        if total is None:
            yield from self._read_uncounted(ids)
            return
        if not ids or len(ids) >= total:
            return
        self._size = len(ids)  # a server may give fewer than asked for
        self._settle_offset(ids)
        unstable = False
        count = -(-total // self._size)
        requests = (self._request(index) for index in range(1, count))
        for index, page in enumerate(
            self._client.get_all(requests, self._listing.parse, self._stats), start=1
        ):
            ids = self._listing.ids(page)
            has_duplicates = self._drop_duplicates(page, ids)
            is_short = len(ids) < self._size and index < count - 1
            unstable |= page.total != total or has_duplicates or is_short
            yield page
        if unstable or self._seen.count < total or self._changed_since_start():
            yield from self._reread()

    def _settle_offset(self, first_ids: Sequence[Any]) -> None:
        """Where pages may count from 0 or from 1, page 1 tells: it is the first one again, or the second."""
        if self._offset is Offset.PAGE_FROM_0_OR_1 and self._fetch(1)[1] == first_ids:
            self._offset = Offset.PAGE

    def _read_uncounted(self, ids: Sequence[Any]) -> Iterator[Page]:
        """Without metadata, a page that is full may have a successor; one that brings nothing new ends the list."""
        index = 1
        while len(ids) >= self._listing.limit:
            page, ids = self._fetch(index)
            self._drop_duplicates(page, ids)
            if ids and not page.records:
                return
            yield page
            index += 1

    def _changed_since_start(self) -> bool:
        """Whether records were created or changed while the list was read, which can hide a deletion."""
        if self._listing.changed is None:
            return True
        request, count = self._listing.changed
        limited = request.with_params(
            ("limit", str(self._listing.limit)), ("offset", str(self._offset.at(0, self._size)))
        )
        return count(self._client.get(limited, parse_v1, self._stats)) > 0

    def _reread(self) -> Iterator[Page]:
        """Read page by page, looking back after each step, until nothing is missing."""
        for _ in range(MAX_REREADS):
            total = yield from self._reread_pass()
            if total is None or self._seen.count >= total:
                return
        msg = "the list kept changing while it was read, so that records may be missing; try again later"
        raise StreamFailedError(msg)

    def _reread_pass(self) -> Generator[Page, None, int | None]:
        """Between two pages nothing is missing if the first one, read again after the second, is unchanged.

        Returns the number of records that the last page announces.
        """
        previous: Sequence[Any] | None = None
        index = backtracks = 0
        while True:
            page, ids = self._fetch(index)
            yield from self._new_records(page, ids)
            if previous is not None:
                again, again_ids = self._fetch(index - 1)
                if again_ids != previous:
                    backtracks += 1
                    if backtracks > MAX_BACKTRACKS:
                        return self._seen.count + 1
                    # Records crossed the border: go back as far as pages bring something new, then on from here.
                    yield from self._backtrack(again, again_ids, index - 1)
                    previous = again_ids
                    continue
            if not ids:
                return page.total
            if len(ids) < self._size and (page.total is None or index * self._size + len(ids) >= page.total):
                return page.total
            previous = ids
            index += 1

    def _backtrack(self, page: Page, ids: Sequence[Any], index: int) -> Iterator[Page]:
        while True:
            found = list(self._new_records(page, ids))
            yield from found
            if not found or index == 0:
                return
            index -= 1
            page, ids = self._fetch(index)

    def _new_records(self, page: Page, ids: Sequence[Any]) -> Iterator[Page]:
        self._drop_duplicates(page, ids)
        if page.records:
            yield page

    def _drop_duplicates(self, page: Page, ids: Sequence[Any]) -> bool:
        """Leave out of a page what was seen before. Returns whether there was anything."""
        add = self._seen.add
        are_new = [add(each) for each in ids]
        if all(are_new):
            return False
        page.records = [record for record, is_new in zip(page.records, are_new, strict=True) if is_new]
        return True

    def _fetch(self, index: int) -> tuple[Page, Sequence[Any]]:
        page = self._client.get(self._request(index), self._listing.parse, self._stats)
        return page, self._listing.ids(page)

    def _request(self, index: int) -> Request:
        return self._listing.request.with_params(
            ("limit", str(self._listing.limit)), ("offset", str(self._offset.at(index, self._size)))
        )


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
    yield from _follow(client, request, first, limit, stats, ids=ids)


def read_children(
    client: Client,
    requests: Iterable[tuple[Any, Request]],
    limit: int | None,
    stats: StreamStats,
    *,
    parse: Callable[[bytes], Page] = parse_v2,
    only_cursor: bool = False,
    is_missing: Callable[[Any], None] = lambda parent: None,  # noqa: ARG005
) -> Iterator[Page]:
    """All pages of the lists below some parents, several parents in flight. Each page has its `parent`.

    Args:
        client: where to ask.
        requests: each parent, and the request for its list, without limit.
        limit: records a page, the endpoint's maximum; None where none is known.
        stats: of the stream.
        parse: reads a response.
        only_cursor: the endpoint refuses other parameters beside a cursor.
        is_missing: told about a parent that does not exist (any more); by default it is passed over.
    """
    paged = () if limit is None else (("limit", str(limit)),)
    limited = (((parent, request), request.with_params(*paged)) for parent, request in requests)
    for (parent, request), first in client.get_each(limited, parse, stats):
        if first is None:
            is_missing(parent)
            continue
        following = replace(request, params=()) if only_cursor else request.with_params(*paged)
        for page in _follow(client, following, first, limit, stats, parse=parse):
            page.parent = parent
            yield page


def _follow(
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
    cursors: set[str] = set()
    before: list[Any] = []
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
        cursor = next_cursor(page.next_href, client.host)
        nothing_new = not page.records or (cursor in cursors and records == before)
        if not nothing_new:
            yield page
        if cursor is None or count == 0:
            return
        if cursor in cursors or nothing_new:
            if limit is not None and count < limit:  # a last page that points to itself
                return
            msg = f"{request.endpoint} repeats its next link, so that the rest of the list cannot be reached"
            raise StreamFailedError(msg)
        cursors.add(cursor)
        before = records
        page = client.get(request.with_params(("cursor", cursor)), parse, stats)


def next_cursor(href: str | None, host: str) -> str | None:
    """The cursor in a `next` link, absolute or relative; None where there is no next page.

    Raises:
        StreamFailedError: when the link points to another host than the configured one.
    """
    if not href:
        return None
    parts = urlsplit(href)
    if parts.netloc and parts.netloc.lower() != host:
        msg = (
            "A next-page link points to another host than the setting api_url; it was not followed, "
            "because the token is sent to the configured host only"
        )
        raise StreamFailedError(msg)
    # A cursor may hold a plus sign that is not encoded; it never holds a space.
    cursor = parse_qs(parts.query.replace("+", "%2B")).get("cursor")
    return cursor[0] if cursor else None
