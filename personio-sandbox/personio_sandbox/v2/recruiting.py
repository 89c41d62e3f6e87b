"""Recruiting, in beta. Lists come latest change first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api import Answer, Call, encode
from .errors import bad_request, not_found
from .lists import ENDPOINTS, Filters, iso, listing, utc

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from ..model import Application, Candidate, RecruitingCategory, RecruitingJob, Stage


def date_object(value: dt.datetime, n: int) -> Any:
    """A timestamp as recruiting writes it: an object whose key has one of two names."""
    return {"date" if n % 4 == 3 else "date-time": utc(value), "timezone": "UTC"}


def latest_first(
    call: Call, rows: Iterable[Any], render: Callable[[Any], dict[str, Any]], *,
    mails: Callable[[Any], str] | None = None, mail_filter: str = "", exclusive: bool = False,
) -> Answer:  # fmt: skip
    """A list with ``updated_at.gt`` and ``updated_at.lt``, and a filter by mail address where there is one."""
    filters = Filters(call)
    filters.check(("updated_at.gt", "updated_at.lt", *([mail_filter] if mail_filter else [])))
    since, before = filters.moment("updated_at.gt"), filters.moment("updated_at.lt")
    if exclusive and since is not None and before is not None:
        raise bad_request(call, "updated_at.gt and updated_at.lt are mutually exclusive.")
    wanted = filters.many(mail_filter) if mail_filter else frozenset()
    found = [
        row for row in rows
        if (since is None or row.updated_at > since)
        and (before is None or row.updated_at < before)
        and (not wanted or mails is None or mails(row) in wanted)
    ]  # fmt: skip
    return listing(
        call,
        filters,
        lambda: found,
        lambda row: (-row.updated_at.timestamp(), row.id),
        render,
        default=100,
        maximum=200,
    )


def single(call: Call, rows: dict[str, Any], render: Callable[[Any], dict[str, Any]]) -> Answer:
    """The record in the path."""
    row = rows.get(call.params["row_id"])
    if row is None:
        raise not_found(call)
    return Answer(encode(render(row)))


def stage_json(stage: Stage) -> dict[str, str]:
    """A step of a category."""
    return {"id": stage.id, "name": stage.name, "type": stage.type, "kind": stage.kind}


def application_json(call: Call) -> Callable[[Application], dict[str, Any]]:
    """Applications, with the candidate and the vacancy inside."""
    company = call.company

    def render(row: Application) -> dict[str, Any]:
        c, job = company.candidates[row.candidate_id], company.recruiting_jobs[row.job_id]
        unit = company.org_units.get(job.department_id)
        department = None if unit is None else {"id": str(unit.id), "name": unit.name}
        category = company.recruiting_categories[job.category_id]
        stage = row.transitions[-1][0]
        n = int(row.id[-6:], 16)
        return {
            "id": row.id,
            "application_date": iso(row.application_date),
            "candidate": {
                "id": c.id, "email": c.email, "first_name": c.first_name, "last_name": c.last_name, "gender": c.gender,
            },
            "job": {
                "id": job.id, "name": job.name, "department": department,
                "category": {"id": category.id, "name": category.name},
            },
            "current_stage": {**stage_json(stage)} if n % 3 else {"kind": stage.kind, "type": stage.type},
            "channel": None if row.channel is None else {"id": row.channel[0], "name": row.channel[1]},
            "hiring_team": _team(job),
            "is_anonymized": row.is_anonymized,
            "created_at": date_object(row.created_at, n),
            "updated_at": date_object(row.updated_at, n),
        }  # fmt: skip

    return render


def _team(job: RecruitingJob) -> list[dict[str, Any]]:
    return [{"person": {"id": str(n)}, "role": {"name": role}} for n, role in job.hiring_team]


@ENDPOINTS.serve("/recruiting/applications", "recruiting", beta=True)
def applications(call: Call) -> Answer:
    """GET /recruiting/applications."""
    people = call.company.candidates
    return latest_first(
        call, call.company.applications.values(), application_json(call),
        mails=lambda row: people[row.candidate_id].email, mail_filter="candidate.email",
    )  # fmt: skip


@ENDPOINTS.serve("/recruiting/applications/{row_id}", "recruiting", beta=True)
def application(call: Call) -> Answer:
    """GET /recruiting/applications/{id}."""
    return single(call, call.company.applications, application_json(call))


@ENDPOINTS.serve("/recruiting/applications/{row_id}/stage-transitions", "recruiting", beta=True)
def stage_transitions(call: Call) -> Answer:
    """GET /recruiting/applications/{id}/stage-transitions: latest first."""
    filters, row = Filters(call), call.company.applications.get(call.params["row_id"])
    filters.check(())
    if row is None:
        raise not_found(call)
    steps = list(enumerate(row.transitions))

    def render(step: tuple[int, tuple[Stage, dt.datetime]]) -> dict[str, Any]:
        n, (stage, entered) = step
        return {"entered_at": date_object(entered, n), "stage": stage_json(stage)}

    return listing(call, filters, lambda: steps, lambda step: (-step[0],), render, default=100, maximum=200)


def candidate_json(call: Call) -> Callable[[Candidate], dict[str, Any]]:
    """Candidates, with their applications; timestamps are plain text here."""

    def by_candidate() -> dict[str, list[Application]]:
        grouped: dict[str, list[Application]] = {}
        for row in call.company.applications.values():
            grouped.setdefault(row.candidate_id, []).append(row)
        return grouped

    found = call.api.cached("applications by candidate", by_candidate)

    def render(row: Candidate) -> dict[str, Any]:
        return {
            "id": row.id,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "gender": row.gender,
            "phone": row.phone,
            "location": row.location,
            "birthday": iso(row.birthday),
            "linkedin_profile": row.linkedin_profile,
            "available_from": iso(row.available_from),
            "applications": [
                {"id": a.id, "application_date": iso(a.application_date)} for a in found.get(row.id, [])
            ],
            "created_at": utc(row.created_at),
            "updated_at": utc(row.updated_at),
        }  # fmt: skip

    return render


@ENDPOINTS.serve("/recruiting/candidates", "recruiting", beta=True)
def candidates(call: Call) -> Answer:
    """GET /recruiting/candidates: ``updated_at.gt`` or ``.lt``, not both."""
    return latest_first(
        call, call.company.candidates.values(), candidate_json(call), mails=lambda row: row.email, mail_filter="email",
        exclusive=True,
    )  # fmt: skip


@ENDPOINTS.serve("/recruiting/candidates/{row_id}", "recruiting", beta=True)
def candidate(call: Call) -> Answer:
    """GET /recruiting/candidates/{id}."""
    return single(call, call.company.candidates, candidate_json(call))


def job_json(call: Call) -> Callable[[RecruitingJob], dict[str, Any]]:
    """Vacancies."""
    company = call.company

    def render(row: RecruitingJob) -> dict[str, Any]:
        unit, category = (
            company.org_units.get(row.department_id),
            company.recruiting_categories[row.category_id],
        )
        return {
            "id": row.id,
            "name": row.name,
            "department": None if unit is None else {"id": str(unit.id), "name": unit.name},
            "category": {"id": category.id, "name": category.name},
            "hiring_team": _team(row),
            "company": {"id": str(row.legal_entity_id)},
            "created_at": date_object(row.created_at, int(row.id)),
            "updated_at": date_object(row.updated_at, int(row.id)),
        }

    return render


@ENDPOINTS.serve("/recruiting/jobs", "recruiting", beta=True)
def recruiting_jobs(call: Call) -> Answer:
    """GET /recruiting/jobs."""
    return latest_first(call, call.company.recruiting_jobs.values(), job_json(call))


@ENDPOINTS.serve("/recruiting/jobs/{row_id}", "recruiting", beta=True)
def recruiting_job(call: Call) -> Answer:
    """GET /recruiting/jobs/{id}."""
    return single(call, call.company.recruiting_jobs, job_json(call))


def category_json(row: RecruitingCategory) -> dict[str, Any]:
    """A category with its stages."""
    return {"id": row.id, "name": row.name, "stages": [stage_json(stage) for stage in row.stages]}


@ENDPOINTS.serve("/recruiting/categories", "recruiting", beta=True)
def categories(call: Call) -> Answer:
    """GET /recruiting/categories."""
    filters = Filters(call)
    filters.check(())
    rows = call.company.recruiting_categories.values
    return listing(call, filters, rows, lambda row: (row.id,), category_json, default=100, maximum=200)


@ENDPOINTS.serve("/recruiting/categories/{row_id}", "recruiting", beta=True)
def category(call: Call) -> Answer:
    """GET /recruiting/categories/{id}."""
    return single(call, call.company.recruiting_categories, category_json)
