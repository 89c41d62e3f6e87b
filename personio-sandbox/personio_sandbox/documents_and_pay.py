"""Generate what only v2 shows: former contracts, the job catalogue, pay and documents."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from .model import (
    EMPLOYMENT,
    OTHER,
    Compensation,
    CompensationType,
    Document,
    Job,
    SalaryBand,
    uuid,
)

if TYPE_CHECKING:
    import random

    from .views import Views

SALARY, BONUS, HOURLY_PAY = (uuid(OTHER, n) for n in (11, 12, 13))


def generate_jobs(company: Views, rng: random.Random) -> None:
    """Fill the job catalogue and its salary bands."""
    for n in range(6):
        middle = 3000 + 900 * n
        band = SalaryBand(
            id=uuid(OTHER, 100 + n), name=f"Band {n}", currency="EUR", minimum=middle * 0.8, midpoint=middle,
            maximum=middle * 1.25, interval="MONTHLY",
        )  # fmt: skip
        company.salary_bands[band.id] = band
    for n in range(15):
        band_ids = tuple(rng.sample(list(company.salary_bands), n % 3))
        job = Job(
            id=uuid(OTHER, 200 + n), name=f"Job {n} (m/w/d)", job_family=rng.choice(("Technik", "Pflege & Care")),
            level=None if n % 5 == 0 else f"L{n % 4}", job_track=rng.choice((None, "IC", "Management")),
            global_grade=None if n % 2 else str(10 + n), salary_band_ids=band_ids,
        )  # fmt: skip
        company.jobs[job.id] = job


def generate_former_contracts(company: Views, rng: random.Random) -> None:
    """Give every tenth employee a former contract."""
    for number, employee in enumerate(list(company.employees.values())[::10]):
        current = company.employments_of(employee.id)[0]
        ended = employee.attributes["hire_date"] - dt.timedelta(days=rng.randrange(100, 400))
        began = ended - dt.timedelta(days=rng.randrange(200, 900))
        moment = dt.datetime.combine(began, dt.time(9), dt.UTC)
        moment = min(moment, employee.created_at)
        past = msgspec.structs.replace(
            current, id=uuid(EMPLOYMENT, 800_000_000 + number), status="inactive", start=began, end=ended,
            termination_date=ended, last_working_day=ended, terminated_at=ended - dt.timedelta(days=60),
            termination_type="contract-expired", termination_reason=None, supervisor_id=None, probation_end=None,
            contract_end=ended, created_at=moment, updated_at=moment + dt.timedelta(days=1),
        )  # fmt: skip
        company.past_employments[past.id] = past


def generate_pay(company: Views, rng: random.Random) -> None:
    """Generate a salary with a raise for all salaried employees, and a bonus for some."""
    for type_id, name, category in (
        (SALARY, "salary", "FIXED_SALARY"),
        (BONUS, 'Bonus "Jahresende"', "ONE_TIME"),
        (HOURLY_PAY, "Schichtzulage", "RECURRING"),
    ):
        company.compensation_types[type_id] = CompensationType(id=type_id, name=name, category=category)
    today, number = company.today(), 1000

    def add(type_id: str, amount: float, start: dt.date, end: dt.date | None, interval: str | None) -> None:
        nonlocal number
        number += 1
        hours = employee.attributes["weekly_working_hours"]
        entry = Compensation(
            id=uuid(OTHER, number), employee_id=employee.id,
            legal_entity_id=employee.attributes["subcompany"] or 170, type_id=type_id, amount=amount,
            currency=employee.currency, interval=interval, effective_from=start, effective_to=end,
            weekly_working_hours=float(hours) if hours and number % 9 else None,
        )  # fmt: skip
        company.compensations[entry.id] = entry

    for employee in company.employees.values():
        values = employee.attributes
        hired, ended, salary = values["hire_date"], values["termination_date"], values["fix_salary"]
        if salary:
            last = ended or today
            raised = hired + dt.timedelta(days=rng.randrange(1, 900))
            if raised < last:
                add(SALARY, round(salary * 0.9, 2), hired, raised - dt.timedelta(days=1), "MONTHLY")
                add(SALARY, salary, raised, ended, "MONTHLY")
            else:
                add(SALARY, salary, hired, ended, "MONTHLY")
        if rng.random() < 0.3:
            day = today - dt.timedelta(days=rng.randrange(700))
            add(BONUS, rng.randrange(100, 5000), day, day, None)


def generate_documents(company: Views, rng: random.Random) -> None:
    """Generate up to four documents per employee."""
    categories, number = list(company.document_categories), 900_000
    for employee in company.employees.values():
        for _ in range(rng.choice((0, 1, 2, 3, 4))):
            number += 1
            created = company.now() - dt.timedelta(seconds=rng.randrange(1, 3 * 365 * 86_400))
            company.documents[str(number)] = Document(
                id=str(number), owner_id=employee.id, name=f"Dokument {number} „Vertrag“.pdf",
                date=created.date() if rng.random() < 0.7 else None, comment=rng.choice((None, "", "Original: Büro 3")),
                category_id=rng.choice(categories) if categories else None, document_type="employee_document",
                size=rng.randrange(1_000, 4_000_000_000), created_at=created,
            )  # fmt: skip
