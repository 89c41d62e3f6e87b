"""Personio's bad days: every fault at any request is survived, or ends with one sentence and nothing half done."""

from __future__ import annotations

import random
from collections import Counter

import commands
import expected_v1
import pytest
from in_process import Warehouse
from pair import TAP, TARGET, Pair
from personio_sandbox import Sandbox
from tap_personio.streams import STREAMS

# What a request can meet, with what makes it quick to test.
FAULTS = {
    "429": {},
    "429 with Retry-After": {"retry_after": "0.02"},
    "500": {},
    "502": {},
    "503": {},
    "504": {},
    "reset": {},
    "reset-body": {},
    "cut-json": {},
    "html": {},
    "unsuccessful": {},
    "slow": {"seconds": 4},
    "stall": {"seconds": 4},
    # At the login these would be a refused credential.
    "401": {"path": "/v1/company/*"},
    "403": {"path": "/v1/company/*"},
    "expire": {},
}
# Of these, two in a row are survived; a third one would be a missing right.
ABOUT_THE_TOKEN = ("401", "403", "expire")
# Longer than an answer takes on a busy machine.
SETTINGS = {"request_timeout": 2}


@pytest.fixture(scope="module")
def company():
    """Lists of several pages each, and one call per employee: about 130 requests a run."""
    with Sandbox(employees=110, seed=2, attendances_per_employee=6, absences_per_employee=4) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(company):
    yield company
    company.faults.clear()
    company.options.bearer, company.options.token_requests = "constant", None


def meet(sandbox, name: str, **when):
    return sandbox.faults.add(name.partition(" ")[0], **{**FAULTS[name], **when})


def requests_of_a_run(sandbox) -> int:
    sandbox.requests.clear()
    assert Warehouse(sandbox).read().error is None
    return len(sandbox.requests)


def survives(sandbox) -> None:
    warehouse = Warehouse(sandbox, settings=SETTINGS)
    is_exact(warehouse, warehouse.read())


def is_exact(warehouse, reading) -> None:
    assert reading.error is None
    assert set(reading.outcomes.values()) == {"read"}
    assert warehouse.differences() == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_any_request_is_survived(sandbox, name):
    for nth in random.Random(name).sample(range(1, 129), 3):
        fault = meet(sandbox, name, nth=nth)
        survives(sandbox)
        assert fault.fired == 1, nth
        sandbox.faults.clear()


@pytest.mark.full
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_every_single_request_is_survived(sandbox, name):
    for nth in range(1, requests_of_a_run(sandbox) + 1):
        meet(sandbox, name, nth=nth)
        survives(sandbox)
        sandbox.faults.clear()


def storm(sandbox, seed: int) -> None:
    """Each request meets each fault now and then."""
    chance = random.Random(seed)
    # A token that a login has just confirmed counts as good for a minute: one trouble with it a run.
    meet(sandbox, chance.choice(ABOUT_THE_TOKEN), path="/v1/company/*", nth=chance.randrange(1, 120))
    for name in FAULTS:
        if name not in ABOUT_THE_TOKEN:
            meet(sandbox, name, path="/v1/*", times=12, probability=0.01, seed=chance.random(), seconds=0.4)


def met_more_than_is_survived(sandbox) -> bool:
    """Whether a request met six faults in a row."""
    rows: Counter[tuple[str, str]] = Counter()
    for each in sandbox.requests:
        request = each.path, str(each.query)
        rows[request] = rows[request] + 1 if each.fault else 0
        if rows[request] > 5:
            return True
    return False


@pytest.mark.parametrize("seed", range(3))
def test_all_faults_at_once_are_survived(sandbox, seed):
    storm(sandbox, seed)
    survives(sandbox)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3, 103))
def test_a_hundred_storms_are_survived(sandbox, seed):
    storm(sandbox, seed)
    sandbox.requests.clear()
    warehouse = Warehouse(sandbox, settings=SETTINGS)
    reading = warehouse.read()
    if reading.error is not None:  # the storm spared nobody by chance: then the next run makes it good
        assert met_more_than_is_survived(sandbox)
        reading = warehouse.read()
    is_exact(warehouse, reading)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in (*ABOUT_THE_TOKEN, "slow", "stall")])
@pytest.mark.parametrize("path", ["/v1/company/time-offs", "/v1/company/employees/*/absences/balance"])
def test_five_in_a_row_are_survived(sandbox, name, path):
    sandbox.options.latency = 0
    # One request at a time, so that the five strike the same one.
    fault = meet(sandbox, name, path=path, nth=2, times=5)
    warehouse = Warehouse(sandbox, ["absences", "employees_absences_balance"], {**SETTINGS, "concurrency": 1})
    reading = warehouse.read()
    assert (reading.error, fault.fired) == (None, 5)
    assert warehouse.differences() == []


@pytest.fixture(scope="module")
def quiet():
    """What every further stream holds when nothing goes wrong, and the sandbox that it was read from."""
    with Sandbox(employees=12, seed=2, attendances_per_employee=12, absences_per_employee=8) as sandbox:
        warehouse = Warehouse(sandbox, FURTHER)
        assert warehouse.read().error is None
        assert all(warehouse.tables.values())
        yield sandbox, warehouse.tables


