"""The files: who may read them, who can open them, and that none is left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time

import duckdb
import pytest
from commands import Started
from singer_messages import activate, lines, record, schema, state
from singer_target_duckdb.database import Database, catalog_name, motherduck_options
from singer_target_duckdb.errors import LoaderError

T = schema("t", {"id": "integer"})


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited in vain")


def test_database_and_temporary_files_are_for_their_owner_only(load):
    process = Started(load.command(batch_size_rows=2), stdin=subprocess.PIPE, umask=0)
    process.stdin.write(lines(T, record("t", id=1), record("t", id=2), record("t", id=3)))
    process.stdin.flush()
    wait_for(lambda: list(load.temp.glob("*/*.ndjson")))
    (directory,) = load.temp.iterdir()
    assert mode(directory) == 0o700
    files = [load.path, *directory.iterdir(), *load.path.parent.glob("*.wal")]
    assert {mode(path) for path in files} == {0o600}
    process.communicate()
    assert list(load.temp.iterdir()) == []
    assert mode(load.path) == 0o600


def test_files_of_a_killed_run_are_removed_and_those_of_a_living_one_stay(load):
    dead = Started(load.command(path=str(load.path) + ".dead"), stdin=subprocess.PIPE)
    wait_for(lambda: list(load.temp.glob("*/lock")))
    alive = Started(load.command(path=str(load.path) + ".alive"), stdin=subprocess.PIPE)
    wait_for(lambda: len(list(load.temp.glob("*/lock"))) == 2)
    dead.kill()
    dead.communicate()
    load(T)
    assert len(list(load.temp.iterdir())) == 1
    alive.communicate()
    assert list(load.temp.iterdir()) == []


@pytest.mark.timeout(120)
def test_a_version_is_parsed_early_and_not_seen_before_it_is_complete(load):
    load(T, record("t", 1, id=-1), activate("t", 1))
    versioned = [record("t", 2, id=n) for n in range(60_000)]
    process = Started(load.command(), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    with process.stdin, process.stderr:
        process.stdin.write(lines(T, *versioned[:-1], record("t", 2, id="no number")))
        process.stdin.flush()
        assert process.wait(timeout=60) == 1  # though the input goes on
        assert b"Line 60001: the value of column 'id'" in process.stderr.read()
    assert b"before version 2 was complete" in load.run(T, *versioned).stderr
    assert load.rows("FROM t") == [(-1,)]
    load(T, *versioned, activate("t", 2))
    assert load.rows("SELECT count(*), min(id), max(id) FROM t") == [(60_000, 0, 59_999)]


def test_sigterm_loads_what_has_arrived_and_leaves_nothing_behind(load):
    process = Started(load.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(lines(T, record("t", id=1), state(n=1)) + b'{"type":"RECORD","stream":"t","rec')
    process.stdin.flush()
    wait_for(lambda: list(load.temp.glob("*/*.ndjson")))
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + signal.SIGTERM, b'{"n": 1}\n')
    assert b"Traceback" not in err
    assert load.rows("FROM t") == [(1,)]
    assert list(load.temp.iterdir()) == []


def test_further_signals_while_the_rest_is_loaded_change_nothing(load):
    messages = lines(T, *(record("t", id=n) for n in range(200_000)), state(n=1))
    process = Started(load.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(messages)
    process.stdin.flush()
    staged = len(messages) - (1 << 20)
    wait_for(lambda: sum(file.stat().st_size for file in load.temp.glob("*/*.ndjson")) > staged)
    process.send_signal(signal.SIGINT)  # as Ctrl-C reaches it under Meltano, which sends another one
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    log = process.communicate(timeout=60)[1].decode()
    assert "Stopped by signal 2; what had arrived is loaded." in log
    assert "Traceback" not in log
    assert load.rows("SELECT count(*) > 100_000 FROM t") == [(True,)]


def test_a_folder_without_space_for_records_is_named(load):
    limit = ["sh", "-c", 'ulimit -f 2048; exec "$@"', "sh"]  # blocks of 512 or 1,024 bytes
    messages = lines(T, *(record("t", id=n) for n in range(100_000)))
    done = subprocess.run([*limit, *load.command()], input=messages, capture_output=True, check=False)
    assert done.returncode == 1
    assert f"Records cannot be staged in {load.temp}".encode() in done.stderr
    assert b"set `temp_dir` to another folder." in done.stderr
    assert list(load.temp.iterdir()) == []


def test_a_database_open_elsewhere_is_named_and_can_be_waited_for(load):
    load(T)
    hold = f"import duckdb; c = duckdb.connect({str(load.path)!r}); print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", hold], **pipes) as holder:
        holder.stdout.readline()
        with subprocess.Popen(load.command(lock_timeout=600), **pipes) as waiting:
            wait_for(lambda: list(load.temp.glob("*/lock")))
            waiting.terminate()
            try:
                assert waiting.wait(timeout=60) == 128 + signal.SIGTERM
            finally:
                waiting.kill()
        assert list(load.temp.iterdir()) == []
        with pytest.raises(LoaderError, match=rf"is open in another process \(PID {holder.pid}\)"):
            load(T)
        threading.Timer(1, os.write, [holder.stdin.fileno(), b"\n"]).start()
        assert load(T, state(n=1), lock_timeout=60) == [{"n": 1}]


def test_a_loader_that_cannot_begin_breaks_no_pipe_of_a_tap_that_is_done(load, tmp_path):
    """Meltano would show three tracebacks, after the loader's sentence."""
    more_than_a_pipe_holds = lines(T, *(record("t", id=n) for n in range(100_000)))
    loader = Started(load.command(path=str(tmp_path)), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    loader.stdin.write(more_than_a_pipe_holds)
    loader.stdin.close()
    with loader.stderr:
        assert b"names a folder" in loader.stderr.read()
    assert loader.wait() == 1


def test_a_new_file_has_the_oldest_storage_version_an_old_one_its_own(load, tmp_path):
    load(T)
    newer = tmp_path / "newer.duckdb"
    duckdb.connect(str(newer), config={"storage_compatibility_version": "latest"}).close()
    load(T, record("t", id=1), path=str(newer))
    tags = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal"
    assert load.rows(tags)[0][0].startswith("v1.0.0")
    with duckdb.connect(str(newer)) as connection:
        assert not connection.execute(tags).fetchone()[0].startswith("v1.0.0")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"path": ""}, "Setting `path` is missing"),
        ({"path": "/proc/none/x.duckdb"}, "`path` names cannot be made or read: No such file or directory"),
        ({"path": "x\0"}, "`path` names no DuckDB file"),
        ({"path": ":memory:"}, "`path` names no DuckDB file"),
        ({"path": "x\ud800"}, "`path` must be text in quotes, in UTF-8"),
        ({"path": "~x/x"}, "The file that `path` names cannot be made or read: there is no such user"),
        ({"path": "x" * 500}, "The file that `path` names cannot be made or read: File name too long"),
        ({"path": "."}, "`path` names a folder, a device or the like"),
        ({"dbname": "System"}, "`dbname` is the name of a database that DuckDB has by itself"),
        ({"default_target_schema": "PG_catalog"}, "set `default_target_schema` or `schema_mapping`"),
        ({"default_target_schema": "_singer"}, "set `default_target_schema` or `schema_mapping`"),
        ({"path": __file__}, "not a valid DuckDB database file"),
        ({"storage_version": "v9"}, "`storage_version` is not a version that this DuckDB can write"),
        ({"settings": {"threadz": 1}}, "DuckDB does not take 'threadz'"),
        ({"settings": {"x; DROP TABLE t": 1}}, "DuckDB does not take 'x; DROP TABLE t'"),
    ],
)
def test_a_database_that_cannot_be_opened_is_explained(load, config, sentence):
    with pytest.raises(LoaderError, match=sentence):
        load(T, **config)


