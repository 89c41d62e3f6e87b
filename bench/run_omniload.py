"""Load one table with omniload, in its own environment: `python run_omniload.py URL DATABASE TABLE`.

Its Personio client gets the URL of the sandbox, and two variables are set that its incremental tables require. All else
is the command `omniload ingest`.
"""

from __future__ import annotations

import os
import sys

TABLES = (
    "employees",
    "absence_types",
    "absences",
    "attendances",
    "projects",
    "document_categories",
    "custom_reports_list",
    "employees_absences_balance",
)


def main(url: str, database: str, table: str) -> None:
    """Load the table."""
    os.environ["DLT_INTERVAL_START"] = "2000-01-01T00:00:00+00:00"
    os.environ["DLT_INTERVAL_END"] = "2030-01-01T00:00:00+00:00"
    from omniload.main import app  # noqa: PLC0415 - after its environment is set
    from omniload.source.personio.helpers import PersonioAPI  # noqa: PLC0415

    PersonioAPI.base_url = f"{url}/v1/"
    source = "personio://?client_id=papi-sandbox-client&client_secret=papi-sandbox-secret"
    app(
        [
            "ingest",
            f"--source-uri={source}",
            f"--source-table={table}",
            f"--dest-uri=duckdb:///{database}",
            f"--dest-table=main.{table}",
        ]
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
