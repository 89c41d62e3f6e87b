"""API v2's pages: next links in all their forms, and windows where a list has no other pages."""

from __future__ import annotations

import datetime as dt
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import expected_v2
import pytest
from in_process import Warehouse
from personio_sandbox import Sandbox
from proxy import Altering
from tap_personio.streams import STREAMS

# Lists with more than one page, of each kind: filters kept, filters in the cursor, below a parent, whole answers.
PAGED = {
    "persons": "/v2/persons",
    "absence_periods": "/v2/absence-periods",
    "attendance_periods": "/v2/attendance-periods",
    "absence_period_breakdowns": "/v2/absence-periods/*/breakdowns",
    "reports": "/v2/reports/*",
}


@pytest.fixture
def sandbox():
    with Sandbox(employees=110, attendances_per_employee=2, absences_per_employee=1, seed=2) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def small():
    with Sandbox(employees=15, attendances_per_employee=2, absences_per_employee=2, seed=2) as sandbox:
        yield sandbox


def differences(warehouse, *names: str) -> list[str]:
    return warehouse.differences(expected_v2.tables(warehouse.sandbox, names))


def test_relative_next_links_are_followed(sandbox):
    sandbox.options.next_links = "relative"
    warehouse = Warehouse(sandbox, PAGED)
    assert warehouse.read().error is None
    assert differences(warehouse, *PAGED) == []


@pytest.mark.parametrize("name", [each for each in PAGED if each != "reports"])  # which have two pages here
def test_a_next_link_to_the_same_page_for_ever_fails_its_table_only(sandbox, name, caplog):
    warehouse = Warehouse(sandbox, PAGED, {"resync_after_days": 0})
    warehouse.read()
    before = {each: dict(rows) for each, rows in warehouse.tables.items()}
    sandbox.options.next_links, sandbox.options.next_links_at = "repeating", PAGED[name]
    sandbox.company.delete("employees", 1002)
    reading = warehouse.read()
    failed = {each for each, outcome in reading.outcomes.items() if outcome == "failed"}
    assert name in failed
    assert failed <= {name, "absence_period_breakdowns"}  # which needs the list of all absences
    assert not [each for each in reading.of("ACTIVATE_VERSION") if each["stream"] in failed]
    assert {each: warehouse.tables[each] for each in failed} == {each: before[each] for each in failed}
    assert differences(warehouse, *(PAGED.keys() - failed)) == []
    told = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert any(each.startswith(f"Failed {name}: ") and "repeats its next link" in each for each in told)
    assert len(sandbox.requests) < 2000


@pytest.mark.parametrize("name", ["jobs", "employments", "reports", "recruiting_stage_transitions"])
def test_a_last_page_that_points_to_itself_ends_the_list(small, name):
    def point_back(path, query, answer):
        if "_data" in answer:
            answer["_meta"]["links"] = {"next": {"href": f"{path}?cursor=again"}}
        return answer

    # Without the cursor, the sandbox gives the same page once more.
    with Altering(small, point_back, without="cursor") as server:
        warehouse = Warehouse(small, [name], {"api_url": server.url})
        assert warehouse.read().error is None
    assert differences(warehouse, name) == []


@pytest.fixture
def stranger():
    """A server that nobody has to do with, and the requests that reach it."""
    arrived = []

    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            arrived.append(self.client_address)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", arrived
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["persons", "absence_period_breakdowns", "reports"])
def test_nothing_is_sent_to_another_host_that_a_next_link_names(sandbox, stranger, name, monkeypatch, caplog):
    url, arrived = stranger
    monkeypatch.setattr("personio_sandbox.v2.lists.FOREIGN", url)
    sandbox.options.next_links, sandbox.options.next_links_at = "foreign", PAGED[name]
    warehouse = Warehouse(sandbox, [name, "jobs"])
    reading = warehouse.read()
    assert reading.outcomes == {name: "failed", "jobs": "read"}
    assert arrived == []
    [line] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert "another host than the setting api_url" in line
    assert url not in line


def test_links_that_are_null_end_a_list(small):
    def cut(path, query, answer):
        if "_meta" in answer:
            answer["_meta"]["links"] = None
        return answer

    names = ["jobs", "employments", "reports", "org_units"]
    with Altering(small, cut) as server:
        warehouse = Warehouse(small, names, {"api_url": server.url})
        assert warehouse.read().error is None
    assert differences(warehouse, *names) == []


