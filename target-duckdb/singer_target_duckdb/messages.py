"""Reads Singer messages from bytes.

A tap writes the same bytes before each record of a stream, such as `{"type": "RECORD", "stream": "users", "record": {`.
Once one such line has been decoded, the lines that begin with these bytes go into the stream's staging file without
being decoded: DuckDB parses them. All other lines are decoded one by one.
"""

from __future__ import annotations

import io
import os
import re
import select
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NoReturn

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from singer_target_duckdb.errors import TOO_DEEP, LoaderError
from singer_target_duckdb.json_text import message_from, object_from, raw_from, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_target_duckdb.staging import StagingFile

if sys.platform == "linux":
    import fcntl

_CHUNK_BYTES = 128 << 10  # more does not stay in the processor's cache until it is staged
_PIPE_BYTES = 1 << 20
_LAST_SECONDS = 5
_MOST_PREFIXES = 100  # of one stream; a tap that begins each line in another way is read line by line
_RECORD = SingerMessageType.RECORD.value
_OF_A_STREAM = {"RECORD", "SCHEMA", "ACTIVATE_VERSION", "BATCH"}
_BEFORE_RECORD = re.compile(rb'[^\n]*?"record"\s*:\s*\{')

NO_JSON = msgspec.Raw(b"")


class Stop(BaseException):
    """Raised by a signal handler while the reader waits: the input ends here."""


class Message(msgspec.Struct, gc=False):
    """What is needed of a message to know what to do with its line."""

    type: str
    stream: str | None = None
    record: msgspec.Raw = NO_JSON
    version: int | None = None
    time_extracted: str | None = None
    value: msgspec.Raw = NO_JSON


_decode = msgspec.json.Decoder(Message).decode


def give_up() -> NoReturn:
    """End with exit code 1, after what the tap has written by then, if it is done within some seconds.

    Meltano passes on what the tap writes. If its pipe breaks while it does, its tracebacks hide the loader's sentence.
    """
    until = time.monotonic() + _LAST_SECONDS
    with suppress(OSError, ValueError):  # no file, as in a test, or one that is closed
        descriptor = sys.stdin.fileno()
        while (left := until - time.monotonic()) > 0 and select.select([descriptor], [], [], left)[0]:
            if not os.read(descriptor, _CHUNK_BYTES):
                break
    sys.exit(1)


