{{ config(materialized='ephemeral') }}

with types as (
    select * from {{ ref('absence_types') }}
),

in_days as (
    {{ raw('absences', {
        'id': 'varchar', 'id_v2': 'varchar', 'employee_id': 'bigint', 'time_off_type_id': 'varchar',
        'time_off_type_name': 'varchar', 'status': 'varchar', 'start_date': 'date', 'end_date': 'date',
        'half_day_start': 'boolean', 'half_day_end': 'boolean', 'days_count': 'double',
        'created_at': 'timestamptz', 'updated_at': 'timestamptz',
    }, counterpart='absence_periods') }}
),

in_hours as (
    {{ raw('hourly_absences', {
        'id': 'varchar', 'employee_id': 'bigint', 'time_off_type_id': 'varchar', 'absence_type_id': 'varchar',
        'absence_type_name': 'varchar', 'status': 'varchar', 'start': 'timestamptz', 'end': 'timestamptz',
        'timezone': 'varchar', 'effective_duration': 'double', 'breakdowns': 'json',
        'created_at': 'timestamptz', 'updated_at': 'timestamptz',
    }, counterpart='absence_periods') }}
),

periods as (
    {{ raw('absence_periods', {
        'id': 'varchar', 'person_id': 'bigint', 'absence_type_id': 'varchar', 'starts_from_date_time': 'timestamp',
        'starts_from_type': 'varchar', 'ends_at_date_time': 'timestamp', 'ends_at_type': 'varchar',
        'approval_status': 'varchar', 'created_at': 'timestamptz', 'updated_at': 'timestamptz',
    }, counterpart='absences') }}
),

v1 as (
    select
        coalesce(in_days.id_v2, in_days.id) as absence_id,
        in_days.id as v1_id,
        in_days.employee_id,
        coalesce(types.absence_type_id, in_days.time_off_type_id) as absence_type_id,
        coalesce(types.name, in_days.time_off_type_name) as absence_type_name,
        types.category,
        'day' as unit,
        lower(in_days.status) as status,
        in_days.start_date,
        in_days.end_date,
        cast(in_days.start_date as timestamp) as start_at,
        cast(in_days.end_date + 1 as timestamp) as end_at,
        coalesce(in_days.half_day_start, false) as half_day_start,
        coalesce(in_days.half_day_end, false) as half_day_end,
        in_days.days_count as days,
        cast(null as double) as hours,
        cast(null as json) as breakdowns,
        in_days.created_at,
        in_days.updated_at
    from in_days
    left join types on in_days.time_off_type_id = types.v1_id

    union all by name

    select
        in_hours.id as absence_id,
        in_hours.id as v1_id,
        in_hours.employee_id,
        coalesce(in_hours.absence_type_id, in_hours.time_off_type_id) as absence_type_id,
        coalesce(types.name, in_hours.absence_type_name) as absence_type_name,
        types.category,
        'hour' as unit,
        lower(in_hours.status) as status,
        cast(in_hours.start at time zone coalesce(in_hours.timezone, 'UTC') as date) as start_date,
        cast(in_hours."end" at time zone coalesce(in_hours.timezone, 'UTC') as date) as end_date,
        in_hours.start at time zone coalesce(in_hours.timezone, 'UTC') as start_at,
        in_hours."end" at time zone coalesce(in_hours.timezone, 'UTC') as end_at,
        false as half_day_start,
        false as half_day_end,
        cast(null as double) as days,
        in_hours.effective_duration / 60 as hours,
        in_hours.breakdowns,
        in_hours.created_at,
        in_hours.updated_at
    from in_hours
    left join types on in_hours.absence_type_id = types.absence_type_id
),

v2 as (
    select
        periods.id as absence_id,
        cast(null as varchar) as v1_id,
        periods.person_id as employee_id,
        periods.absence_type_id,
        types.name as absence_type_name,
        types.category,
        coalesce(types.unit, case when periods.starts_from_type is null then 'hour' else 'day' end) as unit,
        lower(periods.approval_status) as status,
        cast(periods.starts_from_date_time as date) as start_date,
        -- The end is exclusive: midnight after the last day.
        cast(periods.ends_at_date_time - interval 1 microsecond as date) as end_date,
        periods.starts_from_date_time as start_at,
        periods.ends_at_date_time as end_at,
        coalesce(periods.starts_from_type = 'SECOND_HALF', false) as half_day_start,
        coalesce(periods.ends_at_type = 'FIRST_HALF', false) as half_day_end,
        cast(null as double) as days,
        case when coalesce(types.unit, 'hour') = 'hour' and periods.starts_from_type is null
            then epoch(periods.ends_at_date_time - periods.starts_from_date_time) / 3600 end as hours,
        cast(null as json) as breakdowns,
        periods.created_at,
        periods.updated_at
    from periods
    left join types on periods.absence_type_id = types.absence_type_id
)

select *, 'v1' as api from v1
union all by name
-- The amounts stand in v1 only, so that v2 adds what v1 does not have. Rows from before the ids of v2 were sent are
-- known by employee, type and start.
select *, 'v2' as api from v2
where absence_id not in (select absence_id from v1)
    and (employee_id, absence_type_id, start_at)
        not in (select (employee_id, absence_type_id, start_at) from v1 where start_at is not null)
