{# Every value stands in the other model, unless that one is empty because the right to read it is missing. #}
{% test refers_to(model, column_name, to, field) %}
select {{ column_name }}, count(*) as rows_with_it
from {{ model }}
where {{ column_name }} is not null
    and {{ column_name }} not in (select {{ field }} from {{ to }} where {{ field }} is not null)
    and exists (select 1 from {{ to }})
group by all
{% endtest %}
