"""Replacing tables with ACTIVATE_VERSION (target-duckdb/README.md, "Versions")."""

from __future__ import annotations

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


def test_a_run_that_dies_before_activate_version_leaves_the_table_as_it_was(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, *rows_of(2, 3), state(bookmarks={"t": {"version": 1}}), batch_size_rows=1)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1")]


def test_no_state_is_written_that_came_while_a_version_was_gathered(filled, capsys):
    with pytest.raises(LoaderError):
        filled(T, state(before=True), *rows_of(2, 3), state(during=True), batch_size_rows=1)
    assert capsys.readouterr().out == '{"before": true}\n'


def test_records_of_the_current_version_are_merged(filled):
    assert filled(T, *rows_of(1, 2, 3), state(done=1)) == [{"done": 1}]
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v1")]


def test_records_of_an_older_version_are_merged_and_its_activation_changes_nothing(filled):
    filled(T, *rows_of(0, 3), activate("t", 0), state())
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v0")]


def test_an_empty_version_empties_the_table_once_the_stream_has_ended(filled):
    filled(T, activate("t", 2), state(bookmarks={}))
    assert filled.rows("FROM t") == []


def test_an_activation_with_nothing_after_it_and_no_records_empties_nothing(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, activate("t", 2))
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1")]


@pytest.mark.parametrize("sign", [state(done=True), OTHER])
def test_activate_version_first_replaces_when_something_after_the_last_record_shows_the_end(filled, sign):
    filled(T, activate("t", 2), *rows_of(2, 3), sign, batch_size_rows=1)
    assert filled.rows("FROM t") == [(3, "v2")]


def test_activate_version_first_replaces_nothing_when_the_records_just_stop(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, activate("t", 2), *rows_of(2, 3), batch_size_rows=1)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1")]


def test_activate_version_first_and_again_between_records_keeps_all_of_them(filled):
    """Child streams of the SDK say it again for each parent."""
    filled(T, activate("t", 2), *rows_of(2, 3), activate("t", 2), *rows_of(2, 4), OTHER, batch_size_rows=1)
    assert filled.rows("FROM t") == [(3, "v2"), (4, "v2")]


def test_activating_another_version_than_the_records_carry_removes_nothing(filled):
    filled(T, record("t", id=3, name="plain"), activate("t", 7), state())
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "plain")]


def test_versions_that_change_from_line_to_line_are_told_apart(filled):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(
            T, *rows_of(1, 3, 4), *rows_of(2, 5, 6), *rows_of(1, 7), *rows_of(2, 8, 9), *rows_of(1, 10, 11)
        )
    assert [row[0] for row in filled.rows("FROM t")] == [1, 2, 3, 4, 7, 10, 11]


@pytest.mark.parametrize("name", ["\ud800", 1.5, {"a": 1}])
def test_versions_are_told_apart_beside_a_value_that_duckdb_does_not_take_at_once(filled, name):
    filled(
        T, *rows_of(1, 3), record("t", 1, id=4, name=name), *rows_of(2, 5), *rows_of(1, 6), activate("t", 2),
        process_activate_version_messages=True,
    )  # fmt: skip
    assert [row[0] for row in filled.rows("FROM t")] == [5]


def test_no_state_is_written_that_came_while_a_version_was_gathered_among_others(filled, capsys):
    with pytest.raises(LoaderError, match="before version 2 was complete"):
        filled(T, *rows_of(1, 3), *rows_of(2, 4), *rows_of(1, 5), state(n=1))
    assert capsys.readouterr().out == ""


def test_one_dead_stream_holds_up_no_other_table(filled):
    with pytest.raises(LoaderError, match="Stream 't'"):
        filled(T, OTHER, *rows_of(2, 3), record("other", id=5))
    assert filled.rows("FROM other") == [(5,)]


def test_incremental_records_of_a_version_that_a_new_database_does_not_know_are_not_lost(load):
    bookmarked = state(bookmarks={"t": {"version": 5}})
    assert load(T, *rows_of(5, 1), bookmarked) == [bookmarked["value"]]
    load(T, *rows_of(5, 2), bookmarked)
    assert load.rows("FROM t") == [(1, "v5"), (2, "v5")]


def test_a_tap_that_sends_versions_but_never_activates_them_is_loaded(load):
    for version in (1, 2):
        load(T, *rows_of(version, version))
    assert load.rows("FROM t") == [(1, "v1"), (2, "v2")]


def test_versions_can_be_switched_off(filled):
    filled(T, *rows_of(2, 3), activate("t", 2), process_activate_version_messages=False)
    assert filled.rows("FROM t") == [(1, "v1"), (2, "v1"), (3, "v2")]


def test_without_hard_delete_a_row_is_marked_and_the_mark_goes_when_it_comes_back(load):
    soft = {"hard_delete": False}
    marks = "SELECT id, _sdc_deleted_at IS NOT NULL FROM t ORDER BY id"
    load(T, *rows_of(1, 1, 2), activate("t", 1), **soft)
    load(T, *rows_of(2, 2), activate("t", 2), **soft)
    assert load.rows(marks) == [(1, True), (2, False)]
    load(T, *rows_of(3, 1), activate("t", 3), **soft)
    assert load.rows(marks) == [(1, False), (2, True)]


def test_a_schema_that_changes_while_a_version_is_gathered_keeps_what_came_before(filled):
    wider = schema("t", {"id": "integer", "name": "string", "extra": "integer"})
    filled(T, *rows_of(2, 3), wider, record("t", 2, id=4, name="v2", extra=2**63), activate("t", 2))
    assert filled.rows("FROM t") == [(3, "v2", None), (4, "v2", 2**63)]


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
    assert tables == [("_singer.table_versions",), ("main.t",)]
