with worked as (
    select employee_id, month, sum(hours) as worked_hours, sum(pending_hours) as pending_hours
    from {{ ref('hours_by_month') }}
    group by all
),

-- From the first month with working times on: before, nobody wrote them down.
tracked as (
    select employee_id, min(month) as first_month
    from worked
    group by employee_id
),

days as (
    select
        times.employee_id,
        times.weekly_hours,
        cast(unnest(generate_series(
            greatest(times.first_day, tracked.first_month),
            least(times.day_after - 1, {{ today() }}),
            interval 1 day
        )) as date) as date
    from {{ ref('employed_times') }} as times
    inner join tracked using (employee_id)
    where times.is_dated
),

targets as (
    select
        days.employee_id,
        cast(date_trunc('month', days.date) as date) as month,
        count(*) as weekdays,
        sum(days.weekly_hours / 5) as target_hours
    from days
    where isodow(days.date) < 6
    group by all
),

-- A day of absence counts what a weekday of its employee does.
absent as (
    select
        days.employee_id,
        cast(date_trunc('month', days.date) as date) as month,
        sum(coalesce(absence_days.days * days.weekly_hours / 5, 0) + coalesce(absence_days.hours, 0)) as absence_hours
    from {{ ref('absence_days') }} as absence_days
    inner join days on absence_days.employee_id = days.employee_id and absence_days.date = days.date
    where absence_days.approval = 'approved' and absence_days.category is distinct from 'offsite_work'
    group by all
)

select
    month,
    employee_id,
    coalesce(weekdays, 0) as weekdays,
    round(coalesce(target_hours, 0), 2) as target_hours,
    round(coalesce(worked_hours, 0), 2) as worked_hours,
    round(coalesce(pending_hours, 0), 2) as pending_hours,
    round(coalesce(absence_hours, 0), 2) as absence_hours,
    round(coalesce(worked_hours, 0) + coalesce(absence_hours, 0) - coalesce(target_hours, 0), 2) as overtime_hours
from targets
full join worked using (employee_id, month)
left join absent using (employee_id, month)
