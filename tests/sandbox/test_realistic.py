"""The realistic company is one that HR could have; the usual one stays as the tests know it."""

import datetime as dt
from collections import Counter

import msgspec
import pytest
from personio_sandbox import Company, Options

from .conftest import NOW

TODAY = NOW.date()


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(Options(employees=200, realistic=True, now=NOW))


def employed(company: Company, day: dt.date) -> list[int]:
    return [
        each.id
        for each in company.employees.values()
        if each.attributes["hire_date"] <= day <= (each.attributes["termination_date"] or dt.date.max)
    ]


def test_days_away_are_those_of_a_year(company):
    days, people = Counter(), len(employed(company, TODAY))
    for absence in company.time_offs.values():
        for day, count in absence.days.items():
            if TODAY - dt.timedelta(days=365) < day <= TODAY:
                days[company.absence_types[absence.absence_type_id].name] += count / people
    assert 18 < days["Paid vacation"] < 30
    assert 4 < days["Krankheit (mit AU)"] < 15
    assert 0 < days["Parental leave"] < 10
    assert days["Special leave"] < 2


def test_nobody_is_away_twice_or_known_to_be_ill_tomorrow(company):
    taken = Counter(
        (absence.employee_id, day) for absence in company.time_offs.values() for day in absence.days
    )
    assert set(taken.values()) == {1}
    ahead = {
        company.absence_types[absence.absence_type_id].name
        for absence in company.time_offs.values()
        if absence.start > TODAY
    }
    assert ahead == {"Paid vacation"}
    assert all(absence.end for absence in company.time_offs.values())


def test_hours_are_worked_in_every_month_of_a_year_and_by_nobody_away(company):
    away = {
        (absence.employee_id, day)
        for absence in company.time_offs.values()
        for day in absence.days
        if company.absence_types[absence.absence_type_id].category != "offsite_work"
    }
    hours = Counter()
    for row in company.attendances.values():
        assert (row.employee_id, row.date) not in away
        worked = dt.datetime.combine(row.date, row.end) - dt.datetime.combine(row.date, row.start)
        assert dt.timedelta(hours=2) < worked < dt.timedelta(hours=12)
        hours[row.date.replace(day=1)] += worked / dt.timedelta(hours=1)
    assert len(hours) == 13
    assert hours.pop(TODAY.replace(day=1)) > 0
    assert min(hours.values()) > max(hours.values()) / 2


def test_no_label_is_there_to_break_code(company):
    labels = [attribute.label for attribute in company.attributes.values()]
    assert len(set(labels)) == len(labels)
    names = [
        row.name
        for table in (
            "legal_entities",
            "document_categories",
            "compensation_types",
            "reports",
            "recruiting_jobs",
        )
        for row in company.rows(table).values()
    ]
    assert all(text and not set(text) & set('"<>\\\n;🚀') for text in labels + names)


def test_it_is_the_same_each_time():
    def content() -> bytes:
        company = Company(Options(employees=20, realistic=True, now=NOW))
        return msgspec.json.encode([list(company.rows(name).values()) for name in company.tables])

    assert content() == content()
