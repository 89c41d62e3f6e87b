"""Personio's page styles, and how a list that moves while it is read still arrives whole.

A reader yields `Page`s; when it ends without an exception, no record that stayed in the list all the while is
missing, and no record was yielded twice by the offset styles.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tap_personio.errors import StreamFailedError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from tap_personio.client import Caller, Client
    from tap_personio.connection import Request

# Reads one list again at most this often before it is called restless.
MAX_WALKS = 3
MAX_STEPS_BACK = 1000


@dataclass(slots=True)
class Page:
    """Records as they came.

    Attributes:
        data: the JSON array of records (or one record, where an endpoint answers with one).
        repeated: positions in `data` of records that an earlier page has already brought.
        parent: what the request was about, for calls per parent record.
        total: how many records the server announces for the whole list, where it does.
        rows: the records in the shape of the table, each with its `id`, where they were decoded so at once; `data` is
            then the whole answer.
    """

    data: msgspec.Raw
    repeated: frozenset[int] = frozenset()
    parent: Any = None
    total: int | None = None
    rows: list[Any] | None = None


class Metadata(msgspec.Struct):
    """What an answer of API v1 says about its list."""

    total_elements: int | None = None


class _V1Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    success: bool | None = None
    metadata: Metadata | None = None


class _Href(msgspec.Struct):
    href: str | None = None


class _Links(msgspec.Struct):
    next: _Href | None = None


class _Meta(msgspec.Struct):
    links: _Links | None = None


class _V2Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.field(name="_data", default_factory=msgspec.Raw)
    meta: _Meta | None = msgspec.field(name="_meta", default=None)


_v1_decoder = msgspec.json.Decoder(_V1Answer)
_v2_decoder = msgspec.json.Decoder(_V2Answer)
_count_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def parse_v1(body: bytes) -> Page:
    """Read the envelope of an API v1 answer.

    Raises:
        TransientError: for `success: false`, which comes with status 200 too.
        msgspec.MsgspecError: when this is no JSON.
    """
    answer = _v1_decoder.decode(body)
    if answer.success is False:
        msg = "the answer says success: false"
        raise TransientError(msg)
    if not answer.data or answer.data == b"null":
        msg = "the answer has no data"
        raise TransientError(msg)
    return Page(answer.data, total=answer.metadata.total_elements if answer.metadata else None)


@dataclass(slots=True)
class CursorPage:
    """A page of API v2, its records as they came, how many there are, and the address of the next page."""

    page: Page
    records: msgspec.Raw
    count: int
    next_href: str | None


def parse_v2(body: bytes) -> CursorPage:
    """Read the envelope of an API v2 answer.

    Raises:
        TransientError: when there is no `_data`.
        msgspec.MsgspecError: when this is no JSON.
    """
    answer = _v2_decoder.decode(body)
    if not answer.data or answer.data == b"null":
        msg = "the answer has no _data"
        raise TransientError(msg)
    count = len(_count_decoder.decode(answer.data))
    return CursorPage(Page(answer.data), answer.data, count, _next_href(answer))


def parse_v2_whole(body: bytes) -> CursorPage:
    """Like `parse_v2`, but the page's data is the whole answer: reports describe their columns beside the rows."""
    page = parse_v2(body)
    page.page.data = msgspec.Raw(body)
    return page


def _next_href(answer: _V2Answer) -> str | None:
    links = answer.meta.links if answer.meta else None
    return links.next.href if links and links.next else None


