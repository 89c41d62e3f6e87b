"""The charts of time: absences, hours worked, balances."""

from __future__ import annotations

from personio_report.chart import Chart, Spec, tooltip

# Vega-Lite shifts dates that carry no time to the viewer's zone; as UTC, a month stays the month.
MONTH: Spec = {"field": "month", "type": "temporal", "timeUnit": "utcyearmonth"}
MONTH_AXIS: Spec = {
    "title": None,
    "format": "%b %y",
    "labelOverlap": "greedy",
    "grid": False,
    "tickCount": "month",
}

ABSENCES = Chart(
    key="absences",
    title="Absences by kind and month",
    note="Approved absence in working days; 8 hours = 1 day. Remote work is not counted. Kinds of too few people in a "
         "month are part of “All others”, or left out if these are still too few.",
    contributions="""
        SELECT CAST(date_trunc('month', date) AS DATE) AS period,
            coalesce(nullif(absences.absence_type_name, ''), 'Unnamed') AS kind, absences.category,
            absences.employee_id, coalesce(day.days, 0) + coalesce(day.hours, 0) / 8 AS amount
        FROM absence_days AS day JOIN absences USING (absence_id)
        WHERE date_trunc('month', date) > CAST($today AS DATE) - INTERVAL 18 MONTH AND date <= $today
            AND absences.approval = 'approved' AND absences.category IS DISTINCT FROM 'offsite_work'
    """,
    others=True,
    query="""
        WITH totals AS (SELECT kind, sum(amount) AS total FROM absences_cells GROUP BY kind)
        SELECT period AS month, kind, round(amount) AS days, shown(people) AS people,
            dense_rank() OVER (ORDER BY kind = 'All others', total DESC, kind) AS place
        FROM absences_cells JOIN totals USING (kind)
        ORDER BY month, place
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.82}},
        "encoding": {
            "x": MONTH | {"axis": MONTH_AXIS, "bandPosition": 0},
            "y": {"field": "days", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "color": {"field": "kind", "type": "nominal", "sort": {"field": "place", "op": "min"},
                      "legend": {"title": None}, "scale": {"range": "$kinds"}},
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": tooltip(Month="month|%B %Y", Kind="kind", Days="days|,.0f", People="people|,.0f"),
        },
    },
    columns={"month": "Month", "kind": "Kind", "days": "Days", "people": "People"},
    missing="No approved absences of enough people in the last 18 months, or the right “Absences: read” is missing.",
    height=300,
    wide=True,
)  # fmt: skip

HOURS = Chart(
    key="hours",
    title="Hours worked by month",
    note="Without breaks, rejected and running periods. The current month is not over.",
    contributions="""
        SELECT month AS period, kind, NULL AS category, employee_id, amount
        FROM (SELECT month, employee_id, hours AS confirmed, pending_hours AS pending FROM hours_by_month)
        UNPIVOT (amount FOR kind IN (confirmed AS 'Confirmed', pending AS 'Not confirmed yet'))
        WHERE month > CAST($today AS DATE) - INTERVAL 18 MONTH AND month <= $today
    """,
    query="""
        SELECT period AS month, kind, round(amount) AS hours, shown(people) AS people
        FROM hours_cells
        ORDER BY month, kind
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.7}},
        "encoding": {
            "x": MONTH | {"axis": MONTH_AXIS, "bandPosition": 0},
            "y": {"field": "hours", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "color": {"field": "kind", "type": "nominal", "legend": {"title": None},
                      "scale": {"domain": ["Confirmed", "Not confirmed yet"], "range": ["$series", "$quiet"]}},
            "tooltip": tooltip(Month="month|%B %Y", Kind="kind", Hours="hours|,.0f", People="people|,.0f"),
        },
    },
    columns={"month": "Month", "kind": "", "hours": "Hours", "people": "People"},
    missing="No hours of enough people in the last 18 months, or the right “Attendances: read” is missing.",
)  # fmt: skip

BALANCES = Chart(
    key="balances",
    title="Open balances",
    note="Remaining entitlement of current employees: planned, and still free. Days, or hours where marked (h).",
    contributions="""
        SELECT part AS period, kind, NULL AS category, employee_id, amount
        FROM (
            SELECT employee_id, planned, available_balance AS free,
                coalesce(nullif(absence_type_name, ''), 'Unnamed') || if(unit = 'hour', ' (h)', '') AS kind
            FROM balances JOIN employees USING (employee_id)
            WHERE is_employed
        ) UNPIVOT (amount FOR part IN (planned AS 'Planned', free AS 'Free'))
    """,
    query="""
        SELECT kind, period AS part, round(amount) AS amount, shown(people) AS people
        FROM balances_cells
        WHERE kind IN (SELECT kind FROM balances_cells GROUP BY kind ORDER BY sum(amount) DESC, kind LIMIT 10)
        ORDER BY kind, part DESC
    """,
    spec={
        "encoding": {
            "y": {"field": "kind", "type": "nominal", "sort": {"op": "sum", "field": "amount", "order": "descending"},
                  "axis": {"title": None, "labelLimit": 200, "domain": False}},
            "x": {"field": "amount", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            "color": {"field": "part", "type": "nominal", "legend": {"title": None},
                      "scale": {"domain": ["Planned", "Free"], "range": ["$second", "$series"]}},
            "order": {"field": "part", "sort": "descending"},
            "tooltip": tooltip(Kind="kind", Part="part", Amount="amount|,.0f", People="people|,.0f"),
        },
        "mark": {"type": "bar", "height": {"band": 0.6}},
    },
    columns={"kind": "Kind", "part": "", "amount": "Amount", "people": "People"},
    missing="No balances are loaded: the stream employees_absences_balance needs the right “Absences: read”.",
    height=52,
    by_row=True,
)  # fmt: skip
