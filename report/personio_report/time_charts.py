"""The charts of time: absences, hours worked, balances."""

from __future__ import annotations

from personio_report.chart import PALE, UNFINISHED, Chart, amount, hollow, months, tooltip

ABSENCES = Chart(
    key="absences",
    title="Absences by kind and month",
    note="Approved absence in working days; 8 hours = 1 day. Remote work is not counted. A kind with too few people in "
         f"a month is part of “All others”, or left out if these are still too few. {UNFINISHED}",
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
            dense_rank() OVER (ORDER BY kind = 'All others', total DESC, kind) AS place,
            period < date_trunc('month', CAST($today AS DATE)) AS is_over
        FROM absences_cells JOIN totals USING (kind)
        ORDER BY month, place
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.82}},
        "encoding": {
            "x": months(),
            "y": amount("days", "days"),
            "color": {"field": "kind", "type": "nominal", "legend": {"title": None}, "scale": {"range": "$kinds"}},
            "order": {"field": "place", "type": "quantitative"},
            "opacity": PALE,
            "tooltip": tooltip(Month="month|%b %Y", Kind="kind", Days="days|,.0f", People="people|,.0f"),
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
    note=f"Without breaks, rejected and running periods. Hollow: not confirmed yet. {UNFINISHED}",
    contributions="""
        SELECT month AS period, kind, NULL AS category, employee_id, amount
        FROM (SELECT month, employee_id, hours AS confirmed, pending_hours AS pending FROM hours_by_month)
        UNPIVOT (amount FOR kind IN (confirmed AS 'Confirmed', pending AS 'Not confirmed yet'))
        WHERE month > CAST($today AS DATE) - INTERVAL 18 MONTH AND month <= $today
    """,
    query="""
        SELECT period AS month, kind, round(amount) AS hours, shown(people) AS people,
            period < date_trunc('month', CAST($today AS DATE)) AS is_over
        FROM hours_cells
        ORDER BY month, kind
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.8}, "fill": "$hours", "stroke": "$hours"},
        "encoding": {
            "x": months(),
            "y": amount("hours", "hours"),
            "fillOpacity": hollow("kind", "Confirmed"),
            "order": {"field": "kind"},
            "opacity": PALE,
            "tooltip": tooltip(Month="month|%b %Y", Kind="kind", Hours="hours|,.0f", People="people|,.0f"),
        },
    },
    columns={"month": "Month", "kind": "Status", "hours": "Hours", "people": "People"},
    missing="No hours of enough people in the last 18 months, or the right “Attendances: read” is missing.",
)  # fmt: skip

BALANCES = Chart(
    key="balances",
    title="Open balances",
    note="Remaining entitlement of current employees in days; 8 hours = 1 day. Hollow: booked. Filled: still free.",
    contributions="""
        SELECT part AS period, kind, NULL AS category, employee_id, amount / if(unit = 'hour', 8, 1) AS amount
        FROM (
            SELECT employee_id, unit, planned, available_balance AS free,
                coalesce(nullif(absence_type_name, ''), 'Unnamed') AS kind
            FROM balances JOIN employees USING (employee_id)
            WHERE is_employed
        ) UNPIVOT (amount FOR part IN (planned AS 'Booked', free AS 'Free'))
    """,
    query="""
        SELECT kind, period AS part, round(amount) AS days, shown(people) AS people
        FROM balances_cells
        WHERE kind IN (SELECT kind FROM balances_cells GROUP BY kind ORDER BY sum(amount) DESC, kind LIMIT 10)
        ORDER BY sum(amount) OVER (PARTITION BY kind) DESC, kind, part
    """,
    spec={
        "mark": {"type": "bar", "height": {"band": 0.6}},
        "encoding": {
            "y": {"field": "kind", "type": "nominal", "sort": None,
                  "axis": {"title": None, "labelLimit": 160, "domain": False}},
            "x": {"field": "days", "type": "quantitative", "scale": {"nice": 4},
                  "axis": {"title": "days", "titleAnchor": "end", "tickCount": 4, "labelFlush": True}},
            "fill": {"field": "kind", "type": "nominal", "legend": None, "scale": {"range": "$kinds"}},
            "stroke": {"field": "kind", "type": "nominal", "legend": None, "scale": {"range": "$kinds"}},
            "fillOpacity": hollow("part", "Free"),
            "order": {"field": "part"},
            "tooltip": tooltip(Kind="kind", Part="part", Days="days|,.0f", People="people|,.0f"),
        },
    },
    columns={"kind": "Kind", "part": "Status", "days": "Days", "people": "People"},
    missing="No balances of enough people are loaded: the stream employees_absences_balance needs the right "
            "“Absences: read”.",
    height=44,
    by_row=True,
)  # fmt: skip
