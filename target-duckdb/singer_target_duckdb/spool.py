"""Where records wait between two flushes: newline-delimited JSON in an owner-only directory."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from array import array
from bisect import bisect_right
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msgspec import Raw

if os.name == "posix":
    import fcntl

_PREFIX = "target-duckdb-"
_BUFFER_BYTES = 512 * 1024


class SpoolDirectory:
    """A directory (mode 0700) for spools and for what DuckDB spills; it lives as long as this process.

    A lock on a file inside shows that the owner is alive: directories that a killed process left behind are
    removed by the next one that uses the same place. `remove` removes this one; so does the end of the process.
    """

    def __init__(self, parent: str | None) -> None:
        place = Path(parent or tempfile.gettempdir())
        place.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(place)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        lock = open(self.path / "lock", "w", opener=_for_owner)  # noqa: SIM115 - Path.open has no opener
        _lock(lock)
        self.remove = weakref.finalize(self, _remove, self.path, lock)

    def spool(self) -> Spool:
        """A new, empty spool in this directory."""
        descriptor, name = tempfile.mkstemp(suffix=".ndjson", dir=self.path)
        os.close(descriptor)
        return Spool(Path(name))


class Lines:
    """Which line of the input each record came from; most come from lines that follow each other."""

    def __init__(self) -> None:
        self._firsts = array("Q")  # record with which each run of lines begins, from 0
        self._begins = array("Q")  # its line
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, record: int) -> int:
        run = bisect_right(self._firsts, record) - 1
        return self._begins[run] + record - self._firsts[run]

    @property
    def last(self) -> int:
        """The line of the last record."""
        return self._begins[-1] + self._count - 1 - self._firsts[-1]

    def __iter__(self) -> Iterator[int]:
        return map(self.__getitem__, range(self._count))

    def add(self, line: int, count: int = 1) -> None:
        """Add records from this line on."""
        if not self._count or self.last + 1 != line:
            self._firsts.append(self._count)
            self._begins.append(line)
        self._count += count


class Spool:
    """Records of one stream, each as a RECORD message on a line, and the input line each came from.

    What was spooled is written over rather than cut off: to get a file new pages takes longer than to fill them.

    Attributes:
        version: what `version` stands beside every record; DuckDB refuses any other. False if it does not matter.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = Lines()
        self.size = 0
        self.longest = 0
        self.rewritten = False
        self.version: int | Literal[False] | None = False
        self._waiting: list[bytes | Raw] = []
        self._waiting_bytes = 0

    def __len__(self) -> int:
        return len(self.lines)

    def append(self, record: bytes | Raw, line: int, size: int) -> int:
        """Add one record; returns how many there are now.

        Args:
            record: the JSON object.
            line: number of its line in the input.
            size: its length in bytes, or an upper bound.
        """
        self._waiting.append(record)
        self.lines.add(line)
        self._waiting_bytes += size
        self.longest = max(self.longest, size)
        if self._waiting_bytes > _BUFFER_BYTES:
            self._write_waiting()
        return len(self.lines)

    def extend(self, messages: memoryview, line: int, count: int) -> int:
        """Add RECORD messages as they came, one a line; returns how many records there are now.

        Args:
            messages: whole lines.
            line: number of the first of them in the input.
            count: how many they are.
        """
        self._write_waiting()
        self._write(messages)
        self.lines.add(line, count)
        self.longest = max(self.longest, len(messages))  # no line is longer
        return len(self.lines)

    def write_out(self) -> None:
        """Bring what is still in memory to the file, and end the file there."""
        self._write_waiting()
        os.truncate(self.path, self.size)

    def _write_waiting(self) -> None:
        if self._waiting:
            version = b"" if self.version is None else b'"version":%d,' % self.version
            head = b'{"type":"RECORD",' + version + b'"record":'
            self._write(head + (b"}\n" + head).join(self._waiting) + b"}\n")
            self._waiting.clear()
            self._waiting_bytes = 0

    def _write(self, lines: bytes | memoryview) -> None:
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self.size)
            self.size += file.write(lines)

    def rewrite(self, change: Callable[[int, bytes], bytes]) -> None:
        """Replace each line by what the function makes of its number in the input and its JSON."""
        self.write_out()
        changed = self.path.with_suffix(".rewritten")
        with self.path.open("rb") as old, changed.open("wb") as new:
            for line, record in zip(self.lines, old, strict=True):
                raw = change(line, record)
                self.longest = max(self.longest, len(raw))
                new.write(raw + b"\n")
            self.size = new.tell()
        changed.replace(self.path)
        self.rewritten = True

    def take(self) -> Iterator[tuple[int, bytes]]:
        """Empty the spool, and give the number in the input and the JSON of each line that it had."""
        self.write_out()
        taken, lines = self.path.with_suffix(".taken"), self.lines
        shutil.copy(self.path, taken)
        self.clear()
        with taken.open("rb") as file:
            yield from zip(lines, file, strict=True)
        taken.unlink()

    def clear(self) -> None:
        """Forget all records."""
        self._waiting.clear()
        self.lines = Lines()
        self.size = self.longest = self._waiting_bytes = 0
        self.rewritten = False


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(file: IO[str]) -> None:
    """Lock an open file for this process; raises OSError if another process holds it."""
    if os.name == "posix":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove(directory: Path, lock: IO[str]) -> None:
    lock.close()
    shutil.rmtree(directory, ignore_errors=True)


def _remove_abandoned(place: Path) -> None:
    for directory in place.glob(_PREFIX + "*"):
        with suppress(OSError), (directory / "lock").open("r+") as file:
            _lock(file)  # fails while the owner lives
            shutil.rmtree(directory, ignore_errors=True)
