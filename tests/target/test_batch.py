"""BATCH messages: files that DuckDB reads by itself."""

from __future__ import annotations

import gzip
import json

import duckdb
import pytest
from singer_messages import schema, state
from singer_target_duckdb.errors import LoaderError

T = schema("t", {"id": "integer", "name": "string", "at": "date-time", "list": "array"})
ROWS = [
    {"id": 1, "name": "", "at": "2024-01-01T10:00:00+02:00", "list": [1, "a"]},
    {"id": 2, "name": "b", "at": None},
    {"id": 1, "name": "last", "at": "2024-01-01T10:00:00+02:00", "list": []},
]
LOADED = [(1, "last", "2024-01-01 08:00:00+00", "[]"), (2, "b", None, None)]


@pytest.fixture(autouse=True)
def _working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def batch(path, kind="jsonl", compression="none"):
    encoding = {"format": kind, "compression": compression}
    return {"type": "BATCH", "stream": "t", "encoding": encoding, "manifest": [path.as_uri()]}


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("config", [{}, {"validate_records": True}])
def test_jsonl_files_are_merged(load, tmp_path, compression, config):
    path = tmp_path / "with [brackets] and spaces.jsonl"
    path.write_bytes(jsonl(ROWS) if compression == "none" else gzip.compress(jsonl(ROWS)))
    assert load(T, batch(path, compression=compression), state(done=1), **config) == [{"done": 1}]
    assert load.rows('SELECT id, name, "at"::VARCHAR, list FROM t ORDER BY id') == LOADED


@pytest.mark.parametrize("place", ["", "localhost/"])
def test_a_file_is_found_from_the_working_directory_or_from_the_root(load, tmp_path, monkeypatch, place):
    (tmp_path / "some folder").mkdir()
    (tmp_path / "some folder" / "b.jsonl").write_bytes(jsonl(ROWS))
    monkeypatch.chdir(tmp_path)
    path = f"{tmp_path.as_posix()[1:]}/some folder/b.jsonl" if place else "some folder/b.jsonl"
    load(T, batch(tmp_path) | {"manifest": [f"file://{place}{path}"]})
    assert load.rows("SELECT count(*) FROM t") == [(2,)]


@pytest.mark.parametrize("config", [{}, {"validate_records": True}])
def test_parquet_files_are_merged(load, tmp_path, config):
    path = tmp_path / "batch.parquet"
    duckdb.connect().execute(
        "COPY (SELECT * FROM (VALUES (1, 'a', TIMESTAMPTZ '2024-01-01 10:00:00+02', ['x', 'y']), (2, 'b', NULL, NULL)) "
        f"AS t(id, name, \"at\", list)) TO '{path}' (FORMAT parquet)"
    )
    load(T, batch(path, "parquet", None), **config)
    assert load.rows('SELECT id, name, "at"::VARCHAR, list FROM t ORDER BY id') == [
        (1, "a", "2024-01-01 08:00:00+00", '["x","y"]'),
        (2, "b", None, None),
    ]


def test_a_file_with_a_value_that_does_not_fit_is_named_by_column(load, tmp_path):
    path = tmp_path / "batch.jsonl"
    path.write_bytes(jsonl([*ROWS, {"id": "secret"}]))
    with pytest.raises(LoaderError, match="Line 2: the value of column 'id' in a record of stream 't'"):
        load(T, batch(path))
    assert load.rows("FROM t") == []


def test_a_file_that_is_not_there_or_not_readable_is_named(load, tmp_path):
    with pytest.raises(LoaderError, match=r"missing\.jsonl"):
        load(T, batch(tmp_path / "missing.jsonl"))
    with pytest.raises(LoaderError, match="format 'avro'"):
        load(T, batch(tmp_path / "x.avro", "avro"))
