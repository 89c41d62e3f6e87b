with shares as (
    select id as employee_id, unnest(cost_centers, recursive := true)
    from {{ ref('employee_records') }}
),

names as (
    {{ raw('cost_centers', {'id': 'varchar', 'name': 'varchar'}) }}
)

select
    shares.employee_id,
    shares.id as cost_center_id,
    coalesce(shares.name, names.name) as cost_center_name,
    shares.share as percent
from shares
left join names on shares.id = names.id
