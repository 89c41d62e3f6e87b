"""Generate recruiting data: categories, vacancies, candidates and their applications."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from .model import OTHER, Application, Candidate, RecruitingCategory, RecruitingJob, Stage, uuid
from .people import FIRST_NAMES, NAME_ENDS, NAME_STARTS, plain

if TYPE_CHECKING:
    import random

    from .views import Views

_STAGES = (
    ("Unassigned", "system", "unassigned"), ("Telefoninterview", "custom", "interview"),
    ("Gespräch & Probetag", "custom", "interview"), ("Offer", "system", "offer"), ("Accepted", "system", "accepted"),
    ("Rejected", "system", "rejected"),
)  # fmt: skip


def generate_recruiting(company: Views, rng: random.Random) -> None:
    """Fill the tables of recruiting: about one vacancy per 20 employees and one application per two."""
    people, now = list(company.employees), company.now()
    for n, name in enumerate(("Professionals", "Ausbildung", "Initiativ")):
        stages = tuple(
            Stage(str(7000 + 10 * n + k), s, type_, kind) for k, (s, type_, kind) in enumerate(_STAGES)
        )
        company.recruiting_categories[str(700 + n)] = RecruitingCategory(
            id=str(700 + n), name=name, stages=stages
        )
    categories = list(company.recruiting_categories.values())
    for n in range(len(people) // 20 + 3):
        created = now - dt.timedelta(days=rng.randrange(60, 900), seconds=rng.randrange(86_400))
        team = rng.sample(people, min(len(people), 2))
        job = RecruitingJob(
            id=str(880_001 + n), name=f"Entwickler:in #{n} <remote>", department_id=401 + n % 8,
            category_id=categories[n % 3].id, legal_entity_id=170 + n % 2,
            hiring_team=tuple(zip(team, ("Recruiter", "Hiring Manager"), strict=False)), created_at=created,
            updated_at=created + dt.timedelta(days=rng.randrange(30)),
        )  # fmt: skip
        company.recruiting_jobs[job.id] = job
    for n in range(len(people) // 2 + 5):
        first, last = rng.choice(FIRST_NAMES), rng.choice(NAME_STARTS) + rng.choice(NAME_ENDS)
        created = now - dt.timedelta(days=rng.randrange(1, 600), seconds=rng.randrange(86_400))
        candidate = Candidate(
            id=uuid(OTHER, 300_000 + n), first_name=first, last_name=last,
            email=f"{plain(first)}.{plain(last)}.c{n}@example.com", gender=rng.choice((None, "female", "male")),
            phone=rng.choice((None, "+49 30 555 0199")), location=rng.choice((None, "Köln", "")),
            birthday=dt.date(1990, 1, 1) + dt.timedelta(days=n) if n % 3 else None, linkedin_profile=None,
            available_from=(created + dt.timedelta(days=90)).date() if n % 2 else None, created_at=created,
            updated_at=created + dt.timedelta(seconds=rng.randrange(86_400)),
        )  # fmt: skip
        company.candidates[candidate.id] = candidate
        for k in range(1 + (n % 7 == 0)):
            _apply(company, rng, candidate, number=n * 2 + k)


def _apply(company: Views, rng: random.Random, candidate: Candidate, *, number: int) -> None:
    job = list(company.recruiting_jobs.values())[number % len(company.recruiting_jobs)]
    stages = company.recruiting_categories[job.category_id].stages
    at, transitions = candidate.created_at, []
    *way, rejected = stages
    reached = way[: rng.randrange(1, len(stages))]
    # Half of those who are not hired are rejected.
    for stage in reached if reached == way or rng.random() < 0.5 else [*reached, rejected]:
        transitions.append((stage, at))
        at = min(at + dt.timedelta(hours=rng.randrange(1, 300)), company.now())
    application = Application(
        id=uuid(OTHER, 400_000 + number), candidate_id=candidate.id, job_id=job.id,
        application_date=candidate.created_at.date(),
        channel=rng.choice((None, ("31", "Karriereseite"), ("32", "Referral"))),
        transitions=tuple(transitions), is_anonymized=rng.random() < 0.05, created_at=candidate.created_at,
        updated_at=transitions[-1][1],
    )  # fmt: skip
    company.applications[application.id] = application
