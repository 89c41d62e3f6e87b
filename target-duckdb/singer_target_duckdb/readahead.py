"""Reads the input while the database is busy, so that the tap need not wait for a flush."""

from __future__ import annotations

import errno
import io
import sys
import threading
from collections import deque
from contextlib import suppress

if sys.platform == "linux":
    import fcntl

# Each read of a buffer may be preceded by the beginning of a line that the one before it left.
BEFORE = 64 << 10
_PIECE_BYTES = 1 << 20
_BUFFERS = 16


class ReadAhead:
    """The bytes of a file or pipe, read by a thread of its own up to 16 MB ahead.

    The thread reads the descriptor itself: a buffered reader on which it waits would keep the process from ending.
    A few buffers are used in turn, because to get new memory for each read takes longer than to read.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = io.FileIO(descriptor, closefd=False)
        self._pieces: deque[tuple[bytearray, int]] = deque()
        self._free: list[bytearray] = []
        self._made = 0
        self._given: bytearray | None = None
        self._ended = False
        self._error: OSError | None = None
        self._changed = threading.Condition()
        if sys.platform == "linux":
            with suppress(OSError):  # no pipe, or the system keeps pipes small
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIECE_BYTES)
        threading.Thread(target=self._fill, name="target-duckdb-input", daemon=True).start()

    def read(self) -> tuple[bytearray, int]:
        """A buffer with what was read from position `BEFORE` up to the position beside it; waits for some.

        Nothing is in it at the end of the input. The buffer is the caller's until the next call.

        Raises:
            OSError: if the input cannot be read.
        """
        with self._changed:
            if self._given is not None:
                self._free.append(self._given)
                self._given = None
                self._changed.notify_all()
            while not self._pieces and not self._ended:
                self._changed.wait()
            if not self._pieces:
                if self._error:
                    raise self._error
                return bytearray(), BEFORE
            self._given, end = self._pieces.popleft()
            return self._given, end

    @property
    def waits(self) -> bool:
        """Whether everything that has come so far is read, and more may come."""
        return not self._pieces and not self._ended

    def _fill(self) -> None:
        size = 1
        while size:
            buffer = self._buffer()
            try:
                size = self._read_into(memoryview(buffer)[BEFORE:])
            except OSError as error:
                self._error, size = OSError(error.errno, error.strerror, "the input"), 0
            with self._changed:
                if size:
                    self._put(buffer, BEFORE + size)
                else:
                    self._ended = True
                self._changed.notify_all()

    def _read_into(self, buffer: memoryview) -> int:
        size = self._file.readinto(buffer)
        if size is None:
            raise OSError(errno.EAGAIN, "it does not wait for data")
        return size

    def _buffer(self) -> bytearray:
        """A buffer to read into: one that was used before, or a new one while there may be more of them."""
        with self._changed:
            while not self._free and self._made == _BUFFERS:
                self._changed.wait()
            if self._free:
                return self._free.pop()
            self._made += 1
        return bytearray(BEFORE + _PIECE_BYTES)

    def _put(self, buffer: bytearray, end: int) -> None:
        """Offer what was read; if little came and the piece before it still waits, as a part of that."""
        if self._pieces:
            last, last_end = self._pieces[-1]
            if last_end + end - BEFORE <= len(last):
                last[last_end : last_end + end - BEFORE] = memoryview(buffer)[BEFORE:end]
                self._pieces[-1] = (last, last_end + end - BEFORE)
                self._free.append(buffer)
                return
        self._pieces.append((buffer, end))
