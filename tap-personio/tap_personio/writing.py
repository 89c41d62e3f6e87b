"""Singer messages on stdout, a page of records at a time."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage, SchemaMessage
from typing_extensions import override

from tap_personio.errors import TapPersonioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.singerlib import Message


class PageWriter(MsgSpecWriter):
    """Writes records of a page at once, and holds back a stream's SCHEMA until it is known to be readable.

    So no empty table stands where a right is missing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._holding = False
        self._held: list[Message] = []
        self._writing = False
        self._exit_code: int | None = None

    def hold_schemas(self) -> None:
        """Keep SCHEMA messages until `release_schemas` or `drop_schemas`."""
        self._holding = True

    def release_schemas(self) -> None:
        """Write what was held back."""
        self._holding = False
        held, self._held = self._held, []
        for message in held:
            self.write_message(message)

    def drop_schemas(self) -> None:
        """Forget what was held back: the stream cannot be read."""
        self._holding = False
        self._held = []

    @override
    def write_message(self, message: Message) -> None:
        if self._holding and isinstance(message, SchemaMessage):
            self._held.append(message)
            return
        self._write(bytes(self.format_message(message)), flush=not isinstance(message, RecordMessage))

    def write_records(self, stream: str, records: Sequence[Any], version: int | None) -> None:
        """Write RECORD messages of one stream: dictionaries, or structs that encode like them.

        What stands around a record is the same for all of them, and JSON on a line holds no other line break.
        """
        begin = b'{"type":"RECORD","stream":%b,"record":' % self._encoder.encode(stream)
        end = b',"time_extracted":"%b"' % dt.datetime.now(dt.UTC).isoformat().encode()
        if version is not None:
            end += b',"version":%d' % version
        end += b"}\n"
        if lines := self._encoder.encode_lines(records):
            self._write(begin + lines[:-1].replace(b"\n", end + begin) + end, flush=False)

    def exit(self, code: int) -> None:
        """End the process, after the message that is being written."""
        if not self._writing:
            raise SystemExit(code)
        self._exit_code = code

    def _write(self, data: bytes, *, flush: bool) -> None:
        self._writing = True
        try:
            sys.stdout.buffer.write(data)
            if flush:
                sys.stdout.flush()
        except BrokenPipeError:
            # Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            msg = "The target ended before the tap was done: its own message says why."
            raise TapPersonioError(msg) from None
        finally:
            self._writing = False
        if self._exit_code is not None:
            raise SystemExit(self._exit_code)
