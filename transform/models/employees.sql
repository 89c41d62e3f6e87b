with raw as (
    {{ raw('employees', {
        'id': 'bigint', 'first_name': 'varchar', 'last_name': 'varchar', 'email': 'varchar', 'status': 'varchar',
        'position': 'varchar', 'employment_type': 'varchar', 'weekly_working_hours': 'varchar',
        'department_id': 'bigint', 'department_name': 'varchar', 'team_id': 'bigint', 'team_name': 'varchar',
        'office_id': 'bigint', 'office_name': 'varchar', 'subcompany_id': 'bigint', 'subcompany_name': 'varchar',
        'supervisor_id': 'bigint', 'hire_date': 'date', 'termination_date': 'date', 'termination_type': 'varchar',
        'last_working_day': 'date', 'contract_end_date': 'date', 'created_at': 'timestamptz',
        'last_modified_at': 'timestamptz',
    }) }}
),

dated as (
    select
        *,
        lower(status) as lower_status,
        -- A contract with an end is often prolonged: its end counts only for those who are gone.
        coalesce(
            termination_date,
            case when lower(status) = 'inactive' then coalesce(last_working_day, contract_end_date) end
        ) as leave_date,
        {{ today() }} as today
    from raw
)

select
    id as employee_id,
    nullif(concat_ws(' ', nullif(first_name, ''), nullif(last_name, '')), '') as name,
    nullif(email, '') as email,
    lower_status as status,
    case
        when hire_date is null then lower_status in ('active', 'leave')
        when leave_date is null then hire_date <= today and lower_status is distinct from 'inactive'
        else hire_date <= today and leave_date >= today
    end as is_employed,
    nullif(position, '') as position,
    nullif(employment_type, '') as employment_type,
    try_cast(weekly_working_hours as double) as weekly_hours,
    department_id,
    department_name,
    team_id,
    team_name,
    office_id,
    office_name,
    subcompany_id as legal_entity_id,
    subcompany_name as legal_entity_name,
    supervisor_id,
    hire_date,
    leave_date,
    last_working_day,
    nullif(termination_type, '') as termination_type,
    case
        when hire_date <= today
            then round(date_diff('day', hire_date, least(coalesce(leave_date, today), today)) / 365.25, 2)
    end as tenure_years,
    created_at,
    last_modified_at as updated_at
from dated
