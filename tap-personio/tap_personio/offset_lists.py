"""Lists of API v1, whose pages have an offset, and how one that changes while it is read still arrives complete.

When a reader ends without an exception, no record that stayed in the list all the while is missing, and none came
twice.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_personio.errors import StreamFailedError
from tap_personio.pages import EndCheck, Page, SeenIds, parse_v1
from tap_personio.rereading import CHANGED, CarefulReader

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from tap_personio.client import Client
    from tap_personio.pages import IdReader
    from tap_personio.progress import StreamStats
    from tap_personio.transport import Request

logger = logging.getLogger("tap-personio")

# A list is read again at most this often before the stream fails because the list keeps changing.
MAX_REREADS = 3


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

    def first_difference(self, other: _Read) -> int:
        """Index of the first page that is not the same in both reads."""
        pairs = enumerate(zip(self.pages, other.pages, strict=False))
        return next((index for index, (one, another) in pairs if one != another), len(other.pages))


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
        # Not asked for again, if `offset` counts what was expected, or pages from 1: 0 and 1 then gave the same page.
        known = ids if offset is self._offset or self._offset is Offset.PAGE else None
        read = yield from self._read_all(total, known, second)
        has_all = read.is_sound and self._seen.count >= total
        if has_all and (len(read.pages) == 1 or not self._changed_since_start()):
            return
        again = yield from self._read_all(read.total, at_most=len(read.pages) + 1)
        if again.pages == read.pages:
            self._accept(again)
        else:
            yield from self._reread(max(read.first_difference(again) - 1, 0), again)

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
                f"Personio answers the same page of {len(ids)} records repeatedly, and announces {page.total}, "
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
        """All pages, several in flight.

        Args:
            total: how many records were announced.
            first: identifiers of the first page, where it has been yielded.
            second: the second page, where it has been fetched.
            at_most: so many pages, where the list has been read before.
        """
        read = _Read(total=total)
        ids: Sequence[Any] = first or ()
        if first is not None:
            read.add(first, total)
            read.is_sound = bool(first)
        begin = len(read.pages) + (second is not None)
        end, end_check = -(-total // self._size), self._end_check()
        requests = map(self._request, range(begin, end if at_most is None else min(end, at_most)))
        answers = self._client.get_all(requests, self._listing.parse, self._stats)
        for page in itertools.chain([second] if second else (), answers):
            # The page before was not the last one, so that it must have been full.
            read.is_sound &= not read.pages or len(ids) == self._size or not ids
            ids = self._listing.ids(page)
            read.is_sound &= not self._drop_duplicates(page, ids) and page.total == total
            end_check.note(is_new=bool(page.records) or at_most is not None)
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
            end_check.note(is_new=True)
            read.is_sound &= not has_duplicates and page.total == total
            read.add(ids, page.total)
            yield page
        return read

    def _read_uncounted(self, ids: Sequence[Any]) -> Iterator[Page]:
        """Without metadata, a page that is full may have a successor; one that brings nothing new ends the list."""
        index, end_check = 1, self._end_check()
        while len(ids) >= self._listing.limit:
            page, ids = self._fetch(index)
            end_check.add(ids)
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
        end_check, before = self._end_check(), None
        for index in itertools.count():
            page = self._client.get(self._page(request, index), parse_v1, self._stats)
            ids = self._listing.ids(page)
            if count(page):
                return True
            if len(ids) != self._size or ids == before:  # the last page, or all in one
                break
            end_check.add(ids)
            before = ids
        return False

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
            careful = CarefulReader(
                self._fetch, self._new_records, self._is_last, self._end_check(), self._size
            )
            yield from careful.read(start)
            if careful.total is None or self._seen.count >= careful.total:
                return
            if not careful.moves and before + careful.records >= careful.total:
                self._accept(_Read([(0, before + careful.records)], careful.total))
                return
            start = before = 0
        raise StreamFailedError(CHANGED)

    def _is_last(self, index: int, page: Page, ids: Sequence[Any]) -> bool:
        if not ids:
            return True
        return len(ids) < self._size and (page.total is None or index * self._size + len(ids) >= page.total)

    def _new_records(self, page: Page, ids: Sequence[Any]) -> Iterator[Page]:
        self._drop_duplicates(page, ids)
        if page.records:
            yield page

    def _drop_duplicates(self, page: Page, ids: Sequence[Any]) -> bool:
        """Leave out of a page the records that were seen before. Returns whether there were any."""
        add = self._seen.add
        are_new = [add(each) for each in ids]
        if all(are_new):
            return False
        page.records = [record for record, is_new in zip(page.records, are_new, strict=True) if is_new]
        return True

    def _fetch(self, index: int) -> tuple[Page, Sequence[Any]]:
        page = self._client.get(self._request(index), self._listing.parse, self._stats)
        return page, self._listing.ids(page)

    def _end_check(self) -> EndCheck:
        return EndCheck(self._listing.request.endpoint)

    def _request(self, index: int) -> Request:
        return self._page(self._listing.request, index)

    def _page(self, request: Request, index: int) -> Request:
        offset = self._offset.at(index, self._size)
        return request.with_params(("limit", str(self._listing.limit)), ("offset", str(offset)))
