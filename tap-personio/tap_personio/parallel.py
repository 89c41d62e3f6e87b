"""Several iterators read at the same time, each by a thread of its own; a bounded queue leads to whoever reads them."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

K = TypeVar("K")
T = TypeVar("T")

# Lists of one stream that are read at the same time. At 0.4 s per response, five use up a limit of ten a second.
LISTS_AT_ONCE = 8


class Ended(NamedTuple):
    """An iterator has nothing more.

    Attributes:
        error: why it ended early; None when it was read completely.
    """

    error: Exception | None


def read_at_once(
    take: Callable[[], tuple[K, Iterator[T]] | None], at_once: int, queued: int
) -> Iterator[tuple[K, T | Ended]]:
    """What iterators bring, as it comes: the items of each in order, then `Ended`.

    Args:
        take: gives the next iterator and its key, or None if there is none now. It is called before each item that
            is waited for, while fewer than `at_once` are read. When it gives none and all are read, that is the end.
        at_once: how many are read at the same time.
        queued: how many items may wait.
    """
    items: queue.Queue[tuple[K, T | Ended]] = queue.Queue(queued)
    stopped = threading.Event()
    running = 0
    try:
        while True:
            while running < at_once and (taken := take()):
                name = f"{threading.current_thread().name}-{running}"
                threading.Thread(target=_read, args=(*taken, items, stopped), name=name, daemon=True).start()
                running += 1
            if not running:
                return
            key, item = items.get()
            running -= isinstance(item, Ended)
            yield key, item
    finally:
        stopped.set()
        with suppress(queue.Empty):
            while True:  # so that no thread waits for a place for ever
                items.get_nowait()


def read_lists(
    take: Callable[[], tuple[K, Iterator[T]] | None], at_once: int
) -> Iterator[tuple[K, T | None]]:
    """Like `read_at_once`, with at most LISTS_AT_ONCE iterators; the end of one is None. Raises what one raises."""
    at_once = min(at_once, LISTS_AT_ONCE)
    for key, item in read_at_once(take, at_once, at_once):
        if not isinstance(item, Ended):
            yield key, item
        elif item.error is None:
            yield key, None
        else:
            raise item.error


def _read(
    key: K, source: Iterator[T], items: queue.Queue[tuple[K, T | Ended]], stopped: threading.Event
) -> None:
    error = None
    try:
        for item in source:
            items.put((key, item))
            if stopped.is_set():
                return
    except Exception as raised:
        error = raised
    items.put((key, Ended(error)))
