"""Legal entities, org units, cost centers, workplaces, jobs and salary bands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..api import Answer, Call, Refused, encode
from .errors import bad_request, not_found, problem
from .lists import ENDPOINTS, Filters, Key, listing, utc

if TYPE_CHECKING:
    from ..model import Job, LegalEntity, OrgUnit, SalaryBand

Render = Callable[[Any], dict[str, Any]]


def _legal_entity(row: LegalEntity) -> dict[str, Any]:
    address = {"street": row.street, "zip_code": row.zip_code, "city": row.city, "country": row.country}
    return {
        "id": str(row.id), "name": row.name, "country": row.country, "address": address,
        "created_at": utc(row.created_at),
    }  # fmt: skip


def _with_feature(call: Call) -> None:
    if not call.api.options.legal_entities:
        raise Refused(problem(call, 412, "Precondition Failed", "The company does not have this feature."))


@ENDPOINTS.serve("/legal-entities", "legal-entities")
def legal_entities(call: Call) -> Answer:
    """GET /legal-entities: newest first; 412 where the company does not have the feature."""
    _with_feature(call)
    filters = Filters(call)
    filters.check(("id", "country"))
    ids, countries = filters.numbers("id"), filters.many("country")
    rows = [
        row for row in call.company.legal_entities.values()
        if (not ids or row.id in ids) and (not countries or row.country in countries)
    ]  # fmt: skip
    return listing(
        call, filters, lambda: rows, lambda row: (-int(row.created_at.timestamp()), row.id), _legal_entity,
        default=20, maximum=100,
    )  # fmt: skip


@ENDPOINTS.serve("/legal-entities/{row_id}", "legal-entities")
def legal_entity(call: Call) -> Answer:
    """GET /legal-entities/{id}."""
    _with_feature(call)
    return _single(call, call.company.legal_entities.values(), _legal_entity)


def _org_unit(row: OrgUnit) -> dict[str, Any]:
    parent = None if row.parent_id is None else str(row.parent_id)
    return {
        "id": str(row.id), "type": row.type, "name": row.name, "description": row.description,
        "abbreviation": row.abbreviation, "parent_id": parent,
    }  # fmt: skip


@ENDPOINTS.serve("/org-units", "org-units", beta=True)
def org_units(call: Call) -> Answer:
    """GET /org-units (beta): ``type`` is required; ``next`` repeats the filters."""
    filters = Filters(call)
    filters.check(("type", "sort", "include_parent_chain"))
    kind = filters.values.get("type")
    if kind not in ("department", "team"):
        raise bad_request(call)
    chain = filters.flag("include_parent_chain")

    def render(row: OrgUnit) -> dict[str, Any]:
        return {**_org_unit(row), "parent_chain": _parents(call, row)} if chain else _org_unit(row)

    rows = [row for row in call.company.org_units.values() if row.type == kind]
    order = _order(call, filters, ("id", "-id", "name", "-name"), "id")
    return listing(call, filters, lambda: rows, order, render, default=20, maximum=100, repeat_filters=True)


@ENDPOINTS.serve("/org-units/{row_id}", "org-units")
def org_unit(call: Call) -> Answer:
    """GET /org-units/{id}: needs ``type`` too."""
    kind = call.query.get("type")
    if kind not in ("department", "team"):
        raise bad_request(call)
    return _single(call, (row for row in call.company.org_units.values() if row.type == kind), _org_unit)


def _parents(call: Call, row: OrgUnit) -> list[dict[str, str]]:
    chain = []
    while row.parent_id is not None and row.parent_id in call.company.org_units:
        row = call.company.org_units[row.parent_id]
        chain.append({"id": str(row.id)})
    return chain


@ENDPOINTS.serve("/cost-centers", "cost-centers", beta=True)
def cost_centers(call: Call) -> Answer:
    """GET /cost-centers (beta)."""
    return _named(call, call.company.cost_centers.values(), lambda row: {"id": str(row.id), "name": row.name})


@ENDPOINTS.serve("/workplaces", "workplaces", beta=True)
def workplaces(call: Call) -> Answer:
    """GET /workplaces (beta): the offices."""
    return _named(
        call,
        call.company.offices.values(),
        lambda row: {"id": str(row.id), "name": row.name, "type": "office"},
    )


def _job(call: Call) -> Render:
    bands = "salary-bands" in call.api.rights.areas

    def render(row: Job) -> dict[str, Any]:
        return {
            "id": row.id, "name": row.name, "job_family": row.job_family, "level": row.level,
            "job_track": row.job_track, "global_grade": row.global_grade,
            "salary_band_ids": row.salary_band_ids if bands else (),
        }  # fmt: skip

    return render


@ENDPOINTS.serve("/jobs", "jobs")
def jobs(call: Call) -> Answer:
    """GET /jobs: the job catalogue; bands are hidden without the right to read them."""
    return _named(call, call.company.jobs.values(), _job(call), sort="-id")


@ENDPOINTS.serve("/jobs/{row_id}", "jobs")
def job(call: Call) -> Answer:
    """GET /jobs/{id}."""
    return _single(call, call.company.jobs.values(), _job(call))


def _salary_band(row: SalaryBand) -> dict[str, Any]:
    return {
        "id": row.id, "name": row.name, "currency": row.currency, "interval": row.interval,
        "minimum": row.minimum, "midpoint": row.midpoint, "maximum": row.maximum,
    }  # fmt: skip


@ENDPOINTS.serve("/salary-bands", "salary-bands")
def salary_bands(call: Call) -> Answer:
    """GET /salary-bands."""
    return _named(call, call.company.salary_bands.values(), _salary_band)


@ENDPOINTS.serve("/salary-bands/{row_id}", "salary-bands")
def salary_band(call: Call) -> Answer:
    """GET /salary-bands/{id}."""
    return _single(call, call.company.salary_bands.values(), _salary_band)


def _named(call: Call, rows: Iterable[Any], render: Render, *, sort: str = "id") -> Answer:
    """A list with the filters ``id`` and ``name`` and the sorting by them."""
    filters = Filters(call)
    filters.check(("id", "name", "sort"))
    ids, names = filters.many("id"), filters.many("name")
    found = [row for row in rows if (not ids or str(row.id) in ids) and (not names or row.name in names)]
    order = _order(call, filters, ("id", "-id", "name", "-name"), sort)
    return listing(call, filters, lambda: found, order, render, default=50, maximum=100)


def _order(call: Call, filters: Filters, allowed: Iterable[str], default: str) -> Callable[[Any], Key]:
    sort = filters.values.get("sort", default)
    if sort not in allowed:
        raise bad_request(call)
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1

    def order(row: Any) -> Key:
        value = getattr(row, name)
        if isinstance(value, int):
            return (sign * value,)
        # Text sorts by code points; the appended item sorts a longer text first in reversed order.
        return ([sign * ord(c) for c in value] + [sign * -1] * (sign < 0), str(row.id))

    return order


def _single(call: Call, rows: Iterable[Any], render: Render) -> Answer:
    for row in rows:
        if str(row.id) == call.params["row_id"]:
            return Answer(encode(render(row)))
    raise not_found(call)
