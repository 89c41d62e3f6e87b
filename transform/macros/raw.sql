{#
    The rows of a raw table with exactly these columns.

    A credential without a right has no table, and an attribute it may not read is no column: the table is empty then,
    the column null, and the build goes on. Rows that the loader only marked as deleted (hard_delete: false) are left
    out.

    name: a table of the source `personio`; columns: name -> DuckDB type, which the values are cast to.
#}
{% macro raw(name, columns) -%}
    {%- set table = load_relation(source('personio', name)) if execute else none -%}
    {%- set present = [] -%}
    {%- if table -%}
        {%- for column in adapter.get_columns_in_relation(table) -%}
            {%- do present.append(column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    select
    {%- for column, type in columns.items() %}
        cast({{ adapter.quote(column) if column in present else 'null' }} as {{ type }}) as {{ adapter.quote(column) }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    {%- if not table %}
    where false
    {%- else %}
    from {{ table }}
        {%- if '_sdc_deleted_at' in present %}
    where _sdc_deleted_at is null
        {%- endif %}
    {%- endif %}
{%- endmacro %}
