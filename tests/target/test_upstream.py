"""Databases that PyPI's target-duckdb 0.8.0 wrote go on in place, and files open in older DuckDB versions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from environments import install
from singer_messages import lines, record, schema, state

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]

MESSAGES = [
    schema(
        "public-My.Users",
        {
            "id": "integer",
            "Name": "string",
            "day": "date",
            "moment": "date-time",
            "score": "number",
            "tags": "array",
            "small": {"type": ["null", "integer"], "maximum": 100},
            "flag": "boolean",
        },
    ),
    record(
        "public-My.Users",
        id=1,
        Name="ä",
        day="2024-01-02",
        moment="2024-01-02T03:04:05Z",
        score=1.5,
        tags=[1],
        small=7,
        flag=True,
    ),
    record(
        "public-My.Users",
        id=2,
        Name="b",
        day="2024-01-03",
        moment="2024-01-03T03:04:05Z",
        score=None,
        tags=None,
        small=8,
        flag=False,
    ),
    state(done=1),
]


def test_a_database_that_the_other_target_wrote_is_continued(load, tmp_path):
    upstream = install("target-duckdb==0.8.0", "duckdb==1.1.3")
    config = tmp_path / "upstream.json"
    config.write_text(json.dumps({"path": str(load.path), "default_target_schema": "main"}))
    subprocess.run(
        [upstream / "target-duckdb", "-c", config], input=lines(*MESSAGES), check=True, capture_output=True
    )
    before = load.rows("SELECT id::BIGINT, name, day::VARCHAR FROM my_users ORDER BY id")
    changed = record(
        "public-My.Users", id=2, Name="changed", day="2024-02-03", moment="2024-02-03T03:04:05+01:00"
    )
    load(MESSAGES[0], changed, record("public-My.Users", id=3, Name="new"), state())
    rows = load.rows("SELECT id::BIGINT, name, day::VARCHAR, moment::VARCHAR FROM my_users ORDER BY id")
    assert rows[1:] == [(2, "changed", "2024-02-03", "2024-02-03 02:04:05+00"), (3, "new", None, None)]
    assert [row[:3] for row in rows[:1]] == before[:1]
    assert load.rows("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'main'") == [(1,)]
    assert load.types("my_users")["day"] == "DATE"


@pytest.mark.parametrize("version", ["1.0.0", "1.2.2", "1.4.4"])
def test_a_new_file_opens_in_older_versions_of_duckdb(load, version):
    python = install(f"duckdb=={version}", "pytz") / "python"
    load(
        schema("t", {"id": "integer", "text": "string", "at": "date-time", "list": "array"}),
        *(
            record("t", id=n, text=f"text {n % 10}", at="2024-01-01T00:00:00Z", list=[n])
            for n in range(5_000)
        ),
    )
    program = (
        f"import duckdb; print(duckdb.connect({str(load.path)!r}, read_only=True).execute('{{}}').fetchone())"
    )
    query = 'SELECT count(*), sum(id), min(text), max("at")::VARCHAR FROM t'
    done = subprocess.run([python, "-c", program.format(query)], capture_output=True, text=True, check=True)
    assert done.stdout == "(5000, 12497500, 'text 0', '2024-01-01 00:00:00+00')\n"


def test_the_oldest_supported_duckdb_passes_the_same_tests():
    package = Path(__file__).parents[2] / "target-duckdb"
    scripts = install(
        f"--editable={package}",
        "duckdb==1.4.4",
        "duckdb-ext-httpfs==1.4.4.*",
        *("psycopg[binary]", "pytest", "pytest-timeout", "pytz", "uv"),
    )
    tests = [str(Path(__file__).parent), "-q", "-m", "not full", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [scripts / "python", "-m", "pytest", *tests], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
