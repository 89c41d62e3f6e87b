"""The example of several accounts: Dagster's own daemon and queue, Meltano, three companies, one PostgreSQL."""

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from environments import made
from personio_sandbox import Sandbox
from postgresql import serve

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "many-accounts"
MELTANO = Path(sys.executable).parent / "meltano"
NOW = dt.datetime(2026, 6, 15, 12, tzinfo=dt.UTC)
ACCOUNTS = ("berlin", "hamburg", "wien")
TABLES = {"employees": "employees", "absences": "time_offs", "absence_types": "absence_types"}
LIMIT_SECONDS = 600

RUNS = """
import json, dagster
print(json.dumps([
    [each.dagster_run.tags.get("dagster/partition"), each.dagster_run.status.value, each.start_time, each.end_time]
    for each in dagster.DagsterInstance.get().get_run_records()
]))
"""
Runs = list[tuple[str, str, float, float]]


@pytest.fixture(scope="module")
def dagster() -> Path:
    """The folder of Dagster's executables, or the one that DAGSTER_BIN names."""
    return made(".venv-dagster", "DAGSTER_BIN")


@pytest.fixture(scope="module")
def postgres(dagster: Path) -> Iterator[str]:
    """The address of a PostgreSQL server of our own."""
    with serve(dagster) as address:
        yield address


@pytest.fixture(scope="module")
def companies() -> Iterator[dict[str, Sandbox]]:
    """A sandbox for each account, all different."""
    sandboxes = {
        account: Sandbox(
            employees=10 + seed, seed=seed, absences_per_employee=3, now=NOW, client_id=f"id-{account}",
            client_secret=f"secret-{account}",
        ).start()
        for seed, account in enumerate(ACCOUNTS)
    }  # fmt: skip
    yield sandboxes
    for sandbox in sandboxes.values():
        sandbox.stop()


