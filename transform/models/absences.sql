with totals as (
    select absence_id, sum(days) as days, sum(hours) as hours
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
    records.end_date,
    records.start_at,
    records.end_at,
    records.half_day_start,
    records.half_day_end,
    coalesce(records.days, totals.days, case when records.unit = 'day' then 0 end) as days,
    coalesce(records.hours, totals.hours) as hours,
    records.api,
    records.created_at,
    records.updated_at
from {{ ref('absence_records') }} as records
left join totals on records.absence_id = totals.absence_id
