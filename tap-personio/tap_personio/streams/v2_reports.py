"""Documents (what is known about them, never their contents) and reports."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.child_lists import Children
from tap_personio.columns import DATE, INTEGER, LIST, OBJECT, TEXT, TIMESTAMP, Column
from tap_personio.cursor_lists import read_cursor
from tap_personio.pages import Page, parse_v2
from tap_personio.streams.base import IDS, V2Children, V2Stream, reference
from tap_personio.transport import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan


class Documents(V2Children):
    """What is filed about each person: names and sizes, never contents."""

    name = "documents"
    path = "/document-management/documents"
    permission = "Documents: read, Persons: read"
    request_cost = "1 per person"
    selected_by_default = False
    limit = 200
    parent = "persons"
    child_ids = IDS
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        *reference("owner"),
        *reference("category"),
        Column("date", DATE),
        Column("comment", TEXT),
        Column("document_type", TEXT),
        Column("size", INTEGER, description="Bytes."),
        Column("virus_scan", OBJECT),
        Column("esignature", OBJECT),
        Column("created_at", TIMESTAMP),
    )

    def child_request(self, parent: Any, plan: SyncPlan) -> Request:  # noqa: ARG002
        """The documents of one owner."""
        return self.request(("owner_id", str(parent)), path=self.path)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The owner, also where the answer leaves it out."""
        fields = super().fields(record, parent)
        return {**fields, "owner": fields.get("owner") or {"id": parent}}


CELL_VALUES = {"string_value": "value", "numeric_value": "number"}


class Reports(V2Stream):
    """The rows of every report that an administrator has opened to the API."""

    name = "reports"
    path = "/reports/{id}"
    permission = "Reports: read, and API access in each report"
    request_cost = "1 per report and 100 rows"
    shrinks_often = True  # with each report
    primary_keys = ("report_id", "row_number")
    columns = (
        Column("report_id", TEXT),
        Column("row_number", INTEGER, description="From 0, in the report's order."),
        Column("report_name", TEXT),
        Column("values", OBJECT, description="The row's values by the name of their column."),
        Column("cells", LIST, description="The row's cells as they came, each with its column."),
    )

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """All pages of all reports; one that Personio cannot serve is named and passed over."""
        listed = Request("v2", "/reports", permission=self.permission)

        def requests(_fresh: bool) -> Iterator[tuple[Any, Request]]:
            for page in list(read_cursor(self.client, listed, self.limit, stats, IDS)):
                yield from ((each, self.request(path=f"/reports/{each}")) for each in IDS(page))

        children = Children(
            self.client,
            requests,
            self.limit,
            stats,
            "reports",
            parse=_parse_report,
            only_cursor=True,
            patience=sys.maxsize,
        )
        for page in children.read():
            page.records = list(enumerate(page.records, start=page.start))
            yield page

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """A row's values by name, beside its cells with what heads their column."""
        number, (report_name, columns, cells) = record
        padded = columns + [{}] * (len(cells) - len(columns))
        full = [
            {**cell, **{name: each for name, each in column.items() if name not in cell}}
            for cell, column in zip((each or {} for each in cells), padded, strict=False)
        ]
        values: dict[str, Any] = {}
        for cell in full:
            name = cell.get("attribute_id") or cell.get("name") or ""
            if name in values:  # shown twice, for an employee and the supervisor
                name = cell.get("display") or name
            copies = (f"{name}_{place}" for place in itertools.count(2))
            values[next(each for each in itertools.chain([name], copies) if each not in values)] = (
                _cell_value(cell)
            )
        return {
            "report_id": parent,
            "row_number": number,
            "report_name": report_name,
            "values": values,
            "cells": full,
        }


def _parse_report(body: bytes) -> Page:
    """A page whose records are the report's name, its columns and the cells of a row."""
    page, response = parse_v2(body), msgspec.json.decode(body)
    columns = (response.get("_meta") or {}).get("columns") or []
    name = (response.get("report_config") or {}).get("name")
    page.records = [(name, columns, cells) for cells in page.records]
    return page


def _cell_value(cell: dict[str, Any]) -> Any:
    """What a cell says: text and numbers bare, options as a list of their texts, the rest as it came."""
    for kind, inner in CELL_VALUES.items():
        if isinstance(cell.get(kind), dict):
            return cell[kind].get(inner)
    options = cell.get("options_value")
    if isinstance(options, dict) and isinstance(options.get("options"), list):
        return [each.get("value") if isinstance(each, dict) else each for each in options["options"]]
    return next((value for name, value in cell.items() if name.endswith("_value")), None)
