{%- set moments = ['updated_at', 'last_modified_at', 'created_at', 'occurred_at'] -%}
{%- set tables = [] -%}
{%- set versions = none -%}
{%- set loads = none -%}
{%- if execute -%}
    {%- for node in graph.sources.values() | sort(attribute='name') if node.source_name == 'personio' -%}
        {%- set table = load_relation(source('personio', node.name)) -%}
        {%- if table -%}
            {%- do tables.append(table) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set versions = adapter.get_relation(target.database, '_singer', 'table_versions') -%}
    {%- set loads = adapter.get_relation(target.database, '_singer', 'loads') -%}
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

{%- if versions %},

versions as (
    select table_name, max(activated_at) as read_whole_at
    from {{ versions }}
    where table_schema = '{{ env_var("DBT_DUCKDB_RAW_SCHEMA", "personio") }}'
    group by table_name
)
{%- endif %}
{%- if loads %},

loads as (
    select table_name, max(committed_at) as loaded_at
    from {{ loads }}
    where finished and table_schema = '{{ env_var("DBT_DUCKDB_RAW_SCHEMA", "personio") }}'
    group by table_name
)
{%- endif %}

select
    counted.table_name,
    counted.row_count,
    {{ 'loads.loaded_at' if loads else 'cast(null as timestamptz)' }} as loaded_at,
    {{ 'versions.read_whole_at' if versions else 'cast(null as timestamptz)' }} as read_whole_at,
    counted.newest_change
from counted
{%- if versions %}
left join versions using (table_name)
{%- endif %}
{%- if loads %}
left join loads using (table_name)
{%- endif %}
