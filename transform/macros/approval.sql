{#
    What a status of an absence means: approved, pending or rejected. Personio's list is open, so an unknown one is
    pending; an absence whose deletion was only asked for still stands.
#}
{% macro approval(status) -%}
    case
        when {{ status }} in ('approved', 'deletion_pending') then 'approved'
        when {{ status }} in ('rejected', 'declined', 'canceled', 'cancelled', 'deleted') then 'rejected'
        else 'pending'
    end
{%- endmacro %}
