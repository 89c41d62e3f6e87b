with applications as (
    {{ raw('recruiting_applications', {
        'id': 'varchar', 'candidate_id': 'varchar', 'job_id': 'varchar', 'job_name': 'varchar',
        'application_date': 'date', 'current_stage': 'json', 'channel_name': 'varchar', 'created_at': 'timestamptz',
        'updated_at': 'timestamptz',
    }) }}
),

vacancies as (
    {{ raw('recruiting_jobs', {
        'id': 'varchar', 'name': 'varchar', 'department_id': 'bigint', 'department_name': 'varchar',
        'category_name': 'varchar',
    }) }}
),

transitions as (
    {{ raw('recruiting_stage_transitions', {
        'application_id': 'varchar', 'number': 'bigint', 'entered_at': 'timestamptz', 'stage_name': 'varchar',
        'stage_kind': 'varchar',
    }) }}
),

-- When it entered its stage; if the transitions are not loaded, its last change is the closest to it.
latest as (
    select application_id, stage_name, lower(stage_kind) as stage_kind, entered_at
    from transitions
    qualify 1 = row_number() over (partition by application_id order by "number" desc)
),

staged as (
    select
        applications.*,
        coalesce(latest.stage_name, current_stage ->> 'name') as stage,
        coalesce(latest.stage_kind, lower(current_stage ->> 'kind')) as stage_kind,
        cast(coalesce(latest.entered_at, updated_at) at time zone 'UTC' as date) as stage_since,
        coalesce(application_date, cast(created_at at time zone 'UTC' as date)) as applied_on
    from applications
    left join latest on applications.id = latest.application_id
),

decided as (
    select
        *,
        case
            when stage_kind in ('accepted', 'hired') or lower(stage) in ({{ "'" ~ var('hired_stages') | map('lower') | join("', '") ~ "'" }})
                then 'hired'
            when stage_kind in ('rejected', 'withdrawn') then stage_kind
            else 'open'
        end as outcome
    from staged
)

select
    decided.id as application_id,
    decided.candidate_id,
    decided.job_id,
    coalesce(vacancies.name, decided.job_name) as job_name,
    vacancies.category_name as job_category,
    vacancies.department_id,
    vacancies.department_name,
    decided.channel_name,
    decided.applied_on,
    decided.stage,
    decided.stage_kind,
    decided.stage_since,
    decided.outcome,
    case when decided.outcome = 'hired' then decided.stage_since end as hired_on,
    case when decided.outcome = 'hired' then decided.stage_since - decided.applied_on end as days_to_hire,
    decided.updated_at
from decided
left join vacancies on decided.job_id = vacancies.id
