"""Each selected stream is fetched by a thread of its own. One bounded queue leads from all of them to the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from tap_personio.parallel import read_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_personio.parallel import Ended

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


class Source(Protocol):
    """A stream, as far as this module knows it."""

    name: str

    def fetch(self) -> Iterator[Chunk]:
        """Read everything."""


S = TypeVar("S", bound=Source)


def prefetch(streams: Sequence[S]) -> Iterator[tuple[S, Chunk | Ended]]:
    """Fetch all streams at once. Yields what they bring as it comes: each stream's chunks in order, then `Ended`."""
    sources = ((stream, stream.fetch()) for stream in streams)
    return read_at_once(lambda: next(sources, None), len(streams), QUEUED_CHUNKS)
