"""A bookmark never moves past what was read, and no change falls between two runs."""

from __future__ import annotations

import datetime as dt
import re

import expected_v1
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox

SIZE = {"employees": 110, "attendances_per_employee": 6, "absences_per_employee": 4, "seed": 8}
TABLES = {"employees": "employees", "absences": "time_offs", "attendances": "attendances"}
PATHS = {
    "employees": "/v1/company/employees",
    "absences": "/v1/company/time-offs",
    "attendances": "/v1/company/attendances",
}
STAMPS = {"employees": "last_modified_at", "absences": "updated_at", "attendances": "updated_at"}
TEXTS = {"employees": "position", "absences": "comment", "attendances": "comment"}


@pytest.fixture
def sandbox():
    with Sandbox(**SIZE) as sandbox:
        yield sandbox


def bookmark(warehouse, stream: str) -> dt.datetime:
    return dt.datetime.fromisoformat(warehouse.state["bookmarks"][stream]["replication_key_value"])


def edit(company, stream: str, key, stamp=None) -> None:
    stamped = {STAMPS[stream]: stamp} if stamp else {}
    company.update(TABLES[stream], key, **{TEXTS[stream]: "edited"}, **stamped)


def key(company, stream: str, place: int):
    return list(getattr(company, TABLES[stream]))[place]


@pytest.mark.parametrize("stream", TABLES)
def test_a_change_on_a_page_that_was_read_already_arrives_in_the_next_run(sandbox, stream):
    company = sandbox.company

    def edit_early_and_late(company):
        edit(company, stream, key(company, stream, 0))
        company.clock.forward(minutes=30)
        edit(company, stream, key(company, stream, -1))

    sandbox.faults.after(PATHS[stream], 1, edit_early_and_late)
    started = company.now()
    warehouse = Warehouse(sandbox, [stream], {"concurrency": 1})
    warehouse.read()
    assert bookmark(warehouse, stream) < started + dt.timedelta(minutes=30), (
        "the start of the run, or before it"
    )
    reading = warehouse.read()
    assert warehouse.differences() == []
    assert len(reading.of("RECORD")) < len(getattr(company, TABLES[stream]))


@pytest.mark.parametrize("stream", TABLES)
def test_a_row_with_the_same_time_stamp_as_the_bookmark_is_not_lost(sandbox, stream):
    warehouse = Warehouse(sandbox, [stream])
    warehouse.read()
    edit(sandbox.company, stream, key(sandbox.company, stream, 0), stamp=bookmark(warehouse, stream))
    warehouse.read()
    assert warehouse.differences() == []


@pytest.mark.parametrize(
    ("stream", "minutes"), [("employees", 14 * 60), ("absences", 23 * 60), ("attendances", 110)]
)
def test_a_change_that_shows_up_late_is_within_the_overlap(sandbox, stream, minutes):
    warehouse = Warehouse(sandbox, [stream])
    warehouse.read()
    late = bookmark(warehouse, stream) - dt.timedelta(minutes=minutes)
    edit(sandbox.company, stream, key(sandbox.company, stream, 0), stamp=late)
    warehouse.read()
    assert warehouse.differences() == []


@pytest.mark.parametrize("hours", [-1, 1, -26, 26])
@pytest.mark.parametrize("stream", TABLES)
def test_a_clock_that_is_hours_off_loses_nothing(sandbox, stream, hours):
    """Ours against Personio's: what counts is the time that Personio tells."""
    sandbox.company.clock.forward(hours=hours)
    warehouse = Warehouse(sandbox, [stream])
    warehouse.read()
    edit(sandbox.company, stream, key(sandbox.company, stream, 0))
    warehouse.read()
    assert warehouse.differences() == []
    sandbox.company.clock.forward(minutes=5)
    edit(sandbox.company, stream, key(sandbox.company, stream, 1))
    warehouse.read()
    assert warehouse.differences() == []
    assert bookmark(warehouse, stream) <= sandbox.company.now() + dt.timedelta(seconds=1)


