"""`tap-personio --check` as a user calls it: what the credential can read, and which rights are missing."""

from __future__ import annotations

import os
import re
import subprocess

import commands
import pytest
from pair import TAP
from personio_sandbox import Sandbox
from tap_personio.streams import STREAMS

NAMES = {stream.name for stream in STREAMS}
# The streams that the recommended rights of docs/credential-and-rights.md open.
WITH_THREE_RIGHTS = {
    *("employees", "employee_attributes", "employees_absences_balance", "persons", "employments"),
    *("absences", "absence_types", "hourly_absences"),
    *("absence_periods", "absence_period_breakdowns", "absence_types_v2"),
    *("attendances", "attendance_periods"),
}


@pytest.fixture
def sandbox():
    with Sandbox(employees=12, attendances_per_employee=2, absences_per_employee=2, seed=4) as sandbox:
        yield sandbox


def check(sandbox, code: int = 0, **environment: str):
    credential = {
        "TAP_PERSONIO_API_URL": sandbox.url,
        "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
        "TAP_PERSONIO_CLIENT_SECRET": sandbox.client_secret,
        "TAP_PERSONIO_RETRY_WAIT": "0.01",
    }
    command = [TAP, "--config=ENV", "--check"]
    done = commands.run(command, env={**os.environ, **credential, **environment})
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def readable(shown: str) -> dict[str, bool]:
    """Each stream of the table, and whether it can be read."""
    rows = re.findall(r"^(\w+) +(yes|no) +(?:yes|no) ", shown, re.MULTILINE)
    return {name: read == "yes" for name, read in rows}


def test_with_all_rights_every_stream_can_be_read(sandbox):
    shown = check(sandbox).stdout
    assert readable(shown) == dict.fromkeys(NAMES, True)
    assert f"{len(NAMES)} of {len(NAMES)} streams can be read with this credential." in shown


def test_with_three_rights_the_others_are_named(sandbox):
    sandbox.rights.only("employees", "absences", "attendances")
    shown = check(sandbox).stdout
    assert readable(shown) == {name: name in WITH_THREE_RIGHTS for name in NAMES}
    [documents] = re.findall(r"^document_categories .*$", shown, re.MULTILINE)
    assert documents.split(maxsplit=3)[1:] == ["no", "yes", "Documents: read"]
    [projects] = re.findall(r"^projects .*$", shown, re.MULTILINE)
    assert projects.endswith("  Projects: read")


def test_without_any_right_it_says_so_and_fails(sandbox):
    sandbox.rights.only()
    shown = check(sandbox, code=1).stdout
    assert not any(readable(shown).values())
    assert f"0 of {len(NAMES)} streams can be read with this credential." in shown


@pytest.mark.parametrize("ask", ["--check", "--discover"])
def test_a_refused_login_is_one_sentence(sandbox, tmp_path, ask):
    state = (
        tmp_path / "state.json"
    )  # Meltano gives one, and switches warnings on, which a fork would not notice
    state.write_text("{}")
    credential = {
        "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
        "TAP_PERSONIO_CLIENT_SECRET": "papi-not-the-secret",
    }
    done = subprocess.run(
        [TAP, "--config=ENV", f"--state={state}", ask],
        env={**os.environ, **credential, "TAP_PERSONIO_API_URL": sandbox.url, "PYTHONWARNINGS": "once"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "Warning" not in done.stderr
    assert "check the settings client_id and client_secret" in done.stderr
