select
    cast(date_trunc('month', date) as date) as month,
    employee_id,
    project_id,
    project_name,
    coalesce(sum(hours) filter (status = 'confirmed'), 0) as hours,
    coalesce(sum(hours) filter (status = 'pending'), 0) as pending_hours,
    sum(break_minutes) / 60 as break_hours,
    count(distinct date) as days
from {{ ref('attendance') }}
where status in ('confirmed', 'pending') and not is_running
group by all
