"""Bad input ends the run with one sentence that says where, and never repeats a value."""

from __future__ import annotations

import io

import pytest
from singer_messages import lines, record, schema, state
from singer_target_duckdb import validation
from singer_target_duckdb.errors import LoaderError
from singer_target_duckdb.target import TargetDuckDB

T = schema("t", {"id": "integer", "name": "string"})
GOOD = record("t", id=1, name="a")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"not json", "Line 3 of the input is not a JSON object"),
        (b'{"type":"RECORD","stream":"t","record":{"id":3}', "Line 3 of the input is not a JSON object"),
        (b"[1]", "Line 3 of the input is not a JSON object"),
        (b'{"a":1}', "Line 3 of the input has no message `type`"),
        (b'{"type":"WHAT"}', "Line 3 has a message type that this target does not know"),
        (record("u", id=1), "Line 3: a record of stream 'u' came before its SCHEMA"),
        (b'{"type":"RECORD","stream":"t"}', "Line 3: a RECORD of stream 't' has no `record`"),
        (
            b'{"type":"RECORD","stream":"t","record":[1]}',
            "Line 3: the record of stream 't' is not a JSON object",
        ),
        (record("t", name="b"), "Line 3: a record of stream 't' has no value for its key 'id'"),
        (record("t", id=None), "Line 3: a record of stream 't' has no value for its key 'id'"),
        (b'{"type":"SCHEMA"}', "Line 3: a message of type SCHEMA has no `stream`"),
        (b'{"type":"RECORD","record":{}}', "Line 3: a message of type RECORD has no `stream`"),
        (
            b'{"type":"ACTIVATE_VERSION","stream":"","version":1}',
            "Line 3: a message of type ACTIVATE_VERSION has no",
        ),
        (b'{"type":"SCHEMA","stream":"u"}', "Line 3: the SCHEMA of stream 'u' has no `properties`"),
        (schema("u", {}, []), "Stream 'u' has a schema without properties"),
        (schema("u", {"id": "integer"}, ["key"]), "Stream 'u' names 'key' as its key"),
        (b'{"type":"STATE"}', "Line 3: a STATE message has no `value`"),
        (
            b'{"type":"ACTIVATE_VERSION","stream":"t","version":null}',
            "Line 3: ACTIVATE_VERSION for stream 't' has no whole number",
        ),
        (schema("a-t", {"id": "integer"}), "Streams 't' and 'a-t' would both go into table"),
    ],
)
def test_a_message_that_cannot_be_loaded_is_named(load, line, sentence):
    with pytest.raises(LoaderError, match=sentence):
        load(T, GOOD, line)


