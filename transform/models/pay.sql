with compensations as (
    {{ raw('compensations', {
        'id': 'varchar', 'person_id': 'bigint', 'type_id': 'varchar', 'type_name': 'varchar',
        'type_category': 'varchar', 'amount_value': 'double', 'amount_currency': 'varchar', 'interval': 'varchar',
        'effective_from': 'date', 'weekly_working_hours': 'double', 'full_time_weekly_working_hours': 'double',
    }) }}
),

entries as (
    select
        person_id as employee_id,
        type_name as pay_type,
        lower(type_category) as category,
        amount_value as amount,
        amount_currency as currency,
        lower("interval") as "interval",
        weekly_working_hours as weekly_hours,
        full_time_weekly_working_hours as full_time_weekly_hours,
        effective_from as valid_from,
        case
            when upper(type_category) = 'ONE_TIME' then effective_from + 1
            else lead(effective_from) over (partition by person_id, type_id order by effective_from, id)
        end as valid_to
    from compensations
),

-- Where API v2 has no salary of a person, what the history of employees has seen. Its first row is older than that.
seen as (
    select
        employee_id,
        salary,
        salary_currency,
        salary_interval,
        cast(valid_from as date) as since,
        (salary, salary_currency, salary_interval) is not distinct from lag((salary, salary_currency, salary_interval))
            over versions as is_repeated,
        row_number() over versions = 1 as is_first
    from {{ ref('employees_history') }}
    where employee_id in (select employee_id from {{ ref('employees') }})
        and employee_id not in (select employee_id from entries where category = 'fixed_salary')
    window versions as (partition by employee_id order by valid_from)
),

salaries as (
    select
        employee_id,
        'salary' as pay_type,
        'fixed_salary' as category,
        salary as amount,
        salary_currency as currency,
        salary_interval as "interval",
        case when not is_first then since end as valid_from,
        lead(since) over (partition by employee_id order by since) as valid_to
    from seen
    where not is_repeated
),

united as (
    from entries
    union all by name
    from salaries where amount is not null
),

timed as (
    select
        united.* exclude (valid_to, weekly_hours),
        coalesce(united.weekly_hours, employees.weekly_hours) as weekly_hours,
        -- Pay ends with the contract in which it was agreed.
        least(
            united.valid_to, case when united.valid_from <= employees.leave_date or united.valid_from is null
                then employees.leave_date + 1 end
        ) as valid_to,
        amount * case "interval"
            when 'weekly' then 52
            when 'monthly' then 12
            when 'quarterly' then 4
            when 'half-yearly' then 2
            when 'half_yearly' then 2
            when 'yearly' then 1
        end as amount_per_year
    from united
    left join {{ ref('employees') }} as employees using (employee_id)
)

select
    employee_id,
    pay_type,
    category,
    amount,
    currency,
    "interval",
    round(amount_per_year, 2) as amount_per_year,
    case when weekly_hours > 0 then round(amount_per_year * full_time_weekly_hours / weekly_hours, 2) end
        as full_time_amount_per_year,
    weekly_hours,
    full_time_weekly_hours,
    valid_from,
    valid_to,
    coalesce(valid_from <= {{ today() }}, true) and coalesce(valid_to > {{ today() }}, true) as is_current
from timed
