"""The charts of who is there: people over time, joiners and leavers, departments."""

from __future__ import annotations

from personio_report.chart import PALE, UNFINISHED, Chart, amount, months, tooltip

PEOPLE = Chart(
    key="people",
    title="People over time",
    note=f"Employed at the end of each month, and on the day of the page. {UNFINISHED}",
    query="""
        SELECT date AS day, shown(sum(headcount)) AS people, date = last_day(date) AS is_over
        FROM headcount_by_day
        WHERE date > $today - INTERVAL 5 YEAR AND (date = last_day(date) OR date = $today)
        GROUP BY ALL
        HAVING sum(headcount) >= $minimum
        ORDER BY day
    """,
    spec={
        "mark": {"type": "bar", "width": {"band": 0.8}, "color": "$people"},
        "encoding": {
            "x": {**months("day"), "axis": {"title": None, "format": "%Y", "grid": False, "tickCount": "year"}},
            "y": amount("people", "people"),
            "opacity": PALE,
            "tooltip": tooltip(Day="day|%d %b %Y", People="people|,.0f"),
        },
    },
    columns={"day": "Day", "people": "People"},
    missing="Too few people to show their number, or no employees with a hire date are loaded: the credential needs "
            "the right “Employees: read” and the attribute “Hire date”.",
    wide=True,
)  # fmt: skip

MOVEMENT = Chart(
    key="movement",
    title="Joiners and leavers",
    note=f"No bar: none, or too few people to show their number. {UNFINISHED}",
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
            shown(people) AS people,
            shown(people) * CASE kind WHEN 'Leavers' THEN -1 ELSE 1 END AS height,
            start < date_trunc(unit, CAST($today AS DATE)) AS is_over
        FROM periods UNPIVOT (people FOR kind IN (joiners AS 'Joiners', leavers AS 'Leavers'))
        WHERE (SELECT max(greatest(joiners, leavers)) FROM periods) >= $minimum
        ORDER BY start, kind
    """,
    spec={
        "mark": {"type": "bar", "cornerRadiusEnd": 3},
        "encoding": {
            "x": {"field": "period", "type": "ordinal", "sort": None,
                  "axis": {"title": None, "labelAngle": 0, "grid": False, "labelOverlap": "greedy",
                           "labelSeparation": 4, "domain": False, "labelExpr": "split(datum.label, ' ')"}},
            "y": amount("height", "people", tickMinStep=1, labelExpr="format(abs(datum.value), ',d')")
            | {"stack": None},
            "color": {"field": "kind", "type": "nominal", "legend": {"title": None},
                      "scale": {"domain": ["Joiners", "Leavers"], "range": ["$people", "$leavers"]}},
            "opacity": PALE,
            "tooltip": tooltip(Period="period", Kind="kind", People="people|,.0f"),
        },
    },
    columns={"period": "Period", "kind": "Kind", "people": "People"},
    missing="Too few people joined or left in the last years to show their number, or the hire dates may not be read.",
)  # fmt: skip

DEPARTMENTS = Chart(
    key="departments",
    title="People by department",
    note="Employed on the day of the page. Line: a year ago.",
    query="""
        WITH departments AS (
            SELECT coalesce(department_name, 'No department') AS name, count(*) AS people
            FROM employees
            WHERE is_employed
            GROUP BY ALL
        ),
        ranked AS (
            SELECT *, row_number() OVER (ORDER BY people DESC, name) AS place,
                sum(people) OVER (ORDER BY people, name DESC) AS so_far
            FROM departments
        ),
        -- The small ones, and as many of the next as make them a group.
        others AS (
            SELECT max(place) AS first_place FROM ranked
            WHERE so_far >= $minimum
                AND place <= (SELECT min(place) FROM ranked WHERE people < $minimum OR place > 12)
        ),
        labels AS (
            SELECT name, people, CASE WHEN place >= first_place THEN 'All others' ELSE name END AS department
            FROM ranked, others
        ),
        a_year_ago AS (
            SELECT coalesce(labels.department, 'All others') AS department, shown(sum(headcount)) AS people_a_year_ago
            FROM headcount_by_day LEFT JOIN labels ON coalesce(department_name, 'No department') = labels.name
            WHERE date = CAST($today AS DATE) - INTERVAL 1 YEAR
            GROUP BY ALL
        )
        SELECT department, today.people, people_a_year_ago
        FROM (SELECT department, shown(sum(people)) AS people FROM labels GROUP BY ALL) AS today
        LEFT JOIN a_year_ago USING (department)
        WHERE today.people IS NOT NULL
        ORDER BY department = 'All others', today.people DESC, department
    """,
    spec={
        "encoding": {
            "y": {"field": "department", "type": "nominal", "sort": None,
                  "axis": {"title": None, "labelLimit": 200, "domain": False}},
            "tooltip": tooltip(Department="department", People="people|,.0f", A_year_ago="people_a_year_ago|,.0f"),
        },
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 4, "color": "$people", "height": {"band": 0.68}},
             # Room for the number behind the longest bar.
             "encoding": {"x": {"field": "people", "type": "quantitative", "axis": None,
                                "scale": {"nice": False, "range": [0, {"expr": "width - 80"}]}}}},
            {"mark": {"type": "tick", "color": "$text", "thickness": 2, "height": {"band": 0.86}},
             "encoding": {"x": {"field": "people_a_year_ago", "type": "quantitative"}}},
            {"mark": {"type": "text", "align": "left", "dx": 7},
             "transform": [{"calculate": "format(datum.people, ',') + ' people'", "as": "label"},
                           {"calculate": "max(datum.people, datum.people_a_year_ago)", "as": "end"}],
             "encoding": {"text": {"field": "label"}, "x": {"field": "end", "type": "quantitative"}}},
        ],
    },
    columns={"department": "Department", "people": "People", "people_a_year_ago": "A year ago"},
    missing="Too few people to show their number, or no employees are loaded.",
    height=30,
    by_row=True,
)  # fmt: skip
