"""Long lists of API v2, cut into windows of time that are read at the same time.

A cursor gives one page after the other, each after a whole response: at 0.2 s half of what the limit allows. So the
list is cut by a filter. When the reader ends without an exception, no record that stayed in the list is missing:

- Neighbouring windows share a moment, the first one has no beginning and the last one no end. So each record that has
  a value for the filter lies in a window. Filters are chosen whose value each record has.
- A record that changes while windows are read can leave one that is read later for one that was read before. A change
  sets the time of change, so the last list holds it: everything that changed since the run began.

A record that changes while windows are read can come twice, as it was and as it is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_personio.cursor_lists import read_cursor
from tap_personio.errors import StreamFailedError
from tap_personio.pages import parse_v2
from tap_personio.parallel import read_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_personio.client import Client
    from tap_personio.pages import IdReader, Page
    from tap_personio.progress import StreamStats
    from tap_personio.transport import Request

# A list that ends within so many pages is read along its cursor, without a further request. So is one whose responses
# come so quickly that one after the other they use up the limit.
SHORT_LIST = 5
# About so many pages make a window. More of them would leave the last window alone for longer, and cursors get slower
# the deeper they are; fewer would cost requests, because each window ends with a page that is not full.
PAGES = 20
# Widths of windows, and how much one may differ from one that was read.
FIRST_WIDTH = dt.timedelta(days=1)
LEAST_WIDTH, MOST_WIDTH = dt.timedelta(minutes=1), dt.timedelta(days=3650)
GROWTH = 8.0
# No window begins on a full minute, as records do, so that none lies in two windows.
SECOND = 31
# Where a list may begin, as time before the run. What is older than the last one is one window.
AGES = tuple(dt.timedelta(days=days) for days in (512, 4096, 18_000))


class WindowFilter(NamedTuple):
    """Parameters that cut a list.

    Attributes:
        start: takes everything from a moment on.
        end: takes everything up to a moment, and what has this moment.
        form: of the moment.
    """

    start: str
    end: str
    form: str


class WindowedList(NamedTuple):
    """A list that can be cut into windows.

    Attributes:
        request: without limit.
        limit: records a page, the endpoint's maximum.
        ids: finds identifiers.
        windows: how to cut it.
        began: when the run began. The windows go back from there.
        changed: the request for what changed since then; it may bring more.
        changes: of the records on a page that did, identifiers and fingerprints.
    """

    request: Request
    limit: int
    ids: IdReader
    windows: WindowFilter
    began: dt.datetime
    changed: Request
    changes: Callable[[Page], dict[Any, int]]


def read_windows(client: Client, listing: WindowedList, stats: StreamStats, at_once: int) -> Iterator[Page]:
    """All pages of a list.

    Args:
        client: where to ask.
        listing: what to read.
        stats: of the stream.
        at_once: how many windows are read at the same time, at most.
    """
    whole = read_cursor(client, listing.request, listing.limit, stats, listing.ids)
    head = list(islice(whole, SHORT_LIST))
    is_long = len(head) == SHORT_LIST and head[-1].next_href is not None
    windows = _Windows(client, listing, stats)
    possible = stats.request_seconds * client.limits.rate(listing.request.endpoint)
    helps = is_long and possible > stats.requests
    beginning = windows.find_beginning(head[0]) if helps else None
    if beginning is None:
        yield from head
        yield from whole
        return
    sent: dict[Any, int] = {}
    for page in windows.read(beginning, at_once):
        for each in listing.ids(page) if sent else ():
            sent.pop(each, None)  # an older form of it came later
        sent |= listing.changes(page)
        yield page
    for page in read_cursor(client, listing.changed, listing.limit, stats, listing.ids):
        changes = listing.changes(page)
        are_new = [each in changes and sent.get(each) != changes[each] for each in listing.ids(page)]
        page.records = [record for record, is_new in zip(page.records, are_new, strict=True) if is_new]
        yield page


@dataclass(eq=False)
class _Window:
    """From a moment, to a moment; None is no bound."""

    start: dt.datetime | None
    end: dt.datetime | None
    width: dt.timedelta = FIRST_WIDTH
    records: int = 0


class _Windows:
    """Reads the windows, the latest first, each as wide as one that was read suggests."""

    def __init__(self, client: Client, listing: WindowedList, stats: StreamStats) -> None:
        self._client, self._listing, self._stats = client, listing, stats
        self._beginning = self._edge = listing.began
        self._end: dt.datetime | None = None
        self._width, self._is_width_known = FIRST_WIDTH, False
        self._open: set[_Window] = set()
        self._all_taken = False

    def find_beginning(self, first: Page) -> dt.datetime | None:
        """A moment with at most a page before it, or the earliest one. None where the server does not take the filter.

        Args:
            first: the first page of the whole list. A filter that gives the same one is ignored.
        """
        moments = [self._listing.began - age for age in AGES]
        limit = ("limit", str(self._listing.limit))
        requests = (self._request(_Window(None, each)).with_params(limit) for each in moments)
        try:
            for moment, page in zip(
                moments, self._client.get_all(requests, parse_v2, self._stats), strict=True
            ):
                if page.next_href is None:
                    return moment
        except StreamFailedError:
            return None
        ids = self._listing.ids
        return None if ids(page) == ids(first) else moment

    def read(self, beginning: dt.datetime, at_once: int) -> Iterator[Page]:
        """All pages of all windows. Before the beginning there is one window."""
        self._beginning = beginning
        for window, page in read_lists(self._take, at_once):
            if page is None:
                self._open.discard(window)
                self._learn(window)
            else:
                window.records += len(page.records)
                if window.records > 2 * PAGES * self._listing.limit:
                    self._learn(window)
                yield page

    def _take(self) -> tuple[_Window, Iterator[Page]] | None:
        """The window before the last one. None while no width is known, and when all have been taken."""
        if self._all_taken or (self._open and not self._is_width_known):
            return None
        self._edge = (self._edge - self._width).replace(second=SECOND, microsecond=0)
        start = self._edge if self._edge > self._beginning else None
        window = _Window(start, self._end, self._width)
        if self._end is not None:  # nobody knows how far ahead the first one reaches: it tells no width
            self._open.add(window)
        self._end, self._all_taken = start, start is None
        listing = self._listing
        return window, read_cursor(
            self._client, self._request(window), listing.limit, self._stats, listing.ids
        )

    def _learn(self, window: _Window) -> None:
        """Suggest a width for the next windows: what was read, or has already become too much."""
        if window.end is None:
            return
        page = self._listing.limit
        self._is_width_known |= window.records > page
        factor = min(max(PAGES * page / max(window.records, 1), 1 / GROWTH), GROWTH)
        self._width = min(max(window.width * factor, LEAST_WIDTH), MOST_WIDTH)

    def _request(self, window: _Window) -> Request:
        start, end, form = self._listing.windows
        params = []
        if window.start is not None:
            params.append((start, window.start.strftime(form)))
        if window.end is not None:
            params.append((end, window.end.strftime(form)))
        return self._listing.request.with_params(*params)
