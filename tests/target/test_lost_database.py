"""A database that does not have what the tap's state says is refused, not filled with changes only."""

from __future__ import annotations

import pytest
from singer_messages import activate, record, schema, state
from singer_target_duckdb.errors import LoaderError

T = schema("t", {"id": "integer"})
OTHER = schema("other", {"id": "integer"})
START = state(bookmarks={"t": {"version": 5, "replication_key": "at", "replication_key_value": "2026-01-01"}})
MOVED = state(bookmarks={"t": {"version": 5, "replication_key": "at", "replication_key_value": "2026-01-02"}})
RESYNCED = state(
    bookmarks={"t": {"version": 6, "replication_key": "at", "replication_key_value": "2026-01-02"}}
)
SENTENCE = r"Stream 't': the tap goes on from a state that .* table .*\"t\" is new or empty; run with `--full-refresh`"


def rows_of(version, *ids):
    return [record("t", version, id=n) for n in ids]


@pytest.fixture
def emptied(load):
    """A table that is empty at version 5, as its source was."""
    load(T, activate("t", 5), START)
    assert load.rows("FROM t") == []
    return load


CHANGES_ONLY = {
    "changes": [T, *rows_of(5, 1), MOVED],
    "many changes": [T, *rows_of(5, 1), *rows_of(5, 2), *rows_of(5, 3), MOVED],
    "changes, with their activation first": [T, activate("t", 5), *rows_of(5, 1), MOVED],
    "no changes": [T, START],
    "no changes, and no further state": [T],
    "no changes, and another stream after it": [
        T,
        START,
        OTHER,
        record("other", 8, id=1),
        activate("other", 8),
        MOVED,
    ],
}


@pytest.mark.parametrize("settings", [{"batch_size_rows": 1}, {}, {"validate_records": True}], ids=str)
@pytest.mark.parametrize("form", CHANGES_ONLY)
def test_changes_only_are_refused_again_and_again(load, capsys, form, settings):
    for _ in range(2):
        with pytest.raises(LoaderError, match=SENTENCE):
            load(START, *CHANGES_ONLY[form], **settings)
        assert str(MOVED["value"]["bookmarks"]["t"]["replication_key_value"]) not in capsys.readouterr().out
        assert load.rows("FROM t") == []
    load(*CHANGES_ONLY[form], RESYNCED, **settings)  # a full refresh begins without a state


def test_changes_without_a_version_are_refused_at_the_end(load):
    for _ in range(2):
        with pytest.raises(LoaderError, match=SENTENCE):
            load(START, T, record("t", id=1), MOVED)
        assert load.rows("FROM t") == []


@pytest.mark.parametrize("settings", [{"batch_size_rows": 1}, {}], ids=str)
@pytest.mark.parametrize(
    ("messages", "ids"),
    [
        ([T, *rows_of(6, 1, 2), activate("t", 6), RESYNCED], [1, 2]),
        ([T, activate("t", 6), *rows_of(6, 1, 2), RESYNCED], [1, 2]),
        ([T, activate("t", 6), RESYNCED], []),
        ([T, record("t", id=1), RESYNCED], [1]),
        ([T, RESYNCED], []),
    ],
    ids=["version", "announced", "empty version", "no versions", "no versions and empty"],
)
def test_a_whole_read_into_a_lost_database_is_loaded(load, messages, ids, settings):
    assert load(START, *messages, **settings)[-1] == RESYNCED["value"]
    assert load.rows("FROM t") == [(n,) for n in ids]
    after = RESYNCED["value"]["bookmarks"]["t"] | {"replication_key_value": "2026-01-03"}
    assert load(RESYNCED, T, state(bookmarks={"t": after}))[-1] == {"bookmarks": {"t": after}}


def test_a_whole_read_that_breaks_off_says_what_to_run(load):
    with pytest.raises(LoaderError, match=r"before version 6 was complete.* with `--full-refresh`"):
        load(START, T, *rows_of(6, 1))
    assert load.rows("FROM t") == []


def test_a_table_that_is_empty_at_the_states_version_takes_changes(emptied):
    assert emptied(START, T, START)[-1] == START["value"]
    emptied(START, T, *rows_of(5, 1), MOVED)
    assert emptied.rows("FROM t") == [(1,)]


def test_a_table_emptied_at_a_later_version_than_the_states_takes_changes(emptied):
    older = state(bookmarks={"t": {"version": 4}})
    emptied(older, T, *rows_of(4, 1), older)
    assert emptied.rows("FROM t") == [(1,)]


def test_a_new_version_in_the_state_before_its_first_record_is_loaded(load):
    """Taps for databases do that on their first run, and for each full table."""
    for version in (5, 6):
        begun = state(bookmarks={"t": {"version": version}})
        load(state(currently_syncing="t"), T, begun, activate("t", version), *rows_of(version, 1), begun)
    assert load.rows("FROM t") == [(1,)]


@pytest.mark.parametrize(
    "settings", [{"load_method": "append-only"}, {"process_activate_version_messages": False}], ids=str
)
def test_where_versions_mean_nothing_nothing_is_refused(load, settings):
    load(START, T, *rows_of(5, 1), MOVED, **settings)
    assert load.rows("FROM t") == [(1,)]


def test_a_stream_that_keeps_no_version_goes_on(load):
    """As one that only adds what happened: its state names none."""
    added = state(bookmarks={"t": {"replication_key": "at", "replication_key_value": "2026-01-01"}})
    load(added, T, record("t", id=1), added)
    assert load.rows("FROM t") == [(1,)]


def test_other_streams_of_the_state_hold_up_nothing(load):
    """The state names streams that this run does not read."""
    assert load(START, OTHER, record("other", id=1), START) == [START["value"]]
