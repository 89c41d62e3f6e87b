"""Taps as they come: names, shapes and sizes that nobody planned for."""

from __future__ import annotations

import json
import random
import subprocess

import duckdb
import pytest
from commands import Started
from singer_messages import activate, lines, record, schema, state
from singer_target_duckdb import database
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.sql import quoted


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "a.b",
        'qu"ote',
        "select",
        "ünïcode ✓",
        "x" * 200,
        "x; DROP TABLE y",
        "back\\slash",
        "a\nb",
        "%s{}'",
    ],
)
def test_a_stream_may_have_any_name_and_its_columns_too(load, name):
    load(schema(name, {"id": "integer", name: "string"}), record(name, **{"id": 1, name: "kept"}))
    load(schema(name, {"id": "integer", name: "string"}), record(name, **{"id": 1, name: "merged"}))
    assert load.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'") == [(name,)]
    with duckdb.connect(str(load.path), read_only=True) as connection:
        assert connection.execute("FROM " + quoted(name)).fetchall() == [(1, "merged")]


def test_schema_and_table_in_a_streams_name_are_those_of_other_targets(load):
    streams = ["public-users", "sales-orders", "db-public-my-table", "plain"]
    messages = [message for s in streams for message in (schema(s, {"id": "integer"}), record(s, id=1))]
    mapping = {"public": {"target_schema": "crm"}}
    load(*messages, default_target_schema="raw", schema_mapping=mapping)
    tables = load.rows(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name <> '_singer' ORDER BY ALL"
    )
    assert tables == [("crm.my_table",), ("crm.users",), ("raw.orders",), ("raw.plain",)]


def test_five_hundred_columns_and_nested_objects(load):
    wide = {f"column {n}": "string" for n in range(500)} | {"deep": "object"}
    deep = {"a": 1}
    for _ in range(200):
        deep = {"level": [deep, "x", 1.5, None]}
    load(schema("t", wide, []), record("t", deep=deep, **{f"column {n}": str(n) for n in range(500)}))
    (row,) = load.rows("FROM t")
    assert row[:500] == tuple(map(str, range(500)))
    assert json.loads(row[500]) == deep


def test_a_record_of_fifty_megabytes(load):
    load(
        schema("t", {"id": "integer", "text": "string"}),
        record("t", id=1, text="x" * 50_000_000),
        record("t", id=2),
    )
    assert load.rows("SELECT id, length(text) FROM t ORDER BY id") == [(1, 50_000_000), (2, None)]


def test_a_load_gets_the_memory_it_needs_unless_the_settings_say_how_much(load, monkeypatch):
    monkeypatch.setattr(database, "MEMORY_LIMIT", "30MB")
    wide = {f"c{n}": "string" for n in range(50)}
    messages = (
        schema("t", {"id": "integer", **wide}),
        *(record("t", id=n, **{name: f"{name} of {n}" for name in wide}) for n in range(30_000)),
    )
    with pytest.raises(duckdb.OutOfMemoryException):
        load(*messages, settings={"memory_limit": "30MB"})
    load(*messages, state(n=1))
    assert load.rows("SELECT count(*), count(DISTINCT id), max(c49) FROM t") == [
        (30_000, 30_000, "c49 of 9999")
    ]


@pytest.mark.parametrize(("settings", "limit"), [({}, "488.2 MiB"), ({"memory_limit": "300MB"}, "286.1 MiB")])
def test_many_wide_records_get_more_memory_unless_the_settings_limit_it(tmp_path, settings, limit):
    opened = database.Database({"path": str(tmp_path / "t.duckdb"), "settings": settings}, tmp_path)
    opened.expect_wide_records()
    assert opened.rows("SELECT current_setting('memory_limit')") == [(limit,)]
    opened.close()


def test_a_million_empty_records_and_unknown_fields(load):
    load(
        schema("t", {"id": "integer"}, []),
        b'{"type":"RECORD","stream":"t","record":{"unknown":1}}\n' * 1_000_000,
    )
    assert load.rows("SELECT count(*), count(id) FROM t") == [(1_000_000, 0)]


