"""Names of columns and tables, from the labels and names that people type in Personio."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

MAX_NAME = 48  # with a key and "_currency" behind it still below PostgreSQL's 63 bytes
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def snake_case(label: str) -> str:
    """A name of a label: letters and digits in lower case, joined by underscores.

    Letters lose their accents. German umlauts become ae, oe and ue, as German writes them without umlauts.
    """
    spelled = unicodedata.normalize("NFC", label).translate(_UMLAUTS)
    folded = unicodedata.normalize("NFKD", spelled).casefold()
    letters = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    name = re.sub(r"\W+", "_", letters).strip("_")
    name = re.sub(r"__+", "_", name)
    if name[:1].isdigit():
        name = f"_{name}"
    return _cut(name, MAX_NAME)


def safe_name(name: str) -> str:
    """A name of letters, digits and underscores, which every target takes."""
    return re.sub(r"\W+", "_", name)


def distinct_names(
    wanted: Mapping[str, str], reserved: Collection[str] = (), fixed: Collection[str] = ()
) -> dict[str, str]:
    """A name for each key, no two alike, whatever the order. Where names meet, they get their key appended.

    Args:
        wanted: the name that each key is to have. It is not to meet another one's `…_currency` either.
        reserved: names that only the keys in `fixed` take, in lower case.
        fixed: keys whose name stays as it is.
    """
    names = {key: safe_name(name) for key, name in wanted.items()}
    free = [key for key in names if key not in fixed]
    for key in free:
        if names[key].lower() in reserved:
            names[key] = _with_key(names[key], key)
    # A name with its key can meet another one's label: then only the key itself is sure.
    for rename in (_with_key, lambda _, key: safe_name(key)):
        taken = Counter(_claimed(names.values()))
        for key in free:
            if any(taken[claimed] > 1 for claimed in _claimed([names[key]])):
                names[key] = rename(names[key], key)
    seen = set(_claimed(names[key] for key in names if key in fixed))
    for key in sorted(free):  # keys can be alike in letters, digits and underscores
        base, copies = _cut(names[key], MAX_NAME), itertools.count(2)
        while not seen.isdisjoint(_claimed([names[key]])):
            names[key] = f"{base}_{next(copies)}"
        seen.update(_claimed([names[key]]))
    return names


def _cut(name: str, length: int) -> str:
    return name.encode()[:length].decode(errors="ignore").rstrip("_")


def _with_key(name: str, key: str) -> str:
    key = safe_name(key)
    return name if name.endswith(key) else f"{_cut(name, max(8, 53 - len(key)))}_{key}"


def _claimed(names: Iterable[str]) -> Iterator[str]:
    """The names in lower case, for databases that do not tell them apart, each with its currency column."""
    for name in names:
        yield name.lower()
        yield f"{name.lower()}_currency"
