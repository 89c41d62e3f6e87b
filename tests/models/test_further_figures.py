"""The figures of pay, recruiting, absence today and hours against contracts are those of the company itself."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from pair import Pair

from .conftest import TODAY, V1, V2, rows, same
from .test_figures import company, month

__all__ = ["company"]
pytestmark = pytest.mark.full
OFFSITE = "offsite_work"


def is_employed(pair: Pair, employee_id: int) -> bool:
    a = pair.sandbox.company.employees[employee_id].attributes
    return bool(a["hire_date"] <= TODAY <= (a["termination_date"] or dt.date.max))


def absences_by_day(pair: Pair) -> Counter[Any]:
    """Approved days and hours by employee, day and unit, without work from elsewhere."""
    truth, found = pair.sandbox.company, Counter[Any]()
    for each in truth.time_offs.values():
        if each.status == "approved" and truth.absence_types[each.absence_type_id].category != OFFSITE:
            found.update({(each.employee_id, day, "days"): count for day, count in each.days.items()})
    for hourly in truth.hourly_absences.values():
        if hourly.status == "approved":
            day = hourly.start.astimezone(truth.zone).date()
            found[hourly.employee_id, day, "hours"] += hourly.effective_duration / 60
    return found


@pytest.mark.parametrize("days", [0, 400])
def test_pay_is_known_as_of_a_day(company: Pair, days: int) -> None:
    truth, day = company.sandbox.company, TODAY - dt.timedelta(days=days)
    expected = {
        (each.employee_id, truth.compensation_types[each.type_id].name): each.amount
        for each in truth.compensations.values()
        if each.effective_from <= day <= (each.effective_to or dt.date.max)
    }
    if company.streams == V1:  # which knows the salary of today, and not since when
        expected = {
            (each.id, "salary"): each.attributes["fix_salary"]
            for each in truth.employees.values()
            if day <= (each.attributes["termination_date"] or dt.date.max)
        }
    found = rows(
        company.database,
        f"""
        SELECT employee_id, pay_type, amount FROM hr.pay
        WHERE (valid_from <= '{day}' OR valid_from IS NULL) AND (valid_to > '{day}' OR valid_to IS NULL)
        """,
    )
    same(found, expected)
    if day == TODAY:
        same(
            rows(company.database, "SELECT employee_id, pay_type, amount FROM hr.pay WHERE is_current"),
            expected,
        )


def test_a_salary_counts_for_a_year_and_for_full_time(company: Pair) -> None:
    people = company.sandbox.company.employees.values()
    expected = {
        (each.id,): each.attributes["fix_salary"] * 12 * 40 / float(each.attributes["weekly_working_hours"])
        for each in people
        if each.attributes["fix_salary"] and is_employed(company, each.id) and company.streams != V1
    }
    query = """
        SELECT employee_id, full_time_amount_per_year FROM hr.pay
        WHERE is_current AND category = 'fixed_salary' AND full_time_amount_per_year IS NOT NULL
    """
    found = {row[:1]: row[1] for row in rows(company.database, query)}
    assert {key: found[key] for key in found if is_employed(company, key[0])} == pytest.approx(
        expected, abs=0.01
    )


def test_the_time_from_application_to_hire_is_known(company: Pair) -> None:
    outcomes = {"accepted": "hired", "rejected": "rejected"}
    expected = set()
    for each in company.sandbox.company.applications.values():
        stage, entered = each.transitions[-1]
        outcome = outcomes.get(stage.kind, "open")
        days = (entered.date() - each.application_date).days if outcome == "hired" else None
        expected.add((each.id, stage.name, outcome, entered.date() if outcome == "hired" else None, days))
    found = rows(
        company.database, "SELECT application_id, stage, outcome, hired_on, days_to_hire FROM hr.applications"
    )
    assert set(found) == (set() if company.streams == V1 else expected)
    assert {row[2] for row in expected} == {"open", "hired", "rejected"}


def test_who_is_absent_today_stands_there_once(company: Pair) -> None:
    expected = {
        employee: amount
        for (employee, day, unit), amount in absences_by_day(company).items()
        if day == TODAY and unit == "days" and is_employed(company, employee)
    }
    found = rows(company.database, "SELECT employee_id, days FROM hr.absent_today WHERE days > 0")
    assert dict(found) == expected
    assert len(found) == len(expected) > 3


def test_absences_that_cover_today_are_those_of_today(company: Pair) -> None:
    by_dates = rows(
        company.database,
        f"""
        SELECT count(DISTINCT employee_id) FROM hr.absences JOIN hr.employees USING (employee_id)
        WHERE '{TODAY}' BETWEEN start_date AND coalesce(end_date, '{TODAY}') AND approval = 'approved'
            AND category IS DISTINCT FROM 'offsite_work' AND is_employed
        """,
    )
    assert by_dates == rows(company.database, "SELECT count(*) FROM hr.absent_today")


def test_overtime_is_what_was_worked_beyond_the_contract(company: Pair) -> None:
    truth, worked, absent = company.sandbox.company, Counter[Any](), absences_by_day(company)
    for period in truth.attendance_periods.values():
        if period.type == "WORK" and period.end and period.status != "rejected":
            if period.id in truth.shifts and company.streams == V1:
                continue
            hours = (period.end - period.start) / dt.timedelta(hours=1)
            worked[period.employee_id, month(period.attribution_date)] += hours * (
                period.status == "confirmed"
            )
    expected = Counter[Any](worked)
    for employee, first in {key[0]: min(m for e, m in worked if e == key[0]) for key in worked}.items():
        a = truth.employees[employee].attributes
        fifth = float(a["weekly_working_hours"]) / 5
        last = min(a["termination_date"] or TODAY, TODAY)
        for number in range(max(first, a["hire_date"]).toordinal(), last.toordinal() + 1):
            day = dt.date.fromordinal(number)
            expected[employee, month(day)] += (
                absent[employee, day, "days"] * fifth + absent[employee, day, "hours"]
            )
            expected[employee, month(day)] -= fifth * (day.weekday() < 5)
    found = rows(company.database, "SELECT employee_id, month, overtime_hours FROM hr.working_time_by_month")
    assert {row[:2]: row[2] for row in found} == pytest.approx(dict(expected), abs=0.01)


def test_a_work_schedule_is_in_columns(company: Pair) -> None:
    truth = company.sandbox.company
    expected = {}
    for each in truth.employees.values():
        schedule = truth.work_schedules[each.attributes["work_schedule"]]
        hours = [int(text[:2]) + int(text[3:]) / 60 for text in schedule.hours]
        expected[each.id] = (schedule.name, schedule.valid_from, *hours, sum(hours))
    found = rows(company.database, "SELECT * FROM hr.work_schedules")
    assert {row[0]: row[1:] for row in found} == ({} if company.streams == V2 else expected)
