with records as (
    select * from {{ ref('absence_records') }}
),

period_breakdowns as (
    {{ raw('absence_period_breakdowns', {
        'absence_period_id': 'varchar', 'date': 'date', 'effective_duration_unit': 'varchar',
        'effective_duration_value': 'double',
    }) }}
),

told_by_v2 as (
    select
        records.absence_id,
        breakdowns.date,
        case when upper(effective_duration_unit) = 'DAY' then effective_duration_value end as days,
        case when upper(effective_duration_unit) = 'HOUR' then effective_duration_value end as hours
    from records
    inner join period_breakdowns as breakdowns on records.absence_id = breakdowns.absence_period_id
),

told_by_v1 as (
    select
        absence_id,
        cast(breakdown ->> 'date' as date) as date,
        cast(null as double) as days,
        cast(breakdown ->> 'effective_duration' as double) / 60 as hours
    from (
        select absence_id, unnest(cast(breakdowns as json[])) as breakdown
        from records
        where absence_id not in (select absence_id from told_by_v2)
    )
),

told as (
    from told_by_v2 union all from told_by_v1
),

untold as (
    select * from records where absence_id not in (select absence_id from told)
),

calendar_days as (
    select
        absence_id,
        days as total,
        end_date is null as is_open,
        cast(unnest(generate_series(
            start_date,
            -- Long enough for the days it counts; until today if it does not say.
            coalesce(end_date, start_date + cast(ceil(days * 7 / 5) as integer) + 2, {{ today() }}),
            interval 1 day
        )) as date) as date,
        start_date,
        end_date,
        half_day_start,
        half_day_end
    from untold
    where unit = 'day'
),

weighed as (
    select
        *,
        case
            when isodow(date) > 5 then 0
            when (half_day_start and date = start_date) or (half_day_end and date = end_date) then 0.5
            else 1
        end as weight
    from calendar_days
),

spread as (
    select
        absence_id,
        date,
        case
            when total is null then weight
            when is_open then greatest(0, least(weight, total - coalesce(sum(weight) over before, 0)))
            when sum(weight) over whole = 0 then total / count(*) over whole
            else total * weight / sum(weight) over whole
        end as days
    from weighed
    window
        whole as (partition by absence_id),
        before as (partition by absence_id order by date rows between unbounded preceding and 1 preceding)
),

days as (
    select absence_id, date, days, hours, 'personio' as source from told
    union all
    select absence_id, date, days, cast(null as double) as hours, 'weekdays' as source from spread
    union all
    select absence_id, start_date as date, cast(null as double) as days, hours, 'start' as source
    from untold
    where unit = 'hour'
)

select
    days.absence_id,
    days.date,
    records.employee_id,
    records.absence_type_id,
    records.absence_type_name,
    records.category,
    {{ approval('records.status') }} as approval,
    cast(days.days as double) as days,
    cast(days.hours as double) as hours,
    days.source
from days
inner join records on days.absence_id = records.absence_id
where coalesce(days.days, 0) <> 0 or coalesce(days.hours, 0) <> 0
