"""Employees, their attribute catalogue and their balances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..api import Answer, Call, Refused, encode
from ..formats import TIMESTAMP_FORMATS, midnight, php
from .errors import failure, invalid
from .pages import ENDPOINTS, answer, listing, moment, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..company import Company
    from ..model import Attribute, Employee


def employee_json(call: Call, employee: Employee, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """``{type: "Employee", attributes: {key: Attribute}}`` with what the credential may read."""
    company, rights = call.company, call.api.rights
    attributes = {}
    for key, attribute in company.attributes.items():
        if key != "id" and (not rights.sees(key) or (keys and key not in keys)):
            continue
        cell = {
            "label": attribute.label,
            "value": value_json(call, employee, attribute),
            "type": attribute.type,
            "universal_id": attribute.universal_id,
        }
        if attribute.money:
            cell["currency"] = employee.currency
        attributes[key] = cell
    return {"type": "Employee", "attributes": attributes}


def value_json(call: Call, employee: Employee, attribute: Attribute) -> Any:
    """The JSON value of an attribute. Date-times come in three formats, depending on the employee and the attribute."""
    company, value, options = call.company, employee.attributes[attribute.key], call.api.options
    match attribute.kind:
        case "relation":
            if value is None:
                value = {"null": None, "text": "", "list": []}[options.empty_entity]
            else:
                value = company.entity(employee, attribute.key, short=options.short_employee == "id")
        case "tags":
            return ",".join(value) if options.spelling == "plain" else encode(value).decode()
        case "decimal" if value is not None and options.spelling == "odd":
            return php(value)
        case "day" | "moment" if value is not None:
            if attribute.plain_day:
                return value.isoformat()
            write = TIMESTAMP_FORMATS[(employee.id + len(attribute.key)) % 3]
            return write(midnight(value, company.zone) if attribute.kind == "day" else value, company.zone)
    return value


def short_employee(call: Call, employee_id: int) -> msgspec.Raw:
    """An employee inside another record, encoded once for all records that contain it."""
    short = call.api.options.short_employee == "id"
    known: dict[int, msgspec.Raw] = call.api.cached(("short employees", short), dict)
    if employee_id not in known:
        known[employee_id] = msgspec.Raw(encode(call.company.short_employee(employee_id, short=short)))
    return known[employee_id]


@ENDPOINTS.serve("/company/employees", "employees")
def employees(call: Call) -> Answer:
    """GET /company/employees: ``offset`` is the index of the first record, ``current_page`` starts at 0."""
    options, query = call.api.options, call.query
    limit, offset = number(call, "limit", 50), number(call, "offset", 0)
    if limit == 0:
        raise invalid("limit", "The limit must be at least 1.")
    if limit > 100 and options.large_employee_pages == "reject":
        raise invalid("limit", "The limit may not be greater than 100.")
    limit = min(limit, 200 if options.large_employee_pages == "allow" else 100)
    since, email = moment(call, "updated_since"), query.get("email")

    def select() -> list[Employee]:
        rows = list(call.company.employees.values())
        if since is not None:
            return [e for e in rows if e.attributes["last_modified_at"] >= since]
        return [e for e in rows if e.attributes["email"] == email] if email else rows

    rows = call.api.cached(("employees", since, email), select)
    if since is not None and options.updated_since_ignores_paging:
        limit, offset = max(len(rows), 1), 0
    keys = call.values("attributes")
    part = (encode(employee_json(call, e, keys)) for e in rows[offset : offset + limit])
    return listing(part, total=len(rows), page=offset // limit, limit=limit, offset=offset, echo=limit)


def attribute_list(call: Call) -> Answer:
    """GET /company/employees/attributes: what the credential may read, in one answer."""
    if not call.api.options.catalogue:
        return failure(403, "You are not authorized to perform this action.")
    seen = (a for a in call.company.attributes.values() if a.key == "id" or call.api.rights.sees(a.key))
    return answer([
        {"key": a.key, "label": a.label, "type": a.type, "universal_id": a.universal_id, "options": a.options}
        for a in seen
    ])  # fmt: skip


ENDPOINTS.serve("/company/employees/attributes", "employees")(attribute_list)


ENDPOINTS.serve("/company/employees/custom-attributes", "employees")(attribute_list)


def employee_of(call: Call) -> Employee:
    """The employee in the path."""
    text = call.params["employee_id"]
    employee = call.company.employees.get(int(text)) if text.isascii() and text.isdigit() else None
    if employee is None:
        raise Refused(failure(404, "Der angeforderte Mitarbeiter wurde nicht gefunden.", code=0))
    return employee


@ENDPOINTS.serve("/company/employees/{employee_id}", "employees")
def employee(call: Call) -> Answer:
    """GET /company/employees/{employee_id}."""
    return answer(employee_json(call, employee_of(call)))


@ENDPOINTS.serve("/company/employees/{employee_id}/absences/balance", "absences")
def balance(call: Call) -> Answer:
    """GET /company/employees/{id}/absences/balance."""
    company, employee_id = call.company, employee_of(call).id
    of_all = call.api.cached("balances", lambda: _by_employee(company))
    rows = []
    for row in of_all.get(employee_id, ()):
        absence_type = company.absence_types[row.absence_type_id]
        rows.append({
            "id": absence_type.id, "name": absence_type.name, "category": absence_type.category,
            "balance": row.balance, "available_balance": row.available_balance,
        })  # fmt: skip
    return answer(rows)


def _by_employee(company: Company) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = {}
    for row in company.balances.values():
        grouped.setdefault(row.employee_id, []).append(row)
    return grouped
