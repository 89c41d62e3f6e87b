"""Nothing on the page is about a few people, and no difference of two of its figures either."""

import csv
import datetime as dt
import random
from pathlib import Path
from typing import Any

import duckdb
import page_attack
import pytest
from personio_report import figures, page, suppression
from personio_report.figures import read

TODAY = dt.date(2026, 6, 15)
TABLES = """
CREATE SCHEMA hr;
CREATE TABLE hr.employees (employee_id BIGINT, department_name VARCHAR, weekly_hours DOUBLE, hire_date DATE,
    leave_date DATE, is_employed BOOLEAN, tenure_years DOUBLE);
CREATE TABLE hr.absences (absence_id VARCHAR, employee_id BIGINT, absence_type_name VARCHAR, category VARCHAR,
    approval VARCHAR);
CREATE TABLE hr.absence_days (absence_id VARCHAR, date DATE, employee_id BIGINT, days DOUBLE, hours DOUBLE);
CREATE TABLE hr.hours_by_month (month DATE, employee_id BIGINT, hours DOUBLE, pending_hours DOUBLE);
CREATE TABLE hr.balances (employee_id BIGINT, absence_type_name VARCHAR, unit VARCHAR, available_balance DOUBLE,
    planned DOUBLE);
CREATE TABLE hr.loaded_tables (table_name VARCHAR, row_count BIGINT, loaded_at TIMESTAMPTZ,
    read_whole_at TIMESTAMPTZ);
"""
COUNTED = """
CREATE TABLE hr.headcount_by_day AS
    SELECT date::DATE AS date, department_name, count(*) AS headcount, sum(weekly_hours) AS weekly_hours
    FROM generate_series(DATE '2019-01-01', $today, INTERVAL 1 DAY) AS days(date)
    JOIN hr.employees ON date BETWEEN hire_date AND coalesce(leave_date, $today)
    GROUP BY ALL;
CREATE TABLE hr.joiners_and_leavers AS
    SELECT date_trunc('month', date)::DATE AS month, sum(joiners)::BIGINT AS joiners, sum(leavers)::BIGINT AS leavers
    FROM (
        SELECT hire_date AS date, 1 AS joiners, 0 AS leavers FROM hr.employees
        UNION ALL SELECT leave_date, 0, 1 FROM hr.employees WHERE leave_date IS NOT NULL
    ) GROUP BY ALL;
INSERT INTO hr.loaded_tables SELECT 'employees', count(*), now(), now() FROM hr.employees;
"""
KINDS = (
    ("Vacation", "paid_vacation"), ("Illness", "sick_leave"), ("Doctor", "sick_leave"), ("Parental", "parental"),
    ("Special", None), ("Course", None), ("Move", None), ("Jury", None), ("Home office", "offsite_work"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library takes seconds to bundle and has no figures."""
    monkeypatch.setattr(page, "_library", str)


def company(database: Path, size: int, seed: int) -> None:
    """Models of an invented company: few in some months, and the same for months in others."""
    rng = random.Random(seed)
    people, absences, days, hours, balances = [], [], [], [], []
    for person in range(1, size + 1):
        hired = TODAY - dt.timedelta(days=rng.randrange(-60, 2200))
        left = hired + dt.timedelta(days=rng.randrange(900)) if rng.random() < 0.25 else None
        employed = hired <= TODAY and (left is None or left >= TODAY)
        people.append((person, rng.choice("ABCDE") if size > 9 else "A", rng.choice((40, 20)), hired, left, employed,
                       max(0, (TODAY - hired).days) / 365.25))  # fmt: skip
        for kind, unit in (("Vacation", "day"), ("Overtime", "hour")):
            balances.append((person, kind, unit, rng.randrange(20), 2.5 if rng.random() < 8 / size else 0))
        for month in range(19):
            first = (TODAY.replace(day=1) - dt.timedelta(days=30 * month)).replace(day=1)
            if employed and hired <= first:
                hours.append((first, person, rng.choice((160, 160, 152)), rng.choice((0, 0, 0, 8))))
            for number, (kind, category) in enumerate(KINDS):
                parental = person % 6 == 0 and month > person % 18
                if not (parental if kind == "Parental" else rng.random() < 0.5 / (number + 1)):
                    continue
                name = f"{person}-{month}-{kind}"
                absences.append((name, person, kind, category, rng.choice(("approved", "approved", "pending"))
                                 if kind != "Parental" else "approved"))  # fmt: skip
                amount = 20 if kind == "Parental" else rng.choice((0.5, 1, 1, 2))
                day = first + dt.timedelta(days=rng.randrange(20))
                days.append(
                    (name, day, person, amount, None) if kind != "Doctor" else (name, day, person, None, 2)
                )
    with duckdb.connect(str(database)) as connection:
        connection.execute(TABLES)
        for table, rows in (
            ("employees", people), ("absences", absences), ("absence_days", days), ("hours_by_month", hours),
            ("balances", balances),
        ):  # fmt: skip
            # Far faster than executemany.
            with (file := database.with_suffix(".csv")).open("w") as out:
                csv.writer(out).writerows(rows)
            connection.execute(f"COPY hr.{table} FROM '{file}' (HEADER false)")
        for statement in COUNTED.split(";\n"):
            if statement.strip():
                connection.execute(statement.replace("$today", f"DATE '{TODAY}'"))


def attacked(database: Path, minimum: int = 5) -> list[str]:
    text = page.render(read(str(database), minimum=minimum))
    return page_attack.attack(database, text, minimum, TODAY)


@pytest.mark.parametrize("size", [3, 6, 8, 12, 17, 25, 40, 120, 300])
def test_no_difference_of_two_figures_is_about_a_few_people(size: int, tmp_path: Path) -> None:
    for seed in range(2):
        database = tmp_path / f"{seed}.duckdb"
        company(database, size, seed)
        assert attacked(database) == []


def test_a_larger_group_can_be_asked_for(tmp_path: Path) -> None:
    company(tmp_path / "company.duckdb", 80, 1)
    assert attacked(tmp_path / "company.duckdb", 10) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MACROS", "CREATE TEMP MACRO shown(people) AS people"),
        ("SMALL_CELLS", "SELECT period, kind FROM {name}_cells WHERE false"),
        ("TELLING_PAIRS", "SELECT period, kind FROM {name}_cells WHERE false"),
    ],
)
def test_the_attack_finds_somebody_where_a_rule_is_missing(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company(tmp_path / "company.duckdb", 40, 1)
    monkeypatch.setattr(figures if name == "MACROS" else suppression, name, value)
    assert attacked(tmp_path / "company.duckdb") != []


def test_the_attack_finds_somebody_by_the_sick_days_at_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken off the others, they leave four people in this company."""
    company(tmp_path / "company.duckdb", 5, 1020)
    assert attacked(tmp_path / "company.duckdb") == []
    monkeypatch.setattr(figures, "SUMMARY", figures.SUMMARY.replace("abs(amount) > 1e-6", "false"))
    assert attacked(tmp_path / "company.duckdb") != []


def test_what_is_large_enough_is_shown(tmp_path: Path) -> None:
    database = tmp_path / "company.duckdb"
    company(database, 300, 1)
    shown = read(str(database))
    assert all(shown.charts.values())
    assert {row["kind"] for row in shown.charts["absences"]} >= {
        "Vacation",
        "Illness",
        "Parental",
        "All others",
    }
    values: dict[str, Any] = shown.summary
    assert None not in {
        values[name] for name in ("people", "joiners", "leavers", "tenure", "away", "sick_days")
    }


def test_sick_days_in_hours_count_by_eight(tmp_path: Path) -> None:
    database = tmp_path / "company.duckdb"
    company(database, 300, 1)
    year = "BETWEEN DATE '2025-06-01' AND DATE '2026-05-31'"
    with duckdb.connect(str(database), read_only=True) as connection:
        ((days, people),) = connection.execute(f"""
            SELECT (SELECT sum(coalesce(days, 0) + coalesce(hours, 0) / 8) FROM hr.absence_days
                JOIN hr.absences USING (absence_id)
                WHERE category = 'sick_leave' AND approval = 'approved' AND date {year}),
            (SELECT sum(headcount) / 12 FROM hr.headcount_by_day WHERE date = last_day(date) AND date {year})
        """).fetchall()
        ((hours,),) = connection.execute(
            f"SELECT sum(hours) / 8 FROM hr.absence_days WHERE date {year}"
        ).fetchall()
    assert hours / people > 0.1
    assert read(str(database)).summary["sick_days"] == pytest.approx(days / people, abs=0.06)


def test_models_of_another_version_are_told_in_one_sentence(tmp_path: Path) -> None:
    company(tmp_path / "company.duckdb", 12, 1)
    with duckdb.connect(str(tmp_path / "company.duckdb")) as connection:
        connection.execute("ALTER TABLE hr.loaded_tables DROP loaded_at")
    with pytest.raises(
        figures.ModelsMissingError, match=r"another version than this page: build them again with [^\n]+$"
    ):
        read(str(tmp_path / "company.duckdb"))
