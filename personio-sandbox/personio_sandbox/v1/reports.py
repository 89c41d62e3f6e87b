"""Document categories and custom reports."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..api import Answer, Call, encode
from ..formats import extended
from .pages import ENDPOINTS, answer, number

if TYPE_CHECKING:
    from ..model import Report, ReportCell


@ENDPOINTS.serve("/company/document-categories", "documents")
def document_categories(call: Call) -> Answer:
    """GET /company/document-categories: everything at once."""
    return answer([
        {"id": c.id, "type": "DocumentCategory", "attributes": {"name": c.name}}
        for c in call.company.document_categories.values()
    ])  # fmt: skip


@ENDPOINTS.serve("/company/custom-reports/reports", "reports")
def reports(call: Call) -> Answer:
    """GET /company/custom-reports/reports: the list of reports, without rows."""
    ids, status = call.values("report_ids"), call.query.get("status")
    rows = [
        {"type": "Report", "attributes": report_json(r)}
        for r in call.company.reports.values()
        if (not ids or r.id in ids) and (not status or r.status == status)
    ]
    total = len(rows)
    metadata = {"total_elements": total, "current_page": 1, "total_pages": 1}
    return answer(rows, metadata=metadata, offset=0, limit=max(total, 1))


def report_json(report: Report) -> dict[str, Any]:
    """A report's own fields."""
    return {
        "id": report.id,
        "name": report.name,
        "description": report.description,
        "author_first_name": report.author_first_name,
        "author_last_name": report.author_last_name,
        "type": report.type,
        "status": report.status,
        "start_date": report.start_date.isoformat(),
        "end_date": report.end_date.isoformat(),
        "created_at": extended(report.created_at, ZoneInfo("UTC")),
        "updated_at": extended(report.updated_at, ZoneInfo("UTC")),
        "data_refreshed_at": extended(report.data_refreshed_at, ZoneInfo("UTC")),
        "columns": report_columns(report),
        "filters": report.filters,
        "period_type": report.period_type,
    }


def report_columns(report: Report) -> list[str]:
    """The attribute ids of a report, in order of their first use."""
    return list(dict.fromkeys(cell.attribute_id for item in report.items for cell in item.cells))


@ENDPOINTS.serve("/company/custom-reports/reports/{report_id}", "reports")
def report(call: Call) -> Answer:
    """GET /company/custom-reports/reports/{id}: ``page`` from 1, ``limit`` counts employees."""
    found = call.company.reports.get(call.params["report_id"])
    if found is None:
        return _report_error(call, 404, "Report not found")
    if found.status == "archived":
        return _report_error(call, 400, "Report is archived")
    limit, page = number(call, "limit", 100) or 100, number(call, "page", 1) or 1
    people = list(dict.fromkeys(item.employee_id for item in found.items))
    on_page = set(people[(page - 1) * limit : page * limit])
    name = "historical_attributes" if found.type == "historical_data" else "attributes"
    items = [
        {"employee_id": item.employee_id, name: [report_cell(item.employee_id, cell) for cell in item.cells]}
        for item in found.items
        if item.employee_id in on_page
    ]
    metadata = {
        "total_elements": len(people),
        "current_page": page,
        "total_pages": math.ceil(len(people) / limit),
    }
    data = [{"type": "Report", "attributes": {**report_json(found), "items": items}}]
    return answer(data, metadata=metadata, offset=(page - 1) * limit, limit=limit)


def report_cell(employee_id: int, cell: ReportCell) -> dict[str, Any]:
    """A value of a report; which fields it has depends on its data type."""
    result = {
        "attribute_id": cell.attribute_id,
        "data_type": cell.data_type,
        "employee_id": employee_id,
        **cell.fields,
    }
    if cell.effective_date is not None:
        result["effective_date"] = cell.effective_date.isoformat()
    return result


@ENDPOINTS.serve("/company/custom-reports/columns", "reports")
def report_labels(call: Call) -> Answer:
    """GET /company/custom-reports/columns: the labels of report columns, one object rather than a list."""
    wanted, only = call.values("columns"), call.query.get("report_id")
    types: dict[str, str] = {}
    for found in call.company.reports.values():
        if not only or found.id == only:
            types.update((cell.attribute_id, cell.data_type) for item in found.items for cell in item.cells)
    known = call.company.attributes
    columns = [
        {"attribute_id": key, "data_type": data_type,
         "human_readable": known[key].label if key in known else key.replace("_", " ").capitalize()}
        for key, data_type in types.items() if not wanted or key in wanted
    ]  # fmt: skip
    metadata = {"total_elements": len(columns), "current_page": 1, "total_pages": 1}
    return answer(
        {"type": "Column", "attributes": columns}, metadata=metadata, offset=0, limit=max(len(columns), 1)
    )


def _report_error(call: Call, status: int, title: str) -> Answer:
    now = call.company.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    details = {"title": title, "details": title, "type": "about:blank", "_meta": []}
    return Answer(encode([{"status": status, "trace_id": "", "timestamp": now, "errors": [details]}]), status)
