"""A full sync with far fewer records than the last one deletes nothing: a narrowed credential looks like that."""

from __future__ import annotations

import json

import expected_v1
import pytest
from in_process import Warehouse
from pair import Pair
from personio_sandbox import Sandbox
from proxy import Altering


@pytest.fixture
def sandbox():
    with Sandbox(employees=120, attendances_per_employee=1, absences_per_employee=1, seed=21) as sandbox:
        yield sandbox


@pytest.fixture
def warehouse(sandbox):
    warehouse = Warehouse(sandbox, settings={"resync_after_days": 0})
    warehouse.read()
    return warehouse


def shrink(company, left: int) -> None:
    """Let so many employees be left."""
    company.delete("employees", *list(company.employees)[left:])


def outcomes(reading, outcome: str = "failed") -> set[str]:
    return {name for name, each in reading.outcomes.items() if each == outcome}


def test_employees_that_a_narrowed_credential_cannot_see_stay(sandbox, tmp_path):
    hidden = set(list(sandbox.company.employees)[40:])

    def alter(path, query, body):
        if path == "/v1/company/employees":
            seen = [each for each in body["data"] if each["attributes"]["id"]["value"] not in hidden]
            body["data"], body["metadata"]["total_elements"] = seen, 40
        return body

    streams = ("employees", "employees_absences_balance", "projects", "absences")
    pair = Pair(tmp_path, sandbox, {"resync_after_days": 0}, streams=streams)
    pair.run()
    kept = pair.state["bookmarks"]
    before = expected_v1.tables(sandbox.company)
    assert kept["employees"]["records"] == 120
    assert kept["projects"]["records"] == len(before["projects"].rows)
    sandbox.company.delete("projects", next(iter(sandbox.company.projects)))
    with Altering(sandbox, alter) as narrowed:
        pair.settings["api_url"] = narrowed.url
        run = pair.run(tap=1, target=1)
    expected = expected_v1.tables(sandbox.company)
    assert pair.differences(expected) == []
    balances = len(before["employees_absences_balance"].rows)
    first, second = sorted(sentence for sentence in run.sentences if sentence.startswith("Failed "))
    assert first.startswith(
        "Failed employees: this full sync brought 40 records, the last one 120, which is more than "
        "max_removed_percent (30) fewer; check what the credential may read"
    )
    assert f", the last one {balances:,}, " in second
    assert "--full-refresh" in first
    assert "the tap's own message says why, and if there is none, run again" in run.target_log
    after = pair.state["bookmarks"]
    assert {name for name in kept if kept[name] == after[name]} == set(streams[:2])
    assert after["projects"]["records"] == len(expected["projects"].rows)
    del pair.settings["api_url"]
    pair.run()
    assert pair.differences() == []


@pytest.mark.parametrize(("left", "fails"), [(84, False), (83, True)])
def test_more_than_max_removed_percent_is_refused(sandbox, warehouse, left, fails):
    shrink(sandbox.company, left)
    reading = warehouse.read()
    assert ("employees" in outcomes(reading)) == fails
    assert len(warehouse.tables["employees"]) == (120 if fails else left)


def test_a_small_table_may_become_empty(sandbox, warehouse):
    categories = list(sandbox.company.document_categories)
    assert 0 < len(categories) < 20
    sandbox.company.delete("document_categories", *categories)
    assert outcomes(warehouse.read()) == set()
    assert warehouse.differences() == []


def test_a_replaced_table_is_guarded_too(sandbox):
    warehouse = Warehouse(sandbox, streams=["documents"])
    warehouse.read()
    before = warehouse.tables["documents"]
    company = sandbox.company
    assert len(before) > 20
    company.delete("documents", *company.documents)
    assert outcomes(warehouse.read()) == {"documents"}
    assert warehouse.tables["documents"] == before


@pytest.mark.parametrize("accepted", ["full refresh", "never", None, 70, "old state", "no versions"])
def test_what_accepts_the_smaller_table(sandbox, warehouse, accepted):
    warehouse.streams = ["employees"]
    shrink(sandbox.company, 40)
    settings = {}
    if accepted == "full refresh":
        warehouse.state = None
    elif accepted == "old state":
        for bookmark in warehouse.state["bookmarks"].values():
            del bookmark["records"]
    elif accepted == "no versions":
        settings = {"emit_activate_version_messages": False}
    else:
        settings = {"max_removed_percent": accepted}
    assert outcomes(warehouse.read(**settings)) == set()
    assert len(warehouse.tables["employees"]) == (120 if accepted == "no versions" else 40)
    assert warehouse.state["bookmarks"]["employees"]["records"] == 40
    if accepted == "old state":
        shrink(sandbox.company, 4)
        assert "employees" in outcomes(warehouse.read())


@pytest.mark.parametrize("stream", ["absences", "compensations"])
def test_other_days_cannot_be_compared(sandbox, stream):
    warehouse = Warehouse(sandbox, streams=[stream], settings={"resync_after_days": 0})
    warehouse.read()
    many = len(warehouse.tables[stream])
    reading = warehouse.read(start_date="2099-01-01", end_date="2099-12-31")
    assert reading.error is None
    assert len(warehouse.tables[stream]) <= many * 0.7
    assert warehouse.read(start_date="2099-01-01", end_date="2099-12-31").error is None
    assert warehouse.read().error is None
    assert len(warehouse.tables[stream]) == many


def test_rows_are_counted_before_a_filter_drops_them(sandbox):
    maps = {"employees": {"__filter__": "id < 0"}}
    warehouse = Warehouse(
        sandbox, streams=["employees"], settings={"resync_after_days": 0, "stream_maps": maps}
    )
    warehouse.read()
    assert warehouse.tables["employees"] == {}
    assert warehouse.state["bookmarks"]["employees"]["records"] == 120
    assert "records" in json.dumps(warehouse.read(stream_maps=None).of("STATE")[-1])
