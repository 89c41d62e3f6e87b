"""Reads Singer messages: one light decode of the envelope a line, the record stays raw JSON."""

from __future__ import annotations

import io
import sys
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.rawjson import object_from, raw_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHUNK_BYTES = 1 << 20
_RECORD = SingerMessageType.RECORD.value

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


class MessageReader(GenericSingerReader[bytes]):
    """Reader that hands on RECORD messages as `Message`, all others as dictionaries.

    Attributes:
        line: number of the line being processed, from 1.
        size: its length in bytes.
        waiting: True while the reader waits for input, which raising `Stop` ends.
        go_on: asked before each read of more input; False ends the reading.
        give_up: called when a message fails, before the error is raised.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.size = 0
        self.waiting = False
        self.go_on: Callable[[], bool] = lambda: True
        self.give_up: Callable[[], None] = lambda: None

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return sys.stdin.buffer

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
        try:
            return self._process(_binary(file_input or self.default_input), callbacks)
        except BaseException:
            self.give_up()
            raise

    def _process(self, file: IO[bytes], callbacks: dict[str, Callable[[Any], None]]) -> Counter[str]:
        decode = msgspec.json.Decoder(Message).decode
        on_record = callbacks[_RECORD]
        counts: Counter[str] = Counter()
        records = 0
        for line in self._lines(file):
            self.line += 1
            try:
                message = decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                if not line.strip():
                    continue
                message = self._lenient(line)
            if message.type == _RECORD:
                self.size = len(line)
                on_record(message)
                records += 1
            elif callback := callbacks.get(message.type):
                self._current_message = line
                callback(self.deserialize_json(line))
                counts[message.type] += 1
            else:
                msg = f"Line {self.line} has a message type that this target does not know; expected one of " + (
                    ", ".join(kind.value for kind in SingerMessageType) + "."
                )
                raise LoaderError(msg)
        counts[_RECORD] = records
        return counts

    def _lines(self, file: IO[bytes]) -> Iterator[bytes]:
        """Lines of the input; a last line without an end was cut off unless it is whole JSON."""
        read = getattr(file, "read1", file.read)
        rest: list[bytes] = []
        while self.go_on():
            try:
                self.waiting = True
                chunk = read(_CHUNK_BYTES)
                self.waiting = False
            except Stop:
                return
            if not chunk:
                break
            lines = chunk.split(b"\n")
            if len(lines) > 1:
                rest.append(lines[0])
                yield b"".join(rest)
                yield from lines[1:-1]
                rest = []
            if lines[-1]:
                rest.append(lines[-1])
        if rest:
            yield b"".join(rest)

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
        record, version = fields.get("record"), fields.get("version")
        return Message(
            type=kind,
            stream=fields.get("stream"),
            record=NO_RECORD if record is None else msgspec.Raw(raw_from(record)),
            version=version if isinstance(version, int) else None,
            time_extracted=fields.get("time_extracted"),
        )


def _binary(file: IO[Any]) -> IO[bytes]:
    """The bytes under a text file."""
    if isinstance(file, io.StringIO):
        return io.BytesIO(file.read().encode("utf-8", "surrogatepass"))
    return getattr(file, "buffer", file)
