"""Loads every Personio account of `accounts.toml` with Meltano: one Dagster partition for each.

Settings, all from the environment:
    ACCOUNTS: the file with the accounts.
    MELTANO, MELTANO_PROJECT_ROOT: Meltano's executable, and the folder of `meltano.yml`.
    LOADER: the plugin that writes into the warehouse; its own settings are Meltano's.
    RETRY_SECONDS: how long to wait before the first repetition; each further wait doubles.
    PERSONIO_<ACCOUNT>_CLIENT_ID, PERSONIO_<ACCOUNT>_CLIENT_SECRET: the credential of each account.
"""

import os
import re
import signal
import subprocess
import tomllib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

HERE = Path(__file__).parent
PROJECT = Path(os.environ.get("MELTANO_PROJECT_ROOT", HERE.parents[1]))
LOADER = os.environ.get("LOADER", "target-postgres")
ACCOUNTS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(os.environ.get("ACCOUNTS", HERE / "accounts.toml")).read_text()
)
# What API v1 takes from one IP address a minute, and how many runs share it (max_concurrent_runs in dagster.yaml).
V1_REQUESTS_PER_MINUTE = 2000
CONCURRENT_RUNS = int(os.environ.get("CONCURRENT_RUNS", "8"))
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

accounts = dg.StaticPartitionsDefinition(sorted(ACCOUNTS))


def workspace(account: str) -> Path:
    """Meltano's working folder for an account, with the plugins of the project.

    Meltano writes the catalog of a plugin into one file per project, so two runs at once need a folder each.
    """
    folder = PROJECT / ".meltano" / "accounts" / account
    folder.mkdir(parents=True, exist_ok=True)
    for plugins in ("extractors", "loaders"):
        if not (folder / plugins).is_symlink():
            (folder / plugins).symlink_to(PROJECT / ".meltano" / plugins)
    return folder


def environment(account: str) -> dict[str, str]:
    """What Meltano needs to know about an account; raises `dagster.Failure` if its credential is not there."""
    prefix = "PERSONIO_" + re.sub(r"\W", "_", account).upper()
    share = {"v1_requests_per_minute": V1_REQUESTS_PER_MINUTE // CONCURRENT_RUNS}
    settings = {name: str(value) for name, value in {**share, **ACCOUNTS[account]}.items()}
    for name in ("client_id", "client_secret"):
        value = os.environ.get(f"{prefix}_{name.upper()}")
        if not value:
            raise dg.Failure(
                f"{prefix}_{name.upper()} is not set: account {account} has no credential.",
                allow_retries=False,
            )
        settings[name] = value
    schema = LOADER.upper().replace("-", "_") + "_DEFAULT_TARGET_SCHEMA"
    return {
        "MELTANO_DATABASE_URI": f"sqlite:///{PROJECT}/.meltano/meltano.db",
        **{name: value for name, value in os.environ.items() if not name.startswith("PERSONIO_")},
        **{f"TAP_PERSONIO_{name.upper()}": value for name, value in settings.items()},
        "MELTANO_SYS_DIR_ROOT": str(workspace(account)),
        schema: f"personio_{account}",
        "NO_COLOR": "1",
    }


@dg.asset(
    partitions_def=accounts,
    retry_policy=dg.RetryPolicy(
        max_retries=3, delay=float(os.environ.get("RETRY_SECONDS", "300")), backoff=dg.Backoff.EXPONENTIAL
    ),
    group_name="personio",
    kinds={"meltano"},
)
def personio(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The tables of one account, in a schema of their own."""
    account = context.partition_key
    command = [
        os.environ.get("MELTANO", "meltano"),
        "run",
        f"--state-id-suffix={account}",
        "tap-personio",
        LOADER,
    ]
    last: deque[str] = deque(maxlen=20)
    # A session of its own, so that a run that is stopped takes Meltano's processes with it.
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment(account), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True,
    ) as meltano:  # fmt: skip
        try:
            for line in meltano.stdout or ():
                text = COLOURS.sub("", line).rstrip()
                print(text, flush=True)  # noqa: T201  Dagster keeps it as the stdout of the run
                if text and text[0] not in "│╭╰":  # the frames of Meltano's tracebacks
                    last.append(text)
        except BaseException:
            os.killpg(meltano.pid, signal.SIGTERM)
            raise
    if meltano.returncode:
        raise dg.Failure(f"Loading {account} ended with exit code {meltano.returncode}:\n" + "\n".join(last))
    return dg.MaterializeResult(
        metadata={"schema": f"personio_{account}", "last line": last[-1] if last else ""}
    )


# Meltano is a process of its own already, so a run needs no further ones.
load = dg.define_asset_job(
    "load", selection=[personio], partitions_def=accounts, executor_def=dg.in_process_executor
)


@dg.schedule(job=load, cron_schedule="0 3 * * *", execution_timezone="Europe/Berlin")
def nightly() -> Iterator[dg.RunRequest]:
    """One run per account; the queue starts as many as the limits allow."""
    for account in accounts.get_partition_keys():
        yield dg.RunRequest(partition_key=account)


defs = dg.Definitions(assets=[personio], jobs=[load], schedules=[nightly])
