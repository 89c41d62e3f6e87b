"""`_singer.loads`: what each run has loaded into each table (target-duckdb/README.md, "Ledger")."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from singer_messages import activate, record, schema, state
from singer_target_duckdb.errors import LoaderError

T = schema("t", {"id": "integer"})
LOG = schema("log", {"id": "integer"}, [])


def rows_of(version, *ids):
    return [record("t", version, id=n) for n in ids]


def ledger(load, columns="records, rows_removed, rows_total, version, finished", table="t"):
    return load.rows(f"SELECT {columns} FROM _singer.loads WHERE table_name = '{table}' ORDER BY began_at")


@pytest.mark.parametrize("batch_size_rows", [1, 1000])
def test_each_run_has_one_row_per_table_however_often_it_flushes(load, batch_size_rows):
    config = {"batch_size_rows": batch_size_rows, "default_target_schema": "raw"}
    before = dt.datetime.now(dt.UTC)
    load(T, LOG, *rows_of(1, 1, 2, 3, 3), record("log", id=1), activate("t", 1), state(), **config)
    load(T, LOG, *rows_of(2, 3, 4), record("log", id=2), activate("t", 2), state(), **config)
    load(T, *rows_of(2, 4, 5), state(), **config)
    assert ledger(load) == [(4, 0, 3, 1, True), (2, 2, 2, 2, True), (2, 0, 3, 2, True)]
    assert ledger(load, table="log") == [(1, 0, 1, None, True), (1, 0, 2, None, True)]
    assert (
        ledger(
            load, "stream, table_schema, began_at > ?, committed_at > began_at".replace("?", f"'{before}'")
        )
        == [("t", "raw", True, True)] * 3
    )
    assert load.rows("SELECT count(DISTINCT run_id) FROM _singer.loads") == [(3,)]


def test_a_run_without_records_has_a_row_that_says_so(load):
    load(T, *rows_of(1, 1), activate("t", 1), state())
    load(T, state())
    load(T, activate("t", 2), state())
    assert ledger(load)[1:] == [(0, 0, 1, 1, True), (0, 1, 0, 2, True)]


def test_rows_that_records_delete_or_mark_are_counted(load):
    gone = [record("t", id=n, _sdc_deleted_at="2024-01-01T00:00:00Z") for n in (1, 9)]
    load(T, *rows_of(None, 1, 2), state())
    load(T, *gone, state())
    load(T, *rows_of(None, 1, 2, 3), state())
    load(T, *gone, state(), hard_delete=False)
    load(T, *gone, state(), hard_delete=False)
    load(T, *rows_of(1, 2), activate("t", 1), state(), hard_delete=False)
    load(T, *rows_of(2, 3), activate("t", 2), state(), hard_delete=False)
    assert [row[1:3] for row in ledger(load)] == [(0, 2), (1, 1), (0, 3), (1, 4), (0, 4), (0, 4), (1, 4)]


@pytest.mark.parametrize(
    ("messages", "records"),
    [
        (rows_of(2, 1, 2), 0),
        ([*rows_of(1, 1, 2)], 2),
        ([*rows_of(1, 2), state(currently_syncing="t")], 1),
        ([*rows_of(1, 2), state(bookmarks={"t": {"progress_markers": {"replication_key": "id"}}})], 1),
    ],
    ids=["version broken off", "no sign of the end", "named as being read", "bookmark in progress"],
)
def test_a_stream_that_nothing_shows_to_be_complete_is_not_finished(load, messages, records):
    load(T, *rows_of(1, 1), activate("t", 1), state())
    load.run(T, *messages)
    assert [(row[0], row[4]) for row in ledger(load)] == [(1, True), (records, False)]


def test_a_run_that_fails_has_a_row_for_what_it_had_committed(load):
    with pytest.raises(LoaderError):
        load(T, *rows_of(None, 1, 2), record("t", id="x"), batch_size_rows=2)
    assert ledger(load) == [(2, 0, 2, None, False)]


def test_old_rows_are_forgotten_and_without_days_none_is_written(load):
    load(T, state(), ledger_days=0)
    assert load.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'loads'") == [(0,)]
    load(T, state())
    load(T, state())
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("UPDATE _singer.loads SET committed_at = now() - INTERVAL 11 DAY, run_id = 'old'")
    load(T, state(), ledger_days=12)
    assert load.rows("SELECT count(*) FROM _singer.loads WHERE run_id = 'old'") == [(2,)]
    load(T, state(), ledger_days=10)
    assert load.rows("SELECT count(*) FROM _singer.loads WHERE run_id = 'old'") == [(0,)]
