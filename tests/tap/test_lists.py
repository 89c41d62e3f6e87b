"""What pages hold counts more than what a list announces; no list is walked without an end."""

from __future__ import annotations

import datetime as dt

import pytest
from in_process import Warehouse
from personio_sandbox import Sandbox

LISTS = {
    "employees": "/v1/company/employees",
    "absences": "/v1/company/time-offs",
    "attendances": "/v1/company/attendances",
}


@pytest.fixture
def sandbox():
    # Exactly four pages of employees, and lists of absences and attendances that end with a full page too.
    with Sandbox(employees=400, attendances_per_employee=2, absences_per_employee=2, seed=4) as sandbox:
        yield sandbox


def told(caplog, level: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == level]


@pytest.mark.parametrize("by", [-50, -150, -300])
@pytest.mark.parametrize("stream", LISTS)
def test_a_total_that_is_too_low_hides_nothing_behind_full_pages(sandbox, stream, by):
    sandbox.faults.add("wrong-total", LISTS[stream], times=None, by=by)
    warehouse = Warehouse(sandbox, [stream])
    assert warehouse.read().error is None
    assert warehouse.differences() == []


def test_a_list_that_announces_more_than_it_holds_ends_soon_and_says_so(sandbox, caplog):
    sandbox.faults.add("wrong-total", LISTS["absences"], times=None, by=1)
    assert Warehouse(sandbox, ["absences"]).read().outcomes == {"absences": "failed"}
    [line] = told(caplog, "ERROR")
    assert "announces 801 records" in line
    assert "hold 800" in line
    assert len(sandbox.requests.to(LISTS["absences"])) < 20


def test_a_record_that_a_list_holds_twice_is_kept_once_with_a_warning(sandbox, caplog):
    sandbox.options.repeated_time_off = True
    warehouse = Warehouse(sandbox, ["absences"])
    assert warehouse.read().error is None
    assert warehouse.differences() == []
    assert "holds a record twice" in told(caplog, "WARNING")[0]
    assert len(sandbox.requests.to(LISTS["absences"])) < 20


def test_an_offset_that_counts_records_where_pages_are_meant_is_understood(sandbox):
    sandbox.options.time_off_offset = "records"
    warehouse = Warehouse(sandbox, ["absences"])
    assert warehouse.read().error is None
    assert warehouse.differences() == []
    assert len(sandbox.requests.to(LISTS["absences"])) < 30


def test_a_list_that_repeats_one_page_for_ever_ends_after_a_few_requests(sandbox, caplog):
    sandbox.options.time_off_offset = "ignored"
    assert Warehouse(sandbox, ["absences"]).read().outcomes == {"absences": "failed"}
    assert "the same page of 200 records repeatedly" in told(caplog, "ERROR")[0]
    assert len(sandbox.requests.to(LISTS["absences"])) < 10


@pytest.mark.parametrize("window", ["overlap", "inside"])
def test_absences_that_touch_the_days_arrive_whatever_the_filter_means(sandbox, window):
    sandbox.options.time_off_window = window
    middle = sandbox.company.today() - dt.timedelta(days=100)
    days = {"start_date": (middle - dt.timedelta(days=30)).isoformat(), "end_date": middle.isoformat()}
    warehouse = Warehouse(sandbox, ["absences"], days)
    for _ in range(2):
        assert warehouse.read().error is None
        expected = {
            (key,)
            for key, each in sandbox.company.time_offs.items()
            if (each.end is None or each.end.isoformat() >= days["start_date"])
            and each.start.isoformat() <= days["end_date"]
        }
        assert warehouse.tables["absences"].keys() == expected
    assert 5 < len(expected) < 500


def test_hourly_absences_are_kept_by_their_local_day(sandbox):
    zone, day = sandbox.company.zone, sandbox.company.today() - dt.timedelta(days=100)
    first = next(iter(sandbox.company.hourly_absences))
    midnight = dt.datetime.combine(day, dt.time(0, 30), zone)  # the day before in UTC
    sandbox.company.update("hourly_absences", first, start=midnight, end=midnight + dt.timedelta(hours=1))
    warehouse = Warehouse(sandbox, ["hourly_absences"], {"start_date": str(day), "end_date": str(day)})
    assert warehouse.read().error is None
    expected = {
        (key,)
        for key, each in sandbox.company.hourly_absences.items()
        if each.start.astimezone(zone).date() <= day
        and (each.end is None or each.end.astimezone(zone).date() >= day)
    }
    assert warehouse.tables["hourly_absences"].keys() == expected
    assert (first,) in expected


# v2 lists of several pages whose parent or own records can be deleted while they are read.
SHIFTING = {
    "persons": ("/v2/persons", "employees"),
    "absence_periods": ("/v2/absence-periods", "time_offs"),
    "attendance_periods": ("/v2/attendance-periods", "attendances"),
}


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("stream", SHIFTING)
def test_a_list_whose_cursors_count_is_looked_back_at(sandbox, stream, nth):
    path, table = SHIFTING[stream]
    sandbox.options.cursors = "offset"
    quiet = Warehouse(sandbox, [stream])
    assert quiet.read().error is None
    gone = list(getattr(sandbox.company, table))[2:5]
    sandbox.faults.after(path, nth, lambda company: company.delete(table, *gone))
    warehouse = Warehouse(sandbox, [stream])
    assert warehouse.read().error is None
    after = Warehouse(sandbox, [stream])
    after.read()
    assert len(after.tables[stream]) < len(quiet.tables[stream])
    assert not after.tables[stream].keys() - warehouse.tables[stream].keys()


def test_opaque_cursors_cost_no_further_request(sandbox):
    warehouse = Warehouse(sandbox, ["persons"])
    sandbox.requests.clear()
    assert warehouse.read().error is None
    assert len(sandbox.requests.to("/v2/persons")) == 8
