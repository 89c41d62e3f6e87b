"""Merging by key, appending without, and the load methods."""

from __future__ import annotations

import duckdb
import pytest
from singer_messages import record, schema, state

T = schema("t", {"id": "integer", "name": "string"})


def test_the_last_record_of_a_key_wins_within_a_batch_and_across_batches(load):
    load(T, *(record("t", id=n % 3, name=f"round {n}") for n in range(9)), batch_size_rows=4)
    assert load.rows("FROM t") == [(0, "round 6"), (1, "round 7"), (2, "round 8")]
    load(T, record("t", id=1, name="later"))
    assert load.rows("FROM t") == [(0, "round 6"), (1, "later"), (2, "round 8")]


def test_arrival_order_decides_in_a_batch_that_is_read_in_parallel(load):
    rounds = [record("t", id=n % 7, name=f"{n:06d}" + "x" * 500) for n in range(60_000)]
    load(T, *rounds)
    assert [name[:6] for _, name in load.rows("FROM t")] == [
        f"{n:06d}" for n in (59997, 59998, 59999, *range(59993, 59997))
    ]


def test_a_composite_key_tells_rows_apart(load):
    composite = schema("t", {"a": "integer", "b": "string", "n": "integer"}, ["a", "b"])
    load(composite, record("t", a=1, b="x", n=1), record("t", a=1, b="y", n=2), record("t", a=1, b="x", n=3))
    assert load.rows("FROM t") == [(1, "x", 3), (1, "y", 2)]


def test_a_table_of_keys_only_merges(load):
    keys = schema("t", {"a": "integer"}, ["a"])
    load(keys, record("t", a=1), record("t", a=1))
    load(keys, record("t", a=1), record("t", a=2))
    assert load.rows("FROM t") == [(1,), (2,)]


def test_without_a_key_records_are_appended(load):
    keyless = schema("t", {"id": "integer"}, [])
    load(keyless, record("t", id=1), record("t", id=1))
    load(keyless, record("t", id=1))
    assert load.rows("FROM t") == [(1,), (1,), (1,)]


def test_a_property_that_a_record_lacks_becomes_null(load):
    load(T, record("t", id=1, name="a"), record("t", id=1))
    assert load.rows("FROM t") == [(1, None)]


def test_columns_that_the_stream_does_not_know_keep_their_values(load):
    load(T, record("t", id=1, name="a"), record("t", id=2, name="b"))
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("ALTER TABLE t ADD COLUMN note VARCHAR; UPDATE t SET note = 'mine' WHERE id = 1")
        connection.execute("ALTER TABLE t ADD COLUMN place VARCHAR DEFAULT 'here'")
    load(T, record("t", id=1, name="changed"), record("t", id=3, name="new"))
    assert load.rows("FROM t") == [
        (1, "changed", "mine", "here"),
        (2, "b", None, "here"),
        (3, "new", None, "here"),
    ]


def test_append_only_keeps_every_record(load):
    load(T, record("t", id=1, name="a"), record("t", id=1, name="b"), load_method="append-only")
    load(T, record("t", id=1, name="c"), load_method="append-only")
    assert load.rows("FROM t") == [(1, "a"), (1, "b"), (1, "c")]


def test_overwrite_leaves_only_this_runs_records(load):
    load(T, record("t", id=1, name="a"), record("t", id=2, name="b"))
    load(
        T,
        record("t", id=2, name="c"),
        record("t", id=2, name="d"),
        state(),
        load_method="overwrite",
        batch_size_rows=1,
    )
    assert load.rows("FROM t") == [(2, "d")]


@pytest.mark.parametrize("hard_delete", [True, False])
@pytest.mark.parametrize("declared", [{}, {"_sdc_deleted_at": "date-time"}])
def test_a_record_with_sdc_deleted_at_deletes_or_marks_its_row(load, hard_delete, declared):
    deleting = schema("t", {"id": "integer", **declared})
    load(T, record("t", id=1, name="a"), record("t", id=2, name="b"))
    load(
        deleting,
        record("t", id=1, _sdc_deleted_at="2024-01-01T00:00:00Z"),
        record("t", id=9, _sdc_deleted_at="2024-01-01T00:00:00Z"),
        record("t", id=3, _sdc_deleted_at=None),
        hard_delete=hard_delete,
    )
    if hard_delete:
        assert load.rows("SELECT id FROM t ORDER BY id") == [(2,), (3,)]
        assert list(load.types()) == ["id", "name"]
    else:
        marked = load.rows("SELECT id, _sdc_deleted_at IS NOT NULL FROM t ORDER BY id")
        assert marked == [(1, True), (2, False), (3, False), (9, True)]
