"""The charts of the page: each with the query for its rows and its Vega-Lite specification.

Queries run in the schema of the models; `$today` is the day they count up to and `$minimum` the smallest group that may
be shown. Smaller groups are put together, and left out if even that is too small. Colours have names here (`$series`,
`$second`, `$quiet`, `$kinds`) and get their values in the page, one set for light and one for dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]

# Vega-Lite shifts dates that carry no time to the viewer's zone; as UTC, a month stays the month.
MONTH: Spec = {"field": "month", "type": "temporal", "timeUnit": "utcyearmonth"}
MONTH_AXIS: Spec = {
    "title": None,
    "format": "%b %y",
    "labelOverlap": "greedy",
    "grid": False,
    "tickCount": "month",
}


@dataclass(frozen=True)
class Chart:
    """A chart of the page.

    Attributes:
        key: its name in the page.
        title: what it shows, as a heading.
        note: one sentence on how to read it.
        query: SQL for its rows.
        spec: Vega-Lite, without data and size.
        columns: heading of each column of the table beneath it.
        missing: what to say when there are no rows.
        height: of the plot, in pixels; or of each row where `rows` names the field that has one each.
        wide: whether it takes the whole width.
    """

    key: str
    title: str
    note: str
    query: str
    spec: Spec
    columns: dict[str, str]
    missing: str
    height: int = 260
    by_row: bool = False
    wide: bool = False


def _tooltip(**fields: str) -> list[Spec]:
    """Fields by heading: a field, or a field with its format after a bar."""
    found = []
    for title, field in fields.items():
        name, _, form = field.partition("|")
        entry: Spec = {"field": name, "title": title.replace("_", " ")}
        if form.startswith("%"):
            entry |= {"type": "temporal", "timeUnit": "utcyearmonthdate", "format": form}
        elif form:
            entry |= {"type": "quantitative", "format": form}
        found.append(entry)
    return found


PEOPLE = Chart(
    key="people",
    title="People over time",
    note="Employed at the end of each month.",
    query="""
        SELECT date AS month, sum(headcount) AS people, round(sum(weekly_hours)) AS weekly_hours
        FROM headcount_by_day
        WHERE date > $today - INTERVAL 5 YEAR AND (date = last_day(date) OR date = $today)
        GROUP BY ALL
        HAVING sum(headcount) >= $minimum
        ORDER BY month
    """,
    spec={
        "mark": {"type": "area", "line": {"color": "$series", "strokeWidth": 2.5}, "color": "$series",
                 "fillOpacity": 0.14, "interpolate": "monotone"},
        "encoding": {
            "x": {"field": "month", "type": "temporal", "timeUnit": "utcyearmonthdate",
                  "axis": {"title": None, "format": "%Y", "grid": False, "tickCount": "year"}},
            "y": {"field": "people", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "tooltip": _tooltip(Day="month|%d %b %Y", People="people|,.0f", Hours_a_week="weekly_hours|,.0f"),
        },
    },
    columns={"month": "Day", "people": "People", "weekly_hours": "Hours a week"},
    missing="No employees with a hire date are loaded: the credential needs the right “Employees: read” and the "
            "attribute “Hire date”.",
    wide=True,
)  # fmt: skip

MOVEMENT = Chart(
    key="movement",
    title="Joiners and leavers",
    note="Where there are too few people to give their number, the bar is faint. The last bar is not over.",
    query="""
        WITH past AS (FROM joiners_and_leavers WHERE month <= $today),
        -- Quarters where they hold groups on average, else years.
        width AS (
            SELECT CASE WHEN least(sum(joiners), sum(leavers)) >= 16 * $minimum THEN 'quarter' ELSE 'year' END AS unit
            FROM past
            WHERE month > CAST($today AS DATE) - INTERVAL 4 YEAR
        ),
        periods AS (
            SELECT date_trunc(unit, month) AS start, unit, sum(joiners) AS joiners, sum(leavers) AS leavers
            FROM past, width
            WHERE month >= date_trunc(unit, CAST($today AS DATE))
                - CASE unit WHEN 'quarter' THEN INTERVAL 45 MONTH ELSE INTERVAL 9 YEAR END
            GROUP BY ALL
        )
        SELECT
            CASE unit WHEN 'quarter' THEN 'Q' || quarter(start) || ' ' ELSE '' END || year(start) AS period,
            kind,
            people >= $minimum AS is_shown,
            CASE WHEN people >= $minimum THEN CAST(people AS VARCHAR) ELSE 'under ' || $minimum END AS people,
            CASE WHEN people >= $minimum THEN people ELSE $minimum / 2 END
                * CASE kind WHEN 'Leavers' THEN -1 ELSE 1 END AS height
        FROM periods UNPIVOT (people FOR kind IN (joiners AS 'Joiners', leavers AS 'Leavers'))
        WHERE people > 0
        ORDER BY start, kind
    """,
    spec={
        "mark": {"type": "bar", "cornerRadiusEnd": 3},
        "encoding": {
            "x": {"field": "period", "type": "ordinal", "sort": None,
                  "axis": {"title": None, "labelAngle": 0, "grid": False, "labelOverlap": False, "domain": False,
                           # Of quarters only the first of a year has room for its name.
                           "labelExpr": "slice(datum.value, 0, 1) != 'Q' ? datum.value"
                                        " : slice(datum.value, 0, 2) == 'Q1' ? slice(datum.value, 3) : ''"}},
            "y": {"field": "height", "type": "quantitative", "stack": None,
                  "axis": {"title": None, "tickCount": 5, "tickMinStep": 1,
                           "labelExpr": "format(abs(datum.value), 'd')"}},
            "color": {"field": "kind", "type": "nominal", "legend": {"title": None},
                      "scale": {"domain": ["Joiners", "Leavers"], "range": ["$series", "$second"]}},
            "opacity": {"condition": {"test": "datum.is_shown", "value": 1}, "value": 0.3},
            "tooltip": _tooltip(Period="period", Kind="kind", People="people"),
        },
    },
    columns={"period": "Period", "kind": "", "people": "People"},
    missing="Nobody joined or left in the last years, or the hire dates may not be read.",
)  # fmt: skip

DEPARTMENTS = Chart(
    key="departments",
    title="People by department",
    note="Employed today.",
    query="""
        WITH departments AS (
            SELECT coalesce(department_name, 'No department') AS department, count(*) AS people
            FROM employees
            WHERE is_employed
            GROUP BY ALL
        ),
        ranked AS (SELECT *, row_number() OVER (ORDER BY people DESC, department) AS place FROM departments)
        FROM (
            SELECT people,
                CASE WHEN people >= $minimum AND place <= 12 THEN department ELSE 'All others' END AS department
            FROM ranked
        )
        SELECT department, sum(people) AS people
        GROUP BY department
        HAVING sum(people) >= $minimum
        ORDER BY department = 'All others', sum(people) DESC
    """,
    spec={
        "encoding": {
            "y": {"field": "department", "type": "nominal", "sort": None,
                  "axis": {"title": None, "labelLimit": 200, "domain": False}},
            "x": {"field": "people", "type": "quantitative", "axis": None},
            "tooltip": _tooltip(Department="department", People="people|,.0f"),
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 4, "color": "$series", "height": {"band": 0.68}}},
            {"mark": {"type": "text", "align": "left", "dx": 6},
             "encoding": {"text": {"field": "people", "type": "quantitative", "format": ",.0f"}}},
        ],
    },
    columns={"department": "Department", "people": "People"},
    missing="No employees are loaded, or their department may not be read.",
    height=30,
    by_row=True,
)  # fmt: skip

ABSENCES = Chart(
    key="absences",
    title="Absences by kind and month",
    note="Approved working days, without work from elsewhere; eight hours count as a day.",
    query="""
        WITH taken AS (
            SELECT month, employee_id, coalesce(absence_type_name, 'Unnamed') AS kind, days + hours / 8 AS days
            FROM absence_days_by_month
            WHERE month > CAST($today AS DATE) - INTERVAL 18 MONTH AND month <= $today AND days + hours > 0
                AND category IS DISTINCT FROM 'offsite_work'
        ),
        ranked AS (
            SELECT kind, row_number() OVER (ORDER BY sum(days) DESC, kind) AS place FROM taken GROUP BY kind
        ),
        named AS (
            SELECT place, taken.* REPLACE (CASE WHEN place <= 6 THEN kind ELSE 'All others' END AS kind)
            FROM taken JOIN ranked USING (kind)
        ),
        sized AS (SELECT month, kind, count(DISTINCT employee_id) >= $minimum AS is_shown FROM named GROUP BY ALL)
        SELECT month, kind, min(place) AS place, round(sum(days), 1) AS days, count(DISTINCT employee_id) AS people
        FROM (
            SELECT month, employee_id, days,
                CASE WHEN is_shown THEN kind ELSE 'All others' END AS kind,
                CASE WHEN is_shown THEN least(place, 7) ELSE 7 END AS place
            FROM named JOIN sized USING (month, kind)
        )
        GROUP BY month, kind
        HAVING count(DISTINCT employee_id) >= $minimum
        ORDER BY month, min(place)
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.82}},
        "encoding": {
            "x": MONTH | {"axis": MONTH_AXIS, "bandPosition": 0},
            "y": {"field": "days", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "color": {"field": "kind", "type": "nominal", "sort": {"field": "place", "op": "min"},
                      "legend": {"title": None}, "scale": {"range": "$kinds"}},
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": _tooltip(Month="month|%B %Y", Kind="kind", Days="days|,.1f", People="people|,.0f"),
        },
    },
    columns={"month": "Month", "kind": "Kind", "days": "Days", "people": "People"},
    missing="No approved absences in the last 18 months, or the right “Absences: read” is missing.",
    height=300,
    wide=True,
)  # fmt: skip

