"""What is gone in Personio goes from the tables, in time; what could not be read stays."""

from __future__ import annotations

import datetime as dt

import duckdb
import expected_v1
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox

SIZE = {"employees": 110, "attendances_per_employee": 6, "absences_per_employee": 4, "seed": 6}


@pytest.fixture
def sandbox():
    with Sandbox(**SIZE) as sandbox:
        yield sandbox


def delete_some_of_everything(company) -> None:
    for table in ("time_offs", "attendances", "balances", "projects", "document_categories", "reports"):
        company.delete(table, *list(getattr(company, table))[1:3])
    company.delete("employees", *list(company.employees)[-3:])


def superfluous(pair: Pair | Warehouse) -> set[str]:
    """Tables with rows that Personio has no longer. No table may differ in another way."""
    found = pair.differences()
    assert not [each for each in found if "should not be there" not in each]
    return {each.partition(":")[0] for each in found}


def test_deletions_show_at_the_next_run_or_at_the_next_resync(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox)
    pair.run()
    delete_some_of_everything(sandbox.company)
    pair.run()
    assert superfluous(pair) == set(expected_v1.MERGED)
    for stream in expected_v1.MERGED:  # six days and a bit later
        age(pair, stream, days=6.9)
    pair.run()
    assert superfluous(pair) == set(expected_v1.MERGED)
    for stream in expected_v1.MERGED:
        age(pair, stream, days=0.2)
    pair.run()
    assert pair.differences() == []


def age(pair: Pair | Warehouse, stream: str, *, days: float) -> None:
    """Let a stream's last whole read be longer ago, as if the clock had moved on."""
    bookmark = pair.state["bookmarks"][stream]
    read = dt.datetime.fromisoformat(bookmark["read_whole_at"])
    bookmark["read_whole_at"] = (read - dt.timedelta(days=days)).isoformat()


def test_resync_after_0_days_reads_whole_each_time_and_null_never_again(sandbox):
    warehouse = Warehouse(sandbox, settings={"resync_after_days": None})
    warehouse.read()
    delete_some_of_everything(sandbox.company)
    for stream in expected_v1.MERGED:
        age(warehouse, stream, days=5000)
    warehouse.read()
    assert superfluous(warehouse) == set(expected_v1.MERGED)
    warehouse.read(resync_after_days=0)
    assert warehouse.differences() == []


def test_a_full_refresh_makes_everything_exact(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox)
    pair.run()
    delete_some_of_everything(sandbox.company)
    pair.state = None  # what Meltano's --full-refresh does
    pair.run()
    assert pair.differences() == []


def test_without_hard_delete_rows_stay_and_are_marked(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, target={"hard_delete": False})
    pair.run()
    company = sandbox.company
    gone = next(iter(company.projects)), next(iter(company.time_offs))
    kept = len(company.projects), len(company.time_offs)
    company.delete("projects", gone[0])
    company.delete("time_offs", gone[1])
    pair.settings["resync_after_days"] = 0
    pair.run()
    with duckdb.connect(str(pair.database), read_only=True) as connection:
        for table, key, count in zip(("projects", "absences"), gone, kept, strict=True):
            marked = f'SELECT id FROM "{table}" WHERE _sdc_deleted_at IS NOT NULL'
            assert connection.execute(marked).fetchall() == [(key,)]
            assert connection.execute(f'SELECT count(*) FROM "{table}"').fetchall() == [(count,)]


PATHS = {
    "employees": "/v1/company/employees",
    "absence_types": "/v1/company/time-off-types",
    "absences": "/v1/company/time-offs",
    "attendances": "/v1/company/attendances",
    "projects": "/v1/company/attendances/projects",
    "document_categories": "/v1/company/document-categories",
    "custom_reports_list": "/v1/company/custom-reports/reports",
    "employees_absences_balance": "/v1/company/employees/*/absences/balance",
}
LATER_PAGES = {"employees": 2, "absences": 2, "attendances": 3, "employees_absences_balance": 50}


@pytest.mark.parametrize("stream", expected_v1.EIGHT)
def test_an_incomplete_read_never_activates_a_version(sandbox, stream):
    warehouse = Warehouse(sandbox, settings={"resync_after_days": 0})
    warehouse.read()
    before = expected_v1.tables(sandbox.company)
    delete_some_of_everything(sandbox.company)
    sandbox.faults.add("500", PATHS[stream], nth=LATER_PAGES.get(stream, 1), times=None)
    reading = warehouse.read()
    failed = [name for name, outcome in reading.outcomes.items() if outcome == "failed"]
    assert stream in failed
    assert set(failed) <= {stream, "employees_absences_balance"}  # which asks about each employee
    after = expected_v1.tables(sandbox.company)
    assert (
        warehouse.differences(
            {name: (before if name in failed else after)[name] for name in expected_v1.EIGHT}
        )
        == []
    )


def test_an_incomplete_read_deletes_nothing_from_the_file(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, {"resync_after_days": 0})
    pair.run()
    before = expected_v1.tables(sandbox.company)
    delete_some_of_everything(sandbox.company)
    sandbox.faults.add("500", PATHS["absences"], nth=2, times=None)
    run = pair.run(tap=1, target=1)
    assert run.sentences[-1] == "Not read completely: absences. Their tables and bookmarks are unchanged."
    after = expected_v1.tables(sandbox.company)
    assert pair.differences({**after, "absences": before["absences"]}) == []
    sandbox.faults.clear()
    pair.run()
    assert pair.differences() == []


@pytest.mark.parametrize("status", [404, 410, 412, 422])
def test_a_table_that_became_unavailable_keeps_its_rows(sandbox, status):
    warehouse = Warehouse(sandbox, settings={"resync_after_days": 0})
    warehouse.read()
    before = expected_v1.tables(sandbox.company)
    sandbox.company.delete("projects", next(iter(sandbox.company.projects)))
    sandbox.options.gone = {"/v1/company/attendances*": status}
    reading = warehouse.read()
    assert [name for name, outcome in reading.outcomes.items() if outcome == "skipped"] == [
        "attendances",
        "projects",
    ]
    assert warehouse.differences(before) == []


def test_a_table_whose_right_was_withdrawn_keeps_its_rows(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, {"resync_after_days": 0})
    pair.run()
    before = expected_v1.tables(sandbox.company)
    sandbox.rights.deny("absences", "documents")
    pair.run()
    assert pair.differences(before) == []
    sandbox.rights.reset()
    delete_some_of_everything(sandbox.company)
    pair.run()
    assert pair.differences() == []
