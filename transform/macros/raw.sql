{#
    The rows of a raw table with exactly these columns.

    A credential without a right has no table, and an attribute it may not read is no column: the table is empty then,
    the column null, and the build goes on. Rows that the loader only marked as deleted (hard_delete: false) are left
    out.

    name: a table of the source `personio`; columns: name -> DuckDB type, which the values are cast to; counterpart: the
    table of the other version of the API with the same content: this one counts as empty once it has ended; texts:
    further columns, of type varchar.
#}
{% macro raw(name, columns, counterpart=none, texts=[]) -%}
    {%- for text in texts -%}
        {%- do columns.update({text: 'varchar'}) -%}
    {%- endfor -%}
    {%- set table = load_relation(source('personio', name)) if execute else none -%}
    {%- if table and counterpart and has_ended(name, counterpart) -%}
        {%- set table = none -%}
    {%- endif -%}
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


{#
    Whether a table is not loaded any more although its counterpart is: by the loader's ledger, for three days.

    Its rows would never change again, and who is deleted in Personio would stay.
#}
{% macro has_ended(name, counterpart) -%}
    {%- set loads = adapter.get_relation(target.database, '_singer', 'loads') -%}
    {%- if not loads -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set query -%}
        select max(committed_at) filter (table_name = '{{ counterpart }}') > interval 3 day + coalesce(
            max(committed_at) filter (table_name = '{{ name }}'),
            min(committed_at) filter (table_name = '{{ counterpart }}')
        )
        from {{ loads }}
        where finished and table_schema = '{{ source('personio', name).schema }}'
    {%- endset -%}
    {{ return(run_query(query).columns[0][0] or false) }}
{%- endmacro %}
