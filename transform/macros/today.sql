{# The day up to which figures are counted: the variable as_of, or the current day. #}
{% macro today() -%}
    {{ "cast('" ~ var('as_of') ~ "' as date)" if var('as_of') else 'current_date' }}
{%- endmacro %}
