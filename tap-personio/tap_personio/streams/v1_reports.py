"""Custom reports of API v1: which there are, and what they hold."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from tap_personio.bounds import MAX_STALE_PAGES_WITHOUT_IDS
from tap_personio.child_lists import Children
from tap_personio.columns import DATE, INTEGER, LIST, NUMBER, OBJECT, TEXT, TIMESTAMP, Column
from tap_personio.pages import EndCheck, Page, identified, parse_v1
from tap_personio.streams.base import IDS_IN_ATTRIBUTES, V1Single, V1Stream, attributes_of
from tap_personio.transport import Request, in_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_personio.progress import StreamStats
    from tap_personio.sync_plan import SyncPlan


class CustomReportsList(V1Single):
    """Custom reports that the credential may read, without their rows."""

    name = "custom_reports_list"
    path = "/company/custom-reports/reports"
    permission = "Custom reports: read"
    replaced_by = "reports_list"
    request_cost = "1"
    primary_keys = ("id",)
    columns = (
        Column("id", TEXT),
        Column("name", TEXT),
        Column("description", TEXT),
        Column("author_first_name", TEXT),
        Column("author_last_name", TEXT),
        Column("type", TEXT),
        Column("status", TEXT),
        Column("start_date", DATE),
        Column("end_date", DATE),
        Column("period_type", TEXT),
        Column("columns", LIST),
        Column("filters", LIST),
        Column("created_at", TIMESTAMP),
        Column("updated_at", TIMESTAMP),
        Column("data_refreshed_at", TIMESTAMP),
    )


class CustomReports(V1Stream):
    """The values of every custom report, one row each.

    Nothing in a report is unique: an employee comes again and again in a historical one, with the same attribute and
    the same date. So a row's key is its place: the item of the report, and the value in the item.
    """

    name = "custom_reports"
    path = "/company/custom-reports/reports/{id}"
    permission = "Custom reports: read"
    replaced_by = "reports"
    request_cost = "1 per report and 100 employees"
    selected_by_default = False
    shrinks_often = True  # with each report
    primary_keys = ("report_id", "item_number", "value_number")
    limit = 100
    columns = (
        Column("report_id", TEXT),
        Column("item_number", INTEGER, description="From 0, in the report's order."),
        Column("value_number", INTEGER, description="From 0, in the item's order."),
        Column("report_name", TEXT),
        Column("employee_id", INTEGER),
        Column("attribute_id", TEXT),
        Column("data_type", TEXT),
        Column(
            "effective_date", DATE, description="In historical reports, the day from which the value holds."
        ),
        Column("value", TEXT),
        Column("entity_id", TEXT),
        Column("duration", NUMBER),
        Column("start_date", DATE),
        Column("end_date", DATE),
        Column("amount", NUMBER),
        Column("currency", TEXT, description="Code or symbol, as the report has it."),
        Column("details", OBJECT, description="The value as it came, with all that its kind holds."),
    )

    def pages(self, plan: SyncPlan, stats: StreamStats) -> Iterator[Page]:  # noqa: ARG002
        """Page after page of each report, until one brings nothing new.

        What total_elements counts here nobody says, and an employee may have many items: it is no sign of the end.
        """
        listed = Request(
            self.api,
            "/company/custom-reports/reports",
            template=self.path,
            permission=self.permission,
            replaced_by=self.replaced_by,
        )

        def requests(_fresh: bool) -> Iterator[tuple[Any, Request]]:
            page = self.client.get(listed, parse_v1, stats)
            for each, _ in identified([page], IDS_IN_ATTRIBUTES, "custom reports"):
                path = self.path.replace("{id}", in_path(each))
                yield each, self.request(("page", "1"), ("limit", str(self.limit)), path=path)

        def items(report: Any, request: Request, page: Page) -> Iterator[Page]:
            count, before, end_check = 0, None, EndCheck(request.endpoint, MAX_STALE_PAGES_WITHOUT_IDS)
            for number in itertools.count(2):
                found = [(_name_of(each), item) for each in page.records for item in _items_of(each)]
                if not found or page.records == before:
                    return
                yield Page([(report, place, *item) for place, item in enumerate(found, start=count)])
                before = page.records
                end_check.add(map(msgspec.json.encode, before))
                count += len(found)
                following = (("page", str(number)), ("limit", str(self.limit)))
                page = self.client.get(replace(request, params=following), parse_v1, stats)

        return Children(
            self.client, requests, None, stats, "reports", parse=parse_v1, pages=items, patience=sys.maxsize
        ).read()

    def page_fields(self, page: Page) -> Iterator[dict[str, Any]]:
        """The values of the items of a page: what their kind has a column for, and all of it under `details`."""
        known = {column.name for column in self.columns}
        for report, item_number, name, item in page.records:
            values = [*_objects(item.get("attributes")), *_objects(item.get("historical_attributes"))]
            for value_number, value in enumerate(values):
                yield {
                    **{key: each for key, each in value.items() if key in known},
                    "currency": value.get("currency_code") or value.get("currency_symbol"),
                    "report_id": report,
                    "report_name": name,
                    "item_number": item_number,
                    "value_number": value_number,
                    "employee_id": value.get("employee_id", item.get("employee_id")),
                    "details": value,
                }


def _name_of(report: dict[str, Any]) -> Any:
    return attributes_of(report).get("name")


def _items_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    return _objects(attributes_of(report).get("items"))


def _objects(found: Any) -> list[dict[str, Any]]:
    """The objects of a list, whatever else it holds."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
