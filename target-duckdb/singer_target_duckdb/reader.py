"""Reads Singer messages: whole runs of records pass through as bytes, the rest line by line.

Taps write the same few bytes before each record of a stream: `{"type": "RECORD", "stream": "users", "record": {`.
Once one such line has been decoded, all lines that follow in the chunk and begin alike are handed on together, for
DuckDB to parse; that takes a hundredth of the time of decoding each. The version, which stands behind the record, is
looked at when DuckDB has parsed it.
"""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from decimal import Decimal
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.rawjson import object_from, raw_from
from singer_target_duckdb.readahead import BEFORE, ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 1 << 20
_WINDOW_BYTES = 64 << 10
_RECORD = SingerMessageType.RECORD.value
_BEFORE_RECORD = re.compile(rb'[^\n]*?"record"\s*:\s*\{')

NO_RECORD = msgspec.Raw(b"")


class Stop(BaseException):
    """Raised by a signal handler while the reader waits: the input ends here."""


class Message(msgspec.Struct, gc=False):
    """What is needed of a line to put its record where it belongs."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = NO_RECORD
    version: int | None = None
    time_extracted: str | None = None
    value: msgspec.Raw = NO_RECORD


_decode = msgspec.json.Decoder(Message).decode


class Run:
    """What consecutive lines have in common with a record that was decoded: all that comes before the record.

    Attributes:
        message: the decoded record.
        prefix: bytes with which its line begins, up to and with the `{` of the record.
    """

    def __init__(self, message: Message, prefix: bytes) -> None:
        self.message = message
        self.prefix = prefix
        self._next = b"\n" + prefix

    @classmethod
    def like(cls, line: bytes, message: Message) -> Run | None:
        """What to look for after this line; None if its form does not tell the stream for sure."""
        found = _BEFORE_RECORD.match(line)
        if not found:
            return None
        try:
            begin = _decode(found[0] + b"}}")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if (begin.type, begin.stream, begin.record) != (message.type, message.stream, msgspec.Raw(b"{}")):
            return None
        return cls(message, found[0])

    def end(self, chunk: bytes | bytearray, start: int, stop: int, most: int) -> tuple[int, int]:
        """Where the run that starts at a position of the chunk ends, and how many lines it has.

        A window of the chunk that has as many lines as beginnings needs no look at each.

        Args:
            chunk: whole lines up to `stop`.
            start: position of the first line.
            stop: position behind the last line.
            most: how many lines to take at most.
        """
        prefix, length, taken = self.prefix, len(self.prefix), 0
        while start < stop and taken < most:
            end = chunk.rfind(b"\n", start, min(start + _WINDOW_BYTES, stop)) + 1
            lines = chunk.count(b"\n", start, end)
            if (
                0 < lines <= most - taken
                and chunk.startswith(prefix, start)
                and chunk.count(self._next, start, end) == lines - 1
            ):
                start, taken = end, taken + lines
                continue
            end = end or stop  # a line longer than a window
            while start < end and taken < most and chunk.startswith(prefix, start):
                start = chunk.find(b"\n", start + length) + 1
                taken += 1
            if start < end:
                break
        return start, taken


class MessageReader(GenericSingerReader[bytes]):
    """Reader that hands on RECORD messages as `Message` or in runs, all others as dictionaries.

    Attributes:
        line: number of the line being processed, from 1.
        size: its length in bytes.
        value: the JSON of a STATE message's `value` as it came; empty if only Python can read the line.
        waiting: True while the reader waits for input, which raising `Stop` ends.
        go_on: asked before each read of more input; False ends the reading.
        give_up: called when a message fails, before the error is raised.
        most_like: how many lines like a message may be handed on together; 0 if each has to be by itself.
        on_run: given a message, the bytes of lines like its own, and their number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.size = 0
        self.value = b""
        self.waiting = False
        self._ahead: ReadAhead | None = None
        self.go_on: Callable[[], bool] = lambda: True
        self.give_up: Callable[[], None] = lambda: None
        self.most_like: Callable[[Message], int] = lambda _message: 0
        self.on_run: Callable[[Message, memoryview, int], None] = lambda _message, _lines, _count: None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return sys.stdin.buffer

    @property
    def idle(self) -> bool:
        """Whether the next read would wait for the tap."""
        return self._ahead is not None and self._ahead.waits

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode a whole line, leniently where Python's own JSON writer is (NaN, lone surrogates)."""
        return object_from(line)

    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[Any], None]],
    ) -> Counter[str]:
        """Hand each message to the callback of its type; returns how many there were of each.

        Raises:
            LoaderError: for a line that is no Singer message.
        """
        counts: Counter[str] = Counter()
        try:
            for chunk, start, stop in self._chunks(_binary(file_input or self.default_input)):
                self._process(chunk, start, stop, callbacks, counts)
        except BaseException:
            self.give_up()
            raise
        return counts

    def _process(
        self,
        chunk: bytes | bytearray,
        start: int,
        stop: int,
        callbacks: dict[str, Callable[[Any], None]],
        counts: Counter[str],
    ) -> None:
        """Process the whole lines between two positions of a chunk."""
        on_record, records, run, tries = callbacks[_RECORD], 0, None, 3
        with memoryview(chunk) as view:
            while start < stop:
                if run is not None:
                    most = self.most_like(run.message)
                    end, count = run.end(chunk, start, stop, most)
                    if count:
                        self.on_run(run.message, view[start:end], count)
                        self.line += count
                        records += count
                        start = end
                    if count < most or not most:
                        run = None
                    continue
                end = chunk.index(b"\n", start) + 1
                line = bytes(view[start:end])
                self.size = end - start
                start = end
                self.line += 1
                if line.isspace():
                    continue
                message = self.message(line)
                if message.type == _RECORD:
                    on_record(message)
                    records += 1
                    if tries:
                        tries -= 1
                        run = Run.like(line, message)
                else:
                    self.value = bytes(message.value)
                    self._dispatch(message.type, line, callbacks)
                    counts[message.type] += 1
                    tries = 3
        counts[_RECORD] += records

    def _dispatch(self, kind: str, line: bytes, callbacks: dict[str, Callable[[Any], None]]) -> None:
        if kind not in callbacks:
            known = ", ".join(known.value for known in SingerMessageType)
            msg = f"Line {self.line} has a message type that this target does not know; expected one of {known}."
            raise LoaderError(msg)
        self._current_message = line
        callbacks[kind](self.deserialize_json(line))

    def _chunks(self, file: IO[bytes]) -> Iterator[tuple[bytes | bytearray, int, int]]:
        """The input in pieces, each with where its whole lines begin and end.

        A last line without an end was cut off unless it is whole JSON.
        """
        try:
            self._ahead = ReadAhead(file.fileno())
            read = self._ahead.read
        except OSError:
            read = partial(_read_memory, file)
        rest: list[bytes] = []
        while self.go_on():
            try:
                self.waiting = True
                piece, size = read()
                self.waiting = False
            except Stop:
                return
            if size == BEFORE:
                break
            end = piece.rfind(b"\n", BEFORE, size) + 1
            if end:
                before = b"".join(rest)
                start = BEFORE - len(before)
                if start >= 0:
                    piece[start:BEFORE] = before
                    yield piece, start, end
                else:
                    line_end = piece.index(b"\n", BEFORE) + 1
                    line = before + piece[BEFORE:line_end]
                    yield line, 0, len(line)
                    yield piece, line_end, end
                rest.clear()
            if end < size:
                rest.append(bytes(memoryview(piece)[end or BEFORE : size]))
        if rest:
            line = b"".join([*rest, b"\n"])
            yield line, 0, len(line)

    def message(self, line: bytes) -> Message:
        """Decode what is needed of a line.

        Raises:
            LoaderError: for a line that is no Singer message.
        """
        try:
            return _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._lenient(line)

    def _lenient(self, line: bytes) -> Message:
        try:
            fields = object_from(line)
        except ValueError:
            msg = f"Line {self.line} of the input is not a JSON object; a Singer tap writes one message per line."
            raise LoaderError(msg) from None
        kind = fields.get("type")
        if not isinstance(kind, str):
            msg = f"Line {self.line} of the input has no message `type`."
            raise LoaderError(msg)
        record = fields.get("record")
        return Message(
            type=kind,
            stream=fields.get("stream"),
            record=NO_RECORD if record is None else msgspec.Raw(raw_from(record)),
            version=whole_number(fields.get("version")),
            time_extracted=fields.get("time_extracted"),
        )


def whole_number(value: Any) -> int | None:
    """A version, however its number is written; None if it is none."""
    return int(value) if isinstance(value, int | float | Decimal) and value == int(value) else None


def _read_memory(file: IO[bytes]) -> tuple[bytearray, int]:
    """What `ReadAhead.read` gives, from a file without a descriptor."""
    piece = bytes(BEFORE) + file.read(_CHUNK_BYTES)
    return bytearray(piece), len(piece)


def _binary(file: IO[Any]) -> IO[bytes]:
    """The bytes under a text file."""
    if isinstance(file, io.StringIO):
        return io.BytesIO(file.read().encode("utf-8", "surrogatepass"))
    return getattr(file, "buffer", file)
