{%- set moments = ['updated_at', 'last_modified_at', 'created_at', 'occurred_at'] -%}
{%- set tables = [] -%}
{%- set versions = none -%}
{%- if execute -%}
    {%- for node in graph.sources.values() | sort(attribute='name') if node.source_name == 'personio' -%}
        {%- set table = load_relation(source('personio', node.name)) -%}
        {%- if table -%}
            {%- do tables.append(table) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set versions = adapter.get_relation(target.database, '_singer', 'table_versions') -%}
{%- endif -%}

with counted as (
    select cast(null as varchar) as table_name, cast(null as bigint) as row_count, cast(null as timestamptz) as newest_change
    where false
    {%- for table in tables %}
    {%- set present = adapter.get_columns_in_relation(table) | map(attribute='name') | list %}
    {%- set moment = moments | select('in', present) | first %}
    union all
    select '{{ table.identifier }}', count(*), {{ 'max(' ~ moment ~ ')' if moment else 'null' }} from {{ table }}
    {%- endfor %}
)

select
    counted.table_name,
    any_value(counted.row_count) as row_count,
    {{ 'max(versions.activated_at)' if versions else 'cast(null as timestamptz)' }} as read_whole_at,
    any_value(counted.newest_change) as newest_change
from counted
{%- if versions %}
left join {{ versions }} as versions
    on counted.table_name = versions.table_name
        and versions.table_schema = '{{ env_var("DBT_DUCKDB_RAW_SCHEMA", "personio") }}'
{%- endif %}
group by counted.table_name
