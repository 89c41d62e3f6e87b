"""Generate the invented company: fill every table from a seed."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

from . import realistic
from .catalogue import catalogue
from .documents_and_pay import generate_documents, generate_former_contracts, generate_jobs, generate_pay
from .model import (
    HOURLY,
    TIME_OFF,
    TYPE,
    AbsenceType,
    Balance,
    CostCenter,
    DocumentCategory,
    HolidayCalendar,
    HourlyAbsence,
    LegalEntity,
    Office,
    OrgUnit,
    Project,
    TimeOff,
    WorkSchedule,
    uuid,
)
from .people import Hiring
from .recruiting import generate_recruiting
from .reports import generate_reports
from .webhooks import generate_webhooks
from .working_times import COMMENTS, generate_attendances

if TYPE_CHECKING:
    from .views import Views

FIRST_EMPLOYEE = 1001
BALANCE_TYPES = (1501, 1506, 1508)
_ABSENCE_TYPES = (
    ("Paid vacation", "paid_vacation", "day", 40),
    ("Krankheit (mit AU)", "sick_leave", "day", 25),
    ("Parental leave", "maternity_parental_leave", "day", 2),
    ("Child sick", "child_care", "day", 6),
    ("Home office", "offsite_work", "day", 20),
    ("Special leave", "other", "day", 5),
    ("Unpaid leave", "unpaid_vacation", "day", 2),
    ("Overtime compensation", "other", "hour", 3),
    ("Doctor's appointment", "sick_leave", "hour", 2),
    ("Further training", None, "hour", 1),
)


def generate_company(company: Views) -> None:
    """Fill the tables. The same options, seed and day give the same company."""
    # Each step has its own random numbers, so that the size of one table does not change the others. The texts are
    # part of the seed: another text gives another company.
    steps = (
        ("founding._structure", _generate_structure), ("founding._people", _generate_people),
        ("founding._absences", _generate_absences), ("founding._balances", _generate_balances),
        ("founding._projects", _generate_projects), ("founding._attendances", generate_attendances),
        ("founding._categories", _generate_categories), ("reports.invent", generate_reports),
        ("paperwork.jobs", generate_jobs), ("paperwork.former_contracts", generate_former_contracts),
        ("paperwork.pay", generate_pay), ("paperwork.documents", generate_documents),
        ("recruiting.recruit", generate_recruiting), ("webhooks.subscribe", generate_webhooks),
    )  # fmt: skip
    others = realistic.STEPS if company.options.realistic else {}
    for text, step in steps:
        others.get(text, step)(company, random.Random(f"{company.options.seed}/personio_sandbox.{text}"))  # noqa: S311
    if company.options.realistic:
        realistic.tidy(company)


def _generate_structure(company: Views, rng: random.Random) -> None:
    start = company.founded
    company.attributes = catalogue(hostile=company.options.hostile)
    company.legal_entities = {
        e.id: e
        for e in (
            LegalEntity(id=170, name="Lindenquist GmbH", country="DE", street="Ahornweg 12", city="Berlin",
                        zip_code="10999", created_at=start),
            LegalEntity(id=171, name='Lindenquist "Nord" & Söhne KG', country="DE", street="Am Kai 3", city="Hamburg",
                        zip_code="20457", created_at=start + dt.timedelta(days=900)),
        )
    }  # fmt: skip
    places = (
        ("Berlin HQ", "Berlin", "DE", "Europe/Berlin"), ("München", "München", "DE", "Europe/Berlin"),
        ("London", "London", "GB", "Europe/London"), ("New York", "New York", "US", "America/New_York"),
        ("Lisboa", "Lisboa", "PT", "Europe/Lisbon"),
    )  # fmt: skip
    company.offices = {
        60301 + n: Office(id=60301 + n, name=name, city=city, country=country, time_zone=zone)
        for n, (name, city, country, zone) in enumerate(places)
    }
    names = (
        "Engineering",
        "Finance",
        "People & Culture",
        "Sales",
        "Vertrieb Süd",
        "Operations",
        "Care",
        "Legal",
    )
    departments = [OrgUnit(id=401 + n, type="department", name=name, abbreviation=name[:3].upper())
                   for n, name in enumerate(names)]  # fmt: skip
    departments[4].parent_id = departments[3].id
    teams = [
        OrgUnit(id=4501 + n, type="team", name=f"{d.name} {side}", parent_id=d.id, description=None)
        for n, (d, side) in enumerate((d, side) for d in departments for side in ("A", "B", "Ω"))
    ]
    company.org_units = {unit.id: unit for unit in departments + teams}
    company.cost_centers = {1000 + n * 10: CostCenter(id=1000 + n * 10, name=f"CC {1000 + n * 10} / {names[n % 8]}")
                            for n in range(12)}  # fmt: skip
    company.holiday_calendars = {
        1: HolidayCalendar(id=1, name="DE (Berlin) Feiertage", country="DE", state="BE"),
        2: HolidayCalendar(id=2, name="UK holidays", country="GB", state=None),
        3: HolidayCalendar(id=3, name="No holidays", country=None, state=None),
    }
    full, part = ("08:00",) * 5 + ("00:00",) * 2, ("05:00",) * 4 + ("00:00",) * 3
    company.work_schedules = {
        s.id: s
        for s in (
            WorkSchedule(id=2**53 + 1, name="Full time, 40 hours", valid_from=None, hours=full),
            WorkSchedule(
                id=1067807102794692001, name="Part time, 20 hours", valid_from=start.date(), hours=part
            ),
            WorkSchedule(id=17, name="Trust-based", valid_from=start.date(), hours=("00:00",) * 7),
        )
    }
    company.absence_types = {
        1501 + n: AbsenceType(id=1501 + n, id_v2=uuid(TYPE, 1501 + n), name=name, category=category,
                              unit="day" if unit == "day" else "hour", approval_required=rng.random() < 0.6)
        for n, (name, category, unit, _) in enumerate(_ABSENCE_TYPES)
    }  # fmt: skip


def _generate_people(company: Views, rng: random.Random) -> None:
    units = company.org_units.values()
    company.hiring = Hiring(
        rng, company.now(), company.zone, company.attributes,
        list(company.legal_entities.values()), list(company.offices.values()),
        [u for u in units if u.type == "department"], [u for u in units if u.type == "team"],
        list(company.cost_centers), list(company.holiday_calendars), list(company.work_schedules), BALANCE_TYPES[:2],
        hostile=company.options.hostile, realistic=company.options.realistic,
    )  # fmt: skip
    bosses: list[int] = []
    for number in range(company.options.employees):
        employee = company.hiring.hire(number, FIRST_EMPLOYEE + number, bosses)
        company.employees[employee.id] = employee
        if number % 8 == 0:
            bosses.append(employee.id)


def _generate_absences(company: Views, rng: random.Random) -> None:
    options, now = company.options, company.now()
    today, reach = company.today(), max(1, options.years * 365)
    ids = list(company.employees)
    if not ids:
        return
    day_types = [(1501 + n, weight) for n, (_, _, unit, weight) in enumerate(_ABSENCE_TYPES) if unit == "day"]
    hour_types = [1501 + n for n, (_, _, unit, _) in enumerate(_ABSENCE_TYPES) if unit == "hour"]
    total = len(ids) * options.absences_per_employee if options.absences is None else options.absences
    # Some of the latest absences are open. Many rows share one timestamp, as after a batch change.
    batch = now - dt.timedelta(days=45)
    recent = 0
    starts = sorted(rng.randrange(-reach, 180) for _ in range(total))
    types = rng.choices([t for t, _ in day_types], [w for _, w in day_types], k=total)
    for n, (offset, type_id) in enumerate(zip(starts, types, strict=True)):
        start = today + dt.timedelta(days=offset)
        length = rng.randrange(90, 400) if type_id == 1503 else rng.choice((1, 1, 1, 2, 3, 5, 7, 12, 14))
        end: dt.date | None = start + dt.timedelta(days=length - 1)
        if -60 < offset <= 0:
            recent += 1
            end = None if recent % 30 == 1 else end
        status = "approved"
        if offset > 0:
            status = rng.choice(("approved", "approved", "pending", "requested"))
        created, updated = _stamps(rng, start, now, batch)
        time_off = TimeOff(
            id=300_001 + n, id_v2=uuid(TIME_OFF, 300_001 + n), employee_id=ids[(n * 7919) % len(ids)],
            absence_type_id=type_id, status=status, start=start, end=end,
            half_day_start=rng.random() < 0.1, half_day_end=end is not None and length > 1 and rng.random() < 0.1,
            comment=rng.choice(COMMENTS) if rng.random() < 0.2 else None,
            certificate="required" if type_id == 1502 and rng.random() < 0.5 else "not-required",
            created_by=rng.choice(("API", "Ida Morkamp")), created_at=created, updated_at=updated,
        )  # fmt: skip
        company.time_offs[time_off.id] = time_off
    for n in range(len(ids) * options.hourly_absences_per_employee):
        day = today + dt.timedelta(days=rng.randrange(-reach, 90))
        begin = dt.datetime.combine(day, dt.time(rng.randrange(7, 14)), company.zone).astimezone(dt.UTC)
        minutes = rng.choice((30, 60, 90, 240, 480))
        created, updated = _stamps(rng, day, now, batch)
        updated += dt.timedelta(milliseconds=rng.randrange(1000)) if updated < now else dt.timedelta()
        open_end = n % 50 == 1
        absence = HourlyAbsence(
            id=uuid(HOURLY, n + 1), employee_id=ids[(n * 7919) % len(ids)], absence_type_id=rng.choice(hour_types),
            status="pending" if day > today else "approved", start=begin,
            end=None if open_end else begin + dt.timedelta(minutes=minutes), effective_duration=minutes,
            comment=rng.choice(COMMENTS) if rng.random() < 0.3 else "", created_by=ids[n % len(ids)],
            created_at=created, updated_at=updated, approved_at=None if day > today else updated,
        )  # fmt: skip
        company.hourly_absences[absence.id] = absence


def _stamps(
    rng: random.Random, day: dt.date, now: dt.datetime, batch: dt.datetime
) -> tuple[dt.datetime, dt.datetime]:
    """When a record for this day was created and last updated."""
    entered = dt.datetime.combine(
        day, dt.time(rng.randrange(6, 20), rng.randrange(60), rng.randrange(60)), dt.UTC
    )
    created = min(entered, now) - dt.timedelta(days=rng.randrange(1, 60))
    if created < batch and rng.random() < 0.05:
        return created, batch
    return created, min(created + dt.timedelta(seconds=rng.randrange(1, 20 * 86_400)), now)


def _generate_balances(company: Views, rng: random.Random) -> None:
    for employee_id in company.employees:
        for type_id in BALANCE_TYPES:
            left = rng.choice(
                (0, rng.randrange(40), rng.randrange(80) / 2, -rng.randrange(5), rng.randrange(1000) / 100)
            )
            planned = rng.choice((0, 1, 0.5, 5))
            company.balances[employee_id, type_id] = Balance(
                employee_id=employee_id, absence_type_id=type_id, balance=left,
                available_balance=round(left - planned, 2),
            )  # fmt: skip


def _generate_projects(company: Views, rng: random.Random) -> None:
    ids = list(company.employees)
    for n in range(24):
        created = company.founded + dt.timedelta(days=n * 60, seconds=rng.randrange(86_400))
        project = Project(
            id=2_318_301 + n, name=f"Projekt {rng.choice(('Nordwind', 'Ahorn', 'Große Fuge'))} {n}", active=n % 5 != 4,
            description=rng.choice((None, "", "Bringt's")), project_code=f"P-{n:03}" if n % 3 else None,
            client_name=rng.choice((None, "Quistfeldt & Co")), billable=rng.random() < 0.5,
            cost_center_id=rng.choice(list(company.cost_centers)) if n % 2 else None,
            parent_id=2_318_301 + n // 2 if n > 18 else None, start=created.date() if n % 3 else None,
            end=created.date() + dt.timedelta(days=500) if n % 4 == 1 else None, assigned_to_all=n % 4 != 0,
            member_ids=tuple(sorted(rng.sample(ids, min(len(ids), 5)))) if n % 4 == 0 else (),
            created_at=created, updated_at=min(created + dt.timedelta(days=rng.randrange(300)), company.now()),
        )  # fmt: skip
        company.projects[project.id] = project


def _generate_categories(company: Views, rng: random.Random) -> None:
    del rng
    names = ("Certificates of employment", "Contracts", "Payslips", "Krankmeldungen", 'Signed "NDAs"')
    company.document_categories = {
        71 + n: DocumentCategory(id=71 + n, name=name) for n, name in enumerate(names)
    }
