"""Subtracts the figures of the page from each other, and looks for a difference that is about a few people.

What each person contributes is read from the models, by other queries than the page's. Figures are rounded on the page;
the attack takes the exact ones, which tell more.
"""

import datetime as dt
import html
import itertools
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb

Person = int
Vector = dict[Person, float]
"""What each person contributes to a figure."""

COUNTS = {"people", "people_a_year_ago", "height"}
AMOUNTS = {"absences": "days", "hours": "hours", "balances": "days"}
NO_FIGURES = {"place", "is_over", "kind", "part", "month", "day", "period", "department"}

# By chart: period, kind, category, employee, amount. Anything that can be shown is in here, and nothing twice.
TRUTH = {
    "absences": """
        SELECT date_trunc('month', date)::DATE::VARCHAR, coalesce(a.absence_type_name, 'Unnamed'), a.category,
            a.employee_id, sum(coalesce(d.days, 0) + coalesce(d.hours, 0) / 8)
        FROM hr.absence_days d JOIN hr.absences a USING (absence_id)
        WHERE a.approval = 'approved' AND a.category IS DISTINCT FROM 'offsite_work'
            AND date <= (SELECT max(date) FROM hr.headcount_by_day)
        GROUP BY ALL
    """,
    "hours": """
        FROM (SELECT month::VARCHAR, 'Confirmed', NULL, employee_id, sum(hours) AS amount
            FROM hr.hours_by_month GROUP BY ALL)
        UNION ALL
        (SELECT month::VARCHAR, 'Not confirmed yet', NULL, employee_id, sum(pending_hours)
            FROM hr.hours_by_month GROUP BY ALL)
    """,
    "balances": """
        SELECT part, absence_type_name, NULL, employee_id, CASE unit WHEN 'hour' THEN amount / 8 ELSE amount END
        FROM (
            SELECT * FROM (SELECT *, 'Booked' AS part, planned AS amount FROM hr.balances)
            UNION ALL (SELECT *, 'Free', available_balance FROM hr.balances)
        ) JOIN hr.employees USING (employee_id)
        WHERE is_employed
    """,
}


class Page:
    """The numbers of a page: what is visible, and what is embedded."""

    def __init__(self, text: str) -> None:
        script = text[text.rindex("<script>") :]
        found = re.search(r"const specs = (.*);\n", script)
        assert found is not None
        self.rows: dict[str, list[dict[str, Any]]] = {
            key: spec["data"]["values"] for key, spec in json.loads(found[1]).items()
        }
        body = text[text.index("<main>") : text.index("<script>")]
        self.tiles = {
            label: value
            for value, label in re.findall(r'"value">([^<]*)</div><div class="label">([^<]*)<', body)
        }
        self.notes = " ".join(re.findall(r'<div class="note">([^<]*)<', body))
        self.cells = [html.unescape(cell) for cell in re.findall(r'<td class="number">([^<]*)</td>', body)]


def attack(database: Path, text: str, minimum: int, today: dt.date) -> list[str]:
    """Everything that is about fewer than `minimum` people, as text; empty if the page keeps its word."""
    page = Page(text)
    found = list(_unknown_numbers(page, minimum)) + list(_counts(page, minimum))
    for chart in AMOUNTS:
        cells, truth = _vectors(database, page, chart, found)
        found += _differences(cells, chart, minimum)
        if chart == "absences" and "sick days" in page.tiles:
            found += _sick_days(page, cells, truth, minimum, today)
    return found


def _unknown_numbers(page: Page, minimum: int) -> Any:
    """A number that no attack below looks at is a gap in the attack."""
    known = set()
    for chart, rows in page.rows.items():
        for row in rows:
            for name, value in row.items():
                if name in COUNTS or name == AMOUNTS.get(chart):
                    known.add(f"{value:,.1f}".removesuffix(".0") if value is not None else "")
                elif name not in NO_FIGURES:
                    yield f"{chart}: {name} is embedded"
    # What is left are rows of tables, rounded like people.
    for cell in page.cells:
        number = cell.replace(",", "")
        if (
            cell not in known
            and cell != f"under {minimum}"
            and not (number.isdigit() and int(number) % minimum == 0)
        ):
            yield f"{cell} is in a table"


