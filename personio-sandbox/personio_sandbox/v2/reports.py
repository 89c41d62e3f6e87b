"""Reports: the list, one with its rows, and the attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api import Answer, Call, Refused
from .errors import report_problem
from .lists import ENDPOINTS, Filters, iso, listing, utc

if TYPE_CHECKING:
    from ..model import Report

_UNREADABLE = {
    "grouped": "Unsupported nested type: null",
    "broken": "Array contains no element matching the predicate.",
}


@ENDPOINTS.serve("/reports", "reports")
def reports(call: Call) -> Answer:
    """GET /reports: newest first; ``_meta.links`` is null when there is no next page."""
    filters = Filters(call)
    filters.check(("locale",))
    rows = call.company.reports.values
    return listing(
        call, filters, rows, lambda row: (-int(row.created_at.timestamp()), row.id), report_json,
        default=100, maximum=100, links=False,
    )  # fmt: skip


def report_json(row: Report) -> dict[str, Any]:
    """A report's own fields."""
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description or None,
        "type": row.type.upper(),
        "start_date": iso(row.start_date),
        "end_date": iso(row.end_date),
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


@ENDPOINTS.serve("/reports/attributes", "reports")
def attributes(call: Call) -> Answer:
    """GET /reports/attributes: everything that reports can show."""
    filters = Filters(call)
    filters.check(("locale",))
    found = {column[0]: column for row in call.company.reports.values() for column in row.columns}
    return listing(
        call,
        filters,
        found.values,
        lambda column: (column[0],),
        _column_json,
        default=100,
        maximum=100,
        links=False,
    )


def _column_json(column: tuple[str, str, str]) -> dict[str, str]:
    name, display, kind = column
    return {"name": name, "display": display, "type": kind}


@ENDPOINTS.serve("/reports/{report_id}", "reports")
def report(call: Call) -> Answer:
    """GET /reports/{id}: rows of cells; on later pages the cursor has to come alone."""
    filters, row = Filters(call), call.company.reports.get(call.params["report_id"])
    if row is None:
        raise Refused(report_problem(404, f"Report with {call.params['report_id']} not found."))
    if row.readable in _UNREADABLE:
        raise Refused(report_problem(400, _UNREADABLE[row.readable]))
    if "cursor" in call.query and not filters.alone:
        raise Refused(report_problem(400, "Filters must not be sent together with a cursor."))
    filters.check(("locale",))
    columns, extra = row.columns, second_showing(row) if call.api.options.spelling == "odd" else None
    if extra is not None:
        columns = (*columns, extra[0])
    more_cells = () if extra is None else (extra[1],)
    return listing(
        call, filters, lambda: list(enumerate(row.rows)), lambda numbered: (numbered[0],),
        lambda numbered: [_cell_json(*cell) for cell in (*numbered[1], *more_cells)], default=100, maximum=100,
        more={"report_config": report_json(row)}, meta={"columns": [_column_json(c) for c in columns]}, links=False,
    )  # fmt: skip


def second_showing(row: Report) -> tuple[tuple[str, str, str], tuple[str, str | None, Any]] | None:
    """A further column and its cell: the attribute of the first column, but of the supervisor, who is always the same.

    None for a report without rows.
    """
    if not row.rows:
        return None
    name, display, kind = row.columns[0]
    return (name, f"{display} (supervisor)", kind), row.rows[0][0]


def _cell_json(attribute_id: str, key: str | None, content: Any) -> dict[str, Any]:
    return {"attribute_id": attribute_id} if key is None else {"attribute_id": attribute_id, key: content}
