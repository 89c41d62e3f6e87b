"""What the company does not have: missing rights, absences and working times that only one API version knows."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from .conftest import ROOT, TRANSFORM, Build, rows

pytestmark = pytest.mark.full

TABLES = """
CREATE TABLE absence_types (id BIGINT, id_v2 VARCHAR, name VARCHAR, category VARCHAR, unit VARCHAR);
INSERT INTO absence_types VALUES (1, 'type-1', 'Vacation', 'paid_vacation', 'day'),
    (2, 'type-2', 'Doctor', NULL, 'hour');

CREATE TABLE absences (id BIGINT, id_v2 VARCHAR, employee_id BIGINT, time_off_type_id BIGINT, status VARCHAR,
    start_date DATE, end_date DATE, half_day_start BOOLEAN, half_day_end BOOLEAN, days_count DOUBLE,
    _sdc_deleted_at TIMESTAMPTZ);
INSERT INTO absences VALUES
    (10, 'both',  7, 1, 'approved', '2026-01-29', '2026-02-03', false, true, 3.5, NULL),
    (11, NULL,    7, 1, 'approved', '2026-03-02', '2026-03-02', false, false, 1, NULL),
    (12, 'week',  7, 1, 'approved', '2026-03-07', '2026-03-08', false, false, 2, NULL),
    (13, 'gone',  7, 1, 'approved', '2026-03-09', '2026-03-09', false, false, 1, now()),
    (14, 'told',  7, 1, 'approved', '2026-04-30', '2026-05-01', false, false, 1.5, NULL);

CREATE TABLE absence_periods (id VARCHAR, person_id VARCHAR, absence_type_id VARCHAR, starts_from_date_time VARCHAR,
    starts_from_type VARCHAR, ends_at_date_time VARCHAR, ends_at_type VARCHAR, approval_status VARCHAR);
INSERT INTO absence_periods VALUES
    ('both',   '7', 'type-1', '2026-01-29T00:00:00.000', 'FIRST_HALF', '2026-02-04T00:00:00', 'FIRST_HALF', 'APPROVED'),
    ('no-id',  '7', 'type-1', '2026-03-02T00:00:00', 'FIRST_HALF', '2026-03-03T00:00:00', 'SECOND_HALF', 'APPROVED'),
    ('v2',     '8', 'type-1', '2026-03-05T00:00:00', 'SECOND_HALF', '2026-03-10T12:00:00', 'FIRST_HALF', 'APPROVED'),
    ('v2-hour', '8', 'type-2', '2026-03-05T09:00:00', NULL, '2026-03-05T10:30:00', NULL, 'REJECTED');

CREATE TABLE absence_period_breakdowns (absence_period_id VARCHAR, date DATE, effective_duration_unit VARCHAR,
    effective_duration_value DOUBLE);
INSERT INTO absence_period_breakdowns VALUES ('told', '2026-04-30', 'DAY', 0.5), ('told', '2026-05-01', 'DAY', 1);

CREATE TABLE attendances (id BIGINT, id_v2 VARCHAR, employee_id BIGINT, date DATE, start_time TIME, end_time TIME,
    break BIGINT, status VARCHAR);
INSERT INTO attendances VALUES
    (1, 'a',  7, '2026-03-02', '08:00', '17:00', 60, 'confirmed'),
    (2, NULL, 7, '2026-03-03', '08:00', '12:00', 0, 'confirmed'),
    (3, NULL, 7, '2026-03-04', '08:00', '12:00', 30, 'confirmed'),
    (4, 'n',  7, '2026-03-05', '08:00', NULL, 0, 'pending');

CREATE TABLE attendance_periods (id VARCHAR, person_id VARCHAR, type VARCHAR, start_date_time VARCHAR,
    end_date_time VARCHAR, attribution_date DATE, approval_status VARCHAR);
