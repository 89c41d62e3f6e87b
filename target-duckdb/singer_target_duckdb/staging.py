"""Where records wait between two flushes: newline-delimited JSON in a directory that only its owner can read."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import weakref
from array import array
from bisect import bisect_right
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.json_text import message_from, raw_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_target_duckdb.column_types import Column

if os.name == "posix":
    import fcntl

_NEEDED = ("version", "time_extracted", "record")  # of a message
_PREFIX = "target-duckdb-"
_MARK = "a directory of target-duckdb; it goes away with the process, or with the next run"
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# Where a number has decimals and 16 digits or more. It begins with the dot, which Python finds fastest.
_LONG = "|".join([rf"(?<=[0-9]{{{n}}}\.[0-9])[0-9]{{{15 - n}}}" for n in range(1, 16)])
_LONG_DECIMAL = re.compile(rf"\.[0-9](?:{_LONG})[0-9]*(?:[eE][+-]?[0-9]+)?(?=[],}} \r\n])".encode())
_BEFORE_DOT = re.compile(rb"[:,[ ](-?[0-9]+)\Z")
_LONGEST_NUMBER = 1000
_BUFFER_BYTES = 256 << 10  # kept in memory per stream, so that few lines at a time cost no system call each


class StagingDirectory:
    """A directory (mode 0700) for staging files and for what DuckDB spills; it lives as long as this process.

    A lock on a file inside shows that the owner is alive: directories that a killed process of the same user left
    behind are removed by the next one that uses the same place. The mark in that file comes after the lock, so that no
    other process takes a directory that is just being made. `remove` removes this one; so does the end of the process.
    """

    def __init__(self, parent: str | None) -> None:
        try:
            place = Path(parent or tempfile.gettempdir()).expanduser()
            place.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError, ValueError):  # the last two: `~` without a home, a zero byte
            msg = "The folder that `temp_dir` names cannot be made: set `temp_dir` to a folder that you can write to."
            raise LoaderError(msg) from None
        _remove_abandoned(place)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        lock = open(self.path / "lock", "w", opener=_for_owner)  # noqa: SIM115 - Path.open has no opener
        _lock(lock, wait=True)
        lock.write(_MARK)
        lock.flush()
        self.remove = weakref.finalize(self, _remove, self.path, lock)

    def new_file(self, max_records: int) -> StagingFile:
        """A new, empty staging file in this directory, for at most so many records."""
        descriptor, name = tempfile.mkstemp(suffix=".ndjson", dir=self.path)
        os.close(descriptor)
        return StagingFile(Path(name), max_records)


class LineNumbers:
    """Which line of the input each record came from, kept as ranges of lines that follow each other."""

    def __init__(self) -> None:
        self._records = array("Q")  # number of the record with which each range begins, from 0
        self._lines = array("Q")  # its line
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, record: int) -> int:
        which = bisect_right(self._records, record) - 1
        return self._lines[which] + record - self._records[which]

    def __iter__(self) -> Iterator[int]:
        return map(self.__getitem__, range(self._count))

    def add(self, line: int, count: int) -> None:
        """Add records from this line on."""
        if not self._count or self[self._count - 1] + 1 != line:
            self._records.append(self._count)
            self._lines.append(line)
        self._count += count


class StagingFile:
    """RECORD messages of one stream, one a line, and the input line that each came from.

    When its records are loaded, the file is written over rather than made anew: to get new pages for a file takes
    longer than to fill them.

    Attributes:
        room: how many more records it may hold.
        size: bytes staged.
        longest: no line is longer than this many bytes.
        repaired: whether its lines have been written anew in a form that DuckDB takes.
        on_sample: called with the first record of each line prefix, decoded; the records after it are only copied.
        version: the version of the last message that was decoded; those of the others are not known before loading.
    """

    def __init__(self, path: Path, max_records: int) -> None:
        self.path = path
        self._max_records = max_records
        self.version: int | None = None
        self.on_sample: Callable[[dict[str, Any]], object] = lambda _: None
        self.clear()

    def clear(self) -> None:
        """Forget all records."""
        self.lines = LineNumbers()
        self.room = self._max_records
        self.size = self.longest = self._written = 0
        self.repaired = False
        self._buffer: list[bytes] = []

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, lines: bytes | memoryview, number: int, count: int) -> None:
        """Add RECORD messages.

        Args:
            lines: whole lines, each with its newline.
            number: number of the first of them in the input.
            count: how many they are.
        """
        self.lines.add(number, count)
        self.room -= count
        self.size += len(lines)
        self.longest = max(self.longest, len(lines))
        if self.size - self._written > _BUFFER_BYTES:
            self._write(lines)
        else:
            self._buffer.append(bytes(lines))

    def write_out(self) -> None:
        """Bring what is still in memory to the file, and end the file there."""
        self._write(b"")
        os.truncate(self.path, self.size)

    def _write(self, lines: bytes | memoryview) -> None:
        with _explained(self.path.parent), self.path.open("r+b") as file:
            file.seek(self._written)
            if self._buffer:
                file.write(b"".join(self._buffer))
                self._buffer.clear()
            file.write(lines)
        self._written = self.size

    def needs_all_digits(self) -> bool:
        """Whether a number with decimals is not what a DOUBLE makes of it: so DuckDB reads it, also into a text."""
        if self.repaired:
            return False
        lines = b""
        with self.path.open("rb") as file:
            while piece := file.read(_BUFFER_BYTES):
                lines = lines[-_LONGEST_NUMBER:] + piece
                for found in _LONG_DECIMAL.finditer(lines):
                    whole = _BEFORE_DOT.search(lines, max(0, found.start() - _LONGEST_NUMBER), found.start())
                    number = (whole[1] + found[0]).decode() if whole else ""  # it may be part of a text
                    if number and repr(float(number)) != number:
                        return True
        return False

    def repair(self, stream: str, columns: list[Column]) -> None:
        """Bring the records into a form that DuckDB takes: each key once, no lone surrogates, no digit lost.

        What goes into columns of text or JSON becomes text, which DuckDB leaves as it is.

        Raises:
            LoaderError: if a line or its record is not a JSON object.
        """
        changed = self.path.with_suffix(".repaired")
        with _explained(self.path.parent), self.path.open("rb") as old, changed.open("wb") as new:
            for number, line in zip(self.lines, old, strict=True):
                message = message_from(line, number)
                if not isinstance(message.get("record"), dict):
                    msg = f"Line {number}: the record of stream '{stream}' is not a JSON object."
                    raise LoaderError(msg)
                record = message["record"]
                for column in columns:
                    value = record.get(column.key)
                    is_text = column.type == "VARCHAR" and isinstance(value, str)
                    if value is not None and column.type in {"JSON", "VARCHAR"} and not is_text:
                        record[column.key] = raw_from(value).decode()
                raw = raw_from({key: message[key] for key in _NEEDED if key in message})
                self.longest = max(self.longest, len(raw))
                new.write(raw + b"\n")
            self.size = self._written = new.tell()
        changed.replace(self.path)
        self.repaired = True


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say where the system does not take what is written, most often because there is no space left."""
    try:
        yield
    except OSError as error:
        msg = (
            f"Records cannot be staged in {folder} ({error.strerror}): make room there, or set `temp_dir` to another "
            "folder."
        )
        raise LoaderError(msg) from None


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(file: IO[str], *, wait: bool = False) -> None:
    """Lock an open file for this process; raises OSError if another process holds it, unless it is waited for."""
    if os.name == "posix":
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove(directory: Path, lock: IO[str]) -> None:
    lock.close()
    shutil.rmtree(directory, ignore_errors=True)


def _remove_abandoned(place: Path) -> None:
    for directory in place.glob(_PREFIX + "*"):
        with suppress(OSError, ValueError):
            about = directory.lstat()
            if not stat.S_ISDIR(about.st_mode) or (os.name == "posix" and about.st_uid != os.getuid()):
                continue
            descriptor = os.open(directory / "lock", os.O_RDWR | _CAREFULLY)
            with os.fdopen(descriptor, "r+") as file:
                _lock(file)  # fails while the owner lives
                if file.read(len(_MARK)) == _MARK:
                    shutil.rmtree(directory, ignore_errors=True)
