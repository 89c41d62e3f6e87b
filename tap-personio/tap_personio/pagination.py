"""Personio's page styles, and how a list that changes while it is read still arrives complete.

A reader yields `Page`s. When it ends without an exception, no record that stayed in the list all the while is missing,
and the offset styles yield no record twice.
"""

from __future__ import annotations

import base64
import logging
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tap_personio.errors import RecordMissingError, RecordRefusedError, StreamFailedError
from tap_personio.pages import Page, SeenIds, parse_v1, parse_v2

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from tap_personio.client import Client
    from tap_personio.pages import IdReader
    from tap_personio.progress import StreamStats
    from tap_personio.transport import Request

    Pages = Callable[[Any, Request, Page], Iterator[Page]]

logger = logging.getLogger("tap-personio")

# A list is read again at most this often before the stream fails because the list keeps changing.
MAX_REREADS = 3
# 404 for what belongs to a record that Personio lists is repeated this often, a refusal too.
MAX_REPEATS = 2
# So many records without a single answer say that there will be none.
MAX_UNANSWERED = 20
MAX_NAMED = 20
# Parameters that count records or pages, in a cursor that can be read.
_COUNTS = re.compile(r"""\b(?:offset|skip|start|page|page_?number)["']?\s*[=:]\s*["']?\d""", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_CHANGED = "the list kept changing while it was read, so that records may be missing; try again later"


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
    records appeared meanwhile. Then the list is read again: pages that are alike in both reads have not moved; from the
    first other one on it is read with care.
    """
    return _ListReader(client, listing, stats).read()


@dataclass(slots=True)
class _Read:
    """One read of a list: a fingerprint and the length of each page, the last total, and whether nothing was odd."""

    pages: list[tuple[int, int]] = field(default_factory=list)
    total: int = 0
    is_sound: bool = True

    def add(self, ids: Sequence[Any], total: int | None) -> None:
        self.pages.append((hash(tuple(ids)), len(ids)))
        self.total = self.total if total is None else total

    @property
    def records(self) -> int:
        return sum(length for _, length in self.pages)


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
        if len(ids) >= total and len(ids) != self._listing.limit:
            return
        self._size = len(ids) or self._size  # a server may give fewer than asked for
        offset = self._offset
        second = self._second_page(ids) if ids and len(ids) < total else None
        known = ids if offset is self._offset or self._offset is Offset.PAGE else None
        read = yield from self._read_all(total, known, second)
        if (
            read.is_sound
            and self._seen.count >= total
            and (len(read.pages) == 1 or not self._changed_since_start())
        ):
            return
        again = yield from self._read_all(read.total, at_most=len(read.pages) + 1)
        if again.pages == read.pages:
            self._accept(again)
        else:
            pairs = zip(read.pages, again.pages, strict=False)
            moved = next(
                (index for index, (one, other) in enumerate(pairs) if one != other), len(again.pages)
            )
            yield from self._reread(max(moved - 1, 0), again)

    def _second_page(self, first: Sequence[Any]) -> Page | None:
        """The second page, which tells what `offset` counts. None when it turned out to count something else.

        Raises:
            StreamFailedError: it is the first one again.
        """
        page, ids = self._fetch(1)
        if self._offset is Offset.PAGE_FROM_0_OR_1 and ids == first:
            self._offset = Offset.PAGE
            page, ids = self._fetch(1)
        if ids == first and self._fetch(0)[1] == self._fetch(1)[1]:
            msg = (
                f"Personio answers the same page of {len(ids)} records again and again, and announces {page.total}, "
                "so that the rest of the list cannot be reached"
            )
            raise StreamFailedError(msg)
        one_further = len(first) > 1 and ids[: len(first) - 1] == first[1:]
        if self._offset is not Offset.RECORD and one_further:
            self._offset = Offset.RECORD
            return None
        if self._offset is Offset.RECORD and not ids and self._counts_pages(first):
            return None
        return page

    def _counts_pages(self, first: Sequence[Any]) -> bool:
        """Whether `offset` counts pages, where as a number of records it leads behind the end of the list."""
        self._offset = Offset.PAGE_FROM_0_OR_1
        ids = self._fetch(1)[1]
        if ids == first:
            self._offset = Offset.PAGE
        elif not ids or not set(ids).isdisjoint(first) or self._fetch(0)[1] != first:
            self._offset = Offset.RECORD
        return self._offset is not Offset.RECORD

    def _read_all(
        self,
        total: int,
        first: Sequence[Any] | None = None,
        second: Page | None = None,
        at_most: int | None = None,
    ) -> Generator[Page, None, _Read]:
        """All pages, several in flight. The first two may be known; `at_most` so many if the list was read before."""
        read = _Read(total=total)
        ids: Sequence[Any] = first or ()
        if first is not None:
            read.add(first, total)
            read.is_sound = bool(first)
        begin = len(read.pages) + (second is not None)
        requests = map(self._request, range(begin, -(-total // self._size)))
        answers = self._client.get_all(requests, self._listing.parse, self._stats)
        for page in chain([second] if second else (), answers):
            read.is_sound &= (
                not read.pages or len(ids) == self._size or not ids
            )  # a short page was not the last
            ids = self._listing.ids(page)
            read.is_sound &= not self._drop_duplicates(page, ids) and page.total == total
            read.add(ids, page.total)
            yield page
        # Whatever the total says: a page that is full may have a successor.
        while len(ids) >= self._size and len(read.pages) != at_most:
            page, ids = self._fetch(len(read.pages))
            if not ids or (hash(tuple(ids)), len(ids)) in read.pages[-2:]:
                break
            has_duplicates = self._drop_duplicates(page, ids)
            if has_duplicates and not page.records and at_most is None:
                break
            read.is_sound &= not has_duplicates and page.total == total
            read.add(ids, page.total)
            yield page
        return read

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

    def _accept(self, read: _Read) -> None:
        """Take a list for complete that was the same in two reads, one after the other.

        Raises:
            StreamFailedError: it announces more records than its pages hold.
        """
        if self._seen.count >= read.total:
            return
        if read.records < read.total:
            msg = (
                f"Personio announces {read.total} records, but the pages of the list hold {read.records}, in two "
                "reads alike, so that records may be missing"
            )
            raise StreamFailedError(msg)
        logger.warning(
            "%s: the list holds a record twice, %d times; each record is kept once.",
            self._stats.stream,
            read.records - self._seen.count,
        )

    def _reread(self, start: int, read: _Read) -> Iterator[Page]:
        """Read page by page, looking back after each step, until nothing is missing.

        Args:
            start: the pages before are known not to have moved.
            read: the last read.
        """
        before = sum(length for _, length in read.pages[:start])
        for _ in range(MAX_REREADS):
            walk = _Walk(self._fetch, self._new_records, self._is_last, self._size)
            yield from walk.read(start)
            if walk.total is None or self._seen.count >= walk.total:
                return
            if not walk.moves and before + walk.records >= walk.total:
                self._accept(_Read([(0, before + walk.records)], walk.total))
                return
            start = before = 0
        raise StreamFailedError(_CHANGED)

    def _is_last(self, index: int, page: Page, ids: Sequence[Any]) -> bool:
        if not ids:
            return True
        return len(ids) < self._size and (page.total is None or index * self._size + len(ids) >= page.total)

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


class _Walk:
    """Reads a list page by page and looks back: nothing is missing between two pages if the first is unchanged then.

    Args:
        fetch: asks for a page by its index; gives it with the identifiers of its records.
        new: leaves out of a page what was seen before, and gives the page if anything is left.
        is_last: whether the list ends with this page.
        size: records a page.
        mends: whether what crossed a border can be told from the rest; else the list fails.

    Attributes:
        total: what the last page announced.
        records: how many the pages held.
        moves: how often records had crossed the border of two pages.
    """

    def __init__(
        self,
        fetch: Callable[[int], tuple[Page, Sequence[Any]]],
        new: Callable[[Page, Sequence[Any]], Iterator[Page]],
        is_last: Callable[[int, Page, Sequence[Any]], bool],
        size: int = 0,
        *,
        mends: bool = True,
    ) -> None:
        self._fetch, self._new, self._is_last, self._size = fetch, new, is_last, size
        self._mends = mends
        self.total: int | None = None
        self.records = self.moves = 0

    def read(self, index: int = 0) -> Iterator[Page]:
        """Read from a page on.

        Raises:
            StreamFailedError: more moves, or more pages, than a list of this length can have.
        """
        previous: Sequence[Any] | None = None
        while True:
            page, ids = self._fetch(index)
            is_last, self.total = self._is_last(index, page, ids), page.total
            yield from self._new(page, ids)
            if previous is not None:
                again, again_ids = self._fetch(index - 1)
                if again_ids != previous:
                    self.moves += 1
                    if not self._mends or self.moves > 10 + 2 * index:
                        raise StreamFailedError(_CHANGED)
                    # Go back as far as pages bring something new, then on from here.
                    yield from self._back(again, again_ids, index - 1)
                    previous = again_ids
                    continue
            self.records += len(ids)
            if is_last:
                return
            if self._size and self.total is not None and index > 10 + 2 * self.total // self._size:
                msg = f"the pages of the list overlap: after {index} of them its end is not reached"
                raise StreamFailedError(msg)
            previous = ids
            index += 1

    def _back(self, page: Page, ids: Sequence[Any], index: int) -> Iterator[Page]:
        while True:
            found = list(self._new(page, ids))
            yield from found
            if not found or index == 0:
                return
            index -= 1
            page, ids = self._fetch(index)


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


class Children:
    """The lists below some parents, several parents in flight.

    A parent that answers 404 is passed over only if it is gone: one that Personio still lists is asked again. One that
    is refused for itself is named and costs its own records only.

    Args:
        client: where to ask.
        requests: each parent and the request for its list, without limit; asks for the parents anew if told so.
        limit: records a page, the endpoint's maximum; None where none is known.
        stats: of the stream.
        noun: what the parents are called.
        parse: reads a response.
        only_cursor: the endpoint refuses other parameters beside a cursor.
        ids: finds identifiers of the children, where they have them.
        pages: given a parent, its request and its first page, reads them all; by default along the next links.
        patience: after so many refusals without an answer no further parent is asked.
    """

    def __init__(
        self,
        client: Client,
        requests: Callable[[bool], Iterable[tuple[Any, Request]]],
        limit: int | None,
        stats: StreamStats,
        noun: str,
        *,
        parse: Callable[[bytes], Page] = parse_v2,
        only_cursor: bool = False,
        ids: IdReader | None = None,
        pages: Pages | None = None,
        patience: int = MAX_UNANSWERED,
    ) -> None:
        self._client, self._requests, self._limit, self._stats = client, requests, limit, stats
        self._noun, self._parse, self._only_cursor, self._ids = noun, parse, only_cursor, ids
        self._pages, self._patience = pages or self._follow, patience
        self._unanswered: dict[str, tuple[Any, Request, RecordMissingError | RecordRefusedError]] = {}
        self._asked = self._answered = 0

    def read(self) -> Iterator[Page]:
        """All pages, each with its `parent`.

        Raises:
            StreamFailedError: parents that Personio lists answer 404.
            StreamUnavailableError: all parents are refused.
        """
        yield from self._ask(self._requests(False), self._patience)
        if self._of(RecordMissingError):
            listed = {request.address for _, request in self._requests(True)}
            for _, request, _ in self._of(RecordMissingError):
                if request.address not in listed:
                    del self._unanswered[request.address]
        for number in range(MAX_REPEATS):
            if not self._unanswered or not (self._answered or self._of(RecordMissingError)):
                break
            pending = [(parent, request) for parent, request, _ in self._unanswered.values()]
            self._client.wait_a_moment(self._stats, 2**number)
            self._client.note_refused(pending[0][1].endpoint, None)
            self._stats.repeated += len(pending)
            asked = self._asked
            yield from self._ask(pending, MAX_UNANSWERED)
            self._asked = asked
        self._judge()

    def _ask(self, requests: Iterable[tuple[Any, Request]], patience: int) -> Iterator[Page]:
        paged = () if self._limit is None else (("limit", str(self._limit)),)
        limited = (((parent, each), each.with_params(*paged)) for parent, each in requests)
        before, failed = self._answered, 0
        for (parent, request), first in self._client.get_each(limited, self._parse, self._stats):
            self._asked += 1
            start = 0
            try:
                if isinstance(first, StreamFailedError):
                    raise first
                for page in self._pages(parent, request, first):
                    page.parent, page.start = parent, start
                    start += len(page.records)
                    yield page
            except (RecordMissingError, RecordRefusedError) as error:
                self._unanswered[request.address] = (parent, request, error)
                failed += isinstance(error, RecordRefusedError) or patience is not self._patience
            else:
                self._answered += 1
                self._unanswered.pop(request.address, None)
            if failed >= patience and self._answered == before:
                return

    def _of(self, kind: type[StreamFailedError]) -> list[tuple[Any, Request, Any]]:
        return [each for each in self._unanswered.values() if isinstance(each[2], kind)]

    def _judge(self) -> None:
        missing, refused = self._of(RecordMissingError), self._of(RecordRefusedError)
        if missing:
            msg = (
                f"{len(missing)} of {self._asked} {self._noun} answered 404 (not found) though Personio still lists "
                "them, so that what belongs to them is not known; try again later"
            )
            raise StreamFailedError(msg)
        if not refused:
            return
        if not self._answered:
            raise refused[0][2].reason
        names = [str(getattr(parent, "id", parent)) for parent, _, _ in refused]
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        logger.warning(
            "%s: Personio refuses %d of %d %s (%s), their rows are left out: %s%s.",
            self._stats.stream,
            len(refused),
            self._asked,
            self._noun,
            ", ".join(sorted({error.message for _, _, error in refused})),
            ", ".join(names[:MAX_NAMED]),
            more,
        )

    def _follow(self, _parent: Any, request: Request, first: Page) -> Iterator[Page]:
        if self._only_cursor:
            request = replace(request, params=())
        elif self._limit is not None:
            request = request.with_params(("limit", str(self._limit)))
        return _follow(
            self._client, request, first, self._limit, self._stats, ids=self._ids, parse=self._parse
        )


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
        if cursor in cursors or nothing_new:
            if limit is not None and count < limit:  # a last page that points to itself
                return
            raise StreamFailedError(_repeats(request))
        cursors.add(cursor)
        before = records
        page = client.get(request.with_params(("cursor", cursor)), parse, stats)
        cursor = next_cursor(page.next_href, client.host)


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
        return _Walk(self._fetch, self._new, self._is_last, mends=self._ids is not None).read()

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
