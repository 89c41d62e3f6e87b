"""Refusals that pass, that concern one record only, and records that are not found though Personio lists them."""

from __future__ import annotations

import expected_v2
import pytest
from in_process import Warehouse
from personio_sandbox import Sandbox

# Streams that ask once per record, each with the path of one record's list and the table of the parent.
FAN_OUTS = {
    "employments": "/v2/persons/{}/employments",
    "employees_absences_balance": "/v1/company/employees/{}/absences/balance",
    "absence_period_breakdowns": "/v2/absence-periods/{}/breakdowns",
    "project_members": "/v2/projects/{}/members",
    "recruiting_stage_transitions": "/v2/recruiting/applications/{}/stage-transitions",
    "custom_reports": "/v1/company/custom-reports/reports/{}",
    "reports": "/v2/reports/{}",
}


@pytest.fixture
def sandbox():
    with Sandbox(employees=15, attendances_per_employee=1, absences_per_employee=2, seed=5) as sandbox:
        yield sandbox


def told(caplog, level: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == level]


def parents(sandbox, stream: str) -> list[str]:
    """Identifiers of parents that have records."""
    name = {"custom_reports": "report_id", "reports": "report_id", "employments": "person_id"}.get(stream)
    warehouse = Warehouse(sandbox, [stream])
    assert warehouse.read().error is None
    rows = warehouse.tables[stream]
    return sorted({str(row[name] if name else key[0]) for key, row in rows.items()})


@pytest.mark.parametrize("stream", FAN_OUTS)
def test_not_found_for_a_listed_record_fails_the_stream_and_keeps_its_rows(sandbox, stream, caplog):
    one = parents(sandbox, stream)[0]
    warehouse = Warehouse(sandbox, [stream], {"resync_after_days": 0})
    warehouse.read()
    rows, state = dict(warehouse.tables[stream]), warehouse.state
    sandbox.faults.add("404", FAN_OUTS[stream].format(one), times=None)
    reading = warehouse.read()
    assert reading.outcomes == {stream: "failed"}
    assert not reading.of("ACTIVATE_VERSION")
    assert warehouse.tables[stream] == rows
    assert warehouse.state == state
    [line] = told(caplog, "ERROR")
    assert line.startswith(f"Failed {stream}: 1 of ")
    assert "answered 404" in line
    assert len(sandbox.requests.to(FAN_OUTS[stream].format(one))) < 10


@pytest.mark.parametrize("stream", FAN_OUTS)
def test_not_found_that_passes_is_asked_again(sandbox, stream, caplog):
    one = parents(sandbox, stream)[0]
    calm = Warehouse(sandbox, [stream])
    calm.read()
    sandbox.faults.add("404", FAN_OUTS[stream].format(one), times=2)
    warehouse = Warehouse(sandbox, [stream])
    assert warehouse.read().error is None
    assert warehouse.tables == calm.tables


@pytest.mark.parametrize(
    ("stream", "table"),
    [("employments", "employees"), ("project_members", "projects"), ("documents", "employees")],
)
def test_a_record_that_is_gone_meanwhile_is_passed_over(sandbox, stream, table, caplog):
    gone = list(getattr(sandbox.company, table))[3]
    before = "/v2/persons" if table == "employees" else "/v2/projects"
    sandbox.faults.after(before, 1, lambda company: company.delete(table, gone))
    warehouse = Warehouse(sandbox, [stream])
    assert warehouse.read().error is None
    assert warehouse.tables[stream]
    assert not [
        key for key, row in warehouse.tables[stream].items() if str(gone) in (key[0], row.get("person_id"))
    ]


def test_an_increment_keeps_its_bookmark_where_a_record_is_not_found(sandbox):
    warehouse = Warehouse(sandbox, ["absence_period_breakdowns"])
    warehouse.read()
    state = warehouse.state
    sandbox.faults.add("404", "/v2/absence-periods/*/breakdowns", times=None)
    sandbox.company.clock.forward(hours=3)
    sandbox.company.change(40, tables=("time_offs",))
    assert warehouse.read().outcomes == {"absence_period_breakdowns": "failed"}
    assert warehouse.state == state
    sandbox.faults.clear()
    assert warehouse.read().error is None
    assert warehouse.state != state


