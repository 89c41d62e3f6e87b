"""Types: every JSON type has its column, and every value arrives as it was."""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import pytest
from singer_messages import record, schema
from singer_target_duckdb import staging
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.staging import StagingFile

UTC = dt.UTC
MOMENT_OR_TEXT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}


def test_each_json_type_has_its_column_type_and_keeps_the_schemas_order(load):
    properties = {
        "id": "integer",
        "z_number": "number",
        "flag": "boolean",
        "day": "date",
        "moment": "date-time",
        "clock": "time",
        "thing": "object",
        "list": "array",
        "text": "string",
        "mixed": {"type": ["integer", "string"]},
        "either": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]},
        "huge": {"type": "integer", "maximum": 2**64},
        "bounded": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
        "anything": {},
    }
    load(schema("t", properties))
    assert list(load.types().items()) == [
        ("id", "BIGINT"),
        ("z_number", "DOUBLE"),
        ("flag", "BOOLEAN"),
        ("day", "DATE"),
        ("moment", "TIMESTAMP WITH TIME ZONE"),
        ("clock", "TIME"),
        ("thing", "JSON"),
        ("list", "JSON"),
        ("text", "VARCHAR"),
        ("mixed", "VARCHAR"),
        ("either", "DATE"),
        ("huge", "HUGEINT"),
        ("bounded", "BIGINT"),
        ("anything", "VARCHAR"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "", ""),
        ("string", "a\x00b", "a\x00b"),
        ("string", "null", "null"),
        ("string", None, None),
        ("integer", 2**53 + 1, 2**53 + 1),
        ("integer", -(2**63), -(2**63)),
        ("integer", 2**63, 2**63),
        ("integer", 1.0, 1),
        ("number", 0.1 + 0.2, 0.1 + 0.2),
        ("number", 1e308, 1e308),
        ("integer", "12", 12),
        ("integer", True, 1),
        ("number", 7, 7.0),
        ("number", "0.5", 0.5),
        ("number", False, 0.0),
        ("boolean", False, False),
        ("date", "2024-02-29", dt.date(2024, 2, 29)),
        ("date", "2024-02-29T00:00:00+02:00", dt.date(2024, 2, 29)),
        ("date-time", "2024-01-01T10:00:00+02:00", dt.datetime(2024, 1, 1, 8, tzinfo=UTC)),
        ("date", "2024-02-29t00:00:00z", dt.date(2024, 2, 29)),
        ("date-time", "2024-01-01t10:00:00.5z", dt.datetime(2024, 1, 1, 10, 0, 0, 500000, tzinfo=UTC)),
        ("date-time", "2024-01-01t10:00:00+02:00", dt.datetime(2024, 1, 1, 8, tzinfo=UTC)),
        (MOMENT_OR_TEXT, "2024-01-01T10:00:00z", dt.datetime(2024, 1, 1, 10, tzinfo=UTC)),
        (MOMENT_OR_TEXT, "-infinity", "-infinity"),
        ("date-time", "2024-01-01T10:00:00.123456Z", dt.datetime(2024, 1, 1, 10, 0, 0, 123456, tzinfo=UTC)),
        ("date-time", "2024-01-01T10:00:00", dt.datetime(2024, 1, 1, 10, tzinfo=UTC)),
        ("date-time", "2024-01-01", dt.datetime(2024, 1, 1, tzinfo=UTC)),
        ("time", "10:11:12.5", dt.time(10, 11, 12, 500000)),
        ("object", {"a": [1, {"b": None}], "é": "ü"}, '{"a":[1,{"b":null}],"é":"ü"}'),
        ("array", [], "[]"),
        ({}, {"a": 1}, '{"a":1}'),
        ({"type": ["integer", "string"]}, 12, "12"),
    ],
)
def test_a_value_arrives_as_it_was(load, kind, value, expected):
    load(schema("t", {"id": "integer", "value": kind}), record("t", id=1, value=value))
    assert load.rows("FROM t") == [(1, expected)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", [0, -1, 2**53 - 1, -(2**53) + 1, 3.0, 1e3, "7", " 7 ", "1e3", "0x1F", True, False, None]),
        ("number", [0, -0.0, 2**53, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, "1.5", True, False, None]),
    ],
)
def test_a_number_is_the_same_whatever_digits_the_others_have(load, kind, values):
    messages = []
    for n, value in enumerate(values):
        row, long = record(f"quick_{n}", id=1, value=value), record(f"exact_{n}", id=2**62 + 1)
        messages += [schema(f"quick_{n}", {"id": "integer", "value": kind}), row]
        messages += [schema(f"exact_{n}", {"id": "integer", "value": kind}), long]
        messages += [record(f"exact_{n}", id=1, value=value)]
    load(*messages)
    for n in range(len(values)):
        rows = load.rows(f"SELECT id, value::VARCHAR FROM exact_{n} ORDER BY id")
        assert rows == [*load.rows(f"SELECT id, value::VARCHAR FROM quick_{n}"), (2**62 + 1, None)]


