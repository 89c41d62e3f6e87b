{{ config(materialized='ephemeral') }}

with employees as (
    {{ raw('employees', {
        'id': 'bigint', 'first_name': 'varchar', 'last_name': 'varchar', 'email': 'varchar', 'status': 'varchar',
        'position': 'varchar', 'employment_type': 'varchar', 'weekly_working_hours': 'varchar',
        'department_id': 'bigint', 'department_name': 'varchar', 'team_id': 'bigint', 'team_name': 'varchar',
        'office_id': 'bigint', 'office_name': 'varchar', 'subcompany_id': 'bigint', 'subcompany_name': 'varchar',
        'supervisor_id': 'bigint', 'cost_centers': 'json', 'hire_date': 'date', 'termination_date': 'date',
        'termination_type': 'varchar', 'last_working_day': 'date', 'contract_end_date': 'date', 'fix_salary': 'double',
        'fix_salary_currency': 'varchar', 'fix_salary_interval': 'varchar',
        'created_at': 'timestamptz', 'last_modified_at': 'timestamptz',
    }, counterpart='employments', texts=var('employee_attributes')) }}
),

persons as (
    {{ raw('persons', {
        'id': 'bigint', 'first_name': 'varchar', 'last_name': 'varchar', 'email': 'varchar', 'status': 'varchar',
        'created_at': 'timestamptz', 'updated_at': 'timestamptz',
    }, texts=var('employee_attributes')) }}
),

all_employments as (
    {{ raw('employments', {
        'id': 'varchar', 'person_id': 'bigint', 'status': 'varchar', 'type': 'varchar', 'position_title': 'varchar',
        'weekly_working_hours': 'varchar', 'org_units': 'json', 'office_id': 'varchar', 'legal_entity_id': 'varchar',
        'sub_company_id': 'varchar', 'job_id': 'varchar', 'supervisor_id': 'bigint', 'cost_centers': 'json',
        'employment_start_date': 'date', 'employment_end_date': 'date', 'termination_date': 'date',
        'termination_type': 'varchar', 'termination_last_working_day': 'date', 'contract_end_date': 'date',
        'created_at': 'timestamptz', 'updated_at': 'timestamptz',
    }) }}
),

-- API v1 shows the latest contract of a person, also before it begins.
employments as (
    select
        *,
        {%- for unit in ('department', 'team') %}
        [unit ->> 'id' for unit in cast(org_units as json[]) if lower(unit ->> 'type') = '{{ unit }}'][1] as {{ unit }}_id,
        {%- endfor %}
    from all_employments
    qualify 1 = row_number() over (
        partition by person_id order by employment_start_date desc nulls last, created_at desc nulls last, id desc
    )
),

compensations as (
    {{ raw('compensations', {
        'person_id': 'bigint', 'type_category': 'varchar', 'amount_value': 'double', 'amount_currency': 'varchar',
        'interval': 'varchar', 'effective_from': 'date',
    }) }}
),

-- What API v1 shows as the salary: the latest one, or the first one of who has not begun yet.
salaries as (
    select compensations.*
    from compensations
    left join employments using (person_id)
    where upper(type_category) = 'FIXED_SALARY'
        and effective_from <= greatest({{ today() }}, employment_start_date)
    qualify 1 = row_number() over (partition by person_id order by effective_from desc, amount_value desc)
),

-- The records of API v2 carry identifiers only.
names as (
    from ({{ raw('org_units', {'type': 'varchar', 'id': 'varchar', 'name': 'varchar'}) }})
    union all by name
    select 'office' as type, * from ({{ raw('workplaces', {'id': 'varchar', 'name': 'varchar'}) }})
    union all by name
    select 'legal_entity' as type, * from ({{ raw('legal_entities', {'id': 'varchar', 'name': 'varchar'}) }})
),

v1 as (
    select
        employees.* exclude (position, cost_centers, subcompany_id, subcompany_name, fix_salary, fix_salary_currency, fix_salary_interval,
            last_modified_at),
        employees.position as position_title,
        employments.job_id,
        subcompany_id as legal_entity_id,
        subcompany_name as legal_entity_name,
        [
            {
                'id': each ->> '$.attributes.id',
                'name': each ->> '$.attributes.name',
                'share': cast(each ->> '$.attributes.percentage' as double)
            }
            for each in cast(employees.cost_centers as json[])
        ] as cost_centers,
        coalesce(nullif(fix_salary, 0), salaries.amount_value) as salary,
        case when fix_salary <> 0 then fix_salary_currency else salaries.amount_currency end as salary_currency,
        case when fix_salary <> 0 then fix_salary_interval else salaries.interval end as salary_interval,
        last_modified_at as updated_at
    from employees
    left join employments on employees.id = employments.person_id
    left join salaries on employees.id = salaries.person_id
),

v2 as (
    select
        coalesce(persons.id, employments.person_id) as id,
        persons.first_name,
        persons.last_name,
        persons.email,
        coalesce(employments.status, persons.status) as status,
        employments.position_title,
        employments.job_id,
        employments.type as employment_type,
        employments.weekly_working_hours,
        try_cast(employments.department_id as bigint) as department_id,
        departments.name as department_name,
        try_cast(employments.team_id as bigint) as team_id,
        teams.name as team_name,
        try_cast(employments.office_id as bigint) as office_id,
        offices.name as office_name,
        -- The number that API v1 has, as long as API v2 shows it.
        try_cast(coalesce(employments.sub_company_id, employments.legal_entity_id) as bigint) as legal_entity_id,
        legal_entities.name as legal_entity_name,
        employments.supervisor_id,
        [
            {'id': each ->> 'id', 'name': cast(null as varchar), 'share': cast(each ->> 'weight' as double)}
            for each in cast(employments.cost_centers as json[])
        ] as cost_centers,
        salaries.amount_value as salary,
        salaries.amount_currency as salary_currency,
        salaries.interval as salary_interval,
        employments.employment_start_date as hire_date,
        coalesce(employments.termination_date, employments.employment_end_date) as termination_date,
        employments.termination_type,
        employments.termination_last_working_day as last_working_day,
        employments.contract_end_date,
        coalesce(persons.created_at, employments.created_at) as created_at,
        greatest(persons.updated_at, employments.updated_at) as updated_at
        {%- for name in var('employee_attributes') %},
        persons.{{ adapter.quote(name) }}
        {%- endfor %}
    from persons
    full join employments on persons.id = employments.person_id
    left join salaries on salaries.person_id = coalesce(persons.id, employments.person_id)
    {%- for name, column in {
        'department': 'department_id', 'team': 'team_id', 'office': 'office_id', 'legal_entity': 'legal_entity_id'
    }.items() %}
    {%- set table = name[:-1] ~ 'ies' if name.endswith('y') else name ~ 's' %}
    left join names as {{ table }} on {{ table }}.type = '{{ name }}' and {{ table }}.id = employments.{{ column }}
    {%- endfor %}
)

from v1
union all by name
-- Only if API v1 is not loaded: who is gone from there must not come back from a table of API v2 that is older.
from v2 where not exists (select 1 from v1)
