select
    cast(date_trunc('month', days.date) as date) as month,
    days.employee_id,
    days.absence_type_id,
    absences.absence_type_name,
    absences.category,
    absences.unit,
    coalesce(sum(days.days) filter (absences.approval = 'approved'), 0) as days,
    coalesce(sum(days.hours) filter (absences.approval = 'approved'), 0) as hours,
    coalesce(sum(days.days) filter (absences.approval = 'pending'), 0) as pending_days,
    coalesce(sum(days.hours) filter (absences.approval = 'pending'), 0) as pending_hours
from {{ ref('absence_days') }} as days
inner join {{ ref('absences') }} as absences on days.absence_id = absences.absence_id
where absences.approval <> 'rejected'
group by all
