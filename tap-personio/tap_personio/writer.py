"""Singer messages on stdout."""

from __future__ import annotations

import datetime as dt
import errno
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from tap_personio.errors import cannot_write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.singerlib import Message

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode_records(stream: str, records: Sequence[Any], version: int | None) -> bytes:
    """RECORD messages of one stream, one a line.

    What stands around a record is the same for all of them, and JSON on a line holds no other line break.

    Args:
        stream: name of the stream in the messages.
        records: dictionaries, or structs that encode like them.
        version: what the messages carry, if anything.
    """
    begin = b'{"type":"RECORD","stream":%b,"record":' % _encoder.encode(stream)
    end = b',"time_extracted":"%b"' % dt.datetime.now(dt.UTC).isoformat().encode()
    if version is not None:
        end += b',"version":%d' % version
    end += b"}\n"
    lines = _encoder.encode_lines(records)
    return begin + lines[:-1].replace(b"\n", end + begin) + end if lines else b""


class SingerWriter(MsgSpecWriter):
    """Writes messages, and ends the process between two of them when a signal asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self._writing = False
        self._exit_code: int | None = None

    @override
    def write_message(self, message: Message) -> None:
        self.write(bytes(self.format_message(message)), flush=not isinstance(message, RecordMessage))

    def write(self, lines: bytes, *, flush: bool = False) -> None:
        """Write whole lines.

        Raises:
            TapPersonioError: the target has ended.
        """
        self._writing = True
        try:
            if sys.stdout is None:
                raise OSError(errno.EBADF, "it is closed")
            sys.stdout.buffer.write(lines)
            if flush:
                sys.stdout.flush()
        except OSError as error:
            raise cannot_write(error) from None
        finally:
            self._writing = False
        if self._exit_code is not None:
            raise SystemExit(self._exit_code)

    def exit(self, code: int) -> None:
        """End the process, after the lines that are being written."""
        if not self._writing:
            raise SystemExit(code)
        self._exit_code = code
