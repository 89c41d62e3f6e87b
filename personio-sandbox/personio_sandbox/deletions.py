"""What Personio changes or removes together with a deleted record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .views import Views

Keys = set[Any]


def delete_dependents(company: Views, table: str, keys: Keys) -> None:
    """Change or remove what refers to these deleted records of a table."""
    if table in _DEPENDENTS:
        _DEPENDENTS[table](company, keys)


def _employees(company: Views, keys: Keys) -> None:
    """Delete everything that belongs to the employees; those they led have no supervisor then."""
    for table in ("time_offs", "hourly_absences", "shifts", "balances", "compensations", "past_employments"):
        _drop(company, table, "employee_id", keys)
    _drop(company, "documents", "owner_id", keys)
    attendances = company.attendances
    attendances.remove(i for i, e in zip(attendances.ids, attendances.employees, strict=True) if e in keys)
    for employee in company.employees.values():
        if employee.attributes["supervisor"] in keys:
            company.touch_employee(employee, {"supervisor": None})
    for project in company.projects.values():
        project.member_ids = tuple(member for member in project.member_ids if member not in keys)


def _projects(company: Views, keys: Keys) -> None:
    """Delete sub-projects too, and remove the project from attendances and shifts."""
    attendances, now = company.attendances, company.now()
    for n, project in enumerate(attendances.projects):
        if project in keys:
            attendances.projects[n] = 0
            attendances.updated[n] = int(now.timestamp())
    for shift in company.shifts.values():
        if shift.project_id in keys:
            shift.project_id, shift.updated_at = None, now
    children = {project.id for project in company.projects.values() if project.parent_id in keys}
    if children:
        _drop(company, "projects", "parent_id", keys)
        _projects(company, children)


def _absence_types(company: Views, keys: Keys) -> None:
    """Delete absences, balances and entitlements of the type."""
    for table in ("time_offs", "hourly_absences", "balances"):
        _drop(company, table, "absence_type_id", keys)
    for employee in company.employees.values():
        entitled = employee.attributes["absence_entitlement"]
        if any(type_id in keys for type_id, _ in entitled):
            kept = tuple(entry for entry in entitled if entry[0] not in keys)
            company.touch_employee(employee, {"absence_entitlement": kept})


def _document_categories(company: Views, keys: Keys) -> None:
    """Remove the category from its documents."""
    for document in company.documents.values():
        document.category_id = None if document.category_id in keys else document.category_id


def _candidates(company: Views, keys: Keys) -> None:
    _drop(company, "applications", "candidate_id", keys)


def _recruiting_jobs(company: Views, keys: Keys) -> None:
    _drop(company, "applications", "job_id", keys)


def _drop(company: Views, table: str, field: str, keys: Keys) -> None:
    rows = getattr(company, table)
    for key in [key for key, row in rows.items() if getattr(row, field) in keys]:
        del rows[key]


_DEPENDENTS: dict[str, Callable[[Views, Keys], None]] = {
    "employees": _employees,
    "projects": _projects,
    "absence_types": _absence_types,
    "document_categories": _document_categories,
    "candidates": _candidates,
    "recruiting_jobs": _recruiting_jobs,
}
