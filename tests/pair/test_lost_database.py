"""The database is gone, and Meltano's state is not: the pair says so, and loads all with a full refresh."""

from __future__ import annotations

import duckdb
import expected_v2
import pytest
from pair import Pair
from personio_sandbox import Sandbox

REFUSED = "the tap goes on from a state that this database does not have"
MERGED = ("employees", "absences", "attendances")
TABLES = (*MERGED, "projects")


@pytest.fixture
def sandbox():
    with Sandbox(employees=40, attendances_per_employee=4, absences_per_employee=2, seed=12) as sandbox:
        yield sandbox


def change(company):
    company.clock.forward(days=2)  # what the first run read is no change any more
    company.change(3, tables=("employees", "time_offs", "attendances"))


def refused(pair):
    """Run the pair, whose loader has to end with one sentence; returns it. The tap may find its pipe closed."""
    known = {name: mark for name, mark in pair.state["bookmarks"].items() if name in MERGED}
    run = pair.finish(*pair.start())
    assert run.target == 1, run.log[-3000:]
    moved = [name for state in run.states for name in known if state["bookmarks"][name] != known[name]]
    assert not moved, "a state that nothing was loaded for"
    errors = [line for line in run.target_log.splitlines() if " ERROR " in line]
    assert len(errors) == 1
    return errors[0]


def rows(pair, schema="main"):
    with duckdb.connect(str(pair.database), read_only=True) as connection:
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? AND table_name IN ?",
            [schema, list(MERGED)],
        ).fetchall()
        return sum(
            connection.execute(f'SELECT count(*) FROM "{schema}"."{name}"').fetchall()[0][0]
            for (name,) in found
        )


@pytest.mark.parametrize("streams", [TABLES, ("employees", "projects")], ids=["changes", "no changes"])
def test_a_file_that_is_gone_is_refused_until_a_full_refresh(sandbox, tmp_path, streams):
    pair = Pair(tmp_path, sandbox, streams=streams)
    pair.run()
    state = pair.state
    pair.database.unlink()
    sandbox.company.clock.forward(days=3)
    if streams == TABLES:
        change(sandbox.company)
    for _ in range(2):
        pair.state = state
        sentence = refused(pair)
        assert REFUSED in sentence
        assert '"main"' in sentence
        assert "--full-refresh" in sentence
        assert rows(pair) == 0
    pair.state = None
    pair.run()
    assert pair.differences() == []


def test_another_schema_is_refused_and_the_old_one_goes_on(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=TABLES)
    pair.run()
    state = pair.state
    change(sandbox.company)
    pair.target["default_target_schema"] = "elsewhere"
    assert '"elsewhere"' in refused(pair)
    assert rows(pair, "elsewhere") == 0
    pair.state = state
    del pair.target["default_target_schema"]
    pair.run()
    assert pair.differences() == []


def test_a_file_that_is_gone_is_filled_by_a_run_that_reads_everything(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=TABLES)
    pair.run()
    pair.database.unlink()
    change(sandbox.company)
    pair.settings["resync_after_days"] = 0
    pair.run()
    assert pair.differences() == []
    del pair.settings["resync_after_days"]
    change(sandbox.company)
    pair.run()
    assert pair.differences() == []


@pytest.mark.parametrize("activates", [True, False])
def test_a_table_without_records_stays_empty_and_takes_what_comes(tmp_path, activates):
    with Sandbox(employees=20, attendances_per_employee=0, absences_per_employee=2, seed=12) as sandbox:
        settings = {"emit_activate_version_messages": activates}
        pair = Pair(tmp_path, sandbox, settings, streams=TABLES)
        for _ in range(2):
            pair.run()
            assert pair.differences() == []
            assert pair.read("attendances", ["id"]) == {}
            change(sandbox.company)
        pair.run()
        assert pair.differences() == []


def test_events_keep_no_version_and_go_on_in_a_new_file(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, streams=("webhook_events",))
    pair.run()
    told = expected_v2.tables(sandbox)["webhook_events"]
    assert pair.differences({"webhook_events": told}) == []
    assert told.rows
    assert "version" not in pair.state["bookmarks"]["webhook_events"]
    pair.database.unlink()
    sandbox.company.clock.forward(hours=1)
    pair.run()
    assert len(pair.read("webhook_events", told.keys)) < len(told.rows)
    pair.state = None
    pair.run()
    assert pair.differences({"webhook_events": told}) == []
