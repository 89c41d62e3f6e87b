{{ config(materialized='ephemeral') }}

with history as (
    select
        *,
        cast(valid_from as date) as first_day,
        -- The same values as of the day's end count for the whole day.
        row_number() over (partition by employee_id, cast(valid_from as date) order by valid_from desc) = 1 as is_last
    from {{ ref('employees_history') }}
),

-- What was known first counts for all days before, what is known now for all days to come.
versions as (
    select
        *,
        case when lag(first_day) over changes is not null then first_day end as since,
        lead(first_day) over changes as until
    from history
    where is_last
    window changes as (partition by employee_id order by first_day)
),

-- The contract of today, and from the history those that had ended before it began.
contracts as (
    select employee_id, hire_date, leave_date, status from {{ ref('employees') }}
    union all
    select versions.employee_id, versions.hire_date, versions.leave_date, versions.status
    from versions
    inner join {{ ref('employees') }} as employees
        on versions.employee_id = employees.employee_id and versions.leave_date < employees.hire_date
    qualify 1 = row_number() over (
        partition by versions.employee_id, versions.leave_date order by versions.valid_from desc
    )
)

select
    contracts.employee_id,
    contracts.hire_date,
    contracts.leave_date,
    -- Whoever is gone without a known last day cannot be counted on any day.
    contracts.leave_date is not null or contracts.status is distinct from 'inactive' as is_dated,
    greatest(contracts.hire_date, versions.since) as first_day,
    least(contracts.leave_date + 1, versions.until) as day_after,
    versions.department_id,
    versions.department_name,
    versions.office_id,
    versions.office_name,
    versions.weekly_hours
from contracts
inner join versions
    on contracts.employee_id = versions.employee_id
        and coalesce(versions.since <= contracts.leave_date, true)
        and coalesce(versions.until > contracts.hire_date, true)
where contracts.hire_date is not null
