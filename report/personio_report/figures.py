"""Reads the figures of the page from the models."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from personio_report.people_charts import DEPARTMENTS, MOVEMENT, PEOPLE
from personio_report.summary import LOADS, SUMMARY
from personio_report.suppression import MACROS, divide
from personio_report.time_charts import ABSENCES, BALANCES, HOURS

if TYPE_CHECKING:
    from personio_report.chart import Chart

CHARTS: tuple[Chart, ...] = (PEOPLE, MOVEMENT, DEPARTMENTS, ABSENCES, HOURS, BALANCES)
MODELS = frozenset({
    "absence_days", "absences", "balances", "employees", "headcount_by_day", "hours_by_month", "joiners_and_leavers",
    "loaded_tables",
})  # fmt: skip
HISTORY = "employees_history"

Row = dict[str, Any]


class ModelsMissingError(Exception):
    """The database has no models."""


@dataclass(frozen=True)
class Figures:
    """What the page shows; nothing in it is about fewer people than `minimum`.

    Attributes:
        today: the day up to which the models count.
        minimum: size of the smallest group that is shown.
        summary: the figures at the top, by name.
        charts: rows of each chart, by its key.
        loads: the raw tables with their age.
        history_since: the day from which the models know former departments and offices.
        written_at: when this was read, in UTC.
    """

    today: dt.date
    minimum: int
    summary: Row
    charts: dict[str, list[Row]]
    loads: list[Row]
    history_since: dt.date | None
    written_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))


def read(database: str, schema: str = "hr", minimum: int = 5) -> Figures:
    """Read all figures. Raises ModelsMissingError if the database or its models are not there."""
    is_file = ":" not in database.removeprefix(Path(database).drive)
    if is_file and not Path(database).exists():
        raise ModelsMissingError(
            f"there is no database {database}: load one with `meltano run`, or try `make demo`"
        )
    with duckdb.connect(database, read_only=is_file) as connection:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = ? AND table_catalog = current_database()",
            [schema],
        ).fetchall()
        present = {name for (name,) in found}
        missing = MODELS - present
        if missing:
            raise ModelsMissingError(
                f"{database} has no model {min(missing)} in the schema {schema}: build the models with "
                "`meltano run dbt-duckdb:build` or `make models`"
            )
        connection.execute(f"""USE "{schema.replace('"', '""')}" """)
        try:
            return _read(connection, minimum, has_history=HISTORY in present)
        except duckdb.BinderException:
            raise ModelsMissingError(
                f"the models in the schema {schema} of {database} are of another version than this page: build them "
                "again with `meltano run dbt-duckdb:build` or `make models`"
            ) from None


def _read(connection: duckdb.DuckDBPyConnection, minimum: int, *, has_history: bool) -> Figures:
    today = connection.execute("SELECT coalesce(max(date), current_date) FROM headcount_by_day").fetchall()[
        0
    ][0]
    values = {"today": today, "minimum": minimum}

    def rows(query: str) -> list[Row]:
        used = {name: value for name, value in values.items() if f"${name}" in query}
        result = connection.execute(query, used)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    connection.execute(MACROS.format(minimum=minimum))
    for chart in CHARTS:
        if chart.contributions:
            contributions = chart.contributions.replace("$today", f"DATE '{today}'")
            divide(connection, chart.key, contributions, minimum, others=chart.others)
    since = f"SELECT min(CAST(valid_from AS DATE)) AS day FROM {HISTORY}"  # noqa: S608  our own name
    return Figures(
        today=today, minimum=minimum, summary=rows(SUMMARY)[0],
        charts={chart.key: rows(chart.query) for chart in CHARTS}, loads=rows(LOADS),
        history_since=rows(since)[0]["day"] if has_history else None,
    )  # fmt: skip