def test_lines_of_all_forms_one_after_the_other_arrive_in_order(load):
    """Runs of like lines are read in one go; other forms, versions and streams between them must not be."""
    forms = [
        '{{"type": "RECORD", "stream": "t", "record": {{"id": {n}, "version": 7, "x": "{n}"}}}}',
        '{{"type": "RECORD", "stream": "t", "record": {{"id": {n}, "x": "{n}"}}}}',
        '{{"type": "RECORD", "stream": "t", "record": {{"id": {n}, "x": "{n}"}}, "version": 3}}',
        '{{"stream":"t","record":{{"x":"{n}","id":{n}}},"type":"RECORD"}}\r',
        '{{"type": "RECORD", "stream": "u", "record": {{"id": {n}, "x": "{n}"}}}}',
        '{{"type": "RECORD", "record": {{"id": {n}, "x": "{n}"}}, "stream": "t"}}',
        '   {{"type": "RECORD", "stream": "t", "record": {{"x": "\\"version\\": 9, {n}", "id": {n}}}}}',
    ]
    text = [forms[(n // 5) % len(forms)].format(n=n).encode() for n in range(5_000)]
    both = [schema(s, {"id": "integer", "x": "string", "version": "integer"}, []) for s in "tu"]
    load(*both, *text, batch_size_rows=333)
    expected = {s: [n for n in range(5_000) if ((n // 5) % len(forms) == 4) == (s == "u")] for s in "tu"}
    for stream in "tu":
        assert load.rows(f"SELECT id FROM {stream} ORDER BY id") == [(n,) for n in expected[stream]]
    assert load.rows("SELECT count(*) FROM t WHERE version = 7") == [
        (len([n for n in range(5_000) if n // 5 % 7 == 0]),)
    ]


def test_state_before_any_schema_and_no_state_at_all(load):
    assert load(state(first=1)) == [{"first": 1}]
    assert load(schema("t", {"id": "integer"})) == []
    assert load() == []


def test_two_streams_that_would_share_a_table_are_refused(load):
    with pytest.raises(LoaderError, match="Streams 'a-t' and 'b-t' would both go into table"):
        load(schema("a-t", {"id": "integer"}), schema("b-t", {"id": "integer"}))


@pytest.mark.parametrize("piece", [1, 3, 400])
def test_streams_whose_records_alternate_arrive_whole_and_in_order(load, piece):
    """A tap that reads streams at the same time writes a piece of one, then a piece of another."""
    names = ["t", "u", "w"]
    schemas = [schema(name, {"id": "integer", "x": "string"}, ["id"]) for name in names]
    written = [record(names[n // piece % 3], 1, id=n % 500, x=f"{n}" + "x" * (n % 90)) for n in range(6_000)]
    load(*schemas, *written, *(activate(name, 1) for name in names), state(), batch_size_rows=700)
    for name in names:
        last = {m["record"]["id"]: m["record"]["x"] for m in written if m["stream"] == name}
        assert load.rows(f"FROM {name}") == sorted(last.items())


@pytest.mark.parametrize("seed", range(3))
def test_every_record_arrives_however_long_its_line_or_cut_the_input(load, seed):
    chance = random.Random(seed)
    text = schema("t", {"id": "integer", "text": "string"}), schema("u", {"id": "integer", "text": "string"})
    lengths = [chance.choice([0, 1, 300, 60_000, 65_536, 200_000, 1_100_000]) for _ in range(60)] + [
        30
    ] * 20_000
    chance.shuffle(lengths)
    records = [
        ("u" if chance.random() < 0.001 else "t", {"id": n, "text": "x" * length})
        for n, length in enumerate(lengths)
    ]
    data = lines(*text, *(record(stream, **fields) for stream, fields in records))
    process = Started(load.command(), stdin=subprocess.PIPE)
    with process.stdin:
        while data:
            size = chance.choice([1, 100, 65_536, 1 << 20, 3 << 20])
            process.stdin.write(data[:size])
            process.stdin.flush()
            data = data[size:]
    assert process.wait() == 0
    for stream in "tu":
        expected = [(f["id"], len(f["text"])) for name, f in records if name == stream]
        assert load.rows(f"SELECT id, length(text) FROM {stream} ORDER BY id") == expected