HOURS = Chart(
    key="hours",
    title="Hours worked by month",
    note="Without breaks, rejected and running periods. The current month is not over.",
    query="""
        WITH months AS (
            SELECT month, sum(hours) AS confirmed, sum(pending_hours) AS pending, count(DISTINCT employee_id) AS people
            FROM hours_by_month
            WHERE month > CAST($today AS DATE) - INTERVAL 18 MONTH AND month <= $today
            GROUP BY ALL
            HAVING count(DISTINCT employee_id) >= $minimum
        )
        SELECT month, kind, round(hours) AS hours, people
        FROM months UNPIVOT (hours FOR kind IN (confirmed AS 'Confirmed', pending AS 'Not confirmed yet'))
        WHERE hours > 0
        ORDER BY month, kind
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.7}},
        "encoding": {
            "x": MONTH | {"axis": MONTH_AXIS, "bandPosition": 0},
            "y": {"field": "hours", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "color": {"field": "kind", "type": "nominal", "legend": {"title": None},
                      "scale": {"domain": ["Confirmed", "Not confirmed yet"], "range": ["$series", "$quiet"]}},
            "tooltip": _tooltip(Month="month|%B %Y", Kind="kind", Hours="hours|,.0f", People="people|,.0f"),
        },
    },
    columns={"month": "Month", "kind": "", "hours": "Hours", "people": "People"},
    missing="No hours in the last 18 months, or the right “Attendances: read” is missing.",
)  # fmt: skip

BALANCES = Chart(
    key="balances",
    title="Open balances",
    note="What is left per kind of absence, of everyone employed today: already planned, and still free.",
    query="""
        WITH kinds AS (
            SELECT absence_type_name || CASE unit WHEN 'hour' THEN ' (h)' ELSE '' END AS kind,
                count(*) AS people, sum(planned) AS planned, sum(available_balance) AS free, median(balance) AS median
            FROM balances JOIN employees USING (employee_id)
            WHERE is_employed
            GROUP BY ALL
            HAVING count(*) >= $minimum
            ORDER BY sum(balance) DESC
            LIMIT 10
        )
        SELECT kind, part, round(amount, 1) AS amount, people, round(median, 1) AS median
        FROM kinds UNPIVOT (amount FOR part IN (planned AS 'Planned', free AS 'Free'))
        ORDER BY kind, part DESC
    """,
    spec={
        "mark": {"type": "bar", "height": {"band": 0.6}},
        "encoding": {
            "y": {"field": "kind", "type": "nominal", "sort": {"op": "sum", "field": "amount", "order": "descending"},
                  "axis": {"title": None, "labelLimit": 200, "domain": False}},
            "x": {"field": "amount", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "color": {"field": "part", "type": "nominal", "legend": {"title": None},
                      "scale": {"domain": ["Planned", "Free"], "range": ["$second", "$series"]}},
            "order": {"field": "part", "sort": "descending"},
            "tooltip": _tooltip(Kind="kind", Part="part", Amount="amount|,.1f", People="people|,.0f",
                                Median_per_person="median|,.1f"),
        },
    },
    columns={"kind": "Kind", "part": "", "amount": "Amount", "people": "People", "median": "Median per person"},
    missing="No balances are loaded: the stream employees_absences_balance needs the right “Absences: read”.",
    height=52,
    by_row=True,
)  # fmt: skip

CHARTS = (PEOPLE, MOVEMENT, DEPARTMENTS, ABSENCES, HOURS, BALANCES)
