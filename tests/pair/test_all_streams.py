"""Every table that the tap has, read in one run: exact, and after the next run exact again."""

from __future__ import annotations

import datetime as dt

import expected_v1
import expected_v2
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox
from tap_personio.streams import STREAMS

ALL = (*(str(each.name) for each in STREAMS), *expected_v2.REPORT_TABLES.values())
# More than a page of persons, of employees in a report, of rows in one; small everywhere else.
SIZE = {"employees": 110, "attendances_per_employee": 4, "absences_per_employee": 2, "seed": 4}


@pytest.fixture
def sandbox():
    with Sandbox(**SIZE) as sandbox:
        yield sandbox


# Requests of a run that has few changes to fetch; what depends on the number of changes is counted in the test.
COSTS = {
    "/v1/auth": 1,
    "/v2/auth/token": 1,
    # Changes; the list of everyone for the balances, and a look whether it moved meanwhile.
    "/v1/company/employees": 1 + 2 + 1,
    "/v1/company/employees/attributes": 2,
    "/v1/company/employees/{id}/absences/balance": 111,
    "/v1/company/time-off-types": 1,
    "/v1/company/time-offs": 1,
    "/v1/company/absence-periods": 1,
    "/v1/company/attendances": 1,
    "/v1/company/attendances/projects": 1,
    "/v1/company/document-categories": 1,
    "/v1/company/custom-reports/reports": 2,
    # Changes; the list of everyone for employments and documents.
    "/v2/persons": 1 + 3,
    "/v2/persons/{id}/employments": 111,
    "/v2/document-management/documents": 111,
    # Changes; the same again for the breakdowns and transitions of those that changed.
    "/v2/absence-periods": 1 + 1,
    "/v2/recruiting/applications": 1 + 1,
    "/v2/recruiting/candidates": 1,
    "/v2/recruiting/jobs": 1,
    "/v2/recruiting/categories": 1,
    "/v2/absence-types": 1,
    "/v2/projects": 1,
    "/v2/compensations/types": 1,
    "/v2/legal-entities": 1,
    "/v2/org-units": 2,
    "/v2/cost-centers": 1,
    "/v2/workplaces": 1,
    "/v2/jobs": 1,
    "/v2/salary-bands": 1,
    "/v2/reports": 1,  # of all that need the list
    "/v2/reports/attributes": 1,
    "/v2/webhooks": 1,
    # Of each of the two webhooks what is new, and what was deleted.
    "/v2/webhooks/{id}/events": 4,
}
FILTERS = {
    "/v1/company/time-offs": "updated_from",
    "/v1/company/absence-periods": "updated_from",
    "/v1/company/attendances": "updated_from",
    "/v2/absence-periods": "updated_at.gte",
    "/v2/attendance-periods": "updated_at.gte",
    "/v2/recruiting/applications": "updated_at.gt",
    "/v2/recruiting/candidates": "updated_at.gt",
    "/v2/persons/{id}/employments": "updated_at.gt",
}


def test_one_run_makes_all_tables_exact_and_the_next_fetches_only_changes(sandbox, tmp_path):
    company = sandbox.company
    pair = Pair(tmp_path, sandbox, streams=ALL)
    before = expected_v2.tables(sandbox) | expected_v2.report_tables(company)
    assert before.keys() == set(ALL)
    assert all(table.rows for table in before.values()), "an empty table proves nothing"
    pair.run()
    assert pair.differences(before) == []

    company.clock.forward(days=3)
    changed = change_something_everywhere(company)
    company.clock.forward(minutes=1)  # what changes in the moment of a run makes it look twice
    sandbox.requests.clear()
    pair.run()
    after = expected_v2.tables(sandbox) | expected_v2.report_tables(company)
    told = {**before["webhook_events"].rows, **after["webhook_events"].rows}  # those of the first days too
    assert pair.differences({**after, "webhook_events": after["webhook_events"]._replace(rows=told)}) == []

    counts = sandbox.requests.counts()
    assert {path: counts[path] for path in COSTS} == COSTS
    for path, name in FILTERS.items():
        assert all(name in each.query for each in sandbox.requests.to(path)), path
    # What changed in three days, within the overlap before the bookmark, and in the day before: the bookmark is the
    # last change of a table, which in the evening lies some hours back.
    absences = asked_about(sandbox, "/v2/absence-periods/{id}/breakdowns")
    assert changed["time_offs"] | changed["hourly_absences"] <= absences
    assert len(absences) <= since(company, 104, company.time_offs, company.hourly_absences)
    applications = asked_about(sandbox, "/v2/recruiting/applications/{id}/stage-transitions")
    assert changed["applications"] <= applications
    assert len(applications) <= since(company, 104, company.applications)
    periods = since(company, 111, company.attendance_periods)
    assert counts["/v2/attendance-periods"] <= periods // 100 + 1


def asked_about(sandbox, path: str) -> set[str]:
    return {each.path.split("/")[-2] for each in sandbox.requests.to(path)}


def since(company, hours: int, *tables) -> int:
    """How many records changed in the last hours."""
    moment = company.now() - dt.timedelta(hours=hours)
    return sum(row.updated_at >= moment for table in tables for row in table.values())


