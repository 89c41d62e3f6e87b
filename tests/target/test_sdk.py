"""The SDK's own tests for targets, its fixture files cell by cell, and what this target relies on in the SDK."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import tempfile
from importlib import resources
from pathlib import Path

import pytest
from singer_messages import record, schema
from singer_sdk import Target
from singer_sdk.plugin_base import BaseSingerReader
from singer_sdk.testing import get_target_test_class
from singer_target_duckdb.target import TargetDuckDB

_DIRECTORY = tempfile.mkdtemp()
_FIXTURES = resources.files("singer_sdk.testing.target_test_streams")
_REFUSED = {"invalid_schema", "record_before_schema", "record_missing_key_property"}

TestSDKTargetTests = get_target_test_class(
    TargetDuckDB, config={"path": str(Path(_DIRECTORY) / "sdk.duckdb"), "default_target_schema": "main"}
)


def source_of_truth(text):
    """Stream -> rows that a table must hold, by the Singer rules alone."""
    schemas, rows = {}, {}
    for message in map(json.loads, filter(str.strip, text.splitlines())):
        stream = message.get("stream")
        if message["type"] == "SCHEMA":
            properties = schemas.get(stream, ({}, []))[0] | message["schema"]["properties"]
            schemas[stream] = (properties, message.get("key_properties") or [])
            rows.setdefault(stream, {})
        elif message["type"] == "RECORD":
            keys = schemas[stream][1]
            key = tuple(message["record"][k] for k in keys) if keys else len(rows[stream])
            rows[stream][key] = message["record"]
    return {s: [[row.get(p) for p in schemas[s][0]] for row in found.values()] for s, found in rows.items()}


def plain(value):
    """A cell of the table, or of a record, in a form that makes them comparable."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return (
                plain(dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC))
                if "T" in value
                else json.loads(value)
            )
        except ValueError:
            return value
    return value


@pytest.mark.parametrize(
    "name", sorted(f.name.removesuffix(".singer") for f in _FIXTURES.iterdir() if f.name.endswith(".singer"))
)
def test_every_fixture_file_of_the_sdk_loads_cell_by_cell(load, name):
    text = _FIXTURES.joinpath(f"{name}.singer").read_text()
    if name in _REFUSED:
        pytest.skip("the SDK's own test expects a refusal")
    load(*(line.encode() for line in text.splitlines()))
    for stream, rows in source_of_truth(text).items():
        table = stream.split("-")[-1]
        found = [[plain(cell) for cell in row] for row in load.rows(f'FROM "{table}"')]
        expected = [[plain(cell) for cell in row] for row in rows]
        assert sorted(map(repr, found)) == sorted(map(repr, expected))


HANDLERS = [f"_process_{kind}_message" for kind in ("schema", "record", "state", "activate_version", "batch")]


def test_the_handlers_that_the_target_overrides_are_what_the_sdk_calls(load, monkeypatch):
    """Abstract in the SDK's base class, with one argument; the SDK hands each of them to the reader."""
    assert set(HANDLERS) <= Target.__bases__[0].__abstractmethods__ | BaseSingerReader.__abstractmethods__
    assert all(
        list(inspect.signature(getattr(Target, name)).parameters)[1:] == ["message_dict"] for name in HANDLERS
    )
    target, handed = TargetDuckDB(config=load.config), {}
    monkeypatch.setattr(
        target.message_reader, "process_lines", lambda _file, callbacks: handed.update(callbacks)
    )
    target.process_lines(None)
    assert sorted(handed) == ["ACTIVATE_VERSION", "BATCH", "RECORD", "SCHEMA", "STATE"]
    assert all(handed[name[9:-8].upper()] == getattr(target, name) for name in HANDLERS)


def test_the_sdk_adds_the_metadata_of_a_message_to_its_record_in_place(load):
    record, about = {"id": 1}, {"time_extracted": "2024-05-06T07:08:09+00:00", "version": 7}
    target = TargetDuckDB(config=load.config | {"add_record_metadata": True})
    sink = target.get_sink("t", schema={"properties": {"id": {"type": "integer"}}}, key_properties=["id"])
    sink._add_sdc_metadata_to_record(record, about, {})
    assert (record["_sdc_extracted_at"], record["_sdc_table_version"]) == tuple(about.values())
    assert set(record) - {"id"} == set(sink.schema["properties"]) - {"id"}


def test_the_sdk_shows_the_settings_under_the_names_of_the_target(load):
    """The aliases go into `_config`, because `config` cannot be written to."""
    target = TargetDuckDB(config={"filepath": load.config["path"], "data_flattening_max_level": 1})
    assert target.config["flattening_enabled"] is True
    with pytest.raises(TypeError):
        target.config["path"] = ""


@pytest.mark.parametrize("raw", [True, False])
def test_the_sdk_never_drains_a_sink_by_itself(load, raw, capsys):
    """A flush is one transaction over all streams; the SDK's draining goes stream by stream."""
    bad = [schema("t", {"id": "integer"}), record("t", id=1), record("t", id=2), record("t", id="x")]
    with pytest.raises(Exception, match="Line 4"):
        load(*bad, validate_records=not raw)
    assert load.rows("FROM t") == []


def test_stream_maps_and_flattening_of_the_sdk_apply(load):
    load(
        schema(
            "t",
            {
                "id": "integer",
                "email": "string",
                "o": {"type": "object", "properties": {"a": {"type": "integer"}}},
            },
        ),
        record("t", 7, id=1, email="x@example.com", o={"a": 2**53 + 1}),
        {"type": "ACTIVATE_VERSION", "stream": "t", "version": 7},
        stream_maps={"t": {"email": "md5(email)", "__alias__": "renamed"}},
        data_flattening_max_level=1,
    )
    assert load.rows("SELECT id, email, o__a FROM renamed") == [
        (1, "6d1db9ff40d653b409cda4c3ec45e5d7", 2**53 + 1)
    ]


def test_two_streams_of_one_alias_go_into_one_table(load):
    first, second = (
        schema("a", {"id": "integer", "x": "string"}),
        schema("b", {"id": "integer", "y": "string"}),
    )
    maps = {"a": {"__alias__": "both"}, "b": {"__alias__": "both"}}
    load(first, record("a", id=1, x="kept"), second, record("b", id=2, y="too"), stream_maps=maps)
    assert load.rows('FROM "both"') == [(1, "kept", None), (2, None, "too")]


def test_a_stream_that_stream_maps_remove_leaves_no_table(load):
    load(schema("t", {"id": "integer"}), record("t", id=1), stream_maps={"t": None})
    assert load.rows("SELECT table_name FROM duckdb_tables()") == []


def test_every_setting_of_the_other_target_is_known():
    names = """path filepath dbname database token delimiter quotechar batch_size_rows flush_all_streams
        default_target_schema schema_mapping add_metadata_columns hard_delete data_flattening_max_level
        primary_key_required validate_records temp_dir settings"""
    TargetDuckDB.append_builtin_config(TargetDuckDB.config_jsonschema)
    assert set(names.split()) <= set(TargetDuckDB.config_jsonschema["properties"])
