"""Documents (what is known about them, never their contents) and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.columns import (
    DAY,
    INTEGER,
    LIST,
    MOMENT,
    OBJECT,
    TEXT,
    Column,
)
from tap_personio.connection import Request
from tap_personio.paging import Page, parse_v2_whole, read_children, read_cursor
from tap_personio.v2.base import (
    IDS,
    V2Children,
    V2Stream,
    reference,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_personio.client import Caller
    from tap_personio.stream import Plan


class Documents(V2Children):
    """What is filed about each person: names and sizes, never contents."""

    name = "documents"
    path = "/document-management/documents"
    endpoint = "/v2/document-management/documents"
    right = "Documents: read, Persons: read"
    calls = "1 per person"
    selected_by_default = False
    limit = 200
    parent = "persons"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        *reference("owner"),
        *reference("category"),
        Column("date", DAY),
        Column("comment", TEXT),
        Column("document_type", TEXT),
        Column("size", INTEGER, description="Bytes."),
        Column("virus_scan", OBJECT),
        Column("esignature", OBJECT),
        Column("created_at", MOMENT),
    )

    def of(self, parent: Any, plan: Plan) -> Request:  # noqa: ARG002
        """The documents of one owner."""
        return self.request(("owner_id", str(parent)), path=self.path)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The owner, also where the answer leaves it out."""
        fields = super().fields(record, parent)
        fields.setdefault("owner", {"id": parent})
        return fields


CELL_VALUES = {"string_value": "value", "numeric_value": "number"}


class Reports(V2Stream):
    """The rows of every report that an administrator has opened to the API."""

    name = "reports"
    path = "/reports/{id}"
    endpoint = "/v2/reports/{id}"
    right = "Reports: read, and API access in each report"
    calls = "1 per report and 100 rows"
    primary_keys = ("report_id", "row_number")
    columns = (
        Column("report_id", TEXT),
        Column("row_number", INTEGER, description="From 0, in the report's order."),
        Column("report_name", TEXT),
        Column("values", OBJECT, description="The row's values by the name of their column."),
        Column("cells", LIST, description="The row's cells as they came, each with its column."),
    )

    def pages(self, plan: Plan, caller: Caller) -> Iterator[Page]:  # noqa: ARG002
        """All pages of all reports; one that Personio cannot serve is named and passed over."""
        listed = Request("v2", "/reports", right=self.right)
        ids = [
            each for page in read_cursor(self.client, listed, self.limit, caller, IDS) for each in IDS(page)
        ]
        wanted = ((each, self.request(path=f"/reports/{each}")) for each in ids)
        number, report = 0, ""
        for page in read_children(
            self.client,
            wanted,
            self.limit,
            caller,
            parse=parse_v2_whole,
            only_cursor=True,
            missing=self._pass_over,
        ):
            number, report = (number if page.parent == report else 0), page.parent
            page.parent = (report, number)
            number += len(_report_rows.decode(page.data).data)
            yield page

    def _pass_over(self, report: str) -> None:
        self.logger.warning(
            "Report %s is left out: Personio cannot serve it (grouped, chart, or not open).", report
        )

    def records(self, page: Page) -> Iterable[Any]:
        """Rows with their columns."""
        answer = msgspec.json.decode(page.data)
        columns = (answer.get("_meta") or {}).get("columns") or []
        config = answer.get("report_config") or {}
        for place, cells in enumerate(answer["_data"]):
            yield place, config.get("name"), columns, cells

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """A row's values by name, beside its cells with what heads their column."""
        place, report_name, columns, cells = record
        report, first = parent
        full = [
            {**cell, **{k: v for k, v in column.items() if k not in cell}}
            for cell, column in zip(cells, columns + [{}] * (len(cells) - len(columns)), strict=False)
        ]
        return {
            "report_id": report,
            "row_number": first + place,
            "report_name": report_name,
            "values": {
                cell.get("attribute_id") or cell.get("name") or "": _cell_value(cell) for cell in full
            },
            "cells": full,
        }


class _ReportRows(msgspec.Struct):
    data: list[msgspec.Raw] = msgspec.field(name="_data")


_report_rows = msgspec.json.Decoder(_ReportRows)


def _cell_value(cell: dict[str, Any]) -> Any:
    """What a cell says: text and numbers bare, options as a list of their texts, the rest as it came."""
    for kind, inner in CELL_VALUES.items():
        if isinstance(cell.get(kind), dict):
            return cell[kind].get(inner)
    options = cell.get("options_value")
    if isinstance(options, dict) and isinstance(options.get("options"), list):
        return [each.get("value") if isinstance(each, dict) else each for each in options["options"]]
    return next((value for name, value in cell.items() if name.endswith("_value")), None)
