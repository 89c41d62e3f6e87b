"""Replacing tables with ACTIVATE_VERSION (target-duckdb/README.md, "Versions")."""

from __future__ import annotations

import duckdb
import pytest
from singer_messages import activate, record, schema, state
from singer_target_duckdb.errors import LoaderError

T = schema("t", {"id": "integer", "name": "string"})
OTHER = schema("other", {"id": "integer"})


def rows_of(version, *ids):
    return [record("t", version, id=n, name=f"v{version}") for n in ids]


@pytest.fixture
def filled(load):
    """A table that holds version 1, with rows 1 and 2."""
    load(T, *rows_of(1, 1, 2), activate("t", 1), state(bookmarks={"t": {"version": 1}}))
    assert load.rows("FROM t") == [(1, "v1"), (2, "v1")]
    return load


@pytest.mark.parametrize("batch_size_rows", [1, 1000])
def test_a_deleted_row_disappears_with_the_next_version(filled, batch_size_rows):
    messages = [T, *rows_of(2, 2, 3, 3), activate("t", 2), state(done=2)]
    assert filled(*messages, batch_size_rows=batch_size_rows)[-1] == {"done": 2}
    assert filled.rows("FROM t") == [(2, "v2"), (3, "v2")]


def test_a_run_that_dies_before_activate_version_changes_nothing(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, *rows_of(2, 3), state(bookmarks={"t": {"version": 1}}), batch_size_rows=1)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1")]


def test_no_state_is_written_that_came_while_a_version_was_staged(filled, capsys):
    with pytest.raises(LoaderError):
        filled(T, state(before=True), *rows_of(2, 3), state(during=True), batch_size_rows=1)
    assert capsys.readouterr().out == '{"before": true}\n'


def test_records_of_the_current_version_are_merged(filled):
    assert filled(T, *rows_of(1, 2, 3), state(done=1)) == [{"done": 1}]
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v1")]


def test_records_of_an_older_version_are_merged(filled):
    filled(T, *rows_of(0, 3), activate("t", 0), state())
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v0")]


def test_an_empty_version_empties_the_table_once_the_stream_has_ended(filled):
    filled(T, activate("t", 2), state(bookmarks={}))
    assert filled.rows("FROM t") == []


def test_an_activation_with_nothing_after_it_empties_nothing(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, activate("t", 2))
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1")]


@pytest.mark.parametrize("sign", [state(done=True), OTHER])
def test_activate_version_first_replaces_once_the_stream_has_ended(filled, sign):
    filled(T, activate("t", 2), *rows_of(2, 3), sign, batch_size_rows=1)
    assert filled.rows("FROM t") == [(3, "v2")]


def test_activate_version_first_replaces_nothing_when_records_just_stop(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, activate("t", 2), *rows_of(2, 3), batch_size_rows=1)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1")]


def test_activate_version_first_and_again_between_records_keeps_all(filled):
    """Child streams of the SDK say it again for each parent."""
    filled(T, activate("t", 2), *rows_of(2, 3), activate("t", 2), *rows_of(2, 4), OTHER, batch_size_rows=1)
    assert filled.rows("FROM t") == [(3, "v2"), (4, "v2")]


def test_a_new_table_takes_what_came_before_a_last_activation(load):
    load(T, activate("t", 2), *rows_of(2, 3), activate("t", 2))
    assert load.rows("FROM t") == [(3, "v2")]
    with pytest.raises(LoaderError, match="before version 4 was complete"):
        load(T, activate("t", 4), *rows_of(4, 5), activate("t", 4))
    assert load.rows("FROM t") == [(3, "v2")]
    load(T, activate("t", 5), *rows_of(5, 6), activate("t", 5), state())
    assert load.rows("FROM t") == [(6, "v5")]


def test_an_activation_before_the_schema_is_ignored_and_said(load, caplog):
    messages = [
        state(bookmarks={}),
        activate("t", 1),
        T,
        record("t", 2, id=1, name="a"),
        activate("t", 2),
        state(done=1),
    ]
    assert load(*messages) == [{"bookmarks": {}}, {"done": 1}]
    assert load.rows("SELECT id FROM t") == [(1,)]
    assert (
        "Line 2: ACTIVATE_VERSION for stream 't' is ignored; it came before the stream's SCHEMA."
        in caplog.text
    )


def test_activating_another_version_than_the_records_carry_removes_nothing(filled):
    filled(T, record("t", id=3, name="plain"), activate("t", 7), state())
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "plain")]


@pytest.mark.parametrize("batch_size_rows", [1, 1000])
def test_announcing_another_version_than_the_records_carry_removes_nothing(filled, batch_size_rows):
    filled(T, activate("t", 7), *rows_of(1, 2, 3), state(), batch_size_rows=batch_size_rows)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v1")]
    assert filled.rows("SELECT version FROM _singer.table_versions") == [(1,)]


