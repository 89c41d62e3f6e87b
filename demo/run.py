"""The demo: a local Personio, one run of tap and loader under Meltano, and the loaded tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
from personio_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
DATABASE = ROOT / "output" / "demo.duckdb"
# --full-refresh: each demo generates its company again, so the state of an earlier one does not apply.
# --log-level: without it, a run prints about seventy lines, with the rows and requests of each table.
RUN = [
    "meltano", "--log-level=warning", "--environment=demo", "run", "--full-refresh", "tap-personio", "target-duckdb",
]  # fmt: skip
# Also streams that need a request for each record, where the models have a use for them.
LEFT_OUT = (
    "absence_period_breakdowns", "absence_types_v2", "custom_reports", "documents", "employee_attributes",
    "project_members",
)  # fmt: skip
SELECT = ["*.*", *(f"!{stream}.*" for stream in LEFT_OUT)]

QUERY = """\
SELECT t.name AS absence_type, count(*) AS absences, sum(a.days_count) AS days
FROM personio.absences a
JOIN personio.absence_types t ON t.id = a.time_off_type_id
WHERE year(a.start_date) = year(today())
GROUP BY ALL
ORDER BY days DESC
"""


def main() -> int:
    """Run the demo; returns the exit code."""
    os.umask(0o077)  # Meltano leaves the mode of its files to it, also of the one with the credential.
    DATABASE.unlink(missing_ok=True)
    with Sandbox(employees=200, realistic=True, reports=3) as sandbox:
        print(f"An invented company of 200 people is served at {sandbox.url}.\n\n{' '.join(RUN)}", flush=True)
        print("(the first time, this installs the tap and the loader for a minute)", flush=True)
        # The environment overrides .env, which may contain the credential of a real account.
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TAP_PERSONIO_API_URL": sandbox.url,
            "TAP_PERSONIO_CLIENT_ID": sandbox.client_id,
            "TAP_PERSONIO_CLIENT_SECRET": sandbox.client_secret,
            "TAP_PERSONIO__SELECT": json.dumps(SELECT),
            "TARGET_DUCKDB_PATH": str(DATABASE),
        }
        run = subprocess.run(RUN, cwd=ROOT, env=environment, check=False)
    if run.returncode:
        return run.returncode
    show()
    return 0


def show() -> None:
    """Print the tables, and the answer to one question."""
    with duckdb.connect(str(DATABASE), read_only=True) as database:
        tables = [name for (name,) in database.execute("SHOW TABLES FROM personio").fetchall()]
        counts = " UNION ALL ".join(
            f"SELECT '{name}' AS table_name, count(*) AS rows FROM personio.{name}" for name in tables
        )
        print(f"\nThe tables in {DATABASE.relative_to(ROOT)}, schema personio:")
        database.sql(counts).show(max_rows=len(tables))
        print(f"For example, the absences that begin this year:\n\n{QUERY}")
        database.sql(QUERY).show()


if __name__ == "__main__":
    sys.exit(main())
