"""The models' figures are those that the company itself comes to, computed from its records by other code.

They are the same whichever version of the API the company was loaded through.
"""

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pair import Pair

from .conftest import TODAY, V1, V2, Build, rows, same

pytestmark = pytest.mark.full


@pytest.fixture(scope="module", params=[V1 + V2, V1, V2], ids=["both", "v1", "v2"])
def company(request: pytest.FixtureRequest, loaded: Callable[..., Pair]) -> Pair:
    """The company, loaded through these versions of the API."""
    return loaded(request.param)


def month(day: dt.date) -> dt.date:
    return day.replace(day=1)


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


def test_employees_have_what_the_company_knows(company: Pair) -> None:
    truth = company.sandbox.company
    names = {None: None} | {key: row.name for key, row in [*truth.org_units.items(), *truth.offices.items()]}
    entities = {None: None} | {key: row.name for key, row in truth.legal_entities.items()}
    expected = set()
    for each in truth.employees.values():
        a = each.attributes
        expected.add((
            each.id, f"{a['first_name']} {a['last_name']}", a["email"], a["status"], a["position"] or None,
            a["employment_type"], float(a["weekly_working_hours"]),
            a["department"], names[a["department"]], a["team"], names[a["team"]], a["office"], names[a["office"]],
            a["subcompany"], entities[a["subcompany"]], a["supervisor"],
            a["hire_date"] <= TODAY <= (a["termination_date"] or dt.date.max),
            a["hire_date"], a["termination_date"], a["last_working_day"], a["termination_type"] or None,
            *((a["fix_salary"], each.currency, "monthly") if a["fix_salary"] else (None, None, None)),
        ))  # fmt: skip
    found = rows(
        company.database,
        """
        SELECT employee_id, name, email, status, position, employment_type, weekly_hours,
            department_id, department_name, team_id, team_name, office_id, office_name,
            legal_entity_id, legal_entity_name, supervisor_id,
            is_employed, hire_date, leave_date, last_working_day, termination_type,
            salary, salary_currency, salary_interval
        FROM hr.employees
        """,
    )
    assert set(found) == expected
    assert len(found) == len(expected)


def test_cost_centers_have_their_names_and_shares(company: Pair) -> None:
    truth = company.sandbox.company
    expected = {
        (each.id, str(number), truth.cost_centers[number].name): share
        for each in truth.employees.values()
        for number, share in each.attributes["cost_centers"]
    }
    same(rows(company.database, "SELECT * FROM hr.employee_cost_centers"), expected)


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
                days[month(day), each.employee_id, truth.absence_types[each.absence_type_id].id_v2] += count
    for hourly in truth.hourly_absences.values():
        if (hourly.status == "approved") is approved:
            start = hourly.start.astimezone(truth.zone).date()
            kind = truth.absence_types[hourly.absence_type_id].id_v2
            hours[month(start), hourly.employee_id, kind] += hourly.effective_duration / 60
    for column, expected in (("days", days), ("hours", hours)):
        name = column if approved else f"pending_{column}"
        query = f"SELECT month, employee_id, absence_type_id, {name} FROM hr.absence_days_by_month"
        same(rows(company.database, query), expected)


@pytest.mark.parametrize("status", ["confirmed", "pending"])
def test_hours_are_what_was_worked_without_breaks(company: Pair, status: str) -> None:
    truth, hours, breaks = company.sandbox.company, Counter[Any](), Counter[Any]()
    # API v1 has no shifts over midnight.
    left_out = truth.shifts.keys() if company.streams == V1 else ()
    for period in truth.attendance_periods.values():
        if period.end and period.id not in left_out:
            key = month(period.attribution_date), period.employee_id, period.project_id
            length = (period.end - period.start) / dt.timedelta(hours=1)
            if period.type == "WORK":
                hours[key] += length * (period.status == status)
            else:
                breaks[key] += length * (period.status != "rejected")
    column = "hours" if status == "confirmed" else "pending_hours"
    for name, expected in ((column, hours), ("break_hours", breaks)):
        query = f"SELECT month, employee_id, project_id, {name} FROM hr.hours_by_month"
        same(rows(company.database, query), expected)


def test_balances_are_personios(company: Pair) -> None:
    truth = company.sandbox.company
    found = rows(
        company.database,
        "SELECT employee_id, absence_type_id, balance, available_balance, planned FROM hr.balances",
    )
    expected = {
        (each.employee_id, truth.absence_types[each.absence_type_id].id_v2): (
            each.balance,
            each.available_balance,
        )
        for each in truth.balances.values()
        if company.streams != V2  # which API v2 does not have
    }
    assert {row[:2]: row[2:4] for row in found} == expected
    assert all(row[4] == pytest.approx(row[2] - row[3]) for row in found)


def test_the_age_of_every_table_is_known(company: Pair) -> None:
    found = rows(
        company.database,
        "SELECT table_name, row_count FROM hr.loaded_tables WHERE loaded_at >= read_whole_at",
    )
    assert dict(found) == {
        table: rows(company.database, f"SELECT count(*) FROM main.{table}")[0][0] for table in company.tables()
        if table in dict(found)
    }  # fmt: skip
    assert dict(found).keys() == company.tables() & set(V1 + V2)


def test_a_table_of_api_v1_that_is_not_loaded_any_more_counts_no_more(
    loaded: Callable[..., Pair], build: Build, tmp_path: Path
) -> None:
    database = tmp_path / "warehouse.duckdb"
    shutil.copy(loaded(V1 + V2).database, database)
    v1 = ", ".join(f"'{name}'" for name in V1)
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"UPDATE _singer.loads SET committed_at = committed_at - INTERVAL 4 DAY WHERE table_name IN ({v1});"
            "UPDATE main.persons SET last_name = 'Renamed' WHERE id = '1001';"
            "DELETE FROM main.persons WHERE id = '1002'; DELETE FROM main.employments WHERE person_id = '1002';"
            "DELETE FROM main.absence_periods WHERE person_id = '1003';"
            "DELETE FROM main.attendance_periods WHERE person_id = '1003'"
        )
    build(database, select="+employees +absences +attendance")
    query = """
        SELECT count(*) FILTER (employee_id = 1001 AND name LIKE '% Renamed'), count(*) FILTER (employee_id = 1002),
            (SELECT count(*) FROM hr.absences WHERE employee_id = 1003),
            (SELECT count(*) FROM hr.attendance WHERE employee_id = 1003)
        FROM hr.employees
    """
    assert rows(database, query) == [(1, 0, 0, 0)]
