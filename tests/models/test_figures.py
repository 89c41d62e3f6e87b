"""The models' figures are those that the company itself comes to, computed from its records by other code."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from pair import Pair

from .conftest import TODAY, rows

pytestmark = pytest.mark.full


def month(day: dt.date) -> dt.date:
    return day.replace(day=1)


def same(found: list[tuple[Any, ...]], expected: dict[Any, float]) -> None:
    """Key columns and a figure; figures of 0 need no row."""
    figures = {tuple(row[:-1]): row[-1] for row in found}
    assert len(figures) == len(found)
    keys = {key for key, value in expected.items() if abs(value) > 1e-9}
    assert {key for key, value in figures.items() if abs(value) > 1e-9} == keys
    assert figures == pytest.approx({key: expected.get(key, 0) for key in figures})


def test_every_day_counts_who_is_employed_on_it(company: Pair) -> None:
    people = company.sandbox.company.employees.values()
    expected: Counter[Any] = Counter()
    for each in people:
        a = each.attributes
        for day in range(
            a["hire_date"].toordinal(), min(a["termination_date"] or TODAY, TODAY).toordinal() + 1
        ):
            expected[dt.date.fromordinal(day), a["department"], a["office"]] += 1
    same(
        rows(company.database, "SELECT date, department_id, office_id, headcount FROM hr.headcount_by_day"),
        expected,
    )


def test_employees_are_employed_from_their_first_to_their_last_day(company: Pair) -> None:
    people = company.sandbox.company.employees.values()
    found = rows(
        company.database,
        "SELECT employee_id, supervisor_id, weekly_hours FROM hr.employees WHERE is_employed",
    )
    expected = {
        (each.id, each.attributes["supervisor"], float(each.attributes["weekly_working_hours"]))
        for each in people
        if each.attributes["hire_date"] <= TODAY <= (each.attributes["termination_date"] or dt.date.max)
    }
    assert set(found) == expected


def test_joiners_and_leavers_stand_in_the_month_of_their_day(company: Pair) -> None:
    people = company.sandbox.company.employees.values()
    for column, attribute in (("joiners", "hire_date"), ("leavers", "termination_date")):
        days = [(each.attributes[attribute], each.attributes["department"]) for each in people]
        expected = Counter((month(day), department) for day, department in days if day)
        query = f"SELECT month, department_id, sum({column})::INT FROM hr.joiners_and_leavers GROUP BY ALL"
        same(rows(company.database, query), expected)


def test_absences_of_both_api_versions_count_once(company: Pair) -> None:
    truth = company.sandbox.company
    found = rows(company.database, "SELECT absence_id, days, hours FROM hr.absences")
    expected = {(each.id_v2, each.days_count, None) for each in truth.time_offs.values()}
    expected |= {(each.id, None, each.effective_duration / 60) for each in truth.hourly_absences.values()}
    assert set(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("approved", [True, False])
def test_absence_days_stand_in_the_month_they_are_taken_in(company: Pair, approved: bool) -> None:
    truth, days, hours = company.sandbox.company, Counter[Any](), Counter[Any]()
    for each in truth.time_offs.values():
        if (each.status == "approved") is approved:
            for day, count in each.days.items():
                days[month(day), each.employee_id, str(each.absence_type_id)] += count
    for hourly in truth.hourly_absences.values():
        if (hourly.status == "approved") is approved:
            start = hourly.start.astimezone(truth.zone).date()
            hours[month(start), hourly.employee_id, str(hourly.absence_type_id)] += (
                hourly.effective_duration / 60
            )
    for column, expected in (("days", days), ("hours", hours)):
        name = column if approved else f"pending_{column}"
        query = f"SELECT month, employee_id, absence_type_id, {name} FROM hr.absence_days_by_month"
        same(rows(company.database, query), expected)


@pytest.mark.parametrize("status", ["confirmed", "pending"])
def test_hours_are_what_was_worked_without_breaks(company: Pair, status: str) -> None:
    truth, expected = company.sandbox.company, Counter[Any]()
    for period in truth.attendance_periods.values():
        if period.type == "WORK" and period.end and period.status == status:
            hours = (period.end - period.start) / dt.timedelta(hours=1)
            expected[month(period.attribution_date), period.employee_id, period.project_id] += hours
    column = "hours" if status == "confirmed" else "pending_hours"
    query = f"SELECT month, employee_id, project_id, {column} FROM hr.hours_by_month"
    same(rows(company.database, query), expected)


def test_balances_are_personios(company: Pair) -> None:
    found = rows(
        company.database,
        "SELECT employee_id, absence_type_id, balance, available_balance, planned FROM hr.balances",
    )
    expected = {
        (each.employee_id, str(each.absence_type_id)): (each.balance, each.available_balance)
        for each in company.sandbox.company.balances.values()
    }
    assert {row[:2]: row[2:4] for row in found} == expected
    assert all(row[4] == pytest.approx(row[2] - row[3]) for row in found)


def test_the_age_of_every_table_is_known(company: Pair) -> None:
    found = rows(
        company.database, "SELECT table_name, row_count FROM hr.loaded_tables WHERE read_whole_at IS NOT NULL"
    )
    assert dict(found) == {
        table: rows(company.database, f"SELECT count(*) FROM main.{table}")[0][0] for table in company.tables()
        if table in dict(found)
    }  # fmt: skip
    assert {"employees", "absences", "attendance_periods"} <= dict(found).keys()
