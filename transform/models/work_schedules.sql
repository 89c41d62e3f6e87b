{%- set weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}
with employees as (
    {{ raw('employees', {'id': 'bigint', 'work_schedule': 'json'}) }}
),

schedules as (
    select
        id as employee_id,
        work_schedule ->> '$.attributes.name' as schedule_name,
        try_cast(work_schedule ->> '$.attributes.valid_from' as date) as valid_from,
        {%- for day in weekdays %}
        {%- set text = "work_schedule ->> '$.attributes." ~ day ~ "'" %}
        try_cast(split_part({{ text }}, ':', 1) as double) + try_cast(split_part({{ text }}, ':', 2) as double) / 60
            as {{ day }}_hours,
        {%- endfor %}
    from employees
    where json_type(work_schedule) = 'OBJECT'
)

select *, {{ weekdays | join('_hours + ') }}_hours as weekly_hours
from schedules
