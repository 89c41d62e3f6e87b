with events as (
    select *, hire_date as date, 1 as joiners, 0 as leavers
    from {{ ref('employed_times') }}
    where first_day = hire_date
    union all by name
    select *, leave_date as date, 0 as joiners, 1 as leavers
    from {{ ref('employed_times') }}
    where day_after = leave_date + 1
)

select
    cast(date_trunc('month', date) as date) as month,
    department_id,
    department_name,
    office_id,
    office_name,
    cast(sum(joiners) as bigint) as joiners,
    cast(sum(leavers) as bigint) as leavers
from events
group by all