class MessageReader(GenericSingerReader[bytes]):
    """Stages the RECORD messages of some streams as bytes, and hands all other messages to callbacks.

    Attributes:
        staging_files: the streams whose records are staged as they come, and where.
        line: number of the line being processed, from 1.
        value: the JSON of a STATE message's `value` as it came; empty if only Python can read the line.
        waiting: True while the reader waits for input, or for the database, which raising `Stop` ends.
    """

    def __init__(
        self, before_read: Callable[[], bool], on_full: Callable[[], None], on_error: Callable[[], None]
    ) -> None:
        """Create the reader.

        Args:
            before_read: called before each read of more input; False ends the reading.
            on_full: called when a staging file holds as many records as it may.
            on_error: called when reading or a message fails, before the error is raised.
        """
        super().__init__()
        self.staging_files: dict[str, StagingFile] = {}
        self.line = 0
        self.value = b""
        self.waiting = False
        self._before_read = before_read
        self._on_full = on_full
        self._on_error = on_error
        self._stream_of: dict[bytes, str] = {}
        self._prefixes: Counter[str] = Counter()
        self._descriptor: int | None = None
        self._callbacks: dict[str, Callable[[Any], None]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, as bytes."""
        return sys.stdin.buffer

    @property
    def is_idle(self) -> bool:
        """Whether the next read would wait for the tap."""
        return self._descriptor is not None and not select.select([self._descriptor], [], [], 0)[0]

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode a whole line, with what Python's JSON writer adds to JSON (NaN, lone surrogates)."""
        return message_from(line, self.line)

    def process_lines(
        self, file_input: IO[Any] | None, callbacks: dict[str, Callable[[Any], None]]
    ) -> Counter[str]:
        """Stage each record, or hand it to its callback; returns how many messages of each type there were.

        Raises:
            LoaderError: for a line that is no Singer message.
        """
        self._callbacks, self._counts = callbacks, Counter()
        try:
            for chunk in self._chunks(file_input or self.default_input):
                self._process(chunk)
        except BaseException as error:
            self._on_error()
            if isinstance(error, RecursionError):
                raise LoaderError(TOO_DEEP.format(line=self.line)) from None
            raise
        return self._counts

    def _process(self, chunk: bytes) -> None:
        """Process the lines of a chunk, each of which ends with a newline."""
        start = 0
        while start < len(chunk):
            found = _BEFORE_RECORD.match(chunk, start)
            prefix = found[0] if found else b""
            staging = self.staging_files.get(self._stream_of.get(prefix, ""))
            if staging is None:
                end = chunk.index(b"\n", start) + 1
                self._process_line(chunk[start:end], prefix)
            else:
                end, count, length, room = start, 0, len(prefix), staging.room
                while count < room and chunk.startswith(prefix, end):
                    end = chunk.index(b"\n", end + length) + 1
                    count += 1
                self._stage(staging, memoryview(chunk)[start:end], count)
            start = end

    def _process_line(self, line: bytes, prefix: bytes) -> None:
        if line.isspace():
            self.line += 1
            return
        message = self._message(line)
        staging = self.staging_files.get(message.stream or "") if message.type == _RECORD else None
        if staging is not None:
            if message.record is NO_JSON:
                msg = f"Line {self.line + 1}: a RECORD of stream '{message.stream}' has no `record`."
                raise LoaderError(msg)
            staging.version = message.version
            self._learn(message, prefix, staging)
            self._stage(staging, memoryview(line), 1)
            return
        self.line += 1
        if message.type in _OF_A_STREAM and not message.stream:
            msg = f"Line {self.line}: a message of type {message.type} has no `stream`."
            raise LoaderError(msg)
        self._counts[message.type] += 1
        if message.type not in self._callbacks:
            known = ", ".join(known.value for known in SingerMessageType)
            msg = f"Line {self.line} has a message type that this target does not know; expected one of {known}."
            raise LoaderError(msg)
        self.value = bytes(message.value)
        self._callbacks[message.type](message if message.type == _RECORD else self.deserialize_json(line))

    def _stage(self, staging: StagingFile, lines: memoryview, count: int) -> None:
        staging.add(lines, self.line + 1, count)
        self.line += count
        self._counts[_RECORD] += count
        if not staging.room:
            self._on_full()

    def _learn(self, message: Message, prefix: bytes, staging: StagingFile) -> None:
        """Remember what a stream's record begins with, if that alone says for sure which stream it is."""
        stream = str(message.stream)
        if not prefix or self._prefixes[stream] == _MOST_PREFIXES:
            return
        self._prefixes[stream] += 1
        with suppress(ValueError, RecursionError):  # loading will say what is wrong with it
            staging.on_sample(object_from(bytes(message.record)))
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            begun = _decode(prefix + b"}}")
            if (begun.type, begun.stream, begun.record) == (_RECORD, stream, msgspec.Raw(b"{}")):
                self._stream_of[prefix] = stream

    def _message(self, line: bytes) -> Message:
        """Decode what is needed of the next line.

        Raises:
            LoaderError: for a line that is no Singer message.
        """
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _decode(line)
        fields = message_from(line, self.line + 1)
        kind, stream, time_extracted = map(fields.get, ("type", "stream", "time_extracted"))
        if not isinstance(kind, str):
            msg = f"Line {self.line + 1} of the input has no message `type`."
            raise LoaderError(msg)
        if not isinstance(stream, str | None):
            msg = f"Line {self.line + 1}: the `stream` of a message is not the name of a stream."
            raise LoaderError(msg)
        record = fields.get("record")
        return Message(
            type=kind,
            stream=stream,
            record=NO_JSON if record is None else msgspec.Raw(raw_from(record)),
            version=whole_number(fields.get("version")),
            time_extracted=time_extracted if isinstance(time_extracted, str) else None,
        )

    def _chunks(self, file: IO[Any]) -> Iterator[bytes]:
        """The input in pieces of whole lines.

        A last line without an end was cut off unless it is whole JSON.
        """
        read = self._open(file)
        rest: list[bytes] = []
        piece = b"\n"
        while piece:
            try:
                if not self._before_read():
                    return
                self.waiting = True
                piece = read(_CHUNK_BYTES)
                self.waiting = False
            except Stop:
                return
            end = piece.rfind(b"\n") + 1
            if end:
                yield b"".join([*rest, memoryview(piece)[:end]])
                rest.clear()
            rest.append(piece[end:])
        if line := b"".join(rest).strip():
            self._message(line)
            yield line + b"\n"

    def _open(self, file: IO[Any]) -> Callable[[int], bytes]:
        """The function that reads what there is of a file, up to a number of bytes."""
        try:
            self._descriptor = file.fileno()
        except OSError:  # a file in memory
            text = file.read()
            return io.BytesIO(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text).read
        if sys.platform == "linux":
            with suppress(OSError):  # no pipe, or the system keeps pipes small
                fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return self._read

    def _read(self, size: int) -> bytes:
        try:
            return os.read(self._descriptor or 0, size)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "the input") from None
