"""Long lists of API v2 are cut into windows that are read at the same time: nothing is missing, however they move."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import expected_v2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import Warehouse
from personio_sandbox import Sandbox
from proxy import Altering
from tap_personio import rate_limits, windows
from tap_personio.streams.v2_time import AbsencePeriods, AttendancePeriods

STREAMS = {each.name: each for each in (AbsencePeriods, AttendancePeriods)}
TABLES = {"absence_periods": "time_offs", "attendance_periods": "attendances"}
SIZE = {"employees": 20, "attendances_per_employee": 15, "absences_per_employee": 15, "seed": 6}


@pytest.fixture
def sandbox():
    with Sandbox(**SIZE) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _short_windows(monkeypatch):
    """Lists of a dozen pages, cut into windows of about one."""
    monkeypatch.setattr(windows, "SHORT_LIST", 1)
    monkeypatch.setattr(windows, "PAGES", 1)
    for each in STREAMS.values():
        monkeypatch.setattr(each, "limit", 25)
    limit_per_second(monkeypatch, 10_000)


def limit_per_second(monkeypatch, rate: float) -> None:
    """What the tap takes for the limit of API v2 where no header names it."""
    monkeypatch.setattr(rate_limits, "V2_DEFAULT", rate_limits.Limit(rate, 10_000))


def path(stream: str) -> str:
    return f"/v2{STREAMS[stream].path}"


def read(sandbox, stream: str, **options) -> Warehouse:
    warehouse = Warehouse(sandbox, [stream], options)
    assert warehouse.read().error is None
    return warehouse


def differences(warehouse) -> list[str]:
    [stream] = warehouse.streams
    return warehouse.differences(expected_v2.tables(warehouse.sandbox, [stream]))


def cuts(sandbox, stream: str) -> list[tuple[str, str]]:
    """Where each window began and ended, in the order of the requests."""
    start, end, _ = STREAMS[stream].windows
    asked = (each.query for each in sandbox.requests.to(path(stream)) if "cursor" not in each.query)
    found = [(each.get(start, ""), each.get(end, "")) for each in asked]
    return [each for each in found if each[0] or each[1]]


@pytest.mark.parametrize("concurrency", [1, 12])
@pytest.mark.parametrize("stream", STREAMS)
def test_the_windows_touch_each_other_and_are_open_at_both_ends(sandbox, stream, concurrency):
    warehouse = read(sandbox, stream, concurrency=concurrency)
    assert differences(warehouse) == []
    found = cuts(sandbox, stream)
    asked = sorted(each for each in found if each[0])
    assert ("", asked[0][0]) in found
    assert [end for _, end in asked] == [start for start, _ in asked[1:]] + [""]
    assert len(asked) > 5


def move(table: str, places: slice, days: int):
    def action(company):
        for key in list(getattr(company, table))[places]:
            row, shift = getattr(company, table)[key], dt.timedelta(days=days)
            if table == "attendances":
                company.update(table, key, date=row.date + shift)
            else:
                company.update(table, key, start=row.start + shift, end=row.end and row.end + shift)

    return action


@pytest.mark.parametrize("concurrency", [1, 12])
@pytest.mark.parametrize("nth", [7, 18])
@pytest.mark.parametrize(("places", "days"), [(slice(10, 20), 2000), (slice(-20, -10), -2000)])
@pytest.mark.parametrize("stream", STREAMS)
def test_records_that_leave_a_window_for_one_that_was_read_arrive(
    sandbox, stream, places, days, nth, concurrency
):
    """The latest window is read first: what moves from the past into the future would be missed."""
    sandbox.faults.after(path(stream), nth, move(TABLES[stream], places, days))
    assert differences(read(sandbox, stream, concurrency=concurrency)) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_a_record_that_changed_just_before_the_run_comes_once(sandbox, stream):
    for key in list(getattr(sandbox.company, TABLES[stream]))[::100]:
        sandbox.company.update(TABLES[stream], key, comment="changed")
    reading = Warehouse(sandbox, [stream]).read()
    assert len(cuts(sandbox, stream)) > 5
    ids = Counter(each["record"]["id"] for each in reading.of("RECORD"))
    assert set(ids.values()) == {1}
    assert ids.keys() == {key for (key,) in expected_v2.tables(sandbox)[stream].rows}


def test_periods_without_a_day_are_in_a_window(sandbox):
    for key in list(sandbox.company.shifts)[:3]:
        sandbox.company.update(
            "shifts", key, attribution_date=None, updated_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        )
    assert differences(read(sandbox, "attendance_periods")) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_a_history_that_reaches_far_back_and_far_ahead_is_read(sandbox, stream):
    for year in (1961, 1999, 2041, 2090):
        days = (dt.date(year, 6, 1) - sandbox.company.today()).days
        for place in range(3):
            move(TABLES[stream], slice(year % 40 * 5 + place, year % 40 * 5 + place + 1), days)(
                sandbox.company
            )
    assert differences(read(sandbox, stream)) == []


def test_a_list_that_lies_before_the_earliest_window_is_read(sandbox):
    move("attendances", slice(0, None), -30_000)(sandbox.company)
    for key in list(sandbox.company.shifts):
        sandbox.company.delete("shifts", key)
    assert differences(read(sandbox, "attendance_periods")) == []


@pytest.mark.parametrize("nth", [7, 12, 18])
@pytest.mark.parametrize("stream", STREAMS)
def test_rows_deleted_between_two_pages_of_a_window_hide_no_other_row(sandbox, stream, nth):
    sandbox.options.cursors = "offset"
    table = TABLES[stream]
    for places in (slice(3, 6), slice(100, 110), slice(-30, -20)):
        gone = list(getattr(sandbox.company, table))[places]
        sandbox.faults.after(path(stream), nth, lambda company, gone=gone: company.delete(table, *gone))
    warehouse = read(sandbox, stream)
    assert [each for each in differences(warehouse) if "should not be there" not in each] == []


@pytest.mark.parametrize("stream", STREAMS)
def test_a_list_that_ends_within_a_few_pages_costs_no_further_request(sandbox, stream, monkeypatch):
    monkeypatch.setattr(windows, "SHORT_LIST", 100)
    read(sandbox, stream)
    assert cuts(sandbox, stream) == []
    pages = len(sandbox.requests.to(path(stream)))
    monkeypatch.setattr(windows, "SHORT_LIST", pages)
    sandbox.requests.clear()
    read(sandbox, stream)
    assert len(sandbox.requests.to(path(stream))) == pages


@pytest.mark.parametrize("rate", [0.01, 10_000])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_list_is_cut_where_reading_in_turn_leaves_the_limit_unused(sandbox, stream, rate, monkeypatch):
    limit_per_second(monkeypatch, rate)
    with Altering(sandbox, lambda path, query, answer: answer) as server:  # which passes no header on
        assert differences(read(sandbox, stream, api_url=server.url)) == []
    assert bool(cuts(sandbox, stream)) is (rate > 1)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_server_that_refuses_the_filter_is_read_along_its_cursor(sandbox, stream):
    sandbox.faults.add("400", path(stream), nth=2)
    warehouse = read(sandbox, stream, concurrency=1)
    assert differences(warehouse) == []
    assert len(cuts(sandbox, stream)) == 1


@pytest.mark.parametrize("stream", STREAMS)
def test_a_server_that_ignores_the_filter_is_read_along_its_cursor(sandbox, stream):
    pages = len(expected_v2.tables(sandbox, [stream])[stream].rows) // 25 + 1
    _, end, _ = STREAMS[stream].windows
    with Altering(sandbox, lambda path, query, answer: answer, without=end) as server:
        assert differences(read(sandbox, stream, api_url=server.url)) == []
    assert len(sandbox.requests.to(path(stream))) == pages + len(windows.AGES)


moves = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 270), st.integers(1, 40), st.integers(-900, 900)),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=12, print_blob=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(STREAMS)), moves, st.sampled_from([1, 4]), st.sampled_from(["key", "offset"]))
def test_no_live_row_is_lost_however_records_move_between_windows(stream, plan, concurrency, cursors):
    with Sandbox(**SIZE, cursors=cursors) as sandbox:
        for nth, first, count, days in plan:
            action = move(TABLES[stream], slice(first, first + count), days)
            sandbox.faults.after(path(stream), nth, action)
        warehouse = read(sandbox, stream, concurrency=concurrency)
        sandbox.faults.clear()
        missing = [each for each in differences(warehouse) if "is missing" in each]
        assert missing == []
        assert warehouse.read().error is None
        assert differences(warehouse) == []
