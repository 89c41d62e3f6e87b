with totals as (
    select absence_id, sum(days) as days, sum(hours) as hours, max(date) as last_day
    from {{ ref('absence_days') }}
    group by all
)

select
    records.absence_id,
    records.v1_id,
    records.employee_id,
    records.absence_type_id,
    records.absence_type_name,
    records.category,
    records.unit,
    records.status,
    {{ approval('records.status') }} as approval,
    records.start_date,
    -- Hours without an end are not open: Personio knows how many there are.
    coalesce(
        records.end_date, case when records.unit = 'hour' then coalesce(totals.last_day, records.start_date) end
    ) as end_date,
    records.start_at,
    records.end_at,
    records.half_day_start,
    records.half_day_end,
    coalesce(records.days, totals.days, case when records.unit = 'day' then 0 end) as days,
    -- API v1 tells the amount; API v2 only from when until when, and the amount in the breakdowns.
    case when records.api = 'v1' then coalesce(records.hours, totals.hours) else coalesce(totals.hours, records.hours) end
        as hours,
    records.api,
    records.created_at,
    records.updated_at
from {{ ref('absence_records') }} as records
left join totals on records.absence_id = totals.absence_id
