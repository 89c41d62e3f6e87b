"""The log of the requests to the sandbox."""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from multidict import CIMultiDictProxy, MultiMapping

_ID = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27})(?=/|$)")


@dataclass(frozen=True)
class Request:
    """One API request. ``status`` is 0 when the connection was cut before an answer."""

    method: str
    path: str
    query: MultiMapping[str]
    headers: CIMultiDictProxy[str]
    status: int
    at: float
    """When it arrived, in seconds since 1970."""
    fault: str | None = None
    """The kind of fault that affected it."""

    @property
    def endpoint(self) -> str:
        """The path with ``{id}`` in place of ids."""
        return _ID.sub("/{id}", self.path)


class RequestLog:
    """The API requests so far, oldest first; the last 100,000 are kept. Control requests are not logged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=100_000)

    def add(self, request: Request) -> None:
        """Append one."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Remove all requests."""
        with self._lock:
            self._requests.clear()

    def all(self) -> list[Request]:
        """A copy of the log."""
        with self._lock:
            return list(self._requests)

    def to(self, path: str) -> list[Request]:
        """Those to one path, or endpoint (with ``{id}`` in it)."""
        return [r for r in self.all() if path in (r.path, r.endpoint)]

    def counts(self) -> Counter[str]:
        """How many there were, by endpoint."""
        return Counter(r.endpoint for r in self.all())

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.all())

    @overload
    def __getitem__(self, place: int) -> Request: ...
    @overload
    def __getitem__(self, place: slice) -> list[Request]: ...
    def __getitem__(self, place: int | slice) -> Request | list[Request]:
        return self.all()[place]
