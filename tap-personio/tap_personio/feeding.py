"""Reading ahead: each stream's pages are fetched by a thread of its own while earlier streams are written.

So streams with separate rate limits do not wait for each other, and the output keeps one order. A stream that is
fetched as fast as it is written waits when a small buffer is full; one that its rate limit holds up goes on, and
what does not fit waits in a temporary file that has no name and that only this process can open.
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import msgspec

from tap_personio.errors import StreamFailedError
from tap_personio.paging import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES_IN_MEMORY = 16


class Feed:
    """Pages of one stream, fetched by a thread that starts with `start`.

    Args:
        name: stream, for the thread's name.
        read: yields the pages; whatever it raises is raised again to the one who iterates.
        far_ahead: fetch on when the buffer is full.
        before_waiting: called in the thread before it waits for room in the buffer.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Iterator[Page]],
        *,
        far_ahead: bool,
        before_waiting: Callable[[], None],
    ) -> None:
        self._name = name
        self._read = read
        self._far_ahead = far_ahead
        self._before_waiting = before_waiting
        self._pages: deque[Page | tuple[int, int, Page]] = deque()
        self._spill: IO[bytes] | None = None
        self._stored = 0
        self._end = 0
        self._error: BaseException | None = None
        self._finished = False
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to fetch, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._fetch, name=f"feed-{self._name}", daemon=True)
            self._thread.start()

    def __iter__(self) -> Iterator[Page]:
        """The pages in order, waiting for each."""
        self.start()
        while True:
            with self._change:
                while not self._pages and not self._finished:
                    self._change.wait()
                if not self._pages:
                    break
                entry = self._pages.popleft()
                page = entry if isinstance(entry, Page) else self._load(*entry)
                # Room for several pages at a time: so the two threads take turns less often.
                if len(self._pages) <= PAGES_IN_MEMORY // 2:
                    self._change.notify()
            yield page
        if self._spill:
            self._spill.close()
        if self._error:
            raise self._error

    def _fetch(self) -> None:
        try:
            for page in self._read():
                if self._is_full() and not self._far_ahead:
                    self._before_waiting()
                with self._change:
                    while self._is_full() and not self._far_ahead:
                        self._change.wait()
                    self._pages.append(self._store(page) if self._is_full() else page)
                    self._change.notify()
        except msgspec.MsgspecError:
            self._error = StreamFailedError("a record has no readable identifier")
        except BaseException as error:
            self._error = error
        with self._change:
            self._finished = True
            self._change.notify()

    def _is_full(self) -> bool:
        return len(self._pages) >= PAGES_IN_MEMORY

    def _store(self, page: Page) -> tuple[int, int, Page]:
        if self._spill is None:
            self._spill = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the pages
        if not self._stored:
            self._end = 0
        start, length = self._end, len(page.data)
        self._spill.seek(start)
        self._spill.write(page.data)
        self._end += length
        self._stored += 1
        return start, length, replace(page, data=msgspec.Raw())

    def _load(self, start: int, length: int, page: Page) -> Page:
        assert self._spill is not None  # noqa: S101 - stored by this class
        self._spill.seek(start)
        self._stored -= 1
        return replace(page, data=msgspec.Raw(self._spill.read(length)))
