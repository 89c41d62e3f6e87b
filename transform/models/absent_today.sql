select
    days.date,
    days.employee_id,
    any_value(employees.name) as name,
    any_value(employees.department_name) as department_name,
    any_value(employees.office_name) as office_name,
    string_agg(distinct absences.absence_type_name, ', ' order by absences.absence_type_name) as absence_types,
    sum(days.days) as days,
    sum(days.hours) as hours,
    case when count(*) = count(absences.end_date) then max(absences.end_date) end as last_day
from {{ ref('absence_days') }} as days
inner join {{ ref('absences') }} as absences on days.absence_id = absences.absence_id
left join {{ ref('employees') }} as employees on days.employee_id = employees.employee_id
where days.date = {{ today() }}
    and days.approval = 'approved'
    and days.category is distinct from 'offsite_work'
    and employees.is_employed is distinct from false
group by days.date, days.employee_id
