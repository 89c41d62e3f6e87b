"""After a run, every cell of the eight tables is what Personio holds; after the next one, again."""

from __future__ import annotations

import datetime as dt
import json

import commands
import expected_v1
import pytest
from pair import TAP, Pair
from personio_sandbox import Sandbox


@pytest.fixture
def sandbox():
    with Sandbox(employees=250, seed=3) as sandbox:
        yield sandbox


def test_every_cell_of_every_table_is_what_personio_holds(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox)
    pair.run()
    assert pair.differences() == []
    assert all(table.rows for table in expected_v1.tables(sandbox.company).values()), (
        "an empty table proves nothing"
    )


def test_the_second_run_fetches_only_changes_and_leaves_every_table_exact(sandbox, tmp_path):
    # Nothing has changed for three days, so that what the second run asks for is what changes now.
    for table in ("time_offs", "attendances"):
        for key, row in list(getattr(sandbox.company, table).items()):
            if row.updated_at > sandbox.company.now() - dt.timedelta(days=3):
                sandbox.company.update(table, key, updated_at=row.updated_at - dt.timedelta(days=3))
    pair = Pair(tmp_path, sandbox)
    pair.run()
    lookback = max(row.updated_at for row in sandbox.company.attendances.values()) - dt.timedelta(hours=2)

    changed = sandbox.company.change(1, tables=("employees", "time_offs", "attendances"))
    for table in ("projects", "document_categories", "reports"):
        sandbox.company.delete(table, next(iter(getattr(sandbox.company, table))))
    sandbox.company.clock.forward(minutes=1)  # what changes in the moment of a run makes it look twice
    sandbox.requests.clear()
    run = pair.run()

    assert pair.differences() == []
    # Deleting a project touches the attendances that were booked on it.
    touched = sum(row.updated_at >= lookback for row in sandbox.company.attendances.values())
    pages = {
        "/v1/company/employees": (1, "updated_since"),
        "/v1/company/time-offs": (1, "updated_from"),
        "/v1/company/attendances": (-(-touched // 200), "updated_from"),
        "/v1/company/attendances/projects": (1, ""),
        "/v1/company/document-categories": (1, ""),
        "/v1/company/custom-reports/reports": (1, ""),
        "/v1/company/employees/{id}/absences/balance": (250, ""),
    }
    for path, (most, filtered) in pages.items():
        asked = [each for each in sandbox.requests.to(path) if not filtered or filtered in each.query]
        # One more makes sure that nothing moved while several pages were read.
        assert 1 <= len(asked) <= most + bool(filtered), path
        if filtered != "updated_since":  # the balances need the list of all employees
            assert len(asked) == len(sandbox.requests.to(path)), path
    assert len(changed["employees"]) < 100
    assert "employees: changes merged, " in run.tap_log


def test_a_wrong_credential_is_told_in_one_sentence_without_the_secret(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox, {"client_secret": "papi-not-the-secret"}, streams=None)
    run = pair.run(tap=1)
    (sentence,) = run.sentences
    assert sentence == (
        "Personio refused the login (API v1, status 403): check the settings client_id and client_secret, and that the "
        "credential has not been revoked."
    )
    assert "Traceback" not in run.log
    assert "not-the-secret" not in run.log
    assert not pair.tables()


def test_no_table_holds_a_key_twice_even_when_pages_overlap(sandbox, tmp_path):
    sandbox.options.duplicate_at_page_border = True
    keys = {name: table.keys for name, table in expected_v1.tables(sandbox.company).items()}
    done = commands.run(Pair(tmp_path, sandbox).tap_command(), b"", check=True)
    seen: dict[str, set[tuple[object, ...]]] = {name: set() for name in keys}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            name, record = message["stream"], message["record"]
            key = tuple(record[column] for column in keys[name])
            assert None not in key
            assert key not in seen[name], f"{name} {key} came twice"
            seen[name].add(key)
        elif message["type"] == "SCHEMA":
            assert tuple(message["key_properties"]) == keys[message["stream"]]
    assert {name: len(found) for name, found in seen.items()} == {
        name: len(table.rows) for name, table in expected_v1.tables(sandbox.company).items()
    }


def test_check_connection_and_discovery_work_from_the_command_line(sandbox, tmp_path):
    config = tmp_path / "tap.json"
    config.write_text(json.dumps(Pair(tmp_path, sandbox).config))
    discovered = commands.run([TAP, "--config", config, "--discover"], check=True)
    streams = {entry["tap_stream_id"] for entry in json.loads(discovered.stdout)["streams"]}
    assert set(expected_v1.EIGHT) <= streams