class Group:
    """The example, set up for these companies and this warehouse."""

    def __init__(self, folder: Path, dagster: Path, postgres: str, companies: dict[str, Sandbox]) -> None:
        self.dagster, self.home, self.project = dagster, folder / "dagster", folder / "project"
        self.home.mkdir()
        self.project.mkdir()
        shutil.copy(EXAMPLE / "dagster.yaml", self.home)
        shutil.copy(ROOT / "meltano.yml", self.project)
        for package in ("tap-personio", "target-duckdb"):
            (self.project / package).symlink_to(ROOT / package)
        accounts = folder / "accounts.toml"
        accounts.write_text(
            "".join(f'[{name}]\napi_url = "{each.url}"\n' for name, each in companies.items())
        )
        address = postgres.replace("postgresql://", "postgresql+psycopg://")
        self.environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("TAP_", "MELTANO_"))
            },
            **{f"PERSONIO_{name.upper()}_CLIENT_ID": each.client_id for name, each in companies.items()},
            **{
                f"PERSONIO_{name.upper()}_CLIENT_SECRET": each.client_secret
                for name, each in companies.items()
            },
            "ACCOUNTS": str(accounts),
            "DAGSTER_HOME": str(self.home),
            "MELTANO": str(MELTANO),
            "MELTANO_PROJECT_ROOT": str(self.project),
            "MELTANO_DATABASE_URI": address,
            "MELTANO_AUTO_INSTALL": "false",
            "RETRY_SECONDS": "1",
            "TARGET_POSTGRES_SQLALCHEMY_URL": address,
            "TAP_PERSONIO__SELECT": json.dumps([f"{table}.*" for table in TABLES]),
        }

    def prepare(self) -> None:
        """Make Dagster's databases, as the README says: its processes get in each other's way when they do."""
        self._run(str(self.dagster / "dagster"), "instance", "migrate")

    def meltano(self, *arguments: str) -> str:
        return self._run(str(MELTANO), *arguments, cwd=self.project)

    def command(self, name: str, *arguments: str, code: int = 0, **environment: str) -> str:
        return self._run(
            str(self.dagster / name),
            *arguments,
            "-f",
            str(EXAMPLE / "many_accounts.py"),
            code=code,
            **environment,
        )

    def _run(self, *command: str, code: int = 0, cwd: Path | None = None, **environment: str) -> str:
        done = subprocess.run(
            command, env=self.environment | environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout[-4000:]
        return done.stdout

    def runs(self) -> Runs:
        """Account, status, start and end of every run."""
        found: Runs = json.loads(
            self._run(str(self.dagster / "python"), "-W", "ignore", "-c", RUNS).splitlines()[-1]
        )
        return found

    def wait(self, count: int) -> Runs:
        """The runs, when that many have ended."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            runs = self.runs()
            if len([run for run in runs if run[1] in ("SUCCESS", "FAILURE", "CANCELED")]) >= count:
                return runs
            time.sleep(2)
        raise AssertionError(f"after {LIMIT_SECONDS} s: {self.runs()}")


@pytest.fixture(scope="module")
def group(
    dagster: Path, postgres: str, companies: dict[str, Sandbox], tmp_path_factory: pytest.TempPathFactory
) -> Group:
    group = Group(tmp_path_factory.mktemp("group"), dagster, postgres, companies)
    group.meltano("install", "--plugin-type", "extractor", "tap-personio")
    group.meltano("install", "--plugin-type", "loader", "target-postgres")
    group.prepare()
    return group


@pytest.fixture(scope="module")
def runs(group: Group, companies: dict[str, Sandbox]) -> Runs:
    """Every account loaded, one of them twice at once, and one whose first attempt fails."""
    companies["hamburg"].faults.add("403", "/v1/auth", times=2)
    daemon = [str(group.dagster / "dagster-daemon"), "run", "-f", str(EXAMPLE / "many_accounts.py")]
    with (
        (group.home / "daemon.log").open("wb") as log,
        subprocess.Popen(
            daemon, env=group.environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            group.command("dagster", "job", "backfill", "-j", "load", "--all", "load", "--noprompt")
            group.command("dagster", "job", "backfill", "-j", "load", "--partitions", "berlin", "--noprompt")
            return group.wait(4)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def cells(postgres: str, query: str) -> list[Any]:
    with psycopg.connect(postgres) as connection:
        return [value for (value,) in connection.execute(query).fetchall()]  # type: ignore[call-overload]


def test_every_account_lands_in_a_schema_of_its_own(
    runs: Runs, postgres: str, companies: dict[str, Sandbox]
) -> None:
    assert {status for _, status, *_ in runs} == {"SUCCESS"}
    for account, sandbox in companies.items():
        for table, truth in TABLES.items():
            found = cells(postgres, f"SELECT id FROM personio_{account}.{table}")
            assert sorted(found) == sorted(getattr(sandbox.company, truth)), (account, table)


def test_two_runs_of_one_account_never_overlap(runs: Runs) -> None:
    (_, _, _, first_end), (_, _, second_start, _) = sorted(run for run in runs if run[0] == "berlin")
    assert first_end <= second_start


def test_an_account_that_failed_is_tried_again(runs: Runs, companies: dict[str, Sandbox]) -> None:
    assert ("hamburg", "SUCCESS") in [run[:2] for run in map(tuple, runs)]
    logins = [each for each in companies["hamburg"].requests if each.path == "/v1/auth"]
    assert {each.status for each in logins} >= {200, 403}


def test_each_account_goes_on_from_its_own_state(runs: Runs, group: Group) -> None:
    states = group.meltano("state", "list")
    for account in ACCOUNTS:
        assert f"tap-personio-to-target-postgres:{account}" in states


def test_an_account_without_a_credential_is_named_and_not_tried_again(group: Group) -> None:
    told = group.command(
        "dagster", "asset", "materialize", "--select", "personio", "--partition", "wien", code=1,
        PERSONIO_WIEN_CLIENT_SECRET="",
    )  # fmt: skip
    assert "PERSONIO_WIEN_CLIENT_SECRET is not set: account wien has no credential." in told
    assert "STEP_UP_FOR_RETRY" not in told