def test_keys_that_a_double_would_make_one_stay_two(load):
    table = schema("t", {"k": "number", "v": "integer"}, ["k"])
    load(table, record("t", k=1, v=1), record("t", k=2.5, v=1))
    assert load.types()["k"] == "DOUBLE"
    load(table, record("t", k=2**60 + 1, v=2), record("t", k=2**60, v=3), record("t", k=1.0, v=4))
    load(table, record("t", k=2**60, v=5), record("t", k=2.5, v=6))
    assert load.rows("SELECT k::VARCHAR, v FROM t ORDER BY k") == [
        ("1.0000000000", 4),
        ("2.5000000000", 6),
        ("1152921504606846976.0000000000", 5),
        ("1152921504606846977.0000000000", 2),
    ]
    with pytest.raises(LoaderError, match="Line 2: the value of column 'k'"):
        load(table, record("t", k=0.12345678901, v=1))


def test_moments_are_one_key_if_they_are_the_same_and_never_rounded_to_one(load):
    table = schema("t", {"at": "date-time", "v": "integer"}, ["at"])
    load(table, record("t", at="2024-01-01T10:00:00.123456000Z", v=1))
    load(table, record("t", at="2024-01-01t12:00:00.123456+02:00", v=2))
    assert load.rows("SELECT v FROM t") == [(2,)]
    with pytest.raises(LoaderError, match="Line 2: the value of column 'at'"):
        load(table, *(record("t", at=f"2024-01-01T10:00:00.123456{n}Z", v=n) for n in (1, 2)))


@pytest.mark.parametrize(
    "number",
    [
        "0.1000000000000000055",
        "31415926535897932384.626433",
        "-0.1234567890123456789",
        "99999999999999.999",
        str(7**40),
    ],
)
def test_every_digit_of_a_number_in_text_or_json_is_kept(load, number):
    table = schema(
        "t", {"id": "integer", "any": {}, "o": "object", "l": "array", "n": "number", "s": "string"}
    )
    text = (
        '{"type":"RECORD","stream":"t","record":{"id":%d,"any":%s,"o":{"a":%s,"b":"\\u00e9\\""},'
        '"l":[%s,null],"n":%s,"s":"1.50"}}'
    )
    load(
        table,
        *((text % (n, *[number] * 4)).encode() for n in (1, 2)),
        record("t", id=3, any="x", o=None, l=[0.1]),
    )
    row = (number, f'{{"a":{number},"b":"é\\""}}', f"[{number},null]", float(number), "1.50")
    assert load.rows('SELECT "any", o, l, n, s FROM t ORDER BY id') == [
        row,
        row,
        ("x", None, "[0.1]", None, None),
    ]


def test_a_number_is_looked_at_wherever_it_stands_and_a_text_is_not(tmp_path):
    """The file is read in pieces, so a number may begin in one and end in the next."""
    staged = StagingFile(tmp_path / "staged", 1)
    for before in range(50):
        text = "x" * (staging._BUFFER_BYTES - 50 + before)
        for rest, expected in (
            ('"n":0.1000000000000000055', True),
            ('"n":0.37000000000000005,"v":"1.234567890123456789"', False),
        ):
            staged.path.write_text(f'{{"t":"{text}",{rest}}}\n')
            assert staged.needs_all_digits() == expected


def test_minus_zero_keeps_its_sign(load):
    load(schema("t", {"id": "integer", "value": "number"}), record("t", id=1, value=-0.0))
    assert math.copysign(1, load.rows("SELECT value FROM t")[0][0]) == -1


def test_nan_as_python_writes_it_is_nan(load):
    load(schema("t", {"id": "integer", "value": "number"}), record("t", id=1, value=math.nan))
    assert math.isnan(load.rows("SELECT value FROM t")[0][0])


