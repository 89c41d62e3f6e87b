"""Text that goes into SQL: names and literals."""

from __future__ import annotations


def quoted(*names: str) -> str:
    """Names as one quoted identifier: `"catalog"."schema"."table"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
