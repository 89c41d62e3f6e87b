"""The pair under Meltano, in a project of its own, without the Meltano Hub."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import expected_v1
import expected_v2
import pytest
from meltano_project import Project, declare, install
from pair import Pair
from personio_sandbox import Sandbox
from personio_sandbox.access import AREAS
from tap_personio.streams import STREAMS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(employees=40, seed=5) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def project(sandbox, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    declare(folder)
    install(folder)
    return Project(folder, sandbox)


def test_a_run_lands_every_table_and_the_next_one_merges_what_changed(project, sandbox):
    project.meltano("run", "tap-personio", "target-duckdb")
    assert project.pair.differences() == []
    # `select` in meltano.yml does not know which reports there are.
    reports = expected_v2.report_tables(sandbox.company)
    project.pair.streams = None
    assert project.pair.differences(reports) == []
    project.pair.streams = expected_v1.EIGHT

    sandbox.company.change(5, tables=("employees", "time_offs", "attendances"))
    for table in ("projects", "document_categories", "reports"):
        sandbox.company.delete(table, next(iter(getattr(sandbox.company, table))))
    log = project.meltano("run", "tap-personio", "target-duckdb")
    assert "absences: changes merged" in log
    assert project.pair.differences() == []

    # What is deleted from a merge table shows with the next whole read, which --full-refresh asks for.
    sandbox.company.delete("time_offs", next(iter(sandbox.company.time_offs)))
    assert project.pair.differences() != []
    log = project.meltano("run", "--full-refresh", "tap-personio", "target-duckdb")
    assert "absences: read whole" in log
    assert project.pair.differences() == []


@pytest.mark.full
def test_each_state_id_suffix_and_state_backend_remembers_for_itself(project, tmp_path):
    project.meltano("run", "--state-id-suffix=second", "tap-personio", "target-duckdb")
    states = project.meltano("state", "list")
    assert "prod:tap-personio-to-target-duckdb:second" in states

    folder = f"file://{tmp_path}/state"
    log = project.meltano("run", "tap-personio", "target-duckdb", MELTANO_STATE_BACKEND_URI=folder)
    assert "absences: read whole" in log
    kept = next((tmp_path / "state").rglob("state.json"))
    assert json.loads(kept.read_text())["completed"]["singer_state"]["bookmarks"]["absences"]["version"]
    log = project.meltano("run", "tap-personio", "target-duckdb", MELTANO_STATE_BACKEND_URI=folder)
    assert "absences: changes merged" in log


def test_the_schedule_runs_the_job(project):
    assert "Block run completed" in project.meltano("schedule", "run", "personio-daily")


def test_settings_and_selection_feel_native(project):
    settings = project.meltano("config", "list", "tap-personio", "--all")
    assert "Required settings: client_id, client_secret" in settings
    assert "current value: (redacted)" in settings
    assert "Plugin configuration is valid" in project.meltano("config", "test", "tap-personio")

    selection = project.meltano("select", "tap-personio", "--list", "--all")
    selected = {
        line.split("]")[1].strip().split(".")[0]
        for line in selection.splitlines()
        if line.strip().startswith(("[selected", "[automatic"))
    }
    assert set(expected_v1.EIGHT) <= selected
    assert "employments" not in selected, "a request for each employee is not for everybody"


def test_check_shows_what_the_credential_can_read(project, sandbox):
    shown = project.meltano("invoke", "tap-personio", "--check")
    assert f"{len(STREAMS)} of {len(STREAMS)} streams can be read with this credential." in shown
    sandbox.rights.only()
    try:
        shown = project.meltano("invoke", "tap-personio", "--check", code=1)
    finally:
        sandbox.rights.allow(*AREAS)
    assert f"0 of {len(STREAMS)} streams can be read with this credential." in shown


def test_one_command_leaves_out_for_good_what_the_credential_may_not_read(project, sandbox):
    sandbox.rights.only("employees", "absences", "attendances")
    try:
        shown = project.meltano("invoke", "tap-personio", "--check")
        commands = [shlex.split(line) for line in shown.splitlines() if "meltano config" in line]
        # A state of its own: runs of before could read more.
        run = ("run", "--state-id-suffix=rights", "tap-personio", "target-duckdb")
        assert "Skipped 19 of 26 streams" in project.meltano(*run)
        project.meltano(*commands[0][1:])
        log = project.meltano(*run)
        assert "Skipped" not in log
        assert "employees_absences_balance: read whole" in log
        project.meltano(*commands[1][commands[1].index("config") :])
        assert "select_filter" not in (project.folder / "meltano.yml").read_text()
    finally:
        sandbox.rights.allow(*AREAS)


def test_shape_shows_the_form_of_the_answers(project):
    shown = project.meltano("invoke", "tap-personio", "--shape")
    assert '"path": "/v2/persons"' in shown
    assert "@" not in shown


def test_a_refused_login_fails_the_run_with_a_sentence(project):
    log = project.meltano(
        "run", "tap-personio", "target-duckdb", code=1, TAP_PERSONIO_CLIENT_SECRET="papi-not-the-secret"
    )
    assert "check the settings client_id and client_secret" in log
    assert "not-the-secret" not in log


@pytest.mark.full
def test_the_page_about_an_own_project_works_as_printed(sandbox, tmp_path):
    names = ("TAP_", "TARGET_", "MELTANO_", "DBT_", "UV_FIND_LINKS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    environment["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    own = tmp_path / "own"
    subprocess.run([BIN / "meltano", "init", own], check=True, capture_output=True)
    credential = {"papi-…\nTAP": f"{sandbox.client_id}\nTAP", "papi-…\n": f"{sandbox.client_secret}\n"}

    page = (ROOT / "docs" / "hub" / "README.md").read_text().replace("/path/to/repository", str(ROOT))
    line = ""
    for step in re.finditer(r"Replace the line `(.+?)`|```(sh|yaml)\n(.*?)```", page, re.DOTALL):
        line, block = step[1] or line, step[3]
        if step[2] == "yaml":
            declared = (own / "meltano.yml").read_text()
            assert declared.count(f"    {line}\n") == 1, line
            (own / "meltano.yml").write_text(declared.replace(f"    {line}\n", block))
        elif step[2] and "papi-…" in block:
            for shown, value in credential.items():
                block = block.replace(shown, value, 1)
            (own / ".env").write_text(f"{block}TAP_PERSONIO_API_URL={sandbox.url}\n")
        elif step[2]:
            done = subprocess.run(
                ["sh", "-e"],
                input=block,
                cwd=own,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

    pair = Pair(own / "output", sandbox, schema="personio")
    assert pair.differences() == []
    assert "employments" not in pair.tables()
    assert (own / "output" / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.full)])
def test_the_demo_shows_what_landed(tmp_path, times):
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, symlinks=True, ignore=shutil.ignore_patterns(".*", "output"))
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    install(clone)
    # The local Personio is never asked through a company's proxy, here one that is down.
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    proxies |= {name.upper(): value for name, value in proxies.items()}
    for _ in range(times):
        command = [sys.executable, clone / "demo" / "run.py"]
        done = subprocess.run(
            command,
            env=environment | proxies,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert done.stdout.count("\n") < 80
        for table in expected_v1.EIGHT:
            assert f"│ {table} " in done.stdout
    written = [
        path for name in ("output", ".meltano/run") for path in (clone / name).rglob("*.*") if path.is_file()
    ]
    assert written
    assert [path for path in written if path.stat().st_mode & 0o077] == []
    with duckdb.connect(str(clone / "output" / "demo.duckdb"), read_only=True) as database:
        counts = database.execute("SELECT count(*), count(DISTINCT id) FROM personio.employees").fetchone()
        assert counts == (200, 200)
        columns = [name for name, *_ in database.execute("DESCRIBE personio.employees").fetchall()]
        assert [name for name in columns if "dynamic_" in name or "drop_table" in name] == []
