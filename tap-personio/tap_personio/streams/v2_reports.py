"""Documents (what is known about them, never their contents) and reports. Single reports: `report_tables.py`."""

from __future__ import annotations

import functools
import itertools
import sys
from typing import TYPE_CHECKING, Any

from tap_personio.child_lists import Children
from tap_personio.columns import DATE, INTEGER, LIST, OBJECT, TEXT, TIMESTAMP, Column
from tap_personio.cursor_lists import read_cursor
from tap_personio.pages import Page
from tap_personio.reports import PERMISSION, ROW_NUMBER, cell_value, parse_report, request_for
from tap_personio.streams.base import CREATED_AND_UPDATED, IDS, V2Children, V2Stream, reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan
    from tap_personio.transport import Request


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


class ReportsList(V2Stream):
    """The reports that an administrator has opened to the API, and the table that each one has become."""

    name = "reports_list"
    path = "/reports"
    permission = PERMISSION
    request_cost = "1 per 100 reports"
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("description", TEXT),
        Column("type", TEXT),
        Column("status", TEXT),
        Column("start_date", DATE),
        Column("end_date", DATE),
        *CREATED_AND_UPDATED,
        Column("table_name", TEXT, description="The report's own table, if it has one."),
    )

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """All reports at once: there are hundreds at most."""
        yield Page(list(self.run.reports.listed()))

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The report and its table."""
        fields = super().fields(dict(record), parent)
        table = self._tables[str(record["id"])]
        return {**fields, "table_name": table if table in self._tap.streams else None}

    @functools.cached_property
    def _tables(self) -> dict[str, str]:
        return self.run.reports.tables()


class ReportAttributes(V2Stream):
    """The attributes that reports can show."""

    name = "report_attributes"
    path = "/reports/attributes"
    permission = PERMISSION
    request_cost = "1 per 100 attributes"
    primary_keys = ("name",)
    columns = (Column("name", TEXT), Column("display", TEXT, description="Its label."), Column("type", TEXT))

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """All pages."""
        return read_cursor(self.client, self.request(), self.limit, stats)

    def fields(self, record: Any, parent: Any) -> dict[str, Any]:
        """The attribute; the reference does not show which field names it."""
        fields = super().fields(record, parent)
        known = (fields.pop(name, None) for name in ("name", "attribute_id", "id"))
        return {**fields, "name": next(filter(None, known), None)}


class Reports(V2Stream):
    """The rows of every report that an administrator has opened to the API, in one table."""

    name = "reports"
    path = "/reports/{id}"
    permission = PERMISSION
    request_cost = "1 per report and 100 rows"
    selected_by_default = False
    shrinks_often = True  # with each report
    primary_keys = ("report_id", "row_number")
    columns = (
        Column("report_id", TEXT),
        ROW_NUMBER,
        Column("report_name", TEXT),
        Column("values", OBJECT, description="The row's values by the name of their column."),
        Column("cells", LIST, description="The row's cells as they came, each with its column."),
    )

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """All pages of all reports; one that Personio cannot serve is named and passed over."""

        def requests(fresh: bool) -> Iterator[tuple[Any, Request]]:
            return ((each["id"], request_for(each["id"])) for each in self.run.reports.listed(fresh=fresh))

        children = Children(
            self.client,
            requests,
            self.limit,
            stats,
            "reports",
            parse=parse_report,
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
        known = (each if isinstance(each, dict) else {"value": each} if each else {} for each in cells)
        full = [
            {**cell, **{name: each for name, each in column.items() if name not in cell}}
            for cell, column in zip(known, padded, strict=False)
        ]
        values: dict[str, Any] = {}
        for cell in full:
            name = str(cell.get("attribute_id") or cell.get("name") or "")
            if name in values:  # shown twice, for an employee and the supervisor
                name = str(cell.get("display") or name)
            copies = (f"{name}_{place}" for place in itertools.count(2))
            values[next(each for each in itertools.chain([name], copies) if each not in values)] = cell_value(
                cell
            )
        return {
            "report_id": parent,
            "row_number": number,
            "report_name": report_name,
            "values": values,
            "cells": full,
        }
