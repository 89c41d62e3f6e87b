"""Personio's lists move while they are read: no live row may be missing afterwards."""

from __future__ import annotations

from itertools import islice

import expected_v1
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox
from tap_personio.streams.base import V1List
from tap_personio.streams.employees import Employees

LISTS = {
    "employees": ("employees", "/v1/company/employees"),
    "absences": ("time_offs", "/v1/company/time-offs"),
    "attendances": ("attendances", "/v1/company/attendances"),
}
# Five small pages of each list.
SIZE = {"employees": 90, "attendances_per_employee": 2, "absences_per_employee": 2, "seed": 4}


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(V1List, "limit", 40)
    monkeypatch.setattr(Employees, "limit", 20)


@pytest.fixture
def sandbox():
    with Sandbox(**SIZE) as sandbox:
        yield sandbox


def keys(company, table: str) -> list[int]:
    return list(getattr(company, table))


def delete_first(table: str, count: int, skip: int = 0):
    def move(company):
        company.delete(table, *keys(company, table)[skip : skip + count])

    return move


def insert(table: str, count: int):
    def move(company):
        for _ in range(count):
            company.insert(table)

    return move


def insert_in_front(count: int):
    def move(company):
        for _ in range(count):
            company.insert("attendances", id=min(company.attendances) - 1)

    return move


def both(*moves):
    def move(company):
        for each in moves:
            each(company)

    return move


def update(table: str, count: int):
    column = {"employees": "position", "time_offs": "comment", "attendances": "comment"}[table]

    def move(company):
        for key in islice(keys(company, table), 30, 30 + count):
            company.update(table, key, **{column: "moved"})

    return move


def check(sandbox, stream: str, plan, **options) -> None:
    """Read while the list moves; then nothing live is missing, and the runs after it make the table exact."""
    path = LISTS[stream][1]
    for nth, move in plan:
        sandbox.faults.after(path, nth, move)
    # As small as the lists are, what is deleted may be more than a run accepts.
    warehouse = Warehouse(sandbox, [stream], options | {"max_removed_percent": "never"})
    before = expected_v1.tables(sandbox.company, [stream])[stream].rows
    reading = warehouse.read()
    sandbox.faults.clear()
    after = expected_v1.tables(sandbox.company, [stream])[stream].rows
    assert reading.error is None
    found = warehouse.tables[stream].keys()
    assert not (before.keys() & after.keys()) - found, "live rows are missing"
    assert warehouse.read().error is None
    assert not [each for each in warehouse.differences() if "should not be there" not in each]
    assert warehouse.read(resync_after_days=0).error is None
    assert warehouse.differences() == []


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("stream", LISTS)
def test_rows_deleted_between_two_pages_hide_no_other_row(sandbox, stream, nth, concurrency):
    check(sandbox, stream, [(nth, delete_first(LISTS[stream][0], 5, 10))], concurrency=concurrency)


@pytest.mark.parametrize("stream", LISTS)
def test_deletions_hidden_by_as_many_insertions_hide_no_other_row(sandbox, stream):
    table = LISTS[stream][0]
    check(sandbox, stream, [(2, both(delete_first(table, 7, 3), insert(table, 7)))])


@pytest.mark.parametrize("stream", LISTS)
def test_deletions_hidden_by_insertions_show_behind_many_updates(sandbox, stream):
    """More than a page of records that changed comes before those that were inserted."""
    table = LISTS[stream][0]
    many = both(delete_first(table, 7, 3), insert(table, 7), update(table, 50))
    check(sandbox, stream, [(2, many)])


@pytest.mark.parametrize("stream", LISTS)
def test_rows_updated_between_two_pages_are_right_after_the_next_run(sandbox, stream):
    check(sandbox, stream, [(2, update(LISTS[stream][0], 3))], concurrency=1)


def test_rows_inserted_in_front_bring_duplicates_and_lose_nothing(sandbox):
    check(sandbox, "attendances", [(1, insert_in_front(5)), (3, insert_in_front(45))])


@pytest.mark.parametrize("stream", LISTS)
def test_a_page_shorter_than_asked_and_a_wrong_total_lose_nothing(sandbox, stream):
    for kind, by in (("short-page", 3), ("wrong-total", -30), ("wrong-total", 30), ("short-page", 12)):
        sandbox.faults.add(kind, LISTS[stream][1], nth=1 + (by > 20), by=by)
        check(sandbox, stream, [])


def test_duplicates_at_page_borders_lose_nothing(sandbox):
    sandbox.options.duplicate_at_page_border = True
    check(sandbox, "absences", [])
    check(sandbox, "absences", [(2, delete_first("time_offs", 5, 3))])


def test_no_page_of_employees_is_larger_than_the_strictest_server_allows(sandbox, monkeypatch):
    monkeypatch.undo()
    sandbox.options.large_employee_pages = "reject"
    check(sandbox, "employees", [])


def test_a_server_that_ignores_paging_for_changes_is_understood(sandbox):
    sandbox.options.updated_since_ignores_paging = True
    warehouse = Warehouse(sandbox, ["employees"])
    warehouse.read()
    sandbox.company.change(12, tables=("employees",))
    reading = warehouse.read()
    assert warehouse.differences() == []
    assert len(reading.of("RECORD")) < 90


moves = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from(["delete", "insert", "front", "swap", "update"]),
        st.integers(1, 10),
        st.integers(1, 60),
    ),
    min_size=1,
    max_size=5,
)


def tried(stream: str, plan, concurrency: int) -> None:
    table = LISTS[stream][0]

    def action(kind: str, count: int, skip: int):
        delete = delete_first(table, count, skip)
        return {
            "delete": delete,
            "insert": insert(table, count),
            "front": insert_in_front(count) if stream == "attendances" else insert(table, count),
            "swap": both(delete, insert(table, count)),
            "update": update(table, count),
        }[kind]

    with Sandbox(**SIZE) as sandbox:
        planned = [(nth, action(kind, count, skip)) for nth, kind, count, skip in plan]
        check(sandbox, stream, planned, concurrency=concurrency)


any_time = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@settings(any_time, max_examples=12)
@given(st.sampled_from(list(LISTS)), moves, st.sampled_from([1, 4]))
def test_no_live_row_is_lost_however_a_list_moves(stream, plan, concurrency):
    tried(stream, plan, concurrency)


@pytest.mark.full
@settings(any_time, max_examples=500)
@given(st.sampled_from(list(LISTS)), moves, st.sampled_from([1, 4]))
def test_no_live_row_is_lost_in_five_hundred_moving_lists(stream, plan, concurrency):
    tried(stream, plan, concurrency)


def test_the_file_is_exact_after_two_runs_over_moving_lists(tmp_path):
    with Sandbox(**SIZE | {"employees": 210}) as sandbox:  # three pages as they are
        for table, path in LISTS.values():
            sandbox.faults.after(path, 2, both(delete_first(table, 5, 3), insert(table, 5)))
        pair = Pair(tmp_path, sandbox, streams=LISTS)
        pair.run()
        pair.run()
        assert not [each for each in pair.differences() if "should not be there" not in each]
        pair.settings["resync_after_days"] = 0
        pair.run()
        assert pair.differences() == []
