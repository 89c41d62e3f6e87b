"""Lists below parent records: one request, or more, for each parent."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_personio.cursor_lists import follow
from tap_personio.errors import RecordMissingError, RecordRefusedError, StreamFailedError
from tap_personio.pages import NoId, Page, parse_v2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_personio.client import Client
    from tap_personio.pages import IdReader
    from tap_personio.progress import StreamStats
    from tap_personio.transport import Request

    Pages = Callable[[Any, Request, Page], Iterator[Page]]

logger = logging.getLogger("tap-personio")

# 404 for what belongs to a record that Personio lists is repeated this often, a refusal too.
MAX_REPEATS = 2
# So many records without a single answer say that there will be none.
MAX_UNANSWERED = 20
MAX_NAMED = 20


class Children:
    """The lists below some parents, several parents in flight.

    A parent that answers 404 is passed over only if it is gone: one that Personio still lists is asked again. One that
    is refused for itself is named and costs its own records only. One without an identifier cannot be asked about: the
    others are read, but the list is not complete.

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
        self._asked = self._answered = self._nameless = 0

    def read(self) -> Iterator[Page]:
        """All pages, each with its `parent`.

        Raises:
            StreamFailedError: parents that Personio lists answer 404, or have no identifier.
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
            self._client.retries.wait_a_moment(self._stats, 2**number)
            self._client.note_refused(pending[0][1].endpoint, None)
            self._stats.repeated += len(pending)
            asked = self._asked
            yield from self._ask(pending, MAX_UNANSWERED)
            self._asked = asked
        self._judge()

    def _ask(self, requests: Iterable[tuple[Any, Request]], patience: int) -> Iterator[Page]:
        paged = () if self._limit is None else (("limit", str(self._limit)),)
        named = (each for each in requests if self._is_named(each[0]))
        limited = (((parent, each), each.with_params(*paged)) for parent, each in named)
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

    def _is_named(self, parent: Any) -> bool:
        is_nameless = isinstance(getattr(parent, "id", parent), NoId)
        self._nameless += is_nameless
        return not is_nameless

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
        if self._nameless:
            msg = (
                f"{self._nameless} of {self._nameless + self._asked} {self._noun} in Personio's list have no readable "
                "identifier, so that what belongs to them is not known"
            )
            raise StreamFailedError(msg)
        if not refused:
            return
        if not self._answered:
            raise refused[0][2].reason
        reasons = ", ".join(sorted({error.message for _, _, error in refused}))
        names = [str(getattr(parent, "id", parent)) for parent, _, _ in refused[:MAX_NAMED]]
        if self._noun in ("persons", "employees"):  # ids of people stay out of the log
            names = []
        logger.warning(
            "%s: Personio refuses %d of %d %s (%s), their rows are left out%s.",
            self._stats.stream,
            len(refused),
            self._asked,
            self._noun,
            reasons,
            f": {', '.join(names)}{' …' if len(refused) > MAX_NAMED else ''}" if names else "",
        )

    def _follow(self, _parent: Any, request: Request, first: Page) -> Iterator[Page]:
        if self._only_cursor:
            request = replace(request, params=())
        elif self._limit is not None:
            request = request.with_params(("limit", str(self._limit)))
        return follow(
            self._client, request, first, self._limit, self._stats, ids=self._ids, parse=self._parse
        )
