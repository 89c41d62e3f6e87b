with changes as (
    select
        department_id,
        department_name,
        office_id,
        office_name,
        unnest([
            {'date': first_day, 'people': 1, 'hours': coalesce(weekly_hours, 0)},
            {'date': day_after, 'people': -1, 'hours': -coalesce(weekly_hours, 0)}
        ], recursive := true)
    from {{ ref('employed_times') }}
    where is_dated
),

changes_by_day as (
    select department_id, department_name, office_id, office_name, date, sum(people) as people, sum(hours) as hours
    from changes
    where date <= {{ today() }}
    group by all
),

every_day as (
    select
        groups.* exclude (first_day),
        cast(unnest(generate_series(first_day, {{ today() }}, interval 1 day)) as date) as date
    from (
        select department_id, department_name, office_id, office_name, min(date) as first_day
        from changes_by_day
        group by all
    ) as groups
),

counted as (
    select
        every_day.*,
        sum(coalesce(changes_by_day.people, 0)) over so_far as headcount,
        sum(coalesce(changes_by_day.hours, 0)) over so_far as weekly_hours
    from every_day
    left join changes_by_day
        on every_day.date = changes_by_day.date
            and every_day.department_id is not distinct from changes_by_day.department_id
            and every_day.department_name is not distinct from changes_by_day.department_name
            and every_day.office_id is not distinct from changes_by_day.office_id
            and every_day.office_name is not distinct from changes_by_day.office_name
    window so_far as (
        partition by
            every_day.department_id, every_day.department_name, every_day.office_id, every_day.office_name
        order by every_day.date
    )
)

select
    date,
    department_id,
    department_name,
    office_id,
    office_name,
    cast(headcount as bigint) as headcount,
    round(weekly_hours, 2) as weekly_hours
from counted
where headcount > 0
