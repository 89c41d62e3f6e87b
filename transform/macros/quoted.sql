{# Names of columns in quotes. #}
{% macro quoted(names) -%}
    {%- set found = [] -%}
    {%- for name in names -%}
        {%- do found.append('"' ~ name ~ '"') -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
