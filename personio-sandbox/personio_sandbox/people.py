"""Generate the employees of the company."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import TYPE_CHECKING, Any

from .model import EMPLOYMENT, Attribute, Employee, LegalEntity, Office, OrgUnit, uuid

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

FIRST_NAMES = (
    "Anna", "Björn", "Chloé", "Dmitri", "Elif", "Finn", "Greta", "Hüseyin", "Ida", "Jörg", "Kasia", "Liam",
    "Malin", "Noor", "Oskar", "Paula", "Quentin", "Renée", "Søren", "Tuğba", "Ulrike", "Viktor", "Wanda",
    "Xaver", "Yara", "Zoë",
)  # fmt: skip
NAME_STARTS = (
    "Linden", "Mor", "Eber", "Hohen", "Silber", "Wald", "Kessel", "Brom", "Ahorn", "Füchs", "Rüben", "Stein",
    "Thal", "Vogel", "Winter", "Quell", "O'Dran", "de la Nor", "Jürß", "Zieg",
)  # fmt: skip
NAME_ENDS = (
    "kamp",
    "haus",
    "brink",
    "quist",
    "mann-Orth",
    "wick",
    "feldt",
    "grün",
    "loh",
    "stett",
    "tal",
    "ø",
)
POSITIONS = (
    "Software Engineer", "Accountant", "Nurse", "Sales Manager", "Werkstudent:in", "Team Lead", "Recruiter",
    "Head of Operations", "Data Analyst", "Customer Support", "Geschäftsführer:in",
)  # fmt: skip
HOSTILE_TEXTS = (
    'He said "hello", then left', "Zeile eins\nZeile zwei\r\nZeile drei", "back\\slash \\n \\N", "NULL", "N/A",
    "null",
    "  leading and trailing  ", "tab\there", "semi;colon,comma|pipe", "🎉 👨\u200d👩\u200d👧", "line\u2028separator",
    "'; DROP TABLE employees; --", "=HYPERLINK(\"x\")", "{\"json\": [1, 2]}", "[]", "0012", "1e5", "true", "-",
    "Ünïcödé ẞ ǅ", "مرحبا", "\ufeffbom", "2024-02-30", "%s {0} $1",
)  # fmt: skip
# Of a realistic company; the others have departments of about the same size.
DEPARTMENT_SIZES = (16, 5, 4, 12, 7, 14, 9, 2)


def plain(name: str) -> str:
    """A name in ASCII letters, for mail addresses."""
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o"))
    return "".join(c for c in folded.lower() if c.isascii() and c.isalnum())


class Hiring:
    """Generates employees one after the other; the same seed gives the same employees."""

    def __init__(  # noqa: PLR0917  the tables that an employee refers to
        self,
        rng: random.Random,
        now: dt.datetime,
        zone: ZoneInfo,
        attributes: Mapping[str, Attribute],
        legal_entities: Sequence[LegalEntity],
        offices: Sequence[Office],
        departments: Sequence[OrgUnit],
        teams: Sequence[OrgUnit],
        cost_center_ids: Sequence[int],
        calendar_ids: Sequence[int],
        schedule_ids: Sequence[int],
        entitled_type_ids: Sequence[int],
        *,
        hostile: bool,
        realistic: bool,
    ) -> None:
        self.rng, self.now, self.zone, self.attributes = rng, now, zone, attributes
        self.legal_entities, self.offices, self.departments, self.teams = (
            legal_entities,
            offices,
            departments,
            teams,
        )
        self.cost_center_ids, self.calendar_ids, self.schedule_ids = (
            cost_center_ids,
            calendar_ids,
            schedule_ids,
        )
        self.entitled_type_ids, self.hostile = entitled_type_ids, hostile
        self.realistic = realistic
        self.today = now.astimezone(zone).date()

    def hire(self, number: int, employee_id: int, bosses: Sequence[int]) -> Employee:
        """The next employee; ``bosses`` are the ids to choose a supervisor from."""
        rng = self.rng
        weights = (72, 20, 4, 4) if self.realistic else (80, 12, 4, 4)
        hired = self.today - dt.timedelta(days=rng.randrange(1, 12 * 365))
        status = (
            rng.choices(("active", "inactive", "onboarding", "leave"), weights)[0] if number else "active"
        )
        ended: dt.date | None = None
        if status == "onboarding":
            hired = self.today + dt.timedelta(days=rng.randrange(1, 90))
        elif status == "inactive":
            ended = hired + dt.timedelta(days=rng.randrange(0, max(1, (self.today - hired).days)))
            if self.realistic:
                # About as many in each year.
                ended = self.today - dt.timedelta(days=rng.randrange(1, 6 * 365))
                hired = ended - dt.timedelta(days=rng.randrange(200, 6 * 365))
        entered = dt.datetime.combine(
            min(hired, self.today), dt.time(rng.randrange(6, 18), rng.randrange(60)), dt.UTC
        )
        entered = min(entered - dt.timedelta(days=rng.randrange(30), seconds=rng.randrange(60)), self.now)
        # Every fifth employee shares a timestamp with others, as after a batch change.
        if rng.random() < 0.2:
            changed = self.now - dt.timedelta(days=40 * rng.randrange(1, 4))
        else:
            changed = self.now - dt.timedelta(seconds=rng.randrange(3600, 3 * 365 * 86_400))
        changed = max(changed, entered)
        earlier = max(entered, changed - dt.timedelta(days=rng.randrange(60)))
        person_updated, employment_updated = (changed, earlier) if rng.random() < 0.5 else (earlier, changed)

        first, last = rng.choice(FIRST_NAMES), rng.choice(NAME_STARTS) + rng.choice(NAME_ENDS)
        office = rng.choice(self.offices)
        department = rng.choice(self.departments)
        if self.realistic:
            department = rng.choices(self.departments, DEPARTMENT_SIZES)[0]
        team = rng.choice([t for t in self.teams if t.parent_id == department.id])
        hourly = status != "inactive" and number > 3 and rng.random() < 0.1
        # The first salary is a whole number, some later ones are not: a schema inferred from one row is wrong.
        salary: int | float = rng.randrange(2400, 9000)
        if number and rng.random() < 0.5:
            salary = round(salary + rng.randrange(1, 100) / 100, 2)
        centers: tuple[tuple[int, int | float], ...] = ()
        if rng.random() < 0.9:
            chosen = rng.sample(self.cost_center_ids, 2)
            share = rng.choice((100, 50, 33.3, 62.5))
            centers = (
                ((chosen[0], share), (chosen[1], round(100 - share, 1)))
                if share < 100
                else ((chosen[0], 100),)
            )
        values: dict[str, Any] = {
            "id": employee_id,
            "first_name": first,
            "last_name": last,
            "preferred_name": first if rng.random() < 0.7 else "",
            "email": f"{plain(first)}.{plain(last)}.{employee_id}@example.com",
            "gender": rng.choice(("male", "female", "diverse", "")),
            "status": status,
            "position": rng.choice(POSITIONS) if rng.random() < 0.95 else "",
            "supervisor": rng.choice(bosses) if bosses else None,
            "employment_type": "external" if rng.random() < 0.08 else "internal",
            "weekly_working_hours": rng.choice(("40", "40", "38.5", "20", "32")),
            "hire_date": hired,
            "contract_end_date": hired + dt.timedelta(days=730) if rng.random() < 0.1 else None,
            "termination_date": ended,
            "termination_type": rng.choice(("employee", "fired", "contract-expired")) if ended else "",
            "termination_reason": rng.choice(("Moved abroad", 'New "challenge"', "")) if ended else "",
            "probation_period_end": hired + dt.timedelta(days=182) if rng.random() < 0.8 else None,
            "last_working_day": ended - dt.timedelta(days=min(14, (ended - hired).days)) if ended else None,
            "created_at": entered,
            "last_modified_at": max(person_updated, employment_updated),
            "subcompany": rng.choice(self.legal_entities).id if rng.random() < 0.97 else None,
            "office": office.id if rng.random() < 0.97 else None,
            "department": department.id if number % 50 != 49 else None,
            "team": team.id if rng.random() < 0.8 else None,
            "cost_centers": centers,
            "holiday_calendar": rng.choice(self.calendar_ids),
            "absence_entitlement": tuple(
                (type_id, rng.choice((30, 28, 27.5, 0))) for type_id in self.entitled_type_ids
            ),
            "work_schedule": rng.choice(self.schedule_ids),
            "fix_salary": 0 if hourly else salary,
            "fix_salary_interval": "" if hourly else "monthly",
            "hourly_salary": round(rng.randrange(1300, 4500) / 100, 2) if hourly else 0,
            "profile_picture": None,
        }
        for attribute in self.attributes.values():
            if attribute.custom:
                values[attribute.key] = self._custom(attribute, number)
        return Employee(
            id=employee_id,
            attributes=values,
            currency="GBP" if office.country == "GB" else "EUR",
            person_updated_at=person_updated,
            employment_id=uuid(EMPLOYMENT, employee_id),
            employment_updated_at=employment_updated,
        )

    def _custom(self, attribute: Attribute, number: int) -> Any:  # noqa: PLR0911, PLR0912  one line per kind
        rng = self.rng
        empty = rng.random() < 0.3
        if attribute.universal_id == "date_of_birth":
            return dt.date(1958, 1, 1) + dt.timedelta(days=rng.randrange(45 * 365))
        if attribute.universal_id == "iban":
            return "" if empty else f"DE{rng.randrange(10, 99)}{rng.randrange(10**17, 10**18)}"
        match attribute.kind:
            case "integer":
                if empty:
                    return None
                return 2**53 + 2 * rng.randrange(10**15) + 1 if rng.random() < 0.5 else rng.randrange(1, 9999)
            case "decimal":
                if number == 0:
                    return 12
                return None if empty else rng.choice((rng.randrange(500), rng.randrange(1, 10**6) / 100))
            case "day":
                return None if empty else self.today + dt.timedelta(days=rng.randrange(-3000, 900))
            case "list":
                return "" if empty else rng.choice(attribute.options)
            case "tags":
                return () if empty else tuple(t for t in attribute.options if rng.random() < 0.5)
        if attribute.type == "link":
            return "" if empty else f"https://example.com/people/{number}?a=1&b=%20#top"
        if empty:
            return ""
        if "dynamic_" in attribute.key and attribute.label == "Email":
            return f"private.{number}@example.com"
        if not self.hostile:
            return f"{attribute.label} of {number}"
        return HOSTILE_TEXTS[(number + len(attribute.label)) % len(HOSTILE_TEXTS)]
