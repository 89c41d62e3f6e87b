"""Reading a list with care: page by page, with a look back after each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_personio.errors import StreamFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_personio.pages import EndCheck, Page

CHANGED = "the list kept changing while it was read, so that records may be missing; try again later"


class CarefulReader:
    """Reads a list page by page and looks back: nothing is missing between two pages if the first is unchanged then.

    Args:
        fetch: asks for a page by its index; gives it with the identifiers of its records.
        new: leaves out of a page what was seen before, and gives the page if anything is left.
        is_last: whether the list ends with this page.
        end_check: of this read.
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
        end_check: EndCheck,
        size: int = 0,
        *,
        mends: bool = True,
    ) -> None:
        self._fetch, self._new, self._is_last = fetch, new, is_last
        self._end_check, self._size, self._mends = end_check, size, mends
        self.total: int | None = None
        self.records = self.moves = 0

    def read(self, index: int = 0) -> Iterator[Page]:
        """Read from a page on.

        Raises:
            StreamFailedError: more moves, or more pages, than a list of this length can have, or nothing new.
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
                        raise StreamFailedError(CHANGED)
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
            self._end_check.add(ids)
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