def test_a_new_table_keeps_records_before_another_version_s_activation(load):
    assert load(T, *rows_of(4, 1, 2), activate("t", 6), state(done=6)) == [{"done": 6}]
    assert load.rows("FROM t") == [(1, "v4"), (2, "v4")]
    load(T, *rows_of(7, 2), activate("t", 7), state())
    assert load.rows("FROM t") == [(2, "v7")]


@pytest.mark.parametrize("activated", [(6, 4), (4, 6)])
def test_an_activation_without_records_beside_another_removes_nothing(load, activated):
    load(T, *rows_of(4, 1, 2), *(activate("t", version) for version in activated), state())
    assert load.rows("FROM t") == [(1, "v4"), (2, "v4")]


@pytest.fixture
def foreign(load):
    """A table that another program wrote, with rows 1 and 2; no version of it is known."""
    with duckdb.connect(str(load.path)) as connection:
        connection.execute("CREATE TABLE t AS FROM (VALUES (1, 'old'), (2, 'old')) AS rows (id, name)")
    return load


FIRST = {
    "activated after": lambda: [*rows_of(5, 2, 3), activate("t", 5), state(bookmarks={"t": {"version": 5}})],
    "activated before": lambda: [activate("t", 5), *rows_of(5, 2, 3), state(done=5)],
    "activated at both ends": lambda: [activate("t", 5), *rows_of(5, 2, 3), activate("t", 5)],
    "named by the state": lambda: [*rows_of(5, 2, 3), state(bookmarks={"t": {"version": 5, "at": 3}})],
}


@pytest.mark.parametrize("form", FIRST)
@pytest.mark.parametrize("settings", [{"batch_size_rows": 1}, {}, {"hard_delete": False}], ids=str)
def test_the_first_version_over_other_rows_is_merged_the_next_replaces(foreign, form, settings):
    known = state(bookmarks={"t": {"version": 5, "at": 1}})
    foreign(known, T, *FIRST[form](), **settings)
    merged = [(1, "old"), (2, "v5"), (3, "v5")]
    assert foreign.rows("SELECT id, name FROM t ORDER BY id") == merged
    if not settings.get("hard_delete", True):
        assert foreign.rows("SELECT count(_sdc_deleted_at) FROM t") == [(0,)]
        return
    foreign(T, *rows_of(6, 3), activate("t", 6), state(), **settings)
    assert foreign.rows("FROM t") == [(3, "v6")]


def test_a_first_version_without_records_leaves_rows_from_elsewhere(foreign):
    foreign(T, activate("t", 5), state())
    assert foreign.rows("FROM t") == [(1, "old"), (2, "old")]
    foreign(T, activate("t", 6), state())
    assert foreign.rows("FROM t") == []


def test_a_first_version_that_breaks_off_over_other_rows_loses_nothing(foreign):
    foreign(T, *rows_of(5, 2, 3))
    foreign(T, *rows_of(6, 3, 4), activate("t", 6), state())
    assert foreign.rows("FROM t") == [(1, "old"), (2, "v5"), (3, "v6"), (4, "v6")]


def test_versions_begin_where_append_only_ends(load):
    load(T, *rows_of(1, 1), *rows_of(2, 2), load_method="append-only")
    load(T, *rows_of(3, 2), activate("t", 3), state())
    assert load.rows("FROM t") == [(1, "v1"), (2, "v3")]


def test_versions_that_change_from_line_to_line_are_told_apart(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(
            T, *rows_of(1, 3, 4), *rows_of(2, 5, 6), *rows_of(1, 7), *rows_of(2, 8, 9), *rows_of(1, 10, 11)
        )
    assert [row[0] for row in filled.rows("FROM t")] == [1, 2, 3, 4, 7, 10, 11]


@pytest.mark.parametrize("name", ["\ud800", 1.5, {"a": 1}])
def test_versions_are_told_apart_beside_an_odd_value(filled, name):
    filled(
        T, *rows_of(1, 3), record("t", 1, id=4, name=name), *rows_of(2, 5), *rows_of(1, 6), activate("t", 2),
        process_activate_version_messages=True,
    )  # fmt: skip
    assert [row[0] for row in filled.rows("FROM t")] == [5]


def test_no_state_is_written_from_while_one_of_two_versions_was_staged(filled, capsys):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, *rows_of(1, 3), *rows_of(2, 4), *rows_of(1, 5), state(n=1))
    assert capsys.readouterr().out == ""


def test_one_dead_stream_holds_up_no_other_table(filled):
    with pytest.raises(LoaderError, match="Stream 't'"):
        filled(T, OTHER, *rows_of(2, 3), record("other", id=5))
    assert filled.rows("FROM other") == [(5,)]


def test_records_of_a_version_that_only_the_state_names_are_not_lost(load):
    bookmarked = state(bookmarks={"t": {"version": 5}})
    assert load(T, *rows_of(5, 1), bookmarked) == [bookmarked["value"]]
    load(T, *rows_of(5, 2), bookmarked)
    assert load.rows("FROM t") == [(1, "v5"), (2, "v5")]


