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
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.rawjson import object_from, raw_from
from singer_target_duckdb.readahead import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 1 << 20
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

    def end(self, chunk: bytes, start: int) -> tuple[int, int]:
        """Where the run that starts at a position of the chunk ends, and how many lines it has.

        Two searches a line take less than a search for the first other line and a count: they look at a few bytes.
        """
        begins, find, length, count = chunk.startswith, chunk.find, len(self.prefix), 0
        while begins(self.prefix, start):
            start = find(b"\n", start + length) + 1  # a chunk ends with one
            count += 1
        return start, count


class MessageReader(GenericSingerReader[bytes]):
    """Reader that hands on RECORD messages as `Message` or in runs, all others as dictionaries.

    Attributes:
        line: number of the line being processed, from 1.
        size: its length in bytes.
        waiting: True while the reader waits for input, which raising `Stop` ends.
        go_on: asked before each read of more input; False ends the reading.
        give_up: called when a message fails, before the error is raised.
        on_run: offered a message, the bytes of lines like its own, and their number; returns whether it took them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.size = 0
        self.waiting = False
        self._ahead: ReadAhead | None = None
        self.go_on: Callable[[], bool] = lambda: True
        self.give_up: Callable[[], None] = lambda: None
        self.on_run: Callable[[Message, memoryview, int], bool] = lambda _message, _lines, _count: False

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
            for chunk in self._chunks(_binary(file_input or self.default_input)):
                self._process(chunk, callbacks, counts)
        except BaseException:
            self.give_up()
            raise
        return counts

    def _process(
        self, chunk: bytes, callbacks: dict[str, Callable[[Any], None]], counts: Counter[str]
    ) -> None:
        """Process a chunk of whole lines."""
        on_record, records = callbacks[_RECORD], 0
        start, length, run, tries = 0, len(chunk), None, 3
        while start < length:
            if run is not None:
                end, count = run.end(chunk, start)
                if count and self.on_run(run.message, memoryview(chunk)[start:end], count):
                    self.line += count
                    records += count
                    start = end
                run = None
                continue
            end = chunk.index(b"\n", start) + 1
            line = chunk[start:end]
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

    def _chunks(self, file: IO[bytes]) -> Iterator[bytes]:
        """The input in pieces of whole lines; a last line without an end was cut off unless it is whole JSON."""
        read: Callable[[int], bytes]
        try:
            self._ahead = ReadAhead(file.fileno())
            read = self._ahead.read
        except OSError:
            read = file.read  # in memory
        rest: list[bytes] = []
        while self.go_on():
            try:
                self.waiting = True
                piece = read(_CHUNK_BYTES)
                self.waiting = False
            except Stop:
                return
            if not piece:
                break
            end = piece.rfind(b"\n") + 1
            if end:
                yield b"".join([*rest, memoryview(piece)[:end]])
                rest.clear()
            if end < len(piece):
                rest.append(piece[end:])
        if rest:
            yield b"".join([*rest, b"\n"])

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


def _binary(file: IO[Any]) -> IO[bytes]:
    """The bytes under a text file."""
    if isinstance(file, io.StringIO):
        return io.BytesIO(file.read().encode("utf-8", "surrogatepass"))
    return getattr(file, "buffer", file)
