"""A stream's schema changes: nothing is dropped, columns grow in place."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from singer_messages import record, schema
from singer_target_duckdb.errors import LoaderError


def test_a_new_column_is_added_and_a_vanished_one_stays(load):
    load(schema("t", {"id": "integer", "old": "string"}), record("t", id=1, old="a"))
    load(schema("t", {"id": "integer", "new": "string"}), record("t", id=2, new="b"))
    assert load.rows("FROM t") == [(1, "a", None), (2, None, "b")]


@pytest.mark.parametrize(
    ("before", "value", "after", "later", "column_type", "expected"),
    [
        ("integer", 1, "number", 1.5, "DOUBLE", [1.0, 1.5]),
        ("integer", 1, "string", "x", "VARCHAR", ["1", "x"]),
        ("integer", 2**53 + 1, "number", 1.5, "VARCHAR", [str(2**53 + 1), "1.5"]),
        ("number", 1.5, "integer", 2, "DOUBLE", [1.5, 2.0]),
        ("date", "2024-01-02", "date-time", "2024-01-02T03:04:05Z", "TIMESTAMP WITH TIME ZONE", None),
        ("date-time", "2024-01-01T00:00:00Z", "date", "2024-01-02", "TIMESTAMP WITH TIME ZONE", None),
        ("object", {"a": 1}, "string", "x", "VARCHAR", ['{"a":1}', "x"]),
        ("string", "x", "integer", 5, "VARCHAR", ["x", "5"]),
        ("boolean", True, "integer", 5, "VARCHAR", ["true", "5"]),
    ],
)
def test_a_column_takes_the_type_that_holds_both(load, before, value, after, later, column_type, expected):
    load(
        schema("t", {"id": "integer", "v": before}),
        record("t", id=1, v=value),
        schema("t", {"id": "integer", "v": after}),
        record("t", id=2, v=later),
    )
    assert load.types()["v"] == column_type
    if expected:
        assert load.rows("SELECT v FROM t ORDER BY id") == [(value,) for value in expected]


@pytest.mark.parametrize("null", [{"type": "null"}, {"anyOf": [{"type": ["null"]}]}])
def test_null_alone_is_no_type(load, null):
    load(schema("t", {"id": "integer", "a": null, "b": "date"}), record("t", id=1, b="2024-01-02"))
    load(schema("t", {"id": "integer", "a": "number", "b": null}), record("t", id=2, a=1.5))
    load(schema("t", {"id": "integer", "a": null, "b": null}), record("t", id=3, a=2, b="2024-01-03"))
    assert load.types() == {"id": "BIGINT", "a": "DOUBLE", "b": "DATE"}
    assert load.rows("SELECT a, b::VARCHAR FROM t ORDER BY id") == [
        (None, "2024-01-02"),
        (1.5, None),
        (2.0, "2024-01-03"),
    ]


def test_a_whole_number_too_large_for_bigint_widens_its_column(load):
    wide = schema("t", {"id": "integer", "v": "integer"})
    load(wide, record("t", id=1, v=1))
    load(wide, record("t", id=2, v=2**64), record("t", id=3, v=-(2**63) - 1))
    assert load.types()["v"] == "HUGEINT"
    assert load.rows("SELECT v FROM t ORDER BY id") == [(1,), (2**64,), (-(2**63) - 1,)]


def test_times_with_an_offset_turn_their_column_into_text(load):
    table = schema("t", {"id": "integer", "at": "time"})
    load(table, record("t", id=1, at="10:00:00"))
    load(table, record("t", id=2, at="11:00:00+05:30"), record("t", id=3, at="12:00:00"))
    assert load.types()["at"] == "VARCHAR"
    assert load.rows("FROM t") == [(1, "10:00:00"), (2, "11:00:00+05:30"), (3, "12:00:00")]
    with pytest.raises(
        LoaderError, match=r"Line 2: the value of column 'at' .* does not fit the column's type, TIME"
    ):
        load(schema("u", {"id": "integer", "at": "time"}), record("u", id=1, at="noon"))


@pytest.mark.parametrize("kind", ["date", "date-time", "time"])
def test_a_format_or_any_text_is_the_format_until_another_text_comes(load, kind):
    values = {"date": "2024-01-02", "date-time": "2024-01-02T03:04:05Z", "time": "10:00:00"}
    either = {"anyOf": [{"type": "string", "format": kind}, {"type": ["string", "null"]}]}
    messages = [
        schema("t", {"id": "integer", "v": either, "n": "number"}),
        record("t", id=1, v=values[kind], n=1),
    ]
    load(*messages)
    assert (
        load.types()["v"] == {"date": "DATE", "date-time": "TIMESTAMP WITH TIME ZONE", "time": "TIME"}[kind]
    )
    load(*messages, record("t", id=2, v="soon", n=2), record("t", id=3, v=""))
    load(*messages)
    assert load.types()["v"] == "VARCHAR"
    assert load.rows("SELECT v FROM t ORDER BY id") == [(values[kind],), ("soon",), ("",)]


def test_text_dates_become_dates_where_all_of_them_are(load):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute(
            "CREATE TABLE t (id HUGEINT PRIMARY KEY, good VARCHAR, bad VARCHAR, moment TIMESTAMP)"
        )
        connection.execute("INSERT INTO t VALUES (1, '2024-01-02', 'soon', '2024-01-02 03:04:05')")
    load(
        schema("t", {"id": "integer", "good": "date", "bad": "date", "moment": "date-time"}),
        record("t", id=1, good="2024-01-03", bad="2024-01-03", moment="2024-01-02T05:04:05+02:00"),
        record("t", id=2, good=None, bad=None, moment=None),
    )
    assert load.types() == {
        "id": "HUGEINT",
        "good": "DATE",
        "bad": "VARCHAR",
        "moment": "TIMESTAMP WITH TIME ZONE",
    }
    assert load.rows("FROM t") == [
        (1, dt.date(2024, 1, 3), "2024-01-03", dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        (2, None, None, None),
    ]


def test_a_schema_sent_twice_changes_nothing(load):
    same = schema("t", {"id": "integer"})
    load(same, record("t", id=1), same, record("t", id=2))
    assert load.rows("FROM t") == [(1,), (2,)]


def test_smaller_whole_numbers_stay_until_a_value_needs_more(load):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("CREATE TABLE t (id SMALLINT PRIMARY KEY, a UINTEGER, b TINYINT)")
        connection.execute("INSERT INTO t VALUES (1, 1, 1)")
    table = schema("t", {"id": {"type": "integer", "maximum": 300}, "a": "integer", "b": "integer"})
    load(table, record("t", id=300, a=300, b=-128))
    assert load.types() == {"id": "SMALLINT", "a": "UINTEGER", "b": "TINYINT"}
    load(table, record("t", id=1, a=-1, b=2**70))
    assert load.types() == {"id": "SMALLINT", "a": "HUGEINT", "b": "HUGEINT"}
    assert load.rows("FROM t") == [(1, -1, 2**70), (300, 300, -128)]
    with pytest.raises(LoaderError, match=r"column 'b' .* does not fit"):
        load(table, record("t", id=1, b=1.5))


@pytest.mark.parametrize(
    ("kind", "column_type", "value", "other", "text"),
    [
        ("date", "VARCHAR", "2024-05-06", "2024-05-07", "2024-05-07"),
        (
            "date-time",
            "TIMESTAMP",
            "2024-05-06T09:00:00+02:00",
            "2024-05-06T08:00:00Z",
            "2024-05-06 08:00:00",
        ),
    ],
)
def test_a_key_with_an_index_keeps_the_type_that_holds_its_values(
    load, kind, column_type, value, other, text
):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute(f"CREATE TABLE t (k {column_type} PRIMARY KEY, v BIGINT)")
        connection.execute(
            f"INSERT INTO t VALUES ('{'2024-05-06' if kind == 'date' else '2024-05-06 07:00:00'}', 1)"
        )
    load(
        schema("t", {"k": kind, "v": "integer"}, ["k"]), record("t", k=value, v=2), record("t", k=other, v=3)
    )
    assert load.types()["k"] == column_type
    assert load.rows("SELECT v FROM t ORDER BY v") == [(2,), (3,)]
    assert load.rows("SELECT k::VARCHAR FROM t WHERE v = 3") == [(text,)]


def test_a_key_column_that_cannot_grow_is_named(load):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("CREATE TABLE t (id SMALLINT PRIMARY KEY)")
    with pytest.raises(
        LoaderError, match=r'Column "id" of table .* has type SMALLINT and would have to become HUGEINT'
    ):
        load(schema("t", {"id": "integer"}), record("t", id=40_000))


UPPER = "B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"


@pytest.mark.parametrize(
    ("column_type", "kind", "fits", "text", "other", "later_type"),
    [
        ("UUID", "string", UPPER, UPPER.lower(), "x", "VARCHAR"),
        ("ENUM('a', 'b')", "string", "b", "b", "c", "VARCHAR"),
        ("INTEGER[]", "array", [2, None], "[2, NULL]", [1.5], "VARCHAR"),
        ("STRUCT(a INTEGER)", "object", {"a": 2}, "{'a': 2}", {"a": 2, "b": 3}, "VARCHAR"),
        ("UHUGEINT", "integer", 2**127, str(2**127), -1, "VARCHAR"),
        ("TIMESTAMP_S", "date-time", "2024-01-01T01:00:00+02:00", "2023-12-31 23:00:00", "2024-01-01T00:00:00.5Z",
         "TIMESTAMP WITH TIME ZONE"),
        ("TIMESTAMP_NS", "date-time", "2024-01-01T00:00:00.123456Z", "2024-01-01 00:00:00.123456",
         "9999-01-01T00:00:00Z", "VARCHAR"),
    ],
)  # fmt: skip
def test_a_users_type_stays_until_a_value_does_not_fit(
    load, column_type, kind, fits, text, other, later_type
):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute(f"CREATE TABLE t (id BIGINT, v {column_type})")
    table = schema("t", {"id": "integer", "v": kind})
    load(table, record("t", id=1, v=fits))
    assert (load.types()["v"], load.rows("SELECT v::VARCHAR FROM t")) == (column_type, [(text,)])
    load(table, record("t", id=2, v=other))
    assert load.types()["v"] == later_type
    assert load.rows("SELECT count(v) FROM t") == [(2,)]


@pytest.mark.parametrize(("value", "fits"), [(1.25, True), (1.255, False), (1e12, False)])
def test_a_users_decimal_is_never_rounded(load, value, fits):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("CREATE TABLE t (id BIGINT, v DECIMAL(10, 2))")
    messages = schema("t", {"id": "integer", "v": "number"}), record("t", id=1, v=value)
    if fits:
        load(*messages)
        assert load.rows("SELECT v::VARCHAR FROM t") == [("1.25",)]
        return
    with pytest.raises(LoaderError, match=r"'v' .* does not fit the column's type, DECIMAL\(10,2\)"):
        load(*messages)
