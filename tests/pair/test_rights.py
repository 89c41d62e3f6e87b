"""What the credential may not read is skipped and named; what it may read arrives all the same."""

from __future__ import annotations

import expected_v1
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox

AREAS = {
    "employees": {"employees", "employees_absences_balance"},
    "absences": {"absences", "absence_types", "employees_absences_balance"},
    "attendances": {"attendances"},
    "projects": {"projects"},
    "documents": {"document_categories"},
    "reports": {"custom_reports_list"},
}


@pytest.fixture(autouse=True)
def _details(caplog):
    caplog.set_level("INFO", "tap-personio")


@pytest.fixture
def sandbox():
    with Sandbox(employees=20, attendances_per_employee=3, absences_per_employee=2, seed=9) as sandbox:
        yield sandbox


@pytest.mark.parametrize("area", AREAS)
def test_a_missing_right_skips_its_streams_and_names_what_to_tick(sandbox, area, caplog):
    sandbox.rights.deny(area)
    warehouse = Warehouse(sandbox)
    reading = warehouse.read()
    assert reading.error is None
    skipped = {name for name, outcome in reading.outcomes.items() if outcome == "skipped"}
    assert skipped == AREAS[area]
    assert {each["stream"] for each in reading.of("SCHEMA")} == set(expected_v1.EIGHT) - skipped
    told = [each.getMessage() for each in caplog.records]
    for name in skipped:
        assert (
            len([each for each in told if each.startswith(f"Skipped {name}: ") and "tick " in each]) == 1
        ), told
    [warning] = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert all(name in warning for name in skipped)
    missing = {each.partition(":")[0] for each in warehouse.differences()}
    assert missing <= skipped
    # Fresh tokens for the requests in flight, not a login for every call.
    assert len(sandbox.requests.to("/v1/auth")) < 10


def test_nothing_readable_is_a_failure(sandbox, tmp_path):
    sandbox.rights.only()
    run = Pair(tmp_path, sandbox, streams=["projects", "document_categories", "absences"]).run(tap=1)
    assert run.sentences == [
        "This credential may read none of the selected streams: check its rights in Personio."
    ]
    [warning] = run.warnings
    assert warning.startswith("Skipped 3 of 3 streams")
    assert "Traceback" not in run.log


def test_on_unavailable_fail_ends_with_an_error_after_all_other_streams(sandbox, tmp_path):
    sandbox.rights.deny("documents")
    pair = Pair(tmp_path, sandbox, {"on_unavailable": "fail"})
    run = pair.run(tap=1)
    assert run.sentences == ["Not available: document_categories (the setting on_unavailable is `fail`)."]
    assert {each.partition(":")[0] for each in pair.differences()} == {"document_categories"}
    assert pair.state["bookmarks"]["projects"]["version"]


def test_a_withdrawn_right_is_told_apart_from_one_that_never_was(sandbox, caplog):
    warehouse = Warehouse(sandbox)
    warehouse.read()
    sandbox.rights.deny("documents")
    caplog.clear()
    warehouse.read()
    [line] = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert line.startswith("Skipped document_categories: ")
    assert "earlier runs could read it" in line


def test_hidden_attributes_are_told_in_one_line_and_their_rows_stay(sandbox, caplog):
    warehouse = Warehouse(sandbox, ["employees"])
    warehouse.read()
    sandbox.rights.hide_attributes("fix_salary", "gender")
    caplog.clear()
    assert warehouse.read().error is None
    lines = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(lines) == 1, lines
    assert "attribute" in lines[0]
    assert len(warehouse.tables["employees"]) == 20


def test_only_the_id_is_readable(sandbox):
    sandbox.rights.show_attributes()
    warehouse = Warehouse(sandbox, ["employees", "employees_absences_balance"])
    assert warehouse.read().error is None
    assert warehouse.read().error is None
    assert {key for (key,) in warehouse.tables["employees"]} == set(sandbox.company.employees)
    assert not [each for each in warehouse.differences() if "balance" in each.partition(":")[0]]


def test_without_the_right_to_the_catalogue_employees_still_arrive(sandbox):
    sandbox.options.catalogue = False
    warehouse = Warehouse(sandbox, ["employees"])
    assert warehouse.read().error is None
    rows, expected = warehouse.tables["employees"], expected_v1.employees(sandbox.company).rows
    assert rows.keys() == expected.keys()
    for key in rows:
        for column in ("email", "hire_date", "fix_salary", "supervisor_id", "badge_number", "iban"):
            value = expected[key][column]
            assert rows[key][column] == (value.isoformat() if hasattr(value, "isoformat") else value)


def test_an_endpoint_that_personio_has_ended_names_its_successor(sandbox, caplog):
    sandbox.options.gone = {"/v1/company/attendances": 410, "/v1/company/attendances/projects": 404}
    assert Warehouse(sandbox).read().error is None
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert any("see the stream attendance_periods" in each for each in told)
    assert any("see the stream projects_v2" in each for each in told)


@pytest.mark.parametrize("status", [404, 410])
def test_each_endpoint_of_v1_that_has_a_successor_names_it(sandbox, status, caplog):
    successors = {
        "employees": "streams persons and employments",
        "absence_types": "stream absence_types_v2",
        "absences": "stream absence_periods",
        "hourly_absences": "stream absence_periods",
        "custom_reports_list": "stream reports_list",
    }
    sandbox.options.gone = {"/v1/company/*": status}
    reading = Warehouse(sandbox, [*successors, "absence_periods"]).read()
    assert reading.error is None
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    for name, successor in successors.items():
        ended = f"Personio has ended this endpoint (status {status})"
        assert f"Skipped {name}: {ended}, see the {successor}." in told


def test_what_is_ticked_is_not_asked_for_again(sandbox, caplog):
    sandbox.rights.only("employees", "absences", "attendances")
    Warehouse(sandbox, ["attendances", "employees", "persons", "projects", "documents"]).read()
    told = [each.getMessage() for each in caplog.records if each.getMessage().startswith("Skipped ")]
    assert [each.partition(" tick ")[2].partition(" in ")[0] for each in sorted(told)[1:]] == [
        "Documents: read", "Projects: read",
    ]  # fmt: skip
