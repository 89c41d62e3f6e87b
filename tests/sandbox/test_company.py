"""The company can be generated again, changed and read, from Python, over HTTP and with the command."""

import dataclasses
import datetime as dt
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from personio_sandbox import Company, Options, Sandbox
from personio_sandbox.access import AREAS
from personio_sandbox.cli import main, parser
from personio_sandbox.control import COMMANDS
from personio_sandbox.faults import KINDS

from .conftest import NOW

SMALL = {"employees": 25, "attendances_per_employee": 20, "now": NOW}


def content(company: Company) -> dict[str, bytes]:
    return {name: msgspec.json.encode(list(company.rows(name).values())) for name in company.tables}


def test_the_same_seed_founds_the_same_company():
    assert content(Company(Options(**SMALL))) == content(Company(Options(**SMALL)))
    assert content(Company(Options(**SMALL, seed=2))) != content(Company(Options(**SMALL)))


@pytest.mark.parametrize(("employees", "attendances"), [(0, 10), (1, 10), (3, 0), (40, 12_345)])
def test_any_size_works(employees, attendances):
    with Sandbox(employees=employees, attendances=attendances, absences=7, now=NOW) as sandbox:
        company = sandbox.company
        assert len(company.employees) == employees
        assert len(company.attendances) == (attendances if employees else 0)
        assert len(company.time_offs) == (7 if employees else 0)


def test_a_change_shows_in_both_versions(client):
    company = client.sandbox.company
    company.clock.forward(minutes=5)
    key = next(iter(company.time_offs))
    changed = company.update("time_offs", key, comment="later", half_day_start=True)
    shown = client.v1(f"time-offs/{key}").json()["data"]["attributes"]
    assert (shown["comment"], shown["updated_at"]) == ("later", "2026-06-15T14:05:00+0200")
    assert client.v2(f"absence-periods/{changed.id_v2}").json()["starts_from"]["type"] == "SECOND_HALF"
    company.update("employees", 1002, fix_salary=4321)
    pay = next(c for c in company.compensations.values() if c.employee_id == 1002 and c.effective_to is None)
    assert pay.amount == 4321


def test_deleting_an_employee_takes_everything_along(client):
    company = client.sandbox.company
    company.delete("employees", 1001)
    assert client.v1("employees/1001").status_code == 404
    assert client.v2("persons/1001").status_code == 404
    for name in ("time_offs", "hourly_absences", "attendances", "balances", "shifts", "compensations"):
        assert all(row.employee_id != 1001 for row in company.rows(name).values())
    assert all(e.attributes["supervisor"] != 1001 for e in company.employees.values())
    assert all(row["person"]["id"] != "1001" for row in client.all_v2("attendance-periods"))


def test_inserted_records_get_fresh_ids_and_the_time_of_the_clock(client):
    company = client.sandbox.company
    company.clock.forward(days=1)
    tables = (
        "employees",
        "time_offs",
        "hourly_absences",
        "attendances",
        "projects",
        "document_categories",
        "reports",
    )
    for table in tables:
        before = set(company.rows(table))
        row = company.insert(table)
        assert set(company.rows(table)) - before == {row.id}
        assert getattr(row, "updated_at", company.now()) == company.now()
    assert (1031, 1501) in company.balances


def test_a_share_of_a_table_changes_the_same_way_for_a_seed():
    first, second = (Company(Options(**SMALL)) for _ in range(2))
    changed = first.change(10, ["employees", "time_offs", "attendances", "balances", "projects", "reports"])
    assert changed == second.change(10, list(changed))
    assert content(first) == content(second)
    assert {table: len(keys) for table, keys in changed.items()} == {
        "employees": 2, "time_offs": 38, "attendances": 50, "balances": 8, "projects": 2, "reports": 1,
    }  # fmt: skip
    assert all(first.attendances[key].updated_at == first.now() for key in changed["attendances"])
    assert first.change(10, ["employees"]) != changed["employees"]


def test_mistakes_are_told_in_a_sentence(client):
    company = client.sandbox.company
    with pytest.raises(ValueError, match="there is no table 'persons'; there are employees"):
        company.update("persons", 1)
    with pytest.raises(ValueError, match="time_offs has no field colour"):
        company.update("time_offs", next(iter(company.time_offs)), colour="red")
    with pytest.raises(ValueError, match="belongs to the structure"):
        company.delete("offices", 60301)
    with pytest.raises(ValueError, match="there is no area salary"):
        client.sandbox.rights.deny("salary")
    with pytest.raises(AttributeError, match="no option 'latancy'"):
        client.sandbox.options.latancy = 1
    with pytest.raises(ValueError, match="latency: Expected `float`, got `str`"):
        Options(latency="slow")
    assert client.control("POST", "options", next_links="none")["error"].startswith(
        "next_links: Invalid enum value"
    )
    assert client.control("POST", "update", table="projects", id=1, values={}) == {"error": "there is no 1"}
    assert "known" in client.control("GET", "nonsense")


