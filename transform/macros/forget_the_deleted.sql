{#
    Deletes from the history, after a snapshot, who is not in Personio any more for more than keep_deleted_days.

    If there are no employees at all, something else is wrong, such as the name of a schema, and everything stays.
#}
{% macro forget_the_deleted() -%}
    delete from {{ this }}
    where employee_id not in (select employee_id from {{ ref('employees') }})
        and exists (select 1 from {{ ref('employees') }})
        and employee_id in (
            select employee_id
            from {{ this }}
            group by employee_id
            having max(coalesce(valid_to, now()::timestamp)) <= now()::timestamp - interval {{ var('keep_deleted_days') | int }} day
        )
{%- endmacro %}
