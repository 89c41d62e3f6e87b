"""Meltano itself killed anywhere: the next `meltano run` makes the tables exact."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from meltano_project import declare, install
from pair import Pair
from personio_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATHS = ["/v1/company/time-offs", "/v1/company/attendances", "/v1/company/employees", "/v2/*"]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(employees=110, attendances_per_employee=12, absences_per_employee=6, seed=12) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def project(sandbox, tmp_path_factory):
    """A Meltano project with both plugins installed, and what starts `meltano run` in it."""
    folder = tmp_path_factory.mktemp("killed")
    declare(folder)
    install(folder)
    pair = Pair(folder, sandbox, schema="personio")
    environment = {
        **{
            name: each
            for name, each in os.environ.items()
            if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))
        },
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TAP_PERSONIO_API_URL": sandbox.url,
        "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
        "TAP_PERSONIO_CLIENT_SECRET": sandbox.client_secret,
        "TARGET_DUCKDB_PATH": str(pair.database),
    }

    def start(*options: str) -> subprocess.Popen[bytes]:
        log = (folder / "meltano.log").open("ab")
        with log:
            command = ["meltano", "run", *options, "tap-personio", "target-duckdb"]
            return subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    assert start().wait(timeout=600) == 0, (folder / "meltano.log").read_text()[-3000:]
    return pair, start


def kill_meltano(project, sandbox, seed: int) -> None:
    pair, start = project
    chance = random.Random(seed)
    sandbox.company.change(2)
    sandbox.company.delete("projects", next(reversed(sandbox.company.projects)))
    sandbox.company.insert("projects", name=f"Project {seed}")
    process = start(*(["--full-refresh"] if chance.random() < 0.5 else []))
    number = chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    sandbox.faults.after(chance.choice(PATHS), chance.randrange(1, 4), lambda _: process.send_signal(number))
    process.wait(timeout=300)
    sandbox.faults.clear()
    # Meltano's children may still be about to notice; two loaders cannot write one file.
    for _ in range(5):
        if start("--force").wait(timeout=300) == 0:
            break
        time.sleep(0.2)
    assert pair.differences() == []


@pytest.mark.full
@pytest.mark.parametrize("seed", range(20))
def test_a_killed_meltano_is_made_good_by_the_next_run(project, sandbox, seed):
    kill_meltano(project, sandbox, seed)


@pytest.mark.full
def test_ctrl_c_ends_a_run_without_a_traceback(project, sandbox):
    pair, start = project
    log = pair.folder / "meltano.log"
    before = len(log.read_text())
    process = start("--full-refresh", "--force")
    # A terminal sends the signal to all processes.
    sandbox.faults.after("/v1/company/attendances", 1, lambda _: os.killpg(process.pid, signal.SIGINT))
    assert process.wait(timeout=300) != 0
    told = log.read_text()[before:]
    assert "Stopped by signal 2" in told
    for word in ("Traceback", "Error details", "interrupted"):
        assert word not in told
