"""Each selected stream is fetched by a thread of its own. One bounded queue leads from all of them to the writer."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A chunk is what one page brought, at most some hundred kilobytes.
QUEUED_CHUNKS = 64


class Chunk(NamedTuple):
    """What one page brought.

    Attributes:
        lines: RECORD messages, encoded.
        rows: how many.
        newest: the largest replication key value among them.
        total: how many records Personio announces for the whole read, where it does.
    """

    lines: bytes
    rows: int
    newest: str | None
    total: int | None


class Ended(NamedTuple):
    """The stream has no more chunks.

    Attributes:
        error: why it ended early; None when it was read completely.
    """

    error: Exception | None


class Source(Protocol):
    """A stream, as far as this module knows it."""

    name: str

    def fetch(self) -> Iterator[Chunk]:
        """Read everything."""


S = TypeVar("S", bound=Source)


def prefetch(streams: Sequence[S]) -> Iterator[tuple[S, Chunk | Ended]]:
    """Fetch all streams at once. Yields what they bring as it comes: each stream's chunks in order, then `Ended`."""
    chunks: queue.Queue[tuple[S, Chunk | Ended]] = queue.Queue(QUEUED_CHUNKS)
    for stream in streams:
        threading.Thread(
            target=_fetch, args=(stream, chunks), name=f"fetch-{stream.name}", daemon=True
        ).start()
    running = len(streams)
    while running:
        stream, item = chunks.get()
        running -= isinstance(item, Ended)
        yield stream, item


def _fetch(stream: S, chunks: queue.Queue[tuple[S, Chunk | Ended]]) -> None:
    try:
        for chunk in stream.fetch():
            chunks.put((stream, chunk))
    except Exception as error:
        chunks.put((stream, Ended(error)))
    else:
        chunks.put((stream, Ended(None)))