def change_something_everywhere(company) -> dict[str, set[str]]:
    """Updates and insertions in merge tables, all sorts of changes in the others. Returns the v2 ids of updates."""
    changed = company.change(
        1,
        tables=(
            "employees", "time_offs", "hourly_absences", "attendances", "shifts", "candidates", "applications",
            "projects", "documents", "document_categories", "compensations", "balances", "reports",
        ),
    )  # fmt: skip
    company.update("employees", 1004, gender="diverse")
    new = company.insert("employees").id
    for table in ("time_offs", "hourly_absences", "attendances"):
        company.insert(table, employee_id=new)
    for table in ("projects", "documents", "compensations", "reports", "balances"):
        company.delete(table, next(iter(getattr(company, table))))
    changed["time_offs"] = [company.time_offs[key].id_v2 for key in changed["time_offs"]]
    return {table: set(keys) for table, keys in changed.items()}


# What webhooks tell deletions of, and what goes along with it.
TOLD = (*expected_v1.MERGED, *expected_v2.MERGED, "documents", "employees_absences_balance", "webhook_events")
WATCHED = tuple(name for name in TOLD if not name.startswith("recruiting"))


@pytest.fixture
def small():
    with Sandbox(employees=20, attendances_per_employee=4, absences_per_employee=3, seed=5) as sandbox:
        yield sandbox


def delete_what_webhooks_tell_of(company) -> None:
    for table in ("time_offs", "hourly_absences", "attendances", "shifts", "documents"):
        company.delete(table, next(iter(getattr(company, table))))
    company.delete("employees", 1003)  # and all that was theirs, of which no event tells


def test_deletions_that_a_webhook_reports_reach_the_tables_at_the_next_run(small):
    warehouse = Warehouse(small, WATCHED)
    warehouse.read()
    small.company.clock.forward(hours=1)
    delete_what_webhooks_tell_of(small.company)
    small.company.clock.forward(minutes=1)
    warehouse.read()
    expected = expected_v2.tables(small)
    assert warehouse.differences(expected) == []
    # What was deleted once does not cost a whole read in every run from then on.
    small.company.clock.forward(hours=1)
    small.requests.clear()
    warehouse.read()
    assert warehouse.differences(expected) == []
    for path, name in FILTERS.items():
        assert all(name in each.query for each in small.requests.to(path)), path


def test_all_that_was_of_a_person_goes_with_the_person(small):
    """Webhooks tell of the person alone."""
    warehouse = Warehouse(small, WATCHED)
    warehouse.read()
    small.company.clock.forward(hours=1)
    small.company.delete("employees", 1003)
    warehouse.read()
    assert warehouse.differences(expected_v2.tables(small)) == []


@pytest.mark.parametrize("why", ["not selected", "not readable", "not there", "faulty"])
def test_where_no_webhook_tells_deletions_wait_for_the_next_whole_read(small, why):
    warehouse = Warehouse(
        small, [each for each in WATCHED if each != "webhook_events" or why != "not selected"]
    )
    if why == "not readable":
        small.rights.deny("webhooks")
    warehouse.read()
    small.company.clock.forward(hours=1)
    delete_what_webhooks_tell_of(small.company)
    if why == "not there":
        small.faults.add("404", "/v2/webhooks*", times=None)
    if why == "faulty":  # when asked for deletions; afterwards it answers
        small.faults.add("html", "/v2/webhooks/*/events", times=7)
    assert warehouse.read().error is None
    expected = expected_v2.tables(small)
    del expected["webhook_events"]
    left = warehouse.differences(expected)
    assert left
    assert all("should not be there" in each for each in left), left
    small.company.clock.forward(days=7)
    warehouse.read()
    assert warehouse.differences(expected) == []


def test_a_day_no_longer_covered_can_be_told_until_the_next_whole_read(small):
    warehouse = Warehouse(small, ["absence_periods", "absence_period_breakdowns"])
    warehouse.read()
    company = small.company
    company.clock.forward(hours=1)
    key, long = next((key, row) for key, row in company.time_offs.items() if len(row.days) > 2)
    company.update("time_offs", key, end=long.start, half_day_end=False)
    warehouse.read()
    changes = {row["id"]: row["updated_at"] for row in warehouse.tables["absence_periods"].values()}
    days = warehouse.tables["absence_period_breakdowns"]
    held = {
        k for k, row in days.items() if row["absence_period_updated_at"] == changes[row["absence_period_id"]]
    }
    expected = {
        (period, day.isoformat())
        for period, day in expected_v2.tables(small)["absence_period_breakdowns"].rows
    }
    assert held == expected < days.keys()


def test_a_target_without_deletions_gets_plain_records_after_one(small):
    warehouse = Warehouse(small, WATCHED, {"emit_activate_version_messages": False})
    warehouse.read()
    small.company.clock.forward(hours=1)
    delete_what_webhooks_tell_of(small.company)
    reading = warehouse.read()
    assert not reading.of("ACTIVATE_VERSION")
    assert not any("version" in each for each in reading.of("RECORD"))
    left = warehouse.differences(expected_v2.tables(small))
    assert left
    assert all("should not be there" in each for each in left), left
