"""Pages: what a response of API v1 or v2 holds, and the identifiers of its records."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.bounds import MAX_PAGES, MAX_STALE_PAGES
from tap_personio.columns import get_path
from tap_personio.errors import StreamFailedError, TransientError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

logger = logging.getLogger("tap-personio")


@dataclass(slots=True)
class Page:
    """One page of a list.

    Attributes:
        records: JSON objects as dictionaries, or what `records.TypedRows` decoded.
        total: how many records the server announces for the whole list, where it does.
        next_href: the address of the next page, in API v2.
        parent: what the request was about, for lists below a parent record.
        start: how many records of the same list came before, for those lists.
    """

    records: list[Any]
    total: int | None = None
    next_href: str | None = None
    parent: Any = None
    start: int = 0


class _V1Response(msgspec.Struct):
    data: Any = None
    success: Any = None
    metadata: Any = None


class _V2Response(msgspec.Struct):
    data: list[Any] | None = msgspec.field(name="_data", default=None)
    meta: Any = msgspec.field(name="_meta", default=None)


_v1_decoder = msgspec.json.Decoder(_V1Response)
_v2_decoder = msgspec.json.Decoder(_V2Response)


def parse_v1(body: bytes) -> Page:
    """Read a response of API v1.

    Raises:
        TransientError: for `success: false`, which comes with status 200 too, and without data.
        StreamFailedError: when the data is no list.
        msgspec.MsgspecError: when this is no JSON.
    """
    response = _v1_decoder.decode(body)
    check_success(response.success)
    if response.data is None:
        msg = "the answer has no data"
        raise TransientError(msg)
    if not isinstance(response.data, list):
        msg = "the answer holds no list of records"
        raise StreamFailedError(msg)
    return Page(response.data, _total_of(response.metadata))


def _total_of(metadata: Any) -> int | None:
    """How many records are announced; None where that is no number. A list without one is read all the same."""
    total = str(metadata.get("total_elements")) if isinstance(metadata, dict) else ""
    return int(total) if re.fullmatch(r"\d{1,40}", total, re.ASCII) else None


def check_success(success: Any) -> None:
    """Raise TransientError for a response of API v1 that says `success: false`."""
    if str(success).lower() in ("false", "0"):
        msg = "the answer says success: false"
        raise TransientError(msg)


def parse_v2(body: bytes) -> Page:
    """Read a response of API v2.

    Raises:
        TransientError: when there is no `_data`.
        msgspec.MsgspecError: when this is no JSON, or the data is no list.
    """
    response = _v2_decoder.decode(body)
    if response.data is None:
        msg = "the answer has no _data"
        raise TransientError(msg)
    return Page(response.data, next_href=_next_of(response.meta))


def _next_of(meta: Any) -> str | None:
    """The address of the next page, which comes as an object or as text; None for any spelling of nothing.

    Raises:
        msgspec.ValidationError: for anything else, behind which there may be a page.
    """
    found = meta
    for name in ("links", "next", "href"):
        if isinstance(found, dict):
            found = found.get(name)
    if found and not isinstance(found, str):
        raise msgspec.ValidationError
    return found or None


class NoId(str):
    """In place of the identifier of a record that has no readable one: what it holds, so that it can be told apart."""

    __slots__ = ()


class IdReader:
    """Finds the identifiers of the records of a page.

    Args:
        path: where it stands in a record, see `columns.get_path`.
    """

    def __init__(self, *path: str) -> None:
        self._path = path

    def __call__(self, page: Page) -> list[Any]:
        """The identifiers in order, each a number, a text that can be part of an address, or NoId."""
        return [self._id_of(each) for each in page.records]

    def _id_of(self, record: Any) -> Any:
        if record.__class__ is not dict:
            found = getattr(record, "id", None)
        elif len(self._path) > 1 and not isinstance(record.get(self._path[0], {}), dict):
            found = None
        else:
            found = get_path(record, self._path)
        # Dots lead to another address, however they are encoded.
        is_usable = found.__class__ is int or (found.__class__ is str and found not in ("", ".", ".."))
        return found if is_usable else NoId(repr(record))


def identified(pages: Iterable[Page], ids: IdReader, what: str) -> Iterator[tuple[int | str, Any]]:
    """The records of pages with their identifiers. Those without a readable one are left out, with a warning.

    Args:
        pages: of a list.
        ids: finds identifiers.
        what: names the records.
    """
    odd = 0
    for page in pages:
        for identifier, record in zip(ids(page), page.records, strict=True):
            if isinstance(identifier, NoId):
                odd += 1
            else:
                yield identifier, record
    if odd:
        logger.warning("Left out of the list of %s: %d without a readable identifier.", what, odd)


class SeenIds:
    """The identifiers seen so far. Dense numbers take about two bytes each."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._others: set[Hashable] = set()
        self.count = 0

    def add(self, identifier: int | str) -> bool:
        """Note an identifier. Returns whether it is new."""
        if identifier.__class__ is int:
            place, bit = identifier >> 6, 1 << (identifier & 63)
            known = self._numbers.get(place, 0)
            is_new = not known & bit
            self._numbers[place] = known | bit
        else:
            is_new = identifier not in self._others
            self._others.add(identifier)
        self.count += is_new
        return is_new


class EndCheck:
    """Ends a list that goes on without bringing anything new. Takes 2 MB, however long the list is.

    One bit is kept for each record, found by a hash of its identifier. So a new one counts as known now and then, but
    not all of a page, and of all pages in a row.

    Args:
        what: names the list.
        patience: so many pages in a row may bring nothing new.
    """

    def __init__(self, what: str, patience: int = MAX_STALE_PAGES) -> None:
        self._what, self._patience = what, patience
        self._seen = bytearray(2**21)
        self._pages = self._stale = 0

    def add(self, ids: Iterable[Hashable]) -> None:
        """Take note of a page by the identifiers of its records.

        Raises:
            StreamFailedError: the list has no end.
        """
        seen, is_new = self._seen, False
        for each in ids:
            number = hash(each)
            place, bit = number >> 3 & 0x1FFFFF, 1 << (number & 7)
            if not seen[place] & bit:
                seen[place] |= bit
                is_new = True
        self.note(is_new=is_new)

    def note(self, *, is_new: bool) -> None:
        """The same, where it is known whether the page brings something new."""
        self._pages += 1
        self._stale = 0 if is_new else self._stale + 1
        if self._stale > self._patience or self._pages > MAX_PAGES:
            msg = (
                f"{self._what} does not end: {self._stale} of {self._pages} pages in a row brought nothing new, so "
                "that the rest of the list cannot be reached"
            )
            raise StreamFailedError(msg)
