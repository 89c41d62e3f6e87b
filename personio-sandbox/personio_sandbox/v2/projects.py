"""Projects and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api import Answer, Call, Refused, encode
from .errors import not_found, problem
from .lists import ENDPOINTS, Filters, iso, listing, ref, utc

if TYPE_CHECKING:
    from ..model import Project

_COUNTERS = ("tracked_minutes", "sub_projects_tracked_minutes", "sub_projects_count", "tracked_periods_count")


@ENDPOINTS.serve("/projects", "projects")
def projects(call: Call) -> Answer:
    """GET /projects: counters only when ``include`` asks for them."""
    filters = Filters(call)
    filters.check(("id", "name", "status", "project_code", "parent_project.id", "top_level_only", "include"))
    ids, names, codes = filters.numbers("id"), filters.many("name"), filters.many("project_code")
    parents, top = filters.numbers("parent_project.id"), filters.flag("top_level_only")
    status = filters.one_of("status", ("ACTIVE", "ARCHIVED"))
    include = filters.many("include")
    if not include <= set(_COUNTERS):
        raise Refused(problem(call, 422, "Unprocessable Entity", "Unknown value for include."))

    def matches(row: Project) -> bool:
        return (
            (not ids or row.id in ids)
            and (not names or row.name in names)
            and (not codes or row.project_code in codes)
            and (not parents or row.parent_id in parents)
            and not (top and row.parent_id is not None)
            and (not status or ("ACTIVE" if row.active else "ARCHIVED") in status)
        )

    return listing(
        call, filters, lambda: filter(matches, call.company.projects.values()), lambda row: (row.id,),
        lambda row: project_json(call, row, include), default=200, maximum=200,
    )  # fmt: skip


def project_json(call: Call, row: Project, include: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A project, flat."""
    result: dict[str, Any] = {
        "id": str(row.id),
        "name": row.name,
        "description": row.description,
        "project_code": row.project_code,
        "client_name": row.client_name,
        "project_type": None,
        "status": "ACTIVE" if row.active else "ARCHIVED",
        "billable": row.billable,
        "parent_project": ref(row.parent_id),
        **_nested_or_flat(call, row),
        "assigned_to_all": row.assigned_to_all,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }
    if include:
        children = {p.id for p in call.company.projects.values() if p.parent_id == row.id}
        own, below = _tracked(call, {row.id}), _tracked(call, children)
        counts = (own[0], below[0], len(children), own[1])
        result.update((name, count) for name, count in zip(_COUNTERS, counts, strict=True) if name in include)
    return result


def _nested_or_flat(call: Call, row: Project) -> dict[str, Any]:
    if call.api.options.spelling == "odd":
        center = None if row.cost_center_id is None else str(row.cost_center_id)
        return {"cost_center": center, "start_date": iso(row.start), "end_date": iso(row.end)}
    return {
        "cost_center": ref(row.cost_center_id),
        "start": None if row.start is None else {"date": iso(row.start)},
        "end": None if row.end is None else {"date": iso(row.end)},
    }


def _tracked(call: Call, ids: set[int]) -> tuple[int, int]:
    """Minutes and periods booked on projects."""
    table = call.company.attendances
    places = [n for n, project in enumerate(table.projects) if project in ids]
    worked = sum(table.ends[n] - table.starts[n] - table.breaks[n] for n in places if table.ends[n] >= 0)
    return worked, len(places)


def project_of(call: Call) -> Project:
    """The project in the path."""
    text = call.params["project_id"]
    found = call.company.projects.get(int(text)) if text.isascii() and text.isdigit() else None
    if found is None:
        raise not_found(call)
    return found


@ENDPOINTS.serve("/projects/{project_id}", "projects")
def project(call: Call) -> Answer:
    """GET /projects/{id}."""
    return Answer(encode(project_json(call, project_of(call))))


@ENDPOINTS.serve("/projects/{project_id}/members", "projects")
def members(call: Call) -> Answer:
    """GET /projects/{id}/members: references to persons; none where everyone is assigned."""
    filters, row = Filters(call), project_of(call)
    filters.check(())
    return listing(
        call, filters, lambda: row.member_ids, lambda m: (m,), lambda m: {"person": {"id": str(m)}},
        default=100, maximum=200,
    )  # fmt: skip
