"""A company that was loaded, and dbt from its own environment, for which `make .venv-dbt/ready` is asked."""

import datetime as dt
import functools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pair import Pair
from personio_sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
TRANSFORM = ROOT / "transform"
NOW = dt.datetime(2026, 6, 15, 12, tzinfo=dt.UTC)
TODAY = NOW.date()
V1 = (
    "employees", "absence_types", "absences", "hourly_absences", "attendances", "projects",
    "employees_absences_balance",
)  # fmt: skip
V2 = (
    "persons", "employments", "org_units", "workplaces", "legal_entities", "cost_centers", "absence_types_v2",
    "absence_periods", "absence_period_breakdowns", "attendance_periods", "projects_v2",
    "compensations", "jobs", "recruiting_applications", "recruiting_jobs", "recruiting_stage_transitions",
)  # fmt: skip

Build = Callable[..., dict[str, str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of the whole company share a process, in which it is loaded and its models are built once."""
    for item in items:
        if isinstance(item, pytest.Function) and item.path.parent == Path(__file__).parent:
            group = "company" if "loaded" in item.fixturenames else item.path.stem
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def dbt() -> Path:
    """The executable, or the one that DBT names."""
    if "DBT" in os.environ:
        return Path(os.environ["DBT"])
    subprocess.run(["make", "--silent", ".venv-dbt/ready"], cwd=ROOT, check=True)
    return ROOT / ".venv-dbt" / "bin" / "dbt"


@pytest.fixture(scope="session")
def build(dbt: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build the models in a database; the answer is the outcome of each model and test by its name.

    dbt parses the project once for each set of variables, as long as the databases are called the same.
    """
    folder_for = functools.cache(lambda variables: tmp_path_factory.mktemp("dbt"))

    def build(
        database: Path, variables: dict[str, Any] | None = None, select: str = "*", **environment: str
    ) -> dict[str, str]:
        named = json.dumps({"as_of": TODAY.isoformat(), **(variables or {})})
        folder = folder_for(named)
        results = folder / "target" / "run_results.json"
        results.unlink(missing_ok=True)
        done = subprocess.run(
            [
                str(dbt), "build", "--project-dir", str(TRANSFORM), "--profiles-dir", str(TRANSFORM),
                "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"), "--no-use-colors",
                "--select", *select.split(), "--indirect-selection", "cautious",
                "--vars", named,
            ],
            env={**os.environ, "DBT_DUCKDB_PATH": database.name, "DBT_DUCKDB_RAW_SCHEMA": "main", **environment},
            cwd=database.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert results.exists(), done.stdout + done.stderr
        return {
            each["unique_id"].split(".")[2]: each["status"]
            for each in json.loads(results.read_text())["results"]
        }

    return build


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The company."""
    options = {"employees": 60, "attendances_per_employee": 40, "absences_per_employee": 12, "now": NOW}
    with Sandbox(**options) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def loaded(sandbox: Sandbox, build: Build, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pair]:
    """Load the company through these streams and build its models, once; all tests of dbt pass."""

    @functools.cache
    def load(streams: tuple[str, ...]) -> Pair:
        pair = Pair(tmp_path_factory.mktemp("company"), sandbox, streams=streams)
        pair.run()
        outcome = build(pair.database)
        assert set(outcome.values()) <= {"success", "pass"}, outcome
        return pair

    return load


@pytest.fixture(scope="session")
def company(loaded: Callable[..., Pair]) -> Pair:
    """The company, loaded through both API versions, with its models."""
    return loaded(V1 + V2)


@pytest.fixture(scope="session")
def empty(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without any raw table, with its models, and without a schema for raw tables."""
    database = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    duckdb.connect(str(database)).close()
    outcome = build(database, DBT_DUCKDB_RAW_SCHEMA="elsewhere")
    assert set(outcome.values()) <= {"success", "pass"}, outcome
    return database


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
    return found


def same(found: list[tuple[Any, ...]], expected: dict[Any, float]) -> None:
    """Key columns and a figure; figures of 0 need no row."""
    figures = {tuple(row[:-1]): row[-1] for row in found}
    assert len(figures) == len(found)
    keys = {key for key, value in expected.items() if abs(value) > 1e-9}
    assert {key for key, value in figures.items() if abs(value) > 1e-9} == keys
    assert figures == pytest.approx({key: expected.get(key, 0) for key in figures})