@pytest.mark.parametrize("status", ["400", "403"])
@pytest.mark.parametrize("stream", FAN_OUTS)
def test_one_that_is_refused_is_named_and_costs_itself_only(sandbox, stream, status, caplog):
    one, *others = parents(sandbox, stream)
    caplog.clear()
    sandbox.faults.add(status, FAN_OUTS[stream].format(one), times=None)
    warehouse = Warehouse(sandbox, [stream])
    reading = warehouse.read()
    assert reading.error is None
    assert reading.of("ACTIVATE_VERSION")
    found = {
        str(value)
        for key, row in warehouse.tables[stream].items()
        for value in (key[0], row.get("person_id"))
    }
    assert one not in found
    assert set(others) <= found
    [line] = told(caplog, "WARNING")
    is_person = stream in ("employments", "employees_absences_balance")
    assert (one in line) is not is_person, "ids of people stay out of the log"
    assert f"status {status}" in line
    assert not [each for each in others if each in line] or stream == "reports"


def test_the_documents_of_one_owner_may_be_refused(sandbox, caplog):
    owner = next(iter(sandbox.company.documents.values())).owner_id
    place = list(sandbox.company.employees).index(owner) + 1
    sandbox.faults.add("403", "/v2/document-management/documents", nth=place, times=2)
    warehouse = Warehouse(sandbox, ["documents"], {"concurrency": 1})
    assert warehouse.read().error is None
    assert warehouse.differences(expected_v2.tables(sandbox, ["documents"])) == []


def test_an_archived_report_leaves_the_others(sandbox, caplog):
    first, *others = parents(sandbox, "custom_reports")
    sandbox.company.update("reports", first, status="archived")
    warehouse = Warehouse(sandbox, ["custom_reports"])
    assert warehouse.read().error is None
    assert {key[0] for key in warehouse.tables["custom_reports"]} == set(others)
    assert others
    assert [line for line in told(caplog, "WARNING") if first in line]


@pytest.mark.parametrize("stream", ["employments", "documents", "employees_absences_balance", "reports"])
def test_where_all_are_refused_the_stream_is_skipped_after_a_few_requests(stream, caplog):
    with Sandbox(employees=300, attendances_per_employee=1, absences_per_employee=1, seed=5) as sandbox:
        path = "/v2/document-management/documents" if stream == "documents" else FAN_OUTS[stream].format("*")
        sandbox.faults.add("403", path, times=None)
        reading = Warehouse(sandbox, [stream]).read()
        assert reading.outcomes == {stream: "skipped"}
        assert "tick " in told(caplog, "WARNING")[0]
        assert len(sandbox.requests) < 60
        assert len(sandbox.requests.to("/v1/auth") + sandbox.requests.to("/v2/auth/token")) < 6


@pytest.mark.parametrize("status", ["401", "403", "431"])
@pytest.mark.parametrize(
    ("stream", "path"), [("projects", "/v1/company/attendances/projects"), ("jobs", "/v2/jobs")]
)
def test_a_refusal_that_passes_is_asked_again(sandbox, stream, path, status):
    sandbox.faults.add(status, path, times=2)
    assert Warehouse(sandbox, [stream]).read().outcomes == {stream: "read"}


@pytest.mark.parametrize("status", ["401", "403"])
@pytest.mark.parametrize("path", ["/v1/auth", "/v2/auth/token"])
def test_a_login_refused_twice_is_asked_again_and_no_more(sandbox, path, status):
    sandbox.faults.add(status, path, times=2)
    assert Warehouse(sandbox, ["projects", "jobs"]).read().outcomes == {"projects": "read", "jobs": "read"}
    sandbox.faults.add(status, path, times=None)
    sandbox.requests.clear()
    reading = Warehouse(sandbox, ["projects", "jobs"]).read()
    assert len(sandbox.requests.to(path)) == 3
    if path == "/v1/auth":
        assert reading.error.startswith("Personio refused the login (API v1, status")
    else:
        assert reading.outcomes == {"projects": "read", "jobs": "skipped"}
