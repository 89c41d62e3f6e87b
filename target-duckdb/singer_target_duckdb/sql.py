"""Text that goes into SQL: names and literals."""

from __future__ import annotations

import string

_FOLDED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded(name: str) -> str:
    """A name in the form in which DuckDB compares names: of all letters it takes only A to Z as a to z."""
    return name.translate(_FOLDED)


def quoted(*names: str) -> str:
    """Names as one quoted identifier: `"catalog"."schema"."table"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