def test_a_tap_that_sends_versions_but_never_activates_them_is_loaded(load):
    for version in (1, 2, 3):
        load(T, *rows_of(version, version))
    assert load.rows("FROM t") == [(1, "v1"), (2, "v2"), (3, "v3")]


def test_versions_can_be_switched_off(filled):
    filled(T, *rows_of(2, 3), activate("t", 2), process_activate_version_messages=False)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v2")]


def test_without_hard_delete_a_row_is_marked_until_it_comes_back(load):
    soft = {"hard_delete": False}
    marks = "SELECT id, _sdc_deleted_at IS NOT NULL FROM t ORDER BY id"
    load(T, *rows_of(1, 1, 2), activate("t", 1), **soft)
    load(T, *rows_of(2, 2), activate("t", 2), **soft)
    assert load.rows(marks) == [(1, True), (2, False)]
    load(T, *rows_of(3, 1), activate("t", 3), **soft)
    assert load.rows(marks) == [(1, False), (2, True)]


def test_a_schema_that_changes_during_staging_keeps_what_came_before(filled):
    wider = schema("t", {"id": "integer", "name": "string", "extra": "integer"})
    filled(T, *rows_of(2, 3), wider, record("t", 2, id=4, name="v2", extra=2**63), activate("t", 2))
    assert filled.rows("FROM t") == [(3, "v2", None), (4, "v2", 2**63)]


def test_a_schema_may_lose_its_deletion_mark_while_a_version_is_staged(filled):
    marking = schema("t", {"id": "integer", "name": "string", "_sdc_deleted_at": "date-time"})
    gone = record("t", 2, id=4, _sdc_deleted_at="2024-01-01T00:00:00Z")
    filled(marking, *rows_of(2, 3, 4), gone, T, *rows_of(2, 5), activate("t", 2))
    assert filled.rows("FROM t") == [(3, "v2"), (5, "v2")]


def test_two_streams_interleaved_are_replaced_each_at_its_own_activation(filled):
    filled(
        OTHER,
        record("other", 1, id=1),
        T,
        *rows_of(2, 3),
        record("other", 1, id=2),
        activate("other", 1),
        activate("t", 2),
    )
    assert (filled.rows("FROM t"), filled.rows("FROM other")) == ([(3, "v2")], [(1,), (2,)])


def test_tables_hold_the_sources_columns_and_nothing_else(filled):
    assert list(filled.types()) == ["id", "name"]
    tables = filled.rows("SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL")
    assert tables == [("_singer.loads",), ("_singer.table_versions",), ("main.t",)]


@pytest.mark.parametrize("kind", ["date", "integer", "number", "boolean"])
@pytest.mark.parametrize("names", [("7", None), (None, "7"), (None, None)])
def test_a_type_that_changes_while_a_version_is_staged_keeps_its_values(load, kind, names):
    load(T, record("t", 1, id=1), activate("t", 1), state())
    staged = [record("t", 2, id=n, name=name) for n, name in enumerate(names)]
    later = schema("t", {"id": "integer", "name": kind})
    value = {"date": "2024-01-02", "integer": 8, "number": 1.5, "boolean": True}[kind]
    load(T, *staged, later, record("t", 2, id=9, name=value), activate("t", 2), state(), batch_size_rows=1)
    texts = [name for _, name in load.rows("SELECT id, name::VARCHAR FROM t ORDER BY id")]
    assert texts == [*names, {"number": "1.5", "boolean": "true"}.get(kind, str(value))]


def test_states_are_written_in_the_order_in_which_they_came(filled):
    rewound = state(bookmarks={"t": {}})
    written = filled(
        T, *rows_of(2, 3), state(bookmarks={"t": {"version": 2}}), rewound, record("t", 2, id=4), activate("t", 2),
        batch_size_rows=1,
    )  # fmt: skip
    assert written == [rewound["value"]]


def test_of_two_versions_of_a_new_table_none_is_lost(load):
    other = [OTHER, record("other", 1, id=1), activate("other", 1)]
    load(*other, T, *rows_of(4, 1), *rows_of(5, 2), state(bookmarks={"t": {"version": 5}}), batch_size_rows=1)
    assert load.rows("FROM t") == [(1, "v4"), (2, "v5")]


@pytest.mark.parametrize("form", ["new", "with a version"])
def test_a_stream_that_the_last_state_calls_unfinished_has_not_ended(load, form):
    if form != "new":
        load(T, *rows_of(1, 1), activate("t", 1), state())
    begun = [activate("t", 2)] if form != "new" else []
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        load(T, *begun, *rows_of(2, 2), state(currently_syncing="t", bookmarks={"t": {}}))
    assert load.rows("FROM t") == ([] if form == "new" else [(1, "v1")])