@pytest.mark.parametrize(
    ("kind", "value", "column_type"),
    [
        ("integer", "secret", "BIGINT"),
        ("integer", 1.5, "BIGINT"),
        ("integer", "", "BIGINT"),
        ("integer", 2**127, "BIGINT"),
        ("number", "secret", "DOUBLE"),
        ("number", b"1e400", "DOUBLE"),
        ("boolean", "secret", "BOOLEAN"),
        ("date", "2024-02-30", "DATE"),
        ("date", "2024-02-29T10:00:00Z", "DATE"),
        ("date", "epoch", "DATE"),
        ("date-time", "secret", "TIMESTAMP WITH TIME ZONE"),
        ("date-time", " -Infinity", "TIMESTAMP WITH TIME ZONE"),
        ("time", "epoch", "TIME"),
        ("time", "25:00:00", "TIME"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_line_stream_and_column(load, kind, value, column_type):
    bad = (
        record("t", id=2, v=value)
        if not isinstance(value, bytes)
        else (b'{"type":"RECORD","stream":"t","record":{"id":2,"v":%s}}' % value)
    )
    with pytest.raises(LoaderError) as caught:
        load(schema("t", {"id": "integer", "v": kind}), record("t", id=1, v=None), bad)
    assert str(caught.value) == (
        "Line 3: the value of column 'v' in a record of stream 't' (key 'id') does not fit the column's type, "
        f"{column_type}."
    )


@pytest.mark.parametrize("setting", ["validate_records", "flattening_enabled"])
def test_the_sentence_is_the_same_kind_when_records_pass_through_python(load, setting):
    with pytest.raises(LoaderError, match=r"Line 3: .*of stream 't'") as caught:
        load(T, GOOD, record("t", id="secret", name="b"), **{setting: True, "flattening_max_depth": 1})
    assert "secret" not in str(caught.value)


def test_a_line_among_others_of_its_stream_that_is_not_json_is_named(load):
    broken = lines(record("t", id=3, name="c"))[:-3] + b"}}{"
    with pytest.raises(LoaderError, match="Line 4 of the input is not a JSON object"):
        load(T, GOOD, record("t", id=2, name="b"), broken, record("t", id=4, name="d"))


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_a_last_line_that_was_cut_off_is_named(load, cut):
    text = lines(T, GOOD, record("t", id=2, name="b"))[: -1 - cut]
    with pytest.raises(LoaderError, match="Line 3 of the input is not a JSON object"):
        TargetDuckDB(config=load.config).listen(io.BytesIO(text))
    assert load.rows("FROM t") == []


def test_a_last_line_without_an_end_that_is_whole_is_loaded(load):
    TargetDuckDB(config=load.config).listen(io.BytesIO(lines(T, GOOD).rstrip()))
    assert load.rows("FROM t") == [(1, "a")]


def test_what_was_committed_stays_and_no_state_goes_beyond_it(load, capsys):
    with pytest.raises(LoaderError):
        load(T, GOOD, state(n=1), record("t", id=2), record("t", id="x"), state(n=2), batch_size_rows=2)
    assert load.rows("FROM t") == [(1, "a"), (2, None)]
    assert capsys.readouterr().out == '{"n": 1}\n'


def test_a_run_ends_with_one_sentence_and_exit_code_1(load):
    result = load.run(T, GOOD, record("t", id="secret"))
    errors = [line for line in result.stderr.decode().splitlines() if "INFO" not in line]
    assert result.returncode == 1
    assert len(errors) == 1
    assert "does not fit" in errors[0]
    assert b"secret" not in result.stderr
    assert result.stdout == b""


def test_an_expression_that_fails_on_a_record_is_named_without_the_value(load):
    with pytest.raises(
        LoaderError, match="Line 3: an expression in `stream_maps` cannot be applied"
    ) as caught:
        load(
            T,
            record("t", id=1, name="7"),
            record("t", id=2, name="secret"),
            stream_maps={"t": {"name": "str(int(name))"}},
        )
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("config", [{}, {"validate_records": True}])
def test_a_property_that_the_schema_lacks_is_said_once_without_its_value(load, caplog, config):
    more = [record("t", id=n, extra="secret", _sdc_deleted_at=None) for n in (1, 2)]
    load(T, *more, schema("t", {"id": "integer", "name": "string", "new": "date"}), *more, **config)
    said = [entry.getMessage() for entry in caplog.records if "extra" in entry.getMessage()]
    assert len(said) == 1
    assert "Property 'extra' in the records of stream 't' is not loaded" in said[0]
    assert "secret" not in caplog.text
    assert "_sdc_deleted_at" not in caplog.text


def test_the_schemas_true_false_and_null_are_flattened_and_checked(load):
    table = schema(
        "t", {"id": "integer", "no": False, "yes": True, "o": {"type": "object", "properties": {"x": None}}}
    )
    both = {"flattening_enabled": True, "flattening_max_depth": 1, "validate_records": True}
    load(table, record("t", id=1, yes=[1], o={"x": "a"}), **both)
    assert load.rows("SELECT id, yes, o__x FROM t") == [(1, "[1]", "a")]
    with pytest.raises(LoaderError, match=r"Line 2: property 'no' of stream 't' breaks the rule `not`"):
        load(table, record("t", id=1, no="secret"), validate_records=True)
    with pytest.raises(LoaderError, match="The schema of stream 't' cannot be flattened"):
        load(schema("t", {"id": "integer", "o": 5}), **both)


def test_a_record_whose_check_would_never_end_is_named(load, monkeypatch):
    monkeypatch.setattr(validation, "SECONDS", 0.1)
    table = schema("t", {"id": "integer", "name": {"type": "string", "pattern": "(a+)+$"}})
    with pytest.raises(
        LoaderError, match=r"^Line 3: a record of stream 't' cannot be checked .* within 0.1 seconds"
    ):
        load(
            table, record("t", id=1, name="aa"), record("t", id=2, name="a" * 60 + "b"), validate_records=True
        )
