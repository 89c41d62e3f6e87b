"""Where records wait between two flushes: newline-delimited JSON in an owner-only directory."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from array import array
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


class Spool:
    """Records of one stream, each as a RECORD message on a line, and the input line each came from.

    Attributes:
        version: what `version` stands beside every record; DuckDB refuses any other. False if it does not matter.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: array[int] = array("Q")
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
        self.lines.append(line)
        self._waiting_bytes += size
        self.longest = max(self.longest, size)
        if self._waiting_bytes > _BUFFER_BYTES:
            self.write_out()
        return len(self.lines)

    def extend(self, messages: memoryview, line: int, count: int) -> int:
        """Add RECORD messages as they came, one a line; returns how many records there are now.

        Args:
            messages: whole lines.
            line: number of the first of them in the input.
            count: how many they are.
        """
        self.write_out()
        with self.path.open("ab", buffering=0) as file:
            file.write(messages)
        self.lines.extend(range(line, line + count))
        self.size += len(messages)
        self.longest = max(self.longest, len(messages))  # no line is longer
        return len(self.lines)

    def write_out(self) -> None:
        """Bring what is still in memory to the file."""
        if self._waiting:
            with self.path.open("ab", buffering=0) as file:
                version = b"" if self.version is None else b'"version":%d,' % self.version
                head = b'{"type":"RECORD",' + version + b'"record":'
                file.write(head + (b"}\n" + head).join(self._waiting) + b"}\n")
            self.size += self._waiting_bytes
            self._waiting.clear()
            self._waiting_bytes = 0

    def rewrite(self, change: Callable[[int, bytes], bytes]) -> None:
        """Replace each line by what the function makes of its number in the input and its JSON."""
        self.write_out()
        changed = self.path.with_suffix(".rewritten")
        with self.path.open("rb") as old, changed.open("wb") as new:
            for line, record in zip(self.lines, old, strict=True):
                raw = change(line, record)
                self.longest = max(self.longest, len(raw))
                new.write(raw + b"\n")
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
        os.truncate(self.path, 0)
        self._waiting.clear()
        self.lines = array("Q")
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
