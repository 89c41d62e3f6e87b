"""What the streams of one run share: client, start of the run, attribute catalogue, parent ids, deletions."""

from __future__ import annotations

import datetime as dt
import functools
import threading
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tap_personio.attributes import read_catalogue
from tap_personio.errors import StreamFailedError
from tap_personio.progress import StreamStats
from tap_personio.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_personio.attributes import Attribute
    from tap_personio.client import Client
    from tap_personio.settings import Settings


class RunContext:
    """One run of the tap.

    Args:
        settings: checked settings.
        client: where all streams ask.
    """

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings, self.client = settings, client
        self.ids: dict[str, ParentIds] = {}
        self.read_deletions: Callable[[], Mapping[str, dt.datetime]] = dict
        self._lock = threading.Lock()
        self._stats: dict[str, StreamStats] = {}
        self.reports = Reports(client, self.stats("reports_list"))
        self._catalogue_error: StreamFailedError | None = None

    @functools.cached_property
    def started(self) -> dt.datetime:
        """When the run began, by Personio's clock: its response to the login tells the time."""
        self.client.log_in()
        return self.client.now()

    @functools.cached_property
    def attribute_catalogue(self) -> list[Attribute] | None:
        """The readable employee attributes; None where the credential may not read their catalogue, or it failed."""
        try:
            return read_catalogue(self.client)
        except StreamFailedError as error:
            self._catalogue_error = error
            return None

    def require_catalogue(self) -> None:
        """Raise StreamFailedError if the catalogue failed: without it, columns would get other types than before."""
        if self.attribute_catalogue is None and self._catalogue_error is not None:
            msg = f"the catalogue of attributes cannot be read: {self._catalogue_error.message}"
            raise StreamFailedError(msg)

    @property
    def last_day(self) -> dt.date:
        """The latest day of absences and attendances."""
        return self.settings.end_date or self.started.date() + dt.timedelta(days=2 * 365)

    @property
    def days(self) -> str:
        """The days that the run covers, in words."""
        first = self.settings.start_date
        return f" from {first} to {self.last_day}" if first else f": all history, to {self.last_day}"

    def stats(self, stream: str) -> StreamStats:
        """Counts of a stream's run."""
        return self._stats.setdefault(stream, StreamStats(stream))

    @functools.cached_property
    def _deletions(self) -> Mapping[str, dt.datetime]:
        return self.read_deletions()

    def was_deleted(self, events: tuple[str, ...], since: dt.datetime) -> bool:
        """Whether a webhook event of one of these names tells of a deletion since a moment."""
        second = since.replace(microsecond=0)  # events have no fraction
        with self._lock:  # one stream asks, the others wait for the answer
            deletions = self._deletions
        return any(deletions[name] >= second for name in events if name in deletions)


class ParentIds:
    """Identifiers of a stream's records, for streams that ask Personio once per record. Read once a run.

    Args:
        list_ids: asks Personio for all identifiers, or for those that changed since a moment.
    """

    def __init__(self, list_ids: Callable[[dt.datetime | None], Iterable[Any]]) -> None:
        self._list_ids = list_ids
        self._provided: Future[list[Any]] | None = None
        self._listed: list[Any] | None = None
        self._lock = threading.Lock()

    def may_be_provided(self) -> None:
        """The stream is read in this run: if whole, nobody else has to list the ids. `collect` or `end` follows."""
        self._provided = Future()

    def collect(self, pages: Iterator[Any], ids_of: Callable[[Any], Iterable[Any]]) -> Iterator[Any]:
        """Pass pages through and keep their identifiers. They are complete when the pages are."""
        provided: Future[list[Any]] = self._provided or Future()
        ids: list[Any] = []
        try:
            for page in pages:
                ids.extend(ids_of(page))
                yield page
        except Exception as error:
            provided.set_exception(error)
            raise
        provided.set_result(list(dict.fromkeys(ids)))

    def end(self) -> None:
        """The stream provides none, or no more of them: then whoever asks lists the identifiers."""
        if self._provided is not None:
            self._provided.cancel()

    def all(self, *, fresh: bool = False) -> list[Any]:
        """All identifiers, each once, in order. Waits for the stream that provides them; raises what it raised.

        Args:
            fresh: ask Personio now, whatever is known.
        """
        if fresh:
            return list(self._list_ids(None))
        if self._provided is not None:
            with suppress(CancelledError):
                return self._provided.result()
        with self._lock:
            if self._listed is None:
                self._listed = list(dict.fromkeys(self._list_ids(None)))
        return self._listed

    def changed(self, since: dt.datetime) -> Iterable[Any]:
        """Identifiers of the records that changed since a moment."""
        return self._list_ids(since)