INSERT INTO attendance_periods VALUES
    ('a',  '7', 'WORK',  '2026-03-02T08:00:00', '2026-03-02T12:00:00', '2026-03-02', 'CONFIRMED'),
    ('ab', '7', 'BREAK', '2026-03-02T12:00:00', '2026-03-02T13:00:00', '2026-03-02', 'CONFIRMED'),
    ('ac', '7', 'WORK',  '2026-03-02T13:00:00', '2026-03-02T17:00:00', '2026-03-02', 'CONFIRMED'),
    ('x',  '7', 'WORK',  '2026-03-03T08:00:00', '2026-03-03T12:00:00', '2026-03-03', 'CONFIRMED'),
    ('s',  '8', 'WORK',  '2026-03-31T22:00:00', '2026-04-01T06:00:00', '2026-03-31', 'CONFIRMED'),
    ('sb', '8', 'BREAK', '2026-04-01T01:00:00', '2026-04-01T01:30:00', '2026-03-31', 'CONFIRMED');
"""


@pytest.fixture(scope="module")
def cases(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables above, without employees, projects and balances, with their models."""
    database = tmp_path_factory.mktemp("cases") / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(TABLES)
    outcome = build(database)
    assert set(outcome.values()) <= {"success", "pass"}, outcome
    return database


def test_a_database_without_any_table_builds_empty_models(empty: Path) -> None:
    models = [
        path.stem for path in (TRANSFORM / "models").glob("*.sql") if "ephemeral" not in path.read_text()
    ]
    assert len(models) > 9
    assert all(rows(empty, f"SELECT count(*) FROM hr.{model}") == [(0,)] for model in models)


def test_an_absence_of_both_versions_stands_once_and_a_deleted_one_never(cases: Path) -> None:
    found = rows(
        cases, "SELECT absence_id, v1_id, days, hours, approval, api FROM hr.absences ORDER BY start_at, 1"
    )
    assert found == [
        ("both", "10", 3.5, None, "approved", "v1"),
        ("11", "11", 1, None, "approved", "v1"),
        ("v2", None, 3, None, "approved", "v2"),
        ("v2-hour", None, None, 1.5, "rejected", "v2"),
        ("week", "12", 2, None, "approved", "v1"),
        ("told", "14", 1.5, None, "approved", "v1"),
    ]


def test_days_are_spread_over_the_months_and_halves_stay_at_the_edges(cases: Path) -> None:
    query = (
        "SELECT absence_id, strftime(date, '%m-%d'), days FROM hr.absence_days WHERE days > 0 ORDER BY 1, 2"
    )
    days: dict[str, list[Any]] = {}
    for absence, day, count in rows(cases, query):
        days.setdefault(absence, []).append((day, count))
    assert days == {
        "both": [("01-29", 1), ("01-30", 1), ("02-02", 1), ("02-03", 0.5)],
        "11": [("03-02", 1)],
        "v2": [("03-05", 0.5), ("03-06", 1), ("03-09", 1), ("03-10", 0.5)],
        "week": [("03-07", 1), ("03-08", 1)],
        "told": [("04-30", 0.5), ("05-01", 1)],
    }


def test_work_that_both_versions_know_counts_once(cases: Path) -> None:
    found = rows(
        cases,
        "SELECT attendance_id, date::VARCHAR, hours, break_minutes, api FROM hr.attendance ORDER BY 2, start_at",
    )
    assert found == [
        ("a", "2026-03-02", 4, 60, "v2"),
        ("ac", "2026-03-02", 4, 0, "v2"),
        ("x", "2026-03-03", 4, 0, "v2"),
        ("3", "2026-03-04", 3.5, 30, "v1"),
        ("n", "2026-03-05", None, 0, "v1"),
        ("s", "2026-03-31", 7.5, 30, "v2"),
    ]


def test_every_column_is_described_in_the_database(cases: Path) -> None:
    query = "SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE schema_name = 'hr' AND comment IS NULL"
    assert rows(cases, query) == []


def test_every_table_says_that_small_groups_are_not_suppressed(cases: Path) -> None:
    query = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'hr' AND comment NOT LIKE '%Not suppressed%'"
    assert rows(cases, query) == []
    assert rows(cases, "SELECT count(*) > 9 FROM duckdb_tables() WHERE schema_name = 'hr'") == [(True,)]


def test_the_sources_are_streams_of_the_tap() -> None:
    named = (TRANSFORM / "models" / "sources.yml").read_text().split("    tables:")[1]
    sources = {line.split(": ")[1] for line in named.splitlines() if "- name: " in line}
    tap = "".join(path.read_text() for path in (ROOT / "tap-personio" / "tap_personio").rglob("*.py"))
    assert {name for name in sources if f'name = "{name}"' not in tap} == set()