def test_a_lone_surrogate_is_replaced_and_the_last_of_equal_keys_counts(load):
    load(
        schema("t", {"id": "integer", "value": "string"}),
        b'{"type":"RECORD","stream":"t","record":{"id":1,"value":"a\\ud800b"}}',
        b'{"type":"RECORD","stream":"t","record":{"id":2,"value":"first","value":"last"}}',
        b'{"type":"RECORD","stream":"t","record":{"id":3,"value":"\\ud83d\\ude00"}}',
    )
    assert load.rows("FROM t") == [(1, "a\ufffdb"), (2, "last"), (3, "😀")]


def test_keys_that_differ_in_case_get_columns_of_their_own(load):
    load(
        schema("t", {"id": "integer", "Name": "string", "name": "string", "name_2": "string", "": "string"}),
        b'{"type":"RECORD","stream":"t","record":{"id":1,"Name":"A","name":"b","name_2":"c","":"d"}}',
    )
    assert list(load.types()) == ["id", "Name", "name_3", "name_2", "_"]
    assert load.rows("FROM t") == [(1, "A", "b", "c", "d")]


def test_names_are_told_apart_as_duckdb_tells_them_apart(load):
    names = {
        "\u0130D": "integer",
        "I\u0307D": "integer",
        "\u03a3": "integer",
        "\u03c2": "integer",
        "\u03c3": "integer",
    }
    for stream in ("\u00c4", "\u00e4"):
        for value in (1, 2):
            load(schema(stream, names, ["\u0130D"]), record(stream, version=7, **dict.fromkeys(names, value)))
        assert list(load.types(stream)) == list(names)
        assert load.rows(f'FROM "{stream}"') == [(1,) * 5, (2,) * 5]


@pytest.mark.parametrize("config", [{}, {"validate_records": True}])
def test_the_metadata_columns_of_another_loader_go_on(load, config):
    with duckdb.connect(str(load.path)) as connection:
        connection.execute(
            "CREATE TABLE t (_sdc_batched_at TIMESTAMP, _sdc_extracted_at TIMESTAMP, id HUGEINT)"
        )
        connection.execute("INSERT INTO t SELECT '2020-01-01', '2020-01-01', unnest([1, 2])")
    load(
        schema("t", {"id": "integer"}),
        record("t", id=1) | {"time_extracted": "2024-05-06T07:08:09+02:00"},
        record("t", id=3),
        b'{"type":"RECORD","stream":"t","record":{"id":4,"id":4},"time_extracted":"2024-05-06t05:08:09z"}',
        record("t", id=5) | {"time_extracted": "epoch"},
        **config,
    )
    assert list(load.types()) == ["_sdc_batched_at", "_sdc_extracted_at", "id"]
    old, new = dt.datetime(2020, 1, 1, tzinfo=UTC), dt.datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    found = load.rows("SELECT id, _sdc_extracted_at, year(_sdc_batched_at) > 2020 FROM t ORDER BY id")
    assert found == [(1, new, True), (2, old, False), (3, None, True), (4, new, True), (5, None, True)]


def test_a_local_time_is_never_shifted_and_keeps_an_offset_as_text(load):
    properties = {"id": "integer", "at": {"type": ["string", "null"], "format": "date-time-local"}}
    load(
        schema("t", properties, keys=["id"]),
        record("t", id=1, at="2026-03-29T02:30:00"),
        record("t", id=2, at=None),
    )
    assert load.types()["at"] == "TIMESTAMP"
    assert load.rows('SELECT "at" FROM t ORDER BY id') == [(dt.datetime(2026, 3, 29, 2, 30),), (None,)]  # noqa: DTZ001
    load(schema("t", properties, keys=["id"]), record("t", id=3, at="2026-07-06T08:00:00+02:00"))
    assert load.types()["at"] == "VARCHAR"
    assert load.rows('SELECT "at" FROM t ORDER BY id') == [
        ("2026-03-29 02:30:00",), (None,), ("2026-07-06T08:00:00+02:00",),
    ]  # fmt: skip


def test_the_metadata_columns_come_only_when_asked_for(load):
    messages = [
        schema("t", {"id": "integer", "at": "date-time"}),
        record("t", id=1, at="2024-01-01T10:00:00+02:00") | {"time_extracted": "2024-05-06T07:08:09+00:00"},
    ]
    load(*messages)
    assert list(load.types()) == ["id", "at"]
    load(*messages, add_metadata_columns=True)
    assert {"_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at", "_sdc_deleted_at"} <= set(
        load.types()
    )
    assert load.rows('SELECT id, "at", _sdc_extracted_at FROM t') == [
        (1, dt.datetime(2024, 1, 1, 8, tzinfo=UTC), dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))
    ]
