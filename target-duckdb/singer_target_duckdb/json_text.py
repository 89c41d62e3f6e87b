"""JSON as Singer taps write it, and as DuckDB reads it.

Taps in Python write NaN and lone surrogates, and a record may name a key twice; DuckDB refuses the last two. What is
here parses into Python objects and keeps numbers exactly as they were written; it is slow.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import simplejson  # type: ignore[import-untyped]

from singer_target_duckdb.errors import NOT_JSON, TOO_DEEP, LoaderError

_LARGEST = 2**63 - 1
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def message_from(line: bytes, number: int) -> dict[str, Any]:
    """The object on a line of the input; lone surrogates are replaced, except in a STATE, which passes as it came.

    Raises:
        LoaderError: with the number of the line, if it cannot be read.
    """
    try:
        found = object_from(line)
        is_clean = found.get("type") == "STATE" or not _SURROGATE.search(line)
        return found if is_clean else object_from(raw_from(found))
    except RecursionError:
        raise LoaderError(TOO_DEEP.format(line=number)) from None
    except ValueError:
        raise LoaderError(NOT_JSON.format(line=number)) from None


def object_from(line: bytes) -> dict[str, Any]:
    """The object on a line; the last of two equal keys counts, as everywhere in Python.

    Raises:
        ValueError: if it is not a JSON object.
    """
    found = value_from(line.decode("utf-8", "replace"))
    if not isinstance(found, dict):
        msg = "not a JSON object"
        raise ValueError(msg)
    return found


def value_from(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is not JSON.
    """
    return simplejson.loads(text, use_decimal=True, allow_nan=True)


def raw_from(value: Any) -> bytes:
    """JSON text of a value, with lone surrogates replaced by U+FFFD; dates and the like become their text."""
    text: str = simplejson.dumps(
        value, use_decimal=True, ensure_ascii=False, default=str, allow_nan=True, separators=(",", ":")
    )
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def one_line(value: Any, raw: bytes) -> str:
    """JSON text of a value on one line, of ASCII characters only; as it came wherever it came like that.

    Args:
        value: what `object_from` made of the text.
        raw: the text; empty if it is not known.
    """
    if raw and raw.isascii() and b"\r" not in raw:
        return raw.decode()
    return str(simplejson.dumps(value, use_decimal=True, allow_nan=True))


def whole_number(value: Any) -> int | None:
    """A version, however its number is written; None if it is none, or one of more than 64 bits."""
    if not isinstance(value, int | float | Decimal) or not -_LARGEST <= value <= _LARGEST:
        return None
    return int(value) if value == int(value) else None
