{# The text of a field of API v2 whose shape the reference leaves open: plain text, JSON text, or an object with a name. #}
{% macro text_of(column) -%}
    case json_type(try_cast({{ column }} as json))
        when 'OBJECT' then try_cast({{ column }} as json) ->> 'name'
        when 'VARCHAR' then try_cast({{ column }} as json) ->> '$'
        else {{ column }}
    end
{%- endmacro %}