def test_a_run_a_week_later_by_personio_s_clock_reads_everything_again(sandbox):
    warehouse = Warehouse(sandbox)
    warehouse.read()
    for table in ("time_offs", "attendances", "employees"):
        sandbox.company.delete(table, key(sandbox.company, next(s for s in TABLES if TABLES[s] == table), 5))
    sandbox.company.clock.forward(days=6, hours=23)
    warehouse.read()
    assert {each.partition(":")[0] for each in warehouse.differences()} == set(expected_v1.MERGED)
    sandbox.company.clock.forward(hours=2)
    warehouse.read()
    assert warehouse.differences() == []


def test_a_longer_range_reads_the_table_whole(sandbox):
    warehouse = Warehouse(sandbox, ["absences", "attendances"])
    today = sandbox.company.today()
    warehouse.read(start_date=(today - dt.timedelta(days=30)).isoformat())
    assert warehouse.differences() != []
    warehouse.read()
    assert warehouse.differences() == []


@pytest.mark.parametrize(
    "damage",
    [
        {"replication_key_value": None},
        {"replication_key_value": "yesterday"},
        {"replication_key_value": 17},
        {"replication_key_value": "2026-01-01T00:00:00"},
        {"read_whole_at": "?"},
        {"version": "?"},
        {"scope": None},
        {"records": "?"},
        {"replication_key": "id"},
    ],
    ids=str,
)
def test_a_state_from_elsewhere_never_loses_rows(sandbox, damage):
    warehouse = Warehouse(sandbox, expected_v1.MERGED)
    warehouse.read()
    for stream in expected_v1.MERGED:
        warehouse.state["bookmarks"][stream].update(damage)
    sandbox.company.change(2)
    assert warehouse.read().error is None
    assert warehouse.differences() == []


def test_the_state_holds_no_value_of_a_record(sandbox):
    warehouse = Warehouse(sandbox)
    warehouse.read()
    assert warehouse.state["bookmarks"].keys() == set(expected_v1.EIGHT)
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
    for entry in warehouse.state["bookmarks"].values():
        assert entry.keys() <= {
            "version",
            "records",
            "replication_key",
            "replication_key_value",
            "read_whole_at",
            "scope",
            "columns",
        }
        assert isinstance(entry["version"], int)
        assert isinstance(entry["records"], int)
        assert all(
            moment.fullmatch(entry[name])
            for name in ("replication_key_value", "read_whole_at")
            if name in entry
        )
    columns = warehouse.state["bookmarks"]["employees"]["columns"]
    assert all(re.fullmatch("[0-9a-f]{8}", key) for key in columns)
    assert set(columns.values()) <= set(expected_v1.employees(sandbox.company).types)
    assert "progress_markers" not in str(warehouse.state)


def test_no_state_is_written_with_a_bookmark_that_is_ahead_of_its_records(sandbox):
    reading = Warehouse(sandbox).read()
    ended = set()
    for message in reading.messages:
        if message["type"] == "ACTIVATE_VERSION":
            ended.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] not in ended, "a record after its version was declared complete"
        elif message["type"] == "STATE":
            moved = {
                name
                for name, entry in message["value"]["bookmarks"].items()
                if "replication_key_value" in entry
            }
            assert moved <= ended


def test_the_state_of_one_stream_survives_the_failure_of_another(sandbox, tmp_path):
    sandbox.faults.add("500", PATHS["absences"], nth=2, times=None)
    pair = Pair(tmp_path, sandbox)
    pair.run(tap=1, target=1)
    sandbox.faults.clear()
    sandbox.requests.clear()
    pair.run()
    assert pair.differences() == []
    assert not any("updated_from" in each.query for each in sandbox.requests.to(PATHS["absences"])[:1])
    assert all("updated_from" in each.query for each in sandbox.requests.to(PATHS["attendances"]))
