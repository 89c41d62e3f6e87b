"""Keeps single people out of the figures: what is too small is put together, left out or rounded.

A figure is about the people who contribute to it, that is, whose own part of it is not 0. No figure is about fewer
people than the smallest group, and neither is the difference of two figures:

- Numbers of people are rounded to a multiple of the smallest group, so that two of them never differ by less.
- Days and hours are divided into cells (month and kind). A cell with too few people joins the cell `All others` of its
  month, and that one is left out if it still has too few. So does a cell that says nearly the same about nearly the
  same people as another month of its kind, because their difference would be a figure about the rest.
- No figure is the total of cells of which one is hidden, see `SICK_DAYS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

OTHERS = "All others"
LARGEST_KINDS = 6

# `shown` of too small a number of people is null. Sorting by it tells no more than the number itself.
MACROS = """
CREATE TEMP MACRO shown(people) AS
    CASE WHEN people >= {minimum} THEN CAST(round(people / {minimum}) AS BIGINT) * {minimum} END
"""

# `shown_as` is the kind under which the days or hours are shown, or an empty text where they are left out.
PARTS = """
CREATE OR REPLACE TEMP TABLE {name}_parts AS
SELECT period, kind, category, employee_id, sum(amount) AS amount, kind AS shown_as
FROM ({contributions})
GROUP BY ALL;
CREATE OR REPLACE TEMP VIEW {name}_shown AS
SELECT period, shown_as AS kind, employee_id, round(sum(amount), 6) AS amount
FROM {name}_parts
WHERE shown_as <> ''
GROUP BY ALL
HAVING round(sum(amount), 6) <> 0;
CREATE OR REPLACE TEMP VIEW {name}_cells AS
SELECT period, kind, sum(amount) AS amount, count(*) AS people
FROM {name}_shown
GROUP BY ALL
"""

# Kinds that are too small in most of their months would have gaps: they are part of the others everywhere.
RARE_KINDS = """
SELECT period, kind FROM {name}_cells
QUALIFY count(*) FILTER (people >= {minimum}) OVER (PARTITION BY kind) * 2 < count(*) OVER (PARTITION BY kind)
"""
LESSER_KINDS = """
SELECT period, kind FROM {name}_cells ANTI JOIN (
    SELECT kind FROM {name}_cells
    WHERE kind <> '{others}' GROUP BY kind ORDER BY sum(amount) DESC, kind LIMIT {largest}
) USING (kind)
WHERE kind <> '{others}'
"""
SMALL_CELLS = "SELECT period, kind FROM {name}_cells WHERE people < {minimum}"

# Of two cells of a kind or of a month, or of two whole months, the people whose amounts differ, or, added up, do not
# cancel out. Of such a pair the smaller one is hidden, of a whole month its smallest cell.
TELLING_PAIRS = """
WITH
    amounts AS (
        FROM {name}_shown
        UNION ALL BY NAME
        SELECT period, '' AS kind, employee_id, round(sum(amount), 6) AS amount FROM {name}_shown GROUP BY ALL
    ),
    sizes AS (SELECT period, kind, count(*) FILTER (amount <> 0) AS people FROM amounts GROUP BY ALL),
    pairs AS (
        SELECT one.period, one.kind, two.period AS other_period, two.kind AS other_kind,
            count(*) FILTER (one.amount <> 0 AND two.amount <> 0) AS in_both,
            count(*) FILTER (one.amount = two.amount AND one.amount <> 0) AS same,
            count(*) FILTER (one.amount = -two.amount AND one.amount <> 0) AS opposite
        FROM amounts AS one JOIN amounts AS two
            ON one.employee_id = two.employee_id AND (one.kind = two.kind) <> (one.period = two.period)
        WHERE (one.kind = '') = (two.kind = '')
        GROUP BY ALL
    )
SELECT pairs.period,
    CASE pairs.kind WHEN '' THEN (
        SELECT arg_min(kind, people) FROM {name}_cells AS cells WHERE cells.period = pairs.period
    ) ELSE pairs.kind END AS kind
