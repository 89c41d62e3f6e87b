"""Reports of API v2: their list, the columns that they become, and the cells of their rows.

Pages: developer.personio.de/reference (v2.0, reports). What the reference leaves open is taken in any form.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tap_personio.columns import (
    BOOLEAN,
    DATE,
    INTEGER,
    LOCAL_DATETIME,
    NUMBER,
    OBJECT,
    OTHER_FIELDS,
    TEXT,
    Column,
    ColumnType,
)
from tap_personio.cursor_lists import read_cursor
from tap_personio.errors import TapPersonioError
from tap_personio.names import distinct_names, snake_case
from tap_personio.pages import IdReader, Page, identified, parse_v2
from tap_personio.transport import Request, in_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_personio.client import Client
    from tap_personio.progress import StreamStats

PERMISSION = "Reports: read, and API access in each report"
ROWS = 100  # on a page
PREFIX = "report_"
RESERVED = frozenset({"attributes"})  # the stream report_attributes
ROW_NUMBER = Column("row_number", INTEGER, description="From 0, in the report's order.")
TYPES: dict[str, ColumnType] = {
    **dict.fromkeys(("decimal", "number", "numeric", "percentage", "monetary"), NUMBER),
    **dict.fromkeys(("timestamp", "date_time", "datetime"), LOCAL_DATETIME),
    "integer": INTEGER,
    "boolean": BOOLEAN,
    "date": DATE,
    "time_range": OBJECT,
}
MONEY = "monetary"


def request_for(report_id: str) -> Request:
    """The rows of one report."""
    return Request(
        "v2", f"/reports/{in_path(report_id)}", template="/reports/{id}", permission=PERMISSION, is_child=True
    )


class Reports:
    """The list of reports that Personio shows this credential. It is asked for once a run.

    Args:
        client: where to ask.
        stats: of the requests for the list.
    """

    def __init__(self, client: Client, stats: StreamStats) -> None:
        self._client, self._stats = client, stats
        self._listed: list[dict[str, Any]] | TapPersonioError | None = None
        self._lock = threading.Lock()

    def listed(self, *, fresh: bool = False) -> list[dict[str, Any]]:
        """The reports that have an identifier, as they came. Raises what the first attempt raised.

        Args:
            fresh: ask Personio now, whatever is known.
        """
        with self._lock:
            if self._listed is None or fresh:
                request = Request("v2", "/reports", permission=PERMISSION)
                ids = IdReader("id")
                pages = read_cursor(self._client, request, ROWS, self._stats, ids)
                try:
                    found = identified(pages, ids, "reports")
                    self._listed = [{**report, "id": identifier} for identifier, report in found]
                except TapPersonioError as error:
                    self._listed = error
        if isinstance(self._listed, TapPersonioError):
            raise self._listed
        return self._listed

    def tables(self) -> dict[str, str]:
        """The stream of each report, by the report's id."""
        names = {str(each["id"]): snake_case(str(each.get("name") or "")) for each in self.listed()}
        found = distinct_names({key: name or key for key, name in names.items()}, RESERVED)
        return {key: f"{PREFIX}{name.lstrip('_')}" for key, name in found.items()}


class ReportColumn(NamedTuple):
    """A column of a report: the attribute that it shows, and what it becomes."""

    attribute: str
    column: Column
    is_money: bool


