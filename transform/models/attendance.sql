with periods as (
    {{ raw('attendance_periods', {
        'id': 'varchar', 'person_id': 'bigint', 'type': 'varchar', 'start_date_time': 'timestamp',
        'end_date_time': 'timestamp', 'attribution_date': 'date', 'project_id': 'bigint',
        'approval_status': 'varchar', 'updated_at': 'timestamptz',
    }, counterpart='attendances') }}
),

days as (
    {{ raw('attendances', {
        'id': 'varchar', 'id_v2': 'varchar', 'employee_id': 'bigint', 'date': 'date', 'start_time': 'time',
        'end_time': 'time', 'break': 'double', 'project_id': 'bigint', 'project_name': 'varchar', 'status': 'varchar',
        'updated_at': 'timestamptz',
    }, counterpart='attendance_periods') }}
),

v1_projects as (
    {{ raw('projects', {'id': 'bigint', 'name': 'varchar'}) }}
),

v2_projects as (
    {{ raw('projects_v2', {'id': 'bigint', 'name': 'varchar'}) }}
),

-- In v2 a break is a period of its own, mostly between two periods of work. It counts for the work that it follows or
-- lies in; only what lies inside the work is taken off its hours.
pauses as (
    select
        work.id,
        sum(epoch(pause.end_date_time - pause.start_date_time)) / 60 as minutes,
        sum(epoch(
            least(work.end_date_time, pause.end_date_time) - greatest(work.start_date_time, pause.start_date_time)
        )) / 60 as minutes_inside
    from periods as work
    inner join periods as pause
        on work.person_id = pause.person_id
            and work.attribution_date = pause.attribution_date
            and pause.start_date_time <= work.end_date_time
            and pause.end_date_time > work.start_date_time
    where work.type = 'WORK' and pause.type = 'BREAK'
    group by all
),

v2 as (
    select
        work.id as attendance_id,
        work.person_id as employee_id,
        coalesce(work.attribution_date, cast(work.start_date_time as date)) as date,
        work.start_date_time as start_at,
        work.end_date_time as end_at,
        coalesce(pauses.minutes, 0) as break_minutes,
        coalesce(pauses.minutes_inside, 0) as minutes_off,
        lower(work.approval_status) as status,
        work.project_id,
        cast(null as varchar) as project_name,
        work.updated_at,
        'v2' as api
    from periods as work
    left join pauses on work.id = pauses.id
    where work.type = 'WORK'
),

v1 as (
    select
        coalesce(id_v2, id) as attendance_id,
        employee_id,
        date,
        date + start_time as start_at,
        date + end_time as end_at,
        coalesce("break", 0) as break_minutes,
        coalesce("break", 0) as minutes_off,
        lower(status) as status,
        project_id,
        project_name,
        updated_at,
        'v1' as api
    from days
),

-- v2 is finer (a v1 row with a break is two periods there, and shifts over midnight stand only there), so that v1 adds
-- what v2 does not have: by id, or, as only the first of several periods has the id, by time.
united as (
    select * from v2
    union all by name
    select v1.* from v1
    where attendance_id not in (select attendance_id from v2)
        and not exists (
            select 1 from v2
            where v2.employee_id = v1.employee_id
                and cast(v2.start_at as date) = v1.date
                and v2.start_at < coalesce(v1.end_at, v1.start_at + interval 1 minute)
                and coalesce(v2.end_at, v2.start_at + interval 1 minute) > v1.start_at
        )
)

select
    united.attendance_id,
    united.employee_id,
    united.date,
    united.start_at,
    united.end_at,
    united.end_at is null as is_running,
    cast(united.break_minutes as double) as break_minutes,
    epoch(united.end_at - united.start_at) / 3600 - united.minutes_off / 60 as hours,
    united.status,
    united.project_id,
    coalesce(v1_projects.name, v2_projects.name, united.project_name) as project_name,
    united.api,
    united.updated_at
from united
left join v1_projects on united.project_id = v1_projects.id
left join v2_projects on united.project_id = v2_projects.id
