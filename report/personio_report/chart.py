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
    suppression.py. Colours have names in the specification (`$people`, `$leavers`, `$hours`, `$quiet`, `$kind1` to
    `$kind8`) and get their values in the page, one set for light and one for dark. Each means one thing on the whole
    page; the range `$kinds` stands for the colours of the kinds of absence, see page.py.

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


UNFINISHED = "Pale: not over yet."
PALE: Spec = {"condition": {"test": "datum.is_over", "value": 1}, "value": 0.45}


def months(field: str = "month") -> Spec:
    """An axis with one band per month: short names, and the year where it begins, or everywhere if it is narrow."""
    name, year = "utcFormat(datum.value, '%b')", "utcFormat(datum.value, '%Y')"
    # Vega-Lite shifts dates that carry no time to the viewer's zone; as UTC, a month stays the month.
    return {
        "field": field, "type": "temporal", "timeUnit": "utcyearmonth", "bandPosition": 0,
        "axis": {
            "title": None, "labelOverlap": "greedy", "labelSeparation": 4, "grid": False, "tickCount": "month",
            "labelExpr": f"width > 600 && month(datum.value) && datum.index ? {name} : [{name}, {year}]",
        },
    }  # fmt: skip


def amount(field: str, unit: str, **axis: Any) -> Spec:
    """A vertical axis with its unit above it."""
    return {
        "field": field, "type": "quantitative",
        "axis": {"title": unit, "titleAngle": 0, "titleAlign": "right", "titleX": -7, "titleY": -12, "tickCount": 4}
        | axis,
    }  # fmt: skip


def hollow(field: str, filled: str) -> Spec:
    """Bars of which those that are not `filled` are only outlined."""
    return {"condition": {"test": f"datum.{field} == '{filled}'", "value": 1}, "value": 0.1}


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
