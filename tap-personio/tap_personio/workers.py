"""Threads that run functions for others."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Workers:
    """A few threads, started with the first function.

    In place of the standard library's ThreadPoolExecutor because the threads are daemons: a process that is stopped
    by a signal ends at once. With ThreadPoolExecutor it waits for a response that is under way, and when the signal
    comes while a thread is being started, it never ends (seen in one of sixty stopped runs).

    Args:
        count: how many threads.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._threads: list[threading.Thread] = []

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Run a function in one of the threads. Returns its result or exception, when it has one."""
        with self._start:
            if not self._threads:
                self._threads = [
                    threading.Thread(target=self._work, name=f"personio-{number}", daemon=True)
                    for number in range(self._count)
                ]
                for thread in self._threads:
                    thread.start()
        future: Future[T] = Future()
        self._tasks.put((future, function))
        return future

    def close(self) -> None:
        """End the threads, when they have run what was submitted."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while task := self._tasks.get():
            future, function = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except Exception as error:
                    future.set_exception(error)
