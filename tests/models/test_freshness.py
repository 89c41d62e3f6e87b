"""dbt's source freshness goes by the loader's ledger."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from pair import Pair

from .conftest import TRANSFORM

pytestmark = pytest.mark.full


def outcome(dbt: Path, database: Path, folder: Path) -> dict[str, str]:
    """Status of each source by its name."""
    command = [
        str(dbt), "source", "freshness", "--project-dir", str(TRANSFORM), "--profiles-dir", str(TRANSFORM),
        "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"),
    ]  # fmt: skip
    environment = {**os.environ, "DBT_DUCKDB_PATH": str(database), "DBT_DUCKDB_RAW_SCHEMA": "main"}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    results = json.loads((folder / "target" / "sources.json").read_text())["results"]
    return {each["unique_id"].split(".")[-1]: each["status"] for each in results}


def test_a_table_is_stale_when_its_last_complete_load_is_old(
    dbt: Path, company: Pair, tmp_path: Path
) -> None:
    database = tmp_path / "old.duckdb"
    shutil.copy(company.database, database)
    assert set(outcome(dbt, database, tmp_path / "new").values()) == {"pass"}
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "UPDATE _singer.loads SET committed_at = now() - INTERVAL 40 HOUR WHERE table_name = 'projects';"
            "UPDATE _singer.loads SET finished = false WHERE table_name = 'employees';"
            "DELETE FROM _singer.loads WHERE table_name = 'attendances'"
        )
    found = outcome(dbt, database, tmp_path / "old")
    assert {name for name, status in found.items() if status == "warn"} == {"projects", "employees"}
