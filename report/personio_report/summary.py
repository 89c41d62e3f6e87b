"""The figures at the top of the page, and the table at its end."""

from personio_report.suppression import SICK_DAYS

# One row; what is about too few people is null.
SUMMARY = f"""
WITH
    year AS (SELECT CAST($today AS DATE) AS today, CAST($today - INTERVAL 1 YEAR AS DATE) AS ago),
    headcount AS (
        SELECT date, sum(headcount) AS people
        FROM headcount_by_day
        WHERE date IN ((SELECT today FROM year), (SELECT ago FROM year))
        GROUP BY ALL
    ),
    away AS (
        SELECT count(DISTINCT absences.employee_id) AS people
        FROM absence_days JOIN absences USING (absence_id)
        WHERE date = $today AND absences.approval = 'approved' AND absences.category IS DISTINCT FROM 'offsite_work'
    ),
    movement AS (
        SELECT
            count(*) FILTER (hire_date > ago AND hire_date <= today) AS joiners,
            count(*) FILTER (leave_date > ago AND leave_date <= today) AS leavers,
            count(*) FILTER (hire_date > today) AS starting,
            avg(tenure_years) FILTER (is_employed) AS tenure,
            count(tenure_years) FILTER (is_employed) AS people
        FROM employees, year
    )
SELECT
    shown((SELECT people FROM headcount WHERE date = $today)) AS people,
    shown((SELECT people FROM headcount WHERE date = (SELECT ago FROM year))) AS people_a_year_ago,
    shown(joiners) AS joiners,
    shown(leavers) AS leavers,
    shown(starting) AS starting,
    CASE WHEN movement.people >= $minimum THEN round(tenure, 1) END AS tenure,
    shown(away.people) AS away,
    round(({SICK_DAYS}), 1) AS sick_days,
    (SELECT count(*) FROM absence_days) > 0 AS has_absences
FROM movement, away
"""  # noqa: S608  no text from outside

LOADS = """
SELECT table_name, shown(row_count) AS row_count, loaded_at, read_whole_at
FROM loaded_tables
ORDER BY table_name
"""
