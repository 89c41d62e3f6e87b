"""Reads the input while the database is busy, so that the tap need not wait for a flush."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from contextlib import suppress

if sys.platform == "linux":
    import fcntl

_PIECE_BYTES = 1 << 20
_AHEAD_BYTES = 16 << 20


class ReadAhead:
    """The bytes of a file or pipe, read by a thread of its own up to 16 MB ahead.

    The thread reads the descriptor itself: a buffered reader on which it waits would keep the process from ending.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: OSError | None = None
        self._changed = threading.Condition()
        if sys.platform == "linux":
            with suppress(OSError):  # no pipe, or the system keeps pipes small
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIECE_BYTES)
        threading.Thread(target=self._fill, name="target-duckdb-input", daemon=True).start()

    def read(self, size: int) -> bytes:
        """What has been read, up to this many bytes or one piece; waits for some, and is empty at the end.

        Raises:
            OSError: if the input cannot be read.
        """
        with self._changed:
            while not self._pieces and not self._ended:
                self._changed.wait()
            taken: list[bytes] = []
            length = 0
            while self._pieces and (not taken or length + len(self._pieces[0]) <= size):
                taken.append(self._pieces.popleft())
                length += len(taken[-1])
            self._size -= length
            self._changed.notify_all()
        if not taken and self._error:
            raise self._error
        return b"".join(taken)

    @property
    def waits(self) -> bool:
        """Whether everything that has come so far is read, and more may come."""
        return not self._pieces and not self._ended

    def _fill(self) -> None:
        piece = b"first"
        while piece:
            try:
                piece = os.read(self._descriptor, _PIECE_BYTES)
            except OSError as error:
                self._error, piece = OSError(error.errno, error.strerror, "the input"), b""
            with self._changed:
                while self._size > _AHEAD_BYTES:
                    self._changed.wait()
                if piece:
                    self._pieces.append(piece)
                    self._size += len(piece)
                else:
                    self._ended = True
                self._changed.notify_all()
