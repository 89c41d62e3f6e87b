{# No two rows agree in all of these columns; empty counts as a value. #}
{% test unique_by(model, columns) %}
select {{ columns | join(', ') }}, count(*) as rows_with_it
from {{ model }}
group by all
having count(*) > 1
{% endtest %}