def report_columns(heads: Sequence[Any]) -> list[ReportColumn]:
    """The columns of a report, from the `_meta.columns` of an answer."""
    heads = [head if isinstance(head, dict) else {} for head in heads]
    attributes = [str(head.get("name") or "") for head in heads]
    shown: Counter[str] = Counter()
    keys = []
    for place, attribute in enumerate(
        attributes, start=1
    ):  # one can be shown twice, of an employee and the supervisor
        shown[attribute] += 1
        again = f"_{shown[attribute]}" if shown[attribute] > 1 else ""
        keys.append(f"{attribute}{again}" if attribute else f"column_{place}")
    labels = [str(head.get("display") or "") for head in heads]
    names = distinct_names(
        {key: snake_case(label) or snake_case(key) or key for key, label in zip(keys, labels, strict=True)},
        {ROW_NUMBER.name, OTHER_FIELDS},
    )
    kinds = [str(head.get("type") or "").lower() for head in heads]
    return [
        ReportColumn(
            attribute, Column(names[key], TYPES.get(kind, TEXT), description=label.strip()), kind == MONEY
        )
        for attribute, key, kind, label in zip(attributes, keys, kinds, labels, strict=True)
    ]


def parse_report(body: bytes) -> Page:
    """A page whose records are the report's name, its columns and the cells of a row."""
    page, response = parse_v2(body), msgspec.json.decode(body)
    config, heads = response.get("report_config"), _heads(response)
    name = config.get("name") if isinstance(config, dict) else None
    page.records = [(name, heads, cells if isinstance(cells, list) else [cells]) for cells in page.records]
    return page


def _heads(response: dict[str, Any]) -> list[dict[str, Any]]:
    """What heads the columns of a report, each an object."""
    meta = response.get("_meta")
    heads = meta.get("columns") if isinstance(meta, dict) else None
    return [each if isinstance(each, dict) else {} for each in heads] if isinstance(heads, list) else []


def parse_columns(body: bytes) -> list[Column]:
    """The columns of a report's table, from a page of the report. Money has its currency beside it."""
    parse_v2(body)
    columns: list[Column] = []
    for each in report_columns(_heads(msgspec.json.decode(body))):
        columns.append(each.column)
        if each.is_money:
            columns.append(Column(f"{each.column.name}_currency", TEXT))
    return columns


def row_of(columns: Sequence[ReportColumn], cells: Sequence[Any]) -> dict[str, Any]:
    """The values of a row by column. A cell belongs to the next column of its attribute, or without one to its place.

    A cell that belongs to no column stays as it came.
    """
    places: dict[str, deque[int]] = defaultdict(deque)
    for place, each in enumerate(columns):
        places[each.attribute].append(place)
    fields: dict[str, Any] = {}
    for place, cell in enumerate(cells):
        if not isinstance(cell, dict):
            fields |= {} if cell is None else {f"cell_{place}": cell}
            continue
        attribute = cell.get("attribute_id")
        if attribute is not None and places.get(str(attribute)):
            found = places[str(attribute)].popleft()
        elif attribute is None and place < len(columns):
            found = place
        else:
            fields[f"cell_{place}"] = cell
            continue
        name, value = columns[found].column.name, cell_value(cell)
        if columns[found].is_money and isinstance(value, dict):
            fields[f"{name}_currency"] = next((value[key] for key in _CURRENCY if key in value), None)
        fields[name] = _plain(value)
    return fields


_VALUES = {"string_value": "value", "numeric_value": "number"}
_CURRENCY = ("currency", "currency_code", "currency_symbol")
_NUMBERS = ("amount", "number", "value", "percentage")


def cell_value(cell: dict[str, Any]) -> Any:
    """What a cell says: text and numbers bare, options as a list of their texts, the rest as it came."""
    for kind, inner in _VALUES.items():
        if isinstance(cell.get(kind), dict):
            return cell[kind].get(inner)
    options = cell.get("options_value")
    if isinstance(options, dict) and isinstance(options.get("options"), list):
        return [each.get("value") if isinstance(each, dict) else each for each in options["options"]]
    return next((value for name, value in cell.items() if name.endswith("_value")), None)


def _plain(value: Any) -> Any:
    """A single option, or the number of an amount of money or of a percentage, bare."""
    if isinstance(value, list) and len(value) < 2:
        return (value[0] if value else None) or None
    if isinstance(value, dict):
        return next((value[name] for name in _NUMBERS if name in value), value)
    return value
