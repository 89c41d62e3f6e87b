with events as (
    select *, hire_date as date, 1 as joiners, 0 as leavers
    from {{ ref('employees') }}
    union all by name
    select *, leave_date as date, 0 as joiners, 1 as leavers
    from {{ ref('employees') }}
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
where date is not null
group by all
