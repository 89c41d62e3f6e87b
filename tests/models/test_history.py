"""The history of employees: what builds of the models have seen before, and whom it forgets."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from .conftest import TRANSFORM, Build, rows

pytestmark = pytest.mark.full

EMPLOYEES = """
CREATE TABLE employees (id BIGINT, last_name VARCHAR, status VARCHAR, position VARCHAR, weekly_working_hours VARCHAR,
    department_id BIGINT, department_name VARCHAR, hire_date DATE, termination_date DATE);
INSERT INTO employees VALUES
    (1, 'Moves',  'active',   'Cook',   '40', 10, 'Kitchen', '2020-04-01', NULL),
    (2, 'Goes',   'active',   'Cook',   '40', 10, 'Kitchen', '2020-04-01', NULL),
    (3, 'Stays',  'active',   'Porter', '20', 11, 'House',   '2020-04-01', NULL),
    (4, 'Returns', 'inactive', 'Cook',  '30', 10, 'Kitchen', '2020-04-01', '2020-04-30');
-- From a run long ago.
CREATE TABLE persons (id VARCHAR, last_name VARCHAR, status VARCHAR);
INSERT INTO persons VALUES ('2', 'Goes', 'ACTIVE');
"""
CHANGES = """
UPDATE employees SET department_id = 11, department_name = 'House' WHERE id = 1;
DELETE FROM employees WHERE id = 2;
UPDATE employees SET status = 'active', hire_date = '2020-06-10', termination_date = NULL WHERE id = 4;
ALTER TABLE employees DROP COLUMN position;
ALTER TABLE employees ADD COLUMN fix_salary DOUBLE;
ALTER TABLE employees ADD COLUMN "select" VARCHAR;
UPDATE employees SET "select" = 'blue' WHERE id = 1;
UPDATE employees SET fix_salary = 4000 WHERE id = 3;
"""


VARIABLES = {"as_of": "2020-06-15"}
SELECT = "+employees_history +headcount_by_day +joiners_and_leavers pay"


def build_on(day: str, database: Path, changes: str, build: Build, **variables: Any) -> None:
    """Change the raw tables, build the models, and let the history believe that this was on that day."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(changes)
    outcome = build(database, VARIABLES | variables, SELECT)
    assert set(outcome.values()) <= {"success", "pass"}, outcome
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "UPDATE hr.employees_history SET valid_from = least(valid_from, $at), "
            "valid_to = CASE WHEN valid_to IS NOT NULL THEN least(valid_to, $at) END",
            {"at": dt.datetime.fromisoformat(f"{day} 08:00")},
        )


@pytest.fixture(scope="module")
def database(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two builds with changes in between; who is deleted in Personio is kept for a while."""
    database = tmp_path_factory.mktemp("history") / "warehouse.duckdb"
    build_on("2020-05-20", database, EMPLOYEES, build, keep_deleted_days=100_000)
    build_on(
        "2020-06-01", database, CHANGES, build, keep_deleted_days=100_000, employee_attributes=["select"]
    )
    return database


@pytest.fixture(scope="module")
def later(database: Path, build: Build) -> Path:
    """A third build, without changes, that keeps nobody who is deleted in Personio."""
    build_on("2020-06-10", database, "", build)
    return database


def test_each_change_makes_a_row_that_holds_from_the_build_that_saw_it(database: Path) -> None:
    found = rows(
        database,
        """
        SELECT employee_id, department_name, position, salary, valid_from::DATE::VARCHAR, valid_to::DATE::VARCHAR
        FROM hr.employees_history ORDER BY employee_id, valid_from
        """,
    )
    assert found == [
        (1, "Kitchen", "Cook", None, "2020-05-20", "2020-06-01"),
        (1, "House", None, None, "2020-06-01", None),
        (2, "Kitchen", "Cook", None, "2020-05-20", "2020-06-01"),
        (3, "House", "Porter", None, "2020-05-20", "2020-06-01"),
        (3, "House", None, 4000, "2020-06-01", None),
        (4, "Kitchen", "Cook", None, "2020-05-20", "2020-06-01"),
        (4, "Kitchen", None, None, "2020-06-01", None),
    ]


def test_the_history_has_the_columns_of_the_employees(database: Path) -> None:
    query = "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'hr' AND table_name = '{}'"
    employees, history = (
        {name for (name,) in rows(database, query.format(table))}
        for table in ("employees", "employees_history")
    )
    assert history - employees == {"valid_from", "valid_to", "dbt_scd_id", "dbt_updated_at"}
    # A column whose changes make no row is one that is named here.
    checked = (TRANSFORM / "snapshots" / "employees_history.sql").read_text()
    assert {name for name in employees if f"'{name}'" not in checked} == {
        "select",
        "tenure_years",
        "created_at",
        "updated_at",
    }


def test_an_attribute_is_in_the_history_while_it_is_named(later: Path) -> None:
    query = 'SELECT valid_from::DATE::VARCHAR, "select" FROM hr.employees_history WHERE employee_id = 1 ORDER BY 1'
    assert rows(later, query) == [("2020-05-20", None), ("2020-06-01", "blue")]


def test_pay_of_api_v1_holds_from_the_build_that_saw_it(later: Path) -> None:
    query = "SELECT employee_id, amount, valid_from::VARCHAR, valid_to FROM hr.pay"
    assert rows(later, query) == [(3, 4000, "2020-06-01", None)]


def test_who_is_gone_from_personio_is_gone_from_the_next_history(later: Path) -> None:
    assert rows(later, "SELECT DISTINCT employee_id FROM hr.employees_history ORDER BY 1") == [
        (1,),
        (3,),
        (4,),
    ]


def test_people_count_for_the_department_that_they_were_in_on_the_day(later: Path) -> None:
    found = rows(
        later,
        """
        SELECT strftime(date, '%m-%d'), department_name, headcount, weekly_hours FROM hr.headcount_by_day
        WHERE date IN ('2020-04-30', '2020-05-31', '2020-06-01', '2020-06-10') ORDER BY 1, 2
        """,
    )
    assert found == [
        ("04-30", "House", 1, 20),
        ("04-30", "Kitchen", 2, 70),
        ("05-31", "House", 1, 20),
        ("05-31", "Kitchen", 1, 40),
        ("06-01", "House", 2, 60),
        ("06-10", "House", 2, 60),
        ("06-10", "Kitchen", 1, 30),
    ]


def test_who_came_back_joined_twice(later: Path) -> None:
    found = rows(
        later,
        """
        SELECT strftime(month, '%Y-%m'), department_name, joiners, leavers FROM hr.joiners_and_leavers
        ORDER BY 1, 2
        """,
    )
    assert found == [("2020-04", "House", 1, 0), ("2020-04", "Kitchen", 2, 1), ("2020-06", "Kitchen", 1, 0)]


def test_nobody_is_forgotten_when_the_raw_tables_are_not_found(later: Path, build: Build) -> None:
    build(later, VARIABLES, SELECT, DBT_DUCKDB_RAW_SCHEMA="elsewhere")
    assert rows(later, "SELECT count(DISTINCT employee_id) FROM hr.employees_history") == [(3,)]
