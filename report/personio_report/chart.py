"""What a chart of the page is, and what the charts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart of the page.

    Queries run in the schema of the models. `$today` is the day they count up to, `$minimum` the smallest group that
    may be shown. Every number of people goes through `shown(people)`; days and hours are read from `<key>_cells`, see
    suppression.py. Colours have names in the specification (`$series`, `$second`, `$quiet`, `$kinds`) and get their
    values in the page, one set for light and one for dark.

    Attributes:
        key: its name in the page.
        title: what it shows, as a heading.
        note: one sentence on how to read it.
        query: SQL for its rows.
        spec: Vega-Lite, without data and size.
        columns: heading of each column of the table beneath it.
        missing: what to say when there are no rows.
        contributions: SQL for what each person adds to which period and kind, for the table `<key>_cells`.
        others: whether cells of too few people are put together, or left out.
        height: of the plot in pixels, or of each of its rows.
        by_row: whether `height` is that of a row.
        wide: whether it takes the whole width.
    """

    key: str
    title: str
    note: str
    query: str
    spec: Spec
    columns: dict[str, str]
    missing: str
    contributions: str = ""
    others: bool = False
    height: int = 260
    by_row: bool = False
    wide: bool = False


def tooltip(**fields: str) -> list[Spec]:
    """Fields by heading: a field, or a field with its format after a bar."""
    found = []
    for title, field in fields.items():
        name, _, form = field.partition("|")
        entry: Spec = {"field": name, "title": title.replace("_", " ")}
        if form.startswith("%"):
            entry |= {"type": "temporal", "timeUnit": "utcyearmonthdate", "format": form}
        elif form:
            entry |= {"type": "quantitative", "format": form}
        found.append(entry)
    return found