FURTHER = [stream.name for stream in STREAMS if stream.name not in expected_v1.EIGHT]


def reads_the_same(quiet, seed: int) -> None:
    sandbox, tables = quiet
    chance = random.Random(seed)
    for name in FAULTS:
        if name not in ABOUT_THE_TOKEN:
            meet(sandbox, name, nth=chance.randrange(1, 60), times=1, seconds=0.7)
    meet(sandbox, "expire", path="/v2/*", nth=chance.randrange(1, 80))
    warehouse = Warehouse(sandbox, FURTHER, SETTINGS)
    reading = warehouse.read()
    sandbox.faults.clear()
    assert reading.error is None
    for name, rows in tables.items():
        assert warehouse.tables.get(name) == rows, name


def test_a_storm_changes_nothing_in_the_other_streams(quiet):
    reads_the_same(quiet, 0)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 31))
def test_thirty_storms_change_nothing_in_the_other_streams(quiet, seed):
    reads_the_same(quiet, seed)


def test_the_waits_grow_and_differ(sandbox, caplog):
    meet(sandbox, "503", path="/v1/company/time-offs", nth=2, times=5)
    with caplog.at_level("INFO", logger="tap-personio"):
        Warehouse(sandbox, ["absences"], {"concurrency": 1, "retry_wait": 0.04}).read()
    waits = [each.args[-1] for each in caplog.records if "repeating in" in each.msg]
    assert len(waits) == 5
    assert all(0.75 <= wait / (0.04 * 2**number) <= 1.25 for number, wait in enumerate(waits))
    assert len(set(waits)) == 5


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in (*ABOUT_THE_TOKEN, "slow", "stall")])
def test_more_than_five_end_one_stream_and_leave_the_others_exact(sandbox, name):
    meet(sandbox, name, path="/v1/company/time-offs", nth=3, times=None)
    warehouse = Warehouse(sandbox, settings=SETTINGS)
    reading = warehouse.read()
    assert reading.error == "Not read completely: absences. Their tables and bookmarks are unchanged."
    assert reading.outcomes["absences"] == "failed"
    assert "absences" not in {each["stream"] for each in reading.of("ACTIVATE_VERSION")}
    assert warehouse.state is not None
    assert "replication_key_value" not in warehouse.state["bookmarks"].get("absences", {})
    assert {each.partition(":")[0] for each in warehouse.differences()} == {"absences"}
    sandbox.faults.clear()
    assert warehouse.read().error is None
    assert warehouse.differences() == []


@pytest.mark.parametrize("option", [{"token_requests": 40}, {"bearer": "rotating"}], ids=str)
def test_tokens_that_end_are_renewed(sandbox, option):
    for name, value in option.items():
        setattr(sandbox.options, name, value)
    sandbox.expire_tokens()
    survives(sandbox)


@pytest.mark.parametrize("name", ["429", "reset", "unsuccessful"])
def test_a_login_in_trouble_is_repeated(sandbox, name):
    meet(sandbox, name, path="/v1/auth", times=3)
    survives(sandbox)


def test_a_login_that_never_works_ends_with_one_sentence(sandbox, tmp_path):
    meet(sandbox, "429", path="/v1/auth", times=None)
    pair = Pair(tmp_path, sandbox, streams=None)
    run = pair.run(tap=1)
    assert run.sentences == [
        "Personio could not be asked for a token of API v1: too many requests (429); try again later."
    ]
    assert "Traceback" not in run.log


def test_both_processes_survive_a_storm_and_the_file_is_exact(sandbox, tmp_path):
    storm(sandbox, 99)
    pair = Pair(tmp_path, sandbox, SETTINGS)
    pair.run()
    assert pair.differences() == []


def test_a_stream_that_fails_leaves_the_others_and_its_own_table_exact(sandbox, tmp_path):
    pair = Pair(tmp_path, sandbox)
    pair.run()
    before = pair.state
    sandbox.company.change(3)
    meet(sandbox, "500", path="/v1/company/time-offs", times=None)
    run = pair.run(tap=1)
    assert run.sentences == [
        "Failed absences: v1/company/time-offs kept failing (status 500); try again later.",
        "Not read completely: absences. Their tables and bookmarks are unchanged.",
    ]
    assert pair.state["bookmarks"]["absences"] == before["bookmarks"]["absences"]
    assert {each.partition(":")[0] for each in pair.differences()} == {"absences"}
    sandbox.faults.clear()
    pair.run()
    assert pair.differences() == []


@pytest.mark.parametrize("command", [TAP, TARGET])
@pytest.mark.parametrize(
    ("content", "reason"), [(None, "it is not there"), ("{bad", "it is not a JSON object")]
)
def test_a_file_of_settings_that_cannot_be_read_is_one_sentence(tmp_path, command, content, reason):
    config = tmp_path / "config.json"
    if content:
        config.write_text(content)
    done = commands.run([command, "--config", config])
    assert done.returncode == 1
    assert done.stderr.endswith(f"The file given with --config cannot be read: {reason}.\n")
    assert "Traceback" not in done.stderr