class Seen:
    """The identifiers seen so far, about two bytes for each where they are dense numbers."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._others: set[str] = set()
        self.count = 0

    def add_page(self, identifiers: Sequence[int | str]) -> list[int]:
        """Note the identifiers of a page. Returns the positions of those that are not new."""
        numbers, others, repeated = self._numbers, self._others, []
        for position, identifier in enumerate(identifiers):
            if isinstance(identifier, int):
                place, bit = identifier >> 6, 1 << (identifier & 63)
                known = numbers.get(place, 0)
                if known & bit:
                    repeated.append(position)
                else:
                    numbers[place] = known | bit
            elif identifier in others:
                repeated.append(position)
            else:
                others.add(identifier)
        self.count += len(identifiers) - len(repeated)
        return repeated


_ID = attrgetter("id")


class Ids:
    """Finds the identifiers of the records of a page.

    Args:
        record: msgspec type of a record, with only what leads to its identifier.
        paths: where it stands, with dots; several make a tuple.
    """

    def __init__(self, record: type[msgspec.Struct], *paths: str) -> None:
        self._decoder = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
        self._get: Callable[[Any], Any] = attrgetter(*paths)

    def __call__(self, page: Page) -> Sequence[int | str]:
        """The identifiers in order. Raises msgspec.MsgspecError where a record has none."""
        if page.rows is not None:
            return list(map(_ID, page.rows))
        return list(map(self._get, self._decoder.decode(page.data)))


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
class Listing:
    """A list endpoint of API v1.

    Attributes:
        request: without limit and offset.
        limit: records a page, the endpoint's maximum.
        offset: what `offset` counts.
        ids: identifiers of the records of a page, in order; None where no record has one.
        changed: request for the records that were created or changed since the read began, with a function that
            counts them in the answer; None where the endpoint has no such filter.
        parse: reads an answer.
    """

    request: Request
    limit: int
    offset: Offset
    ids: Ids
    changed: tuple[Request, Callable[[Page], int]] | None = None
    parse: Callable[[bytes], Page] = parse_v1


def read_single(client: Client, request: Request, caller: Caller) -> Iterator[Page]:
    """A list that comes in one answer."""
    yield client.get(request, parse_v1, caller)


def read_list(client: Client, listing: Listing, caller: Caller) -> Iterator[Page]:
    """All pages of a v1 list, several in flight.

    Two pages that were asked for at different moments can miss a record between them: when another one is
    deleted before it, it moves to the page that has been read already. What tells: total_elements changes, fewer
    distinct records arrive than were announced, a record arrives twice, or (an insertion can hide a deletion in
    the count) records appeared meanwhile. Then the list is walked again with care.
    """
    reader = _ListReader(client, listing, caller)
    yield from reader.read()


class _ListReader:
    def __init__(self, client: Client, listing: Listing, caller: Caller) -> None:
        self._client = client
        self._listing = listing
        self._caller = caller
        self._seen = Seen()
        self._size = listing.limit
        self._offset = listing.offset

    def read(self) -> Iterator[Page]:
        first, ids = self._fetch(0)
        yield self._mark(first, ids)
        total = first.total
        if total is None:
            yield from self._read_uncounted(ids)
            return
        if not ids or len(ids) >= total:
            return
        self._size = len(ids)  # a server may give fewer than asked for
        self._settle_offset(ids)
        moved = False
        count = -(-total // self._size)
        wanted = [self._request(index) for index in range(1, count)]
        for index, page in enumerate(
            self._client.get_all(wanted, self._listing.parse, self._caller), start=1
        ):
            ids = self._listing.ids(page)
            marked = self._mark(page, ids)
            moved |= page.total != total or bool(marked.repeated)
            moved |= len(ids) < self._size and index < count - 1
            yield marked
        if moved or self._seen.count < total or self._appeared():
            yield from self._walk()

    def _settle_offset(self, first_ids: Sequence[int | str]) -> None:
        """Where pages may count from 0 or from 1, page 1 tells: it is the first one again, or the second."""
        if self._offset is Offset.PAGE_FROM_0_OR_1 and self._fetch(1)[1] == first_ids:
            self._offset = Offset.PAGE

    def _read_uncounted(self, ids: Sequence[int | str]) -> Iterator[Page]:
        """Without metadata, a page that is full may have a successor; one that brings nothing new ends the list."""
        index = 1
        while len(ids) >= self._listing.limit:
            page, ids = self._fetch(index)
            page = self._mark(page, ids)
            if len(page.repeated) == len(ids):
                return
            yield page
            index += 1

    def _appeared(self) -> bool:
        """Whether records were created or changed while the list was read, which can hide a deletion."""
        if self._listing.changed is None:
            return True
        request, count = self._listing.changed
        limited = request.with_params(
            ("limit", str(self._listing.limit)), ("offset", str(self._offset.at(0, self._size)))
        )
        return count(self._client.get(limited, parse_v1, self._caller)) > 0

    def _walk(self) -> Iterator[Page]:
        """Read page by page, looking back after each step, until nothing is missing."""
        for _ in range(MAX_WALKS):
            total = yield from self._walk_once()
            if total is None or self._seen.count >= total:
                return
        msg = "the list kept changing while it was read, so that records may be missing; try again later"
        raise StreamFailedError(msg)

    def _walk_once(self) -> Generator[Page, None, int | None]:
        """Between two pages nothing is missing if the first one, read again after the second, is unchanged.

        Returns the number of records that the last page announces.
        """
        previous: Sequence[int | str] | None = None
        index = steps_back = 0
        while True:
            page, ids = self._fetch(index)
            yield from self._new_ones(page, ids)
            if previous is not None:
                again, again_ids = self._fetch(index - 1)
                if again_ids != previous:
                    steps_back += 1
                    if steps_back > MAX_STEPS_BACK:
                        return self._seen.count + 1
                    # Records crossed the border: go back as far as pages bring something new, then on from here.
                    yield from self._look_back(again, again_ids, index - 1)
                    previous = again_ids
                    continue
            if not ids:
                return page.total
            if len(ids) < self._size and (page.total is None or self._reaches_end(index, ids, page.total)):
                return page.total
            previous = ids
            index += 1

    def _reaches_end(self, index: int, ids: Sequence[int | str], total: int) -> bool:
        return index * self._size + len(ids) >= total

    def _look_back(self, page: Page, ids: Sequence[int | str], index: int) -> Iterator[Page]:
        while True:
            news = list(self._new_ones(page, ids))
            yield from news
            if not news or index == 0:
                return
            index -= 1
            page, ids = self._fetch(index)

    def _new_ones(self, page: Page, ids: Sequence[int | str]) -> Iterator[Page]:
        page = self._mark(page, ids)
        if len(page.repeated) < len(ids):
            yield page

    def _mark(self, page: Page, ids: Sequence[int | str]) -> Page:
        repeated = self._seen.add_page(ids)
        return replace(page, repeated=frozenset(repeated)) if repeated else page

    def _fetch(self, index: int) -> tuple[Page, Sequence[int | str]]:
        page = self._client.get(self._request(index), self._listing.parse, self._caller)
        return page, self._listing.ids(page)

    def _request(self, index: int) -> Request:
        return self._listing.request.with_params(
            ("limit", str(self._listing.limit)), ("offset", str(self._offset.at(index, self._size)))
        )


def read_cursor(
    client: Client, request: Request, limit: int | None, caller: Caller, ids: Ids | None = None
) -> Iterator[Page]:
    """All pages of a v2 list.

    Args:
        client: where to ask.
        request: with filters, without limit.
        limit: records a page, the endpoint's maximum; None where none is known.
        caller: on whose behalf.
        ids: identifiers of a page's records, to leave out what the page before has brought already.
    """
    if limit is not None:
        request = request.with_params(("limit", str(limit)))
    first = client.get(request, parse_v2, caller)
    yield from _follow(client, request, first, limit, caller, ids=ids)


def read_children(
    client: Client,
    wanted: Iterable[tuple[Any, Request]],
    limit: int | None,
    caller: Caller,
    *,
    parse: Callable[[bytes], CursorPage] = parse_v2,
    only_cursor: bool = False,
    missing: Callable[[Any], None] = lambda parent: None,  # noqa: ARG005
) -> Iterator[Page]:
    """All pages of the lists below some parents, several parents in flight.

    Args:
        client: where to ask.
        wanted: each parent, and the request for its list, without limit.
        limit: records a page, the endpoint's maximum; None where none is known.
        caller: on whose behalf.
        parse: reads an answer.
        only_cursor: the endpoint refuses other parameters beside a cursor.
        missing: told about a parent that does not exist (any more); by default it is passed over.
    """
    paged = () if limit is None else (("limit", str(limit)),)
    limited = (((parent, r), r.with_params(*paged)) for parent, r in wanted)
    for (parent, request), first in client.get_each(limited, parse, caller):
        if first is None:
            missing(parent)
            continue
        base = replace(request, params=()) if only_cursor else request.with_params(*paged)
        for page in _follow(client, base, first, limit, caller, parse=parse):
            page.parent = parent
            yield page


def _follow(
    client: Client,
    request: Request,
    answer: CursorPage,
    limit: int | None,
    caller: Caller,
    *,
    ids: Ids | None = None,
    parse: Callable[[bytes], CursorPage] = parse_v2,
) -> Iterator[Page]:
    """A first page and all that follow. Of a `next` link only the cursor is used, and only if it is to our host."""
    recent: deque[frozenset[int | str]] = deque(maxlen=2)
    cursors: set[str] = set()
    before = msgspec.Raw()
    while True:
        page = answer.page
        if ids:
            found = ids(page)
            page.repeated = frozenset(p for p, each in enumerate(found) if any(each in old for old in recent))
            recent.append(frozenset(found))
        cursor = next_cursor(answer.next_href, client.host)
        nothing_new = len(page.repeated) == answer.count or (cursor in cursors and answer.records == before)
        if not nothing_new:
            yield page
        if cursor is None or answer.count == 0:
            return
        if cursor in cursors or nothing_new:
            if limit is not None and answer.count < limit:  # a last page that points to itself
                return
            msg = f"{request.endpoint} repeats its next link, so that the rest of the list cannot be reached"
            raise StreamFailedError(msg)
        cursors.add(cursor)
        before = answer.records
        answer = client.get(request.with_params(("cursor", cursor)), parse, caller)


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
    cursor = parse_qs(parts.query).get("cursor")
    return cursor[0] if cursor else None
