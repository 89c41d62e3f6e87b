with jobs as (
    {{ raw('jobs', {
        'id': 'varchar', 'name': 'varchar', 'job_family': 'varchar', 'level': 'varchar',
    }) }}
),

dated as (
    select
        * exclude (status),
        nullif(lower(status), 'unspecified') as status,
        -- A contract with an end is often prolonged: its end counts only for those who are gone.
        coalesce(
            termination_date,
            case when lower(status) = 'inactive' then coalesce(last_working_day, contract_end_date) end
        ) as leave_date,
        {{ today() }} as today
    from {{ ref('employee_records') }}
)

select
    dated.id as employee_id,
    nullif(concat_ws(' ', nullif(first_name, ''), nullif(last_name, '')), '') as name,
    nullif(email, '') as email,
    status,
    case
        when hire_date is null then status in ('active', 'leave')
        when leave_date is null then hire_date <= today and status is distinct from 'inactive'
        else hire_date <= today and leave_date >= today
    end as is_employed,
    nullif(position_title, '') as position,
    jobs.name as job_name,
    {{ text_of('jobs.level') }} as job_level,
    {{ text_of('jobs.job_family') }} as job_family,
    nullif(nullif(lower(employment_type), ''), 'unspecified') as employment_type,
    try_cast(weekly_working_hours as double) as weekly_hours,
    department_id,
    department_name,
    team_id,
    team_name,
    office_id,
    office_name,
    legal_entity_id,
    legal_entity_name,
    supervisor_id,
    hire_date,
    leave_date,
    last_working_day,
    salary,
    case when salary is not null then salary_currency end as salary_currency,
    case when salary is not null then lower(salary_interval) end as salary_interval,
    -- contract-expired in API v1 is CONTRACT_EXPIRED in API v2.
    nullif(nullif(replace(lower(termination_type), '_', '-'), ''), 'unspecified') as termination_type,
    case
        when hire_date <= today
            then round(date_diff('day', hire_date, least(coalesce(leave_date, today), today)) / 365.25, 2)
    end as tenure_years,
    created_at,
    updated_at
    {%- for name in var('employee_attributes') %},
    dated.{{ adapter.quote(name) }}
    {%- endfor %}
from dated
left join jobs on dated.job_id = jobs.id