def test_everything_can_be_done_over_http(client):
    company = client.sandbox.company
    assert client.control("GET", "health")["rows"]["employees"] == 30
    key = next(iter(company.time_offs))
    client.control("POST", "update", table="time_offs", id=key, values={"start": "2026-05-01", "end": None})
    assert (str(company.time_offs[key].start), company.time_offs[key].end) == ("2026-05-01", None)
    client.control("POST", "update", table="employees", id=1001, values={"hire_date": "2020-02-29"})
    assert str(company.employees[1001].attributes["hire_date"]) == "2020-02-29"
    assert len(client.control("POST", "insert", table="attendances", count=3)) == 3
    client.control("POST", "delete", table="balances", ids=[[1001, 1501]])
    assert (1001, 1501) not in company.balances
    assert len(client.control("POST", "delete", table="attendances", percent=10)["deleted"]) == 90
    change = {"table": "time_offs", "ids": [key]}
    client.control("POST", "plan", path="/v1/company/time-offs", command="delete", arguments=change)
    client.v1("time-offs")
    assert key not in company.time_offs
    client.control("POST", "rights", only=["absences"], hide_attributes=["email"])
    assert client.v1("employees").status_code == 403
    client.control("POST", "options", latency=0.0, gone={"/v1/company/time-off-types": 404})
    assert client.v1("time-off-types").status_code == 404
    assert client.control("POST", "clock", forward={"days": 2})["now"] == "2026-06-17T12:00:00Z"
    assert client.control("GET", "requests/counts")["/v1/company/time-offs"] == 1
    assert client.control("GET", "requests")[-1]["status"] == 404
    client.control("POST", "reset")
    assert (len(company.attendances), key in company.time_offs) == (900, True)
    assert client.control("GET", "requests") == []


def test_the_log_tells_what_was_asked(client):
    client.v1("time-offs", limit=10, offset=3)
    client.v1("employees/1001/absences/balance")
    client.control("GET", "health")
    log = client.sandbox.requests
    assert log.counts() == {
        "/v1/auth": 1, "/v1/company/time-offs": 1, "/v1/company/employees/{id}/absences/balance": 1,
    }  # fmt: skip
    asked = log.to("/v1/company/time-offs")[0]
    assert (asked.method, asked.status, dict(asked.query)) == ("GET", 200, {"limit": "10", "offset": "3"})
    log.clear()
    assert len(log) == 0


def test_threads_may_change_the_company_while_it_is_read(client):
    company = client.sandbox.company
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            company.change(5)
            company.delete("time_offs", company.insert("time_offs").id)
            company.delete("attendances", company.insert("attendances").id)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(30):
            assert client.v1("time-offs", offset=1).status_code == 200
            assert client.v2("attendance-periods").status_code == 200
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_one_line_and_ends_on_a_signal(number):
    command = [
        sys.executable,
        "-m",
        "personio_sandbox",
        "--employees",
        "5",
        "--faults",
        "503@/v1/auth,times=none",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+ client_id=\S+ client_secret=\S+\n", line)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_wrong_command_line_is_told_in_a_sentence():
    command = [sys.executable, "-m", "personio_sandbox", "--faults", "boom"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("personio-sandbox: there is no fault 'boom'")
    assert "Traceback" not in result.stderr


def test_the_command_takes_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert [f.name for f in dataclasses.fields(Options) if f"--{f.name.replace('_', '-')}" not in told] == []
    given = parser().parse_args(["--now", "2026-06-15T12:00:00+00:00", "--attendances", "7", "--no-hostile"])
    assert (given.now, given.attendances, given.hostile) == (NOW, 7, False)


def test_installing_the_package_brings_a_fixture(personio_sandbox):
    sandbox = personio_sandbox(**SMALL)
    assert len(sandbox.company.employees) == 25
    assert sandbox.url.startswith("http://127.0.0.1:")


def test_the_readme_names_every_option_fault_and_control_endpoint():
    readme = (Path(__file__).parents[2] / "personio-sandbox" / "README.md").read_text(encoding="utf-8")
    names = [field.name for field in dataclasses.fields(Options)] + list(KINDS) + list(AREAS)
    assert [name for name in names if name not in readme] == []
    tables = Company(Options(employees=1, now=NOW)).tables
    assert set(tables) - set(re.findall(r"`(\w+)`", readme)) == set()
    rows = [line for line in readme.splitlines() if line.startswith("| `") and "/_sandbox/" in line]
    told = {
        (method, name)
        for row in rows
        for name in re.findall(r"/_sandbox/([\w/-]+)", row)
        for method in re.findall(r"GET|POST|DELETE", row.split("|")[1])
    }
    assert told == set(COMMANDS)


def test_days_are_counted_as_the_breakdown_adds_them_up(client):
    row = next(iter(client.sandbox.company.time_offs.values()))
    for start in range(7):
        for length in range(1, 16):
            for halves in ((False, False), (True, False), (False, True), (True, True)):
                first = dt.date(2026, 6, 1 + start)
                last = first + dt.timedelta(days=length - 1)
                row.start, row.end, (row.half_day_start, row.half_day_end) = first, last, halves
                assert row.days_count == sum(row.days.values()), row


def test_the_python_of_the_readme_runs():
    readme = (Path(__file__).parents[2] / "personio-sandbox" / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert example is not None
    exec(compile(example[1], "README.md", "exec"), {})
