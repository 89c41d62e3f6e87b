"""Identifiers of parent records, for endpoints that are asked once per employee, person, project or absence."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_personio.paging import Page


class Roster:
    """All identifiers of one parent list, in its order, listed once a run.

    Args:
        list_ids: asks Personio for them; used unless a stream that reads the whole list anyway fills the roster.
    """

    def __init__(self, list_ids: Callable[[], Iterable[int | str]]) -> None:
        self._list_ids = list_ids
        self._ids: list[int | str] = []
        self._error: BaseException | None = None
        self._filled = threading.Event()
        self._filler = False
        self._lock = threading.Lock()

    def will_be_filled(self) -> None:
        """Promise that a stream fills the roster by `fill_from`."""
        self._filler = True

    def fill_from(self, pages: Iterator[Page], ids: Callable[[Page], Iterable[int | str]]) -> Iterator[Page]:
        """Pass pages through and keep their identifiers; the roster is complete when the pages are."""
        try:
            for page in pages:
                self._ids.extend(ids(page))
                yield page
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._filled.set()

    def ids(self) -> list[int | str]:
        """The identifiers, each once. Waits for the stream that fills the roster; raises what it raised."""
        if self._filler:
            self._filled.wait()
        else:
            with self._lock:
                if not self._filled.is_set():
                    self._ids = list(self._list_ids())
                    self._filled.set()
        if self._error:
            raise self._error
        return list(dict.fromkeys(self._ids))