FROM pairs
JOIN sizes AS one ON pairs.kind = one.kind AND pairs.period = one.period
JOIN sizes AS two ON pairs.other_kind = two.kind AND pairs.other_period = two.period
WHERE one.people <= two.people AND (
    one.people + two.people - in_both - same BETWEEN 1 AND {minimum} - 1
    OR one.people + two.people - in_both - opposite BETWEEN 1 AND {minimum} - 1
)
GROUP BY ALL
ORDER BY count(*) DESC, any_value(one.people), 1, 2
LIMIT 1
"""

# The others take up again what was left out of their month, and are looked at anew.
HIDE = """
UPDATE {name}_parts AS part
SET shown_as = CASE WHEN {join_others} AND shown_as <> '{others}' THEN '{others}' ELSE '' END
FROM {name}_hidden AS hidden
WHERE part.period = hidden.period AND part.shown_as = hidden.kind;
UPDATE {name}_parts AS part
SET shown_as = '{others}'
WHERE shown_as = '' AND period IN (SELECT period FROM {name}_parts WHERE shown_as = '{others}')
"""


def divide(
    connection: duckdb.DuckDBPyConnection, name: str, contributions: str, minimum: int, *, others: bool
) -> None:
    """Make the view `<name>_cells` (period, kind, amount, people): what may be shown of the contributions.

    Args:
        connection: where the models are in the search path.
        name: prefix of the temporary tables and views.
        contributions: SQL for period, kind, category, employee_id, amount.
        minimum: size of the smallest group.
        others: whether too small a cell joins `All others`; else it is left out.
    """
    values = {
        "name": name, "contributions": contributions, "minimum": minimum, "join_others": others,
        "others": OTHERS, "largest": LARGEST_KINDS,
    }  # fmt: skip

    def hide(query: str) -> bool:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}_hidden AS {query.format(**values)}")
        if connection.execute(f"SELECT 1 FROM {name}_hidden").fetchone() is None:  # noqa: S608  our own name
            return False
        connection.execute(HIDE.format(**values))
        return True

    connection.execute(PARTS.format(**values))
    if others:
        hide(RARE_KINDS)
        hide(LESSER_KINDS)
    # Each round hides a kind in a month, or the others of a month, so this ends.
    while hide(SMALL_CELLS) or hide(TELLING_PAIRS):
        pass


# Per person in the last twelve whole months, as they are in the chart of absences.
SICK_DAYS = f"""
WITH
    months AS (
        SELECT * FROM absences_parts
        WHERE period >= date_trunc('month', CAST($today AS DATE)) - INTERVAL 12 MONTH
            AND period < date_trunc('month', CAST($today AS DATE))
    ),
    sick AS (SELECT * FROM months WHERE category = 'sick_leave'),
    -- What is left when the sick days that are shown as such are taken off, and when that is taken off the others.
    hidden AS (
        SELECT employee_id, sum(amount) AS amount FROM sick WHERE shown_as IN ('', '{OTHERS}') GROUP BY ALL
    ),
    rest AS (
        SELECT employee_id, coalesce(others.amount, 0) - coalesce(hidden.amount, 0) AS amount
        FROM hidden FULL JOIN (
            SELECT employee_id, sum(amount) AS amount FROM months WHERE shown_as = '{OTHERS}' GROUP BY ALL
        ) AS others USING (employee_id)
    )
SELECT sum(amount) / (
    SELECT avg(people) FROM (
        SELECT sum(headcount) AS people FROM headcount_by_day
        WHERE date = last_day(date) AND date_trunc('month', date) IN (SELECT period FROM months)
        GROUP BY date
    )
)
FROM sick
HAVING count(DISTINCT employee_id) >= $minimum
    AND (SELECT count(*) = 0 OR count(*) >= $minimum FROM hidden)
    AND (SELECT count(*) = 0 OR count(*) >= $minimum FROM rest WHERE abs(amount) > 1e-6)
"""  # noqa: S608  no text from outside
