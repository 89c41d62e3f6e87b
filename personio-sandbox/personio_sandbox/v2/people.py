"""Persons and their employments."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ..api import Answer, Call, encode
from ..formats import php
from .errors import not_found
from .lists import ENDPOINTS, Filters, iso, listing, ref, utc

if TYPE_CHECKING:
    from ..model import Attribute, Employee, Employment

_TYPES = {
    "standard": "string", "integer": "int", "decimal": "double", "date": "date", "list": "string",
    "tags": "string_list", "link": "string", "multiline": "string",
}  # fmt: skip
_MOMENTS = tuple(
    f"{name}{operator}" for name in ("created_at", "updated_at") for operator in ("", ".gt", ".lt")
)
_PERSON_FILTERS = ("id", "email", "first_name", "last_name", "preferred_name", "status", *_MOMENTS)


@ENDPOINTS.serve("/persons", "employees")
def persons(call: Call) -> Answer:
    """GET /persons: ``gt`` and ``lt`` are strict, there is no ``gte``; ``next`` carries the cursor alone."""
    filters = Filters(call)
    filters.check(_PERSON_FILTERS)
    ids, emails, status = (
        filters.numbers("id"),
        filters.many("email"),
        filters.one_of("status", ("ACTIVE", "INACTIVE")),
    )
    names = {name: filters.values[name] for name in _PERSON_FILTERS[2:5] if name in filters.values}
    moments = {name: filters.moment(name) for name in _MOMENTS if name in filters.values}

    def matches(e: Employee) -> bool:
        stamps = {"created_at": e.created_at, "updated_at": e.person_updated_at}
        for name, limit in moments.items():
            field, _, operator = name.partition(".")
            if limit is not None and not _compare(stamps[field], operator, limit):
                return False
        return (
            (not ids or e.id in ids)
            and (not emails or e.attributes["email"] in emails)
            and (not status or person_status(e) in status)
            and all(e.attributes[name] == value for name, value in names.items())
        )

    return listing(
        call, filters, lambda: filter(matches, call.company.employees.values()), lambda e: (e.id,),
        lambda e: person_json(call, e), default=10, maximum=50,
    )  # fmt: skip


def _compare(value: Any, operator: str, limit: Any) -> bool:
    if operator == "gt":
        return bool(value > limit)
    return bool(value < limit) if operator == "lt" else bool(value == limit)


@ENDPOINTS.serve("/persons/{person_id}", "employees")
def person(call: Call) -> Answer:
    """GET /persons/{id}."""
    return Answer(encode(person_json(call, person_of(call))))


def person_of(call: Call) -> Employee:
    """The person in the path."""
    text = call.params["person_id"]
    found = call.company.employees.get(int(text)) if text.isascii() and text.isdigit() else None
    if found is None:
        raise not_found(call)
    return found


def person_status(e: Employee) -> str:
    """The coarse status of a person."""
    return "INACTIVE" if e.attributes["status"] == "inactive" else "ACTIVE"


def person_json(call: Call, e: Employee) -> dict[str, Any]:
    """A person with what the credential may read; other keys are missing."""
    a, sees = e.attributes, call.api.rights.sees
    home = f"{call.origin}/v2/persons/{e.id}"
    picture = f"{call.origin}/v1/company/employees/{e.id}/profile-picture"
    fields: dict[str, tuple[str, Any]] = {
        "email": ("email", a["email"]),
        "created_at": ("created_at", utc(e.created_at)),
        "updated_at": ("last_modified_at", utc(e.person_updated_at)),
        "first_name": ("first_name", a["first_name"]),
        "last_name": ("last_name", a["last_name"]),
        "preferred_name": ("preferred_name", a["preferred_name"] or None),
        "gender": ("gender", a["gender"].upper() or "UNSPECIFIED"),
        "status": ("status", person_status(e)),
        "profile_picture": ("profile_picture", {"url": picture}),
    }
    result: dict[str, Any] = {"id": str(e.id)}
    result.update((name, value) for name, (key, value) in fields.items() if sees(key))
    custom = [
        attribute
        for attribute in call.company.attributes.values()
        if attribute.custom and sees(attribute.key)
    ]
    if custom:
        cells = (custom_json(call, e, attribute) for attribute in custom)
        result["custom_attributes"] = [cell for cell in cells if cell is not None]
    result["employments"] = [{"id": employment.id} for employment in call.company.employments_of(e.id)]
    result["_meta"] = {"links": {"employments": {"href": f"{home}/employments"}}}
    return result


def custom_json(call: Call, e: Employee, attribute: Attribute) -> dict[str, Any] | None:
    """A custom attribute; the label is missing. Empty ones are left out for every other person, else null."""
    value, options = e.attributes[attribute.key], call.api.options
    cell: dict[str, Any] = {"id": attribute.key, "type": _TYPES[attribute.type]}
    if options.custom_ids == "live":
        cell |= live_ids(attribute)
    elif attribute.universal_id is not None:
        cell["global_id"] = attribute.universal_id.upper()
    if value in ("", None, ()):
        return None if e.id % 2 else {**cell, "value": None}
    if attribute.kind == "day":
        value = value.isoformat()
    elif attribute.kind in ("integer", "decimal") and options.custom_values == "text":
        value = php(value) if options.spelling == "odd" else str(value)
    return {**cell, "value": value}


def live_ids(attribute: Attribute) -> dict[str, str]:
    """What a live account names an attribute: an id of v2 alone, and the number of its key in v1.

    One of Personio's presets has its universal_id as id, and another number.
    """
    number = attribute.key.removeprefix("dynamic_")
    if attribute.universal_id is not None:
        return {"id": attribute.universal_id, "global_id": str(int(number) - 999_000)}
    digest = hashlib.sha256(attribute.key.encode()).hexdigest()
    return {"id": f"dynamic_{digest[:14]}.{int(digest[14:22], 16) % 10**8:08}", "global_id": number}


# --- employments --------------------------------------------------------------------------------------------------


@ENDPOINTS.serve("/persons/{person_id}/employments", "employees")
def employments(call: Call) -> Answer:
    """GET /persons/{person_id}/employments: newest first."""
    filters, owner = Filters(call), person_of(call)
    filters.check(("id", "updated_at", "updated_at.gt", "updated_at.lt"))
    ids = filters.many("id")
    moments = {op: filters.moment(f"updated_at{'.' * bool(op)}{op}") for op in ("", "gt", "lt")}

    def matches(row: Employment) -> bool:
        return (not ids or row.id in ids) and all(
            limit is None or _compare(row.updated_at, operator, limit) for operator, limit in moments.items()
        )

    return listing(
        call, filters, lambda: filter(matches, call.company.employments_of(owner.id)),
        lambda row: (-int(row.created_at.timestamp()), row.id), lambda row: employment_json(call, row),
        default=10, maximum=50,
    )  # fmt: skip


@ENDPOINTS.serve("/persons/{person_id}/employments/{employment_id}", "employees")
def employment(call: Call) -> Answer:
    """GET /persons/{person_id}/employments/{id}."""
    for row in call.company.employments_of(person_of(call).id):
        if row.id == call.params["employment_id"]:
            return Answer(encode(employment_json(call, row)))
    raise not_found(call)


def employment_json(call: Call, row: Employment) -> dict[str, Any]:
    """An employment with what the credential may read: id, person and status at least."""
    units = [("team", row.team_id), ("department", row.department_id)]
    seen_units = [
        {"type": kind, "id": str(n)} for kind, n in units if n is not None and call.api.rights.sees(kind)
    ]
    fields: dict[str, tuple[str, Any]] = {
        "type": ("employment_type", row.type.upper()),
        "position": ("position", {"title": row.position}),
        "weekly_working_hours": ("weekly_working_hours", row.weekly_working_hours),
        "full_time_weekly_working_hours": ("weekly_working_hours", 40),
        "employment_start_date": ("hire_date", iso(row.start)),
        "employment_end_date": ("termination_date", iso(row.end)),
        "probation_end_date": ("probation_period_end", iso(row.probation_end)),
        "contract_end_date": ("contract_end_date", iso(row.contract_end)),
        "created_at": ("created_at", utc(row.created_at)),
        "updated_at": ("last_modified_at", utc(row.updated_at)),
        "supervisor": ("supervisor", ref(row.supervisor_id)),
        "office": ("office", ref(row.office_id)),
        "org_units": ("department", seen_units),
        "cost_centers": ("cost_centers", [{"id": str(n), "weight": share} for n, share in row.cost_centers]),
        "legal_entity": ("subcompany", ref(row.legal_entity_id)),
        "sub_company": ("subcompany", ref(row.legal_entity_id)),
        "job": ("position", ref(row.job_id)),
    }
    result: dict[str, Any] = {
        "id": row.id,
        "person": {"id": str(row.employee_id)},
        "status": row.status.upper(),
    }
    result.update((name, value) for name, (key, value) in fields.items() if call.api.rights.sees(key))
    if call.api.rights.sees("termination_date") and (row.termination_date or row.employee_id % 3):
        result["termination"] = termination_json(row)
    persons_url = f"{call.origin}/v2/persons"
    links = {"person": {"href": f"{persons_url}/{row.employee_id}"}}
    if row.supervisor_id is not None and call.api.rights.sees("supervisor"):
        links["supervisor"] = {"href": f"{persons_url}/{row.supervisor_id}"}
    return {**result, "_meta": {"links": links}}


def termination_json(row: Employment) -> dict[str, Any] | None:
    """How an employment ended. Without an end it is missing, null or an object of nulls: all three occur."""
    if row.termination_date is None and row.employee_id % 3 == 1:
        return None
    kind = (row.termination_type or "").replace("-", "_").upper() or None
    # Personio's own samples have two names for the key of the last day.
    last = "last_working_date" if row.employee_id % 5 == 0 else "last_working_day"
    return {
        "termination_date": iso(row.termination_date),
        last: iso(row.last_working_day),
        "terminated_at": iso(row.terminated_at),
        "type": kind,
        "reason": row.termination_reason,
    }
