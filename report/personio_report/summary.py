"""The figures at the top of the page, and the table at its end."""

# One row. A group below the minimum is null, with its name in `hidden`.
SUMMARY = """
WITH
    year AS (SELECT CAST($today AS DATE) AS today, CAST($today - INTERVAL 1 YEAR AS DATE) AS ago),
    headcount AS (
        SELECT date, sum(headcount) AS people
        FROM headcount_by_day
        WHERE date IN ((SELECT today FROM year), (SELECT ago FROM year))
        GROUP BY ALL
    ),
    away AS (
        SELECT count(DISTINCT absence_days.employee_id) AS people
        FROM absence_days JOIN absences USING (absence_id)
        WHERE date = $today AND approval = 'approved' AND category IS DISTINCT FROM 'offsite_work'
    ),
    sick AS (
        SELECT sum(absence_days.days) AS days, count(DISTINCT absence_days.employee_id) AS people
        FROM absence_days JOIN absences USING (absence_id)
        WHERE date > (SELECT ago FROM year) AND date <= $today AND approval = 'approved' AND category = 'sick_leave'
    ),
    movement AS (
        SELECT
            count(*) FILTER (hire_date > ago AND hire_date <= today) AS joiners,
            count(*) FILTER (leave_date > ago AND leave_date <= today) AS leavers,
            count(*) FILTER (hire_date > today) AS starting,
            avg(tenure_years) FILTER (is_employed) AS tenure
        FROM employees, year
    )
SELECT
    coalesce((SELECT people FROM headcount WHERE date = $today), 0) AS people,
    (SELECT people FROM headcount WHERE date = (SELECT ago FROM year)) AS people_a_year_ago,
    joiners,
    leavers,
    starting,
    tenure,
    away.people AS away,
    CASE WHEN sick.people >= $minimum THEN sick.days END AS sick_days,
    (SELECT count(*) FROM absence_days) > 0 AS has_absences
FROM movement, away, sick
"""

LOADS = """
SELECT table_name, row_count, loaded_at, read_whole_at, newest_change
FROM loaded_tables
ORDER BY table_name
"""
