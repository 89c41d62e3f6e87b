"""What an account does not have, or its credential may not read, is skipped with one line; the rest arrives."""

from __future__ import annotations

import expected_v2
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox
from tap_personio.streams import STREAMS

ALL = tuple(str(each.name) for each in STREAMS)
BETA = {
    "org_units", "cost_centers", "workplaces", "recruiting_applications", "recruiting_candidates", "recruiting_jobs",
    "recruiting_categories", "recruiting_stage_transitions",
}  # fmt: skip
AREAS = {
    "absences": {
        "absences", "absence_types", "hourly_absences", "absence_periods", "absence_period_breakdowns",
        "absence_types_v2",
    },
    "projects": {"projects", "projects_v2", "project_members"},
    "workplaces": {"workplaces"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _details(caplog):
    caplog.set_level("INFO", "tap-personio")


@pytest.fixture
def sandbox():
    with Sandbox(employees=12, attendances_per_employee=3, absences_per_employee=2, seed=9) as sandbox:
        yield sandbox


def skipped(reading) -> set[str]:
    return {name for name, outcome in reading.outcomes.items() if outcome == "skipped"}


def lines(caplog, name: str) -> list[str]:
    told = (each.getMessage() for each in caplog.records)
    return [each for each in told if each.startswith((f"Skipped {name}: ", f"Failed {name}: "))]


def exact(warehouse, *names: str) -> bool:
    # Where an object has no confirmed shape its column is text: compared in the pair's tests.
    expected = expected_v2.tables(warehouse.sandbox, {*names} - {"legal_entities"})
    return warehouse.differences(expected) == []


def test_three_readable_areas_are_loaded_and_the_other_rights_are_named(sandbox, caplog):
    sandbox.rights.only(*AREAS)
    readable = set().union(*AREAS.values())
    warehouse = Warehouse(sandbox, ALL)
    reading = warehouse.read()
    assert reading.error is None
    assert skipped(reading) == set(ALL) - readable
    assert exact(warehouse, *readable)
    for name in skipped(reading):
        [line] = lines(caplog, name)
        assert "tick " in line, line
    assert set(warehouse.tables) == readable
    # One login for each API and one for each table that is refused, at most: Personio allows 60 and 150 a minute.
    assert len(sandbox.requests.to("/v1/auth")) <= 30
    assert len(sandbox.requests.to("/v2/auth/token")) <= 75


def test_each_warning_names_what_its_table_needs(sandbox, caplog):
    sandbox.rights.only("jobs")
    Warehouse(sandbox, ALL).read()
    for stream in STREAMS:
        for line in lines(caplog, stream.name):
            parent = {"employments": "persons", "documents": "persons"}.get(stream.name)
            rights = {each.permission for each in STREAMS if each.name in (stream.name, parent)}
            assert (
                any(f"tick {right} " in line for right in rights) or "employees_absences_balance" in line
            ), line


def test_without_the_beta_only_its_tables_are_left_out(sandbox, caplog):
    sandbox.options.beta = False
    warehouse = Warehouse(sandbox, ALL)
    reading = warehouse.read()
    assert reading.error is None
    assert skipped(reading) == BETA
    for name in BETA:
        [line] = lines(caplog, name)
        assert "this beta feature is not released for the account" in line
    assert exact(warehouse, *set(ALL) - BETA)


def test_a_company_without_legal_entities_is_told_so(sandbox, caplog):
    sandbox.options.legal_entities = False
    assert Warehouse(sandbox, ["legal_entities", "jobs"]).read().error is None
    assert "the account does not have this feature (status 412)" in lines(caplog, "legal_entities")[0]


def test_persons_whose_attributes_are_all_hidden_still_arrive(sandbox):
    sandbox.rights.show_attributes()
    warehouse = Warehouse(sandbox, ["persons", "employments", "documents"])
    assert warehouse.read().error is None
    assert warehouse.read().error is None
    company = sandbox.company
    assert {key for (key,) in warehouse.tables["persons"]} == {str(key) for key in company.employees}
    employments = {key: row["person_id"] for (key,), row in warehouse.tables["employments"].items()}
    assert employments == {key: str(each.employee_id) for key, each in company.employments.items()}
    assert exact(warehouse, "documents")


@pytest.mark.parametrize("status", [404, 410, 422])
def test_where_v1_attendances_have_ended_the_line_names_what_replaces_them(sandbox, caplog, status):
    sandbox.options.gone = {"/v1/company/attendances*": status, "/v1/company/custom-reports/*": status}
    successors = {
        "attendances": "attendance_periods",
        "projects": "projects_v2",
        "custom_reports_list": "reports_list",
        "custom_reports": "reports",
    }
    warehouse = Warehouse(sandbox, [*successors, *successors.values()])
    reading = warehouse.read()
    assert reading.error is None
    assert skipped(reading) == set(successors)
    for name, successor in successors.items():
        [line] = lines(caplog, name)
        assert line.endswith(f"(status {status}), see the stream {successor}.")
    assert exact(warehouse, *successors.values())


def test_overnight_shifts_that_v1_refuses_arrive_with_v2(sandbox, caplog):
    sandbox.options.overnight = "reject"
    warehouse = Warehouse(sandbox, ["attendances", "attendance_periods"])
    reading = warehouse.read()
    assert reading.error is None
    assert "see the stream attendance_periods" in lines(caplog, "attendances")[0]
    assert exact(warehouse, "attendance_periods")


def test_a_missing_right_to_reports_answered_with_400_is_named(sandbox, caplog):
    sandbox.rights.deny("reports")
    reading = Warehouse(sandbox, ["reports", "jobs"]).read()
    assert reading.error is None
    assert skipped(reading) == {"reports"}
    assert "tick Reports: read" in lines(caplog, "reports")[0]


def test_reports_that_cannot_be_served_are_named_and_the_others_arrive(sandbox, caplog):
    warehouse = Warehouse(sandbox, ["reports"])
    assert warehouse.read().error is None
    assert exact(warehouse, "reports")
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    unreadable = [each.id for each in sandbox.company.reports.values() if each.readable != "yes"]
    assert len(told) == 1
    assert unreadable
    assert all(each in told[0] for each in unreadable)


def test_nothing_readable_fails(sandbox, tmp_path):
    sandbox.rights.only()
    run = Pair(tmp_path, sandbox, streams=None).run(tap=1)
    assert run.sentences == [
        "This credential may read none of the selected streams: check its rights in Personio."
    ]


def test_on_unavailable_fail_fails_after_everything_else_was_read(sandbox):
    sandbox.rights.deny("webhooks", "compensations")
    warehouse = Warehouse(sandbox, ALL, {"on_unavailable": "fail"})
    reading = warehouse.read()
    assert reading.error is not None
    assert reading.error.startswith("Not available: ")
    missing = {"compensations", "compensation_types", "webhook_events"}
    assert skipped(reading) == missing
    assert exact(warehouse, *set(ALL) - missing)


@pytest.mark.parametrize(
    ("fault", "outcome", "sentence", "logins"),
    [
        ("401", "skipped", "refuses this credential the login to API v2", 3),
        ("503", "failed", "could not be asked for a token of API v2: status 503; try again later", 6),
    ],
)
def test_without_a_login_to_api_v2_all_tables_but_its_own_are_read(
    sandbox, caplog, fault, outcome, sentence, logins
):
    sandbox.faults.add(fault, "/v2/auth/token", times=None)
    of_v1, of_v2 = ("employees", "absences"), ("persons", "jobs")
    warehouse = Warehouse(sandbox, (*of_v1, *of_v2))
    reading = warehouse.read()
    assert reading.outcomes == {**dict.fromkeys(of_v1, "read"), **dict.fromkeys(of_v2, outcome)}
    assert exact(warehouse, *of_v1)
    assert all(sentence in line for name in of_v2 for line in lines(caplog, name))
    assert len(sandbox.requests.to("/v2/auth/token")) == logins
