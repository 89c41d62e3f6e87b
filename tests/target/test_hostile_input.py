"""Input that no sane tap writes, and files and settings from elsewhere: one sentence, or the right row."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess

import commands
import duckdb
import pytest
from commands import FORKS
from singer_messages import lines, record, schema, state
from singer_target_duckdb.database import Database
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.staging import StagingDirectory

T = schema("t", {"id": "integer", "name": "string", "o": "object"})
ODD = [1, 1.5, True, "x", [], [1], [[]], {}, {"a": 1}, None]
DEEP = "[" * 3000 + "]" * 3000


def batch(manifest, **encoding):
    encoding = {"format": "jsonl", "compression": "none", **encoding}
    return {"type": "BATCH", "stream": "t", "encoding": encoding, "manifest": manifest}


def load_or_refuse(load, *messages, **config):
    """Load; only a sentence with a line or a stream may stop it."""
    try:
        load(T, *messages, **config)
    except LoaderError as error:
        assert str(error).startswith(("Line ", "Stream ", "The schema of stream"))  # noqa: PT017


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("config", [{}, {"validate_records": True}], ids=str)
def test_parts_of_messages_of_the_wrong_type_end_in_a_sentence_or_a_row(load, odd, config):
    u = {
        "type": "SCHEMA",
        "stream": "u",
        "schema": {"properties": {"id": {"type": "integer"}}},
        "key_properties": [],
    }
    for key in ("stream", "schema", "key_properties"):
        load_or_refuse(load, u | {key: odd}, **config)
    for part in ("type", "format", "anyOf", "enum", "maximum", "$ref"):
        definition = {"type": ["null", "string"], part: odd} if part != "enum" else {part: odd}
        load_or_refuse(load, u | {"schema": {"properties": {"x": definition}}}, record("u", x="1"), **config)
    for key in ("stream", "record", "version", "time_extracted"):
        load_or_refuse(load, record("t", id=1) | {key: odd}, **config)
    for key in ("stream", "version"):
        activation = {"type": "ACTIVATE_VERSION", "stream": "t", "version": 1, key: odd}
        load_or_refuse(load, record("t", id=1), activation, **config)
    for key in ("stream", "encoding", "manifest"):
        load_or_refuse(load, batch([]) | {key: odd}, **config)
    load_or_refuse(load, batch([odd]), batch([], format=odd), batch([], compression=odd), **config)
    value = {"type": "STATE", "value": odd}
    load_or_refuse(
        load, value, state(bookmarks=odd), state(bookmarks={"t": odd}), record("t", 1, id=2), value, **config
    )


@pytest.mark.parametrize(
    "form",
    [
        '{"type":"RECORD","stream":"t","record":{"id":1,"o":%s}}',
        '{"type":"RECORD","stream":"t","record":{"id":1},"beside":%s}',
        '{"type":"STATE","value":%s}',
        '{"type":"SCHEMA","stream":"u","key_properties":[],"schema":{"properties":{"id":%s}}}',
        '{"type":"ACTIVATE_VERSION","stream":"t","version":%s}',
        '{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":%s}',
        "%s",
    ],
)
def test_three_thousand_levels_end_in_a_sentence(load, form):
    with pytest.raises(
        LoaderError, match="Line 3 of the input has values inside of values at too many levels"
    ):
        load(T, record("t", id=1), (form % DEEP).encode())


@pytest.mark.parametrize("version", ["1e9999999", "-1e9999999", "1" * 5000, "9223372036854775808", "NaN"])
def test_a_version_of_any_size_is_read_at_once(load, version):
    line = b'{"type":"RECORD","stream":"t","version":%s,"record":{"id":1}}' % version.encode()
    load_or_refuse(load, line)
    load_or_refuse(load, b'{"type":"ACTIVATE_VERSION","stream":"t","version":%s}' % version.encode())
    load_or_refuse(load, b'{"type":"STATE","value":{"bookmarks":{"t":{"version":%s}}}}' % version.encode(), T)


def test_lone_surrogates_are_replaced_wherever_they_stand(load):
    lone = b'"\\ud800"'
    load(
        b'{"type":"SCHEMA","stream":%b,"key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"},%b:{}}}}'
        % (lone, lone),
        b'{"type":"RECORD","stream":%b,"record":{"id":1,%b:%b}}' % (lone, lone, lone),
    )
    with duckdb.connect(str(load.path)) as connection:
        ((table,),) = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
        ).fetchall()
        assert connection.execute(f'FROM "{table}"').fetchall() == [(1, "\ufffd")]


def test_a_view_under_the_tables_name_and_a_generated_column_are_named(load):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute(
            "CREATE VIEW t AS SELECT 1 AS id; CREATE TABLE u (id BIGINT, n BIGINT AS (id + 1))"
        )
    with pytest.raises(LoaderError, match=r'"t" is a view'):
        load(T)
    with pytest.raises(LoaderError, match=r"Stream 'u' cannot be written into table .*generated column"):
        load(schema("u", {"id": "integer", "n": "integer"}), record("u", id=1, n=1))


def test_a_constraint_that_does_not_allow_a_row_is_named_without_the_value(load):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("CREATE TABLE t (id BIGINT, name VARCHAR CHECK (name <> 'secret'))")
    with pytest.raises(LoaderError, match=r"Stream 't': a constraint of table .* does not allow") as caught:
        load(T, record("t", id=1, name="secret"))
    assert "secret" not in str(caught.value)


def test_a_full_disk_for_temporary_files_is_named(load):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    many = lines(T, *(record("t", id=n, name="x" * 1000) for n in range(3000)))
    done = subprocess.run(load.command(), input=many, capture_output=True, check=False, preexec_fn=limit)
    assert done.returncode == 1
    assert b"set `temp_dir` to another" in done.stderr
    assert b"Traceback" not in done.stderr


# BATCH


@pytest.mark.parametrize("kind", ["outside", "link", "pipe", "device", "glob", "http", "folder", "[", "zero"])
def test_a_batch_file_is_a_regular_one_in_an_allowed_folder(load, tmp_path, monkeypatch, kind):
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "rows.jsonl").write_text('{"id": 1}\n')
    monkeypatch.chdir(inside)
    (inside / "link").symlink_to(outside / "rows.jsonl")
    os.mkfifo(inside / "pipe")
    addresses = {
        "outside": (outside / "rows.jsonl").as_uri(), "link": "file://link", "pipe": "file://pipe",
        "device": "file:///dev/zero", "glob": "file://*.jsonl", "http": "http://127.0.0.1:1/rows.jsonl",
        "folder": inside.as_uri(), "[": "file://[a/x", "zero": "file://%00",
    }  # fmt: skip
    with pytest.raises(LoaderError, match=r"Line 2: (the BATCH file|a BATCH file) .*(not|cannot)"):
        load(T, batch([addresses[kind]]))
    load(T, batch(["file://rows.jsonl"]))
    load(T, batch([(outside / "rows.jsonl").as_uri()]), batch_dir=str(outside))


@pytest.mark.parametrize("packed_as_a_whole", [False, True])
def test_parquet_with_gzip_is_read(load, tmp_path, monkeypatch, packed_as_a_whole):
    monkeypatch.chdir(tmp_path)
    duckdb.sql("COPY (SELECT 1 AS id, 'a' AS name) TO 'rows.parquet' (FORMAT parquet, COMPRESSION gzip)")
    if packed_as_a_whole:
        file = tmp_path / "rows.parquet"
        file.write_bytes(gzip.compress(file.read_bytes()))
    load(T, batch(["file://rows.parquet"], format="parquet", compression="gzip"))
    assert load.rows("SELECT id, name FROM t") == [(1, "a")]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_batch_file_that_unpacks_to_too_much_or_is_damaged_is_named(load, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    bomb = gzip.compress(b'{"id": 1, "name": "' + b"x" * (100 << 20) + b'"}\n', 1)
    for content in (bomb, bomb[:1000], b"secret"):
        (tmp_path / "rows").write_bytes(content)
        with pytest.raises(LoaderError, match=r"Line 2: the BATCH file .*rows cannot be read") as caught:
            load(T, batch(["file://rows"], format=kind, compression="gzip"))
        assert "secret" not in str(caught.value)
    assert load.rows("FROM t") == []


# Settings and secrets


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"encryption_key": ""}, "`encryption_key` is empty"),
        ({"encryption_key": "s3cret", "path": "ducklake:x.ducklake"}, "`encryption_key` is for database files"),
        ({"encryption_key": "s3cret", "path": "md:x"}, "`encryption_key` is for database files"),
        ({"encryption_key": 12345678}, "`encryption_key` must be text"),
        ({"token": ["s3cret"]}, "`token` must be text"),
        ({"stream_map_config": "s3cret"}, "`stream_map_config` must be a JSON object"),
        ({"settings": {"threads": "s3cret"}}, "`settings`: DuckDB does not take 'threads'"),
        ({"path": "postgres:host=127.0.0.1 password=s3cret"}, "`path` names no DuckDB file"),
        ({"path": "https://127.0.0.1:1/x.duckdb?token=s3cret"}, "`path` names no DuckDB file"),
        ({"temp_dir": "s3cret\0"}, "The folder that `temp_dir` names cannot be made"),
        ({"temp_dir": "/dev/null"}, "The folder that `temp_dir` names cannot be made"),
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named_without_its_value(load, config, sentence):
    done = load.run(T, **config)
    assert done.returncode == 1
    assert sentence in done.stderr.decode()
    assert b"s3cret" not in done.stderr + done.stdout
    assert b"Traceback" not in done.stderr


def test_an_address_is_said_without_its_query(load, monkeypatch):
    def refuse(address, **_):
        raise duckdb.IOException(f"IO Error: no {address}")

    monkeypatch.setattr(duckdb, "connect", refuse)  # a real one would go to MotherDuck
    with pytest.raises(LoaderError, match=r"^Cannot connect to md:x: IO Error") as caught:
        Database({"path": "md:x?motherduck_token=s3cret"}, load.path.parent)
    assert "s3cret" not in str(caught.value)


def test_an_empty_key_in_the_environment_is_refused_too(load):
    command = [*load.command()[:1], "--config=ENV"]
    environment = {
        "TARGET_DUCKDB_PATH": str(load.path),
        "TARGET_DUCKDB_ENCRYPTION_KEY": "",
        "PATH": os.environ["PATH"],
    }
    done = commands.run(command, env=environment)
    assert (done.returncode, "`encryption_key` is empty" in done.stderr) == (1, True)
    assert not load.path.exists()


def test_what_a_stream_map_sees_is_in_no_log_at_any_level(load):
    maps = {"t": {"name": "record.get('name').upper()", "__filter__": "record.get('name')"}}
    file = load.path.with_name("debug.json")
    file.write_text(json.dumps(load.config | {"stream_maps": maps}))
    environment = os.environ | {"TARGET_DUCKDB_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG"}
    command = [load.command()[0], "--config", str(file)]
    messages = lines(T, record("t", id=1, name="s3cret"))
    done = commands.run(command, messages, env=environment, check=True)
    assert b"s3cret" not in done.stderr.lower()
    assert load.rows("SELECT name FROM t") == [("S3CRET",)]


def test_extensions_come_only_where_the_settings_say_so(load):
    query = (
        "SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions')"
    )
    for settings, expected in (({}, (False, False)), ({"autoload_known_extensions": True}, (False, True))):
        opened = Database(load.config | {"settings": settings}, load.path.parent)
        assert opened.rows(query) == [expected]
        opened.close()


# Temporary folders


def test_only_abandoned_folders_with_the_mark_are_removed(tmp_path):
    mine = tmp_path / "target-duckdb-of-mine"
    mine.mkdir()
    (mine / "notes").write_text("keep")
    (mine / "lock").write_text("")
    (tmp_path / "target-duckdb-link").symlink_to(mine)
    left = StagingDirectory(str(tmp_path))
    left.remove.detach()[2][1].close()  # as a killed process leaves it
    StagingDirectory(str(tmp_path)).remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target-duckdb-link", "target-duckdb-of-mine"]
    assert (mine / "notes").read_text() == "keep"


def come_and_go(folder, together):
    together.wait()
    for _ in range(60):
        directory = StagingDirectory(str(folder))
        assert (directory.path / "lock").exists()
        directory.remove()


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.full)])
def test_loaders_that_start_at_once_do_not_remove_each_others_folders(tmp_path, rounds):
    for _ in range(rounds):
        together = FORKS.Barrier(6)
        started = [FORKS.Process(target=come_and_go, args=(tmp_path, together)) for _ in range(6)]
        for process in started:
            process.start()
        for process in started:
            process.join()
        assert [process.exitcode for process in started] == [0] * 6
        assert list(tmp_path.iterdir()) == []