def test_encryption_either_works_or_says_what_is_missing(load):
    key = {"encryption_key": "sesame", "settings": {"autoinstall_known_extensions": "false"}}
    try:
        load(T, record("t", id=1), **key)
    except LoaderError as error:
        assert "DuckDB's extension httpfs" in str(error)  # noqa: PT017
        return
    load(T, record("t", id=2), **key)
    assert b"PRIMARY" not in load.path.read_bytes()
    with pytest.raises(LoaderError, match="does not open with this `encryption_key`"):
        load(T, **(key | {"encryption_key": "wrong"}))
    with pytest.raises(LoaderError, match="is encrypted; set `encryption_key`"):
        load(T)


def test_the_encryption_key_is_in_no_log(load):
    load(T)
    result = load.run(T, encryption_key="open-sesame", settings={"autoinstall_known_extensions": "false"})
    assert b"is not encrypted, but `encryption_key` is set" in result.stderr
    assert b"sesame" not in result.stderr + result.stdout


def test_motherduck_addresses_and_tokens_go_through():
    assert catalog_name("md:", {}) == "my_db"
    assert catalog_name("md:warehouse", {}) == "warehouse"
    assert catalog_name("motherduck:warehouse", {"dbname": "other"}) == "other"
    assert motherduck_options({"token": "t"}) == {"motherduck_token": "t"}
    assert motherduck_options({}) == {}


@pytest.mark.parametrize("name", ["main", "Main", "temp"])
def test_a_file_may_have_a_name_that_duckdb_reserves(load, tmp_path, name):
    load.path = tmp_path / f"{name}.duckdb"
    load(schema("t", {"id": "integer"}), record("t", id=1), path=str(load.path))
    with duckdb.connect(str(load.path)) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize("path", ["file:x.duckdb", "file://x.duckdb", "duckdb:x.duckdb", "~/x.duckdb"])
def test_a_path_may_be_written_in_many_ways(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Database({"path": path}, tmp_path).close()
    assert len(list(tmp_path.rglob("x.duckdb"))) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_catalog_names_follow_the_file():
    assert catalog_name("/data/hr.duckdb", {}) == "hr"
    assert catalog_name("/data/temp.duckdb", {}) == "temp_db"
    assert catalog_name("//[a/hr?.duckdb", {}) == "hr?"
    assert catalog_name("hr.duckdb", {"database": "other"}) == "other"