def windows(sandbox) -> list[tuple[dt.date, dt.date]]:
    asked = sandbox.requests.to("/v2/compensations")
    days = {
        (dt.date.fromisoformat(each.query["start_date"]), dt.date.fromisoformat(each.query["end_date"]))
        for each in asked
    }
    return sorted(days)


def test_pay_is_asked_for_by_month_and_each_entry_comes_once(small):
    small.requests.clear()
    today = small.company.today()
    start = today.replace(day=17) - dt.timedelta(days=400)
    warehouse = Warehouse(small, ["compensations"], {"start_date": start.isoformat()})
    reading = warehouse.read()
    months = windows(small)
    assert months[0][0] == start
    assert all((last - first).days <= 30 for first, last in months)
    assert [last + dt.timedelta(days=1) for _, last in months[:-1]] == [first for first, _ in months[1:]]
    assert months[-1][1] > today
    ids = [each["record"]["id"] for each in reading.of("RECORD")]
    held = {
        key for key, pay in small.company.compensations.items()
        if pay.effective_to is None or pay.effective_to >= start
    }  # fmt: skip
    assert sorted(ids) == sorted(held)


def test_without_a_start_date_pay_is_followed_back_to_its_beginning(small):
    small.requests.clear()
    warehouse = Warehouse(small, ["compensations"])
    reading = warehouse.read()
    assert differences(warehouse, "compensations") == []
    assert len(reading.of("RECORD")) == len(small.company.compensations)
    earliest = min(pay.effective_from for pay in small.company.compensations.values())
    assert 690 < (earliest - windows(small)[0][0]).days < 770  # two years without an entry end it


def test_months_read_at_once_are_no_more_than_one_after_the_other(small):
    asked = []
    for concurrency in (1, 12):
        small.requests.clear()
        warehouse = Warehouse(small, ["compensations"], {"concurrency": concurrency})
        assert warehouse.read().error is None
        assert differences(warehouse, "compensations") == []
        asked.append((len(small.requests.to("/v2/compensations")), windows(small)))
    assert asked[0] == asked[1]


def test_pay_that_may_not_be_read_is_asked_for_in_one_month_only(sandbox):
    sandbox.rights.deny("compensations")
    assert Warehouse(sandbox, ["compensations", "jobs"]).read().outcomes["compensations"] == "skipped"
    assert len(windows(sandbox)) == 1


def test_pay_listed_only_in_its_first_month_is_found_over_quiet_months(small):
    """Whether an entry is listed in each month in which it holds, nobody says."""

    def only_new(path, query, answer):
        if path == "/v2/compensations":
            [start], [end] = query["start_date"], query["end_date"]
            answer["_data"] = [each for each in answer["_data"] if start <= each["effective_from"] <= end]
        return answer

    company, year_ago = small.company, small.company.today() - dt.timedelta(days=400)
    for key, pay in list(company.compensations.items()):
        if pay.effective_from > year_ago:
            company.delete("compensations", key)
    with Altering(small, only_new) as server:
        warehouse = Warehouse(small, ["compensations"], {"api_url": server.url})
        warehouse.read()
    recent = [pay.id for pay in company.compensations.values() if (year_ago - pay.effective_from).days < 700]
    assert recent
    assert {(key,) for key in recent} <= warehouse.tables["compensations"].keys()


def test_every_list_is_read_with_the_largest_pages_that_its_endpoint_gives(small):
    small.requests.clear()
    names = [str(each.name) for each in STREAMS if each.api == "v2"]
    Warehouse(small, names, {"skip_reports": "*"}).read()  # discovery asks each report for one row
    most = {
        "/v2/persons": "50", "/v2/persons/{id}/employments": "50", "/v2/absence-periods/{id}/breakdowns": "28",
        "/v2/projects": "200", "/v2/document-management/documents": "200", "/v2/recruiting/applications": "200",
        "/v2/recruiting/candidates": "200", "/v2/recruiting/jobs": "200", "/v2/recruiting/categories": "200",
        "/v2/recruiting/applications/{id}/stage-transitions": "200", "/v2/webhooks/{id}/events": "200",
    }  # fmt: skip
    for request in small.requests:
        if request.method == "GET" and request.endpoint != "/v2/webhooks" and request.path.startswith("/v2"):
            assert request.query.get("limit") == most.get(request.endpoint, "100"), request.endpoint