def _counts(page: Page, minimum: int) -> Any:
    """Numbers of people: each is a group, and so is the difference of any two, and a whole without its parts."""
    counts = [
        abs(row[name])
        for rows in page.rows.values()
        for row in rows
        for name in COUNTS
        if row.get(name) is not None
    ]
    counts += [int(value) for value in re.findall(r"\d+(?= more start)|\d+(?= in a year)", page.notes)]
    counts += [
        int(value.replace(",", "")) for label, value in page.tiles.items()
        if label in {"people", "joiners", "leavers", "away today"} and value[0].isdigit()
    ]  # fmt: skip
    for one, other in itertools.combinations(sorted({0, *counts}), 2):
        if other - one < minimum:
            yield f"{other} and {one} people differ by {other - one}"
    departments = [row["people"] for row in page.rows.get("departments", [])]
    for count in counts:
        for size in range(1, min(len(departments), 4) + 1):
            for parts in itertools.combinations(departments, size):
                if 0 < abs(count - sum(parts)) < minimum:
                    yield f"{count} people without {parts}"


def _vectors(
    database: Path, page: Page, chart: str, found: list[str]
) -> tuple[dict[tuple[str, str], Vector], list[Any]]:
    """The contributions to each cell that is shown, by period and kind; the others are what is not shown."""
    with duckdb.connect(str(database), read_only=True) as connection:
        truth = [row for row in connection.execute(TRUTH[chart]).fetchall() if abs(row[4]) > 1e-6]
    first = next(iter(page.rows.get(chart, [{}])[0]), "")
    key = (
        (lambda row: (row["part"], row["kind"]))
        if chart == "balances"
        else (lambda row: (row[first], row["kind"]))
    )
    shown = {key(row): row for row in page.rows.get(chart, [])}
    cells: dict[tuple[str, str], Vector] = {cell: defaultdict(float) for cell in shown}
    for period, kind, _, person, amount in truth:
        cell = (period, kind) if (period, kind) in cells else (period, "All others")
        if cell in cells:
            cells[cell][person] += amount
    for cell, row in shown.items():
        if abs(sum(cells[cell].values()) - row[AMOUNTS[chart]]) > 1:
            found.append(f"{chart}: {cell} is {row[AMOUNTS[chart]]}, not {sum(cells[cell].values())}")
    return cells, truth


def _differences(cells: dict[tuple[str, str], Vector], chart: str, minimum: int) -> Any:
    """Each cell, each difference of two, and those of totals by month and by kind."""
    figures = dict(cells)
    for place, name in ((0, "month"), (1, "kind")):
        for whole in {cell[place] for cell in cells}:
            parts = [vector for cell, vector in cells.items() if cell[place] == whole]
            figures[f"all of {name}", whole] = _sum(*parts)
    for cell, vector in figures.items():
        if 0 < _people(vector) < minimum:
            yield f"{chart}: {cell} is about {_people(vector)}"
    for (one, a), (other, b) in itertools.combinations(figures.items(), 2):
        if (one[0] == other[0] or one[1] == other[1]) and 0 < _people(_minus(a, b)) < minimum:
            yield f"{chart}: {one} and {other} differ by {_people(_minus(a, b))}"


def _sick_days(
    page: Page, cells: dict[tuple[str, str], Vector], truth: list[Any], minimum: int, today: dt.date
) -> Any:
    """The figure at the top against the chart, which has the same days by month and kind."""
    month = today.replace(day=1)
    year = {
        row[0]
        for row in truth
        if month.replace(year=month.year - 1).isoformat() <= row[0] < month.isoformat()
    }
    sick = [row for row in truth if row[2] == "sick_leave" and row[0] in year]
    tile: Vector = defaultdict(float)
    hidden: Vector = defaultdict(float)
    for period, kind, _, person, amount in sick:
        tile[person] += amount
        if (period, kind) not in cells:
            hidden[person] += amount
    others = _sum(
        *(vector for (period, kind), vector in cells.items() if kind == "All others" and period in year)
    )
    for name, vector in (
        ("sick days", tile),
        ("sick days without the shown ones", hidden),
        ("others without the hidden sick days", _minus(others, hidden)),
    ):
        if 0 < _people(vector) < minimum:
            yield f"{name} are about {_people(vector)}"


def _people(vector: Vector) -> int:
    return sum(abs(amount) > 1e-6 for amount in vector.values())


def _sum(*vectors: Vector) -> Vector:
    total: Vector = defaultdict(float)
    for vector in vectors:
        for person, amount in vector.items():
            total[person] += amount
    return total


def _minus(one: Vector, other: Vector) -> Vector:
    return _sum(one, {person: -amount for person, amount in other.items()})
